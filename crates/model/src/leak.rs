//! Deliberate leaks, for one test alone.
//!
//! The projection test of `server` must catch each way in which a view could tell of what its reader may not see. So that it
//! is known to catch them, such faults stand at the places where somebody could make them, behind [`leaks`]: a constant
//! `false` in every build but that of this test, which switches them on one by one.

/// Every leak there is, and what goes wrong with it.
pub const LEAKS: &[(&str, &str)] = &[
    ("repository-by-name", "a repository's row is found by its name, whoever asks"),
    ("repository-list", "the list of repositories is everybody's"),
    ("list-limit-before-filter", "a page of the list is cut before what is hidden is taken out"),
    ("search-everything", "a search looks at every repository"),
    ("pending", "repositories that are not searchable yet are counted for everybody"),
    ("forbidden-is-403", "a repository that may not be read is refused, not unknown"),
    ("cache-without-person", "a kept answer is given to whoever asks the same"),
    ("complete-repositories", "completion knows every repository"),
    ("complete-revisions", "completion knows every branch"),
    ("facets-of-all", "facets count what is hidden, too"),
    ("why-suggests-all", "other repositories are suggested from all there are"),
    ("context-list", "saved contexts of others are listed"),
    ("context-of-others", "a private context of somebody else can be used"),
    ("context-name-taken", "a name is taken because somebody else's context has it"),
    ("export-list", "exports of others are listed"),
    ("export-of-others", "an export of somebody else is shown"),
    ("path-rules", "rules of paths are not looked at"),
    ("path-rules-in-git", "rules of paths hold for searches only, not for what git is read for"),
    ("folder-without-rules", "a folder names all that is in it"),
    ("epoch-in-header", "a header tells how often anybody's rights changed"),
    ("status-of-all", "the status tells of work on every repository"),
    ("graphql-total", "a total is counted before the filter"),
    ("zoekt-totals", "the index's size is that of everybody's"),
    ("suggested-query", "skipped repositories are counted before the filter"),
    ("not-found-names-it", "the error names the repository that is there"),
    ("precise-elsewhere", "a compiler's index leads to every repository that has the package"),
    ("precise-paths", "a compiler's index tells of hidden paths, and counts them"),
    ("administrators-read", "who looks after the instance reads every repository"),
    ("auditors-read", "who reads logs and reviews reads what everybody reads"),
    ("emergency-never-ends", "emergency access counts when it is over"),
    ("token-for-everything", "a token opens what its account reads, whatever repositories it is for"),
    ("sign-in-knows-names", "who is not signed in hears which accounts there are"),
];

/// Whether this leak is switched on.
#[cfg(not(feature = "leaks"))]
#[inline(always)]
pub const fn leaks(_name: &str) -> bool {
    false
}

#[cfg(feature = "leaks")]
static SWITCHED_ON: std::sync::RwLock<Option<&'static str>> = std::sync::RwLock::new(None);

/// Whether this leak is switched on.
#[cfg(feature = "leaks")]
pub fn leaks(name: &str) -> bool {
    debug_assert!(LEAKS.iter().any(|(known, _)| *known == name), "{name} is not in the list");
    SWITCHED_ON.read().is_ok_and(|on| *on == Some(name))
}

/// Switches one leak on, in the whole process, or none.
#[cfg(feature = "leaks")]
pub fn switch_leak(name: Option<&'static str>) {
    if let Ok(mut on) = SWITCHED_ON.write() {
        *on = name;
    }
}
