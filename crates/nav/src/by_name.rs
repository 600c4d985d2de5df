//! Where nothing leads: definitions of the same name, those first that are likeliest meant.

use crate::code::{CodeError, Defined, File};
use crate::definition::{Found, How, Resolver};
use crate::modules::{self, Module, folder_of};
use model::{DocFlags, Language, SymbolKind};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use syntax::{BindingKind, Meaning, NameIdx};

/// How many imported files are told from others.
const N_IMPORTED_MAX: usize = 16;

/// Definitions of the same name, of this repository, else of others.
pub(crate) fn ranked(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    idx: NameIdx,
    text: &str,
) -> Result<Vec<Found>, CodeError> {
    let own = resolver.code.defined(text)?;
    let defined: Vec<Defined> = own.into_iter().filter(|one| is_kin(file, one)).collect();
    if defined.is_empty() {
        return elsewhere(resolver, file, idx, text);
    }
    sorted(resolver, file, idx, defined)
}

/// Definitions of the same name in other repositories. A name that is bound by an import is looked for as what is imported.
pub(crate) fn elsewhere(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    idx: NameIdx,
    text: &str,
) -> Result<Vec<Found>, CodeError> {
    let item = file.bindings.name(idx).and_then(|name| match name.meaning {
        Meaning::Bound(binding) => match file.bindings.binding(binding)?.kind {
            BindingKind::Import(import) => file.bindings.imports.get(import as usize)?.item.clone(),
            _ => None,
        },
        _ => None,
    });
    let name = item.filter(|item| item != "default").unwrap_or_else(|| text.to_owned());
    let defined = resolver.code.defined_elsewhere(&name)?;
    sorted(resolver, file, idx, defined.into_iter().filter(|one| is_kin(file, one)).collect())
}

/// The likeliest first.
fn sorted(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    idx: NameIdx,
    mut defined: Vec<Defined>,
) -> Result<Vec<Found>, CodeError> {
    let name = file.bindings.name(idx);
    let is_member =
        name.is_some_and(|name| matches!(name.meaning, Meaning::Member(_) | Meaning::Argument(_)));
    let is_call = name.is_some_and(|name| name.is_call);
    let imported = if defined.len() > 1 { imported(resolver, file)? } else { HashSet::new() };
    let in_test = syntax::doc_flags(&file.path).contains(DocFlags::TEST);
    defined.sort_by_cached_key(|one| {
        let is_test = syntax::doc_flags(&one.path).contains(DocFlags::TEST) && !in_test;
        let is_near = one.repo.is_none() && (one.path == file.path || imported.contains(&one.path));
        (
            is_test,
            Reverse(fits(one, is_member, is_call)),
            Reverse(is_near),
            Reverse(n_shared(&one.path, &file.path)),
            one.path.len(),
            one.repo.clone(),
            one.path.clone(),
            one.line,
        )
    });
    Ok(defined.into_iter().map(told).collect())
}

/// The files that a file imports.
fn imported(resolver: &Resolver<'_>, file: &Arc<File>) -> Result<HashSet<Vec<u8>>, CodeError> {
    let mut paths = HashSet::new();
    let mut asked = HashSet::new();
    for import in &file.bindings.imports {
        if paths.len() >= N_IMPORTED_MAX || !asked.insert(&import.module) {
            continue;
        }
        for module in modules::find(resolver, file, &import.module)? {
            if let Module::File(file) = module {
                paths.insert(file.path.clone());
            }
        }
    }
    Ok(paths)
}

/// Whether code in one language can name what the other one defines.
fn is_kin(file: &File, one: &Defined) -> bool {
    family(file.language) == family(one.language)
}

/// The languages that can name what each other define, by one name; C and what grew from it are `c`.
pub(crate) fn family(language: Language) -> &'static str {
    match syntax::language_name(language).unwrap_or_default() {
        "JavaScript" | "TypeScript" | "TSX" | "Vue" | "Svelte" => "js",
        "C" | "C++" | "Cuda" | "OpenCL" | "Objective-C" | "Objective-C++" => "c",
        "Java" | "Kotlin" | "Scala" | "Groovy" => "jvm",
        "Python" | "Starlark" => "python",
        other => other,
    }
}

fn fits(one: &Defined, is_member: bool, is_call: bool) -> u8 {
    let is_callable = matches!(
        one.kind,
        SymbolKind::Function
            | SymbolKind::Method
            | SymbolKind::Constructor
            | SymbolKind::Macro
            | SymbolKind::Class
    );
    2 * u8::from(one.container.is_empty() != is_member) + u8::from(is_callable == is_call)
}

/// How many folders two paths share from the root on.
pub(crate) fn n_shared(a: &[u8], b: &[u8]) -> usize {
    let parts = |path| folder_of(path).split(|byte| *byte == b'/');
    parts(a).zip(parts(b)).take_while(|(a, b)| a == b).count()
}

fn told(one: Defined) -> Found {
    Found {
        commit: None,
        repo: one.repo,
        path: one.path,
        line: one.line,
        in_line: one.in_line,
        kind: Some(one.kind),
        how: How::Name,
    }
}
