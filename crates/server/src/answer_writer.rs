//! The answer of `GET /api/v1/search`, written piece by piece for front ends other than HTTP.

use crate::searching::alert_of;
use crate::wire::{MatchShape, StatsShape, filters};
use query::Query;
use search::{Match, Summary};
use std::io::{self, Write};

/// Writes the JSON document that the API answers a search with, as results come: an answer of a million lines is never
/// held whole. One result stands on one line.
#[derive(Debug)]
pub struct AnswerWriter<W: Write> {
    out: W,
    n_written: u64,
}

impl<W: Write> AnswerWriter<W> {
    /// Begins the document.
    pub fn begin(mut out: W, text: &str) -> io::Result<Self> {
        write!(out, "{{\"query\":{},\n\"matches\":[", serde_json::to_string(text)?)?;
        Ok(AnswerWriter { out, n_written: 0 })
    }

    /// Writes some results.
    pub fn matches(&mut self, matches: &[Match]) -> io::Result<()> {
        for found in matches {
            self.out.write_all(if self.n_written == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut self.out, &MatchShape::of(found))?;
            self.n_written += 1;
        }
        Ok(())
    }

    /// Ends the document with the counts. `text` is what the query was parsed from.
    pub fn finish(mut self, text: &str, query: &Query, summary: &Summary) -> io::Result<()> {
        let stats = serde_json::to_string(&StatsShape::of(&summary.stats))?;
        let filters = serde_json::to_string(&filters(&summary.facets))?;
        let alert = serde_json::to_string(&alert_of(text, query).or_else(|| summary.alert.clone()))?;
        writeln!(self.out, "],\n\"stats\":{stats},\n\"filters\":{filters},\n\"alert\":{alert}}}")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use search::RepoMatch;

    #[test]
    fn pieces_make_one_document() {
        let repo = model::RepoName::new("a/b").unwrap();
        let found = Match::Repo(RepoMatch { repo_id: model::RepoId(1), repo, ranges: vec![], score: 1.0 });
        let query = query::parse("b", &query::Options::default()).unwrap();
        let mut out = Vec::new();
        let mut writer = AnswerWriter::begin(&mut out, "b\"").unwrap();
        writer.matches(&[found.clone(), found.clone()]).unwrap();
        writer.matches(&[found]).unwrap();
        writer.finish("b\"", &query, &Summary::default()).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["query"], "b\"");
        assert_eq!(json["matches"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["matches"][0]["url"], "/r/a/b");
        assert_eq!((&json["stats"]["lines"], &json["alert"]), (&0.into(), &serde_json::Value::Null));
    }
}
