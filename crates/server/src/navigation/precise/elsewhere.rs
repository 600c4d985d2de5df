//! What indexes of other repositories say of a name, by the package that it belongs to.
//!
//! SECURITY: which indexes there are is asked of the store under the caller's `AccessSet`, each repository is opened by a row
//! found under it, and every path is held against the caller's rules for that repository. Whoever may read a part of another
//! repository hears of an index of its default branch's head alone.

use super::{View, upload_of};
use crate::git_access;
use model::{ObjectId, RepoId, RepoName};
use precise::{Hit, LookupError, Place, Places, Upload};
use std::rc::Rc;
use store::PreciseIndex;

/// A package, and whether indexes are asked that use it, too.
pub(super) type Asked = (String, String, bool);

/// An index that names a package, and the version that it has of it.
pub(super) type Candidate = (Upload, String);

/// Definitions in other repositories, of every symbol that stands there: where something is made by `new`, those are the type and
/// its constructor.
pub(super) fn definitions(view: &View<'_>, hit: &Hit) -> Result<Vec<Place>, LookupError> {
    let (access, precise) = (&view.caller.access, view.state.uploads.precise());
    let mut all: Vec<Place> = Vec::new();
    for symbol in &hit.symbols {
        let Some(package) = symbol.package().filter(|package| !package.name.is_empty()) else { continue };
        let asked = candidates(view, (package.manager, package.name, false));
        let places = precise.definitions_elsewhere(access, view, &symbol.name, &asked)?;
        all.extend(places.into_iter().filter(|place| !all.contains(place)).collect::<Vec<_>>());
    }
    Ok(all)
}

/// Uses in other repositories, at the commits that were indexed.
pub(super) fn references(view: &View<'_>, hit: &Hit, limit: usize) -> Result<Places, LookupError> {
    let (access, precise) = (&view.caller.access, view.state.uploads.precise());
    let mut all = Places::default();
    for symbol in &hit.symbols {
        let Some(package) = symbol.package().filter(|package| !package.name.is_empty()) else { continue };
        let asked = candidates(view, (package.manager, package.name, true));
        let limit = limit.saturating_sub(all.places.len());
        let found = precise.references_elsewhere(access, view, &symbol.name, &asked, limit)?;
        all.n_total += found.n_total;
        all.next = all.next.or(found.next);
        all.places.extend(found.places);
    }
    Ok(all)
}

/// The indexes of other repositories that a package is looked up in; found once for a question.
fn candidates(view: &View<'_>, asked: Asked) -> Rc<[Candidate]> {
    if let Some(known) = view.precise.candidates.borrow().get(&asked) {
        return Rc::clone(known);
    }
    let others = read(view, &asked).into_iter().filter(|(index, ..)| index.repo != view.row.id);
    let open = others.filter(|(index, _, name)| open_other(view, index.repo, name, index.commit));
    let found: Rc<[Candidate]> = open.map(|(index, version, _)| (upload_of(&index), version)).collect();
    view.precise.candidates.borrow_mut().insert(asked, Rc::clone(&found));
    found
}

fn read(view: &View<'_>, (manager, name, uses): &Asked) -> Vec<(PreciseIndex, String, RepoName)> {
    let (access, store) = (&view.caller.access, &view.state.store);
    // This thread may block: it is not one of those that the asynchronous edge runs on.
    let runtime = tokio::runtime::Handle::current();
    let found = match uses {
        true => runtime.block_on(store.precise_naming(access, manager, name)),
        false => runtime.block_on(store.precise_defining(access, manager, name)),
    };
    found.unwrap_or_else(|fault| {
        tracing::warn!(%fault, "which indexes know a package cannot be read");
        Vec::new()
    })
}

/// Opens another repository, once, and tells whether the caller may hear of an index of this commit.
fn open_other(view: &View<'_>, repo: RepoId, name: &RepoName, commit: ObjectId) -> bool {
    if !view.precise.others.borrow().contains_key(&repo) {
        let (runtime, store) = (tokio::runtime::Handle::current(), &view.state.store);
        let row = match model::leaks("precise-elsewhere") {
            true => runtime.block_on(store.maintenance().repository(repo)),
            false => runtime.block_on(store.repository_by_name(&view.caller.access, name)),
        };
        let Ok(Some(row)) = row else { return false };
        match git_access::open_another(&view.state, &view.caller.access, &row) {
            Ok(readable) if row.id == repo => {
                let head = readable.commit_of(&row, None).ok().flatten();
                let other = super::Other { name: name.clone(), readable: Rc::new(readable), head };
                view.precise.others.borrow_mut().insert(repo, other);
            }
            _ => return false,
        }
    }
    // SECURITY: which other commits there are is no business of whoever reads a part.
    let others = view.precise.others.borrow();
    others.get(&repo).is_some_and(|other| other.readable.whole().is_ok() || other.head == Some(commit))
}
