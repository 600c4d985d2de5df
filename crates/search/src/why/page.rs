//! Whether a file is among what the page shows.

use super::{Asking, WhyAsked, WhyStep, WhySuggestion, WhyWhat};
use crate::words::counted;
use crate::{Limits, Match, SearchError, Sink, Stats};
use query::{Count, Query, Setting};
use std::ops::ControlFlow;

impl Asking<'_> {
    /// Whether the file is among what the page shows.
    pub(super) fn page(&mut self, query: &Query) -> Result<bool, SearchError> {
        let mut place = Place { asked: self.asked, n_before: 0, is_seen: false };
        let access = self.access;
        let summary =
            self.searcher.search(self.snapshot, access, query, self.limits, self.cancel, &mut place)?;
        if place.is_seen {
            let text = format!("The query finds it; it is result {} of those shown.", place.n_before + 1);
            self.say(WhyWhat::Page, Some(true), text);
            return Ok(true);
        }
        let mut all = query.clone();
        all.settings.count = Setting::default_of(Count::All);
        let limits = Limits { lines_per_file: 0, display_max: usize::MAX, ..self.limits.clone() };
        let mut deep = Place { asked: self.asked, n_before: 0, is_seen: false };
        self.searcher.search(self.snapshot, access, &all, &limits, self.cancel, &mut deep)?;
        let text = match deep.is_seen {
            true => format!(
                "It matches, and stands at place {} of all results: the page is full before ({}). A narrower query \
                 or count:all shows it.",
                deep.n_before + 1,
                counted(place.n_before, "result", "results")
            ),
            false if query.settings.select.value.is_some() => {
                "It matches; select: turns files into something else.".into()
            }
            false if !summary.stats.complete => "It matches; the search ended before it came to it.".into(),
            false => "It matches this query alone, and is not shown as a file of its own.".into(),
        };
        let suggestions = vec![WhySuggestion::Query(all.to_string())];
        self.steps.push(WhyStep { what: WhyWhat::Page, holds: Some(false), depth: 0, text, suggestions });
        Ok(false)
    }
}

/// Looks for one file among results.
struct Place<'a> {
    asked: WhyAsked<'a>,
    n_before: u64,
    is_seen: bool,
}

impl Sink for Place<'_> {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for found in &batch {
            let (repo, path) = match found {
                Match::Content(found) => (&found.repo, &found.path),
                Match::Path(found) => (&found.repo, &found.path),
                Match::Symbol(found) => (&found.repo, &found.path),
                _ => {
                    self.n_before += 1;
                    continue;
                }
            };
            if repo == self.asked.repo && path == self.asked.path {
                self.is_seen = true;
                return ControlFlow::Break(());
            }
            self.n_before += 1;
        }
        ControlFlow::Continue(())
    }

    fn progress(&mut self, _stats: &Stats) {}
}
