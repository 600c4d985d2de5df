//! `/r/<repository>[@<revision>]/-/<page>/<path>`: pages about a repository, and what they have in common.

use super::{
    r_blame, r_blob, r_branches, r_commit, r_compare, r_contributors, r_log, r_nav, r_raw, r_skipped, r_tree,
    r_version,
};
use crate::browse;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::links::{RepoAddress, path_link, repo_link, short_unless_odd};
use crate::state::AppState;
use crate::wire::lossy;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use git::{EntryKind, Listing};
use model::{ObjectId, RefName};
use store::{RepoStatus, Repository};

/// How many branches, and how many tags, the picker names.
const N_REFS_SHOWN: usize = 200;
/// How many entries of a folder the tree at the side names.
const N_SIDE_MAX: usize = 1_000;

/// A step of the path above a file.
pub(crate) struct Crumb {
    pub(crate) name: String,
    /// Nothing where this page is.
    pub(crate) url: Option<String>,
}

/// Another page about the same thing.
pub(crate) struct Tool {
    pub(crate) label: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) url: String,
    /// The key that leads there.
    pub(crate) key: &'static str,
    /// Whether this is that page.
    pub(crate) current: bool,
}

/// A line of the tree at the side.
pub(crate) struct SideNode {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) icon: &'static str,
    pub(crate) depth: usize,
    pub(crate) current: bool,
}

/// Branches, or tags.
pub(crate) struct RefGroup {
    pub(crate) title: &'static str,
    pub(crate) refs: Vec<RefItem>,
    /// What is said of those that are not named.
    pub(crate) rest: Option<String>,
}

/// A branch or a tag in the picker.
pub(crate) struct RefItem {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) current: bool,
}

/// Instead of content: why there is none, and what to do.
pub(crate) struct Notice {
    pub(crate) title: String,
    pub(crate) detail: String,
}

/// Finds the repository, then the page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Failure> {
    let rest = uri.path().strip_prefix("/r/").unwrap_or("");
    let address = RepoAddress::parse(rest, uri.query()).ok_or(Failure::NotFound)?;
    let row = browse::row(&state, &caller, &address).await?;
    match address.page.as_str() {
        "" | "tree" => r_tree::page(state, caller, row, address).await,
        "blob" => r_blob::page(state, caller, row, address, uri.query()).await,
        "version" => r_version::go(state, caller, row, address, uri.query()).await,
        "raw" => r_raw::raw(&state, &caller, &row, address, uri.query()).await,
        "skipped" => r_skipped::page(state, caller, row, address, uri.query()).await,
        "compare" => r_compare::page(state, caller, row, address, uri.query()).await,
        "branches" if address.path.is_empty() => {
            r_branches::page(state, caller, row, address, uri.query()).await
        }
        "contributors" => r_contributors::page(state, caller, row, address, uri.query()).await,
        "blame" => r_blame::page(state, caller, row, address, uri.query()).await,
        "log" => r_log::page(state, caller, row, address, uri.query()).await,
        "commits" if address.path.is_empty() => r_log::page(state, caller, row, address, uri.query()).await,
        "commit" => r_commit::page(state, caller, row, address, uri.query()).await,
        "precise" => super::r_precise::page(state, caller, row, address, uri.query()).await,
        "references" => r_nav::page(state, caller, row, address, uri.query()).await,
        "graph" => r_nav::graph_page::page(state, caller, row, address, uri.query()).await,
        _ => Err(Failure::NotFound),
    }
}

/// Sends a file asked for as a folder, or a folder asked for as a file, to its own page.
pub(crate) fn redirect(address: &RepoAddress, page: &str) -> Response {
    Redirect::to(&path_link(&address.repo, address.rev.as_deref(), page, &address.path)).into_response()
}

/// The other pages about what stands at the address, for who may read all of the repository: the others know no history.
pub(crate) fn tools(caller: &Caller, row: &Repository, address: &RepoAddress, is_file: bool) -> Vec<Tool> {
    if caller.access.path_rules(row.id).is_some() {
        return Vec::new();
    }
    let rev = address.rev.as_deref();
    let tool = |label, icon, page: &str, key, url| {
        let current = address.page == page || (page == "log" && address.page == "commits");
        Tool { label, icon, url, key, current }
    };
    let mut tools = Vec::new();
    if is_file {
        let code = path_link(&address.repo, rev, "blob", &address.path);
        if !matches!(address.page.as_str(), "blob") {
            tools.push(tool("Code", "file", "blob", "c", code));
        }
        let blame = path_link(&address.repo, rev, "blame", &address.path);
        tools.push(tool("Blame", "blame", "blame", "b", blame));
    }
    let label = if address.path.is_empty() { "Commits" } else { "History" };
    tools.push(tool(label, "history", "log", "h", r_log::link(&address.repo, rev, &address.path)));
    if !address.path.is_empty() {
        let url = path_link(&address.repo, rev, "contributors", &address.path);
        tools.push(tool("Contributors", "user", "contributors", "", url));
    }
    if address.path.is_empty() {
        let url = format!("{}/-/compare", repo_link(&address.repo, None));
        tools.push(tool("Compare", "compare", "compare", "", url));
        tools.push(tool("Precise", "layers", "precise", "", super::r_precise::link(&address.repo)));
    }
    tools
}

/// The path as links.
pub(crate) fn crumbs(address: &RepoAddress) -> Vec<Crumb> {
    let rev = address.rev.as_deref();
    let mut crumbs = vec![Crumb { name: address.repo.to_string(), url: Some(repo_link(&address.repo, rev)) }];
    let parts: Vec<&[u8]> =
        address.path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    for n in 1..=parts.len() {
        let path = parts[..n].join(&b'/');
        let url = (n < parts.len()).then(|| path_link(&address.repo, rev, "tree", &path));
        crumbs.push(Crumb { name: lossy(parts[n - 1]), url });
    }
    if parts.is_empty() {
        crumbs[0].url = None;
    }
    crumbs
}

/// The folders above, then what stands in `folder`, `current` being where this page is.
pub(crate) fn side(address: &RepoAddress, folder: &[u8], listing: &Listing) -> Vec<SideNode> {
    let rev = address.rev.as_deref();
    let mut nodes = Vec::new();
    let parts: Vec<&[u8]> = folder.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    for n in 0..=parts.len() {
        let path = parts[..n].join(&b'/');
        nodes.push(SideNode {
            name: if n == 0 { address.repo.to_string() } else { lossy(parts[n - 1]) },
            url: path_link(&address.repo, rev, "tree", &path),
            icon: if n == 0 { "repo" } else { "folder" },
            depth: n.min(5),
            current: path == address.path,
        });
    }
    for entry in folders_first(listing).into_iter().take(N_SIDE_MAX) {
        let path = joined(folder, &entry.name);
        nodes.push(SideNode {
            name: lossy(&entry.name),
            url: crate::document::page_link(address, page_for(entry.kind), &path),
            icon: icon_for(entry.kind),
            depth: (parts.len() + 1).min(6),
            current: path == address.path,
        });
    }
    nodes
}

/// The branches and tags that are indexed, each leading to the same path.
pub(crate) fn ref_groups(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
) -> Vec<RefGroup> {
    let Some(index) = state.catalog.snapshot().repo(&caller.access, row.name.as_str()) else {
        return Vec::new();
    };
    let revisions = index.ref_table.revisions();
    let mut names: Vec<&RefName> = revisions.iter().flat_map(|revision| &revision.refs).collect();
    names.sort();
    names.dedup();
    let shown = rev_shown(row, address);
    let group = |title, prefix: &str| {
        let of_group = || names.iter().filter(|name| name.as_str().starts_with(prefix));
        let n_rest = of_group().count().saturating_sub(N_REFS_SHOWN);
        let item = |name: &&RefName| RefItem {
            name: name.short().to_owned(),
            url: path_link(
                &address.repo,
                Some(&shortest(name, &names)),
                if address.page.is_empty() { "tree" } else { &address.page },
                &address.path,
            ),
            current: name.short() == shown || name.as_str() == shown,
        };
        RefGroup {
            title,
            refs: of_group().take(N_REFS_SHOWN).map(item).collect(),
            rest: (n_rest > 0).then(|| format!("{n_rest} more: write one behind the @ of this address")),
        }
    };
    vec![group("Branches", "refs/heads/"), group("Tags", "refs/tags/")]
}

/// The shortest text that means this ref: a branch wins over a tag of the same name.
fn shortest(name: &RefName, names: &[&RefName]) -> String {
    let is_taken = || names.iter().any(|other| *other != name && other.short() == name.short());
    match name.as_str().starts_with("refs/tags/") && ObjectId::from_hex(name.short()).is_err() && !is_taken()
    {
        true => name.short().to_owned(),
        false => short_unless_odd(name),
    }
}

/// The revision as the picker shows it.
pub(crate) fn rev_shown(row: &Repository, address: &RepoAddress) -> String {
    match (&address.rev, &row.default_branch) {
        (Some(rev), _) if ObjectId::from_hex(rev).is_ok() => rev.chars().take(10).collect(),
        (Some(rev), _) => rev.clone(),
        (None, Some(branch)) => branch.short().to_owned(),
        (None, None) => "HEAD".into(),
    }
}

/// The address of the same thing at a commit, for ever.
pub(crate) fn permalink(address: &RepoAddress, commit: ObjectId) -> String {
    let page = if address.page.is_empty() { "tree" } else { &address.page };
    path_link(&address.repo, Some(&commit.to_string()), page, &address.path)
}

/// What is said of a repository that cannot be read (yet).
pub(crate) fn not_there(row: &Repository) -> Notice {
    let (title, detail) = match row.status {
        RepoStatus::Pending | RepoStatus::Cloning => {
            ("Not here yet", "This repository is being cloned. Look again in a moment.")
        }
        RepoStatus::Indexing => ("Being indexed", "This repository is being read. Look again in a moment."),
        _ => ("Nothing to see", "This repository has no commit on its default branch."),
    };
    let detail = match &row.error {
        Some(error) => format!("{detail} The last attempt failed: {error}"),
        None => detail.to_owned(),
    };
    Notice { title: title.into(), detail }
}

/// The entries of a folder, folders first, otherwise as git sorts them.
pub(crate) fn folders_first(listing: &Listing) -> Vec<&git::TreeEntry> {
    let mut entries: Vec<_> = listing.entries.iter().collect();
    entries.sort_by_key(|entry| entry.kind != EntryKind::Tree);
    entries
}

/// A path below a folder.
pub(crate) fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, name].join(&b'/') }
}

/// The folder a path stands in.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |slash| &path[..slash])
}

pub(crate) fn page_for(kind: EntryKind) -> &'static str {
    if kind == EntryKind::Tree { "tree" } else { "blob" }
}

pub(crate) fn icon_for(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Tree => "folder",
        EntryKind::Submodule => "module",
        EntryKind::Symlink => "link",
        EntryKind::File | EntryKind::Executable => "file",
    }
}
