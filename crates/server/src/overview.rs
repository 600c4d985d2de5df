//! What the first page of a repository says of it: languages, work of the last year, branches and tags.
//!
//! SECURITY: all of it comes from the caller's view of the index; a view of a part has no history, so it says nothing of work.

use crate::failure::Failure;
use crate::format::{count, size, thousands};
use crate::links::search_link;
use crate::owning::Roll;
use crate::routes::complete::escape_regex;
use crate::shell::{LanguageLabel, Moment};
use crate::state::AppState;
use git::{RemoteUrl, Scheme, Schemes};
use model::{AccessSet, Language};
use search::{Activity, LanguageShare};
use store::{Repository, Source};
use syntax::LanguageKind;

/// How many languages are named; the others are one.
const N_LANGUAGES: usize = 8;
/// How wide the bar of languages is, in its own units.
const BAR_WIDTH: f64 = 1_000.0;
/// How high the picture of weeks is, in its own units.
const WEEK_HEIGHT: u32 = 40;

/// What is said of a repository.
pub(crate) struct Overview {
    pub(crate) languages: Vec<LanguageBar>,
    pub(crate) activity: Option<Weeks>,
    pub(crate) n_branches: String,
    pub(crate) n_tags: String,
    pub(crate) indexed: Option<Moment>,
    /// Whom its rules name.
    pub(crate) roll: Option<Roll>,
    /// How one gets a copy of it from where it comes from.
    pub(crate) clone: Option<String>,
}

/// A language's share.
pub(crate) struct LanguageBar {
    /// `None` for the others together.
    pub(crate) label: Option<LanguageLabel>,
    pub(crate) share: String,
    /// Its bytes and files.
    pub(crate) title: String,
    /// A search in it.
    pub(crate) url: Option<String>,
    pub(crate) x: String,
    pub(crate) width: String,
}

/// Commits of the last year.
pub(crate) struct Weeks {
    pub(crate) says: String,
    /// Whether there was no commit in all of them.
    pub(crate) is_idle: bool,
    pub(crate) bars: Vec<WeekBar>,
}

/// A week.
pub(crate) struct WeekBar {
    pub(crate) x: usize,
    pub(crate) y: u32,
    pub(crate) height: u32,
    pub(crate) title: String,
}

impl Overview {
    /// What the caller may know. Blocks.
    pub(crate) fn of(
        state: &AppState,
        access: &AccessSet,
        row: &Repository,
        rev: Option<&str>,
    ) -> Result<Overview, Failure> {
        let snapshot = state.catalog.snapshot();
        let name = row.name.as_str();
        let is_code = |language: Language| {
            let kind = syntax::language_info(language).map(|info| info.kind);
            matches!(kind, Some(LanguageKind::Programming | LanguageKind::Markup))
        };
        let shares = snapshot.languages(access, name, rev, &is_code).map_err(Failure::internal)?;
        let now_ms = state.now_ms();
        let activity = snapshot.activity(access, name, now_ms / 1_000).map_err(Failure::internal)?;
        let index = snapshot.repo(access, name);
        let n_named = |prefix: &str| {
            let revisions = index.iter().flat_map(|index| index.ref_table.revisions());
            revisions
                .flat_map(|revision| &revision.refs)
                .filter(|name| name.as_str().starts_with(prefix))
                .count() as u64
        };
        Ok(Overview {
            languages: bars(row, &shares),
            activity: activity.filter(|activity| activity.n_commits > 0).map(|activity| Weeks::of(&activity)),
            n_branches: count(n_named("refs/heads/"), "branch", "branches"),
            n_tags: count(n_named("refs/tags/"), "tag", "tags"),
            indexed: row.indexed_at.map(|moment| Moment::new(now_ms, moment.0)),
            roll: None,
            clone: clone_command(access, row),
        })
    }
}

/// How a repository is cloned from where it comes from. `None` for a folder of this machine, and for who reads a part: nobody can
/// clone a part.
fn clone_command(access: &AccessSet, row: &Repository) -> Option<String> {
    match &row.source {
        Source::Remote(address) if access.path_rules(row.id).is_none() => clone_line(address),
        _ => None,
    }
}

/// The line for a shell that clones what is at an address.
///
/// SECURITY: the address is parsed once more and told without a password or token before its host; one with anything behind its
/// path, where others put theirs, does not parse. Neither does a folder.
fn clone_line(address: &str) -> Option<String> {
    let told = Schemes::NONE.with(Scheme::Https).with(Scheme::Http).with(Scheme::Ssh).with(Scheme::Git);
    let url = RemoteUrl::parse(address, told).ok()?;
    let clean = url.without_credential();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/@%+,=".contains(c);
    // A quote within quotes would need rules that differ from shell to shell.
    match (clean.chars().all(is_plain), clean.contains('\'')) {
        (true, _) => Some(format!("git clone {clean}")),
        (false, false) => Some(format!("git clone '{clean}'")),
        (false, true) => None,
    }
}

fn bars(row: &Repository, shares: &[LanguageShare]) -> Vec<LanguageBar> {
    let all: u64 = shares.iter().map(|share| share.n_bytes).sum();
    let (named, others) = shares.split_at(shares.len().min(N_LANGUAGES));
    let mut bars = Vec::new();
    let mut done = 0;
    let mut push = |label: Option<LanguageLabel>, n_bytes: u64, n_files: u64, url| {
        let at = |n_bytes: u64| n_bytes as f64 / all as f64;
        bars.push(LanguageBar {
            label,
            share: format!("{:.1} %", at(n_bytes) * 100.0),
            title: format!("{} in {}", size(n_bytes), count(n_files, "file", "files")),
            url,
            x: format!("{:.1}", at(done) * BAR_WIDTH),
            width: format!("{:.1}", at(n_bytes) * BAR_WIDTH),
        });
        done += n_bytes;
    };
    for share in named {
        let label = LanguageLabel::of(share.language);
        let url = label.as_ref().map(|label| {
            let quoted =
                if label.name.contains(' ') { format!("\"{}\"", label.name) } else { label.name.to_owned() };
            search_link(&format!("repo:^{}$ lang:{quoted} type:path", escape_regex(row.name.as_str())))
        });
        push(label, share.n_bytes, share.n_files, url);
    }
    if !others.is_empty() {
        let n_bytes = others.iter().map(|share| share.n_bytes).sum();
        push(None, n_bytes, others.iter().map(|share| share.n_files).sum(), None);
    }
    bars
}

impl Weeks {
    fn of(activity: &Activity) -> Self {
        let most = activity.weeks.iter().copied().max().unwrap_or(0).max(1);
        let n_weeks = activity.weeks.len();
        let bar = |(week, n_commits): (usize, &u32)| {
            let height = (u64::from(*n_commits) * u64::from(WEEK_HEIGHT)).div_ceil(u64::from(most)) as u32;
            let when = match n_weeks - week {
                1 => "this week".to_owned(),
                n => format!("{} ago", count(n as u64 - 1, "week", "weeks")),
            };
            WeekBar {
                x: week * 10,
                y: WEEK_HEIGHT - height,
                height,
                title: format!("{}, {when}", count((*n_commits).into(), "commit", "commits")),
            }
        };
        let n_commits: u64 = activity.weeks.iter().map(|n| u64::from(*n)).sum();
        Weeks {
            is_idle: n_commits == 0,
            says: format!(
                "{} in the last year, {} in all",
                count(n_commits, "commit", "commits"),
                thousands(activity.n_commits.into())
            ),
            bars: activity.weeks.iter().enumerate().map(bar).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_as_high_as_their_commits() {
        let mut weeks = [0; search::WEEKS];
        (weeks[0], weeks[50], weeks[51]) = (1, 8, 4);
        let weeks = Weeks::of(&Activity { weeks, n_commits: 1_234 });
        assert_eq!(weeks.says, "13 commits in the last year, 1,234 in all");
        let heights: Vec<_> = weeks.bars.iter().map(|bar| (bar.y, bar.height)).collect();
        assert_eq!((heights[0], heights[1], heights[50], heights[51]), ((35, 5), (40, 0), (0, 40), (20, 20)));
        assert_eq!(weeks.bars[51].title, "4 commits, this week");
        assert_eq!(weeks.bars[50].title, "8 commits, 1 week ago");
    }

    #[test]
    fn a_line_that_clones_holds_no_credential_and_no_command() {
        let told = |address: &str| clone_line(address).unwrap_or_default();
        assert_eq!(told("https://ada:s3cret@example.org/a/b.git"), "git clone https://example.org/a/b.git");
        assert_eq!(told("https://t0ken@example.org/a/b"), "git clone https://example.org/a/b");
        assert_eq!(told("git@example.org:a/b.git"), "git clone git@example.org:a/b.git");
        for silent in
            ["https://example.org/a?private_token=s3cret", "file:///srv/a", "/srv/a", "ext::sh -c id"]
        {
            assert_eq!(told(silent), "", "{silent}");
        }
        let odd = told("https://example.org/a;rm$(id)`id`&b");
        assert!(odd.is_empty() || odd.starts_with("git clone 'https://") && odd.ends_with('\''), "{odd}");
    }
}
