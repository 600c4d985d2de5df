//! What compilers' indexes say of a name: definitions, references and implementations, for one caller's view.
//!
//! SECURITY: every answer takes the caller's `AccessSet`; texts come through the view, and every path is held against the
//! caller's rules. Whoever may read a part of a repository gets answers from an index of that very commit alone: how far
//! another one is would tell of a history that they may not read. A symbol's name holds paths and is never told.

mod elsewhere;

use super::view::FILE_BYTES_MAX;
use super::{Spot, View};
use crate::browse::Content;
use crate::kept::Kept;
use crate::readable::Readable;
use crate::routes::r_nav::Wanted;
use model::{ObjectId, RepoId, RepoName};
use nav::{Definitions, Description, Found, How, Reference, ReferenceKind, References, Verdict};
use precise::{Hit, Hunk, LineMap, LookupError, Nearest, Place, Places, Sources, SymbolInfo, Upload};
use search::PathFilter;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use store::PreciseIndex;
use syntax::{DecodeLimits, Decoded};

/// `SymbolRole.Import` of SCIP.
const ROLE_IMPORT: u32 = 2;
/// References by name that are held against an index, so that one question does not read everything.
const N_JUDGED_MAX: usize = 1_000;
/// Most implementations that are told.
const N_IMPLEMENTATIONS_MAX: usize = 200;

/// The texts of files, as they were read.
type Texts = HashMap<(RepoId, ObjectId, String), Option<Arc<str>>>;

/// The precise indexes of the repository that is asked about, and what was read for their sake.
#[derive(Default)]
pub(crate) struct Known {
    indexes: Vec<PreciseIndex>,
    uploads: Vec<Upload>,
    texts: RefCell<Texts>,
    lines: RefCell<HashMap<(ObjectId, ObjectId, String), Option<LineMap>>>,
    filters: RefCell<HashMap<RepoId, Option<Rc<PathFilter>>>>,
    others: RefCell<HashMap<RepoId, Other>>,
    /// Those that speak for the commit that is looked at.
    current: RefCell<Option<Arc<Current>>>,
    candidates: RefCell<HashMap<elsewhere::Asked, Rc<[elsewhere::Candidate]>>>,
}

/// Another repository, as the caller may read it.
struct Other {
    name: RepoName,
    readable: Rc<Readable>,
    /// The head of its default branch.
    head: Option<ObjectId>,
}

/// The indexes that speak for a commit, the nearest first, and how far each is.
type Current = Vec<(Upload, Nearest)>;

/// What the nearest indexes of a commit follow from: the commit, and the uploads there are.
type CurrentKey = (RepoId, ObjectId, Vec<String>);

/// The nearest indexes of commits that were asked about lately.
///
/// SECURITY: for those who may read the whole repository alone. To others no distance is told, and theirs are found anew.
pub(crate) type KeptCurrent = Kept<CurrentKey, Current>;

/// None yet.
pub(crate) fn kept_current() -> KeptCurrent {
    const BYTES_MAX: usize = 1 << 20;
    const UPLOAD_BYTES: usize = 300;
    Kept::new(BYTES_MAX, |current| (current.len() + 1) * UPLOAD_BYTES)
}

impl Known {
    /// Those that are ready, the newest first.
    pub(crate) fn new(indexes: Vec<PreciseIndex>) -> Known {
        Known { uploads: indexes.iter().map(upload_of).collect(), indexes, ..Known::default() }
    }
}

/// An index as the crate that answers knows it.
pub(crate) fn upload_of(index: &PreciseIndex) -> Upload {
    Upload {
        id: index.id.to_string(),
        repo: index.repo,
        commit: index.commit,
        root: index.root.clone(),
        indexer: index.indexer.clone(),
    }
}

/// Which index answered, and what it left out.
#[derive(Clone, Debug)]
pub(crate) struct PreciseSaid {
    pub(crate) indexer: String,
    pub(crate) version: String,
    pub(crate) commit: ObjectId,
    /// Commits between the one that is looked at and the one that was indexed.
    pub(crate) distance: u32,
    /// Whether the indexed one lies before.
    pub(crate) is_before: bool,
    /// References that the index has; those in lines that were changed since are among them.
    pub(crate) n_references: u64,
    /// Places in lines that were changed since, which are left out.
    pub(crate) n_changed: u64,
}

impl PreciseSaid {
    /// In words: `precise · scip-typescript 0.4.0 · commit abc1234, 3 commits before`.
    pub(crate) fn words(&self) -> String {
        let indexer = format!("{} {}", self.indexer, self.version);
        let commit = &self.commit.to_string()[..10];
        let commits = if self.distance == 1 { "commit" } else { "commits" };
        let way = if self.is_before { "before" } else { "after" };
        let far = match self.distance {
            0 => "this commit".to_owned(),
            n => format!("commit {commit}, {n} {commits} {way}"),
        };
        match indexer.trim() {
            "" => format!("precise · {far}"),
            indexer => format!("precise · {indexer} · {far}"),
        }
    }
}

/// Definitions, and what is said of them.
pub(super) struct Answer {
    pub(super) definitions: Definitions,
    pub(super) description: Description,
    pub(super) said: PreciseSaid,
}

/// What an index says of the name at a place; `None` where none knows, or it cannot be read.
pub(super) fn defined(view: &View<'_>, path: &[u8], at: Spot) -> Option<Answer> {
    told(try_defined(view, path, at))
}

fn try_defined(view: &View<'_>, path: &[u8], at: Spot) -> Result<Option<Answer>, LookupError> {
    let Some(hit) = hit(view, path, at)? else { return Ok(None) };
    let places = definitions(view, &hit)?;
    let hover = view.state.uploads.precise().hover(&view.caller.access, view, &hit)?;
    let mut said = said(view, &hit);
    said.n_changed = places.n_changed;
    let definitions = Definitions {
        name: name_at(view, &hit, path),
        range: Some(hit.span.start_column as usize..hit.span.end_column as usize),
        found: places.places.iter().filter_map(|place| found(view, place)).collect(),
        is_cut: false,
    };
    let description = hover.map(|hover| describe(&hover.info)).unwrap_or_default();
    Ok(Some(Answer { definitions, description, said }))
}

/// Where what stands there is defined: here, else in other repositories.
fn definitions(view: &View<'_>, hit: &Hit) -> Result<Places, LookupError> {
    let mut places = view.state.uploads.precise().definitions(&view.caller.access, view, hit)?;
    if places.places.is_empty() && places.n_changed == 0 {
        places.places = elsewhere::definitions(view, hit)?;
    }
    Ok(places)
}

/// Where the name at a place leads, as an index says. `None` where none knows, or what it knew was changed since.
pub(super) fn leads(view: &View<'_>, path: &[u8], at: Spot) -> Option<Vec<Found>> {
    let look = || {
        let Some(hit) = hit(view, path, at)? else { return Ok(None) };
        let places = definitions(view, &hit)?;
        let is_gone = places.places.is_empty() && places.n_changed > 0;
        Ok((!is_gone).then(|| places.places.iter().filter_map(|place| found(view, place)).collect()))
    };
    told(look())
}

/// What implements the name at a place, and which index says so.
pub(crate) fn implementations(
    view: &View<'_>,
    path: &[u8],
    at: Spot,
) -> Option<(PreciseSaid, Vec<Found>, bool)> {
    let look = || {
        let Some(hit) = hit(view, path, at)? else { return Ok(None) };
        let places = view.state.uploads.precise().implementations(&view.caller.access, view, &hit)?;
        let mut said = said(view, &hit);
        said.n_changed = places.n_changed;
        let is_cut = places.places.len() > N_IMPLEMENTATIONS_MAX;
        let shown = places.places.iter().take(N_IMPLEMENTATIONS_MAX);
        Ok(Some((said, shown.filter_map(|place| found(view, place)).collect(), is_cut)))
    };
    told(look())
}

/// Puts what an index knows in front of what was found by name, and takes out what it knows to be something else.
pub(crate) fn refine(
    view: &View<'_>,
    path: &[u8],
    at: Spot,
    wanted: Wanted,
    by_name: &mut References,
) -> Option<PreciseSaid> {
    told(try_refine(view, path, at, wanted, by_name))
}

fn try_refine(
    view: &View<'_>,
    path: &[u8],
    at: Spot,
    wanted: Wanted,
    by_name: &mut References,
) -> Result<Option<PreciseSaid>, LookupError> {
    let Some(hit) = hit(view, path, at)? else { return Ok(None) };
    let n_max = wanted.n_max;
    let (access, precise) = (&view.caller.access, view.state.uploads.precise());
    let definitions = definitions(view, &hit)?;
    let references = precise.references(access, view, &hit, 0, n_max)?;
    if !definitions.places.is_empty() {
        by_name.definitions.found =
            definitions.places.iter().filter_map(|place| found(view, place)).collect();
    }
    let mut said = said(view, &hit);
    (said.n_references, said.n_changed) = (references.n_total, references.n_changed);
    let mut known: HashMap<(Vec<u8>, u64, usize), Reference> = HashMap::new();
    for one in by_name.references.iter().filter(|one| one.repo.is_none()) {
        known.insert((one.path.clone(), one.line, one.in_line.start), one.clone());
    }
    let defined: HashSet<_> = definitions.places.iter().map(key).collect();
    let mut list = Vec::new();
    let mut taken: HashSet<(Vec<u8>, u64, usize)> = HashSet::new();
    let here = definitions.places.iter().filter(|place| place.repo == view.row.id);
    for place in here.chain(&references.places) {
        if !taken.insert(key(place)) {
            continue;
        }
        let seen = known.get(&key(place));
        // A definition is told where it was found by name, too: the list of definitions has it anyway.
        if !defined.contains(&key(place)) || seen.is_some() {
            list.extend(reference(view, place, seen));
        }
    }
    let elsewhere = match wanted.is_everywhere {
        true => elsewhere::references(view, &hit, n_max)?,
        false => Places::default(),
    };
    for place in &elsewhere.places {
        list.extend(reference(view, place, None));
    }
    said.n_references += elsewhere.n_total;
    let names: HashSet<&str> = hit.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    for (n, one) in by_name.references.drain(..).enumerate() {
        let is_taken = match &one.repo {
            None => taken.contains(&(one.path.clone(), one.line, one.in_line.start)),
            Some(_) => list.iter().any(|other: &Reference| is_same_elsewhere(other, &one)),
        };
        if is_taken {
            continue;
        }
        // SECURITY: the index is asked under the caller's rights, too.
        if n < N_JUDGED_MAX && one.repo.is_none() && is_another(view, &one, &names)? {
            continue;
        }
        list.push(one);
    }
    by_name.is_cut |= references.next.is_some() || elsewhere.next.is_some() || list.len() > n_max;
    list.truncate(n_max);
    by_name.references = list;
    Ok(Some(said))
}

/// Whether a use that a search found in another repository is the one that its index knows, in a line that was not changed.
fn is_same_elsewhere(known: &Reference, one: &Reference) -> bool {
    known.repo == one.repo
        && known.path == one.path
        && known.in_line.start == one.in_line.start
        && known.line == one.line
        && known.text == one.text
}

/// Whether an index says that something else stands there.
fn is_another(view: &View<'_>, one: &Reference, names: &HashSet<&str>) -> Result<bool, LookupError> {
    let at = Spot { line: one.line as usize, column: one.in_line.start };
    let other = hit(view, &one.path, at)?;
    Ok(other.is_some_and(|other| !other.symbols.iter().any(|symbol| names.contains(symbol.name.as_str()))))
}

fn hit(view: &View<'_>, path: &[u8], at: Spot) -> Result<Option<Hit>, LookupError> {
    let (Ok(path), Some(line)) = (std::str::from_utf8(path), at.line.checked_sub(1)) else { return Ok(None) };
    let (Ok(line), Ok(column)) = (u32::try_from(line), u32::try_from(at.column)) else { return Ok(None) };
    if view.precise.uploads.is_empty() {
        return Ok(None);
    }
    let spot = precise::Spot { repo: view.row.id, commit: view.commit, path, line, column };
    view.state.uploads.precise().lookup_in(&view.caller.access, view, &current(view), spot)
}

/// The indexes that speak for the commit that is looked at: found once for a question, and kept for the next.
fn current(view: &View<'_>) -> Arc<Current> {
    if let Some(known) = view.precise.current.borrow().as_ref() {
        return Arc::clone(known);
    }
    let uploads = &view.precise.uploads;
    let find = || Arc::new(view.state.uploads.precise().current(view, uploads, view.row.id, view.commit));
    // SECURITY: not for whoever reads a part: their distances are not those of others.
    let current = match view.readable.whole() {
        Err(_) => find(),
        Ok(_) => {
            let ids = uploads.iter().map(|upload| upload.id.clone()).collect();
            let key = (view.row.id, view.commit, ids);
            let kept = &view.state.kept_current;
            kept.get(&key).unwrap_or_else(|| {
                let found = find();
                kept.put(key, &found);
                found
            })
        }
    };
    *view.precise.current.borrow_mut() = Some(Arc::clone(&current));
    current
}

fn key(place: &Place) -> (Vec<u8>, u64, usize) {
    (place.path.clone().into_bytes(), u64::from(place.span.start_line) + 1, place.span.start_column as usize)
}

fn said(view: &View<'_>, hit: &Hit) -> PreciseSaid {
    let answered = hit.current.first();
    let index =
        view.precise.indexes.iter().find(|index| answered.is_some_and(|at| at.id == index.id.to_string()));
    PreciseSaid {
        indexer: index.map(|index| index.indexer.clone()).unwrap_or_default(),
        version: index.map(|index| index.indexer_version.clone()).unwrap_or_default(),
        commit: index.map_or(hit.commit, |index| index.commit),
        distance: hit.distance,
        is_before: hit.is_before,
        n_references: 0,
        n_changed: 0,
    }
}

fn name_at(view: &View<'_>, hit: &Hit, path: &[u8]) -> Option<String> {
    let text = view.text(hit.repo, hit.commit, std::str::from_utf8(path).ok()?)?;
    let line = text.split('\n').nth(hit.span.start_line as usize)?;
    line.get(hit.span.start_column as usize..hit.span.end_column as usize).map(str::to_owned)
}

/// The repository of a place, where it is another one that was opened for the caller; and the commit then.
fn whose(view: &View<'_>, place: &Place) -> Option<(Option<RepoName>, Option<ObjectId>)> {
    if place.repo == view.row.id {
        return Some((None, None));
    }
    let name = view.precise.others.borrow().get(&place.repo)?.name.clone();
    Some((Some(name), Some(place.commit)))
}

fn found(view: &View<'_>, place: &Place) -> Option<Found> {
    let (repo, commit) = whose(view, place)?;
    let (start, end) = (place.span.start_column as usize, place.span.end_column as usize);
    Some(Found {
        repo,
        commit,
        path: place.path.clone().into_bytes(),
        line: u64::from(place.span.start_line) + 1,
        in_line: start..if place.span.start_line == place.span.end_line { end } else { start },
        kind: None,
        how: How::Precise,
    })
}

fn reference(view: &View<'_>, place: &Place, seen: Option<&Reference>) -> Option<Reference> {
    let text = view.text(place.repo, place.commit, &place.path)?;
    let line = text.split('\n').nth(place.span.start_line as usize)?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let start = (place.span.start_column as usize).min(line.len());
    let end = match place.span.start_line == place.span.end_line {
        true => (place.span.end_column as usize).clamp(start, line.len()),
        false => line.len(),
    };
    let kind = match seen {
        Some(seen) => seen.kind,
        None if place.roles & ROLE_IMPORT != 0 => ReferenceKind::Import,
        None => ReferenceKind::Use,
    };
    let (repo, commit) = whose(view, place)?;
    Some(Reference {
        repo,
        commit,
        path: place.path.clone().into_bytes(),
        line: u64::from(place.span.start_line) + 1,
        in_line: start..end,
        text: line.to_owned(),
        kind,
        verdict: Verdict::Leads(How::Precise),
        within: seen.and_then(|seen| seen.within.clone()),
    })
}

/// What an indexer says, as a signature and plain paragraphs. Many put the signature first, in a code fence.
fn describe(info: &SymbolInfo) -> Description {
    let mut paragraphs = info.documentation.iter().map(String::as_str).peekable();
    let mut signature = info.signature.clone();
    if signature.is_empty()
        && let Some(fenced) = paragraphs.peek().and_then(|first| in_fence(first))
    {
        signature = fenced.to_owned();
        paragraphs.next();
    }
    let documentation: Vec<&str> = paragraphs.map(|text| in_fence(text).unwrap_or(text).trim()).collect();
    Description { signature, documentation: documentation.join("\n\n").trim().to_owned() }
}

/// What is in a code fence, where the text is nothing but one.
fn in_fence(text: &str) -> Option<&str> {
    let (_, rest) = text.trim().strip_prefix("```")?.split_once('\n')?;
    let inner = rest.strip_suffix("```")?;
    (!inner.contains("```")).then(|| inner.trim_end())
}

/// A damaged index is said in the log, and answers nothing: what was found by name is shown.
fn told<T>(answer: Result<Option<T>, LookupError>) -> Option<T> {
    answer.unwrap_or_else(|error| {
        tracing::warn!(%error, "a precise index cannot be read");
        None
    })
}

impl View<'_> {
    fn read_text(&self, repo: RepoId, commit: ObjectId, path: &str) -> Option<Arc<str>> {
        let other = self.precise.others.borrow().get(&repo).map(|other| Rc::clone(&other.readable));
        let readable = match &other {
            _ if repo == self.row.id => self.readable,
            Some(readable) => readable,
            None => return None,
        };
        let spot = readable.at(commit, path.as_bytes()).ok()?;
        if !matches!(spot.kind, git::EntryKind::File | git::EntryKind::Executable) {
            return None;
        }
        let Content::Bytes(bytes) = readable.content(spot.id, FILE_BYTES_MAX) else { return None };
        let limits = DecodeLimits { size_bytes_max: FILE_BYTES_MAX as usize };
        match syntax::decode(&bytes, &limits) {
            Decoded::Text { utf8, .. } => Some(utf8.into_owned().into()),
            _ => None,
        }
    }

    fn filter(&self, repo: RepoId) -> Option<Rc<PathFilter>> {
        let mut filters = self.precise.filters.borrow_mut();
        let filter = || self.caller.access.path_rules(repo).map(|rules| Rc::new(PathFilter::new(rules)));
        filters.entry(repo).or_insert_with(filter).clone()
    }
}

impl Sources for View<'_> {
    fn parents(&self, repo: RepoId, commit: ObjectId) -> Vec<ObjectId> {
        // SECURITY: who reads a part knows no history; other repositories are shown at the commit that was indexed.
        let Ok(whole) = self.readable.whole() else { return Vec::new() };
        if repo != self.row.id {
            return Vec::new();
        }
        whole.reader().commit(commit).map(|commit| commit.parents).unwrap_or_default()
    }

    fn text(&self, repo: RepoId, commit: ObjectId, path: &str) -> Option<Arc<str>> {
        let key = (repo, commit, path.to_owned());
        if let Some(known) = self.precise.texts.borrow().get(&key) {
            return known.clone();
        }
        let text = self.read_text(repo, commit, path);
        self.precise.texts.borrow_mut().insert(key, text.clone());
        text
    }

    fn lines(&self, repo: RepoId, path: &str, old: ObjectId, new: ObjectId) -> Option<LineMap> {
        let key = (old, new, path.to_owned());
        if let Some(known) = self.precise.lines.borrow().get(&key) {
            return known.clone();
        }
        let both = (self.text(repo, old, path), self.text(repo, new, path));
        let lines = match both {
            (Some(old), Some(new)) if old == new => Some(LineMap::same()),
            (Some(old), Some(new)) => Some(line_map(&old, &new)),
            _ => None,
        };
        self.precise.lines.borrow_mut().insert(key, lines.clone());
        lines
    }

    fn may_read(&self, repo: RepoId, path: &str) -> bool {
        if model::leaks("precise-elsewhere") || model::leaks("precise-paths") {
            return true;
        }
        self.caller.access.allows(repo)
            && self.filter(repo).is_none_or(|filter| filter.allows(path.as_bytes()))
    }
}

fn line_map(old: &str, new: &str) -> LineMap {
    let diff = git::TextDiff::new(old.as_bytes().to_vec(), new.as_bytes().to_vec());
    let range = |lines: &std::ops::Range<usize>| lines.start as u32..lines.end as u32;
    LineMap::new(
        diff.hunks.iter().map(|hunk| Hunk { old: range(&hunk.old), new: range(&hunk.new) }).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_in_fences() {
        let info = |documentation: &[&str]| SymbolInfo {
            documentation: documentation.iter().map(|&text| text.to_owned()).collect(),
            ..SymbolInfo::default()
        };
        let described = describe(&info(&["```ts\nfunction f(): void\n```", "Does it.", "Twice."]));
        assert_eq!(described.signature, "function f(): void");
        assert_eq!(described.documentation, "Does it.\n\nTwice.");
        let described = describe(&info(&["Only words with ``` in them."]));
        assert_eq!(described.signature, "");
        assert_eq!(described.documentation, "Only words with ``` in them.");
    }
}
