//! The file that holds the master keys, where the server made them itself.

use crate::ring::KeyRing;
use crate::vault::VaultError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroizing;

/// Longest file with keys, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Whoever is not the owner may do nothing.
const MODE_REFUSED: u32 = 0o077;

/// Reads the keys; `None` where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<KeyRing>, VaultError> {
    let unreadable = |source| VaultError::Unreadable { path: path.to_path_buf(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    check_mode(path, &file)?;
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    KeyRing::parse(&text)
        .map(Some)
        .map_err(|source| VaultError::Unusable { name: path.display().to_string(), source })
}

/// SECURITY: asked of the open file, so that nobody can put another one in its place in between.
fn check_mode(path: &Path, file: &File) -> Result<(), VaultError> {
    let metadata =
        file.metadata().map_err(|source| VaultError::Unreadable { path: path.to_path_buf(), source })?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & MODE_REFUSED != 0 {
            return Err(VaultError::LaxMode { path: path.to_path_buf(), mode });
        }
    }
    match metadata.is_file() {
        true => Ok(()),
        false => Err(VaultError::NotAFile { path: path.to_path_buf() }),
    }
}

/// Makes the file where there is none. False if there is one by now: another process was faster.
pub(crate) fn create(path: &Path, ring: &KeyRing) -> Result<bool, VaultError> {
    let unwritable = |source| VaultError::Unwritable { path: path.to_path_buf(), source };
    let written = write_beside(path, ring).map_err(unwritable)?;
    // A link fails where the name is taken: of several processes one wins, and no half-written file is ever seen.
    let linked = fs::hard_link(&written, path);
    let _ = fs::remove_file(&written);
    match linked {
        Ok(()) => sync_folder(path).map(|()| true).map_err(unwritable),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unwritable(error)),
    }
}

/// Puts the ring in place of what the file holds. The change is whole or not at all.
pub(crate) fn replace(path: &Path, ring: &KeyRing) -> Result<(), VaultError> {
    let unwritable = |source| VaultError::Unwritable { path: path.to_path_buf(), source };
    let written = write_beside(path, ring).map_err(unwritable)?;
    fs::rename(&written, path).and_then(|()| sync_folder(path)).map_err(unwritable)
}

/// Held while the file is changed, so that of two rotations at once neither loses the other's key.
pub(crate) fn lock(path: &Path) -> Result<File, VaultError> {
    let unwritable = |source| VaultError::Unwritable { path: path.to_path_buf(), source };
    let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
        .open(with_suffix(path, "lock"))
        .map_err(unwritable)?;
    lock.lock().map_err(unwritable)?;
    Ok(lock)
}

fn write_beside(path: &Path, ring: &KeyRing) -> io::Result<PathBuf> {
    static N_WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = N_WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside = with_suffix(path, &format!("{}-{number}.new", std::process::id()));
    // What an interrupted process of the same number left behind.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(OpenOptions::new().create_new(true).write(true)).open(&beside)?;
    file.write_all(ring.to_text().as_bytes())?;
    file.sync_all()?;
    Ok(beside)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
