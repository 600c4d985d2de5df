//! Receiving uploads, and removing what was made of them.

use crate::retention::Keeping;
use crate::waiting::{Full, Waiting};
use access::Clock;
use access::audit::Origin;
use model::RepoId;
use precise::{IngestLimits, Precise};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{CreatePreciseError, Fault, NewPrecise, PreciseId, PreciseIndex, Repository, Store};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// What uploads may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimits {
    /// Most bytes of one upload, as they are sent.
    pub upload_bytes_max: u64,
    /// Most bytes of everything that was sent and is not taken in yet.
    pub waiting_bytes_max: u64,
    /// Most parts of one upload.
    pub n_parts_max: u32,
    /// Most uploads of one repository that are on their way.
    pub n_unfinished_max: u64,
    /// Most bodies that are received at the same time.
    pub n_receiving_max: usize,
    /// For how long an upload in parts may go on.
    pub receive_for: Duration,
    /// For how long a failed upload is shown.
    pub show_failed_for: Duration,
    /// For how long one index may be taken in.
    pub ingest_for: Duration,
    /// What an index may hold.
    pub ingest: IngestLimits,
    /// What is kept.
    pub keeping: Keeping,
}

impl Default for UploadLimits {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        UploadLimits {
            upload_bytes_max: 4 << 30,
            waiting_bytes_max: 16 << 30,
            n_parts_max: 1_000,
            n_unfinished_max: 50,
            n_receiving_max: 16,
            receive_for: DAY,
            show_failed_for: DAY * 30,
            ingest_for: Duration::from_secs(3600),
            ingest: IngestLimits::default(),
            keeping: Keeping::default(),
        }
    }
}

/// Opens a repository's objects. Blocks. `None` where they cannot be read now.
pub type OpenRepository = Arc<dyn Fn(&Repository) -> Option<git::Repository> + Send + Sync>;

/// What uploads work with.
#[derive(Clone)]
pub struct UploadOptions {
    /// Rows and jobs.
    pub store: Store,
    /// Where the files are; made where it is missing.
    pub folder: PathBuf,
    /// Opens repositories, for the rules of retention.
    pub open: OpenRepository,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What they may take.
    pub limits: UploadLimits,
}

/// The uploads of an instance, and the indexes that came of them. Cloning shares them.
#[derive(Clone)]
pub struct Uploads {
    pub(crate) shared: Arc<Shared>,
    /// The store, acting for whoever asks.
    store: Store,
}

pub(crate) struct Shared {
    pub(crate) options: UploadOptions,
    pub(crate) precise: Arc<Precise>,
    /// Rung when an upload is whole.
    pub(crate) bell: Notify,
    receiving: Arc<Semaphore>,
    pub(crate) waiting: Waiting,
}

/// Why an upload was not received.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// More than one upload may have.
    #[error(
        "the upload has more than {bytes_max} bytes: index parts of the repository, and upload each with its root="
    )]
    TooLarge {
        /// What it may have.
        bytes_max: u64,
    },
    /// Too many are being received, or too much waits.
    #[error("the server receives as many uploads as it may at once: try again in a minute")]
    Busy,
    /// No room on the disk.
    #[error(
        "the server's disk is full: make room in its data directory, or lower what is kept, and upload again"
    )]
    DiskFull,
    /// There is no such part, or parts are missing.
    #[error("{what}")]
    Parts {
        /// What is wrong.
        what: String,
    },
    /// The upload is not being sent (any more).
    #[error("this upload is not being sent any more: begin a new one")]
    NotReceiving,
    /// The file cannot be written.
    #[error("the upload cannot be kept: {source}")]
    Io {
        /// What the operating system said.
        source: io::Error,
    },
    /// The row cannot be made.
    #[error(transparent)]
    Create(#[from] CreatePreciseError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl From<io::Error> for UploadError {
    fn from(source: io::Error) -> Self {
        match is_full(&source) {
            true => UploadError::DiskFull,
            false => UploadError::Io { source },
        }
    }
}

/// Whether there is no room: the disk, the account's quota, or the largest file of this system.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Bytes that are being received. Dropped before it is placed, it leaves nothing behind.
pub struct Part {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    size_bytes: u64,
    /// The upload it is a part of, where that has a number.
    of: Option<PreciseId>,
    shared: Arc<Shared>,
    is_placed: bool,
    _permit: OwnedSemaphorePermit,
}

impl Part {
    /// Adds bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let (limits, n_bytes) = (&self.shared.options.limits, bytes.len() as u64);
        let too_large = UploadError::TooLarge { bytes_max: limits.upload_bytes_max };
        if self.size_bytes.saturating_add(n_bytes) > limits.upload_bytes_max {
            return Err(too_large);
        }
        // Counted before they are written: others that are received just now count theirs as well.
        match self.shared.waiting.grow(&self.shared.incoming(), self.of, n_bytes) {
            Err(Full::One) => return Err(too_large),
            Err(Full::All) => return Err(UploadError::Busy),
            Ok(()) => self.size_bytes += n_bytes,
        }
        self.buffer.extend_from_slice(bytes);
        match self.buffer.len() >= BUFFER_BYTES {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), UploadError> {
        self.file.write_all(&self.buffer).await?;
        self.buffer.clear();
        // The write goes on in the background: its error is told by the flush.
        Ok(self.file.flush().await?)
    }

    async fn place(mut self, path: &Path) -> Result<(), UploadError> {
        self.flush().await?;
        self.file.sync_all().await?;
        let replaced = tokio::fs::metadata(path).await.map_or(0, |about| about.len());
        tokio::fs::rename(&self.path, path).await?;
        self.is_placed = true;
        self.shared.waiting.shrink(self.of, replaced);
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_placed {
            remove_file(&self.path);
            self.shared.waiting.shrink(self.of, self.size_bytes);
        }
    }
}

impl Uploads {
    /// The uploads in a folder.
    pub fn new(options: UploadOptions) -> Self {
        let store = options.store.clone();
        let precise = Arc::new(Precise::new(&options.folder));
        let receiving = Arc::new(Semaphore::new(options.limits.n_receiving_max));
        let waiting = Waiting::new(options.limits.waiting_bytes_max, options.limits.upload_bytes_max);
        let shared = Shared { options, precise, bell: Notify::new(), receiving, waiting };
        Uploads { shared: Arc::new(shared), store }
    }

    /// The same, acting for somebody.
    pub fn by(&self, origin: Origin) -> Self {
        Uploads { shared: Arc::clone(&self.shared), store: self.store.by(origin) }
    }

    /// What answers from the indexes.
    pub fn precise(&self) -> &Arc<Precise> {
        &self.shared.precise
    }

    /// What uploads may take.
    pub fn limits(&self) -> &UploadLimits {
        &self.shared.options.limits
    }

    /// A place for bytes that are about to come: of a whole upload, or of a part of this one.
    pub async fn receive(&self, part_of: Option<&PreciseIndex>) -> Result<Part, UploadError> {
        let permit = Arc::clone(&self.shared.receiving).try_acquire_owned();
        let permit = permit.map_err(|_| UploadError::Busy)?;
        let folder = self.shared.incoming();
        make_private(&folder)?;
        let of = part_of.map(|upload| upload.id);
        // A byte more has to have room, or nothing need be sent.
        if self.shared.waiting.grow(&folder, None, 1).is_err() {
            return Err(UploadError::Busy);
        }
        self.shared.waiting.shrink(None, 1);
        let path = folder.join(format!("{}.tmp", uuid::Uuid::new_v4()));
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&path).await?;
        Ok(Part {
            file,
            path,
            buffer: Vec::new(),
            size_bytes: 0,
            of,
            shared: Arc::clone(&self.shared),
            is_placed: false,
            _permit: permit,
        })
    }

    /// A whole upload: noted, and put into the queue.
    pub async fn whole(&self, new: NewPrecise, part: Part) -> Result<PreciseId, UploadError> {
        if part.size_bytes == 0 {
            return Err(UploadError::Parts { what: "the body is empty: send the index as the body".into() });
        }
        let id = self.begin(NewPrecise { n_parts: 1, ..new }).await?;
        let size_bytes = part.size_bytes;
        part.place(&self.shared.part(id, 0)).await?;
        self.shared.waiting.name(id, size_bytes);
        self.store.queue_precise(id, size_bytes).await?;
        self.shared.bell.notify_one();
        Ok(id)
    }

    /// Notes an upload whose parts will come.
    pub async fn begin(&self, new: NewPrecise) -> Result<PreciseId, UploadError> {
        let n_parts_max = self.limits().n_parts_max;
        if !(1..=n_parts_max).contains(&new.n_parts) {
            let what = format!("numParts must be from 1 to {n_parts_max}");
            return Err(UploadError::Parts { what });
        }
        Ok(self.store.create_precise(new, self.limits().n_unfinished_max).await?)
    }

    /// Keeps a part. Sent again, it takes the place of what was sent before.
    pub async fn place(&self, upload: &PreciseIndex, index: u32, part: Part) -> Result<(), UploadError> {
        if upload.state != store::PreciseState::Receiving {
            return Err(UploadError::NotReceiving);
        }
        if index >= upload.n_parts {
            let what = format!("index must be below {}, as numParts said", upload.n_parts);
            return Err(UploadError::Parts { what });
        }
        part.place(&self.shared.part(upload.id, index)).await
    }

    /// All parts are there: they wait to be taken in. Said again, it changes nothing.
    pub async fn done(&self, upload: &PreciseIndex) -> Result<(), UploadError> {
        if upload.state != store::PreciseState::Receiving {
            return Ok(());
        }
        let mut size_bytes = 0;
        for index in 0..upload.n_parts {
            match tokio::fs::metadata(self.shared.part(upload.id, index)).await {
                Ok(about) => size_bytes += about.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(UploadError::Parts { what: format!("part {index} is missing") });
                }
                Err(error) => return Err(error.into()),
            }
        }
        if size_bytes > self.limits().upload_bytes_max {
            return Err(UploadError::TooLarge { bytes_max: self.limits().upload_bytes_max });
        }
        if self.store.queue_precise(upload.id, size_bytes).await? {
            self.shared.bell.notify_one();
        }
        Ok(())
    }

    /// Removes an index and what belongs to it. False where there is none.
    pub async fn remove(&self, repo: RepoId, id: PreciseId) -> Result<bool, Fault> {
        let is_removed = self.store.remove_precise(repo, id).await?;
        if is_removed {
            self.shared.remove_files(id);
        }
        Ok(is_removed)
    }
}

impl Shared {
    /// What was sent and is not taken in.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.options.folder.join("incoming")
    }

    pub(crate) fn part(&self, id: PreciseId, index: u32) -> PathBuf {
        self.incoming().join(format!("{id}.{index}.part"))
    }

    /// Deletes everything of an index. Whoever reads it has it open still.
    pub(crate) fn remove_files(&self, id: PreciseId) {
        let name = id.to_string();
        self.precise.forget(&name);
        remove_file(&self.precise.path_of(&name));
        self.remove_parts(id);
    }

    pub(crate) fn remove_parts(&self, id: PreciseId) {
        let prefix = format!("{id}.");
        let Ok(entries) = std::fs::read_dir(self.incoming()) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                self.waiting.remove(&entry);
            }
        }
    }
}

/// Deletes a file; tells whether it was there and is not any more.
pub(crate) fn remove_file(path: &Path) -> bool {
    match std::fs::remove_file(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file of a precise index cannot be deleted");
            false
        }
    }
}

/// SECURITY: an index holds code and its documentation; nobody but the server's account may read it.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ObjectId;
    use store::{PreciseCounts, PreciseState};

    async fn uploads(limits: UploadLimits) -> (tempfile::TempDir, Uploads) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&store::StoreUrl::file(dir.path().join("db"))).await.unwrap();
        let folder = dir.path().join("precise");
        let clock = Arc::new(access::SystemClock);
        (dir, Uploads::new(UploadOptions { store, folder, open: Arc::new(|_| None), clock, limits }))
    }

    fn upload(id: u64) -> PreciseIndex {
        PreciseIndex {
            id: PreciseId(id),
            repo: RepoId(1),
            commit: ObjectId([1; 20]),
            root: String::new(),
            indexer: String::new(),
            indexer_version: String::new(),
            state: PreciseState::Receiving,
            n_parts: 40,
            counts: PreciseCounts::default(),
            error: None,
            uploaded_by: None,
            created_at: access::Timestamp(0),
            finished_at: None,
        }
    }

    fn on_disk(uploads: &Uploads) -> u64 {
        let entries = std::fs::read_dir(uploads.shared.incoming()).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }

    /// Sends parts of 100 bytes, all at the same time; tells how many were kept and why the others were not.
    async fn send(uploads: &Uploads, parts: impl Iterator<Item = (u64, u32)>) -> (usize, Vec<UploadError>) {
        let mut sending = tokio::task::JoinSet::new();
        for (id, index) in parts {
            let uploads = uploads.clone();
            sending.spawn(async move {
                let upload = upload(id);
                let mut part = uploads.receive(Some(&upload)).await?;
                for _ in 0..10 {
                    part.write(&[7; 10]).await?;
                    tokio::task::yield_now().await;
                }
                uploads.place(&upload, index, part).await
            });
        }
        let (mut n_kept, mut refused) = (0, Vec::new());
        while let Some(ended) = sending.join_next().await {
            match ended.unwrap() {
                Ok(()) => n_kept += 1,
                Err(error) => refused.push(error),
            }
        }
        (n_kept, refused)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn bounds_hold_whatever_is_sent_at_once() {
        let bounds = UploadLimits { n_receiving_max: 64, ..UploadLimits::default() };
        let limits = UploadLimits { waiting_bytes_max: 1_000, ..bounds };
        let (_dir, all) = uploads(limits).await;
        let (n_kept, refused) = send(&all, (0..40).map(|n| (n + 1, 0))).await;
        assert!(on_disk(&all) <= 1_000 && on_disk(&all) == 100 * n_kept as u64, "{}", on_disk(&all));
        assert!(
            n_kept + refused.len() == 40 && refused.iter().all(|error| matches!(error, UploadError::Busy))
        );
        assert_eq!(all.shared.waiting.all(), on_disk(&all), "what was refused is not counted");
        (1..=40).for_each(|id| all.shared.remove_files(PreciseId(id)));
        assert_eq!((all.shared.waiting.all(), on_disk(&all)), (0, 0));
        assert_eq!(send(&all, (0..10).map(|n| (n + 1, 0))).await.0, 10, "there is room again");
        // Begun again, it knows what waits.
        let again = Uploads::new(all.shared.options.clone());
        assert!(matches!(again.receive(None).await, Err(UploadError::Busy)));

        let (_dir, one) = uploads(UploadLimits { upload_bytes_max: 500, ..bounds }).await;
        let (n_kept, refused) = send(&one, (0..40).map(|n| (9, n))).await;
        assert!(on_disk(&one) <= 500 && n_kept <= 5, "{n_kept} parts, {} bytes", on_disk(&one));
        assert!(refused.iter().all(|error| matches!(error, UploadError::TooLarge { bytes_max: 500 })));
        one.shared.remove_files(PreciseId(9));
        for _ in 0..5 {
            assert_eq!(send(&one, [(9, 0)].into_iter()).await.0, 1);
        }
        assert_eq!((one.shared.waiting.all(), on_disk(&one)), (100, 100), "the same part again");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_said() {
        let (_dir, uploads) = uploads(UploadLimits::default()).await;
        let mut part = uploads.receive(None).await.unwrap();
        part.file = tokio::fs::OpenOptions::new().write(true).open("/dev/full").await.unwrap();
        let written = part.write(&vec![1; BUFFER_BYTES]).await;
        assert!(matches!(written, Err(UploadError::DiskFull)), "{written:?}");
    }
}
