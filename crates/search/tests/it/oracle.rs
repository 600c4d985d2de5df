//! What the answer must be, by brute force: every document, line by line, with plain regular expressions.

use crate::world::{File, Repo, Tree, language};
use model::ByteRange;
use query::{
    ContextFilter, ContextScope, Expr, FilePredicate, Filter, FilterKind, PatternKind, Query, RepoPredicate,
    ResultType, RevKind, Target,
};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use std::collections::{BTreeMap, BTreeSet};

/// A document: repository, path, content, the branches that hold it.
pub(crate) type Key = (String, Vec<u8>, File, Vec<String>);
/// A line: its number, its text, what is marked in it.
pub(crate) type Line = (u64, String, Vec<ByteRange>);

/// A whole answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) content: BTreeMap<Key, Vec<Line>>,
    pub(crate) paths: BTreeSet<Key>,
    pub(crate) repos: BTreeSet<String>,
    pub(crate) n_lines: u64,
    pub(crate) n_matches: u64,
}

/// A pattern whose matches stay on a line, or not.
pub(crate) fn is_document_wide(pattern: &PatternKind) -> bool {
    match pattern {
        PatternKind::Literal(text) => text.contains('\n'),
        PatternKind::Regex(regex) => {
            ["\\n", "(?s)", "\\A", "\\z"].iter().any(|marker| regex.as_str().contains(marker))
        }
        PatternKind::Structural(_) => false,
    }
}

fn regex(pattern: &PatternKind, case_sensitive: bool, multi_line: bool) -> Regex {
    let text = match pattern {
        PatternKind::Literal(text) => regex_syntax::escape(text),
        PatternKind::Regex(regex) => regex.as_str().to_owned(),
        PatternKind::Structural(_) => unreachable!("not generated"),
    };
    build(&text, case_sensitive, multi_line)
}

fn build(text: &str, case_sensitive: bool, multi_line: bool) -> Regex {
    let config = syntax::Config::new().case_insensitive(!case_sensitive).multi_line(multi_line);
    Regex::builder().syntax(config).build(text).expect("the query was parsed")
}

fn find(regex: &Regex, text: &[u8]) -> Vec<(usize, usize)> {
    regex.find_iter(text).map(|found| (found.start(), found.end())).collect()
}

/// All matches of a pattern in a text, as offsets into the text.
fn hits(pattern: &PatternKind, case_sensitive: bool, text: &[u8]) -> Vec<(usize, usize)> {
    if is_document_wide(pattern) {
        let in_a_line = |start: usize| start < text.len() || text.last().is_some_and(|byte| *byte != b'\n');
        let found = find(&regex(pattern, case_sensitive, true), text);
        return found.into_iter().filter(|(start, _)| in_a_line(*start)).collect();
    }
    let regex = regex(pattern, case_sensitive, true);
    let mut hits = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        hits.extend(find(&regex, bare).into_iter().map(|(start, end)| (offset + start, offset + end)));
        offset += line.len();
    }
    hits
}

/// Answers a query over repositories that may all be read.
pub(crate) fn answer(repos: &[&Repo], query: &Query) -> Expected {
    let mut expected = Expected::default();
    for repo in repos {
        let settings = &query.settings;
        let admits = |setting: &query::Setting<query::Inclusion>, is_such: bool| {
            // What is left out by default a context may hold.
            (setting.span.is_none() && has_saved(&query.expr)) || setting.value.admits(is_such)
        };
        if !admits(&settings.fork, repo.is_fork) || !admits(&settings.archived, repo.is_archived) {
            continue;
        }
        let mut docs: BTreeMap<(&Vec<u8>, &File), Vec<String>> = BTreeMap::new();
        for (branch, tree) in selected(repo, query) {
            for (path, file) in tree {
                docs.entry((path, file)).or_default().push(branch.clone());
            }
        }
        let in_repo = RepoView { repo, docs: &docs, query };
        if wants_documents(query) {
            for ((path, file), branches) in &docs {
                document(&in_repo, path, file, branches.clone(), &mut expected);
            }
        }
        if settings.wants(ResultType::Repo) && repo_matches(&in_repo) {
            expected.repos.insert(repo.name.clone());
        }
    }
    expected
}

/// A repository, its documents in the selected revisions, and what is asked.
struct RepoView<'a> {
    repo: &'a Repo,
    docs: &'a BTreeMap<(&'a Vec<u8>, &'a File), Vec<String>>,
    query: &'a Query,
}

impl RepoView<'_> {
    fn has(&self, predicate: &RepoPredicate) -> bool {
        let case_sensitive = self.query.settings.case_sensitive.value;
        let about = &self.repo.about;
        let in_name =
            |regex: &query::Regex, name: &[u8]| build(regex.as_str(), case_sensitive, false).is_match(name);
        let some_file = |path: Option<&query::Regex>, content: Option<&query::Regex>| {
            self.docs.keys().any(|(known, file)| {
                path.is_none_or(|path| in_name(path, known))
                    && content.is_none_or(|content| holds_in(file, content, case_sensitive))
            })
        };
        match predicate {
            RepoPredicate::Path(path) => some_file(Some(path), None),
            RepoPredicate::Content(content) => some_file(None, Some(content)),
            RepoPredicate::File { path, content } => some_file(path.as_ref(), content.as_ref()),
            RepoPredicate::Description(regex) => {
                !about.description.is_empty() && in_name(regex, about.description.as_bytes())
            }
            RepoPredicate::Topic(topic) => about.topics.contains(topic),
            RepoPredicate::Meta { key, value: None } => about.metadata.contains_key(key),
            RepoPredicate::Meta { key, value } => about
                .metadata
                .get(key)
                .is_some_and(|known| known.clone().unwrap_or_default() == *value.as_ref().expect("some")),
            RepoPredicate::CommitAfter(_) => unreachable!("not generated"),
        }
    }
}

impl RepoView<'_> {
    /// What is left out by default is only left out where no context speaks.
    fn holds_with_defaults(
        &self,
        expr: &Expr,
        settings: &query::Settings,
        holds: &dyn Fn(&Expr) -> bool,
    ) -> bool {
        let below = |operand: &Expr| self.holds_with_defaults(operand, settings, holds);
        match expr {
            Expr::And { operands, .. } if has_saved(expr) => operands
                .iter()
                .all(|operand| if has_saved(operand) { below(operand) } else { holds(operand) }),
            Expr::Or { operands, .. } if has_saved(expr) => operands.iter().any(below),
            Expr::Filter(_) if has_saved(expr) => holds(expr),
            other => {
                let fork = settings.fork.value.admits(self.repo.is_fork);
                fork && settings.archived.value.admits(self.repo.is_archived) && holds(other)
            }
        }
    }

    fn in_context(&self, context: &ContextFilter, holds: &dyn Fn(&RepoView<'_>, &Expr) -> bool) -> bool {
        let Some(ContextScope::Saved { repositories, query }) = context.scope.as_deref() else { return true };
        if repositories.contains_key(&self.repo.name) {
            return true;
        }
        let Some(part) = query else { return false };
        // A context means the same under case:yes.
        let mut query = self.query.clone();
        query.settings.case_sensitive.value = false;
        let inner = RepoView { query: &query, ..*self };
        let visible = match part.settings.visibility.value {
            query::Visibility::Any => true,
            query::Visibility::Public => self.repo.visibility == search::Visibility::Public,
            query::Visibility::Private => self.repo.visibility == search::Visibility::Private,
        };
        visible && self.holds_with_defaults(&part.expr, &part.settings, &|expr| holds(&inner, expr))
    }
}

fn has_saved(expr: &Expr) -> bool {
    match expr {
        Expr::And { operands, .. } | Expr::Or { operands, .. } => operands.iter().any(has_saved),
        Expr::Filter(Filter { kind: FilterKind::Context(context), .. }) => {
            matches!(context.scope.as_deref(), Some(ContextScope::Saved { .. }))
        }
        _ => false,
    }
}

/// Whether a context asks something of files.
fn asks_files(filter: &Filter) -> bool {
    let FilterKind::Context(context) = &filter.kind else { return false };
    let Some(ContextScope::Saved { query: Some(part), .. }) = context.scope.as_deref() else { return false };
    leaves(part).1
}

/// Whether a file's content holds a pattern.
fn holds_in(file: &File, regex: &query::Regex, case_sensitive: bool) -> bool {
    let File::Text(text) = file else { return false };
    !hits(&PatternKind::Regex(regex.clone()), case_sensitive, text.as_bytes()).is_empty()
}

fn document(of: &RepoView<'_>, path: &[u8], file: &File, branches: Vec<String>, expected: &mut Expected) {
    let RepoView { repo, query, .. } = of;
    let doc = Doc { of, repo, path, file, query };
    if !of.holds_with_defaults(&query.expr, &query.settings, &|expr| doc.holds(expr)) {
        return;
    }
    let key = (repo.name.clone(), path.to_vec(), file.clone(), branches);
    let hits = doc.shown();
    if hits.is_empty() {
        expected.paths.insert(key);
        return;
    }
    let lines = lines(file.bytes(), &hits);
    expected.n_matches += hits.len() as u64;
    expected.n_lines += lines.len() as u64;
    expected.content.insert(key, lines);
}

fn selected<'a>(repo: &'a Repo, query: &Query) -> Vec<&'a (String, Tree)> {
    let mut revs = query.settings.revs.clone();
    if revs.is_empty() {
        let case_sensitive = false;
        query.expr.for_each_leaf(&mut |leaf, negated| {
            if let query::Leaf::Filter(Filter { kind: FilterKind::Context(context), .. }) = leaf
                && let Some(ContextScope::Saved { repositories, query }) = context.scope.as_deref()
                && !negated
            {
                revs.extend(repositories.get(&repo.name).into_iter().flatten().cloned());
                // The one context with rev: asks for a name.
                if query.as_ref().is_some_and(|query| !query.settings.revs.is_empty())
                    && build("foo", case_sensitive, false).is_match(repo.name.as_bytes())
                {
                    revs.extend(query.as_ref().expect("some").settings.revs.clone());
                }
            }
        });
    }
    if revs.is_empty() {
        return repo.branches.first().into_iter().collect();
    }
    let is_selected = |branch: &&(String, Tree)| {
        revs.iter().any(|rev| match &rev.kind {
            RevKind::Name(name) => *name == branch.0,
            RevKind::Glob(_) => true,
            _ => false,
        })
    };
    repo.branches.iter().filter(is_selected).collect()
}

fn leaves(query: &Query) -> (bool, bool) {
    let (mut has_patterns, mut asks_documents) = (false, false);
    query.expr.for_each_leaf(&mut |leaf, _| match leaf {
        query::Leaf::Pattern(pattern) => {
            has_patterns = true;
            asks_documents |= pattern.target == Target::Content;
        }
        query::Leaf::Filter(filter) => {
            let asks =
                matches!(filter.kind, FilterKind::File(_) | FilterKind::Language(_) | FilterKind::FileHas(_));
            asks_documents |= asks || asks_files(filter);
        }
    });
    (has_patterns, asks_documents)
}

fn wants_documents(query: &Query) -> bool {
    let (has_patterns, asks_documents) = leaves(query);
    let wants = |kind| query.settings.types.iter().any(|given| given.value == kind);
    let named = wants(ResultType::File) || wants(ResultType::Path);
    named || (query.settings.types.is_empty() && (has_patterns || asks_documents))
}

fn repo_matches(of: &RepoView<'_>) -> bool {
    let RepoView { repo, query, .. } = of;
    let (has_patterns, asks_documents) = leaves(query);
    let mut has_hit = !has_patterns;
    let case_sensitive = query.settings.case_sensitive.value;
    query.expr.for_each_leaf(&mut |leaf, negated| {
        if let query::Leaf::Pattern(pattern) = leaf {
            has_hit |= !negated && regex(&pattern.kind, case_sensitive, false).is_match(repo.name.as_bytes());
        }
    });
    let name_holds = |expr: &Expr| name_holds(of, expr);
    !asks_documents && has_hit && of.holds_with_defaults(&query.expr, &query.settings, &name_holds)
}

fn name_holds(of: &RepoView<'_>, expr: &Expr) -> bool {
    let RepoView { repo, query, .. } = of;
    let case_sensitive = query.settings.case_sensitive.value;
    match expr {
        Expr::And { operands, .. } => operands.iter().all(|operand| name_holds(of, operand)),
        Expr::Or { operands, .. } => operands.iter().any(|operand| name_holds(of, operand)),
        Expr::Not { operand, .. } => !name_holds(of, operand),
        Expr::Filter(filter) => match &filter.kind {
            FilterKind::Repo(condition) => {
                build(condition.name.as_str(), case_sensitive, false).is_match(repo.name.as_bytes())
            }
            FilterKind::RepoHas(predicate) => of.has(predicate),
            FilterKind::Context(context) => of.in_context(context, &|inner, expr| name_holds(inner, expr)),
            _ => false,
        },
        Expr::Pattern(pattern) => regex(&pattern.kind, case_sensitive, false).is_match(repo.name.as_bytes()),
    }
}

struct Doc<'a> {
    of: &'a RepoView<'a>,
    repo: &'a Repo,
    path: &'a [u8],
    file: &'a File,
    query: &'a Query,
}

impl Doc<'_> {
    fn holds(&self, expr: &Expr) -> bool {
        let case_sensitive = self.query.settings.case_sensitive.value;
        match expr {
            Expr::And { operands, .. } => operands.iter().all(|operand| self.holds(operand)),
            Expr::Or { operands, .. } => operands.iter().any(|operand| self.holds(operand)),
            Expr::Not { operand, .. } => !self.holds(operand),
            Expr::Filter(filter) => match &filter.kind {
                FilterKind::Repo(condition) => {
                    build(condition.name.as_str(), case_sensitive, false).is_match(self.repo.name.as_bytes())
                }
                FilterKind::File(regex) => build(regex.as_str(), case_sensitive, false).is_match(self.path),
                FilterKind::Language(name) => syntax_language(name) == Some(language(self.path)),
                FilterKind::RepoHas(predicate) => self.of.has(predicate),
                FilterKind::Context(context) => self.of.in_context(context, &|inner, expr| {
                    let doc = Doc { of: inner, query: inner.query, ..*self };
                    doc.holds(expr)
                }),
                FilterKind::FileHas(FilePredicate::Content(regex)) => {
                    holds_in(self.file, regex, case_sensitive)
                }
                other => unreachable!("not generated: {other:?}"),
            },
            Expr::Pattern(pattern) => {
                let settings = &self.query.settings;
                let in_paths = pattern.target == Target::Any && settings.wants(ResultType::Path);
                let in_content = pattern.target == Target::Content || settings.wants(ResultType::File);
                (in_paths && regex(&pattern.kind, case_sensitive, false).is_match(self.path))
                    || (in_content && !self.hits(&pattern.kind).is_empty())
            }
        }
    }

    fn hits(&self, pattern: &PatternKind) -> Vec<(usize, usize)> {
        match self.file {
            File::Text(text) => hits(pattern, self.query.settings.case_sensitive.value, text.as_bytes()),
            File::Link(_) | File::Binary(_) => Vec::new(),
        }
    }

    /// What is marked: the matches of all terms under no negation, joined where they overlap.
    fn shown(&self) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        let mut n_patterns = 0;
        self.query.expr.for_each_leaf(&mut |leaf, negated| {
            if let query::Leaf::Pattern(pattern) = leaf
                && !negated
                && (pattern.target == Target::Content || self.query.settings.wants(ResultType::File))
            {
                n_patterns += 1;
                all.extend(self.hits(&pattern.kind));
            }
        });
        all.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in all {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                Some(last) if *last == (start, end) => {}
                _ => merged.push((start, end)),
            }
        }
        merged
    }
}

fn syntax_language(name: &str) -> Option<model::Language> {
    ::syntax::language_by_name(name)
}

fn lines(text: &[u8], hits: &[(usize, usize)]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut offset = 0;
    for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let end = offset + line.len();
        let is_last = end == text.len() && !line.ends_with(b"\n");
        let touching = |(start, stop): &&(usize, usize)| {
            let begins_here = *start >= offset && (*start < end || (is_last && *start == end));
            begins_here || (*start < offset && *stop > offset)
        };
        let touching: Vec<_> = hits.iter().filter(touching).collect();
        if !touching.is_empty() {
            let bare = line.strip_suffix(b"\n").unwrap_or(line);
            let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
            let clip = |at: usize| at.clamp(offset, offset + bare.len()) - offset;
            let ranges = touching.iter().map(|(start, stop)| clip(*start)..clip(*stop));
            let ranges = ranges.filter(|range| !range.is_empty()).collect();
            lines.push((number, String::from_utf8_lossy(bare).into_owned(), ranges));
        }
        offset = end;
    }
    lines
}
