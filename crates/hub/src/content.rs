//! What stands in the files of feeds. The hub checks it before it signs, and whoever fetched it once more.
//!
//! Keys that are not known are passed over, so that older servers read what newer hubs publish.

use crate::FeedKind;
use crate::identity::digest_of;
use crate::lines::from_hex;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Most entries of one feed.
const N_ENTRIES_MAX: usize = 200_000;
/// Longest id, version, name, in bytes.
const WORD_BYTES_MAX: usize = 200;

/// The content of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Of advisories.
    Advisories(Vec<Advisory>),
    /// Of releases.
    Releases(Vec<Release>),
    /// Of rules.
    Rules(Vec<RulePack>),
}

/// A fault of packages, in the form of OSV (ossf.github.io/osv-schema); the file holds the rest of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Advisory {
    /// Its id, such as `GHSA-…`.
    pub id: String,
    /// When it was changed last, RFC 3339.
    pub modified: String,
    /// A sentence about it.
    #[serde(default)]
    pub summary: String,
    /// What is concerned.
    #[serde(default)]
    pub affected: Vec<Affected>,
}

/// Something that an advisory concerns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Affected {
    /// The package, where it is one.
    pub package: Option<Package>,
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// Whose names these are, such as `crates.io`.
    pub ecosystem: String,
    /// Its name there.
    pub name: String,
}

/// A version of Sourcekeep.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// The version, `1.2.3`.
    pub version: String,
    /// The day it was released, `2026-11-24`.
    pub date: String,
    /// SHA-256 of what is released, in hexadecimal digits.
    pub sha256: String,
    /// How grave the worst is that it mends.
    pub severity: Severity,
}

/// How grave a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing that concerns security.
    None,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Severity::None => "none",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// A pack of rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RulePack {
    /// Its id.
    pub id: String,
    /// Its version, `1.2.3`.
    pub version: String,
    /// SHA-256 of its file, in hexadecimal digits.
    pub sha256: String,
    /// Its file: the whole text.
    pub file: String,
}

/// A file is not what a feed holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadContent {
    /// Not JSON, or not of the shape.
    #[error("the file of the {kind} cannot be read: {reason}")]
    Shape {
        /// Of which feed.
        kind: FeedKind,
        /// What the parser said.
        reason: String,
    },
    /// An entry says something that cannot be.
    #[error("entry {number} of the {kind}: {fault}")]
    Entry {
        /// Of which feed.
        kind: FeedKind,
        /// Which, from 1.
        number: usize,
        /// What is wrong.
        fault: &'static str,
    },
    /// Too many entries.
    #[error("the {0} have more than {N_ENTRIES_MAX} entries")]
    TooMany(FeedKind),
}

#[derive(Deserialize)]
struct Advisories {
    advisories: Vec<Advisory>,
}

#[derive(Deserialize)]
struct Releases {
    releases: Vec<Release>,
}

#[derive(Deserialize)]
struct Packs {
    packs: Vec<RulePack>,
}

impl Content {
    /// Reads the file of a feed.
    pub fn parse(kind: FeedKind, body: &[u8]) -> Result<Self, BadContent> {
        let shape = |error: serde_json::Error| BadContent::Shape { kind, reason: error.to_string() };
        let content = match kind {
            FeedKind::Advisories => {
                Content::Advisories(serde_json::from_slice::<Advisories>(body).map_err(shape)?.advisories)
            }
            FeedKind::Releases => {
                Content::Releases(serde_json::from_slice::<Releases>(body).map_err(shape)?.releases)
            }
            FeedKind::Rules => Content::Rules(serde_json::from_slice::<Packs>(body).map_err(shape)?.packs),
        };
        if content.len() > N_ENTRIES_MAX {
            return Err(BadContent::TooMany(kind));
        }
        match &content {
            Content::Advisories(entries) => each(kind, entries, |entry| entry.id.clone(), Advisory::fault)?,
            Content::Releases(entries) => each(kind, entries, |entry| entry.version.clone(), Release::fault)?,
            Content::Rules(entries) => each(kind, entries, |entry| entry.id.clone(), RulePack::fault)?,
        }
        Ok(content)
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        match self {
            Content::Advisories(entries) => entries.len(),
            Content::Releases(entries) => entries.len(),
            Content::Rules(entries) => entries.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Checks each entry, and that no two have one id.
fn each<T>(
    kind: FeedKind,
    entries: &[T],
    id: impl Fn(&T) -> String,
    fault: impl Fn(&T) -> Option<&'static str>,
) -> Result<(), BadContent> {
    let mut ids = BTreeSet::new();
    for (idx, entry) in entries.iter().enumerate() {
        let twice = || (!ids.insert(id(entry))).then_some("another entry is called the same");
        if let Some(fault) = fault(entry).or_else(twice) {
            return Err(BadContent::Entry { kind, number: idx + 1, fault });
        }
    }
    Ok(())
}

impl Advisory {
    fn fault(&self) -> Option<&'static str> {
        let is_named = |affected: &Affected| {
            affected
                .package
                .as_ref()
                .is_none_or(|package| is_word(&package.ecosystem) && is_word(&package.name))
        };
        match () {
            () if !is_id(&self.id) => Some("the id has other characters than letters, digits and . _ : -"),
            () if self.modified.parse::<jiff::Timestamp>().is_err() => Some("'modified' is no RFC 3339 time"),
            () if !self.affected.iter().all(is_named) => Some("a package has no name or a very long one"),
            () => None,
        }
    }
}

impl Release {
    fn fault(&self) -> Option<&'static str> {
        match () {
            () if !is_version(&self.version) => Some("the version is not written like 1.2.3"),
            () if self.date.parse::<jiff::civil::Date>().is_err() => {
                Some("the date is not written like 2026-11-24")
            }
            () if from_hex::<32>(&self.sha256).is_none() => {
                Some("'sha256' is not 64 small hexadecimal digits")
            }
            () => None,
        }
    }

    /// The three numbers of its version, to compare by.
    pub fn order(&self) -> (u32, u32, u32) {
        Release::order_of(&self.version)
    }

    /// Those of any version; zeros where it is none.
    pub fn order_of(version: &str) -> (u32, u32, u32) {
        numbers(version).unwrap_or_default()
    }
}

impl RulePack {
    fn fault(&self) -> Option<&'static str> {
        match () {
            () if !is_id(&self.id) => Some("the id has other characters than letters, digits and . _ : -"),
            () if !is_version(&self.version) => Some("the version is not written like 1.2.3"),
            () if from_hex(&self.sha256) != Some(digest_of(self.file.as_bytes())) => {
                Some("'sha256' is not that of the file")
            }
            () => None,
        }
    }
}

fn is_id(text: &str) -> bool {
    is_word(text) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

fn is_word(text: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_version(text: &str) -> bool {
    numbers(text).is_some()
}

/// `1.2.3`, without signs and zeros in front.
fn numbers(text: &str) -> Option<(u32, u32, u32)> {
    let number = |part: &str| part.parse::<u32>().ok().filter(|number| number.to_string() == part);
    let mut parts = text.split('.');
    let version = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::hex;

    #[test]
    fn advisories_in_the_form_of_osv() {
        let body = br#"{"advisories":[{"id":"GHSA-c3h9-896r-86jm","modified":"2026-05-17T10:00:00Z","summary":"It overflows.",
            "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}],
            "affected":[{"package":{"ecosystem":"crates.io","name":"generator"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]},
                        {"ranges":[]}]}]}"#;
        let Content::Advisories(read) = Content::parse(FeedKind::Advisories, body).unwrap() else { panic!() };
        assert_eq!((read.len(), read[0].affected.len()), (1, 2));
        assert_eq!(read[0].affected[0].package.as_ref().unwrap().name, "generator");
    }

    #[test]
    fn releases_and_rules() {
        let digest = hex(&digest_of(b"rule: x\n"));
        let body = format!(
            r#"{{"releases":[{{"version":"1.10.0","date":"2026-11-24","sha256":"{digest}","severity":"high"}}]}}"#
        );
        let Content::Releases(read) = Content::parse(FeedKind::Releases, body.as_bytes()).unwrap() else {
            panic!()
        };
        assert!(read[0].order() > (1, 9, 0) && read[0].severity > Severity::Medium);
        let body = format!(
            r#"{{"packs":[{{"id":"base","version":"1.0.0","sha256":"{digest}","file":"rule: x\n"}}]}}"#
        );
        assert_eq!(Content::parse(FeedKind::Rules, body.as_bytes()).unwrap().len(), 1);
        let other = body.replace("rule: x", "rule: y");
        let fault = Content::parse(FeedKind::Rules, other.as_bytes()).unwrap_err();
        assert!(fault.to_string().contains("that of the file"), "{fault}");
    }

    #[test]
    fn what_no_feed_holds() {
        let check = |kind, body: &str| assert!(Content::parse(kind, body.as_bytes()).is_err(), "{body}");
        check(FeedKind::Advisories, "");
        check(FeedKind::Advisories, "[]");
        check(FeedKind::Advisories, r#"{"releases":[]}"#);
        check(FeedKind::Advisories, r#"{"advisories":[{"id":"a b","modified":"2026-05-17T10:00:00Z"}]}"#);
        check(FeedKind::Advisories, r#"{"advisories":[{"id":"a","modified":"yesterday"}]}"#);
        let twice = r#"{"id":"a","modified":"2026-05-17T10:00:00Z"}"#;
        check(FeedKind::Advisories, &format!(r#"{{"advisories":[{twice},{twice}]}}"#));
        check(FeedKind::Advisories, &format!("{}{}", r#"{"advisories":"#, "[".repeat(10_000)));
        for (version, date, severity) in [
            ("1.2", "2026-11-24", "high"),
            ("1.2.3", "24.11.2026", "high"),
            ("1.2.3", "2026-11-24", "bad"),
            ("1.02.3", "2026-11-24", "low"),
        ] {
            let body = format!(
                r#"{{"releases":[{{"version":"{version}","date":"{date}","sha256":"{}","severity":"{severity}"}}]}}"#,
                "0".repeat(64)
            );
            check(FeedKind::Releases, &body);
        }
    }
}
