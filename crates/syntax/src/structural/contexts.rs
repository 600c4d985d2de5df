//! Where in a program a pattern may stand, by grammar: what is put around it so that the grammar can read it.

use super::holes::Style;

/// A text before and after the pattern.
pub(super) type Context = (&'static str, &'static str);

const BARE: &[Context] = &[("", "")];
const C: &[Context] =
    &[("", ""), ("", ";"), ("void f() {\n", "\n}"), ("void f() {\n", ";\n}"), ("int x = ", ";")];
const CPP: &[Context] = &[
    ("", ""),
    ("", ";"),
    ("void f() {\n", "\n}"),
    ("void f() {\n", ";\n}"),
    ("int x = ", ";"),
    ("class C {\n", "\n};"),
];
const C_SHARP: &[Context] = &[
    ("", ""),
    ("class C {\n", "\n}"),
    ("class C { void F() {\n", "\n} }"),
    ("class C { void F() {\n", ";\n} }"),
    ("class C { object x = ", "; }"),
];
const CSS: &[Context] = &[("", ""), ("a {\n", "\n}"), ("a {\n", ";\n}")];
const GO: &[Context] = &[
    ("", ""),
    ("package p\n", "\n"),
    ("package p\nfunc f() {\n", "\n}\n"),
    ("package p\nvar _ = ", "\n"),
    ("package p\ntype t struct {\n", "\n}\n"),
];
const JAVA: &[Context] = &[
    ("", ""),
    ("class C {\n", "\n}"),
    ("class C { void f() {\n", "\n} }"),
    ("class C { void f() {\n", ";\n} }"),
    ("class C { Object x = ", "; }"),
];
const JAVASCRIPT: &[Context] = &[
    ("", ""),
    ("", ";"),
    ("x = ", ";"),
    ("class C {\n", "\n}"),
    ("x = {\n", "\n}"),
    ("async function* f() {\n", "\n}"),
];
const JSON: &[Context] = &[("", ""), ("{", "}")];
const OBJECTS: &[Context] =
    &[("", ""), ("class C {\n", "\n}\n"), ("fun f() {\n", "\n}\n"), ("val x = ", "\n")];
const SWIFT: &[Context] =
    &[("", ""), ("class C {\n", "\n}\n"), ("func f() {\n", "\n}\n"), ("let x = ", "\n")];
const PHP: &[Context] =
    &[("<?php\n", "\n"), ("<?php\n", ";\n"), ("<?php\nclass C {\n", "\n}\n"), ("<?php\n$x = ", ";\n")];
const RUST: &[Context] = &[
    ("", ""),
    ("fn f() {\n", "\n}"),
    ("fn f() {\n", ";\n}"),
    ("impl T {\n", "\n}"),
    ("struct S {\n", "\n}"),
    ("const X: T = ", ";"),
];
const ZIG: &[Context] =
    &[("", ""), ("fn f() void {\n", "\n}"), ("fn f() void {\n", ";\n}"), ("const x = ", ";")];
const HASKELL: &[Context] = &[("", ""), ("x = ", "\n")];
const OCAML: &[Context] = &[("", ""), ("let x = ", "\n")];

/// The contexts of a grammar, called by the first of its languages.
pub(super) fn contexts(language: &str) -> &'static [Context] {
    match language {
        "C" => C,
        "C++" => CPP,
        "C#" => C_SHARP,
        "CSS" => CSS,
        "Go" => GO,
        "Java" => JAVA,
        "JavaScript" | "TypeScript" | "TSX" => JAVASCRIPT,
        "JSON" => JSON,
        "Kotlin" | "Scala" => OBJECTS,
        "Swift" => SWIFT,
        "PHP" => PHP,
        "Rust" => RUST,
        "Zig" => ZIG,
        "Haskell" => HASKELL,
        "OCaml" => OCAML,
        _ => BARE,
    }
}

/// How holes may be written for a grammar; the first with which the pattern can be read is taken.
pub(super) fn styles(language: &str) -> &'static [Style] {
    match language {
        "JSON" => &[Style::Quoted, Style::Pairs],
        "TOML" | "HCL" => &[Style::Lower, Style::Quoted],
        "Ruby" | "Haskell" | "OCaml" | "Elixir" | "Scala" | "Swift" | "Kotlin" => {
            &[Style::Lower, Style::Upper]
        }
        _ => &[Style::Lower],
    }
}
