//! `sourcekeep why`: why a file is, or is not, found.

use crate::app::App;
use crate::cli::WhyArgs;
use crate::failure::{Outcome, UsageError};
use crate::terminal::{self, ERROR, LINE_NUMBER, PATH, harmless};
use model::RepoName;
use search::{CancelToken, Catalog, Limits, Searcher, Why, WhyAsked, WhySuggestion};
use store::Source;

pub(super) async fn run(app: &App, args: WhyArgs) -> anyhow::Result<Outcome> {
    let text = args.query.join(" ");
    let query = match text.trim().is_empty() {
        true => None,
        false => match query::parse(&text, &query::Options::default()) {
            Ok(query) => Some(query),
            Err(error) => return Ok(super::search::refuse(&text, &error)),
        },
    };
    let repo = RepoName::new(args.repo.as_str())
        .map_err(|error| UsageError::new(format!("'{}': {error}", harmless(&args.repo))))?;
    let opened = app.open().await?;
    let access = opened.access_set(args.user.as_deref()).await?;
    let query = match query {
        Some(query) => match opened.expand_contexts(args.user.as_deref(), query).await? {
            Ok(query) => Some(query),
            Err(error) => return Ok(super::search::refuse(&text, &error)),
        },
        None => None,
    };
    let catalog = Catalog::new();
    mirror::open_catalog(&opened.store, &opened.data, &catalog).await?;
    let searcher = Searcher::new(opened.config.n_search_threads())?;
    let now_seconds = access::Clock::now(&access::SystemClock).0.div_euclid(1000);
    let limits = Limits { now_seconds, ..Limits::default() };
    // SECURITY: the row comes under the caller's rights; without it git is not asked.
    let row = opened.store.repository_by_name(&access, &repo).await?;
    let objects = row.map(|row| match &row.source {
        Source::Local(path) => path.clone(),
        Source::Remote(_) => opened.data.mirror(row.id),
    });
    let path = args.path.trim_matches('/').as_bytes().to_vec();
    let (snapshot, rev) = (catalog.snapshot(), args.rev);
    let asking = tokio::task::spawn_blocking(move || {
        let asked = WhyAsked { repo: &repo, path: &path, rev: rev.as_deref(), query: query.as_ref() };
        let mut why = searcher.why_not(&snapshot, &access, asked, &limits, &CancelToken::new())?;
        if why.is_missing
            && let Some(objects) = objects
            && let Ok(repository) = git::Repository::open(&objects, &git::OpenOptions::default())
        {
            why.steps.push(mirror::why_in_git(&repository, rev.as_deref(), &path));
        }
        Ok::<_, search::SearchError>((why, repo, rev, path))
    });
    let (why, repo, rev, path) = asking.await?.map_err(|error| UsageError::new(error.to_string()))?;
    match app.common.json {
        true => terminal::print_json(&server::why_json(&why, &repo, rev.as_deref(), &path)),
        false => print(&why),
    }
    Ok(if why.is_found { Outcome::Done } else { Outcome::NothingFound })
}

fn print(why: &Why) {
    for step in &why.steps {
        let indent = "  ".repeat(usize::from(step.depth));
        let text = harmless(&step.text);
        match step.holds {
            Some(true) => {
                terminal::print_line(format_args!("{indent}{LINE_NUMBER}yes{LINE_NUMBER:#}  {text}"))
            }
            Some(false) => terminal::print_line(format_args!("{indent}{ERROR}no{ERROR:#}   {text}")),
            None => terminal::print_line(format_args!("{indent}     {text}")),
        }
        for suggestion in &step.suggestions {
            let (word, value) = match suggestion {
                WhySuggestion::Repo(name) => ("repository", name.to_string()),
                WhySuggestion::Rev(rev) => ("in", rev.clone()),
                WhySuggestion::Path(path) => ("there is", String::from_utf8_lossy(path).into_owned()),
                WhySuggestion::Query(query) => ("try", query.clone()),
            };
            terminal::print_line(format_args!("{indent}       {word}: {PATH}{}{PATH:#}", harmless(&value)));
        }
    }
}
