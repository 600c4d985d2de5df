//! What a repository is made of and who made it: languages by their bytes, commits by week, people by their commits.
//!
//! Languages come from the ref table, the rest from the history; a reader of a part sees the languages of that part, and has no
//! history at all.

use crate::Snapshot;
use crate::catalog::RepoIndex;
use crate::history::History;
use crate::revisions::is_called;
use index::{BlockBitmap, CommitChanges, CommitIdx, CommitRow, DocKind, ReadError, RevIdx};
use model::{AccessSet, DocFlags, Language};
use std::collections::HashMap;

/// Seconds of a week.
const WEEK_SECONDS: i64 = 7 * 86_400;
/// How many weeks are told.
pub const WEEKS: usize = 52;
/// After so many commits that are too old the walk back through time ends: clocks of people are wrong, but not all of them.
const N_OLD_MAX: usize = 2_000;

/// What is written in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageShare {
    /// The language.
    pub language: Language,
    /// How many files.
    pub n_files: u64,
    /// How many bytes, as they stand in git.
    pub n_bytes: u64,
}

/// When it was worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Commits of each of the last weeks, the oldest week first.
    pub weeks: [u32; WEEKS],
    /// How many commits the whole history has.
    pub n_commits: u32,
}

/// Somebody who wrote commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contributor {
    /// As the commits have it.
    pub name: String,
    /// Likewise.
    pub email: String,
    /// How many of them.
    pub n_commits: u32,
    /// When the first of them was written, in seconds since 1970.
    pub first_seconds: i64,
    /// When the last of them was.
    pub last_seconds: i64,
}

/// Who wrote the commits that changed what is at a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contributions {
    /// Them, most commits first.
    pub people: Vec<Contributor>,
    /// Of how many commits it is not known whether they changed something there: their changes were not read yet, or are too many
    /// to be listed.
    pub n_untold: u32,
}

impl Snapshot {
    /// The languages of a revision, the largest first. What is vendored, generated or not text is not counted, and neither are
    /// formats of data and prose unless there is nothing else. Empty where there is no such repository or revision. Looks at every
    /// document; blocks for some milliseconds per 100,000 of them.
    ///
    /// SECURITY: the documents are those of the caller's view.
    pub fn languages(
        &self,
        access: &AccessSet,
        repo: &str,
        rev: Option<&str>,
        is_counted: &dyn Fn(Language) -> bool,
    ) -> Result<Vec<LanguageShare>, ReadError> {
        let Some(repo) = self.repo(access, repo) else { return Ok(Vec::new()) };
        let Some(revision) = revision_of(&repo, rev) else { return Ok(Vec::new()) };
        let mut by_language = HashMap::<Language, LanguageShare>::new();
        let mut outcome = Ok(());
        repo.ref_table.for_each_doc(&mut |_, _, doc| {
            let is_ours = matches!(doc.kind, DocKind::File | DocKind::Executable)
                && doc.language != Language::UNKNOWN
                && !doc.flags.contains(DocFlags::VENDORED)
                && !doc.flags.contains(DocFlags::GENERATED);
            let Some((segment, blob)) = doc.blob.filter(|_| is_ours) else { return true };
            outcome = (|| {
                let Some(segment) = repo.segments.get(usize::from(segment.0)) else { return Ok(()) };
                if !repo.ref_table.set_contains(doc.revisions, revision)? {
                    return Ok(());
                }
                let meta = segment.blob(blob)?;
                if meta.skip.is_none() {
                    let empty = LanguageShare { language: doc.language, n_files: 0, n_bytes: 0 };
                    let share = by_language.entry(doc.language).or_insert(empty);
                    share.n_files += 1;
                    share.n_bytes += meta.size;
                }
                Ok(())
            })();
            outcome.is_ok()
        })?;
        outcome?;
        let mut shares: Vec<LanguageShare> =
            by_language.into_values().filter(|share| share.n_bytes > 0).collect();
        if shares.iter().any(|share| is_counted(share.language)) {
            shares.retain(|share| is_counted(share.language));
        }
        shares.sort_by_key(|share| (std::cmp::Reverse(share.n_bytes), share.language));
        Ok(shares)
    }

    /// When the default branch was worked on, in the weeks before `now_seconds`. `None` where no history is there or may be read.
    pub fn activity(
        &self,
        access: &AccessSet,
        repo: &str,
        now_seconds: i64,
    ) -> Result<Option<Activity>, ReadError> {
        let Some(history) = self.repo(access, repo).and_then(|repo| repo.history.clone()) else {
            return Ok(None);
        };
        let begin = now_seconds.saturating_sub(WEEKS as i64 * WEEK_SECONDS);
        let mut activity = Activity { weeks: [0; WEEKS], n_commits: history.n_commits() };
        let mut n_old = 0;
        history.back_from_default(&mut |row| {
            let week = usize::try_from(row.committer_seconds.saturating_sub(begin) / WEEK_SECONDS);
            match week
                .ok()
                .and_then(|week| activity.weeks.get_mut(week))
                .filter(|_| row.committer_seconds >= begin)
            {
                Some(week) => *week += 1,
                None => n_old += usize::from(row.committer_seconds < begin),
            }
            n_old < N_OLD_MAX
        })?;
        Ok(Some(activity))
    }

    /// Who wrote the commits of the default branch since `since_seconds` that changed the file at a path or one below it (any, where
    /// the path is empty); merges are not counted, and a file is not followed to the names it had before. `None` where no history is
    /// there or may be read. Looks at every commit; blocks for some milliseconds per 10,000 of them.
    pub fn contributors(
        &self,
        access: &AccessSet,
        repo: &str,
        path: &[u8],
        since_seconds: i64,
    ) -> Result<Option<Contributions>, ReadError> {
        let Some(history) = self.repo(access, repo).and_then(|repo| repo.history.clone()) else {
            return Ok(None);
        };
        let touching = if path.is_empty() { None } else { Some(history.touching(path)?) };
        let is_asked = |idx: CommitIdx| touching.as_ref().is_none_or(|(commits, _)| commits.contains(idx.0));
        let mut by_person = HashMap::<(usize, u32), (u32, i64, i64)>::new();
        history.back_from_default_numbered(&mut |part, idx, row, n_parents| {
            if n_parents < 2 && row.author_seconds >= since_seconds && is_asked(idx) {
                let seconds = row.author_seconds;
                let known = by_person.entry((part, row.author)).or_insert((0, seconds, seconds));
                *known = (known.0 + 1, known.1.min(seconds), known.2.max(seconds));
            }
            true
        })?;
        let mut people = HashMap::<(String, String), Contributor>::new();
        for ((part, person), (n_commits, first, last)) in by_person {
            let Some(part) = history.commit_parts().get(part) else { continue };
            let (name, email) = part.table.person(person)?;
            let (name, email) = (name.to_owned(), email.to_owned());
            let known = people.entry((name.clone(), email.clone())).or_insert(Contributor {
                name,
                email,
                n_commits: 0,
                first_seconds: first,
                last_seconds: last,
            });
            known.n_commits += n_commits;
            known.first_seconds = known.first_seconds.min(first);
            known.last_seconds = known.last_seconds.max(last);
        }
        let mut people: Vec<Contributor> = people.into_values().collect();
        let key = |one: &Contributor| (std::cmp::Reverse(one.n_commits), one.name.clone(), one.email.clone());
        people.sort_by_cached_key(key);
        Ok(Some(Contributions { people, n_untold: touching.map_or(0, |(_, n_untold)| n_untold) }))
    }
}

impl History {
    /// Visits the commits that the default ref reaches, the youngest first, until `visit` says no.
    fn back_from_default(&self, visit: &mut dyn FnMut(&CommitRow) -> bool) -> Result<(), ReadError> {
        self.back_from_default_numbered(&mut |_, _, row, _| visit(row))
    }

    /// The commits of the default branch that changed the file at a path or one below it, and of how many it is not known.
    fn touching(&self, path: &[u8]) -> Result<(BlockBitmap, u32), ReadError> {
        let is_there = |other: &[u8]| {
            other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let scope = self.default_scope()?;
        let mut commits = BlockBitmap::empty(self.n_commits());
        let (mut n_told, mut n_untold) = (0, 0);
        let mut changes = CommitChanges::default();
        for part in self.change_parts() {
            let mut paths = BlockBitmap::empty(part.table.n_paths());
            for number in 0..part.table.n_paths() {
                if is_there(part.table.path(number)?) {
                    paths.insert(number);
                }
            }
            for number in part.table.range().filter(|number| scope.contains(*number)) {
                part.table.changes(CommitIdx(number), &mut changes)?;
                n_told += 1;
                let is_one = |path: u32| paths.contains(path);
                if changes.files.iter().any(|file| is_one(file.path) || file.old_path.is_some_and(is_one)) {
                    commits.insert(number);
                } else if changes.n_files_left_out > 0 {
                    n_untold += 1;
                }
            }
        }
        let n_unread = scope.iter().count() as u32 - n_told;
        Ok((commits, n_untold + n_unread))
    }

    /// Likewise, with the number of each commit's part, its own, and how many parents it has.
    fn back_from_default_numbered(
        &self,
        visit: &mut dyn FnMut(usize, CommitIdx, &CommitRow, usize) -> bool,
    ) -> Result<(), ReadError> {
        let Some(place) = self.tips().default() else { return Ok(()) };
        let tip = self.tips().get(place)?.commit;
        let mut is_reached = vec![false; tip.0 as usize + 1];
        is_reached[tip.0 as usize] = true;
        // Every commit comes after its parents: one way down meets all of them.
        for (number, part) in self.commit_parts().iter().enumerate().rev() {
            for idx in part.table.range().rev().skip_while(|idx| *idx > tip.0) {
                if !is_reached[idx as usize] {
                    continue;
                }
                let mut n_parents = 0;
                part.table.parents(CommitIdx(idx), &mut |parent| {
                    n_parents += 1;
                    if let Some(reached) = is_reached.get_mut(parent.0 as usize) {
                        *reached = true;
                    }
                })?;
                if !visit(number, CommitIdx(idx), &part.table.row(CommitIdx(idx))?, n_parents) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn revision_of(repo: &RepoIndex, rev: Option<&str>) -> Option<RevIdx> {
    let table = &repo.ref_table;
    match rev {
        None | Some("HEAD") => table.default_revision(),
        Some(rev) => {
            let mut numbered = table.revisions().iter().zip(0u32..);
            numbered.find(|(revision, _)| is_called(revision, rev)).map(|(_, idx)| RevIdx(idx))
        }
    }
}
