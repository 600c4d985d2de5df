//! Every hostile case of `testdata/threats/*.toml` is held by a test that exists.
//!
//! A case of the workspace's own folder names its tests (`crate::function`, or `browser: the tour's words`), or the feature
//! it waits for. A case of a crate's folder is data that the crate's tests read; one of them says its id.

use crate::run;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What stands in front of the words of a browser tour.
const TOUR: &str = "browser: ";
/// Where the deliberate leaks are listed.
const LEAKS: &str = "crates/model/src/leak.rs";
/// Which defences were switched off, and the tests that were seen to fail then.
const DEFENCES: &str = "testdata/defences.toml";
/// The files of threats each of whose tests stands there.
const SHOWN: [&str; 4] = ["a.toml", "o.toml", "s.toml", "x.toml"];
/// The tests that switch defences off themselves, each time they run.
const PROJECTION: [&str; 3] = [
    "server::bob_hears_what_he_would_hear_alone",
    "server::every_deliberate_leak_is_caught",
    "server::generated_worlds_are_heard_alike",
];

/// Holds every file of threats to the tests.
pub(super) fn check(files: &[PathBuf], faults: &mut Vec<String>) -> Result<()> {
    let tests = Tests::of(files)?;
    let shown = tests_shown(&tests, faults)?;
    let (mut seen, mut waiting) = (BTreeMap::<String, String>::new(), BTreeMap::<String, usize>::new());
    for path in files.iter().filter(|path| is_of_threats(path)) {
        let place = path.display().to_string();
        let table: toml::Table =
            std::fs::read_to_string(run::root().join(path))?.parse().with_context(|| place.clone())?;
        for case in cases_in(&table) {
            let Some(id) = text_of(case, "id") else {
                faults.push(format!("{place}: a case has no id"));
                continue;
            };
            if let Some(other) = seen.insert(id.to_owned(), place.clone()) {
                faults.push(format!(
                    "{place}: the threat '{id}' stands in {other} as well; give it an id of its own"
                ));
            }
            match path.starts_with("crates") {
                true => by_its_crate(path, id, &tests, faults),
                false => by_name(&place, id, case, &tests, faults, &mut waiting),
            }
            if SHOWN.iter().any(|file| path == &Path::new("testdata/threats").join(file)) {
                let unshown = texts_of(case, "tests")
                    .into_iter()
                    .filter(|test| !shown.contains(*test) && !test.starts_with(TOUR));
                faults.extend(unshown.map(|test| {
                    format!(
                        "{place}: switch the defence of '{id}' off, see '{test}' fail, and say in {DEFENCES} what was off"
                    )
                }));
            }
        }
    }
    let waiting: Vec<String> = waiting.iter().map(|(feature, n)| format!("{feature} ({n})")).collect();
    if !waiting.is_empty() {
        println!("tidy: threats that wait for a feature: {}", waiting.join(", "));
    }
    Ok(())
}

/// The tests that were seen to fail without a defence, or need no look.
fn tests_shown(tests: &Tests, faults: &mut Vec<String>) -> Result<BTreeSet<String>> {
    let table: toml::Table =
        std::fs::read_to_string(run::root().join(DEFENCES))?.parse().context(DEFENCES)?;
    let mut shown: BTreeSet<String> = PROJECTION.map(str::to_owned).into();
    for case in cases_in(&table) {
        let off = text_of(case, "off").unwrap_or_default();
        if off.is_empty() {
            faults.push(format!("{DEFENCES}: a defence does not say what was `off`"));
        }
        for test in texts_of(case, "fails") {
            if !tests.names.contains(test) {
                faults.push(format!("{DEFENCES}: '{off}' names the test '{test}', which does not exist"));
            }
            shown.insert(test.to_owned());
        }
    }
    Ok(shown)
}

fn is_of_threats(path: &Path) -> bool {
    path.to_string_lossy().contains("testdata/threats/")
        && path.extension().is_some_and(|extension| extension == "toml")
}

fn by_its_crate(path: &Path, id: &str, tests: &Tests, faults: &mut Vec<String>) {
    let folder: PathBuf = path.components().take(2).collect();
    if !tests.texts.iter().any(|(file, text)| file.starts_with(&folder) && text.contains(id)) {
        faults.push(format!("{}: the threat '{id}' is named by no test of its crate", path.display()));
    }
}

fn by_name(
    place: &str,
    id: &str,
    case: &toml::Table,
    tests: &Tests,
    faults: &mut Vec<String>,
    waiting: &mut BTreeMap<String, usize>,
) {
    for key in ["threat", "built", "expected"] {
        if text_of(case, key).is_none_or(str::is_empty) {
            faults.push(format!("{place}: the threat '{id}' does not say `{key}`"));
        }
    }
    let named = texts_of(case, "tests");
    for leak in texts_of(case, "mutants") {
        if !tests
            .texts
            .iter()
            .any(|(file, text)| file.ends_with(LEAKS) && text.contains(&format!("(\"{leak}\",")))
        {
            faults
                .push(format!("{place}: the threat '{id}' names the leak '{leak}', which is not in {LEAKS}"));
        }
    }
    match (named.is_empty(), text_of(case, "feature")) {
        (true, Some(feature)) => *waiting.entry(feature.to_owned()).or_default() += 1,
        (true, None) => faults
            .push(format!("{place}: the threat '{id}' names neither tests nor the feature it waits for")),
        (false, Some(_)) => {
            faults.push(format!("{place}: the threat '{id}' waits and has tests: take one of them out"))
        }
        (false, None) => {}
    }
    for test in named.into_iter().filter(|test| !tests.names.contains(*test)) {
        faults.push(format!("{place}: the threat '{id}' names the test '{test}', which does not exist"));
    }
}

/// What can be named: tests by `crate::function`, tours by their words.
struct Tests {
    names: BTreeSet<String>,
    /// Every Rust file.
    texts: Vec<(PathBuf, String)>,
}

impl Tests {
    fn of(files: &[PathBuf]) -> Result<Self> {
        let mut tests = Tests { names: BTreeSet::new(), texts: Vec::new() };
        for path in files.iter().filter(|path| path.starts_with("crates")) {
            let extension = path.extension().unwrap_or_default();
            if extension != "rs" && extension != "mjs" {
                continue;
            }
            let text = std::fs::read_to_string(run::root().join(path))
                .with_context(|| format!("cannot read {}", path.display()))?;
            match extension == "rs" {
                true => {
                    let folder =
                        path.components().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
                    let folder = folder.unwrap_or_default();
                    tests.names.extend(functions_in(&text).map(|name| format!("{folder}::{name}")));
                    tests.texts.push((path.clone(), text));
                }
                false => tests.names.extend(tours_in(&text).map(|words| format!("{TOUR}{words}"))),
            }
        }
        Ok(tests)
    }
}

/// The tests of a file: functions under `#[test]` or its like, and those within `on_both!`, which makes two tests of each.
fn functions_in(text: &str) -> impl Iterator<Item = String> {
    let (mut names, mut is_test, mut is_on_both) = (Vec::new(), false, false);
    for line in text.lines() {
        let line = line.trim_end();
        is_on_both = (is_on_both || line == "on_both! {") && line != "}";
        let line = line.trim_start();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, after)) = line.split_once("fn ")
            && !line.starts_with("//")
        {
            let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if is_test || (is_on_both && line.starts_with("async fn ")) {
                names.push(name);
            }
            is_test = false;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            is_test = false;
        }
    }
    names.into_iter()
}

fn tours_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix("test(\"")?.split('"').next())
}

fn cases_in(table: &toml::Table) -> impl Iterator<Item = &toml::Table> {
    table.values().filter_map(toml::Value::as_array).flatten().filter_map(toml::Value::as_table)
}

fn texts_of<'a>(case: &'a toml::Table, key: &str) -> Vec<&'a str> {
    let values = case.get(key).and_then(toml::Value::as_array).into_iter().flatten();
    values.filter_map(toml::Value::as_str).collect()
}

fn text_of<'a>(case: &'a toml::Table, key: &str) -> Option<&'a str> {
    case.get(key).and_then(toml::Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_and_other_functions_are_not() {
        let text = "fn helper() {}\n#[test]\n/// Words.\n#[expect(x)]\nfn one() {\n    fn inner() {}\n}\n\
                    #[tokio::test]\nasync fn two() {}\n#[test]\nmod x;\nfn three() {}\n\
                    on_both! {\n    async fn four(world) {\n    }\n}\nasync fn five(world: World) {}\n// fn six()\n";
        assert_eq!(functions_in(text).collect::<Vec<_>>(), ["one", "two", "four"]);
    }

    #[test]
    fn tours_are_found_by_their_words() {
        let text = "  test(\"a link works once\", async () => {\nnottest(\"x\")\n";
        assert_eq!(tours_in(text).collect::<Vec<_>>(), ["a link works once"]);
    }
}
