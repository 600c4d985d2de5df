//! Files that were taken apart lately: the next question about them costs nothing but the answer.

use model::ObjectId;
use nav::File;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// How much text of files is kept. Taken apart it takes some ten times as much.
const TEXT_BYTES_MAX: usize = 16 << 20;

/// By blob and path: the language, and so the meaning, follows from both.
type Key = (ObjectId, Vec<u8>);

/// Files that were taken apart.
///
/// SECURITY: whoever asks has found the blob under their own rights; what is kept is a function of its content and path.
#[derive(Default)]
pub(crate) struct KeptFiles(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    files: HashMap<Key, Arc<File>>,
    order: VecDeque<Key>,
    n_bytes: usize,
}

impl KeptFiles {
    /// A file that is kept, or else the one that is made now.
    pub(crate) fn get(
        &self,
        blob: ObjectId,
        path: &[u8],
        make: impl FnOnce() -> Option<File>,
    ) -> Option<Arc<File>> {
        let key = (blob, path.to_vec());
        if let Some(file) = self.0.lock().unwrap_or_else(PoisonError::into_inner).files.get(&key) {
            return Some(Arc::clone(file));
        }
        let file = Arc::new(make()?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(key, &file);
        Some(file)
    }
}

impl Kept {
    fn put(&mut self, key: Key, file: &Arc<File>) {
        let n_bytes = file.text.len();
        if n_bytes > TEXT_BYTES_MAX / 4 || self.files.insert(key.clone(), Arc::clone(file)).is_some() {
            return;
        }
        self.order.push_back(key);
        self.n_bytes += n_bytes;
        while self.n_bytes > TEXT_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(file) = self.files.remove(&oldest) {
                self.n_bytes -= file.text.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(n: u8) -> ObjectId {
        ObjectId::from_hex(&format!("{n:02x}").repeat(20)).expect("an id")
    }

    fn file(len: usize) -> File {
        File::new(b"a.txt".to_vec(), "x".repeat(len), None)
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let kept = KeptFiles::default();
        let large = TEXT_BYTES_MAX / 5;
        for n in 0..8 {
            kept.get(blob(n), b"a.txt", || Some(file(large))).expect("a file");
        }
        assert!(kept.get(blob(7), b"a.txt", || None).is_some());
        assert!(kept.get(blob(0), b"a.txt", || None).is_none());
        assert!(kept.get(blob(7), b"b.txt", || None).is_none(), "another path is another file");
        assert!(kept.0.lock().expect("unpoisoned").n_bytes <= TEXT_BYTES_MAX);
    }
}
