//! Hostile input. The cases are data in `testdata/threats/`; those that are only data run here.

mod objects;
mod repositories;
mod walks;

use crate::support::{open, walk};
use git::{RemoteUrl, Schemes, WalkLimits};
use testkit::git::GitWorld;

const URLS: &str = include_str!("../../testdata/threats/urls.toml");
const TREES: &str = include_str!("../../testdata/threats/trees.toml");

fn case(file: &str, id: &str) -> toml::Table {
    let table: toml::Table = file.parse().unwrap();
    let cases = table["case"].as_array().unwrap().iter().filter_map(toml::Value::as_table);
    cases.into_iter().find(|case| case["id"].as_str() == Some(id)).unwrap().clone()
}

fn texts<'a>(case: &'a toml::Table, key: &str) -> Vec<&'a str> {
    case[key].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect()
}

/// Replaces `{n}` by the character of code point n.
fn unescaped(text: &str) -> String {
    String::from_utf8(bytes(text, |n| char::from_u32(n).unwrap().to_string().into_bytes())).unwrap()
}

fn bytes(text: &str, of_number: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut parts = text.split('{');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap();
        bytes.extend(of_number(number.parse().unwrap()));
        bytes.extend(rest.as_bytes());
    }
    bytes
}

#[track_caller]
fn check_urls(id: &str) {
    let case = case(URLS, id);
    let expected = texts(&case, "expected");
    for input in texts(&case, "inputs") {
        let error = match RemoteUrl::parse(&unescaped(input), Schemes::default()) {
            Err(error) => error,
            Ok(url) => panic!("{input:?} was accepted as {url}"),
        };
        let debug = format!("{error:?}");
        let name = debug.split([' ', '{']).next().unwrap();
        assert!(expected.contains(&name), "{input:?} is refused as {debug}");
        assert!(!error.to_string().chars().any(char::is_control), "{input:?}");
    }
}

#[track_caller]
fn check_tree(id: &str) {
    let case = case(TREES, id);
    let name = |text: &str| bytes(text, |n| vec![n as u8]);
    let world = GitWorld::new();
    let repo = world.bare("r.git");
    let blob = repo.blob(b"x\n");
    let folder = repo.tree(&[("100644", b"f", blob)]);
    let entries: Vec<(String, Vec<u8>)> = case["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry[0].as_str().unwrap().to_owned(), name(entry[1].as_str().unwrap())))
        .collect();
    let entries: Vec<(&str, &[u8], model::ObjectId)> = entries
        .iter()
        .map(|(mode, name)| {
            (mode.as_str(), name.as_slice(), if mode.contains("40000") { folder } else { blob })
        })
        .collect();
    let commit = repo.commit_tree(repo.tree(&entries), &[], "x");
    let repository = open(repo.path());
    let (yielded, summary) = walk(&repository, &[commit], &WalkLimits::default());
    let mut accepted: Vec<_> = texts(&case, "accepted").into_iter().map(name).collect();
    accepted.sort();
    assert_eq!(yielded.iter().map(|entry| entry.0.clone()).collect::<Vec<_>>(), accepted);
    let mut reasons: Vec<_> = summary.refused.iter().map(|refused| format!("{:?}", refused.reason)).collect();
    reasons.sort();
    assert_eq!(reasons, texts(&case, "refused"));
    assert!(summary.refused.iter().all(|refused| !refused.path.chars().any(char::is_control)));
    // A page shows the same as a search finds.
    let reader = repository.reader();
    let root = reader.entry_at(commit, b"").unwrap().unwrap();
    let listing = reader.list_tree(root.id).unwrap();
    assert_eq!((listing.entries.len(), listing.refused.len()), (yielded.len(), summary.n_refused as usize));
    for (path, _, id, _) in &yielded {
        assert_eq!(reader.entry_at(commit, path).unwrap().unwrap().id, *id);
    }
}

macro_rules! cases {
    ($check:ident: $($name:ident => $id:literal,)*) => {
        $(
            #[test]
            fn $name() {
                $check($id);
            }
        )*
    };
}

cases! { check_urls:
    url_helper_transport => "G-url-helper-transport",
    url_unknown_transport => "G-url-unknown-transport",
    url_local_path => "G-url-local-path",
    url_option_host => "G-url-option-host",
    url_option_path => "G-url-option-path",
    url_control_characters => "G-url-control-characters",
    url_empty_host => "G-url-empty-host",
    url_not_an_address => "G-url-not-an-address",
    url_credential_misplaced => "G-url-credential-misplaced",
    url_surplus => "G-url-surplus",
}

cases! { check_tree:
    tree_dot_git => "T-tree-dot-git",
    tree_dots => "T-tree-dots",
    tree_slashes => "T-tree-slashes",
    tree_duplicates => "T-tree-duplicates",
    tree_unsorted => "T-tree-unsorted",
    tree_case_fold => "T-tree-case-fold",
    tree_odd_names => "T-tree-odd-names",
    tree_modes => "T-tree-modes",
    tree_mode_not_octal => "T-tree-mode-not-octal",
    tree_mode_too_long => "T-tree-mode-too-long",
}
