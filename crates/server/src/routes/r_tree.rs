//! A folder of a repository; the repository itself is its root.

use super::r::{
    Crumb, Notice, RefGroup, SideNode, Tool, crumbs, folders_first, icon_for, joined, not_there, page_for,
    permalink, redirect, ref_groups, rev_shown, side, tools,
};
use crate::caller::Caller;
use crate::document::{self, Document};
use crate::failure::Failure;
use crate::format::size;
use crate::git_access;
use crate::links::{RepoAddress, repo_link};
use crate::overview::Overview;
use crate::owning::{Roll, RollShape};
use crate::readable::Readable;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use git::{Commit, EntryKind, Listing};
use model::ObjectId;
use std::time::Duration;
use store::Repository;

/// How many entries a page shows.
const N_ENTRIES_MAX: usize = 2_000;
/// Of how many entries the size is looked up: each is a look into the packs.
const N_SIZES_MAX: usize = 500;

#[derive(Template)]
#[template(path = "tree.html")]
struct TreePage {
    shell: Shell,
    side: Vec<SideNode>,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<RefGroup>,
    path_shown: String,
    /// What is said of the repository, on its first page.
    description: String,
    topics: Vec<(String, String)>,
    tools: Vec<Tool>,
    permalink: Option<String>,
    raw: Option<String>,
    commit: Option<CommitLine>,
    state: Option<Notice>,
    entries: Vec<EntryRow>,
    refused: Option<String>,
    cut: Option<String>,
    /// On its first page.
    skipped_url: Option<String>,
    readme: Option<Document>,
    /// On its first page.
    overview: Option<Overview>,
    branches_url: String,
    contributors_url: String,
}

/// The commit above the list.
struct CommitLine {
    short: String,
    title: String,
    author: String,
    moment: Moment,
}

/// An entry.
struct EntryRow {
    name: String,
    url: Option<String>,
    icon: &'static str,
    says: String,
}

/// What is read from the repository for this page.
enum Loaded {
    Folder(Box<Folder>),
    File,
    Nothing,
}

/// A folder.
struct Folder {
    commit: ObjectId,
    about: Option<Commit>,
    listing: Listing,
    sizes: Vec<Option<u64>>,
    readme: Option<Document>,
    overview: Option<Overview>,
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
) -> Result<Response, Failure> {
    let (asked, asked_row) = (address.clone(), row.clone());
    let colour_time = state.config.highlight_time;
    let (reading, access) = (state.clone(), caller.access.clone());
    let loaded = git_access::read(&state, &caller.access, &row, move |repository| {
        let mut loaded = load(repository, &asked_row, &asked, colour_time)?;
        if let Loaded::Folder(folder) = &mut loaded
            && asked.path.is_empty()
        {
            let rev = asked.rev.as_deref();
            let roll = Roll::of(RollShape::of(repository, folder.commit, &asked), &asked);
            let overview = Overview::of(&reading, &access, &asked_row, rev)?;
            folder.overview = Some(Overview { roll, ..overview });
        }
        Ok(loaded)
    })
    .await;
    let loaded = match loaded {
        Err(Failure::Internal(_)) if row.indexed_at.is_none() => Loaded::Nothing,
        other => other?,
    };
    let mut page = frame(&state, &caller, &row, &address);
    match loaded {
        Loaded::File => return Ok(redirect(&address, "blob")),
        Loaded::Nothing => page.state = Some(not_there(&row)),
        Loaded::Folder(folder) => {
            page.permalink = Some(permalink(&address, folder.commit));
            page.side = side(&address, &address.path, &folder.listing);
            page.commit = folder.about.map(|about| CommitLine::of(&about, state.now_ms()));
            page.refused = refused(&folder.listing);
            page.cut = cut(&folder.listing);
            page.entries = entries(&address, &folder.listing, &folder.sizes);
            page.readme = folder.readme;
            page.overview = folder.overview;
        }
    }
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// The page without its content.
fn frame(state: &AppState, caller: &Caller, row: &Repository, address: &RepoAddress) -> TreePage {
    let path_shown = lossy(&address.path);
    let title =
        if path_shown.is_empty() { row.name.to_string() } else { format!("{path_shown} · {}", row.name) };
    let mut shell = caller.shell(&title, "repos");
    shell.query = Some(super::r_blob::box_for(row, address));
    TreePage {
        shell,
        side: Vec::new(),
        crumbs: crumbs(address),
        rev_shown: rev_shown(row, address),
        refs: ref_groups(state, caller, row, address),
        description: if path_shown.is_empty() { row.about.description.clone() } else { String::new() },
        topics: match path_shown.is_empty() {
            true => row.about.topics.iter().map(|t| (t.clone(), super::repos::topic_link(t))).collect(),
            false => Vec::new(),
        },
        skipped_url: path_shown
            .is_empty()
            .then(|| super::r_skipped::link(&address.repo, address.rev.as_deref())),
        path_shown,
        tools: tools(caller, row, address, false),
        permalink: None,
        raw: None,
        commit: None,
        state: None,
        entries: Vec::new(),
        refused: None,
        cut: None,
        readme: None,
        overview: None,
        branches_url: format!("{}/-/branches", repo_link(&address.repo, None)),
        contributors_url: format!("{}/-/contributors", repo_link(&address.repo, None)),
    }
}

fn load(
    repository: &Readable,
    row: &Repository,
    address: &RepoAddress,
    colour_time: Duration,
) -> Result<Loaded, Failure> {
    let Some(spot) = repository.locate(row, address)? else { return Ok(Loaded::Nothing) };
    if spot.kind != EntryKind::Tree {
        return Ok(Loaded::File);
    }
    let about = repository.about(spot.commit)?;
    let listing = repository.list(&spot, &address.path)?;
    let n_sizes = if listing.entries.len() <= N_SIZES_MAX { N_SIZES_MAX } else { 0 };
    let of = |entry: &&git::TreeEntry| repository.size_of(entry.kind, entry.id);
    let sizes = folders_first(&listing).iter().take(n_sizes).map(of).collect();
    let readme = document::readme(repository, spot.commit, address, &listing, colour_time);
    Ok(Loaded::Folder(Box::new(Folder {
        commit: spot.commit,
        about,
        listing,
        sizes,
        readme,
        overview: None,
    })))
}

fn entries(address: &RepoAddress, listing: &Listing, sizes: &[Option<u64>]) -> Vec<EntryRow> {
    let row = |(idx, entry): (usize, &git::TreeEntry)| {
        let path = joined(&address.path, &entry.name);
        EntryRow {
            name: lossy(&entry.name),
            url: Some(document::page_link(address, page_for(entry.kind), &path)),
            icon: icon_for(entry.kind),
            says: match entry.kind {
                EntryKind::Submodule => "submodule".into(),
                EntryKind::Symlink => "link".into(),
                _ => sizes.get(idx).copied().flatten().map_or(String::new(), size),
            },
        }
    };
    folders_first(listing).into_iter().enumerate().take(N_ENTRIES_MAX).map(row).collect()
}

fn refused(listing: &Listing) -> Option<String> {
    let (name, reason) = listing.refused.first()?;
    let others = match listing.refused.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    Some(format!("Left out: {name} ({}){others}", reason.as_str()))
}

fn cut(listing: &Listing) -> Option<String> {
    let n_entries = listing.entries.len();
    let shown = crate::format::thousands(N_ENTRIES_MAX as u64);
    let all = crate::format::thousands(n_entries as u64);
    (n_entries > N_ENTRIES_MAX)
        .then(|| format!("The first {shown} of {all} entries. Search with file: for the others."))
}

impl CommitLine {
    fn of(commit: &Commit, now_ms: i64) -> Self {
        CommitLine {
            short: commit.id.to_string().chars().take(10).collect(),
            title: commit.subject().chars().take(200).collect(),
            author: commit.author.name.chars().take(100).collect(),
            moment: Moment::new(now_ms, commit.committer.seconds.saturating_mul(1000)),
        }
    }
}
