//! Random queries over every branch and tag at once: the index, brute force over the same files, and `git grep` must agree
//! on every line of every revision. More than a hundred thousand comparisons, each of one query on one revision.

use crate::instance::Instance;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use search::{CancelToken, Catalog, Limits, Match, Searcher, Sink};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::rc::Rc;
use testkit::git::{GitRepo, GitWorld};

const N_BRANCHES: u64 = 60;
const N_TAGS: u64 = 45;
const N_PATHS: u64 = 24;
const N_TEXTS: u64 = 90;
/// Each is compared on every revision.
const N_QUERIES: u64 = 1_000;
/// Every so many of them are asked of git too.
const GIT_EVERY: u64 = 4;

const WORDS: [&str; 16] = [
    "alpha",
    "Alpha",
    "beta_12",
    "gamma",
    "delta",
    "alphabet",
    "x",
    "foo(",
    "->",
    "42",
    "if (x)",
    "kmalloc(n)",
    "return 0;",
    "  ",
    "omega.alpha",
    "zz",
];

/// Patterns that mean the same to us and, as extended regular expressions, to git.
const PATTERNS: [&str; 20] = [
    "alpha",
    "beta_[0-9]+",
    "^gamma",
    "[0-9]$",
    "(alpha|delta) .*x",
    "a.p",
    "k[a-z]+c",
    "->",
    "if [(]x",
    "fo+",
    "^$",
    "[^a-z ]",
    "z{2}",
    "alpha(bet)?",
    "omega[.]alpha",
    "e.*a",
    "no such words at all",
    "x",
    " $",
    "return [0-9];",
];

/// What stands in one revision: by path, which text; `None` for what is not searched.
type Tree = BTreeMap<String, Option<usize>>;
/// By revision and path, the numbers of the matching lines, ascending.
type Lines = BTreeMap<(String, String), Rc<Vec<u64>>>;

/// A repository's content.
struct Grown {
    texts: Vec<String>,
    trees: BTreeMap<String, Tree>,
}

/// A pseudo-random number generator with a fixed seed (Knuth's MMIX constants): a failure can be run again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// A query in our words, and what it asks.
struct Question {
    text: String,
    case_sensitive: bool,
    /// Every one must occur in a file; lines that hold any are its lines.
    all: Vec<&'static str>,
    /// Where not empty: at least one must occur instead.
    any: Vec<&'static str>,
    /// Must not occur in the file.
    not: Option<&'static str>,
}

#[tokio::test(flavor = "multi_thread")]
async fn index_brute_force_and_git_grep_agree_on_every_revision() {
    let world = GitWorld::new();
    let repo = world.repo("grown");
    let grown = grow(&repo);
    assert_eq!(grown.trees.len() as u64, N_BRANCHES + N_TAGS);
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let access = instance.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
    let searcher = Searcher::new(2).unwrap();
    let mut draw = Draw(20_261_122);
    let (mut n_brute, mut n_git) = (0, 0);
    for number in 0..N_QUERIES {
        let question = Question::draw(&mut draw);
        let ours = search(&searcher, &catalog, &access, &question.text);
        let brute = question.brute_force(&grown);
        assert_same(&ours, &brute, &format!("brute force, query {number}: {}", question.text));
        n_brute += grown.trees.len();
        if number % GIT_EVERY == 0 && question.git_can() {
            let git = question.git_grep(&repo, &grown.trees);
            assert_same(&ours, &git, &format!("git grep, query {number}: {}", question.text));
            n_git += grown.trees.len();
        }
    }
    println!("{n_brute} comparisons with brute force, {n_git} with git grep");
    assert!(n_brute >= 100_000 && n_git >= 15_000);
}

/// Branches and tags over a pool of texts, so that most blobs stand in many revisions and at several paths.
fn grow(repo: &GitRepo) -> Grown {
    let mut draw = Draw(7);
    let texts: Vec<String> = (0..N_TEXTS).map(|number| text(&mut draw, number)).collect();
    let mut trees = BTreeMap::new();
    for branch in 0..N_BRANCHES {
        let mut tree = Tree::new();
        for path in 0..N_PATHS {
            if draw.below(5) > 0 {
                let extension = draw.of(&["c", "txt", "py"]);
                let text = draw.below(N_TEXTS) as usize;
                tree.insert(format!("dir{}/file{path}.{extension}", path % 5), Some(text));
            }
        }
        tree.insert("data.bin".to_owned(), None);
        let name = if branch == 0 { "main".to_owned() } else { format!("topic/{branch}") };
        let binary = b"alpha\0beta_12\n".as_slice();
        let files: Vec<(&str, &[u8])> = tree
            .iter()
            .map(|(path, text)| (path.as_str(), text.map_or(binary, |text| texts[text].as_bytes())))
            .collect();
        repo.commit_files(&name, &files);
        trees.insert(format!("refs/heads/{name}"), tree);
    }
    for tag in 0..N_TAGS {
        let of = format!("topic/{}", 1 + tag);
        let name = format!("v{tag}");
        match tag % 2 {
            0 => repo.git(&["tag", &name, &of]),
            _ => repo.git(&["tag", "--annotate", "--message", "a tag", &name, &of]),
        };
        trees.insert(format!("refs/tags/{name}"), trees[&format!("refs/heads/{of}")].clone());
    }
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    Grown { texts, trees }
}

fn text(draw: &mut Draw, number: u64) -> String {
    let mut text = String::new();
    // Some are empty, some are longer than a block, some do not end in a newline.
    let n_words = match number % 9 {
        0 => 0,
        1 => 1_500,
        _ => draw.below(60),
    };
    for _ in 0..n_words {
        text.push_str(draw.of(&WORDS));
        text.push_str(if draw.below(3) == 0 { "\n" } else { " " });
    }
    text
}

impl Question {
    fn draw(draw: &mut Draw) -> Question {
        let case_sensitive = draw.below(2) == 0;
        let (mut all, mut any, mut not) = (Vec::new(), Vec::new(), None);
        match draw.below(4) {
            0 => all.push(draw.of(&PATTERNS)),
            1 => all.extend([draw.of(&PATTERNS), draw.of(&PATTERNS)]),
            2 => any.extend([draw.of(&PATTERNS), draw.of(&PATTERNS), draw.of(&PATTERNS)]),
            _ => {
                all.push(draw.of(&PATTERNS));
                not = Some(draw.of(&PATTERNS));
            }
        }
        let slashed = |patterns: &[&str], by: &str| {
            patterns.iter().map(|pattern| format!("content:/{pattern}/")).collect::<Vec<_>>().join(by)
        };
        let patterns =
            if any.is_empty() { slashed(&all, " ") } else { format!("({})", slashed(&any, " OR ")) };
        let negated = not.map_or(String::new(), |pattern| format!(" -content:/{pattern}/"));
        let case = if case_sensitive { " case:yes" } else { "" };
        let text = format!("rev:* type:file count:all{case} {patterns}{negated}");
        Question { text, case_sensitive, all, any, not }
    }

    /// git has no NOT over files, and to it the end of a file behind its last newline is one more empty line.
    fn git_can(&self) -> bool {
        self.not.is_none() && !self.all.iter().chain(&self.any).any(|pattern| *pattern == "^$")
    }

    /// Every text line by line, then every revision path by path.
    fn brute_force(&self, grown: &Grown) -> Lines {
        let regex = |pattern: &&str| {
            let config = syntax::Config::new().case_insensitive(!self.case_sensitive);
            Regex::builder().syntax(config).build(pattern).unwrap()
        };
        let [all, any]: [Vec<Regex>; 2] = [&self.all, &self.any].map(|them| them.iter().map(regex).collect());
        let not = self.not.as_ref().map(regex);
        let matching = |text: &String| {
            let holds = |pattern: &Regex| text.lines().any(|line| pattern.is_match(line));
            let is_wanted = all.iter().all(holds)
                && (any.is_empty() || any.iter().any(holds))
                && !not.as_ref().is_some_and(holds);
            let is_hit = |line: &str| all.iter().chain(&any).any(|pattern| pattern.is_match(line));
            let numbered = text.lines().zip(1..).filter(|(line, _)| is_hit(line));
            is_wanted.then(|| Rc::new(numbered.map(|(_, number)| number).collect::<Vec<u64>>()))
        };
        let by_text: Vec<Option<Rc<Vec<u64>>>> = grown.texts.iter().map(matching).collect();
        let mut lines = Lines::new();
        for (revision, tree) in &grown.trees {
            for (path, text) in tree {
                if let Some(numbers) = text.and_then(|text| by_text[text].as_ref()) {
                    lines.insert((revision.clone(), path.clone()), Rc::clone(numbers));
                }
            }
        }
        lines
    }

    /// All revisions in one run. `--all-match` is our AND: every pattern somewhere in the file, lines that hold any.
    fn git_grep(&self, repo: &GitRepo, trees: &BTreeMap<String, Tree>) -> Lines {
        let mut arguments = vec!["grep", "-I", "-n", "-E", "--full-name"];
        if !self.case_sensitive {
            arguments.push("-i");
        }
        if !self.all.is_empty() {
            arguments.push("--all-match");
        }
        for pattern in self.all.iter().chain(&self.any) {
            arguments.extend(["-e", pattern]);
        }
        arguments.extend(trees.keys().map(String::as_str));
        let output = repo.try_git(&arguments, b"");
        assert!(
            output.status.code().is_some_and(|code| code < 2),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut lines: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let mut parts = line.splitn(4, ':');
            let mut part = || parts.next().unwrap().to_owned();
            let (revision, path, number) = (part(), part(), part());
            lines.entry((revision, path)).or_default().push(number.parse().unwrap());
        }
        lines.into_iter().map(|(place, numbers)| (place, Rc::new(numbers))).collect()
    }
}

/// The first difference says more than two whole answers.
#[track_caller]
fn assert_same(ours: &Lines, theirs: &Lines, what: &str) {
    let places: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    for place in places {
        assert_eq!(ours.get(place), theirs.get(place), "{place:?}: {what}");
    }
}

/// Keeps what was found, by revision and path.
#[derive(Default)]
struct Kept(Lines);

impl Sink for Kept {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for found in batch {
            let Match::Content(found) = found else { panic!("unexpected {found:?}") };
            let path = String::from_utf8(found.path).unwrap();
            let numbers: Rc<Vec<u64>> = Rc::new(found.lines.iter().map(|line| line.number).collect());
            assert_eq!(numbers.len() as u64, found.n_lines, "every line is shown: {path}");
            for name in found.refs.iter().filter(|name| name.as_str() != "HEAD") {
                let earlier = self.0.insert((name.to_string(), path.clone()), Rc::clone(&numbers));
                assert_eq!(earlier, None, "a document twice: {name} {path}");
            }
        }
        ControlFlow::Continue(())
    }
}

fn search(searcher: &Searcher, catalog: &Catalog, access: &model::AccessSet, text: &str) -> Lines {
    let query = query::parse(text, &query::Options::default()).unwrap();
    let (mut kept, limits) = (Kept::default(), Limits::unlimited_display());
    let summary = searcher
        .search(&catalog.snapshot(), access, &query, &limits, &CancelToken::new(), &mut kept)
        .unwrap();
    assert!(summary.stats.complete, "{text}: {:?}", summary.stats.skipped);
    kept.0
}
