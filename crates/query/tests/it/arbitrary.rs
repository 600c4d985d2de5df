//! Queries and texts at random.

use proptest::prelude::*;
use proptest::sample::select;
use query::*;
use std::time::Duration;

/// Pieces that mean something to the language: texts made of them come near every rule of it.
pub(crate) const PIECES: &[&str] = &[
    "a",
    "foo",
    "é",
    "日",
    " ",
    " ",
    " ",
    "\n",
    "\u{a0}",
    "(",
    ")",
    "(",
    ")",
    "\"",
    "'",
    "/",
    "\\",
    "-",
    "--",
    ":",
    "@",
    "*",
    "^",
    "[",
    "]",
    "{",
    "}",
    "?",
    "+",
    "|",
    ".",
    ".*",
    "$",
    ",",
    "!",
    "~",
    "<",
    ">",
    "=",
    "#",
    "AND",
    "OR",
    "NOT",
    "and",
    "or",
    "not",
    " AND ",
    " OR ",
    " NOT ",
    " or ",
    "repo:",
    "r:",
    "-repo:",
    "rev:",
    "file:",
    "-file:",
    "lang:",
    "content:",
    "-content:",
    "type:",
    "type:path",
    "case:yes",
    "case:no",
    "fork:only",
    "count:",
    "count:all",
    "timeout:10s",
    "select:repo",
    "author:",
    "before:",
    "before:yesterday",
    "message:",
    "patterntype:",
    "patterntype:regexp",
    "patterntype:literal",
    "patterntype:structural",
    "context:",
    "index:",
    "has.path(",
    "has.file(path:",
    "has.content(",
    "has.meta(",
    "contains.file(",
    "content:a)",
    "at.time(",
    "at.time(yesterday, main)",
    "*refs/heads/*",
    "*!refs/",
    "std::x",
    "http://x",
    "langg:",
    "foo:bar",
    "\\d+",
    "\\(",
    "\\/",
    "(?i)",
    "(?=",
    "\\1",
    "{2,3}",
    "a{1000}",
    "//",
    "/*",
    "*/",
    "1",
    "0",
    "\"a b\"",
    "/a b/",
    "(a|b)",
    "f(x, y)",
];

/// Any text, likely one that nearly is a query.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(select(PIECES), 0..14).prop_map(|pieces| pieces.concat());
    prop_oneof![
        6 => pieces,
        1 => any::<String>(),
        1 => "[ -~]{0,40}",
    ]
}

pub(crate) fn mode() -> impl Strategy<Value = PatternType> {
    select(PatternType::ALL.to_vec())
}

fn span() -> Span {
    Span::default()
}

fn literal() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(select(PIECES), 1..4).prop_map(|pieces| pieces.concat());
    prop_oneof![pieces, "[a-z]{1,6}", any::<String>()]
        .prop_filter("a pattern is not empty", |text| !text.is_empty())
}

const REGEXES: &[&str] = &[
    "a",
    "a b",
    r"a\.c",
    r"^src/.*\.rs$",
    "(a|b)+",
    "[)(]",
    r"\)",
    r"\(a b",
    "a\"b",
    "\"",
    "'x'",
    "a:b",
    "[ ]",
    r"\\",
    r"a\\",
    "x{2,3}",
    "(?i)ab",
    "//",
    "/",
    "",
    "é日",
    r"\ ",
    "(?-u:\\xff)",
    "a|",
    "#",
    "-x",
    "has\\.path",
    "a\nb",
    ":x",
    r"[\]]",
    "a)?",
];

fn regex() -> impl Strategy<Value = Regex> {
    let listed = select(REGEXES).prop_map(str::to_string);
    let pieces = proptest::collection::vec(select(PIECES), 1..4).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => listed, 1 => pieces]
        .prop_filter_map("an expression", |text| Regex::new(&text, &Limits::DEFAULT).ok())
}

/// What `repo:`, `file:` and their kind can say: not empty, no predicate, no bare `@`.
fn filter_regex() -> impl Strategy<Value = Regex> {
    regex().prop_filter("an expression a filter can hold", |regex| {
        let text = regex.as_str();
        let predicate = (text.starts_with("has.") || text.starts_with("contains.")) && text.contains('(');
        !text.is_empty() && !predicate && !text.contains('@')
    })
}

fn argument_regex() -> impl Strategy<Value = Regex> {
    regex().prop_filter("not empty", |regex| !regex.as_str().is_empty())
}

fn date() -> impl Strategy<Value = Date> {
    select(vec![
        "2024-05-06",
        "2 weeks ago",
        "Thu, 07 Apr 2005 22:13:13 +0200",
        "yesterday",
        "@1700000000",
        "10:30",
    ])
    .prop_filter_map("a date", Date::new)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9][a-z0-9/._-]{0,8}", "[a-zé]{1,4}"].prop_filter("a name", |name| !name.contains(".."))
}

fn rev() -> impl Strategy<Value = Rev> {
    let time = (date(), proptest::option::of(word()));
    prop_oneof![
        word().prop_map(RevKind::Name),
        word().prop_map(|name| RevKind::Glob(format!("refs/{name}*"))),
        Just(RevKind::Glob("*".to_string())),
        word().prop_map(RevKind::ExcludeGlob),
        word().prop_map(RevKind::Exclude),
        time.prop_map(|(time, base)| RevKind::AtTime { time, base }),
    ]
    .prop_map(|kind| Rev { span: span(), kind })
}

fn argument() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,5}", "[ -~é]{1,8}"]
        .prop_map(|text| text.trim().to_string())
        .prop_filter("text", |text| !text.is_empty())
}

fn repo_predicate() -> impl Strategy<Value = RepoPredicate> {
    let file = (proptest::option::of(argument_regex()), proptest::option::of(argument_regex()))
        .prop_filter("one at least", |(path, content)| path.is_some() || content.is_some());
    let meta =
        (argument(), proptest::option::of(argument())).prop_filter("a key", |(key, _)| !key.contains(':'));
    prop_oneof![
        argument_regex().prop_map(RepoPredicate::Path),
        argument_regex().prop_map(RepoPredicate::Content),
        argument_regex().prop_map(RepoPredicate::Description),
        file.prop_map(|(path, content)| RepoPredicate::File { path, content }),
        date().prop_map(RepoPredicate::CommitAfter),
        meta.prop_map(|(key, value)| RepoPredicate::Meta { key, value }),
        argument().prop_map(RepoPredicate::Topic),
    ]
}

fn file_predicate() -> impl Strategy<Value = FilePredicate> {
    prop_oneof![
        argument_regex().prop_map(FilePredicate::Content),
        argument_regex().prop_map(FilePredicate::Contributor),
        proptest::option::of(argument()).prop_map(FilePredicate::Owner),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let repo = (filter_regex(), proptest::collection::vec(rev(), 0..3));
    prop_oneof![
        repo.prop_map(|(name, revs)| FilterKind::Repo(RepoFilter { name, revs })),
        repo_predicate().prop_map(FilterKind::RepoHas),
        filter_regex().prop_map(FilterKind::File),
        file_predicate().prop_map(FilterKind::FileHas),
        literal().prop_map(FilterKind::Language),
        word()
            .prop_filter("one part", |name| !name.contains('/'))
            .prop_map(|name| FilterKind::Context(ContextFilter { name, scope: None })),
        filter_regex().prop_map(FilterKind::Author),
        filter_regex().prop_map(FilterKind::Committer),
        filter_regex().prop_map(FilterKind::Message),
        date().prop_map(FilterKind::Before),
        date().prop_map(FilterKind::After),
    ]
    .prop_map(|kind| Filter { span: span(), value_span: span(), kind })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let kind = prop_oneof![
        3 => literal().prop_map(PatternKind::Literal),
        2 => argument_regex().prop_map(PatternKind::Regex),
    ];
    let target = select(vec![Target::Any, Target::Any, Target::Content]);
    (target, kind).prop_map(|(target, kind)| Pattern { span: span(), target, kind })
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![filter().prop_map(Expr::Filter), pattern().prop_map(Expr::Pattern)];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::and),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::or),
            inner.prop_map(|expr| Expr::not(expr, span())),
        ]
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let inclusion =
        || select(vec![Inclusion::Yes, Inclusion::No, Inclusion::Only]).prop_map(Setting::default_of);
    let types = proptest::sample::subsequence(ResultType::ALL.to_vec(), 0..3)
        .prop_map(|types| types.into_iter().map(|value| Spanned::new(value, span())).collect());
    let count = prop_oneof![Just(Count::Page), Just(Count::All), (1..u64::MAX).prop_map(Count::AtMost)];
    let timeout = proptest::option::of((1..1_000_000_000_000_u64).prop_map(Duration::from_nanos));
    let select_ = proptest::option::of(select(vec![
        Select::Repo,
        Select::FilePath,
        Select::Symbol(None),
        Select::Symbol(Some("function".to_string())),
        Select::CommitDiffAdded,
    ]));
    let revs = prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(rev(), 1..4)];
    let visibility = select(vec![Visibility::Any, Visibility::Public, Visibility::Private]);
    let index = select(vec![IndexUse::Yes, IndexUse::No, IndexUse::Only]);
    (any::<bool>(), count, timeout, types, select_, (inclusion(), inclusion()), visibility, index, revs)
        .prop_map(|(case, count, timeout, types, select, (fork, archived), visibility, index, revs)| {
            Settings {
                pattern_type: Setting::default_of(PatternType::Keyword),
                case_sensitive: Setting::default_of(case),
                count: Setting::default_of(count),
                timeout: Setting::default_of(timeout),
                types,
                select: Setting::default_of(select),
                fork,
                archived,
                visibility: Setting::default_of(visibility),
                index: Setting::default_of(index),
                revs,
            }
        })
}

/// Any query under `keyword`.
pub(crate) fn query() -> impl Strategy<Value = Query> {
    (expr(), settings()).prop_map(|(expr, mut settings)| {
        let mut has_revs = false;
        expr.for_each_leaf(&mut |leaf, _| {
            has_revs |= matches!(leaf, Leaf::Filter(Filter { kind: FilterKind::Repo(repo), .. }) if !repo.revs.is_empty());
        });
        if has_revs {
            settings.revs.clear();
        }
        Query { expr, settings }
    })
}
