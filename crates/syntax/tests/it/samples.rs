//! Every grammar and kind of lexer colours what a reader expects.

use std::time::{Duration, Instant};
use syntax::{HighlightLimits, highlight, language_by_name};

/// Checks that each expected `class:text` is a span of the sample, in this order.
fn check(language: &str, text: &str, expected: &str) {
    let id = language_by_name(language).unwrap_or_else(|| panic!("{language} is no language"));
    let limits =
        HighlightLimits { deadline: Some(Instant::now() + Duration::from_secs(60)), ..Default::default() };
    let spans = highlight(id, text, &limits).unwrap_or_else(|error| panic!("{language}: {error}"));
    let found: Vec<String> =
        spans.iter().map(|span| format!("{}:{}", span.class.name(), &text[span.range.clone()])).collect();
    let mut rest = found.iter();
    for wanted in expected.split('|') {
        assert!(rest.any(|span| span == wanted), "{language}: no {wanted} in order in {found:#?}");
    }
}

#[test]
fn grammars() {
    check(
        "shell",
        "# c\nif [ -n \"$x\" ]; then\n  echo 'hi'\nfi\n",
        "comment:# c|keyword:if|keyword:then|function:echo|string:'hi'|keyword:fi",
    );
    check(
        "c",
        "/* c */\n#include <a.h>\nstatic int f(char *s)\n{\n\tgoto out;\n\treturn 0x10 + MAX;\n}\n",
        "comment:/* c */|string:<a.h>|keyword:static|type:int|function:f|keyword:goto|keyword:return|number:0x10|constant:MAX",
    );
    check(
        "c++",
        "// c\nnamespace a { class B : public C { virtual void f() override { auto x = \"s\"; } }; }\n",
        "comment:// c|keyword:namespace|keyword:class|type:B|keyword:public|type:C|keyword:virtual|function:f|string:\"s\"",
    );
    check(
        "c#",
        "// c\nnamespace A { public class B { string F(int x) { return \"s\" + 1; } } }\n",
        "comment:// c|keyword:namespace|keyword:class|type:B|function:F|keyword:return|string:\"s\"|number:1",
    );
    check(
        "css",
        "/* c */\n.a { color: #fff; margin: 1px }\n",
        "comment:/* c */|property:color|property:margin",
    );
    check(
        "go",
        "package main // c\nfunc f(x int) string { return \"s\" }\n",
        "keyword:package|module:main|comment:// c|keyword:func|function:f|type:int|type:string|keyword:return|string:\"s\"",
    );
    check(
        "html",
        "<!-- c --><p class=\"a\">x</p><script>let y = 1;</script><style>a { color: red }</style>",
        "comment:<!-- c -->|tag:p|attribute:class|keyword:let|number:1|property:color",
    );
    check(
        "java",
        "// c\npackage a;\n@Override public class B { String f() { return \"s\"; } }\n",
        "comment:// c|keyword:package|keyword:class|type:B|function:f|keyword:return|string:\"s\"",
    );
    check(
        "javascript",
        "// c\nconst f = async (x) => `a${x}` + 1;\n",
        "comment:// c|keyword:const|function:f|keyword:async|number:1",
    );
    check("json", "{\"a\": [1, true, \"s\"]}", "property:\"a\"|number:1|constant:true|string:\"s\"");
    check(
        "lua",
        "-- c\nlocal function f(x) return 'a' .. 1 end\n",
        "comment:-- c|keyword:local|function:f|keyword:return|string:'a'|number:1",
    );
    check(
        "php",
        "<p>x</p><?php // c\nfunction f($x) { return 'a' . 1; }\n",
        "tag:p|comment:// c|keyword:function|function:f|keyword:return|string:'a'",
    );
    check(
        "python",
        "# c\n@d\ndef f(x):\n    return f\"a{x}\" + 'b' + str(1)\n",
        "comment:# c|keyword:def|function:f|keyword:return|string:'b'|number:1",
    );
    check(
        "ruby",
        "# c\nclass A\n  def f(x) = \"a#{x}\" + :b.to_s\nend\n",
        "comment:# c|keyword:class|keyword:def|function:f|keyword:end",
    );
    check(
        "rust",
        "// c\nfn f(x: u32) -> String { println!(\"a{}\", 1); \"s\".into() }\n",
        "comment:// c|keyword:fn|function:f|type:u32|type:String|macro:println!|string:\"a{}\"|number:1|string:\"s\"",
    );
    check("toml", "# c\n[a]\nb = \"s\"\nd = 1\n", "comment:# c|property:b|string:\"s\"|property:d|number:1");
    check(
        "typescript",
        "// c\ninterface A { b: string }\nconst x: number = 1;\n",
        "comment:// c|keyword:interface|type:A|keyword:const|type:number|number:1",
    );
    check(
        "tsx",
        "// c\nconst x = <A b=\"s\">t</A>;\ntype T = string;\n",
        "comment:// c|keyword:const|string:\"s\"|keyword:type",
    );
    check(
        "yaml",
        "# c\na: 1\nb: \"s\"\nd: true\n",
        "comment:# c|property:a|number:1|property:b|string:\"s\"|property:d|constant:true",
    );
}

#[test]
fn more_grammars() {
    check(
        "elixir",
        "# c\ndefmodule A do\n  def f(x), do: \"a#{x}\" <> :b\nend\n",
        "comment:# c|keyword:defmodule|keyword:do|keyword:def|keyword:end",
    );
    check(
        "kotlin",
        "// c\n@A class B(val x: Int) { fun f(): String = \"s\" + g(1) }\n",
        "comment:// c|attribute:@A|keyword:class|type:B|keyword:val|type:Int|keyword:fun|function:f|type:String|string:\"s\"|function:g|number:1",
    );
    check(
        "ocaml",
        "(* c *)\nlet f x = match x with Some y -> \"s\" | None -> g 1\n",
        "comment:(* c *)|keyword:let|function:f|keyword:match|keyword:with|string:\"s\"|number:1",
    );
    check(
        "swift",
        "// c\nfunc f(x: Int) -> String { return \"s\" + String(1) }\n",
        "comment:// c|keyword:func|function:f|type:Int|type:String|keyword:return|number:1",
    );
    check(
        "zig",
        "// c\nconst std = @import(\"std\");\npub fn f(x: u32) u32 { return x + 1; }\n",
        "comment:// c|keyword:const|string:\"std\"|keyword:pub|keyword:fn|function:f|type:u32|keyword:return|number:1",
    );
}

#[test]
fn lexers() {
    check(
        "makefile",
        "# c\nifeq ($(A),b)\nall: x\n\techo $(B)\nendif\n",
        "comment:# c|keyword:ifeq|variable:$(A)|label:all|variable:$(B)|keyword:endif",
    );
    check(
        "sql",
        "-- c\nSELECT count(*) FROM t WHERE a = 'x''y' AND b = 10;\n",
        "comment:-- c|keyword:SELECT|function:count|keyword:FROM|keyword:WHERE|number:10",
    );
    check(
        "perl",
        "# c\nmy $x = \"a\";\nsub f { return 1 }\n\n=pod\n\nx\n\n=cut\n",
        "comment:# c|keyword:my|variable:$x|string:\"a\"|keyword:sub|keyword:return|number:1|comment:\n=pod\n\nx\n\n=cut",
    );
    check(
        "haskell",
        "-- c\nmodule A where\nimport Data.Map\nf x = \"s\"\n",
        "comment:-- c|keyword:module|keyword:where|keyword:import|string:\"s\"",
    );
    check(
        "dockerfile",
        "# c\nFROM a AS b\nRUN echo \"$X\"\n",
        "comment:# c|keyword:FROM|keyword:AS|keyword:RUN|string:\"$X\"",
    );
    check(
        "ini",
        "; c\n[s]\nk = 1\nv = true\n",
        "comment:; c|heading:[s]|property:k|number:1|property:v|constant:true",
    );
    check(
        "xml",
        "<?xml version=\"1\"?>\n<!-- c -->\n<a b='s'>&amp;</a>\n",
        "macro:<?xml version=\"1\"?>|comment:<!-- c -->|tag:a|attribute:b|string:'s'|escape:&amp;",
    );
    check(
        "diff",
        "diff --git a b\n@@ -1 +1 @@\n-a\n+b\n",
        "heading:diff --git a b|macro:@@ -1 +1 @@|deleted:-a|inserted:+b",
    );
    check(
        "markdown",
        "# T\n\nA `b` **c** *d* [e](http://f)\n\n```\ng\n```\n",
        "heading:# T|string:`b`|strong:**c**|emphasis:*d*|link:](http://f)|string:g",
    );
    check(
        "unix assembly",
        "/* c */\n.text\nfoo:\n\tmovl $1, %eax\n",
        "comment:/* c */|keyword:.text|label:foo|variable:%eax",
    );
    check(
        "verilog",
        "// c\nmodule a(input b);\n`define X 1\nendmodule\n",
        "comment:// c|keyword:module|keyword:input|macro:`define|keyword:endmodule",
    );
    check("common lisp", "; c\n(defun f (x) \"s\")\n", "comment:; c|keyword:defun|string:\"s\"");
    check("vim script", "\" c\nlet x = 'a'\n", "comment:\" c|keyword:let|string:'a'");
    check("batchfile", "@echo off\nREM c\nset x=1\n", "comment:REM c|keyword:set");
    check("latex", "% c\n\\section{a}\n", "comment:% c|macro:\\section");
    check("restructuredtext", "Title\n=====\n\n.. note: x\n", "heading:=====|comment:.. note: x");
}
