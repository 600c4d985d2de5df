//! What content decides where an extension belongs to several languages.
//!
//! Rules are data: for an extension, in order, a pattern that only one of its languages has. The first that matches
//! wins; where none does the likeliest language is assumed. Patterns are linear-time regular expressions over bytes, `^`
//! and `$` at lines, compiled when first needed.

use crate::languages::language_by_name;
use model::Language;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use std::sync::OnceLock;

/// Decides among the languages of an extension; `None`: no rule matched, assume the likeliest.
pub(super) fn decide(extension: &str, head: &[u8]) -> Option<Language> {
    let rule =
        RULES.iter().filter(|rule| rule.extensions.contains(&extension)).find(|rule| rule.matches(head))?;
    language_by_name(rule.language)
}

/// Whether the path is no evidence at all for an extension, so that without a matching rule there is no language.
pub(super) fn needs_evidence(extension: &str) -> bool {
    MANUAL_SECTIONS.contains(&extension)
}

struct Rule {
    extensions: &'static [&'static str],
    language: &'static str,
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Rule {
    fn matches(&self, head: &[u8]) -> bool {
        let compiled = self.compiled.get_or_init(|| compile(self.pattern));
        compiled.as_ref().is_some_and(|regex| regex.is_match(head))
    }
}

/// `None` only for a pattern that does not parse, which a test rules out.
fn compile(pattern: &str) -> Option<Regex> {
    let syntax = syntax::Config::new().utf8(false).unicode(false).multi_line(true);
    Regex::builder().configure(Regex::config().utf8_empty(false)).syntax(syntax).build(pattern).ok()
}

const fn rule(extensions: &'static [&'static str], language: &'static str, pattern: &'static str) -> Rule {
    Rule { extensions, language, pattern, compiled: OnceLock::new() }
}

/// Extensions of manual pages, which are also the ends of version numbers and of much else.
const MANUAL_SECTIONS: &[&str] = &[
    "1", "1in", "1m", "1x", "2", "3", "3in", "3m", "3p", "3pm", "3qt", "3x", "4", "5", "6", "7", "8", "9",
    "man", "mdoc",
];

/// Include directives, class syntax and library names that C does not have.
const CPP: &str = concat!(
    r"^[ \t]*#[ \t]*include[ \t]*<(?:algorithm|any|array|atomic|bitset|charconv|chrono|concepts|deque|exception|",
    r"filesystem|format|forward_list|fstream|functional|initializer_list|iomanip|ios|iosfwd|iostream|istream|iterator|",
    r"limits|list|map|memory|mutex|new|numeric|optional|ostream|queue|random|ranges|ratio|regex|set|span|sstream|stack|",
    r"stdexcept|streambuf|string|string_view|system_error|thread|tuple|type_traits|typeindex|typeinfo|unordered_map|",
    r"unordered_set|utility|valarray|variant|vector|c(?:assert|ctype|errno|float|limits|locale|math|stdarg|stddef|",
    r"stdint|stdio|stdlib|string|time))>",
    r"|^[ \t]*template[ \t]*<",
    r"|^[ \t]*(?:inline[ \t]+)?namespace(?:[ \t]+[\w:]+)?[ \t]*\{",
    r"|^namespace[ \t]+[\w:]+[ \t]*\r?$",
    r"|^[ \t]*(?:enum[ \t]+)?class[ \t]+(?:\w+[ \t]+)?\w+[ \t]*(?:;|\{|\r?$|final\b|:[ \t]*(?:public|protected|private|\w+[ \t]*\{))",
    r"|^[ \t]*(?:private|public|protected)(?:[ \t]+slots|[ \t]+Q_SLOTS)?[ \t]*:[ \t]*(?://.*)?\r?$",
    r"|\bstd::\w|\bstatic_cast<|^[ \t]*virtual[ \t]+[\w:~<>*&, \t]*\w\(|^[ \t]*using[ \t]+(?:namespace[ \t]+\w|[\w:]+[ \t]*(?:=|;))",
    r"|\boperator[ \t]*(?:==|<<|\(\)|\[\]|=)[ \t]*\(|\bnullptr\b|\)[ \t]*noexcept\b",
);

static RULES: [Rule; 92] = [
    rule(
        &["h", "m"],
        "Objective-C",
        concat!(
            r"^[ \t]*@(?:interface|implementation|protocol|synthesize|dynamic)[ \t]+\w+|^[ \t]*@(?:end|property)\b[^*\n]*",
            r"|^[ \t]*#[ \t]*import[ \t]+[<\x22]|^@(?:class|import)[ \t]+[\w., ]+;"
        ),
    ),
    rule(&["h"], "C++", CPP),
    rule(&["hh", "php"], "Hack", r"\A(?:#![^\n]*\n)?\s*<\?hh\b"),
    rule(&["m"], "Mercury", r"^[ \t]*:-[ \t]*module\b"),
    rule(
        &["m"],
        "Objective-C",
        r"^[ \t]*#[ \t]*include[ \t]+[<\x22]|^[-+][ \t]*\([ \t]*\w+|\bNS[A-Z]\w+[ \t]*\*",
    ),
    rule(&["m"], "Limbo", r"^implement[ \t]+\w+[ \t]*;"),
    rule(
        &["m"],
        "MATLAB",
        r"^[ \t]*(?:%|function\b|classdef\b|endfunction\b|end[ \t]*;?[ \t]*\r?$)|^[ \t]*(?:clc|clear|close all)\b",
    ),
    rule(&["m"], "Wolfram Language", r"^[ \t]*\(\*|\[\[|:=[^\n]*\["),
    rule(&["m"], "M", r"^\t;|^\w+[ \t]+;"),
    rule(&["m"], "MUF", r"^: "),
    rule(
        &["mm", "gml", "ncl", "res", "sw", "mojo", "mod", "gst", "csl", "pluginspec", "workflow"],
        "XML",
        r"\A\s*<(?:\?xml|!DOCTYPE|gml\b)",
    ),
    rule(&["ts"], "XML", r"\A\s*(?:<\?xml|<!DOCTYPE TS|<TS\b)"),
    rule(&["tsx", "rs"], "XML", r"\A\s*<\?xml"),
    rule(&["rs"], "RenderScript", r"^[ \t]*#[ \t]*pragma[ \t]+(?:rs\b|version\()"),
    rule(&["fs"], "Filterscript", r"^[ \t]*#[ \t]*pragma[ \t]+(?:rs\b|version\()"),
    rule(
        &["pl", "pm", "t"],
        "Raku",
        r"^[ \t]*(?:use[ \t]+v6\b|unit[ \t]+(?:module|class)\b|(?:my[ \t]+)?class[ \t]+\w+[ \t]*\{|multi[ \t]+(?:sub|MAIN)\b)",
    ),
    rule(
        &["pl", "pm", "t"],
        "Perl",
        r"\buse[ \t]+(?:strict|warnings|v?5)\b|^[ \t]*(?:(?:my|our|local)[ \t]*[($@%]|sub[ \t]+\w+|package[ \t]+[\w:]+|require[ \t]+['\x22])|^[ \t]*[$@%]\w+",
    ),
    rule(&["pl"], "Prolog", r"^[ \t]*:-|^[a-z]\w*(?:\([^\n]*\))?[ \t]*(?::-|-->)"),
    rule(&["pm"], "X PixMap", r"\A\s*/\* XPM \*/"),
    rule(
        &["v"],
        "Rocq Prover",
        r"^[ \t]*(?:Require|Proof|Qed|Lemma|Theorem|Definition|Fixpoint|Inductive|Section|Hypothesis|From[ \t]+\w+[ \t]+Require)\b",
    ),
    rule(
        &["v"],
        "V",
        r"^(?:pub[ \t]+)?fn[ \t]|^import[ \t]+\w+(?:\.\w+)*[ \t]*\r?$|^module[ \t]+\w+[ \t]*\r?$",
    ),
    rule(
        &["md"],
        "GCC Machine Description",
        r"^\(define_(?:insn|expand|split|attr|peephole|mode|code|constants|c_enum|constraint|predicate|register)",
    ),
    rule(&["sql"], "PLpgSQL", r"(?i)\blanguage[ \t]+'?plpgsql\b|\bAS[ \t]+\$\w*\$|^\\i\b"),
    rule(
        &["sql"],
        "TSQL",
        r"(?i)^[ \t]*GO[ \t]*;?[ \t]*\r?$|\bDECLARE[ \t]+@|\bBEGIN[ \t]+(?:TRY|CATCH)\b|\bOUTPUT[ \t]+INSERTED\b|\[dbo\]",
    ),
    rule(
        &["sql", "ddl", "prc"],
        "PLSQL",
        r"(?i)\$\$PLSQL_|\bvarchar2\b|\bsystimestamp\b|\bdbms_\w+\.|\bCREATE[ \t]+OR[ \t]+REPLACE[ \t]+(?:PACKAGE|TYPE)\b|\.nextval\b|^/[ \t]*\r?$",
    ),
    rule(
        &["sql"],
        "SQLPL",
        r"(?i)\bALTER[ \t]+MODULE\b|\bLANGUAGE[ \t]+SQL\b|\bBEGIN[ \t]+(?:NOT[ \t]+)?ATOMIC\b|\bSIGNAL[ \t]+SQLSTATE\b",
    ),
    rule(&["cls"], "TeX", r"^[ \t]*(?:\\[A-Za-z@]|%)"),
    rule(&["cls", "frm", "bas"], "VBA", r"(?i)^VERSION[ \t]+\d|^Attribute[ \t]+VB_"),
    rule(&["cls"], "ObjectScript", r"^Class[ \t]+[\w.%]+[ \t]+(?:Extends\b|\{|\[)"),
    rule(
        &["cls"],
        "Apex",
        r"(?i)\b(?:public|private|global|virtual|abstract)\b[^\n]*\bclass\b|^@(?:isTest|RestResource)\b",
    ),
    rule(&["cls"], "OpenEdge ABL", r"(?i)^[ \t]*CLASS[ \t]+[\w.]+[^\n]*:|^[ \t]*USING[ \t]+[\w.*]+\."),
    rule(&["bas", "bi"], "FreeBASIC", r"(?i)^[ \t]*#(?:include|lang|define|inclib|ifdef|ifndef)\b"),
    rule(&["bas", "bi"], "QuickBASIC", r"(?i)^[ \t]*(?:DEFINT|DECLARE[ \t]+SUB|'\$INCLUDE|SCREEN[ \t]+\d)"),
    rule(&["bas"], "BASIC", r"\A\s*\d+[ \t]+[A-Za-z]"),
    rule(&["inc"], "PHP", r"<\?(?:php|=)"),
    rule(&["inc"], "POV-Ray SDL", r"^[ \t]*#(?:declare|local|macro|version)\b"),
    rule(
        &["inc"],
        "SourcePawn",
        r"^[ \t]*#pragma[ \t]+(?:newdecls|semicolon)|^[ \t]*(?:stock|native|methodmap)[ \t]+\w",
    ),
    rule(
        &["inc"],
        "C++",
        r"^[ \t]*#[ \t]*(?:include|define|ifdef|ifndef|if|pragma|undef)\b|^[ \t]*(?:static|const|struct|enum)[ \t]+\w[^\n]*[{;=,]|^#line\b",
    ),
    rule(
        &["inc"],
        "Pascal",
        r"\{\$[A-Za-z]|(?i)^[ \t]*(?:unit|procedure|function|interface|implementation)\b[^\n]*;",
    ),
    rule(
        &["inc"],
        "Assembly",
        r"(?i)^[ \t]*(?:%(?:macro|define|include|ifdef|ifndef|endif)|\.(?:macro|include|equ|byte|word|globl?)|global|section)\b|^\w+:?[ \t]+(?:equ|db|dw|dd|dq|macro)\b",
    ),
    rule(
        &["inc", "bb"],
        "BitBake",
        r"^(?:inherit|require)[ \t]+\w|^(?:SRC_URI|SUMMARY|DESCRIPTION|HOMEPAGE|LICENSE|DEPENDS|RDEPENDS\w*|PV|PR|FILES_\w+)[\w:_-]*[ \t]*[?+:.]?\??=|^do_\w+[ \t]*\(",
    ),
    rule(
        &["inc"],
        "SQL",
        r"(?i)^[ \t]*(?:SELECT\b[^\n]*\bFROM|INSERT[ \t]+INTO|CREATE[ \t]+TABLE|DROP[ \t]+TABLE)\b",
    ),
    rule(&["inc"], "HTML", r"(?i)<(?:div|p|a|table|span|ul|html|head|body|script)\b"),
    rule(&["bb"], "Clojure", r"^[ \t]*\((?:ns|defn?|require|let)\b"),
    rule(&["bb"], "BlitzBasic", r"(?i)^[ \t]*End[ \t]+Function\b|^[ \t]*Graphics[ \t]+\d"),
    rule(
        &["fs", "gs", "frag", "shader"],
        "GLSL",
        r"^[ \t]*#version[ \t]+\d|^[ \t]*(?:precision[ \t]+\w+p[ \t]|uniform[ \t]|varying[ \t]|layout[ \t]*\()|\bvec[234][ \t]*\(",
    ),
    rule(&["fs", "f", "for", "fr"], "Forth", r"^: \S|^\\ "),
    rule(&["frag"], "JavaScript", r"^[ \t]*(?:function\b|var\b|const\b|\$\()"),
    rule(&["gs"], "Genie", r"^\[indent"),
    rule(&["gs"], "Gosu", r"^uses[ \t]+(?:java|gw)\."),
    rule(&["r"], "Rebol", r"(?i)\A\s*\W{0,3}REBOL\b"),
    rule(&["r"], "Rez", r"^[ \t]*#include[ \t]+\x22|^(?:resource|data)[ \t]+'\w{4}'"),
    rule(&["cs"], "Smalltalk", r"![\w \t]+methodsFor:"),
    rule(
        &["d"],
        "Makefile",
        r"^[^\s:=#][^\n:=]*\.(?:o|lo|obj|d|cmi|cmx|rlib|rmeta|so|a)[^\n:=]*:(?:[ \t]|\r?$)",
    ),
    rule(
        &["d"],
        "DTrace",
        r"^(?:[\w$*]*:[\w*]*:[\w*]*:[\w*]*|BEGIN|END|(?:tick|profile)-\w+)[ \t]*(?:\r?$|/|\{|,)|^#pragma[ \t]+D[ \t]|^provider[ \t]+\w+",
    ),
    rule(
        &["s", "asm", "inc", "i"],
        "Motorola 68K Assembly",
        r"(?i)^[ \t]*(?:move[aqm]?|clr|lea|tst|addq?|subq?|cmp[aim]?)(?:\.[bwl])?[ \t]+[^\n]*(?:\b[da][0-7]\b|\(a[0-7]\))",
    ),
    rule(&["l"], "Lex", r"^%[%{}]"),
    rule(&["l"], "PicoLisp", r"^\((?:de|class|rel|code|data|must|dm)[ \t]"),
    rule(
        &["l", "cl"],
        "Common Lisp",
        r"(?i)^[ \t]*\((?:def(?:un|macro|class|var|parameter|package|constant)|in-package|eval-when)\b",
    ),
    rule(&["l", "ms", "n", "nr", "rno"], "Roff", r"^[.'](?:[A-Za-z]{2}\b|\\\x22)"),
    rule(&["cl"], "Cool", r"^class[ \t]+\w+[^\n;]*\{"),
    rule(MANUAL_SECTIONS, "Roff Manpage", r"^[.'][ \t]*(?:TH|Dd|Dt|SH|Sh|so)\b"),
    rule(MANUAL_SECTIONS, "Roff", r"^[.'](?:[A-Za-z]{2}\b|\\\x22)"),
    rule(&["yy", "ice", "tact", "json"], "JSON", r"\A\s*[{\[]"),
    rule(
        &["pp"],
        "Pascal",
        r"(?i)^[ \t]*(?:program|unit|library)[ \t]+\w+[ \t]*;|^[ \t]*uses[ \t]+[\w, \t]+;|\{\$(?:mode|ifdef|i)\b",
    ),
    rule(&["pro"], "Prolog", r"^[a-z]\w*(?:\([^\n]*\))?[ \t]*:-|^:-"),
    rule(&["pro"], "Proguard", r"^-(?:keep|dont|optimiz|renamesource|printmapping)"),
    rule(&["pro"], "IDL", r"(?i)^[ \t]*(?:pro|function)[ \t]+\w+[ \t]*(?:,|\r?$)|^[ \t]*compile_opt\b"),
    rule(
        &["sc"],
        "SuperCollider",
        r"\bSynthDef\b|^[ \t]*\+[ \t]+\w+[ \t]*\{|\^(?:this|super)\b|^[ \t]*~\w+[ \t]*=",
    ),
    rule(&["scm"], "Tree-sitter Query", r"[)\]\x22][?*+]?[ \t]*@[a-z_][\w.-]*"),
    rule(
        &["tpl"],
        "Go Template",
        r"\{\{-?[ \t]*(?:\.|if\b|range\b|define\b|template\b|include\b|end\b|with\b|\$)",
    ),
    rule(
        &["ex"],
        "Euphoria",
        r"(?i)^[ \t]*(?:include[ \t]+(?:std/|get\.e)|(?:global[ \t]+)?procedure[ \t]+\w|end[ \t]+(?:procedure|function))",
    ),
    rule(&["es"], "Erlang", r"^[ \t]*%%|^main[ \t]*\([^\n]*\)[ \t]*->"),
    rule(&["gml"], "Graph Modeling Language", r"(?i)^[ \t]*(?:graph|node)[ \t]*(?:\[|\r?$)"),
    rule(&["cfg"], "HAProxy", r"^(?:frontend|backend|listen)[ \t]+\w|^(?:global|defaults)[ \t]*\r?$"),
    rule(&["vhost"], "ApacheConf", r"(?i)^[ \t]*<(?:VirtualHost|Directory)\b"),
    rule(
        &["ml"],
        "OCaml",
        r"^[ \t]*(?:let[ \t]+(?:rec[ \t]+)?[\w(']+[^\n]*=|open[ \t]+[A-Z]|module[ \t]+[A-Z]|type[ \t]+[^\n]*=|external[ \t])|\bmatch\b[^\n]*\bwith\b",
    ),
    rule(
        &["ml"],
        "Standard ML",
        r"^[ \t]*(?:structure|signature|functor)[ \t]+\w+|^[ \t]*fun[ \t]+\w+|^[ \t]*val[ \t]+\w+[ \t]*=",
    ),
    rule(&["re"], "C++", r"/\*!(?:re2c|max:re2c)|^[ \t]*#[ \t]*include[ \t]*[<\x22]"),
    rule(&["asc"], "Public Key", r"\A-----BEGIN|\Assh-"),
    rule(&["plist"], "OpenStep Property List", r"\A\s*(?:\{|\(|//)"),
    rule(&["p"], "Gnuplot", r"^(?:set|unset|s?plot)[ \t]"),
    rule(
        &["q"],
        "HiveQL",
        r"(?i)\bSELECT\b[^\n]*\bFROM\b|^[ \t]*(?:CREATE|ALTER|DROP)[ \t]+(?:DATABASE|SCHEMA|TABLE)\b",
    ),
    rule(&["sch"], "KiCad Schematic", r"\A\s*(?:EESchema|\(kicad_sch)"),
    rule(&["sch"], "Eagle", r"<!DOCTYPE eagle|<eagle\b"),
    rule(&["spec"], "Python", r"^(?:from[ \t]+\w|import[ \t]+\w|a[ \t]*=[ \t]*Analysis\()"),
    rule(&["spec"], "Ruby", r"^require[ \t]+['\x22]|^(?:RSpec\.)?describe[ \t]"),
    rule(&["sls"], "Scheme", r"^\((?:library|define|import|#!r6rs)\b|\A#!r6rs"),
    rule(&["toc"], "World of Warcraft Addon Data", r"^## \w|^[\w\\/-]+\.lua\b"),
    rule(&["vba"], "Vim script", r"\bUseVimball\b"),
    rule(
        &["x"],
        "Linker Script",
        r"^[ \t]*(?:SECTIONS|MEMORY)[ \t]*(?:\{|\r?$)|^[ \t]*(?:OUTPUT_FORMAT|OUTPUT_ARCH|ENTRY)[ \t]*\(",
    ),
    rule(&["x"], "Logos", r"^%(?:hook|ctor|group|end|orig|new)\b"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::EXTENSIONS;

    #[test]
    fn every_rule_compiles_and_chooses_a_candidate() {
        for rule in &RULES {
            assert!(compile(rule.pattern).is_some(), "{}: {}", rule.language, rule.pattern);
            for extension in rule.extensions {
                let place = EXTENSIONS.binary_search_by(|entry| entry.0.cmp(extension)).expect(extension);
                let candidates = EXTENSIONS[place].1;
                let language = language_by_name(rule.language);
                let chosen = language.is_some_and(|language| candidates.contains(&language.0));
                assert!(chosen, "{extension}: {} is no candidate", rule.language);
                assert!(candidates.len() > 1, "{extension} is not ambiguous");
            }
        }
    }
}
