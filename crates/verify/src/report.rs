//! What a proof found.

use access::Timestamp;
use askama::Template;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Findings that are told one by one; more are counted.
const N_FINDINGS_MAX: usize = 50;

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds for all that was looked at.
    Held,
    /// It does not.
    Failed,
    /// It could not be looked at.
    NotProven,
}

impl Verdict {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Held => "held",
            Verdict::Failed => "failed",
            Verdict::NotProven => "not proven",
        }
    }
}

/// One claim and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, to be referred to: `planted.stranger`.
    pub id: String,
    /// What is claimed.
    pub claim: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was looked at, counted.
    pub measured: String,
    /// What speaks against it, or why it could not be looked at; the first 50.
    pub findings: Vec<String>,
    /// How many there were.
    pub n_findings: u64,
}

impl Check {
    /// A claim that holds as long as nothing is found against it.
    pub(crate) fn new(id: impl Into<String>, claim: impl Into<String>) -> Self {
        Check {
            id: id.into(),
            claim: claim.into(),
            verdict: Verdict::Held,
            measured: String::new(),
            findings: Vec::new(),
            n_findings: 0,
        }
    }

    /// Something speaks against it.
    pub(crate) fn fail(&mut self, finding: impl Into<String>) {
        self.verdict = Verdict::Failed;
        self.note(finding);
    }

    /// It could not be looked at, or not at all of it. What failed stays failed.
    pub(crate) fn leave_open(&mut self, reason: impl Into<String>) {
        if self.verdict == Verdict::Held {
            self.verdict = Verdict::NotProven;
        }
        self.note(reason);
    }

    /// Says what was looked at.
    pub(crate) fn measured(mut self, measured: impl Into<String>) -> Self {
        self.measured = measured.into();
        self
    }

    fn note(&mut self, finding: impl Into<String>) {
        self.n_findings += 1;
        if self.findings.len() < N_FINDINGS_MAX {
            self.findings.push(finding.into());
        }
    }
}

/// Claims about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What they are about.
    pub title: String,
    /// How they are looked at.
    pub method: String,
    /// The claims.
    pub checks: Vec<Check>,
}

/// What a proof found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was to be proved.
    pub title: String,
    /// The promise behind it.
    pub promise: String,
    /// The server that was asked.
    pub server: String,
    /// Its version.
    pub version: String,
    /// When it began, in milliseconds since 1970.
    pub began_at_ms: i64,
    /// When it ended, in milliseconds since 1970.
    pub ended_at_ms: i64,
    /// How it came out: failed where one claim did, else not proven where one is not.
    pub verdict: Verdict,
    /// What was looked at.
    pub parts: Vec<Part>,
}

impl Report {
    /// Sums up.
    pub(crate) fn conclude(&mut self, ended_at: Timestamp) {
        let verdicts: Vec<Verdict> = self.checks().map(|check| check.verdict).collect();
        self.verdict = match () {
            () if verdicts.contains(&Verdict::Failed) => Verdict::Failed,
            () if verdicts.contains(&Verdict::NotProven) || verdicts.is_empty() => Verdict::NotProven,
            () => Verdict::Held,
        };
        self.ended_at_ms = ended_at.0;
    }

    /// All claims.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.parts.iter().flat_map(|part| &part.checks)
    }

    /// How many claims came out so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks().filter(|check| check.verdict == verdict).count()
    }

    /// A page that stands alone: no script, nothing loaded, fit for printing.
    pub fn to_html(&self) -> String {
        let page = ReportPage { report: self };
        // A template that is checked when it is compiled fails only where writing to a string does.
        page.render().unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'a> {
    report: &'a Report,
}

impl ReportPage<'_> {
    fn time(&self, ms: &i64) -> String {
        let moment = jiff::Timestamp::from_millisecond(*ms).unwrap_or_default();
        moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    fn seconds(&self) -> String {
        format!("{:.1}", (self.report.ended_at_ms - self.report.began_at_ms) as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(checks: Vec<Check>) -> Report {
        let part = Part { title: "A".into(), method: "by looking".into(), checks };
        let mut report = Report {
            title: "Permissions".into(),
            promise: "Nobody sees what they may not.".into(),
            server: "http://127.0.0.1:7080".into(),
            version: "1".into(),
            began_at_ms: 0,
            ended_at_ms: 0,
            verdict: Verdict::Held,
            parts: vec![part],
        };
        report.conclude(Timestamp(1500));
        report
    }

    #[test]
    fn one_failure_fails_all_and_nothing_proves_nothing() {
        assert_eq!(report(Vec::new()).verdict, Verdict::NotProven);
        let held = Check::new("a", "b");
        let mut open = held.clone();
        open.leave_open("no server");
        let mut failed = open.clone();
        failed.fail("<script>");
        failed.leave_open("more");
        assert_eq!(report(vec![held.clone()]).verdict, Verdict::Held);
        assert_eq!(report(vec![held.clone(), open.clone()]).verdict, Verdict::NotProven);
        let report = report(vec![held, open, failed]);
        assert_eq!((report.verdict, report.count(Verdict::Held)), (Verdict::Failed, 1));
        let html = report.to_html();
        assert!(!html.contains("<script>") && html.contains("&#60;script&#62;"), "{html}");
        assert!(html.contains("1970-01-01 00:00:00 UTC") && html.contains("1.5 s"));
    }

    #[test]
    fn findings_are_counted_and_some_told() {
        let mut check = Check::new("a", "b");
        (0..200).for_each(|number| check.fail(number.to_string()));
        assert_eq!((check.findings.len(), check.n_findings), (N_FINDINGS_MAX, 200));
    }
}
