//! `CODEOWNERS`: one file for a whole repository, in GitHub's dialect or in GitLab's.

use crate::glob::{Glob, GlobStyle};
use crate::{
    Diagnostic, Diagnostics, Fault, OWNERS_PER_RULE_MAX, Ownership, RULES_MAX, SIZE_BYTES_MAX, Section,
    is_address, shown,
};

/// Whose rules of reading a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The last matching rule decides; text after ` #` is a comment.
    /// <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>
    GitHub,
    /// Rules stand in sections, the last matching one of each section decides; `!` takes files out of a section.
    /// <https://docs.gitlab.com/user/project/codeowners/reference/>
    GitLab,
}

/// A file of rules, parsed.
#[derive(Clone, Debug)]
pub struct CodeOwners {
    dialect: Dialect,
    sections: Vec<Rules>,
    diagnostics: Diagnostics,
}

/// The rules of a section, in the order of the file.
#[derive(Clone, Debug, Default)]
struct Rules {
    /// `None` for the rules before the first heading.
    section: Option<Section>,
    default_owners: Vec<String>,
    rules: Vec<Rule>,
    exclusions: Vec<Glob>,
}

#[derive(Clone, Debug)]
struct Rule {
    glob: Glob,
    pattern: String,
    owners: Vec<String>,
    line: u32,
}

impl Dialect {
    /// The dialect of a file at this path with this text. Only GitLab's has headings and exclusions.
    pub fn of(path: &str, text: &str) -> Dialect {
        if path.starts_with(".gitlab/") {
            return Dialect::GitLab;
        }
        let is_gitlabs = |line: &str| {
            let line = line.trim_start();
            let heading = line.strip_prefix('^').unwrap_or(line).strip_prefix('[');
            line.starts_with('!') || heading.is_some_and(|rest| rest.contains(']'))
        };
        match !path.starts_with(".github/") && text.lines().take(RULES_MAX).any(is_gitlabs) {
            true => Dialect::GitLab,
            false => Dialect::GitHub,
        }
    }

    fn style(self) -> GlobStyle {
        match self {
            Dialect::GitHub => GlobStyle::GitHub,
            Dialect::GitLab => GlobStyle::GitLab,
        }
    }
}

impl CodeOwners {
    /// Where a repository keeps its file: the first that is there counts. GitHub's order, then GitLab's own place.
    pub const PATHS: [&'static str; 4] =
        [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

    /// Parses a file. Lines that cannot be used are passed over and told.
    pub fn parse(text: &str, dialect: Dialect) -> CodeOwners {
        let mut parsed =
            CodeOwners { dialect, sections: vec![Rules::default()], diagnostics: Diagnostics::default() };
        if text.len() > SIZE_BYTES_MAX {
            parsed.diagnostics.push(0, Fault::FileTooLarge);
            return parsed;
        }
        let mut current = 0;
        let mut n_rules = 0;
        for (line, number) in text.lines().zip(1u32..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if n_rules >= RULES_MAX {
                parsed.diagnostics.push(number, Fault::TooManyRules);
                break;
            }
            n_rules += 1;
            let heading = line.strip_prefix('^').unwrap_or(line).starts_with('[');
            if dialect == Dialect::GitLab && heading {
                current = parsed.heading(line, number).unwrap_or(current);
            } else {
                parsed.rule(line, number, current);
            }
        }
        parsed
    }

    /// What is wrong with the file.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics.0
    }

    /// The rules that decide who owns a path: at most one of each section. Empty where no rule matches; a rule without owners
    /// says that nobody does.
    pub fn of(&self, path: &[u8]) -> Vec<Ownership> {
        self.sections.iter().filter_map(|rules| rules.of(path)).collect()
    }

    /// Everybody whom a rule names, rule by rule, with its line.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, u32)> {
        let rules = self.sections.iter().flat_map(|section| &section.rules);
        rules.flat_map(|rule| rule.owners.iter().map(|owner| (owner.as_str(), rule.line)))
    }

    fn heading(&mut self, line: &str, number: u32) -> Option<usize> {
        let is_optional = line.starts_with('^');
        let rest = line.strip_prefix('^').unwrap_or(line).strip_prefix('[')?;
        let Some((name, rest)) = rest.split_once(']').filter(|(name, _)| !name.trim().is_empty()) else {
            self.diagnostics.push(number, Fault::BadSection);
            return None;
        };
        let counted = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (n_approvals, rest) = match counted {
            Some((count, rest)) => match count.trim().parse::<u32>() {
                Ok(count) if (1..=1000).contains(&count) => (count, rest),
                _ => {
                    self.diagnostics.push(number, Fault::BadSection);
                    (1, rest)
                }
            },
            None => (1, rest),
        };
        let default_owners = self.owners(rest.split_whitespace(), number);
        let name = name.trim();
        let known = self.sections.iter().position(|rules| {
            rules.section.as_ref().is_some_and(|known| known.name.to_lowercase() == name.to_lowercase())
        });
        if let Some(known) = known {
            // Sections of one name are one; what a later heading says counts for its own rules only by its owners.
            let rules = &mut self.sections[known];
            if !default_owners.is_empty() {
                rules.default_owners = default_owners;
            }
            return Some(known);
        }
        let section = Some(Section { name: name.to_owned(), is_optional, n_approvals });
        self.sections.push(Rules { section, default_owners, ..Rules::default() });
        Some(self.sections.len() - 1)
    }

    fn rule(&mut self, line: &str, number: u32, current: usize) {
        let (exclusion, line) = match line.strip_prefix('!') {
            Some(rest) if self.dialect == Dialect::GitLab => (true, rest),
            _ => (false, line),
        };
        let (pattern, rest) = split_pattern(line);
        if self.dialect == Dialect::GitHub && pattern.starts_with('!') {
            let fault = Fault::BadPattern(crate::GlobError::Unsupported('!'));
            self.diagnostics.push(number, fault);
            return;
        }
        let glob = match Glob::new(&normalized(pattern, self.dialect), self.dialect.style()) {
            Ok(glob) => glob,
            Err(error) => {
                self.diagnostics.push(number, Fault::BadPattern(error));
                return;
            }
        };
        if exclusion {
            self.sections[current].exclusions.push(glob);
            return;
        }
        let words = rest.split_whitespace();
        let mut owners = match self.dialect {
            Dialect::GitHub => self.owners(words.take_while(|word| !word.starts_with('#')), number),
            Dialect::GitLab => self.owners(words, number),
        };
        if owners.is_empty() {
            owners.clone_from(&self.sections[current].default_owners);
        }
        self.sections[current].rules.push(Rule { glob, pattern: pattern.to_owned(), owners, line: number });
    }

    fn owners<'w>(&mut self, words: impl Iterator<Item = &'w str>, number: u32) -> Vec<String> {
        let mut owners: Vec<String> = Vec::new();
        for word in words {
            let is_name = word.len() > 1
                && word.starts_with('@')
                && word.trim_start_matches('@').len() >= word.len() - 2;
            if !is_name && !is_address(word) {
                self.diagnostics.push(number, Fault::BadOwner(shown(word)));
            } else if owners.len() >= OWNERS_PER_RULE_MAX {
                self.diagnostics.push(number, Fault::TooManyOwners);
                break;
            } else if !owners.iter().any(|known| known == word) {
                owners.push(word.to_owned());
            }
        }
        owners
    }
}

impl Rules {
    fn of(&self, path: &[u8]) -> Option<Ownership> {
        let rule = self.rules.iter().rev().find(|rule| rule.glob.is_match(path))?;
        if self.exclusions.iter().any(|glob| glob.is_match(path)) {
            return None;
        }
        Some(Ownership {
            owners: rule.owners.clone(),
            pattern: rule.pattern.clone(),
            line: rule.line,
            section: self.section.clone(),
        })
    }
}

/// Cuts a line behind its pattern: at the first white space that no backslash stands before.
fn split_pattern(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        if c.is_whitespace() && !is_escaped {
            return (&line[..at], &line[at..]);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    (line, "")
}

fn normalized(pattern: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::GitHub => pattern.to_owned(),
        // As `File.fnmatch` sees it: a directory is everything in it, at any depth.
        Dialect::GitLab => pattern.strip_prefix("\\#").map_or(pattern.to_owned(), |rest| format!("#{rest}")),
    }
}
