//! The rows of the table of filters.

use super::{FilterId, FilterInfo, PredicateInfo, ValueInfo, ValueKind};

const fn value(value: &'static str, doc: &'static str) -> ValueInfo {
    ValueInfo { value, doc }
}

const fn predicate(name: &'static str, arguments: &'static str, doc: &'static str) -> PredicateInfo {
    PredicateInfo { name, arguments, doc }
}

/// What rows have that say nothing else.
const PLAIN: FilterInfo = FilterInfo {
    id: FilterId::Repo,
    name: "",
    aliases: &[],
    negatable: false,
    kind: ValueKind::Choice,
    value: "",
    values: &[],
    predicates: &[],
    doc: "",
    example: "",
};

const REPO_PREDICATES: &[PredicateInfo] = &[
    predicate("has.path", "RE", "some path in the repository matches"),
    predicate("has.file", "path:RE content:RE", "one file matches by path, content, or both"),
    predicate("has.content", "RE", "the content of some file matches"),
    predicate("has.commit.after", "DATE", "something was committed since"),
    predicate("has.description", "RE", "the description matches"),
    predicate("has.meta", "key[:value]", "the repository carries this key, or this key and value"),
    predicate("has.topic", "T", "the repository carries this topic"),
];

const FILE_PREDICATES: &[PredicateInfo] = &[
    predicate("has.content", "RE", "the content of the file matches"),
    predicate("has.owner", "WHO", "the file is owned by this person or team; without WHO, by anyone"),
    predicate("has.contributor", "RE", "someone who matches has changed the file"),
];

const TYPES: &[ValueInfo] = &[
    value("file", "lines of files"),
    value("path", "paths of files"),
    value("repo", "repositories by name"),
    value("symbol", "symbols by name"),
    value("commit", "commits by message"),
    value("diff", "changed lines"),
];

const INCLUSION: &[ValueInfo] =
    &[value("yes", "search them too"), value("no", "leave them out"), value("only", "search nothing else")];

const SELECTS: &[ValueInfo] = &[
    value("repo", "the repositories of the results"),
    value("file", "the files of the results"),
    value("file.path", "the paths of the results"),
    value("file.directory", "the directories of the results"),
    value("file.owners", "the owners of the files of the results"),
    value("content", "only matches of content"),
    value("symbol", "only symbols; `symbol.function` and the like for one kind"),
    value("commit", "the commits of the results"),
    value("commit.diff.added", "only added lines"),
    value("commit.diff.removed", "only removed lines"),
];

const PATTERN_TYPES: &[ValueInfo] = &[
    value("keyword", "space is AND, quotes make a phrase, slashes a regular expression"),
    value("literal", "the whole pattern is one literal text"),
    value("standard", "one literal text, but /…/ is a regular expression"),
    value("regexp", "each word is a regular expression"),
    value("structural", "a syntax-tree pattern with metavariables"),
];

/// All filters, in the order of the documentation.
pub static FILTERS: &[FilterInfo] = &[
    FilterInfo {
        id: FilterId::Repo,
        name: "repo",
        aliases: &["r"],
        negatable: true,
        kind: ValueKind::Repository,
        value: "regular expression on the name; `x@rev1:rev2`; a predicate",
        predicates: REPO_PREDICATES,
        doc: "only repositories whose name matches; after an @, the revisions to search in them",
        example: r"repo:^github\.com/torvalds/ kmalloc_array",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Rev,
        name: "rev",
        aliases: &["revision"],
        kind: ValueKind::Revision,
        value: "branch, tag or commit; list `a:b:c`; globs `*refs/heads/*`, `*!refs/heads/tmp-*`; `^rev`; `at.time(T[, base])`",
        doc: "search these revisions instead of the default branch",
        example: "rev:*refs/heads/* TODO",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Context,
        name: "context",
        kind: ValueKind::Name,
        value: "`global`, `name`, `@owner/name`",
        doc: "only what a saved search context holds",
        example: "context:backend retry",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::File,
        name: "file",
        aliases: &["f", "path"],
        negatable: true,
        kind: ValueKind::Path,
        value: "regular expression on the path; a predicate",
        predicates: FILE_PREDICATES,
        doc: "only files whose path matches",
        example: r"file:\.rs$ -file:test unwrap",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Lang,
        name: "lang",
        aliases: &["language", "l"],
        negatable: true,
        kind: ValueKind::Language,
        value: "language name or alias",
        doc: "only files in this language",
        example: "lang:rust unsafe",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Content,
        name: "content",
        negatable: true,
        kind: ValueKind::Pattern,
        value: "a pattern",
        doc: "the pattern given explicitly, looked for in the content only; `-content:` excludes files that match",
        example: r#"content:"yes OR no" -content:deprecated"#,
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Type,
        name: "type",
        value: "`file` `path` `repo` `symbol` `commit` `diff`",
        values: TYPES,
        doc: "the kind of results; none means file, path and repo; may be given several times",
        example: "type:path Makefile",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Case,
        name: "case",
        value: "`yes` `no`",
        values: &[value("yes", "upper and lower case differ"), value("no", "they do not")],
        doc: "whether upper and lower case differ (default `no`)",
        example: "case:yes EINVAL",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Fork,
        name: "fork",
        value: "`yes` `no` `only`",
        values: INCLUSION,
        doc: "forked repositories (default `no`)",
        example: "fork:yes parse_header",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Archived,
        name: "archived",
        value: "`yes` `no` `only`",
        values: INCLUSION,
        doc: "archived repositories (default `no`)",
        example: "archived:only parse_header",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Visibility,
        name: "visibility",
        value: "`any` `public` `private`",
        values: &[
            value("any", "all repositories you may read"),
            value("public", "those everybody may read"),
            value("private", "those only some may read"),
        ],
        doc: "repositories by who may read them (default `any`)",
        example: "visibility:public license",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Count,
        name: "count",
        kind: ValueKind::Number,
        value: "number or `all`",
        values: &[value("all", "exhaustive and exact")],
        doc: "how many results to look for (default 500); `count:all` is exhaustive and exact",
        example: r#"count:all "return -EINVAL""#,
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Timeout,
        name: "timeout",
        kind: ValueKind::Duration,
        value: "duration such as `10s`, `1m30s`, `500ms`",
        doc: "how long to search; then partial results and the reason",
        example: "timeout:30s count:all TODO",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Select,
        name: "select",
        value: "`repo` `file` `file.path` `file.directory` `file.owners` `content` `symbol` `symbol.KIND` `commit` `commit.diff.added` `commit.diff.removed`",
        values: SELECTS,
        doc: "turn results into these, without repetitions",
        example: "select:repo lang:go context.WithTimeout",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Author,
        name: "author",
        negatable: true,
        kind: ValueKind::Regex,
        value: "regular expression on \"name <address>\"",
        doc: "only commits by this author",
        example: "type:commit author:torvalds regression",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Committer,
        name: "committer",
        negatable: true,
        kind: ValueKind::Regex,
        value: "regular expression on \"name <address>\"",
        doc: "only commits by this committer",
        example: "type:commit committer:greg stable",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Before,
        name: "before",
        aliases: &["until"],
        kind: ValueKind::Date,
        value: "date",
        doc: "only commits older than this, UTC",
        example: r#"type:diff before:"last friday" password"#,
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::After,
        name: "after",
        aliases: &["since"],
        kind: ValueKind::Date,
        value: "date",
        doc: "only commits younger than this, UTC",
        example: r#"type:commit after:"2 weeks ago" fix"#,
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Message,
        name: "message",
        aliases: &["msg", "m"],
        negatable: true,
        kind: ValueKind::Regex,
        value: "regular expression",
        doc: "only commits whose message matches",
        example: "type:diff message:revert timeout",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::PatternType,
        name: "patterntype",
        value: "`keyword` `literal` `standard` `regexp` `structural`",
        values: PATTERN_TYPES,
        doc: "how the words of the query are read (default `keyword`)",
        example: r"patterntype:regexp fn\s+main",
        ..PLAIN
    },
    FilterInfo {
        id: FilterId::Index,
        name: "index",
        value: "`yes` `no` `only`",
        values: &[
            value(
                "yes",
                "indexed or not: commits that no branch or tag leads to are indexed when they are asked for",
            ),
            value("no", "the same: answers do not depend on what is indexed"),
            value("only", "nothing but what is indexed already"),
        ],
        doc: "whether commits that no branch or tag leads to are searched",
        example: "index:only rev:v1.0~3 TODO",
        ..PLAIN
    },
];
