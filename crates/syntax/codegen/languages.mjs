// Writes src/languages/table.rs from the npm package `linguist-languages`.
//
//   npm pack linguist-languages && tar xzf linguist-languages-*.tgz      (in a temporary folder)
//   node crates/syntax/codegen/languages.mjs <folder>/package > crates/syntax/src/languages/table.rs
//
// Not needed to build: its output is checked in.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = resolve(process.argv[2] ?? '.')
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const languages = Object.values(await import(pathToFileURL(join(folder, 'index.js'))))
languages.sort((a, b) => a.languageId - b.languageId)

// Where several languages share an extension, the one earlier in this list is assumed without a look at the content;
// after them a language whose first extension it is, then the alphabet.
const popular = `
C|C++|Java|JavaScript|TypeScript|TSX|Python|Rust|Go|C#|PHP|Ruby|Shell|Perl|Objective-C|Objective-C++|Swift|Kotlin|Scala|
Markdown|HTML|CSS|JSON|YAML|SQL|R|Lua|Haskell|OCaml|F#|Elixir|Erlang|Clojure|Common Lisp|Scheme|Pascal|Fortran|
Verilog|GLSL|D|INI|Assembly|Unix Assembly|TeX|Smarty|HCL|Starlark|Text|Roff Manpage|Roff|M4|MATLAB|Java Properties|Prolog|
RPM Spec|Nginx|Visual Basic 6.0|XML|Solidity|Game Maker Language|OpenCL|Yacc|Lex|Gnuplot|GDScript|Linker Script|HLSL|
Smalltalk|Vim script|Apex|Puppet|BitBake|Nushell|Typst|BibTeX Style|Odin|XML Property List|AsciiDoc|Salt|Modelica|
Protocol Buffer Text Format|Pod|Motoko|AL|Brainfuck|QuickBASIC|Brainfuck|ReScript|CoffeeScript|GAP|IDL|Mercury|Zig`
  .replace(/\n/g, '')
  .split('|')
// Exceptions to that order.
const preferred = {
  '.as': 'ActionScript', '.cl': 'OpenCL', '.cp': 'C++', '.es': 'JavaScript', '.ex': 'Elixir', '.f': 'Fortran',
  '.for': 'Fortran', '.frag': 'GLSL', '.fs': 'F#', '.gml': 'Game Maker Language', '.gs': 'JavaScript', '.i': 'SWIG',
  '.inc': 'Text', '.l': 'Lex', '.lsp': 'Common Lisp', '.m': 'Objective-C', '.mod': 'Modula-2', '.ms': 'Roff',
  '.n': 'Roff', '.nb': 'Wolfram Language', '.p': 'OpenEdge ABL', '.pp': 'Puppet', '.pro': 'QMake', '.properties': 'Java Properties',
  '.re': 'Reason', '.res': 'ReScript', '.s': 'Unix Assembly', '.sc': 'Scala', '.sch': 'Scheme', '.spec': 'RPM Spec',
  '.sls': 'Salt', '.st': 'Smalltalk', '.t': 'Perl', '.toc': 'TeX', '.tpl': 'Smarty', '.x': 'RPC', '.w': 'CWeb',
  '.q': 'q', '.workflow': 'HCL', '.pc': 'pkg-config', '.al': 'AL', '.trigger': 'Apex', '.cls': 'TeX', '.frm': 'VBA',
  '.tst': 'GAP', '.bas': 'VBA', '.gts': 'Glimmer TS', '.vcf': 'vCard', '.pkl': 'Pkl', '.lean': 'Lean 4',
  '.cue': 'CUE', '.star': 'Starlark', '.nu': 'Nushell', '.bb': 'BitBake', '.fcgi': 'Perl', '.cgi': 'Perl', '.d': 'D',
  '.cairo': 'Cairo', '.mojo': 'Mojo', '.sw': 'Sway', '.tact': 'Tact', '.k': 'KCL', '.asc': 'AsciiDoc', '.yy': 'Yacc',
  '.plist': 'XML Property List', '.j': 'Objective-J', '.ls': 'LiveScript', '.rpy': "Ren'Py", '.scm': 'Scheme',
  '.jq': 'jq', '.tl': 'Teal', '.srt': 'SubRip Text', '.nr': 'Noir', '.typ': 'Typst', '.uc': 'UnrealScript', '.scd': 'SuperCollider', '.bs': 'BrighterScript',
}
// Names people use that linguist does not list.
const extraAliases = {
  'C++': ['cplusplus', 'cxx'], 'Protocol Buffer': ['proto'], 'Objective-C': ['objective c'], 'Shell': ['bash-script'],
  'Kotlin': ['kt'], 'Markdown': ['mdown'], 'Fortran': ['f90'], 'Vim script': ['vimscript'], 'Assembly': ['assembler'],
  'Unix Assembly': ['gas'], 'Text': ['plain'], 'Perl': ['pl'], 'Haskell': ['hs'], 'Erlang': ['erl'], 'Elixir': ['ex'],
  'Clojure': ['clj'], 'OCaml': ['ml'], 'TeX': ['tex'], 'PowerShell': ['ps1'], 'Scala': ['sc'], 'Zig': [], 'HCL': ['tf'],
}
// Extensions and names in wide use that linguist leaves out, or leaves to its classifier.
const extraExtensions = {
  'Text': ['.inc', '.text', '.log'], 'XML': ['.xsd'], 'C': ['.lds.h'],
}
const extraFilenames = { 'Makefile': ['Kbuild'], 'Text': ['MAINTAINERS', 'CREDITS', 'AUTHORS', 'CHANGELOG', 'HACKING', 'NEWS', 'TODO'] }
for (const language of languages) {
  const more = (key, list) => (language[key] = [...new Set([...(language[key] ?? []), ...(list[language.name] ?? [])])])
  more('extensions', extraExtensions)
  more('filenames', extraFilenames)
  more('aliases', extraAliases)
}

// Space, hyphen and underscore are one when names are compared; `fold` in languages.rs does the same.
const fold = (name) => name.toLowerCase().replace(/[ _]/g, '-')
const bytewise = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const string = (text) => JSON.stringify(text).replace(/\\u([0-9a-f]{4})/g, '\\u{$1}')

const names = new Map()
for (const language of languages) names.set(fold(language.name), language.languageId)
for (const language of languages) {
  for (const alias of language.aliases ?? []) {
    if (!names.has(fold(alias))) names.set(fold(alias), language.languageId)
  }
}

const rank = (language, extension) => {
  if (preferred[extension] === language.name) return -1
  const place = popular.indexOf(language.name)
  if (place >= 0) return place
  return language.extensions?.[0]?.toLowerCase() === extension ? 1000 : 2000
}
const collect = (key, lower) => {
  const found = new Map()
  for (const language of languages) {
    for (const value of language[key] ?? []) {
      const name = lower ? value.toLowerCase() : value
      if (!found.has(name)) found.set(name, new Set())
      found.get(name).add(language)
    }
  }
  return [...found]
    .map(([name, set]) => [
      key === 'extensions' ? name.slice(1) : name,
      [...set]
        .sort((a, b) => rank(a, name) - rank(b, name) || bytewise(a.name, b.name))
        .map((language) => language.languageId),
    ])
    .sort(([a], [b]) => bytewise(a, b))
}

const out = []
out.push(`//! @generated by codegen/languages.mjs from linguist-languages ${version}: do not edit, run it again.
//!
//! The data is GitHub linguist's, under the MIT licence that stands beside this file.

use super::{LanguageInfo, LanguageKind};
use model::Language;

/// Every language, by id.
pub(crate) const LANGUAGES: &[LanguageInfo] = &[`)
const byName = new Map(languages.map((language) => [language.name, language.languageId]))
for (const language of languages) {
  const kind = language.type[0].toUpperCase() + language.type.slice(1)
  const color = language.color ? `Some(0x${language.color.slice(1).toLowerCase()})` : 'None'
  const aliases = (language.aliases ?? []).map(string).join(', ')
  const group = byName.get(language.group ?? language.name) ?? language.languageId
  out.push(
    `    LanguageInfo { id: Language(${language.languageId}), name: ${string(language.name)}, ` +
      `aliases: &[${aliases}], kind: LanguageKind::${kind}, color: ${color}, group: Language(${group}) },`,
  )
}
out.push(`];

/// Folded names and aliases, sorted, with the language's id.
pub(crate) const NAMES: &[(&str, u32)] = &[`)
for (const [name, id] of [...names].sort(([a], [b]) => bytewise(a, b))) out.push(`    (${string(name)}, ${id}),`)
const table = (doc, constant, rows) => {
  out.push(`];

/// ${doc}
pub(crate) const ${constant}: &[(&str, &[u32])] = &[`)
  for (const [name, ids] of rows) out.push(`    (${string(name)}, &[${ids.join(', ')}]),`)
}
table('Lower-case extensions without their first dot, sorted; the likeliest language first.', 'EXTENSIONS', collect('extensions', true))
table('File names, exact, sorted; the likeliest language first.', 'FILENAMES', collect('filenames', false))
table('Interpreters as a `#!` line names them, sorted; the likeliest language first.', 'INTERPRETERS', collect('interpreters', false))
out.push('];')
console.log(out.join('\n'))
