//! Who last changed each line of a file: read from git for its page and for the API, and kept for the next time.

use crate::browse::Content;
use crate::failure::Failure;
use crate::kept::Kept;
use crate::links::RepoAddress;
use crate::readable::Readable;
use git::{Blame, BlameAsked, BlameError, BlameLimits, EntryKind};
use model::{ObjectId, RepoId};
use search::Watch;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use store::Repository;

/// Largest version of a file that is compared.
pub(crate) const SIZE_BYTES_MAX: u64 = 8 << 20;
/// Most lines of a file that is looked at.
const N_LINES_MAX: usize = 200_000;
/// Where a repository names commits that are looked through, and how much of it is read.
const IGNORED_PATH: &[u8] = b".git-blame-ignore-revs";
const IGNORED_BYTES_MAX: u64 = 1 << 20;
const N_IGNORED_MAX: usize = 10_000;
/// Memory of what is kept.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// What is told of a file's lines.
pub(crate) enum BlameFound {
    Lines(Box<BlameView>),
    /// There is a folder.
    Folder,
    /// There is something without lines.
    NotText,
    /// It is larger than what is looked at.
    TooLarge,
    /// The repository has no commit yet.
    Nothing,
}

/// A file and where its lines come from.
pub(crate) struct BlameView {
    pub(crate) commit: ObjectId,
    pub(crate) text: String,
    pub(crate) kept: Arc<KeptBlame>,
}

/// What is kept of a file's lines.
pub(crate) struct KeptBlame {
    pub(crate) blame: Blame,
    pub(crate) commits: HashMap<ObjectId, BlamedCommit>,
    /// How many commits are looked through.
    pub(crate) n_ignored: usize,
}

/// A commit as it stands beside its lines.
pub(crate) struct BlamedCommit {
    pub(crate) subject: String,
    pub(crate) author: String,
    pub(crate) email: String,
    pub(crate) seconds: i64,
    pub(crate) offset_seconds: i32,
}

/// Repository, commit, path.
pub(crate) type Key = (RepoId, ObjectId, Vec<u8>);

/// Answers of the last pages.
///
/// SECURITY: asked only after [`Readable::whole`] said that the caller may read all of the repository; an answer depends on
/// nothing else than the commit and the path.
pub(crate) type BlameCache = Kept<Key, KeptBlame>;

/// None yet.
pub(crate) fn kept_blames() -> BlameCache {
    Kept::new(KEPT_BYTES_MAX, KeptBlame::size_bytes)
}

impl KeptBlame {
    /// About how much memory it takes.
    fn size_bytes(&self) -> usize {
        let of_commits: usize = self
            .commits
            .values()
            .map(|commit| 160 + commit.subject.len() + commit.author.len() + commit.email.len())
            .sum();
        1024 + self.blame.runs.len() * size_of::<git::BlameRun>() + of_commits
    }
}

impl BlameView {
    /// Reads it, or takes it from what is kept. Blocks; the watch says when nobody waits for it any more.
    pub(crate) fn read(
        repository: &Readable,
        row: &Repository,
        address: &RepoAddress,
        cache: &BlameCache,
        watch: &Watch,
    ) -> Result<BlameFound, Failure> {
        // SECURITY: lines come from commits that a reader of a part may not know of.
        let whole = repository.whole()?;
        let Some(spot) = repository.locate(row, address)? else { return Ok(BlameFound::Nothing) };
        match spot.kind {
            EntryKind::Tree => return Ok(BlameFound::Folder),
            EntryKind::Submodule => return Ok(BlameFound::NotText),
            EntryKind::File | EntryKind::Executable | EntryKind::Symlink => {}
        }
        let bytes = match repository.content(spot.id, SIZE_BYTES_MAX) {
            Content::Bytes(bytes) => bytes,
            Content::TooLarge(_) => return Ok(BlameFound::TooLarge),
            Content::Unreadable => return Ok(BlameFound::NotText),
        };
        let Some(text) = to_text(&bytes) else { return Ok(BlameFound::NotText) };
        if text.iter().filter(|byte| **byte == b'\n').count() > N_LINES_MAX {
            return Ok(BlameFound::TooLarge);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let key = (row.id, spot.commit, address.path.clone());
        let kept = match cache.get(&key) {
            Some(kept) => kept,
            None => match made(repository, whole, spot.commit, &address.path, watch)? {
                Some(kept) => {
                    let kept = Arc::new(kept);
                    if !kept.blame.is_cut {
                        cache.put(key, &kept);
                    }
                    kept
                }
                None => return Ok(BlameFound::NotText),
            },
        };
        Ok(BlameFound::Lines(Box::new(BlameView { commit: spot.commit, text, kept })))
    }
}

fn made(
    repository: &Readable,
    whole: &git::Repository,
    tip: ObjectId,
    path: &[u8],
    watch: &Watch,
) -> Result<Option<KeptBlame>, Failure> {
    let ignored = ignored(repository, tip);
    let reader = whole.reader();
    let limits = BlameLimits::default();
    let asked = BlameAsked { tip, path, size_bytes_max: SIZE_BYTES_MAX, ignored: &ignored, limits };
    let blame = match reader.blame(&asked, &to_text, &|| watch.stop().is_some()) {
        Ok(blame) => blame,
        Err(BlameError::NotText) => return Ok(None),
        Err(error) => return Err(Failure::internal(error)),
    };
    let mut commits = HashMap::new();
    for id in blame.runs.iter().map(|run| run.commit).collect::<HashSet<_>>() {
        let Ok(commit) = reader.commit(id) else { continue };
        let cut = |text: &str, n_chars: usize| text.chars().take(n_chars).collect::<String>();
        let told = BlamedCommit {
            subject: cut(commit.subject(), 200),
            author: cut(&commit.author.name, 100),
            email: cut(&commit.author.email, 200),
            seconds: commit.author.seconds,
            offset_seconds: commit.author.offset_seconds,
        };
        commits.insert(id, told);
    }
    Ok(Some(KeptBlame { blame, commits, n_ignored: ignored.len() }))
}

/// The commits that the repository wants to be looked through.
fn ignored(repository: &Readable, tip: ObjectId) -> HashSet<ObjectId> {
    let Ok(spot) = repository.at(tip, IGNORED_PATH) else { return HashSet::new() };
    let is_file = matches!(spot.kind, EntryKind::File | EntryKind::Executable);
    match repository.content(spot.id, IGNORED_BYTES_MAX) {
        Content::Bytes(bytes) if is_file => ids_of(&bytes),
        _ => HashSet::new(),
    }
}

/// One id a line; `#` begins what is said of it.
fn ids_of(bytes: &[u8]) -> HashSet<ObjectId> {
    let text = String::from_utf8_lossy(bytes);
    let ids = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    ids.filter_map(|id| ObjectId::from_hex(id).ok()).take(N_IGNORED_MAX).collect()
}

/// Most texts are UTF-8 and are compared as they are.
fn to_text(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok() {
        return Some(bytes.to_vec());
    }
    let limits = syntax::DecodeLimits { size_bytes_max: SIZE_BYTES_MAX as usize };
    match syntax::decode(bytes, &limits) {
        syntax::Decoded::Text { utf8, .. } => Some(utf8.into_owned().into_bytes()),
        syntax::Decoded::Skipped(_) => None,
    }
}

/// How old a line is, from 0 (today) to 9 (many years), on a logarithmic scale: each step is about two and a half times as
/// long as the one before.
pub(crate) fn age(now_seconds: i64, then_seconds: i64) -> usize {
    const DAYS: [i64; 9] = [1, 3, 7, 21, 60, 180, 400, 1_000, 2_500];
    let days = now_seconds.saturating_sub(then_seconds) / 86_400;
    DAYS.partition_point(|bound| days >= *bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_by_their_order_of_magnitude() {
        let of = |days: i64| age(0, -days * 86_400);
        assert_eq!([-5, 0, 1, 6, 30, 365, 10_000].map(of), [0, 0, 1, 2, 4, 6, 9]);
        assert_eq!((age(i64::MAX, i64::MIN), age(i64::MIN, i64::MAX)), (9, 0));
    }

    #[test]
    fn commits_to_look_through_are_read_from_a_list() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let ids = ids_of(format!("# formatted\n{id} # all\n\nnothing\n{}\n", &id[..12]).as_bytes());
        assert_eq!(ids.len(), 1);
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let cache = kept_blames();
        let blame = |n: usize| {
            let run = git::BlameRun {
                lines: 0..1,
                commit: ObjectId::NULL,
                line_there: 0,
                path: 0,
                before: None,
                is_through: false,
                is_unsure: false,
            };
            let blame = Blame { runs: vec![run; n], ..Blame::default() };
            Arc::new(KeptBlame { blame, commits: HashMap::new(), n_ignored: 0 })
        };
        let key = |n: u8| (RepoId(1), ObjectId::NULL, vec![n]);
        for n in 0..6 {
            cache.put(key(n), &blame(100_000));
        }
        assert!(cache.get(&key(0)).is_none() && cache.get(&key(5)).is_some());
        cache.put(key(9), &blame(10_000_000));
        assert!(cache.get(&key(9)).is_none(), "what is larger than all there is room for is not kept");
    }
}
