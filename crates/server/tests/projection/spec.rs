//! A world as data: repositories, and how Bob may read each; whether there are other people and what they did.

use model::{PathRule, PathRules};
use proptest::prelude::*;
use proptest::sample::select;
use search::PathFilter;

/// How Bob reads a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Granted,
    AsMember,
    AtHost,
    Unrestricted,
    /// Some paths only.
    Part,
    Not,
}

#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub(crate) name: String,
    pub(crate) files: Vec<(String, String)>,
    pub(crate) branch: Option<String>,
    pub(crate) reads: Reads,
    pub(crate) is_archived: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) repos: Vec<Repo>,
    /// Whether there are other people, with sessions, contexts, exports, groups and rights of their own.
    pub(crate) has_others: bool,
}

/// What leaves Bob some paths of a repository.
pub(crate) fn rules() -> Vec<PathRule> {
    ["**", "-keys/", "-*.pem", "keys/README.md"].map(PathRule::parse).to_vec()
}

impl Spec {
    /// The world rebuilt from what Bob may read of this one.
    pub(crate) fn projected(&self) -> Spec {
        let filter = PathFilter::new(&PathRules::new([rules()]));
        let mut repos = self.repos.clone();
        repos.retain(|repo| repo.reads != Reads::Not);
        for repo in repos.iter_mut().filter(|repo| repo.reads == Reads::Part) {
            repo.files.retain(|(path, _)| filter.allows(path.as_bytes()));
        }
        Spec { repos, has_others: false }
    }

    /// One of each kind, hidden ones before, between and after the others in every order that a name can give.
    pub(crate) fn of_each_kind() -> Spec {
        let files = |own: &str| {
            vec![
                (
                    "README.md".to_owned(),
                    format!(
                        "# {own}\n\nA needle in the docs of {own}.\n\n[key](keys/server.pem) ![k](certs/a.pem)\n"
                    ),
                ),
                ("src/main.c".to_owned(), format!("int {own}_needle(void)\n{{\n\treturn 1;\n}}\n")),
                ("src/lib.py".to_owned(), "def needle():\n    return 'haystack'\n".to_owned()),
            ]
        };
        let repo = |name: &str, reads| Repo {
            name: name.to_owned(),
            files: files(name.rsplit('/').next().unwrap_or(name)),
            branch: None,
            reads,
            is_archived: false,
        };
        let mut part = repo("tool", Reads::Part);
        for (path, text) in [
            ("keys/server.pem", "needle of the key\n"),
            ("keys/README.md", "needle about keys\n"),
            ("certs/a.pem", "needle of a certificate\n"),
            ("secret.pem", "needle\n"),
        ] {
            part.files.push((path.to_owned(), text.to_owned()));
        }
        let hidden = |name: &str| {
            let mut repo = repo(name, Reads::Not);
            repo.files.push(("only.zig".to_owned(), "const needle = 1; // Zanzibar\n".to_owned()));
            repo.branch = Some("hidden-feature".to_owned());
            repo
        };
        let mut archived = hidden("lib-old");
        archived.is_archived = true;
        Spec {
            repos: vec![
                hidden("aaa/vault"),
                repo("app", Reads::Granted),
                hidden("apple"),
                repo("lib", Reads::AsMember),
                archived,
                repo("open", Reads::Unrestricted),
                repo("stated", Reads::AtHost),
                part,
                hidden("tools"),
                hidden("zz/last"),
            ],
            has_others: true,
        }
    }
}

/// Worlds with more or fewer of everything.
pub(crate) fn specs() -> impl Strategy<Value = Spec> {
    let names = vec!["app", "apple", "lib", "lib/core", "vault", "tool", "tools", "zz", "a"];
    let names = proptest::sample::subsequence(names, 3..8);
    let reads = select(vec![
        Reads::Granted,
        Reads::AsMember,
        Reads::AtHost,
        Reads::Unrestricted,
        Reads::Part,
        Reads::Not,
        Reads::Not,
    ]);
    let path =
        select(vec!["a.c", "src/b.c", "src/x/y.py", "keys/id.pem", "keys/README.md", "docs/needle.md"]);
    let text = select(vec!["needle\n", "int needle(void);\n", "nothing\n", "def needle():\n    pass\n"]);
    let files = prop::collection::btree_map(path, text, 1..5);
    let repo = (reads, files, any::<bool>(), any::<bool>());
    (names, prop::collection::vec(repo, 9)).prop_map(|(names, repos)| Spec {
        repos: names
            .into_iter()
            .zip(repos)
            .map(|(name, (reads, files, has_branch, is_archived))| Repo {
                name: name.to_owned(),
                files: files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect(),
                branch: has_branch.then(|| "dev".to_owned()),
                reads,
                is_archived,
            })
            .collect(),
        has_others: true,
    })
}
