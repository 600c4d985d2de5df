//! A world as data: repositories, who asks and how they may read each; whether there are other people and what they did.

use model::{PathRule, PathRules};
use proptest::prelude::*;
use proptest::sample::select;
use search::PathFilter;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Bob, a member who was granted this and that.
    Member,
    /// Nobody that is known.
    Visitor,
    /// Who looks after the instance: sees names of repositories and people, and no code that was not granted.
    Administrator,
    /// Who reads logs and reviews, and no code.
    Auditor,
    /// A member who may read one folder of most of what they may read at all.
    PartReader,
    /// A program, whose token is for two repositories of those that its account may read.
    Service,
    /// A member who reads everything as one of a group, under the rules of that group.
    OfGroup,
    /// Who looked into hidden repositories in an emergency that is over.
    EmergencyOver,
}

impl Kind {
    /// Every kind but the member, who is asked everything.
    pub(crate) const OTHERS: [Kind; 7] = [
        Kind::Visitor,
        Kind::Administrator,
        Kind::Auditor,
        Kind::PartReader,
        Kind::Service,
        Kind::OfGroup,
        Kind::EmergencyOver,
    ];

    /// Who would hear of this leak: Bob, but where it is made for somebody else.
    pub(crate) fn that_hears(leak: &str) -> Kind {
        match leak {
            "administrators-read" => Kind::Administrator,
            "auditors-read" => Kind::Auditor,
            "emergency-never-ends" => Kind::EmergencyOver,
            "token-for-everything" => Kind::Service,
            "sign-in-knows-names" => Kind::Visitor,
            _ => Kind::Member,
        }
    }

    /// What the account is called. Nobody who looks after permissions is called Bob, because Bob is who is granted things.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Member | Kind::Visitor | Kind::PartReader | Kind::OfGroup => "bob",
            Kind::Administrator | Kind::EmergencyOver => "root",
            Kind::Auditor => "audrey",
            Kind::Service => "robot",
        }
    }

    /// Whether the administration is theirs to see: who there is, and what repositories are called.
    pub(crate) fn sees_names(self) -> bool {
        matches!(self, Kind::Administrator | Kind::Auditor | Kind::EmergencyOver)
    }

    /// What leaves them some paths of a repository.
    pub(crate) fn rules(self) -> Vec<PathRule> {
        let rules: &[&str] = match self {
            Kind::PartReader => &["src/", "-src/lib.py"],
            _ => &["**", "-keys/", "-*.pem", "keys/README.md"],
        };
        rules.iter().copied().map(PathRule::parse).collect()
    }
}

/// The repositories that the token of [`Kind::Service`] is for.
const OF_TOKEN: [&str; 2] = ["app", "tool"];

/// How they read a repository.
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
    pub(crate) asker: Kind,
    pub(crate) repos: Vec<Repo>,
    /// Whether there are other people, with sessions, contexts, exports, groups and rights of their own.
    pub(crate) has_others: bool,
    /// What is said of hidden repositories beside their code.
    pub(crate) hidden_text: &'static str,
}

impl Spec {
    /// The same world, in which somebody of another kind asks.
    pub(crate) fn asked_by(mut self, asker: Kind) -> Spec {
        for repo in &mut self.repos {
            repo.reads = match (asker, repo.reads) {
                // SECURITY: nothing is an auditor's to read, but that is not for want of grants.
                (Kind::Auditor, reads) => reads,
                (Kind::Administrator | Kind::EmergencyOver, Reads::Unrestricted) => Reads::Unrestricted,
                (Kind::Administrator | Kind::EmergencyOver, _) => Reads::Not,
                (Kind::OfGroup, Reads::Granted | Reads::AtHost | Reads::Unrestricted) => Reads::AsMember,
                (Kind::PartReader, Reads::Granted | Reads::AsMember | Reads::AtHost) => Reads::Part,
                // No group and no code host knows a program.
                (Kind::Service, Reads::AsMember | Reads::AtHost) => Reads::Granted,
                (_, reads) => reads,
            };
        }
        Spec { asker, ..self }
    }

    /// The world rebuilt from what the asker may read of this one.
    pub(crate) fn projected(&self) -> Spec {
        let filter = PathFilter::new(&PathRules::new([self.asker.rules()]));
        let mut repos = self.repos.clone();
        match self.asker {
            Kind::Visitor => repos.clear(),
            Kind::Service => repos.retain(|repo| self.is_of_token(repo)),
            // Names and people are theirs to see; what is in the repositories is not.
            Kind::Administrator | Kind::Auditor | Kind::EmergencyOver => {
                let reads_none = self.asker == Kind::Auditor;
                for repo in repos.iter_mut().filter(|repo| reads_none || repo.reads == Reads::Not) {
                    repo.files = vec![(
                        "other.txt".to_owned(),
                        format!("another {}, without that needle\n", repo.name),
                    )];
                    repo.branch = None;
                }
            }
            Kind::Member | Kind::PartReader | Kind::OfGroup => repos.retain(|repo| repo.reads != Reads::Not),
        }
        for repo in repos.iter_mut().filter(|repo| repo.reads == Reads::Part) {
            repo.files.retain(|(path, _)| filter.allows(path.as_bytes()));
        }
        Spec { asker: self.asker, repos, has_others: self.asker.sees_names(), hidden_text: "something else" }
    }

    /// Whether the token of a program is for this repository.
    pub(crate) fn is_of_token(&self, repo: &Repo) -> bool {
        OF_TOKEN.contains(&repo.name.as_str()) && repo.reads != Reads::Not
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
            asker: Kind::Member,
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
            hidden_text: "hidden needle",
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
        asker: Kind::Member,
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
        hidden_text: "hidden needle",
    })
}
