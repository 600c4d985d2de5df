//! Which language a document is in.
//!
//! What the path says comes first, because it holds for each document of a blob and costs a few table look-ups. The
//! content is asked only where the path is ambiguous or silent.

mod content;
mod heuristics;

use crate::languages::{EXTENSIONS, FILENAMES};
use model::Language;

/// How much of a blob's start [`detect_language`] looks at. More may be passed and is not read.
pub const HEAD_BYTES: usize = 8 * 1024;

/// What a path alone says about a document's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathLanguage {
    /// The file name or extension belongs to one language.
    Certain(Language),
    /// The extension belongs to several languages; the content decides. Holds the one to assume without it.
    Ambiguous(Language),
    /// The path says nothing; a shebang or a modeline may.
    Unknown,
}

impl PathLanguage {
    /// The best guess without the content.
    pub fn best(self) -> Language {
        match self {
            PathLanguage::Certain(language) | PathLanguage::Ambiguous(language) => language,
            PathLanguage::Unknown => Language::UNKNOWN,
        }
    }
}

/// Finds the language of a document from its path and the first [`HEAD_BYTES`] of its decoded text. A file name or
/// extension of one language is taken at its word; for an extension of several, a modeline, a shebang and then the
/// content choose among them; for a path that says nothing, modeline, shebang and a few unmistakable beginnings.
pub fn detect_language(path: &[u8], head: &[u8]) -> Language {
    let head = &head[..head.len().min(HEAD_BYTES)];
    let found = look_up(path);
    match found.candidates {
        [] => content::modeline(head)
            .or_else(|| content::shebang(head).first().copied())
            .or_else(|| content::beginning(head))
            .unwrap_or(Language::UNKNOWN),
        [only] => Language(*only),
        several => {
            let is_candidate = |language: &Language| several.contains(&language.0);
            content::modeline(head)
                .filter(is_candidate)
                .or_else(|| content::shebang(head).into_iter().find(is_candidate))
                .or_else(|| heuristics::decide(found.extension, head))
                .unwrap_or(found.default())
        }
    }
}

/// Finds what the path alone says: a few table look-ups, cheap enough for each document of each revision.
pub fn language_by_path(path: &[u8]) -> PathLanguage {
    look_up(path).path_language()
}

/// Finds the language of one document whose blob was detected elsewhere.
///
/// A blob is read once and may stand at several paths. [`detect_language`] is called when it is read, with the path it is
/// read for, and its answer stored with the blob; this function is called for each document with that answer. A
/// certain path wins; an ambiguous path takes the blob's language if that is one of its candidates and its own default
/// otherwise; a path that says nothing takes the blob's. For the path the blob was read for the two functions agree.
pub fn document_language(path: &[u8], blob_language: Language) -> Language {
    let found = look_up(path);
    match found.path_language() {
        PathLanguage::Certain(language) => language,
        PathLanguage::Ambiguous(_) if found.candidates.contains(&blob_language.0) => blob_language,
        PathLanguage::Ambiguous(_) => found.default(),
        PathLanguage::Unknown => blob_language,
    }
}

/// The languages a path may mean, the likeliest first, and the extension that said so.
struct Found {
    candidates: &'static [u32],
    extension: &'static str,
}

impl Found {
    const NOTHING: Found = Found { candidates: &[], extension: "" };

    /// The language to assume when the content decides nothing.
    fn default(&self) -> Language {
        if heuristics::needs_evidence(self.extension) {
            return Language::UNKNOWN;
        }
        self.path_language().best()
    }

    fn path_language(&self) -> PathLanguage {
        match self.candidates {
            [] => PathLanguage::Unknown,
            [only] => PathLanguage::Certain(Language(*only)),
            [first, ..] => PathLanguage::Ambiguous(Language(*first)),
        }
    }
}

/// Longest file name that is looked up; a longer one is known by its last bytes, which hold the extension.
const NAME_BYTES_MAX: usize = 255;
/// Longest extension in the table with room to grow (held by a test).
const EXTENSION_BYTES_MAX: usize = 32;
/// Endings that say "a template of": what stands before them tells the language.
const TEMPLATE_ENDINGS: &[&[u8]] =
    &[b".in", b".tmpl", b".template", b".example", b".sample", b".dist", b".orig", b".default"];
/// File names that keep their meaning with any ending: `Makefile.build`, `Dockerfile.dev`, unless the whole name is known
/// (`Makefile.PL`).
const STEMS: &[&[u8]] = &[
    b"Makefile",
    b"GNUmakefile",
    b"Dockerfile",
    b"Containerfile",
    b"Jenkinsfile",
    b"Vagrantfile",
    b"Kbuild",
];

fn look_up(path: &[u8]) -> Found {
    let name = memchr::memrchr(b'/', path).map_or(path, |slash| &path[slash + 1..]);
    let name = &name[name.len().saturating_sub(NAME_BYTES_MAX)..];
    let stem = memchr::memchr2(b'.', b'-', name).map_or(name, |end| &name[..end]);
    let is_stem = STEMS.contains(&stem);
    let found = if is_stem && !is_file_name(name) { look_up_name(stem) } else { look_up_name(name) };
    if is_stem || !found.candidates.is_empty() {
        return found;
    }
    let template = TEMPLATE_ENDINGS.iter().find_map(|ending| name.strip_suffix(*ending));
    template.map_or(Found::NOTHING, look_up_name)
}

fn is_file_name(name: &[u8]) -> bool {
    FILENAMES.binary_search_by(|entry| entry.0.as_bytes().cmp(name)).is_ok()
}

/// The exact name, then the longest known extension.
fn look_up_name(name: &[u8]) -> Found {
    if let Ok(place) = FILENAMES.binary_search_by(|entry| entry.0.as_bytes().cmp(name)) {
        return Found { candidates: FILENAMES[place].1, extension: "" };
    }
    let mut buffer = [0u8; EXTENSION_BYTES_MAX];
    let tail = &name[name.len().saturating_sub(EXTENSION_BYTES_MAX)..];
    let lowered = &mut buffer[..tail.len()];
    lowered.copy_from_slice(tail);
    lowered.make_ascii_lowercase();
    for dot in memchr::memchr_iter(b'.', lowered) {
        let extension = &lowered[dot + 1..];
        if let Ok(place) = EXTENSIONS.binary_search_by(|entry| entry.0.as_bytes().cmp(extension)) {
            return Found { candidates: EXTENSIONS[place].1, extension: EXTENSIONS[place].0 };
        }
    }
    Found::NOTHING
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language_name;

    fn check(path: &str, head: &str, expected: &str) {
        let found = detect_language(path.as_bytes(), head.as_bytes());
        assert_eq!(language_name(found).unwrap_or("unknown"), expected, "{path}");
        assert_eq!(document_language(path.as_bytes(), found), found, "{path}");
    }

    #[test]
    fn by_name_and_extension() {
        check("src/main.rs", "fn main() {}", "Rust");
        check("a/Makefile", "", "Makefile");
        check("a/Makefile.build", "", "Makefile");
        check("Makefile.in", "", "Makefile");
        check("boot/Makefile.boot", "zreladdr-y += 1\n", "Makefile");
        check("Makefile.PL", "", "Perl");
        check("Dockerfile.dev", "", "Dockerfile");
        check("CMakeLists.txt", "", "CMake");
        check("x.html.erb", "", "HTML+ERB");
        check("X.PY", "", "Python");
        check("config.h.in", "", "C");
        check("x.d.ts", "export {}", "TypeScript");
        check("go.mod", "", "Go Module");
        check("a.b.c/README", "", "unknown");
        check(".gitignore", "", "Ignore List");
        check("", "", "unknown");
        check("x.", "", "unknown");
    }

    #[test]
    fn headers() {
        check("x.h", "int x;\n", "C");
        check("x.h", "#ifdef __cplusplus\nextern \"C\" {\n#endif\n", "C");
        check("x.h", "namespace a {\nclass B;\n}\n", "C++");
        check("x.h", "#include <vector>\n", "C++");
        check("x.h", "template <typename T>\nT f();\n", "C++");
        check("x.h", "//===- X.h -*- C++ -*-===//\n", "C++");
        check("x.h", "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n", "Objective-C");
        check("x.h", "/* maps the\n   virtual address (kernel) of\n   a virtual page */\nint x;\n", "C");
        check("x.h", "struct A {\n  virtual void f();\n};\n", "C++");
        check("x.h", "/**\n * @class foo a class of things\n */\nstruct class *c;\n", "C");
    }

    #[test]
    fn ambiguous_extensions() {
        check("x.m", "#import <a.h>\n@implementation A\n@end\n", "Objective-C");
        check("x.m", "function y = f(x)\n% comment\ny = x;\nend\n", "MATLAB");
        check("x.m", ":- module hello.\n", "Mercury");
        check("x.pl", "use strict;\nmy $x = 1;\n", "Perl");
        check("x.pl", ":- module(a, [b/1]).\nb(X) :- c(X).\n", "Prolog");
        check("x.pl", "#!/usr/bin/env raku\nsay 1;\n", "Raku");
        check("x.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n<TS version=\"2.0\">\n", "XML");
        check("x.ts", "const a: number = 1\n", "TypeScript");
        check("x.v", "module a(input b);\nendmodule\n", "Verilog");
        check("x.v", "Require Import List.\nLemma a : True.\nProof. auto. Qed.\n", "Rocq Prover");
        check("x.v", "module main\n\nfn main() {\n}\n", "V");
        check("x.md", "# Title\n", "Markdown");
        check("x.md", ";; Machine description\n(define_insn \"addsi3\"\n", "GCC Machine Description");
        check("x.rs", "#pragma version(1)\n#pragma rs java_package_name(a)\n", "RenderScript");
        check("x.sql", "SELECT 1;\n", "SQL");
        check("x.sql", "CREATE FUNCTION f() RETURNS int AS $$\nBEGIN\nEND $$ LANGUAGE plpgsql;\n", "PLpgSQL");
        check("x.sql", "DECLARE @x INT\nGO\n", "TSQL");
        check("x.cls", "\\NeedsTeXFormat{LaTeX2e}\n", "TeX");
        check("x.cls", "VERSION 1.0 CLASS\nBEGIN\n  MultiUse = -1\nEND\n", "VBA");
        check("x.cls", "public with sharing class A {\n}\n", "Apex");
        check("x.inc", "<?php\n", "PHP");
        check("x.inc", "SRC_URI = \"git://x\"\nLICENSE = \"MIT\"\n", "BitBake");
        check("x.inc", "#include \"a.h\"\n", "C++");
        check("x.inc", "words\n", "Text");
        check("x.php", "<?hh // strict\n", "Hack");
        check("x.php", "<?php echo 1;\n", "PHP");
        check("x.fs", "module A\nlet x = 1\n", "F#");
        check("x.fs", "#version 330\nuniform vec4 c;\n", "GLSL");
        check("x.fs", ": square dup * ;\n", "Forth");
        check("x.r", "x <- c(1, 2)\n", "R");
        check("x.r", "REBOL [Title: {x}]\n", "Rebol");
        check("x.cs", "!Foo methodsFor: 'a'!\n", "Smalltalk");
        check("x.cs", "using System;\n", "C#");
        check("x.yaml", "openapi: 3.0.0\n", "YAML");
        check("x.d", "x.o: x.c x.h \\\n y.h\n", "Makefile");
        check("x.d", "module a;\nimport std.stdio;\n", "D");
        check("man.1", ".TH LS 1\n.SH NAME\n", "Roff Manpage");
        check("notes-1.1", "words\n", "unknown");
        check("x.plist", "<?xml version=\"1.0\"?>\n", "XML Property List");
        check("x.l", "%{\n#include <a.h>\n%}\n%%\n", "Lex");
    }

    #[test]
    fn by_shebang_and_modeline() {
        check("run", "#!/bin/sh\n", "Shell");
        check("run", "#!/usr/bin/env python3\n", "Python");
        check("run", "#! /usr/bin/env -S FOO=1 ruby3.2 -w\n", "Ruby");
        check("run", "#!/usr/bin/perl5.36\n", "Perl");
        check("run", "#!/usr/bin/env node\n", "JavaScript");
        check("run", "#!\n", "unknown");
        check("dotrc", "# vim: set ft=sh ts=4:\n", "Shell");
        check("dotrc", "# -*- mode: python; coding: utf-8 -*-\n", "Python");
        check("dotrc", "x\ny\n# vim: syntax=ruby\n", "Ruby");
        check("feed", "<?xml version=\"1.0\"?>\n", "XML");
    }

    #[test]
    fn one_blob_at_several_paths() {
        let cpp = crate::language_by_name("c++").expect("a known name");
        let rust = crate::language_by_name("rust").expect("a known name");
        assert_eq!(document_language(b"x.h", cpp), cpp);
        assert_eq!(document_language(b"x.h", rust), crate::language_by_name("c").expect("a known name"));
        assert_eq!(document_language(b"x.rs", cpp), rust);
        assert_eq!(document_language(b"x.c", cpp), crate::language_by_name("c").expect("a known name"));
        assert_eq!(document_language(b"x", cpp), cpp);
        assert_eq!(document_language(b"x", Language::UNKNOWN), Language::UNKNOWN);
    }

    #[test]
    fn hostile_paths_and_heads() {
        let long = [b"a.".repeat(1 << 16), b"rs".to_vec()].concat();
        assert_eq!(language_by_path(&long).best(), crate::language_by_name("rust").expect("a known name"));
        for path in [&b"\xFF\xFE.h"[..], b"/", b"..", b".h", b"a/.m", b"\0.pl"] {
            for head in
                [&b"\xFF"[..], &[b' '; 20_000], &b"(".repeat(20_000), &b"#!".repeat(20_000), b"-*-", b"vim:"]
            {
                let found = detect_language(path, head);
                assert_eq!(document_language(path, found), found);
            }
        }
    }

    #[test]
    fn extensions_fit() {
        assert!(EXTENSIONS.iter().all(|(extension, _)| extension.len() < EXTENSION_BYTES_MAX));
        assert!(FILENAMES.iter().all(|(name, _)| name.len() <= NAME_BYTES_MAX));
    }
}
