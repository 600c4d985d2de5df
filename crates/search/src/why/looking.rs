//! What the index says of a repository, a revision, a path and a content.

use super::{Asking, N_REFS_NAMED, N_SUGGESTED, WhyStep, WhySuggestion, WhyWhat};
use crate::revisions::is_called;
use crate::words::{counted, listed};
use crate::{PendingState, RepoIndex};
use index::{Doc, DocIdx, DocKind, ReadError, RevIdx};
use model::SkipReason;
use ngram::GramQuery;

impl Asking<'_> {
    pub(super) fn no_repo(&mut self) {
        let name = self.asked.repo.as_str();
        let pending = self.snapshot.pending(self.access).find(|repo| repo.name.as_str() == name);
        if let Some(pending) = pending {
            let says = match pending.state {
                PendingState::Cloning => {
                    "is being fetched for the first time; it is searched when that is done"
                }
                PendingState::Indexing => {
                    "is being indexed for the first time; it is searched when that is done"
                }
                PendingState::Failed => "could not be fetched or indexed; its page says why",
            };
            self.say(WhyWhat::Repository, Some(true), "The repository is here, and you may read it.".into());
            return self.say(WhyWhat::Index, Some(false), format!("It {says}."));
        }
        let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
        let names = self.snapshot.repos(self.access).map(|repo| repo.name.clone());
        let alike =
            names.filter(|known| !wanted.is_empty() && known.as_str().to_lowercase().contains(&wanted));
        let leaked = self.snapshot.names_if_leaking("why-suggests-all");
        let suggestions = alike.chain(leaked).take(N_SUGGESTED).map(WhySuggestion::Repo).collect();
        self.steps.push(WhyStep {
            what: WhyWhat::Repository,
            holds: Some(false),
            depth: 0,
            text: "There is no such repository, or you may not read it.".into(),
            suggestions,
        });
    }

    /// Looks into the index. Whether the file is there.
    pub(super) fn look(&mut self, repo: &RepoIndex) -> Result<bool, ReadError> {
        let table = &repo.ref_table;
        let revision = match self.asked.rev {
            None | Some("HEAD") => table.default_revision(),
            Some(rev) => {
                let mut numbered = table.revisions().iter().zip(0u32..);
                numbered.find(|(revision, _)| is_called(revision, rev)).map(|(_, idx)| RevIdx(idx))
            }
        };
        let Some(revision) = revision else {
            self.no_revision(repo);
            return Ok(false);
        };
        let of = &table.revisions()[revision.0 as usize];
        let names: Vec<&str> = of.refs.iter().map(|name| name.short()).collect();
        let commit: String = of.commit.to_string().chars().take(10).collect();
        let says = match &names[..] {
            [] => "The revision is".to_owned(),
            [only] => format!("{only} is"),
            several => format!("{} are", listed(several, N_REFS_NAMED)),
        };
        self.say(WhyWhat::Revision, Some(true), format!("{says} indexed, at commit {commit}."));
        match table.find(self.asked.path, revision)? {
            Some(doc) => {
                self.say(WhyWhat::Path, Some(true), "The path is there.".into());
                let doc = table.doc(doc)?;
                self.content(repo, &doc)?;
                Ok(true)
            }
            None => {
                self.no_path(repo, revision)?;
                Ok(false)
            }
        }
    }

    fn no_revision(&mut self, repo: &RepoIndex) {
        let (text, suggestions) = match self.asked.rev {
            None => ("The repository has no commit on its default branch.".to_owned(), Vec::new()),
            Some(rev) => {
                let wanted = rev.to_lowercase();
                let refs = repo.ref_table.revisions().iter().flat_map(|revision| &revision.refs);
                let alike = refs.filter(|name| {
                    let short = name.short().to_lowercase();
                    short.contains(&wanted) || (short.len() > 2 && wanted.contains(&short))
                });
                let alike = alike.map(|name| WhySuggestion::Rev(name.short().to_owned()));
                (
                    "No branch or tag that is indexed is called so.".to_owned(),
                    alike.take(N_SUGGESTED).collect(),
                )
            }
        };
        self.steps.push(WhyStep { what: WhyWhat::Revision, holds: Some(false), depth: 0, text, suggestions });
    }

    /// What stands near: the same path elsewhere, in other letters, the same name in other folders.
    fn no_path(&mut self, repo: &RepoIndex, revision: RevIdx) -> Result<(), ReadError> {
        let table = &repo.ref_table;
        let wanted = self.asked.path;
        let name = wanted.rsplit(|byte| *byte == b'/').next().unwrap_or(wanted);
        let (lower, mut folder_exists) = (wanted.to_ascii_lowercase(), false);
        let mut folder = wanted.to_vec();
        folder.push(b'/');
        let (mut in_other_case, mut same_name, mut other_revs) = (Vec::new(), Vec::new(), None);
        let mut fault = None;
        let mut n_looked = 0u64;
        table.for_each_candidate(&GramQuery::All, &mut |_: DocIdx, path: &[u8], doc: &Doc| {
            n_looked += 1;
            if n_looked.is_multiple_of(4096) && self.watch.stop().is_some() {
                return false;
            }
            if path == wanted {
                other_revs.get_or_insert(doc.revisions);
                return true;
            }
            let is_here = match table.set_contains(doc.revisions, revision) {
                Ok(is_here) => is_here,
                Err(error) => {
                    fault = Some(error);
                    return false;
                }
            };
            if is_here {
                folder_exists |= path.starts_with(&folder);
                if path.len() == wanted.len() && path.to_ascii_lowercase() == lower {
                    in_other_case.push(path.to_vec());
                } else if same_name.len() < N_SUGGESTED
                    && (path == name || path.ends_with(&[b"/", name].concat()))
                {
                    same_name.push(path.to_vec());
                }
            }
            true
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let mut suggestions: Vec<WhySuggestion> = Vec::new();
        let mut text = "No file stands at this path in this revision.".to_owned();
        if folder_exists {
            text = "This is a folder: searches find the files in it.".into();
        } else if !in_other_case.is_empty() {
            text = "No file stands at this path; one does in other letters.".into();
        }
        if let Some(set) = other_revs {
            let revisions = table.set_revisions(set)?;
            let refs = revisions.iter().filter_map(|idx| table.revisions().get(idx.0 as usize));
            let names = refs.flat_map(|revision| &revision.refs).map(|name| name.short().to_owned());
            suggestions.extend(names.take(N_SUGGESTED).map(WhySuggestion::Rev));
            text.push_str(" It stands there in other revisions.");
        }
        suggestions.extend(in_other_case.into_iter().chain(same_name).map(WhySuggestion::Path));
        self.steps.push(WhyStep { what: WhyWhat::Path, holds: Some(false), depth: 0, text, suggestions });
        Ok(())
    }

    fn content(&mut self, repo: &RepoIndex, doc: &Doc) -> Result<(), ReadError> {
        let Some((segment, blob)) = doc.blob else {
            let text =
                "It is a submodule: its files stand in another repository, which is searched if it is here.";
            self.say(WhyWhat::Content, Some(false), text.into());
            return Ok(());
        };
        if doc.kind == DocKind::Symlink {
            let text = "It is a symbolic link: found by its path; its text is the name of another file.";
            self.say(WhyWhat::Content, Some(false), text.into());
            return Ok(());
        }
        let Some(segment) = repo.segments.get(usize::from(segment.0)) else { return Ok(()) };
        let meta = segment.blob(blob)?;
        let (holds, text) = match meta.skip {
            Some(SkipReason::Binary) => (false, "It is not text: found by its path only.".into()),
            Some(SkipReason::TooLarge) => (
                false,
                format!(
                    "It has {}, more than is indexed of one file: found by its path only. The administrator \
                     can raise index.file_bytes_max.",
                    counted(meta.size, "byte", "bytes")
                ),
            ),
            Some(SkipReason::Unreadable) => {
                (false, "git could not produce its content: found by its path only.".into())
            }
            None => {
                let language = syntax::language_name(doc.language);
                let language = language.map_or("no known language".to_owned(), |name| name.to_owned());
                let text_len = counted(meta.text_len, "byte", "bytes");
                (true, format!("Its content is indexed: {text_len} of text, {language}."))
            }
        };
        self.say(WhyWhat::Content, Some(holds), text);
        Ok(())
    }
}
