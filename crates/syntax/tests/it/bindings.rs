//! What names mean: samples of languages beside what is found of them, and texts made to hurt.

use model::Language;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use syntax::{
    BindingLimits, Bindings, HEAD_BYTES, Meaning, NameIdx, Origin, SymbolError, bindings, detect_language,
    has_scopes, language_by_name, languages,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bindings")
}

/// What holds for every answer.
fn check(text: &str, found: &Bindings) {
    assert!(found.names.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    for name in &found.names {
        assert!(text.get(name.range.clone()).is_some_and(|name| !name.is_empty()));
        match name.meaning {
            Meaning::Bound(binding) => assert!(found.binding(binding).is_some()),
            Meaning::Member(Origin::Instance(name) | Origin::Same(name) | Origin::Call(name))
            | Meaning::Argument(name) => assert!(found.name(name).is_some()),
            Meaning::Member(Origin::This(owner) | Origin::Super(owner)) => {
                assert!(found.binding(owner).is_some())
            }
            Meaning::Member(Origin::Unknown) | Meaning::Free => {}
        }
    }
    for binding in &found.bindings {
        assert!(text.get(binding.name.clone()).is_some() && text.get(binding.extent.clone()).is_some());
        assert!(binding.container.is_none_or(|owner| found.binding(owner).is_some()));
    }
}

fn place(text: &str, offset: usize) -> String {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    format!("{}:{}", before.matches('\n').count() + 1, offset - line_start + 1)
}

fn origin(text: &str, found: &Bindings, origin: Origin) -> String {
    let name = |idx: NameIdx| found.name(idx).map_or("?", |name| &text[name.range.clone()]);
    let owner = |idx| found.binding(idx).map_or("?", |binding| &text[binding.name.clone()]);
    match origin {
        Origin::Unknown => "something".to_owned(),
        Origin::Instance(idx) => format!("a {}", name(idx)),
        Origin::Same(idx) => name(idx).to_owned(),
        Origin::Call(idx) => format!("{}()", name(idx)),
        Origin::This(idx) => format!("a {}, this", owner(idx)),
        Origin::Super(idx) => format!("what {} extends", owner(idx)),
    }
}

fn show(text: &str, found: &Bindings) -> String {
    let mut shown = String::new();
    for name in &found.names {
        let word = &text[name.range.clone()];
        let at = place(text, name.range.start);
        let meaning = match name.meaning {
            Meaning::Bound(idx) => {
                let binding = found.binding(idx).expect("a binding");
                let kind = format!("{:?}", binding.kind);
                let kind = kind.split('(').next().expect("a word").to_lowercase();
                let from = match binding.kind {
                    syntax::BindingKind::Import(import) => {
                        let import = &found.imports[import as usize];
                        format!(
                            " of {}{}",
                            import.module,
                            import.item.as_ref().map(|item| format!(" › {item}")).unwrap_or_default()
                        )
                    }
                    _ => String::new(),
                };
                match name.is_definition {
                    true => {
                        let of = binding.container.and_then(|owner| found.binding(owner));
                        let of =
                            of.map(|owner| format!(" in {}", &text[owner.name.clone()])).unwrap_or_default();
                        let value = match binding.origin {
                            Origin::Unknown => String::new(),
                            known => format!(", {}", origin(text, found, known)),
                        };
                        let above: Vec<&str> = binding
                            .supertypes
                            .iter()
                            .map(|idx| &text[found.names[idx.0 as usize].range.clone()])
                            .collect();
                        let above = if above.is_empty() {
                            String::new()
                        } else {
                            format!(", extends {}", above.join(" "))
                        };
                        format!("DEFINES {kind}{of}{from}{value}{above}")
                    }
                    false => format!("{kind} of {}{from}", place(text, binding.name.start)),
                }
            }
            Meaning::Member(of) => format!("member of {}", origin(text, found, of)),
            Meaning::Argument(callee) => {
                format!("argument of {}", &text[found.names[callee.0 as usize].range.clone()])
            }
            Meaning::Free => "free".to_owned(),
        };
        writeln!(shown, "{at} {word}{} {meaning}", if name.is_call { "()" } else { "" }).expect("memory");
    }
    shown
}

/// Each `testdata/bindings/sample.X` has the meanings of its names beside it, read and found right, in `X.expected`. After a
/// change that is meant, run with `SOURCEKEEP_BLESS=1` and read the difference.
#[test]
fn samples_mean_what_is_written_beside_them() {
    let mut n_samples = 0;
    let mut faults = String::new();
    for entry in std::fs::read_dir(folder()).expect("the folder of samples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "expected") {
            continue;
        }
        n_samples += 1;
        let text = std::fs::read_to_string(&path).expect("a sample");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let language = detect_language(name.as_bytes(), &text.as_bytes()[..text.len().min(HEAD_BYTES)]);
        assert!(has_scopes(language), "{name}");
        let found = bindings(language, &text, &BindingLimits::default()).expect("bindings");
        check(&text, &found);
        let shown = show(&text, &found);
        let expected = path.with_file_name(format!("{name}.expected"));
        if std::env::var_os("SOURCEKEEP_BLESS").is_some() {
            std::fs::write(&expected, &shown).expect("the expectation can be written");
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != shown {
            writeln!(faults, "{name} means something else now:\n{shown}").expect("memory");
        }
    }
    assert!(n_samples >= 8, "{n_samples} samples");
    assert!(faults.is_empty(), "{faults}");
}

fn language(name: &str) -> Language {
    language_by_name(name).expect("a language")
}

#[test]
fn deep_nesting_ends_without_using_up_the_stack() {
    const DEPTH: usize = 100_000;
    for (name, open, close) in [
        ("TypeScript", "(", ")"),
        ("Python", "[", "]"),
        ("Go", "{", "}"),
        ("Rust", "{", "}"),
        ("C", "{", "}"),
        ("Java", "(", ")"),
        ("Ruby", "[", "]"),
    ] {
        let text = format!("x = {}{}", open.repeat(DEPTH), close.repeat(DEPTH));
        match bindings(language(name), &text, &BindingLimits::default()) {
            Ok(found) => check(&text, &found),
            Err(error) => {
                assert!(matches!(error, SymbolError::OutOfTime | SymbolError::Unsafe), "{name}: {error}")
            }
        }
    }
}

#[test]
fn chains_and_patterns_without_end_are_cut() {
    let text = format!("const {{{}}} = a{};", "a,".repeat(50_000), ".b()".repeat(50_000));
    let found = bindings(language("TypeScript"), &text, &BindingLimits::default()).expect("bindings");
    check(&text, &found);
    assert!(found.bindings.len() < 1_000, "{}", found.bindings.len());
}

#[test]
fn a_text_beyond_a_limit_is_refused() {
    let limits = BindingLimits { size_bytes_max: 10, ..BindingLimits::default() };
    let refused = bindings(language("Go"), "package main", &limits);
    assert_eq!(refused, Err(SymbolError::TooLarge { size_bytes: 12, limit_bytes: 10 }));
    let cancel = AtomicBool::new(true);
    let limits = BindingLimits { cancel: Some(&cancel), ..BindingLimits::default() };
    assert_eq!(bindings(language("Go"), "package main", &limits), Err(SymbolError::Cancelled));
    let limits = BindingLimits { n_names_max: 3, ..BindingLimits::default() };
    assert_eq!(bindings(language("Python"), "a; b; c; d", &limits), Err(SymbolError::OutOfTime));
}

#[test]
fn names_are_known_in_every_language_with_a_grammar() {
    let with_scopes = languages().iter().filter(|info| has_scopes(info.id)).count();
    assert!(with_scopes >= 16, "{with_scopes}");
    for name in ["Elixir", "Haskell", "OCaml", "HCL"] {
        let found = bindings(language(name), "foo = bar\n", &BindingLimits::default()).expect("bindings");
        assert!(!found.names.is_empty(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in a text, every answer is within it.
    #[test]
    fn answers_hold_for_any_text(
        which in 0..8_usize,
        words in prop::collection::vec(prop::sample::select(vec![
            "x", "self", "=", "(", ")", "{", "}", ":", ".", "\n", "    ", "def ", "class ", "import ", "from ", "let ", "fn ",
            "impl ", "for ", "é", "\"", "'", ",", "<T>", "=>", "->", "::", "function ", "struct ", "type ", "#include ", "&", "export ", "default ", "use ",
        ]), 0..80),
    ) {
        let names = ["TypeScript", "JavaScript", "Python", "Go", "Rust", "C++", "Java", "Ruby"];
        let text = words.concat();
        if let Ok(found) = bindings(language(names[which]), &text, &BindingLimits::default()) {
            check(&text, &found);
        }
    }
}
