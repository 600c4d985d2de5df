//! Definitions: samples of every language beside what they define, and texts made to hurt.

use model::Language;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use syntax::{
    HEAD_BYTES, SymbolError, SymbolLimits, Symbols, detect_language, has_symbols, language_by_name,
    languages, symbols,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/symbols")
}

fn find(language: Language, text: &str) -> Result<Symbols, SymbolError> {
    let found = symbols(language, text, &SymbolLimits::default());
    if let Ok(found) = &found {
        check(text, found);
    }
    found
}

/// What holds for every answer.
fn check(text: &str, found: &Symbols) {
    assert_eq!(found.containers.first().map(String::as_str), Some(""));
    assert!(found.symbols.windows(2).all(|pair| pair[0].name.start <= pair[1].name.start));
    let (mut counted_to, mut line) = (0, 1);
    for symbol in &found.symbols {
        assert!(text.get(symbol.name.clone()).is_some_and(|name| !name.is_empty() && !name.contains('\n')));
        assert!(symbol.extent.start <= symbol.name.start && symbol.name.end <= symbol.extent.end);
        assert!(symbol.extent.end <= text.len());
        assert!(found.containers.get(symbol.container as usize).is_some());
        line += text[counted_to..symbol.name.start].matches('\n').count() as u64;
        counted_to = symbol.name.start;
        assert_eq!(symbol.line, line);
    }
}

fn show(text: &str, found: &Symbols) -> String {
    let mut shown = String::new();
    for symbol in &found.symbols {
        let container = &found.containers[symbol.container as usize];
        let n_lines = text[symbol.extent.clone()].lines().count();
        let name = &text[symbol.name.clone()];
        writeln!(shown, "{} {} [{container}] {name} ({n_lines})", symbol.line, symbol.kind).expect("memory");
    }
    shown
}

/// Each `testdata/symbols/sample.X` has its definitions beside it, read and found right, in `X.expected`. After a change that
/// is meant, run with `SOURCEKEEP_BLESS=1` and read the difference.
#[test]
fn samples_define_what_is_written_beside_them() {
    let mut n_samples = 0;
    let mut faults = String::new();
    for entry in std::fs::read_dir(folder()).expect("the folder of samples") {
        let path = entry.expect("an entry").path();
        let Some(extension) = path.file_name().and_then(|name| name.to_str()?.strip_prefix("sample.")) else {
            continue;
        };
        n_samples += 1;
        let expected_path = folder().join(format!("{extension}.expected"));
        let text = std::fs::read_to_string(&path).expect("a sample");
        let name = path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
        let language = detect_language(&name, &text.as_bytes()[..text.len().min(HEAD_BYTES)]);
        let found = find(language, &text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let shown = show(&text, &found);
        if std::env::var_os("SOURCEKEEP_BLESS").is_some() {
            std::fs::write(&expected_path, &shown).expect("write");
        }
        let expected = std::fs::read_to_string(&expected_path).unwrap_or_default();
        if shown != expected {
            writeln!(faults, "== {}\n{shown}", path.display()).expect("memory");
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(n_samples >= 25, "{n_samples}");
}

#[test]
fn at_least_25_languages_have_definitions() {
    let n_languages = languages().iter().filter(|info| has_symbols(info.id)).count();
    assert!(n_languages >= 25, "{n_languages}");
}

/// One language of each grammar and reader.
fn kinds() -> Vec<Language> {
    let names = [
        "rust",
        "python",
        "javascript",
        "typescript",
        "tsx",
        "go",
        "java",
        "c",
        "c++",
        "c#",
        "ruby",
        "php",
        "shell",
        "css",
        "html",
        "scala",
        "haskell",
        "ocaml",
        "kotlin",
        "swift",
        "lua",
        "elixir",
        "zig",
        "hcl",
        "toml",
        "json",
        "markdown",
        "yaml",
    ];
    names.iter().map(|name| language_by_name(name).expect("a known name")).collect()
}

/// Runs a test on a thread with a small stack: deep recursion would end it.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(test).expect("a thread can be had");
    thread.join().expect("the test passes");
}

#[test]
fn hostile_nesting_stays_within_limits() {
    on_small_stack(|| {
        const LEVELS: usize = 100_000;
        let openings = ["{", "(", "class A {", "<div>", "if (x) {\n#if 1\n", "> - "];
        for opening in openings {
            let text = opening.repeat(LEVELS);
            for language in kinds() {
                // Whatever it says, it says it: a typed refusal or what could be found.
                let deadline = Instant::now().checked_add(Duration::from_millis(30));
                let limits = SymbolLimits { deadline, ..SymbolLimits::default() };
                if let Ok(found) = symbols(language, &text, &limits) {
                    check(&text, &found);
                }
            }
        }
    });
}

#[test]
fn long_data_defines_nothing_and_is_no_fault() {
    let json = language_by_name("json").expect("known");
    let text = |n_keys: usize| {
        let keys: Vec<String> = (0..n_keys).map(|n| format!("\"key{n}\": 1")).collect();
        format!("{{{}}}", keys.join(",\n"))
    };
    let found = symbols(json, &text(10), &SymbolLimits::default()).expect("parsed");
    assert_eq!(found.symbols.len(), 10);
    let found = symbols(json, &text(40_000), &SymbolLimits::default()).expect("looked at");
    assert!(found.symbols.is_empty() && !found.is_cut);
}

#[test]
fn limits_are_kept_and_told() {
    let c = language_by_name("c").expect("known");
    let rust = language_by_name("rust").expect("known");
    let text = "#define A 1\n".repeat(1000);
    let limits = SymbolLimits { n_symbols_max: 10, ..SymbolLimits::default() };
    let found = symbols(c, &text, &limits).expect("parsed");
    assert!(found.is_cut && found.symbols.len() == 10);
    let limits = SymbolLimits { size_bytes_max: 10, ..SymbolLimits::default() };
    assert!(matches!(symbols(rust, "fn long_enough() {}", &limits), Err(SymbolError::TooLarge { .. })));
    let cancelled = AtomicBool::new(true);
    let limits = SymbolLimits { cancel: Some(&cancelled), ..SymbolLimits::default() };
    assert_eq!(symbols(rust, &"fn a() {}".repeat(1000), &limits), Err(SymbolError::Cancelled));
    let limits = SymbolLimits { deadline: Some(Instant::now()), ..SymbolLimits::default() };
    assert_eq!(symbols(rust, &"fn a() {}".repeat(1000), &limits), Err(SymbolError::OutOfTime));
    assert!(matches!(find(Language::UNKNOWN, "x"), Err(SymbolError::Unsupported { .. })));
}

#[test]
fn long_c_texts_are_read_in_pieces_without_loss() {
    let c = language_by_name("c").expect("known");
    let text: String =
        (0..40_000).map(|n| format!("#define REG_{n}_MASK 0x{n:08x}\nint f{n}(void)\n{{\n}}\n")).collect();
    assert!(text.len() > 2 << 20);
    let found = find(c, &text).expect("parsed");
    assert_eq!((found.symbols.len(), found.is_cut), (80_000, false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn broken_samples_never_panic(
        language in 0usize..28,
        pieces in prop::collection::vec((0usize..4000, 0usize..300), 1..12),
        noise in prop::collection::vec("[\\PC\n{}()<>#'\"é]{0,6}", 12),
    ) {
        let text: String = std::fs::read_dir(folder())
            .expect("the folder")
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
            .nth(language)
            .unwrap_or_default();
        let mut broken = String::new();
        for ((start, len), noise) in pieces.into_iter().zip(noise) {
            let start = if text.is_empty() { 0 } else { start % text.len() };
            let end = (start + len).min(text.len());
            broken.push_str(text.get(start..end).unwrap_or_default());
            broken.push_str(&noise);
        }
        drop(find(kinds()[language], &broken));
    }
}
