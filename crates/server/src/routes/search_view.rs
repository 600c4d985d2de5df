//! Search results as a page shows them.

use crate::failure::{Failure, QueryFault};
use crate::format::{count, duration_us, thousands};
use crate::links::{commit_link, line_link, match_link, match_rev, path_link, repo_link, search_link};
use crate::markup::Html;
use crate::paint::{has_filter, query_link, underlined, with_filter, without_filter};
use crate::shell::{LanguageLabel, QueryLink};
use askama::Template;
use model::{ByteRange, ObjectId, RefName, RepoName};
use search::{
    CommitMatch, ContentMatch, DiffMatch, DirectoryMatch, Facet, Facets, FileChange, LineMatch, Match,
    PathMatch, Severity, Stats, SymbolMatch,
};

/// How many lines of a change stand open.
const N_DIFF_LINES_OPEN: usize = 16;
/// How many lines of a file stand open; the others are one click (or `o`) away, already on the page.
const N_LINES_OPEN: usize = 5;
/// How many refs are named beside a result.
const N_REFS_SHOWN: usize = 2;
/// How many things are said of a query as a whole, at most.
const N_ALERTS_SHOWN: usize = 3;
/// How many facets of a kind are shown.
const N_FACETS_SHOWN: usize = 10;

/// One result.
pub(crate) struct Hit {
    pub(crate) repo: Html,
    pub(crate) repo_url: String,
    /// Nothing where the result is the repository itself.
    pub(crate) path: Option<Html>,
    pub(crate) url: String,
    pub(crate) language: Option<LanguageLabel>,
    /// What kind of definition it is.
    pub(crate) kind: Option<String>,
    pub(crate) says: String,
    pub(crate) refs: String,
    pub(crate) refs_title: String,
    pub(crate) lines: Vec<HitLine>,
    pub(crate) more: Vec<HitLine>,
    pub(crate) more_says: String,
    /// What its score is made of, where that is asked for.
    pub(crate) score: Option<String>,
    /// Lines that are not on the page at all.
    pub(crate) rest: Option<String>,
}

/// One matching line.
pub(crate) struct HitLine {
    pub(crate) number: u64,
    pub(crate) url: String,
    pub(crate) text: Html,
    /// Whether lines between the one before and this one do not match.
    pub(crate) gap: bool,
    /// `add`, `del` or `hunk` in a change; empty elsewhere.
    pub(crate) class: &'static str,
}

/// The line above the results.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) found: String,
    pub(crate) duration: String,
    pub(crate) skipped: Vec<SkippedView>,
    pub(crate) skipped_count: String,
    /// Whether results may be missing.
    pub(crate) warn: bool,
    pub(crate) nothing: bool,
    /// The page that tells why a certain file is not found.
    pub(crate) why_url: String,
    /// The page that counts all of it by something.
    pub(crate) count_url: String,
    /// The page that exports all of it.
    pub(crate) export_url: String,
    /// The same as JSON.
    pub(crate) json_url: String,
    pub(crate) alerts: Vec<AlertView>,
}

/// Something that was left out.
pub(crate) struct SkippedView {
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) link: Option<QueryLink>,
}

/// Something about the query as a whole.
#[derive(Clone)]
pub(crate) struct AlertView {
    pub(crate) message: String,
    pub(crate) hint: String,
    pub(crate) mended: Option<QueryLink>,
}

/// What is wrong with the query.
pub(crate) struct FaultView {
    pub(crate) message: String,
    pub(crate) underlined: Option<Html>,
    pub(crate) hint: Option<String>,
    pub(crate) mended: Option<QueryLink>,
}

/// Ways to narrow, of one kind.
pub(crate) struct FacetGroup {
    pub(crate) title: &'static str,
    pub(crate) facets: Vec<FacetView>,
}

/// One way to narrow.
pub(crate) struct FacetView {
    pub(crate) value: String,
    pub(crate) title: String,
    pub(crate) count: String,
    pub(crate) url: String,
    /// Whether the query has it already: then the link takes it out.
    pub(crate) on: bool,
}

#[derive(Template)]
#[template(path = "hits.html")]
struct Hits {
    hits: Vec<Hit>,
}

/// The HTML of some results.
pub(crate) fn hits(matches: &[Match], n_lines_window: usize, explain: bool) -> Result<Html, Failure> {
    let hit = |found: &Match| Hit {
        score: found.score_parts().filter(|_| explain).map(score_words),
        ..Hit::of(found, n_lines_window)
    };
    let hits = matches.iter().map(hit).collect();
    Ok(Html::from_template(Hits { hits }.render().map_err(Failure::internal)?))
}

/// `definition 16 + word 8 = 24`.
fn score_words(parts: &search::ScoreParts) -> String {
    let words: Vec<String> = parts.named().map(|(part, value)| format!("{part} {value:.2}")).collect();
    format!("{} = {:.2}", words.join(" + "), parts.total())
}

impl Hit {
    fn of(found: &Match, n_lines_window: usize) -> Self {
        match found {
            Match::Content(found) => Hit::of_content(found, n_lines_window),
            Match::Path(found) => Hit::of_path(found),
            Match::Repo(found) => Hit {
                repo: Html::marked(found.repo.as_str(), &found.ranges),
                url: repo_link(&found.repo, None),
                says: "repository".into(),
                ..Hit::blank(&found.repo)
            },
            Match::Symbol(found) => Hit::of_symbol(found),
            Match::Commit(found) => Hit::of_commit(found),
            Match::Diff(found) => Hit::of_diff(found),
            Match::Directory(found) => Hit::of_directory(found),
            Match::Owner(found) => Hit {
                repo: Html::text(&found.owner),
                url: search_link(&format!("file:has.owner({})", found.owner)),
                says: "owner".into(),
                ..Hit::blank(&found.repo)
            },
        }
    }

    fn of_symbol(found: &SymbolMatch) -> Self {
        let file = Hit::of_file(&found.repo, &found.refs, found.commit, &found.path, &[], found.language);
        let url = format!("{}#L{}", file.url, found.line);
        let line = HitLine {
            number: found.line,
            url: url.clone(),
            text: Html::marked(&found.text, std::slice::from_ref(&found.name_range)),
            gap: false,
            class: "",
        };
        let says = match found.container.as_str() {
            "" => String::new(),
            container => format!("in {container}"),
        };
        Hit { url, kind: Some(found.symbol_kind.to_string()), says, lines: vec![line], ..file }
    }

    fn of_commit(found: &CommitMatch) -> Self {
        let url = commit_link(&found.repo, found.commit);
        let mut lines = Vec::new();
        let mut start = 0;
        let mut subject = Html::text("(no message)");
        for (line, number) in found.message.split('\n').zip(1u64..) {
            let end = start + line.len();
            let within = found.ranges.iter().filter(|range| range.start < end && range.end > start);
            let ranges: Vec<ByteRange> =
                within.map(|range| range.start.max(start) - start..range.end.min(end) - start).collect();
            let line = line.strip_suffix('\r').unwrap_or(line);
            if number == 1 && !line.is_empty() {
                subject = Html::marked(line, &ranges);
            } else if !ranges.is_empty() && lines.len() < N_LINES_OPEN {
                let text = Html::marked(line, &ranges);
                lines.push(HitLine { number, url: url.clone(), text, gap: false, class: "" });
            }
            start = end + 1;
        }
        let date = crate::format::rfc3339_at(found.author.seconds, found.author.offset_minutes);
        Hit {
            path: Some(subject),
            url,
            says: format!("{} · {}", found.author.name, date.split('T').next().unwrap_or_default()),
            refs: found.commit.to_string().chars().take(10).collect(),
            refs_title: format!("{} · {date}", found.commit),
            lines,
            ..Hit::blank(&found.repo)
        }
    }

    fn of_diff(found: &DiffMatch) -> Self {
        let mut lines = Vec::new();
        let commit = Hit::of_commit(&found.of);
        for hunk in &found.hunks {
            let text = Html::text(&hunk.header);
            lines.push(HitLine { number: 0, url: commit.url.clone(), text, gap: false, class: "hunk" });
            for (text, number) in hunk.lines.iter().zip(0u32..) {
                let in_line = hunk.ranges.iter().filter(|(line, _)| *line == number);
                let ranges: Vec<ByteRange> = in_line.map(|(_, range)| range.clone()).collect();
                let class = if text.starts_with('+') { "add" } else { "del" };
                let text = Html::marked(text, &ranges);
                lines.push(HitLine { number: 0, url: commit.url.clone(), text, gap: false, class });
            }
        }
        let n_open = if lines.len() <= N_DIFF_LINES_OPEN + 1 { lines.len() } else { N_DIFF_LINES_OPEN };
        let more = lines.split_off(n_open);
        let subject = found.of.message.lines().next().unwrap_or_default();
        let subject: String = subject.chars().take(100).collect();
        Hit {
            path: Some(marked_bytes(&found.path, &[])),
            says: format!("{} · {subject} · {}", found.change.as_str(), commit.says),
            language: LanguageLabel::of(found.language),
            more_says: format!("{} more lines of this change", thousands(more.len() as u64)),
            lines,
            more,
            ..commit
        }
    }

    fn of_directory(found: &DirectoryMatch) -> Self {
        let rev = match_rev(&found.refs, found.commit);
        let mut path = found.path.clone();
        path.push(b'/');
        Hit {
            path: Some(marked_bytes(&path, &[])),
            url: path_link(&found.repo, rev.as_deref(), "tree", &found.path),
            says: "directory".into(),
            ..Hit::blank(&found.repo)
        }
    }

    fn of_content(found: &ContentMatch, n_lines_window: usize) -> Self {
        let mut lines = hit_lines(found, n_lines_window);
        // One line behind a click is sillier than one line more.
        let n_open = if lines.len() <= N_LINES_OPEN + 1 { lines.len() } else { N_LINES_OPEN };
        let more = lines.split_off(n_open);
        let first = lines.first().map(|line| line.url.clone());
        let n_rest = found.n_lines.saturating_sub(found.lines.len() as u64);
        let file = Hit::of_file(
            &found.repo,
            &found.refs,
            found.commit,
            &found.path,
            &found.path_ranges,
            found.language,
        );
        Hit {
            // Where the first match is: that is what one opens the file for.
            url: first.unwrap_or(file.url),
            more_says: format!("{} more in this file", thousands(more.len() as u64 + n_rest)),
            rest: (n_rest > 0)
                .then(|| format!("{} not shown here: open the file", count(n_rest, "line", "lines"))),
            says: count(found.n_matches.max(1), "match", "matches"),
            lines,
            more,
            ..file
        }
    }

    fn of_path(found: &PathMatch) -> Self {
        let says = match found.change {
            Some(FileChange::Deleted) => "deleted file, as it was before",
            _ if found.ranges.is_empty() => "file",
            _ => "path matches",
        };
        Hit {
            says: says.into(),
            ..Hit::of_file(&found.repo, &found.refs, found.commit, &found.path, &found.ranges, found.language)
        }
    }

    fn of_file(
        repo: &RepoName,
        refs: &[RefName],
        commit: ObjectId,
        path: &[u8],
        ranges: &[ByteRange],
        language: model::Language,
    ) -> Self {
        let names: Vec<&str> = refs.iter().map(RefName::short).collect();
        let mut shown = names.iter().take(N_REFS_SHOWN).copied().collect::<Vec<_>>().join(", ");
        if names.len() > N_REFS_SHOWN {
            shown.push_str(&format!(" and {} more", thousands((names.len() - N_REFS_SHOWN) as u64)));
        }
        Hit {
            path: Some(marked_bytes(path, ranges)),
            url: match_link(repo, refs, commit, path),
            repo_url: repo_link(repo, match_rev(refs, commit).as_deref()),
            language: LanguageLabel::of(language),
            refs: shown,
            refs_title: names.iter().take(100).copied().collect::<Vec<_>>().join("\n"),
            ..Hit::blank(repo)
        }
    }

    fn blank(repo: &RepoName) -> Self {
        Hit {
            repo: Html::text(repo.as_str()),
            repo_url: repo_link(repo, None),
            path: None,
            url: String::new(),
            language: None,
            kind: None,
            says: String::new(),
            refs: String::new(),
            refs_title: String::new(),
            lines: Vec::new(),
            more: Vec::new(),
            more_says: String::new(),
            score: None,
            rest: None,
        }
    }
}

fn hit_lines(found: &ContentMatch, n_lines_window: usize) -> Vec<HitLine> {
    let rev = match_rev(&found.refs, found.commit);
    let mut before = None;
    let mut goes_on = false;
    let line = |line: &LineMatch| {
        let gap = before.is_some_and(|before| before + 1 < line.number);
        let is_next = before.is_some_and(|before| before + 1 == line.number);
        before = Some(line.number);
        let mut ranges = line.ranges.clone();
        // Of a match that goes on from the line above, the indentation is not shown as found.
        let indent = line.text.len() - line.text.trim_start().len();
        if let Some(first) = ranges.first_mut().filter(|first| goes_on && is_next && first.start == 0) {
            first.start = indent.min(first.end);
        }
        goes_on = line.ranges.last().is_some_and(|last| last.end >= line.text.trim_end().len());
        let number = usize::try_from(line.number).unwrap_or(usize::MAX);
        let mut text = Html::marked(&line.text, &ranges);
        if line.is_cut {
            text.push_classed("m", " ⋯");
        }
        let url = line_link(&found.repo, rev.as_deref(), &found.path, number, n_lines_window);
        HitLine { number: line.number, url, text, gap, class: "" }
    };
    found.lines.iter().map(line).collect()
}

/// A path with marks. Bytes that are not UTF-8 are replaced, which moves offsets: then nothing is marked.
fn marked_bytes(path: &[u8], ranges: &[ByteRange]) -> Html {
    match std::str::from_utf8(path) {
        Ok(path) => Html::marked(path, ranges),
        Err(_) => Html::text(&String::from_utf8_lossy(path)),
    }
}

impl Summary {
    pub(crate) fn of(
        text: &str,
        query: &query::Query,
        stats: &Stats,
        found_alert: Option<String>,
        n_shown: usize,
    ) -> Self {
        let skipped: Vec<SkippedView> = stats
            .skipped
            .iter()
            .map(|skipped| SkippedView {
                title: skipped.title.clone(),
                message: skipped.message.clone(),
                link: skipped.suggested_query.as_deref().map(|query| query_link(query, "")),
            })
            .collect();
        let warn =
            !stats.complete || stats.skipped.iter().any(|skipped| skipped.severity == Severity::Warning);
        Summary {
            found: found(&query.settings, stats, n_shown),
            duration: duration_us(u64::try_from(stats.duration.as_micros()).unwrap_or(u64::MAX)),
            skipped_count: match (warn, skipped.len()) {
                (false, n) => count(n as u64, "note", "notes"),
                (true, 0 | 1) => String::new(),
                (true, n) => format!("and {} more", n - 1),
            },
            skipped,
            warn,
            nothing: n_shown == 0,
            why_url: super::why::link_for_query(text),
            count_url: search_link(text).replacen("/search", "/aggregate", 1),
            export_url: search_link(text).replacen("/search", "/exports", 1),
            json_url: format!("/api/v1{}", search_link(text)),
            alerts: alert_views(text, query, found_alert),
        }
    }
}

/// `1,058 lines in 688 files, 1 repository`, in the words of what was asked for.
fn found(settings: &query::Settings, stats: &Stats, n_shown: usize) -> String {
    use query::{ResultType, Select};
    let repos = count(stats.repos, "repository", "repositories");
    let only = |wanted| match settings.types.as_slice() {
        [only] => only.value == wanted,
        _ => false,
    };
    let select = settings.select.value.as_ref();
    let is_symbols =
        only(ResultType::Symbol) || (settings.types.is_empty() && matches!(select, Some(Select::Symbol(_))));
    let files = count(stats.files, "file", "files");
    match (stats.lines, stats.files, select) {
        _ if n_shown == 0 => "No results".into(),
        (_, _, Some(Select::Repo)) | (0, 0, _) => repos,
        (_, _, Some(Select::Commit)) => repos,
        _ if only(ResultType::Commit) => format!("{}, {repos}", count(stats.files, "commit", "commits")),
        (0, changes, _) if only(ResultType::Diff) => {
            format!("{}, {repos}", count(changes, "changed file", "changed files"))
        }
        (lines, changes, _) if only(ResultType::Diff) => {
            let changes = count(changes, "changed file", "changed files");
            format!("{} in {changes}, {repos}", count(lines, "line", "lines"))
        }
        (_, _, Some(Select::File | Select::FilePath | Select::FileDirectory | Select::FileOwners)) => {
            format!("{files}, {repos}")
        }
        (lines, _, _) if is_symbols => {
            format!("{} in {files}, {repos}", count(lines, "definition", "definitions"))
        }
        (0, _, _) => format!("{files}, {repos}"),
        (lines, _, _) => format!("{} in {files}, {repos}", count(lines, "line", "lines")),
    }
}

impl FaultView {
    pub(crate) fn of(text: &str, fault: &QueryFault) -> Self {
        FaultView {
            message: fault.message.clone(),
            underlined: fault.span.map(|span| underlined(text, span)),
            hint: fault.hint.as_deref().map(crate::searching::sentence),
            mended: fault.suggestion.as_deref().map(|query| query_link(query, "")),
        }
    }
}

/// What is to be said of a query as a whole: its contradictions, and what the engine found.
fn alert_views(text: &str, query: &query::Query, found: Option<String>) -> Vec<AlertView> {
    let said = found.map(|message| AlertView { message, hint: String::new(), mended: None });
    let alerts = crate::searching::query_alerts(text, query);
    alerts.iter().map(AlertView::of).chain(said).take(N_ALERTS_SHOWN).collect()
}

impl AlertView {
    fn of(alert: &query::Alert) -> Self {
        AlertView {
            message: crate::searching::sentence(&alert.message),
            hint: crate::searching::sentence(&alert.hint),
            mended: alert.suggestion.as_deref().map(|query| query_link(query, "")),
        }
    }
}

/// The three groups of facets, as links from this query.
pub(crate) fn facet_groups(text: &str, facets: &Facets) -> Vec<FacetGroup> {
    let group = |title, facets: &[Facet]| FacetGroup {
        title,
        facets: facets.iter().take(N_FACETS_SHOWN).map(|facet| FacetView::of(text, facet)).collect(),
    };
    vec![
        group("Repository", &facets.repos),
        group("Language", &facets.languages),
        group("Path", &facets.paths),
    ]
}

impl FacetView {
    fn of(text: &str, facet: &Facet) -> Self {
        let on = has_filter(text, &facet.filter);
        let query = match on {
            true => without_filter(text, &facet.filter),
            false => with_filter(text, &facet.filter),
        };
        FacetView {
            value: facet.value.clone(),
            title: if on { format!("Remove {}", facet.filter) } else { format!("Add {}", facet.filter) },
            count: thousands(facet.n_files),
            url: search_link(&query),
            on,
        }
    }
}

/// What to try when nothing was found.
pub(crate) fn advice(text: &str, query: &query::Query) -> Vec<QueryLink> {
    let mut advice = Vec::new();
    // What contradicts itself is mended, not widened.
    if !crate::searching::query_alerts(text, query).is_empty() {
        return advice;
    }
    if query.settings.case_sensitive.value
        && let Some(other) = crate::paint::toggled(text, "case")
    {
        advice.push(query_link(&other, "ignore upper and lower case"));
    }
    if query.settings.revs.is_empty() && !text.contains("repo:") {
        let everywhere = with_filter(text, "rev:*refs/*");
        advice.push(query_link(&everywhere, "look at every branch and tag"));
    }
    for (setting, filter, says) in [
        (query.settings.fork.value, "fork:yes", "include forks"),
        (query.settings.archived.value, "archived:yes", "include archived repositories"),
    ] {
        if setting == query::Inclusion::No && !text.contains(filter.split(':').next().unwrap_or(filter)) {
            advice.push(query_link(&with_filter(text, filter), says));
        }
    }
    advice
}
