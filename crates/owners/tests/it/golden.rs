//! What the public documentation of each format says its examples mean. The files are in `testdata`.

use owners::{CodeOwners, Dialect, Fault, OwnersFile, OwnersTree, is_owner, of_file, of_repository};
use std::sync::Arc;

/// One line for each deciding rule: section, line, owners.
fn of(rules: &CodeOwners, path: &str) -> String {
    let said = rules.of(path.as_bytes()).into_iter().map(|rule| {
        let section = rule.section.map(|section| {
            let mark = if section.is_optional { "^" } else { "" };
            let count =
                if section.n_approvals > 1 { format!("[{}]", section.n_approvals) } else { String::new() };
            format!("{mark}[{}]{count} ", section.name)
        });
        format!("{}{}: {}", section.unwrap_or_default(), rule.line, rule.owners.join(" "))
    });
    said.collect::<Vec<_>>().join(" | ")
}

#[track_caller]
fn check(text: &str, dialect: Dialect, cases: &[(&str, &str)]) {
    let rules = CodeOwners::parse(text, dialect);
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(path, expected)| of(&rules, path) != *expected)
        .map(|(path, expected)| format!("{path}: {} instead of {expected}", of(&rules, path)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn githubs_example() {
    let text = include_str!("../../testdata/github.codeowners");
    check(
        text,
        Dialect::GitHub,
        &[
            ("a.c", "3: @global-owner1 @global-owner2"),
            ("src/a.js", "6: @js-owner"),
            ("src/a.go", "9: docs@example.com"),
            ("src/a.txt", "12: @octo-org/octocats"),
            ("build/logs/a.log", "30: @octocat"),
            ("other/build/log/a.log", "3: @global-owner1 @global-owner2"),
            ("docs/getting-started.md", "25: @doctocat"),
            ("docs/build-app/troubleshooting.md", "25: @doctocat"),
            ("other/docs/a.md", "3: @global-owner1 @global-owner2"),
            ("other/docs/build-app/a.md", "3: @global-owner1 @global-owner2"),
            ("lib/apps/a.c", "21: @octocat"),
            ("apps/a.c", "32: @octocat"),
            ("apps/github/a.c", "33: "),
            ("scripts/a.sh", "28: @doctocat @octocat"),
            ("deeply/nested/logs/a", "30: @octocat"),
            ("build/logs", "30: @octocat"),
        ],
    );
    assert!(CodeOwners::parse(text, Dialect::GitHub).diagnostics().is_empty());
}

#[test]
fn gitlabs_sections() {
    let text = include_str!("../../testdata/gitlab.codeowners");
    assert_eq!(Dialect::of("CODEOWNERS", text), Dialect::GitLab);
    check(
        text,
        Dialect::GitLab,
        &[
            ("a.c", "2: @default"),
            ("README.md", "2: @default | [README Owners] 5: @user1 @user2"),
            ("internal/README.md", "2: @default | [README Owners] 6: @user4"),
            ("docs/a.md", "2: @default | ^[Documentation][2] 10: @docs-team @writers"),
            ("docs/deep/a.md", "2: @default | ^[Documentation][2] 9: @docs-team @writers"),
            ("ee/docs/a.md", "2: @default | ^[Documentation][2] 11: @ee-docs"),
            ("config/a.yml", "2: @default | [Config] 14: @@maintainer"),
            ("config/generated.yml", "2: @default"),
            ("db/schema.rb", "2: @default | [Config] 19: @dba dba@example.com"),
            ("my file.txt", "2: @default | [Config] 20: @spaces"),
            ("#odd", "2: @default | [Config] 21: @hash"),
            (".hidden", "2: @default"),
        ],
    );
}

#[test]
fn the_dialect_is_told_by_place_and_marks() {
    assert_eq!(Dialect::of(".github/CODEOWNERS", "[a] @b"), Dialect::GitHub);
    assert_eq!(Dialect::of(".gitlab/CODEOWNERS", "* @b"), Dialect::GitLab);
    assert_eq!(Dialect::of("CODEOWNERS", "* @b"), Dialect::GitHub);
    assert_eq!(Dialect::of("docs/CODEOWNERS", "* @b\n^[Docs]\n"), Dialect::GitLab);
    assert_eq!(Dialect::of("CODEOWNERS", "* @b\n!a"), Dialect::GitLab);
}

#[test]
fn bad_lines_are_told_by_number() {
    let text = "* @a\n!b @c\n[ab] @d\nx nobody @e\n\ny\n";
    let rules = CodeOwners::parse(text, Dialect::GitHub);
    let lines: Vec<u32> = rules.diagnostics().iter().map(|diagnostic| diagnostic.line).collect();
    assert_eq!(lines, [2, 3, 4]);
    assert_eq!(rules.diagnostics()[2].fault, Fault::BadOwner("nobody".to_owned()));
    check(text, Dialect::GitHub, &[("q", "1: @a"), ("x", "4: @e"), ("y", "6: ")]);
    let rules = CodeOwners::parse("[]\n[A][0] @a\n[unclosed\n", Dialect::GitLab);
    assert_eq!(rules.diagnostics().len(), 3);
}

fn tree(files: &[(&str, &str)]) -> OwnersTree {
    let parsed = files.iter().map(|(path, text)| ((*path).to_owned(), Arc::new(OwnersFile::parse(text))));
    OwnersTree::new(parsed.collect())
}

fn gerrit(tree: &OwnersTree, path: &str) -> Vec<String> {
    let found = tree.of(path.as_bytes()).into_iter();
    found.map(|(file, rule)| format!("{file}:{} {}", rule.line, rule.owners.join(" "))).collect()
}

#[test]
fn gerrits_directories() {
    let tree = tree(&[
        ("OWNERS", "root@example.com\nper-file *.md = docs@example.com # in all directories\n"),
        ("a/OWNERS", "jane@example.com\njohn@example.com\n"),
        ("a/b/OWNERS", "set noparent\nrichard@example.com\nper-file *.{sql,db}=dba@example.com\n"),
        ("a/b/c/OWNERS", "per-file secret.txt=set noparent\nper-file secret.txt=boss@example.com\n"),
        ("all/OWNERS", "*\n"),
    ]);
    assert_eq!(gerrit(&tree, "x.c"), ["OWNERS:1 root@example.com"]);
    assert_eq!(gerrit(&tree, "x.md"), ["OWNERS:2 docs@example.com", "OWNERS:1 root@example.com"]);
    assert_eq!(
        gerrit(&tree, "a/x.md"),
        [
            "a/OWNERS:1 jane@example.com",
            "a/OWNERS:2 john@example.com",
            "OWNERS:2 docs@example.com",
            "OWNERS:1 root@example.com"
        ]
    );
    assert_eq!(gerrit(&tree, "a/b/x.c"), ["a/b/OWNERS:2 richard@example.com"]);
    assert_eq!(
        gerrit(&tree, "a/b/c/x.db"),
        ["a/b/OWNERS:3 dba@example.com", "a/b/OWNERS:2 richard@example.com"]
    );
    assert_eq!(gerrit(&tree, "a/b/c/secret.txt"), ["a/b/c/OWNERS:2 boss@example.com"]);
    assert_eq!(gerrit(&tree, "all/x")[0], "all/OWNERS:1 *");
}

#[test]
fn gerrits_includes() {
    let tree = tree(&[
        ("build/OWNERS", "set noparent\nbuild@example.com\nper-file *.gn=gn@example.com\n"),
        ("a/OWNERS", "include /build/OWNERS\na@example.com\n"),
        ("b/OWNERS", "file:../build/OWNERS\nb@example.com\n"),
        ("c/OWNERS", "per-file *.gn=file:/build/OWNERS\n"),
        ("d/OWNERS", "include /e/OWNERS\nd@example.com\n"),
        ("e/OWNERS", "include /d/OWNERS\ne@example.com\n"),
        ("OWNERS", "root@example.com\n"),
    ]);
    assert_eq!(
        gerrit(&tree, "a/x.gn"),
        ["build/OWNERS:3 gn@example.com", "a/OWNERS:2 a@example.com", "build/OWNERS:2 build@example.com"]
    );
    assert_eq!(
        gerrit(&tree, "b/x.gn"),
        ["b/OWNERS:2 b@example.com", "b/OWNERS:1 build@example.com", "OWNERS:1 root@example.com"]
    );
    assert_eq!(gerrit(&tree, "c/x.gn"), ["c/OWNERS:1 build@example.com", "OWNERS:1 root@example.com"]);
    assert_eq!(gerrit(&tree, "d/x").len(), 3);
    let file = OwnersFile::parse("file:other:/OWNERS\nwhat is this\n");
    assert_eq!(file.diagnostics().len(), 2);
}

#[test]
fn people_are_recognised() {
    assert!(is_owner("@Octo-Org/Team", "octo-org/team"));
    assert!(is_owner("@octocat", "@OCTOCAT"));
    assert!(is_owner("Jane@Example.com", "jane@example.com"));
    assert!(is_owner("*", "anybody"));
    assert!(!is_owner("@octocat", "octo"));
}

#[test]
fn a_file_is_looked_up_where_its_rules_are() {
    let read = |files: &'static [(&'static str, &'static str)]| {
        move |path: &str| files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
    };
    let both = read(&[("docs/CODEOWNERS", "* @a\n"), ("CODEOWNERS", "* @b\n*.c\n"), ("OWNERS", "x@y\n")]);
    let found = of_file(b"z.rs", both);
    assert_eq!(
        (found.len(), found[0].0.as_str(), found[0].1.owners.join(" ").as_str()),
        (1, "CODEOWNERS", "@b")
    );
    assert!(of_file(b"z.c", both)[0].1.owners.is_empty());
    let gerrit = read(&[
        ("OWNERS", "x@y\n"),
        ("a/OWNERS", "file:b/OTHERS\n"),
        ("a/b/OTHERS", "include /OWNERS\nq@r\n"),
    ]);
    let owners: Vec<String> =
        of_file(b"a/c/z.rs", gerrit).into_iter().flat_map(|(_, rule)| rule.owners).collect();
    assert_eq!(owners, ["q@r", "x@y", "x@y"]);
    assert!(of_file(b"z.rs", read(&[])).is_empty());
}

/// One word for each owner: who, in how many rules, and where the first of them stands.
fn named(files: &[(&str, &str)]) -> String {
    let read = |path: &str| files.iter().find(|(at, _)| *at == path).map(|(_, text)| (*text).to_owned());
    let all = of_repository(read);
    let words = all.iter().map(|one| format!("{}*{}@{}:{}", one.owner, one.n_rules, one.file, one.line));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn everybody_is_named_once() {
    let rules = "* @all\n/src/ @core @ada\n/docs/ @core\n/none/\n[odd @x\n";
    assert_eq!(
        named(&[("CODEOWNERS", rules)]),
        "@core*2@CODEOWNERS:2 @all*1@CODEOWNERS:1 @ada*1@CODEOWNERS:2"
    );
    let first = [("CODEOWNERS", "* @second"), (".github/CODEOWNERS", "* @first")];
    assert_eq!(named(&first), "@first*1@.github/CODEOWNERS:1");
    let gitlabs = "[Docs] @writers\n*.md\n*.txt @ada\n!a.md\n";
    assert_eq!(
        named(&[(".gitlab/CODEOWNERS", gitlabs)]),
        "@writers*1@.gitlab/CODEOWNERS:2 @ada*1@.gitlab/CODEOWNERS:3"
    );
    let gerrits = [
        ("OWNERS", "ada@example.org\ninclude /more\nper-file *.md = writer@example.org\n"),
        ("more", "bob@example.org\nada@example.org\n"),
        ("src/OWNERS", "carol@example.org\n"),
    ];
    assert_eq!(named(&gerrits), "ada@example.org*2@OWNERS:1 bob@example.org*1@more:1");
    assert_eq!(named(&[]), "");
    assert_eq!(named(&[("CODEOWNERS", "")]), "");
}
