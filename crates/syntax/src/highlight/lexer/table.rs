//! The generic lexer's languages. The first entry that names a language counts.

use super::keywords as words;
use super::rules::{Code, ProseStyle, Rules, Settings, StringRule, Words};
use crate::highlight::Class;

/// Every language the lexer knows: names, `|` between them, and how they are read. Kept one language family a line.
#[rustfmt::skip]
pub(super) static RULES: [(&str, Rules); 63] = [
    ("Makefile|QMake|BitBake|Ninja|Just",
        Rules::Code(Code {
            strings: &[], variable_marks: b"$", word_bytes: b".-", has_labels: true, calls: false,
            ..hash(list(words::MAKE, "", ""))
        })),
    ("CMake|Meson|GN",
        Rules::Code(Code {
            variable_marks: b"$", ignores_case: true, block_comments: &[("#[[", "]]")], strings: &[string("\"", "\"", true, true), SINGLE],
            ..hash(list(words::CMAKE, "", "true false on off"))
        })),
    ("Dockerfile",
        Rules::Code(Code {
            variable_marks: b"$", ignores_case: true, calls: false, strings: QUOTES,
            ..hash(list(words::DOCKER, "", ""))
        })),
    ("SQL|PLSQL|PLpgSQL|TSQL|SQLPL|HiveQL|Kusto|ABAP CDS|Cypher",
        Rules::Code(sql(list(words::SQL, words::SQL_TYPES, "true false null")))),
    ("Perl|Raku|Pod",
        Rules::Code(Code {
            variable_marks: b"$@%", strings: SHELL_QUOTES, block_comments: &[("\n=pod", "\n=cut"), ("\n=head", "\n=cut")],
            ..hash(list(words::PERL, "", "undef __FILE__ __LINE__ __PACKAGE__"))
        })),
    ("R",
        Rules::Code(Code {
            word_bytes: b".",
            ..hash(list(words::R, "", "TRUE FALSE NULL NA NaN Inf T F NA_character_ NA_integer_"))
        })),
    ("Haskell|Elm|PureScript|Idris|Agda|Literate Haskell|C2hs Haskell|Curry|Frege",
        Rules::Code(Code {
            line_comments: &["--"], block_comments: &[("{-", "-}")], strings: &[DOUBLE], word_bytes: b"'", capital_types: true, calls: false,
            ..code(list(words::HASKELL, "", ""))
        })),
    ("Assembly|Unix Assembly|Motorola 68K Assembly|Linker Script",
        Rules::Code(Code {
            line_comments: &["//", ";", "@"], first_on_line_comments: &["#", "*"], word_bytes: b".", variable_marks: b"%$", has_labels: true, directive: Some((b'#', Class::Macro, false)), ignores_case: true, calls: false, strings: &[DOUBLE],
            ..code(list(words::ASSEMBLY, "", ""))
        })),
    ("LLVM",
        Rules::Code(Code {
            line_comments: &[";"], block_comments: &[], variable_marks: b"%@", calls: false,
            ..code(list(words::LLVM, "ptr void label double float", "true false null undef poison"))
        })),
    ("Kotlin|Gradle Kotlin DSL|Groovy|Gradle",
        Rules::Code(java_like(list(words::KOTLIN, "", "true false null this super it")))),
    ("Swift",
        Rules::Code(java_like(list(words::SWIFT, "", "true false nil self Self super")))),
    ("Scala",
        Rules::Code(java_like(list(words::SCALA, "", "true false null this super")))),
    ("Dart|Haxe|ActionScript|Apex|Vala|Processing|Xtend|Ceylon|Ballerina|Pony",
        Rules::Code(java_like(list(words::JAVA_LIKE, words::C_TYPES, "true false null this super")))),
    ("Objective-C|Objective-C++",
        Rules::Code(Code {
            directive: Some((b'#', Class::Macro, false)), variable_marks: b"@", capital_types: true,
            ..code(list(words::C, words::C_TYPES, "nil Nil YES NO NULL self super true false"))
        })),
    ("GLSL|HLSL|Metal|WGSL|ShaderLab|Slang|ISPC",
        Rules::Code(c_like(list(words::SHADER, words::SHADER_TYPES, "true false")))),
    ("C3|HIP|XS|Pro*C|nesC|DTrace|P4|SmPL|TypeSpec|AspectJ|Asymptote|TL-Verilog|Monkey C|QuakeC|GDShader|GSC|Redscript|CWeb|Avro IDL|YANG|YARA|Soong|Cangjie|MoonBit|Circom|MLIR|Objective-J|Cycript|DM|JASS|SQF|Zmodel|Cadence|RON|Pact|D|Nemerle|Zephir|Squirrel|Wren|AngelScript|SWIG|Yacc|Bison|Lex|JFlex|Jison|RPC|Pawn|SourcePawn|NASL|AGS Script|UnrealScript|Pike|LSL|Game Maker Language|RenderScript|Filterscript|E|Logos|C-ObjDump|Ragel|ANTLR|Noir|Cairo|Move|Sway|Chapel|Clarion|ChucK|EQ|IDL",
        Rules::Code(c_like(list(words::C_LIKE, words::C_TYPES, "true false null NULL nullptr this")))),
    ("Zig",
        Rules::Code(Code {
            directive: Some((b'@', Class::Function, true)), block_comments: &[],
            ..code(list(words::ZIG, words::ZIG_TYPES, "true false null undefined"))
        })),
    ("V|Odin|Carbon|Mojo|Jai|Hare",
        Rules::Code(c_like(list(words::GO_LIKE, words::RUST_TYPES, "true false none nil null")))),
    ("Solidity|Vyper|Yul",
        Rules::Code(c_like(list(words::SOLIDITY, "address bool string bytes bytes32 int uint int256 uint256 uint8 mapping", "true false this super")))),
    ("Verilog|SystemVerilog",
        Rules::Code(Code {
            directive: Some((b'`', Class::Macro, true)), variable_marks: b"$", strings: &[DOUBLE], calls: false,
            ..code(list(words::VERILOG, "wire reg logic integer real time bit byte int", ""))
        })),
    ("VHDL",
        Rules::Code(Code {
            line_comments: &["--"], ignores_case: true, strings: &[string("\"", "\"", false, false)],
            ..code(list(words::VHDL, "std_logic std_logic_vector bit integer natural positive boolean signed unsigned", "true false"))
        })),
    ("Ada",
        Rules::Code(Code {
            line_comments: &["--"], block_comments: &[], ignores_case: true, strings: &[string("\"", "\"", false, false)],
            ..code(list(words::ADA, "integer natural positive boolean float string character", "true false null"))
        })),
    ("Pascal|Component Pascal|Modula-2|Modula-3|Oberon",
        Rules::Code(Code {
            block_comments: &[("{", "}"), ("(*", "*)")], strings: &[string("'", "'", false, false)], ignores_case: true,
            ..code(list(words::PASCAL, "integer boolean char string real byte word cardinal longint", "true false nil"))
        })),
    ("Fortran|Fortran Free Form",
        Rules::Code(Code {
            line_comments: &["!"], block_comments: &[], first_on_line_comments: &["C ", "c ", "* "], strings: PLAIN_QUOTES, ignores_case: true,
            ..code(list(words::FORTRAN, "integer real complex logical character double precision", ""))
        })),
    ("MATLAB|Scilab",
        Rules::Code(Code {
            line_comments: &["%"], first_on_line_comments: &["#"], block_comments: &[("%{\n", "%}")], strings: PLAIN_QUOTES,
            ..code(list(words::MATLAB, "", "true false pi inf nan"))
        })),
    ("Julia",
        Rules::Code(Code {
            block_comments: &[("#=", "=#")], strings: &[TRIPLE, DOUBLE, SINGLE], capital_types: true, directive: Some((b'@', Class::Macro, true)), word_bytes: b"!",
            ..hash(list(words::JULIA, "", "true false nothing missing Inf NaN"))
        })),
    ("Python|Starlark|Snakemake|Easybuild|Ruby|Nim|CoffeeScript|GDScript|Crystal|Cython|Genie|Boo|Ren'Py|Sage|NumPy",
        Rules::Code(Code {
            strings: MODERN_QUOTES, block_comments: &[("#[", "]#")],
            ..hash(list(words::PYTHON_LIKE, "int float string bool str", "true false nil None True False null self"))
        })),
    ("Elixir",
        Rules::Code(Code {
            strings: &[TRIPLE, string("\"", "\"", true, true), SINGLE], directive: Some((b'@', Class::Attribute, true)), capital_types: true, word_bytes: b"?!",
            ..hash(list(words::ELIXIR, "", "true false nil"))
        })),
    ("Erlang|LFE",
        Rules::Code(Code {
            line_comments: &["%"], block_comments: &[], directive: Some((b'-', Class::Macro, false)),
            ..code(list(words::ERLANG, "", "true false undefined ok error"))
        })),
    ("OCaml|Standard ML|F#|F*|Reason|ReScript|Rocq Prover|Lean|Lean 4|Isabelle",
        Rules::Code(Code {
            block_comments: &[("(*", "*)"), ("/*", "*/"), ("/-", "-/")], strings: &[TRIPLE, DOUBLE], capital_types: true, word_bytes: b"'", calls: false,
            ..code(list(words::ML, "int string bool unit float char list option", "true false None Some"))
        })),
    ("edn|SMT|CLIPS|Shen|wisp|PDDL|Clojure|Common Lisp|Emacs Lisp|Scheme|Racket|NewLisp|Hy|Fennel|PicoLisp|Janet|Tree-sitter Query|GCC Machine Description|WebAssembly|Arc|Dylan|KiCad Layout|KiCad Schematic",
        Rules::Code(lisp(list(words::LISP, "", "nil t true false")))),
    ("Nix|HCL|Terraform Template|Bicep|CUE|Jsonnet|Dhall|KDL|Pkl|Nickel|Polar|Open Policy Agent",
        Rules::Code(Code {
            line_comments: &["#", "//"], strings: &[string("''", "''", false, true), string("\"", "\"", true, true), SINGLE], word_bytes: b"-", has_labels: true,
            ..code(list(words::CONFIG, "string number bool any", "true false null self"))
        })),
    ("PowerShell",
        Rules::Code(Code {
            block_comments: &[("<#", "#>")], strings: &[string("@\"", "\"@", false, true), string("@'", "'@", false, true), string("\"", "\"", false, true), string("'", "'", false, true)], variable_marks: b"$", ignores_case: true, word_bytes: b"-",
            ..hash(list(words::POWERSHELL, "", ""))
        })),
    ("Batchfile",
        Rules::Code(Code {
            line_comments: &["::"], first_on_line_comments: &["@rem ", "@REM "], comment_words: &["rem"], block_comments: &[], strings: &[DOUBLE], directive: Some((b':', Class::Label, false)), ignores_case: true,
            ..code(list(words::BATCH, "", ""))
        })),
    ("Vim script",
        Rules::Code(Code {
            line_comments: &[], first_on_line_comments: &["\""], block_comments: &[], strings: &[DOUBLE, string("'", "'", false, false)], word_bytes: b":#",
            ..code(list(words::VIM, "", ""))
        })),
    ("crontab|RobotFramework|SELinux Policy|GDB|Gettext Catalog|HOCON|Protocol Buffer Text Format|SPARQL|Turtle|Robots Exclusion Rules|Redirect Rules|NSIS|ShellSession|Nextflow|Python console|Awk|sed|Tcl|fish|Tcsh|Nushell|Elvish|Gnuplot|jq|Zeek|AutoHotkey|Puppet|Nginx|ApacheConf|Salt|Gherkin|Procfile|RPM Spec|Debian Package Control File|Ignore List|Git Attributes|CODEOWNERS|Hosts File|Git Revision List|Vim Snippet|Kickstart|Altium Designer|Singularity|VCL|Option List|Pip Requirements|Regular Expression|HAProxy|Valve Data Format|Caddyfile",
        Rules::Code(Code {
            variable_marks: b"$", strings: SHELL_QUOTES, word_bytes: b"-",
            ..hash(list(words::SHELL_LIKE, "", "true false"))
        })),
    ("Protocol Buffer|Thrift|Cap'n Proto|FlatBuffers|Slice|Smithy|WebIDL|AIDL|WebAssembly Interface Type",
        Rules::Code(Code {
            line_comments: &["//", "#"], capital_types: true,
            ..code(list(words::PROTO, "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 bool string bytes i8 i16 i32 i64 binary u8 u16 u32 u64 s8 s32", "true false"))
        })),
    ("GraphQL|Prisma|EdgeQL",
        Rules::Code(Code {
            line_comments: &["#", "//"], block_comments: &[], strings: MODERN_QUOTES, capital_types: true, variable_marks: b"$", directive: Some((b'@', Class::Attribute, true)), calls: false,
            ..code(list(words::GRAPHQL, "", "true false null"))
        })),
    ("TeX|BibTeX Style|Texinfo",
        Rules::Code(Code {
            line_comments: &["%"], block_comments: &[], strings: &[], directive: Some((b'\\', Class::Macro, true)), calls: false, word_bytes: b"@",
            ..code(list("", "", ""))
        })),
    ("BibTeX",
        Rules::Code(Code {
            line_comments: &["%"], block_comments: &[], strings: &[string("\"", "\"", true, true)], directive: Some((b'@', Class::Keyword, true)), calls: false,
            ..code(list("", "", ""))
        })),
    ("M4|M4Sugar",
        Rules::Code(Code {
            line_comments: &["#", "dnl"],
            ..hash(list(words::M4, "", ""))
        })),
    ("Roff|Roff Manpage|Pic",
        Rules::Code(Code {
            line_comments: &[".\\\"", "'\\\"", "\\\""], block_comments: &[], strings: &[string("\"", "\"", false, false)], directive: Some((b'.', Class::Macro, false)), calls: false,
            ..code(list("", "", ""))
        })),
    ("SCSS|Less|Sass|Stylus",
        Rules::Code(Code {
            variable_marks: b"$", directive: Some((b'@', Class::Keyword, true)), word_bytes: b"-",
            ..code(list("important default from through in to if else", "", ""))
        })),
    ("Graphviz (DOT)|Mermaid|PlantUML|D2",
        Rules::Code(Code {
            line_comments: &["//", "#", "%%", "'"], strings: &[DOUBLE], calls: false,
            ..code(list(words::GRAPH, "", "true false"))
        })),
    ("Visual Basic .NET|Visual Basic 6.0|VBA|VBScript|BASIC|QuickBASIC|FreeBASIC|PureBasic|B4X|Xojo|Classic ASP",
        Rules::Code(Code {
            line_comments: &["'"], comment_words: &["rem"], block_comments: &[], strings: &[string("\"", "\"", false, false)], directive: Some((b'#', Class::Macro, false)), ignores_case: true,
            ..code(list(words::BASIC, "integer string boolean long double object variant byte single date", "true false nothing null"))
        })),
    ("COBOL|ABAP|OpenEdge ABL|xBase|AL",
        Rules::Code(Code {
            line_comments: &["*>", "//"], first_on_line_comments: &["*", "\""], block_comments: C_BLOCK, strings: PLAIN_QUOTES, ignores_case: true, word_bytes: b"-",
            ..code(list(words::COBOL, "", "true false spaces zero zeros"))
        })),
    ("Prolog|Logtalk|Mercury|Answer Set Programming|Oz|ECLiPSe",
        Rules::Code(Code {
            line_comments: &["%"],
            ..code(list("is not module use_module dynamic discontiguous initialization mod rem pred func mode det semidet nondet import_module interface implementation end_module", "", "true false fail nil"))
        })),
    ("Forth|Factor|PostScript|MUF",
        Rules::Code(Code {
            line_comments: &["\\ ", "%", "! "], block_comments: &[("( ", ")")], strings: &[DOUBLE], ignores_case: true, word_bytes: b"-!?@+*/<>=:;", calls: false,
            ..code(list("if then else begin until while repeat do loop +loop variable constant create does> exit def dup pop exch bind moveto lineto stroke fill show : ;", "", "true false"))
        })),
    ("Smalltalk|Io|Self",
        Rules::Code(Code {
            line_comments: &[], block_comments: &[("\"", "\"")], strings: &[string("'", "'", false, true)], capital_types: true, calls: false,
            ..code(list("super thisContext", "", "true false nil self"))
        })),
    ("Wolfram Language",
        Rules::Code(Code {
            line_comments: &[], block_comments: &[("(*", "*)")], strings: &[DOUBLE], word_bytes: b"$",
            ..code(list("Module Block With If Do For While Table Map Function Set", "", "True False Null"))
        })),
    ("OpenSCAD|POV-Ray SDL|G-code|Faust|SuperCollider|Stan|Modelica|AMPL|GAMS|MAXScript|Max|Csound|Ox|ooc|Uno|Opal|Volt|X10|Fantom|Gosu|Golo|Monkey|Ring|SAS|Stata|IGOR Pro|NCL|Limbo|Inform 7|KerboScript|NetLogo|Papyrus|Turing|Euphoria|AutoIt|MQL4|MQL5|Q#|OpenQASM|Quake|Rebol|Red|Tact|Typst|Slint|QML|Bluespec|ECL|TLA|Alloy|Promela|Boogie|Dafny|Futhark|Sail|Motoko|Aiken|Gleam|Roc|Koka|Flix|Clean|Eiffel|Opa|Terra|Teal|MoonScript|LiveScript|Imba|KCL|KFramework",
        Rules::Code(Code {
            line_comments: &["//", "#", "--"],
            ..code(list(words::ANY, "int float string bool", "true false null nil none"))
        })),
    ("Go Module|Go Workspace|Go Checksums",
        Rules::Code(code(list("module go toolchain require replace exclude retract use tool godebug", "", "")))),
    ("Gemfile.lock|Text|Checksums",
        Rules::Code(hash(list("", "", "")))),
    ("Windows Registry Entries|Inno Setup|Cabal Config|JAR Manifest|TextMate Properties|Godot Resource|Git Config|EditorConfig|desktop|INI|NPM Config|Wget Config|cURL Config|SSH Config|Readline Config|nanorc|Cylc|dircolors|Browserslist",
        Rules::Settings(Settings { comments: &["#", ";"], separators: &['=', ':']
        })),
    ("Java Properties|Dotenv|Proguard|pkg-config|Simple File Verification",
        Rules::Settings(Settings { comments: &["#", "!"], separators: &['=', ':']
        })),
    ("COLLADA|ColdFusion CFC|Java Template Engine|XML|SVG|XML Property List|XSLT|XPages|Maven POM|Ant Build System|Web Ontology Language|XProc|Genshi|Eagle|Java Server Pages|Groovy Server Pages|ASP.NET|ColdFusion|Handlebars|Mustache|Liquid|Twig|Jinja|Blade|EJS|Smarty|Go Template|Nunjucks|FreeMarker|Velocity Template Language|Marko|Edge|Latte|Riot|StringTemplate|XQuery|Microsoft Visual Studio Solution|SubRip Text|WebVTT|Kit|Isabelle ROOT|Bikeshed",
        Rules::Markup),
    ("YAML|MiniYAML|OASv2-yaml|OASv3-yaml",
        Rules::Yaml),
    ("Diff|Darcs Patch",
        Rules::Patch),
    ("Markdown|MDX|RMarkdown|Wikitext|mdsvex|Literate CoffeeScript|Literate Agda",
        Rules::Prose(ProseStyle::Markdown)),
    ("reStructuredText|RDoc|Textile",
        Rules::Prose(ProseStyle::ReStructuredText)),
    ("AsciiDoc|Org|Creole",
        Rules::Prose(ProseStyle::AsciiDoc)),
    ("Pug|Haml|Slim",
        Rules::Code(Code {
            line_comments: &["//", "-#"], strings: QUOTES, directive: Some((b'%', Class::Tag, true)), word_bytes: b"-",
            ..code(list("doctype include extends block if else each case when mixin", "", "true false null nil"))
        })),
    ("JSONiq|JSONLD",
        Rules::Code(Code {
            strings: &[DOUBLE],
            ..code(list("", "", "true false null"))
        })),
];

const fn string(open: &'static str, close: &'static str, escapes: bool, many_lines: bool) -> StringRule {
    StringRule { open, close, escapes, many_lines }
}

const DOUBLE: StringRule = string("\"", "\"", true, false);
const SINGLE: StringRule = string("'", "'", true, false);
const BACKQUOTE: StringRule = string("`", "`", true, true);
const TRIPLE: StringRule = string("\"\"\"", "\"\"\"", true, true);
const QUOTES: &[StringRule] = &[DOUBLE, SINGLE];
/// Quotes that are doubled, not escaped, inside.
const PLAIN_QUOTES: &[StringRule] = &[string("\"", "\"", false, false), string("'", "'", false, false)];
const SQL_QUOTES: &[StringRule] =
    &[string("'", "'", false, true), string("\"", "\"", false, false), string("`", "`", false, false)];
const SHELL_QUOTES: &[StringRule] = &[string("\"", "\"", true, true), string("'", "'", false, true)];
const MODERN_QUOTES: &[StringRule] = &[TRIPLE, string("'''", "'''", true, true), DOUBLE, SINGLE, BACKQUOTE];
const LISP_QUOTES: &[StringRule] = &[string("\"", "\"", true, true)];

const C_BLOCK: &[(&str, &str)] = &[("/*", "*/")];

/// The base that the tables below change: C's comments and strings.
const fn code(words: Words) -> Code {
    Code {
        line_comments: &["//"],
        first_on_line_comments: &[],
        comment_words: &[],
        block_comments: C_BLOCK,
        strings: QUOTES,
        words,
        ignores_case: false,
        word_bytes: &[],
        variable_marks: &[],
        directive: None,
        calls: true,
        capital_types: false,
        has_labels: false,
    }
}

/// The base for languages whose comments begin with `#`.
const fn hash(words: Words) -> Code {
    Code { line_comments: &["#"], block_comments: &[], ..code(words) }
}

const fn lisp(words: Words) -> Code {
    Code {
        line_comments: &[";"],
        block_comments: &[("#|", "|#")],
        strings: LISP_QUOTES,
        word_bytes: b"-?!*+<>=/",
        calls: false,
        ..code(words)
    }
}

const fn sql(words: Words) -> Code {
    Code { line_comments: &["--"], strings: SQL_QUOTES, ignores_case: true, ..code(words) }
}

/// The C family and what looks like it.
const fn c_like(words: Words) -> Code {
    Code { directive: Some((b'#', Class::Macro, false)), ..code(words) }
}

/// The Java family: annotations and capitalised types.
const fn java_like(words: Words) -> Code {
    Code {
        directive: Some((b'@', Class::Attribute, true)),
        capital_types: true,
        strings: MODERN_QUOTES,
        ..code(words)
    }
}

const fn list(keywords: &'static str, types: &'static str, constants: &'static str) -> Words {
    Words::new(keywords, types, constants)
}
