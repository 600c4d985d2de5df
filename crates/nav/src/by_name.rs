//! Where nothing leads: definitions of the same name, those first that are likeliest meant.

use crate::code::{CodeError, Defined, File};
use crate::definition::{Found, How, Resolver};
use crate::modules::{self, Module, folder_of};
use model::{DocFlags, SymbolKind};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use syntax::{Meaning, NameIdx};

/// How many imported files are told from others.
const N_IMPORTED_MAX: usize = 16;

/// Definitions of the same name, of this repository, else of others.
pub(crate) fn ranked(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    idx: NameIdx,
    text: &str,
) -> Result<Vec<Found>, CodeError> {
    let name = file.bindings.name(idx);
    let is_member =
        name.is_some_and(|name| matches!(name.meaning, Meaning::Member(_) | Meaning::Argument(_)));
    let is_call = name.is_some_and(|name| name.is_call);
    let own = resolver.code.defined(text)?;
    let mut defined: Vec<Defined> = own.into_iter().filter(|one| is_kin(file, one)).collect();
    if defined.is_empty() {
        defined =
            resolver.code.defined_elsewhere(text)?.into_iter().filter(|one| is_kin(file, one)).collect();
    }
    let imported = imported(resolver, file)?;
    let in_test = syntax::doc_flags(&file.path).contains(DocFlags::TEST);
    defined.sort_by_cached_key(|one| {
        let fits = fits(one, is_member, is_call);
        let is_test = syntax::doc_flags(&one.path).contains(DocFlags::TEST) && !in_test;
        let is_near = one.path == file.path || imported.contains(&one.path);
        (
            is_test,
            Reverse(fits),
            Reverse(is_near),
            Reverse(one.path == file.path),
            Reverse(n_shared(&one.path, &file.path)),
            one.path.len(),
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
    let group = |language| match syntax::language_name(language).unwrap_or_default() {
        "JavaScript" | "TypeScript" | "TSX" | "Vue" | "Svelte" => "js",
        "C" | "C++" | "Cuda" | "OpenCL" | "Objective-C" => "c",
        "Java" | "Kotlin" | "Scala" | "Groovy" => "jvm",
        "Python" | "Starlark" => "python",
        other => other,
    };
    group(file.language) == group(one.language)
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
fn n_shared(a: &[u8], b: &[u8]) -> usize {
    let parts = |path| folder_of(path).split(|byte| *byte == b'/');
    parts(a).zip(parts(b)).take_while(|(a, b)| a == b).count()
}

fn told(one: Defined) -> Found {
    Found {
        repo: one.repo,
        path: one.path,
        line: one.line,
        in_line: one.in_line,
        kind: Some(one.kind),
        how: How::Name,
    }
}
