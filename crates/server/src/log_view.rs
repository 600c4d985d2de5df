//! A page of the history of a path, read from git for its page and for the API.

use crate::failure::Failure;
use crate::links::{RepoAddress, query_value};
use crate::readable::Readable;
use git::{ChangedFile, EntryKind, FileChangeKind, FileDiff, LogAsked, LogEntry, LogFilter, Reader};
use model::ObjectId;
use search::Watch;
use std::time::Duration;
use store::Repository;

/// How many commits a page holds where nothing is said, and at most.
const N_PAGE: usize = 50;
const N_PAGE_MAX: usize = 500;
/// How long a page may take: a path that changed twice in a million commits.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(10);
/// Lines are counted in so many bytes of files for one page, the same for everybody; the commits after that go without.
const COMPARED_BYTES_MAX: usize = 24 << 20;
/// Largest side of a file that is compared.
const SIDE_BYTES_MAX: u64 = 1 << 20;
/// Of a commit, how many files are counted.
const N_FILES_MAX: usize = 300;

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogWanted {
    /// Where the page before began, and how many commits it and those before it told.
    pub(crate) cursor: Option<(ObjectId, usize)>,
    pub(crate) limit: usize,
    pub(crate) filter: LogFilter,
    /// The filter as it was written, to be shown again.
    pub(crate) author: String,
    pub(crate) since: String,
    pub(crate) until: String,
}

/// A page of the history of a path.
pub(crate) struct LogView {
    /// Where it begins.
    pub(crate) tip: ObjectId,
    /// What stands there at this commit; `None` where it is gone.
    pub(crate) kind: Option<EntryKind>,
    pub(crate) rows: Vec<LogRow>,
    /// What to send as `cursor` for the next page.
    pub(crate) next: Option<String>,
    /// What is not shown, in sentences.
    pub(crate) left_out: Vec<String>,
}

/// A commit.
pub(crate) struct LogRow {
    pub(crate) entry: LogEntry,
    /// What it changed at this path; `None` where that was not counted.
    pub(crate) counted: Option<Counted>,
}

/// How much changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) n_files: usize,
    pub(crate) n_added: usize,
    pub(crate) n_removed: usize,
    /// Whether there are files beside those that were counted.
    pub(crate) is_part: bool,
}

impl LogWanted {
    pub(crate) fn read(query: Option<&str>) -> Result<Self, Failure> {
        let text = |key| {
            let value = query_value(query, key).and_then(|value| String::from_utf8(value).ok());
            value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let day = |key| match text(key) {
            None => Ok(None),
            Some(day) => match seconds_of(&day) {
                Some(seconds) => Ok(Some(seconds)),
                None => Err(Failure::BadRequest(format!("{key} must be a day, as in 2026-11-22."))),
            },
        };
        let cursor = match text("cursor") {
            None => None,
            Some(cursor) => Some(cursor_of(&cursor).ok_or_else(|| {
                Failure::BadRequest("cursor must be what a page before said as next.".into())
            })?),
        };
        let limit = match text("limit") {
            None => N_PAGE,
            Some(limit) => {
                limit.parse().map_err(|_| Failure::BadRequest("limit must be a number.".into()))?
            }
        };
        let author = text("author").unwrap_or_default();
        let filter = LogFilter {
            author: (!author.is_empty()).then(|| author.to_lowercase()),
            since: day("since")?,
            until: day("until")?,
        };
        let (since, until) = (text("since").unwrap_or_default(), text("until").unwrap_or_default());
        Ok(LogWanted { cursor, limit: limit.clamp(1, N_PAGE_MAX), filter, author, since, until })
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.filter != LogFilter::default()
    }
}

impl LogView {
    /// Reads it. Blocks, until the watch says that it is over at most. `None` where the repository has no commit yet; not found
    /// where there never was anything at the path.
    pub(crate) fn read(
        repository: &Readable,
        row: &Repository,
        address: &RepoAddress,
        wanted: &LogWanted,
        watch: &Watch,
    ) -> Result<Option<LogView>, Failure> {
        // SECURITY: a history tells in messages and changes of paths that a reader of a part may not know of.
        let whole = repository.whole()?;
        let Some(start) = repository.commit_of(row, address.rev.as_deref())? else { return Ok(None) };
        let (tip, n_skipped) = wanted.cursor.unwrap_or((start, 0));
        let reader = whole.reader();
        let entry = reader.entry_at(tip, &address.path).map_err(|_| Failure::NotFound)?;
        let kind = entry.map(|entry| entry.kind);
        let asked = LogAsked {
            tip,
            path: &address.path,
            follows: kind != Some(EntryKind::Tree),
            filter: wanted.filter.clone(),
            n_skipped,
            n_max: wanted.limit,
        };
        let log = reader.log(&asked, &|| watch.stop().is_some()).map_err(|_| Failure::NotFound)?;
        if kind.is_none() && log.entries.is_empty() && !log.is_cut && !wanted.is_filtered() {
            return Err(Failure::NotFound);
        }
        let next = log.has_more.then(|| format!("{tip}.{}", n_skipped + log.entries.len()));
        let left_out = left_out(&log);
        let mut counter = Counter { reader: &reader, n_bytes_left: COMPARED_BYTES_MAX };
        let row = |entry: LogEntry| LogRow { counted: counter.count(&entry, watch), entry };
        let rows = log.entries.into_iter().map(row).collect();
        Ok(Some(LogView { tip, kind, rows, next, left_out }))
    }
}

fn left_out(log: &git::Log) -> Vec<String> {
    let mut left_out = Vec::new();
    if log.is_cut {
        left_out.push("Time was up before all commits were looked at: older ones may be missing.".to_owned());
    }
    if log.has_unfollowed {
        left_out.push(
            "This file was renamed very often: it was not followed through all of its names.".to_owned(),
        );
    }
    match log.n_unreadable {
        0 => {}
        1 => left_out.push("1 commit cannot be read here: its history is missing.".to_owned()),
        n => left_out.push(format!("{n} commits cannot be read here: their history is missing.")),
    }
    left_out
}

/// Counts changed lines as long as the page has bytes left for it.
struct Counter<'a> {
    reader: &'a Reader,
    n_bytes_left: usize,
}

impl Counter<'_> {
    fn count(&mut self, entry: &LogEntry, watch: &Watch) -> Option<Counted> {
        if self.n_bytes_left == 0 || watch.stop().is_some() {
            return None;
        }
        let is_tree = |side: Option<(EntryKind, ObjectId)>| matches!(side, Some((EntryKind::Tree, _)));
        let mut counted = Counted::default();
        let files = match entry.change {
            Some(kind) if !is_tree(entry.old) && !is_tree(entry.new) => {
                vec![ChangedFile { kind, path: Vec::new(), old_path: None, old: entry.old, new: entry.new }]
            }
            _ => {
                let (old, new) = self.trees(entry)?;
                let changed =
                    self.reader.changed_files(old, new, N_FILES_MAX, &|| watch.stop().is_some()).ok()?;
                counted.is_part = changed.n_left_out + changed.n_unreadable > 0 || changed.is_called_off;
                changed.files
            }
        };
        counted.n_files = files.len();
        for file in &files {
            self.count_file(file, &mut counted, watch);
        }
        Some(counted)
    }

    fn trees(&self, entry: &LogEntry) -> Option<(Option<ObjectId>, Option<ObjectId>)> {
        let tree = |side: Option<(EntryKind, ObjectId)>| match side {
            Some((EntryKind::Tree, id)) => Some(id),
            _ => None,
        };
        if entry.change.is_some() {
            return Some((tree(entry.old), tree(entry.new)));
        }
        let parent = match entry.commit.parents.first() {
            Some(parent) => Some(self.reader.commit(*parent).ok()?.tree),
            None => None,
        };
        Some((parent, Some(entry.commit.tree)))
    }

    fn count_file(&mut self, file: &ChangedFile, counted: &mut Counted, watch: &Watch) {
        let size = |side: Option<(EntryKind, ObjectId)>| {
            side.and_then(|(_, id)| self.reader.header(id).ok())
                .map_or(0, |header| header.size_bytes as usize)
        };
        let n_bytes = size(file.old) + size(file.new);
        if n_bytes > self.n_bytes_left || watch.stop().is_some() {
            self.n_bytes_left = 0;
            counted.is_part = true;
            return;
        }
        self.n_bytes_left -= n_bytes;
        if let FileDiff::Text(diff) = self.reader.diff(file, SIDE_BYTES_MAX, &crate::diff_view::to_text) {
            counted.n_added += diff.hunks.iter().map(|hunk| hunk.new.len()).sum::<usize>();
            counted.n_removed += diff.hunks.iter().map(|hunk| hunk.old.len()).sum::<usize>();
        }
    }
}

/// The word of the API for what a commit did to a path.
pub(crate) fn change_word(kind: FileChangeKind) -> &'static str {
    match kind {
        FileChangeKind::Added => "added",
        FileChangeKind::Modified => "modified",
        FileChangeKind::Deleted => "deleted",
        FileChangeKind::Renamed => "renamed",
    }
}

fn cursor_of(text: &str) -> Option<(ObjectId, usize)> {
    let (tip, n_skipped) = text.split_once('.')?;
    let digits = n_skipped.bytes().all(|byte| byte.is_ascii_digit());
    Some((ObjectId::from_hex(tip).ok()?, n_skipped.parse().ok().filter(|_| digits)?))
}

/// The second at which a day begins, in UTC: `2026-11-22`, no other way of writing it.
pub(crate) fn seconds_of(day: &str) -> Option<i64> {
    const DAY_LEN: usize = "2026-11-22".len();
    let day: jiff::civil::Date = day.parse().ok().filter(|_| day.len() == DAY_LEN)?;
    Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_or_refused() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let wanted =
            LogWanted::read(Some(&format!("cursor={id}.50&author=+Ada+&since=2000-02-29&limit=9999")));
        let Ok(wanted) = wanted else { panic!("a request") };
        assert_eq!(wanted.cursor.map(|(_, n)| n), Some(50));
        assert_eq!((wanted.filter.author.as_deref(), wanted.limit), (Some("ada"), N_PAGE_MAX));
        assert_eq!(wanted.filter.since, Some(951_782_400));
        for wrong in [
            "since=yesterday",
            "until=2000-13-01",
            "until=2001-02-29",
            "cursor=x.1",
            "limit=-1",
            "since=2000-01-01-1",
        ] {
            assert!(LogWanted::read(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(LogWanted::read(Some(&format!("cursor={id}.%2b1"))).is_err());
    }
}
