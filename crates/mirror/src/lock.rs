//! One server per data directory.

use crate::DataDir;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;

/// Held while a server works on a data directory. The operating system lets go of it when the process ends, however it
/// ends, so a lock is never stale.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Why the data directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error(
        "another sourcekeep ({}) is running on '{}'; add repositories to it with `sourcekeep repo add`, or stop it, or use another directory with --data",
        pid.map_or("process unknown".to_string(), |pid| format!("process {pid}")), data.display()
    )]
    Held {
        /// The process that holds it, where it wrote that down.
        pid: Option<u32>,
        /// The data directory.
        data: PathBuf,
    },
    /// The lock file cannot be opened or locked.
    #[error("cannot lock '{}': {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl DataLock {
    /// Takes the lock, or says who has it.
    pub fn acquire(data: &DataDir) -> Result<Self, LockError> {
        let path = data.lock();
        let failed = |source| LockError::Io { path: data.lock(), source };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { pid: read_pid(&mut file), data: data.root().to_path_buf() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(DataLock { _file: file })
    }

    /// Whether a server is running on this data directory. A directory that was never locked has none.
    pub fn is_held(data: &DataDir) -> bool {
        match OpenOptions::new().read(true).open(data.lock()) {
            Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        }
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    file.flush()
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(dir.path().join("data")).unwrap();
        assert!(!DataLock::is_held(&data));
        let first = DataLock::acquire(&data).unwrap();
        assert!(DataLock::is_held(&data));
        match DataLock::acquire(&data) {
            Err(LockError::Held { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        assert!(!DataLock::is_held(&data));
        DataLock::acquire(&data).unwrap();
    }
}
