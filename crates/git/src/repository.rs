//! A repository on disk, opened for reading only.

use crate::{
    OpenError, Reader,
    gitdir::{self, GitDir},
};
use std::{
    fmt,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Most memory that decoding one object may take. The working buffer holds base, result and the deltas between, so this
/// admits blobs and trees up to about 100 MB, ten times the largest that is ever asked for.
const OBJECT_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Measured on the Linux source (78,635 blobs, 1.2 GB, in one pack, read in path order): 1.9 s of processor time; without a
/// cache 2.7 s, with 16 MiB 2.1 s, with 256 MiB 1.9 s.
const PACK_CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Packs that may come while a repository is open, beside those it has. A mirror rolls its packs up at 40, a repository of
/// somebody's own rarely passes 50.
const PACK_SLOTS_MIN: usize = 256;

/// How much of a `description` file is read.
const DESCRIPTION_BYTES_MAX: u64 = 4096;
/// How the description begins that `git init` writes (git, `templates/this--description`).
const DESCRIPTION_PLACEHOLDER: &str = "Unnamed repository; edit this file";

/// How a repository is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Folders the operator named. `.git` files, alternates and links of the repository may lead to places below the
    /// repository itself or below these (or, for a `.git` file, to a repository that names it back as its work tree), and
    /// nowhere else. Empty is right for mirrors.
    pub within: Vec<PathBuf>,
    /// Most memory one object's decoding may take, in bytes: where delta bombs end.
    pub object_memory_bytes_max: usize,
    /// Memory of each reader's cache of delta bases, in bytes.
    pub pack_cache_bytes: usize,
}

/// A repository opened for reading, whoever owns its files: nothing of it is executed and its configuration is only read for
/// the format. Cheap to clone and shared between threads; each thread takes its own [`Reader`].
///
/// Objects that appear later (by a fetch) are found; refs are read anew at each call.
#[derive(Clone)]
pub struct Repository {
    inner: gix::ThreadSafeRepository,
    git_dir: GitDir,
}

impl Repository {
    /// Opens a bare repository, a work tree or a linked work tree in place.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        let git_dir = gitdir::locate(path, &options.within)?;
        let inner = open_isolated(path, &git_dir, options)?;
        Ok(Repository { inner, git_dir })
    }

    /// A reader of objects for one thread.
    pub fn reader(&self) -> Reader {
        Reader::new(self.local())
    }

    /// The folder that holds objects and refs, canonical: equal for all work trees of one repository.
    pub fn common_dir(&self) -> &Path {
        &self.git_dir.common_dir
    }

    /// The folder that holds HEAD.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir.git_dir
    }

    /// What the repository says of itself in git's `description` file, on one line; `None` where there is nothing but git's
    /// own placeholder, or what stands there is not a small text.
    pub fn description(&self) -> Option<String> {
        let path = self.git_dir.common_dir.join("description");
        // SECURITY: a link may lead anywhere, and nothing outside the repository is read.
        let is_file = std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        let file = std::fs::File::open(&path).ok().filter(|_| is_file)?;
        let mut text = String::new();
        file.take(DESCRIPTION_BYTES_MAX).read_to_string(&mut text).ok()?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        (!text.is_empty() && !text.starts_with(DESCRIPTION_PLACEHOLDER)).then_some(text)
    }

    pub(crate) fn local(&self) -> gix::Repository {
        self.inner.to_thread_local()
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            within: Vec::new(),
            object_memory_bytes_max: OBJECT_MEMORY_BYTES_MAX,
            pack_cache_bytes: PACK_CACHE_BYTES,
        }
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Repository").field("git_dir", &self.git_dir).finish_non_exhaustive()
    }
}

/// SECURITY: isolated means no system, user or environment configuration and no includes; reduced trust means that of the
/// repository's own configuration only its format is obeyed. Replace refs are off: an id is the content it names.
fn open_isolated(
    path: &Path,
    git_dir: &GitDir,
    options: &OpenOptions,
) -> Result<gix::ThreadSafeRepository, OpenError> {
    let overrides = [
        "core.useReplaceRefs=false".to_owned(),
        format!("gitoxide.objects.allocLimit={}", options.object_memory_bytes_max),
        format!("core.deltaBaseCacheLimit={}", options.pack_cache_bytes),
    ];
    let library_options = gix::open::Options::isolated()
        .with(gix::sec::Trust::Reduced)
        .open_path_as_is(true)
        .object_store_slots(gix::odb::store::init::Slots::AsNeededByDiskState {
            multiplier: 2.0,
            minimum: PACK_SLOTS_MIN,
        })
        .config_overrides(overrides);
    let damaged = |reason: String| OpenError::Damaged { path: path.to_owned(), reason };
    let opened = crate::object::shielded(|| library_options.open(git_dir.git_dir.clone()))
        .map_err(|panicked| damaged(panicked.to_owned()))?;
    let config = |repository: &gix::ThreadSafeRepository, key: &str| {
        repository.to_thread_local().config_snapshot().string(key).map(|value| value.to_string())
    };
    let repository = opened.map_err(|error| {
        let reason = crate::object::describe(&error);
        match reason.contains("sha256") || reason.contains("object format") || reason.contains("objectFormat")
        {
            true => OpenError::Unsupported {
                path: path.to_owned(),
                what: "an object format other than SHA-1".into(),
            },
            false => damaged(reason),
        }
    })?;
    match config(&repository, "extensions.refStorage") {
        Some(storage) if !storage.eq_ignore_ascii_case("files") => {
            let what =
                format!("the ref storage '{}'", storage.chars().take(20).collect::<String>().escape_debug());
            Err(OpenError::Unsupported { path: path.to_owned(), what })
        }
        _ => Ok(repository),
    }
}
