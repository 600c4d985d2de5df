//! How many bytes wait to be taken in, of all uploads and of each: counted before they are written, so that the bounds hold
//! whatever is sent at the same moment.

use std::collections::HashMap;
use std::fs::DirEntry;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use store::PreciseId;

/// The bytes of what was sent and is not taken in.
#[derive(Debug)]
pub(crate) struct Waiting {
    all_max: u64,
    one_max: u64,
    /// `None` until the folder was looked at.
    counted: Mutex<Option<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    all: u64,
    by_upload: HashMap<PreciseId, u64>,
}

/// Which bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// One upload has as much as it may.
    One,
    /// All of them together have.
    All,
}

impl Waiting {
    pub(crate) fn new(all_max: u64, one_max: u64) -> Self {
        Waiting { all_max, one_max, counted: Mutex::new(None) }
    }

    /// Counts bytes of an upload (`None`: of one that has no number yet) that are about to be written, if there is room.
    pub(crate) fn grow(&self, folder: &Path, of: Option<PreciseId>, n_bytes: u64) -> Result<(), Full> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counted.get_or_insert_with(|| Counted::of(folder));
        let one = of.map_or(0, |id| counted.by_upload.get(&id).copied().unwrap_or(0));
        if one.saturating_add(n_bytes) > self.one_max {
            return Err(Full::One);
        }
        if counted.all.saturating_add(n_bytes) > self.all_max {
            return Err(Full::All);
        }
        counted.all += n_bytes;
        if let Some(id) = of {
            counted.by_upload.insert(id, one + n_bytes);
        }
        Ok(())
    }

    /// Bytes that were counted are gone.
    pub(crate) fn shrink(&self, of: Option<PreciseId>, n_bytes: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        // What was not counted yet will be counted as it is then.
        let Some(counted) = counted.as_mut() else { return };
        counted.all = counted.all.saturating_sub(n_bytes);
        if let Some(id) = of
            && let Some(one) = counted.by_upload.get_mut(&id)
        {
            *one = one.saturating_sub(n_bytes);
            if *one == 0 {
                counted.by_upload.remove(&id);
            }
        }
    }

    /// Bytes without a number belong to this upload from now on.
    pub(crate) fn name(&self, id: PreciseId, n_bytes: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = counted.as_mut() {
            *counted.by_upload.entry(id).or_default() += n_bytes;
        }
    }

    /// Deletes a file of the folder, whose bytes were counted.
    pub(crate) fn remove(&self, entry: &DirEntry) {
        let n_bytes = entry.metadata().map_or(0, |about| about.len());
        let is_gone = crate::uploads::remove_file(&entry.path());
        if is_gone {
            self.shrink(owner(entry), n_bytes);
        }
    }

    #[cfg(test)]
    pub(crate) fn all(&self) -> u64 {
        self.counted.lock().unwrap().as_ref().map_or(0, |counted| counted.all)
    }
}

impl Counted {
    /// What a process that ended left there. Nothing of this process is there yet.
    fn of(folder: &Path) -> Counted {
        let mut counted = Counted::default();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let n_bytes = entry.metadata().map_or(0, |about| about.len());
            counted.all += n_bytes;
            if let Some(id) = owner(&entry) {
                *counted.by_upload.entry(id).or_default() += n_bytes;
            }
        }
        counted
    }
}

fn owner(entry: &DirEntry) -> Option<PreciseId> {
    entry.file_name().to_str().and_then(|name| name.split('.').next()).and_then(PreciseId::parse)
}
