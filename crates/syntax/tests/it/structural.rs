//! Structural patterns: what they find, in which languages they can be read, and that none of them can do harm.

use std::cell::Cell;
use std::time::{Duration, Instant};
use syntax::{
    StructuralError, StructuralLimits, StructuralMatches, StructuralPattern, StructuralStop, language_by_name,
};

fn compile(language: &str, pattern: &str) -> Result<StructuralPattern, StructuralError> {
    let language = language_by_name(language).expect("a known name");
    StructuralPattern::compile(pattern, &[language])
}

fn find(language: &str, pattern: &str, text: &str) -> StructuralMatches {
    let compiled =
        compile(language, pattern).unwrap_or_else(|error| panic!("{language}: {pattern}: {error}"));
    let language = language_by_name(language).expect("a known name");
    compiled.find(language, text, &StructuralLimits::default()).expect("within the limits")
}

/// Marks matches in the texts with `«»` and compares: language, pattern, marked text.
#[track_caller]
fn check(cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (language, pattern, marked) in cases {
        let text = marked.replace(['«', '»'], "");
        let shown = marked_matches(language, pattern, &text).unwrap_or_else(|error| error.to_string());
        if shown != *marked {
            wrong.push(format!("{language}: {pattern}\n{shown}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn marked_matches(language: &str, pattern: &str, text: &str) -> Result<String, StructuralError> {
    let compiled = compile(language, pattern)?;
    let language = language_by_name(language).expect("a known name");
    let found = compiled.find(language, text, &StructuralLimits::default()).expect("within the limits");
    let mut shown = String::new();
    let mut end = 0;
    for range in &found.ranges {
        shown.push_str(&text[end..range.start]);
        shown.push('«');
        shown.push_str(&text[range.clone()]);
        shown.push('»');
        end = range.end;
    }
    shown.push_str(&text[end..]);
    Ok(shown)
}

#[test]
fn patterns_find_what_they_look_like() {
    check(&[
        (
            "c",
            "if ($A == NULL) { $$$ }",
            "int f(void *p) {\n  «if (p == NULL) {\n    x();\n    return 1;\n  }»\n  if (p != NULL) { y(); }\n  «if (a->b /* c */ == NULL) {}» else { z(); }\n}\n",
        ),
        (
            "c",
            "kfree($X)",
            "void f() { «kfree(a)»; «kfree(a->b)»; kfree(a, b); x = \"kfree(a)\"; /* kfree(a) */ }\n",
        ),
        ("c", "kfree($X);", "void f() { «kfree(a);» }\n"),
        ("c", "$X = $X + $Y", "void f() { «a = a + 1»; a = b + 1; «s->n = s->n + k»; }\n"),
        ("c", "struct $N { $$$ };", "«struct a { int x; }»;\nstruct b;\n"),
        ("c++", "std::move($X)", "int f() { return g(«std::move(x)»); }\n"),
        (
            "go",
            "if err != nil { return $$$ }",
            "package p\nfunc f() error {\n\t«if err != nil {\n\t\treturn err\n\t}»\n\t«if err != nil {\n\t\treturn nil, g(err)\n\t}»\n\tif err == nil {\n\t\treturn err\n\t}\n\treturn nil\n}\n",
        ),
        (
            "go",
            "fmt.Println($$$)",
            "package p\n\nfunc f() { «fmt.Println()»; «fmt.Println(a, b)»; fmt.Print(a) }\n",
        ),
        (
            "go",
            "func $F($$$) error { $$$ }",
            "package p\n\n«func f(a int) error {\n\treturn nil\n}»\n\nfunc g() int { return 1 }\n",
        ),
        ("javascript", "console.log($$$)", "function f() { «console.log('a', b)»; console.error(c); }\n"),
        ("typescript", "console.log($$$)", "const f = (a: string) => «console.log(a)»;\n"),
        ("tsx", "<$T $$$ />", "const a = «<Foo bar={1} />»;\n"),
        ("javascript", "$A === $A", "x = «a.b === a.b» || a === b;\n"),
        (
            "python",
            "def $F(self, $$$): $$$",
            "class A:\n    «def f(self, a, b=1):\n        return a»\n\n    def g(cls):\n        pass\n",
        ),
        ("python", "$X = $X or $Y", "«a = a or []»\nb = a or []\n"),
        ("python", "os.path.join($$$)", "p = «os.path.join(a, 'b')»\n"),
        ("rust", "$X.unwrap()", "fn f() { «a.b().unwrap()»; «c.unwrap()»; d.unwrap_or(1); }\n"),
        ("rust", "let $X = $Y else { $$$ };", "fn f() { «let Some(x) = y else { return };» let z = 1; }\n"),
        ("java", "System.out.println($$$)", "class A { void f() { «System.out.println(\"a\")»; } }\n"),
        (
            "java",
            "try { $$$ } finally { $$$ }",
            "class A { void f() { «try { a(); b(); } finally { c(); }» } }\n",
        ),
        ("ruby", "puts $X", "def f\n  «puts 'a'»\n  print 'b'\nend\n"),
        ("ruby", "class $C < $S\n$$$\nend", "«class A < B\n  def f; end\nend»\n"),
        ("php", "array_map($F, $X)", "<?php\n$a = «array_map('f', $b)»;\n"),
        ("c#", "Console.WriteLine($$$)", "class A { void F() { «Console.WriteLine(1, 2)»; } }\n"),
        ("json", "{\"name\": $X, $$$}", "[«{\"name\": \"a\", \"b\": 1}», {\"c\": 1}]\n"),
        ("css", "color: $X;", "a { «color: red;» background: blue; }\n"),
        ("lua", "print($$$)", "«print('a', b)»\n"),
        ("shell", "echo $X", "f() { «echo a»; }\nprintf b\n"),
        ("kotlin", "println($X)", "fun f() { «println(\"a\")»; print(1) }\n"),
        ("swift", "print($X)", "func f() { «print(a)» }\n"),
        ("elixir", "IO.puts($X)", "def f do\n  «IO.puts(a)»\nend\n"),
        ("zig", "std.debug.print($$$)", "fn f() void { «std.debug.print(\"a\", .{})»; }\n"),
        ("ocaml", "let $X = $Y", "«let a = 1»\n"),
        ("html", "<b>$X</b>", "<p>«<b>x</b>»<i>y</i></p>\n"),
        ("toml", "version = $X", "[a]\n«version = \"1\"»\nname = \"b\"\n"),
    ]);
}

#[test]
fn holes_of_sourcegraph_are_read_too() {
    check(&[
        ("go", "fmt.Sprintf(...)", "package p\n\nvar x = «fmt.Sprintf(\"%d\", 1)»\n"),
        ("go", "fmt.Sprintf(:[args])", "package p\n\nvar x = «fmt.Sprintf(\"%d\", 1)»\n"),
        ("c", "if (:[x] == NULL) { :[body] }", "void f() { «if (a == NULL) { b(); c(); }» }\n"),
        ("python", "def :[f](...): ...", "«def f(a):\n    pass»\n"),
        ("javascript", ":[x] == :[x]", "y = «a == a» && a == b;\n"),
    ]);
}

#[test]
fn matches_within_matches_are_counted() {
    let found = find("c", "f($$$)", "void g() { f(f(1), f()); f(2); }");
    assert_eq!((found.ranges.len(), found.n_nested, found.is_cut), (2, 2, false));
}

#[test]
fn every_language_is_told_that_reads_the_pattern() {
    let reads = |pattern: &str| StructuralPattern::compile(pattern, &[]).expect(pattern).languages();
    let languages = reads("console.log($$$)");
    for name in ["JavaScript", "TypeScript", "TSX", "Java"] {
        assert!(languages.contains(&name), "{name}: {languages:?}");
    }
    assert_eq!(reads("func $F($$$) error { $$$ }").iter().filter(|name| **name == "Go").count(), 1);
    assert!(!reads("def $F(self, $$$): $$$").contains(&"C"));
}

#[test]
fn errors_point_into_the_pattern() {
    let unreadable = compile("c", "  foo($A, ]]").expect_err("unreadable");
    assert!(matches!(&unreadable, StructuralError::Unreadable { languages, .. } if languages == &["C"]));
    let span = unreadable.span().expect("a place");
    assert!(span.start >= 2 && span.end == 12, "{span:?}");
    let in_word = compile("javascript", "f(\"a $B c\")").expect_err("a hole in a string");
    assert!(matches!(in_word, StructuralError::HoleInWord { .. }), "{in_word}");
    assert_eq!(compile("c", "$A").err(), Some(StructuralError::Everything));
    assert_eq!(compile("c", "a(); b();").err(), Some(StructuralError::Several));
    assert_eq!(compile("yaml", "a: $B").err(), Some(StructuralError::NoGrammar { language: "YAML" }));
    assert_eq!(
        compile("c", &"f(".repeat(30_000)).err(),
        Some(StructuralError::TooLong { size_bytes: 60_000, size_bytes_max: 4096 })
    );
}

#[test]
fn literals_are_what_every_match_holds() {
    let literals = compile("c", "if ($A == NULL) { $$$; kfree($B); }").expect("a pattern").literals();
    assert_eq!(literals.len(), 1);
    let words = literals.first().expect("a list");
    assert_eq!(words, &["NULL", "if", "kfree"]);
}

/// Smaller than any thread of ours has, so that deep recursion shows.
const STACK_BYTES: usize = 256 * 1024;

fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread =
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(test).expect("a thread can be had");
    thread.join().expect("the test passes");
}

/// Whatever is asked of whatever text: an answer or a typed reason.
fn survives(language: &str, pattern: &str, text: &str) -> Option<StructuralMatches> {
    let compiled = compile(language, pattern).ok()?;
    let language = language_by_name(language).expect("a known name");
    let deadline = Instant::now() + Duration::from_secs(10);
    let stop = || Instant::now() >= deadline;
    let limits = StructuralLimits { n_steps_max: 1 << 20, stop: &stop, ..StructuralLimits::default() };
    compiled.find(language, text, &limits).ok()
}

#[test]
fn structural_explosion_nested_ellipses() {
    on_small_stack(|| {
        // Each ellipsis before a nested call is tried, and then matched again: 2^20 times without a meter.
        let mut pattern = "x".to_owned();
        let mut text = "y".to_owned();
        for _ in 0..20 {
            pattern = format!("f($$$, {pattern}, $$$)");
            text = format!("f(1, {text}, 2)");
        }
        let found = survives("javascript", &pattern, &format!("{text};\n").repeat(50)).expect("an answer");
        assert!(found.ranges.is_empty());
        let many = format!("f({})", vec!["$$$, a"; 60].join(", "));
        let args = vec!["a, b"; 5_000].join(", ");
        survives("javascript", &many, &format!("f({args});"));
        let named: Vec<String> = (0..60).map(|n| format!("$$$A{n}, a")).collect();
        survives("javascript", &format!("f({})", named.join(", ")), &format!("f({args});"));
    });
}

#[test]
fn structural_explosion_thousands_of_metavariables() {
    let holes: Vec<String> = (0..4_000).map(|n| format!("$A{n}")).collect();
    let pattern = format!("f({})", holes.join(","));
    assert!(matches!(compile("c", &pattern), Err(StructuralError::TooLong { .. })));
    let pattern = format!("f({})", holes[..500].join(","));
    assert_eq!(
        compile("c", &pattern).err(),
        Some(StructuralError::TooManyHoles { n_holes: 500, n_holes_max: 64 })
    );
    let pattern = format!("f({})", holes[..64].join(","));
    let text = format!("void g() {{ f({}); }}", vec!["a"; 64].join(", "));
    assert_eq!(find("c", &pattern, &text).ranges.len(), 1);
}

#[test]
fn structural_explosion_deep_patterns() {
    on_small_stack(|| {
        for (open, close) in
            [("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("!", ""), ("a+(", ")"), ("if (x) {", "}")]
        {
            for depth in [60, 300, 1_000, 10_000, 20_000] {
                let pattern = format!("{}a{}", open.repeat(depth), close.repeat(depth));
                for language in ["c", "javascript", "python", "rust", "go", "java", "html", "ruby", "haskell"]
                {
                    survives(language, &pattern, "f(a);\n");
                }
                let _ = StructuralPattern::compile(&pattern, &[]);
            }
        }
        assert_eq!(
            compile("javascript", &format!("{}a{}", "(".repeat(1_000), ")".repeat(1_000))).err(),
            Some(StructuralError::TooComplex)
        );
    });
}

#[test]
fn structural_explosion_deep_texts() {
    on_small_stack(|| {
        for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("a+(", ")"), ("-", "")] {
            let deep = format!("{}a{}", open.repeat(10_000), close.repeat(10_000));
            // The same name twice compares what it stands for, as deep as it is.
            let text = format!("x = {deep} == {deep};\n");
            for pattern in ["$A == $A", "x = $A", "f($$$)", "($A)"] {
                survives("javascript", pattern, &text);
            }
        }
        let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
        let found =
            survives("javascript", "$A == $A", &format!("x = {deep} == {deep};\n")).expect("an answer");
        assert_eq!(found.ranges.len(), 1);
    });
}

#[test]
fn what_scanners_cannot_hold_is_not_parsed() {
    let text: String = (0..600).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
    let compiled = compile("python", "if $X: $$$").expect("a pattern");
    let language = language_by_name("python").expect("a known name");
    assert_eq!(compiled.find(language, &text, &StructuralLimits::default()), Err(StructuralStop::NotHeld));
    let pattern = format!("x = <<{}\n$A\n", "A".repeat(300));
    assert!(compile("ruby", &pattern).is_err());
}

#[test]
fn limits_and_cancellation_are_kept() {
    let compiled = compile("c", "f($X)").expect("a pattern");
    let language = language_by_name("c").expect("a known name");
    let text = format!("void g() {{ {} }}", "f(1); ".repeat(20_000));
    let few = StructuralLimits { n_matches_max: 10, ..StructuralLimits::default() };
    let found = compiled.find(language, &text, &few).expect("an answer");
    assert_eq!((found.ranges.len(), found.is_cut), (10, true));
    let small = StructuralLimits { size_bytes_max: 100, ..StructuralLimits::default() };
    assert_eq!(compiled.find(language, &text, &small), Err(StructuralStop::TooLarge));
    let n_asked = Cell::new(0);
    let stop = || {
        n_asked.set(n_asked.get() + 1);
        n_asked.get() > 3
    };
    let stopped = StructuralLimits { stop: &stop, ..StructuralLimits::default() };
    assert_eq!(compiled.find(language, &text, &stopped), Err(StructuralStop::Stopped));
}
