//! From the name of a module, as an import writes it, to the file or folder that it is.

mod javascript;
mod paths;
mod python;

use crate::code::{CodeError, Defined, File};
use crate::definition::{How, Resolver, Target, Targets, What};
use std::sync::Arc;

pub(crate) use paths::folder_of;

/// How many definitions of one name in a package are looked at.
const N_DEFINED_MAX: usize = 8;

/// A module.
#[derive(Clone, Debug)]
pub(crate) enum Module {
    /// A file.
    File(Arc<File>),
    /// A folder whose files are one module, or hold modules.
    Folder(Vec<u8>),
}

/// The ways in which languages name modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    JavaScript,
    Python,
    Go,
    Rust,
    /// A name stands in the file or the package that is called so: Java and its kin.
    Packages,
    C,
    Other,
}

fn family(file: &File) -> Family {
    match syntax::language_name(file.language).unwrap_or_default() {
        "JavaScript" | "TypeScript" | "TSX" => Family::JavaScript,
        "Python" | "Starlark" => Family::Python,
        "Go" => Family::Go,
        "Rust" => Family::Rust,
        "Java" | "Kotlin" | "Scala" | "C#" | "PHP" | "Swift" => Family::Packages,
        "C" | "C++" | "Cuda" | "OpenCL" => Family::C,
        _ => Family::Other,
    }
}

/// The modules that a name can mean in a file, the likeliest first.
pub(crate) fn find(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    module: &str,
) -> Result<Vec<Module>, CodeError> {
    match family(file) {
        Family::JavaScript => javascript::find(resolver, file, module),
        Family::Python => python::find(resolver, file, module),
        Family::Go => paths::go_package(resolver, file, module),
        Family::Rust => paths::rust_module(resolver, file, module),
        Family::C => paths::included(resolver, file, module),
        Family::Packages | Family::Other => Ok(Vec::new()),
    }
}

/// What the files of a folder define by a name at their top.
pub(crate) fn in_folder(resolver: &Resolver<'_>, folder: &[u8], item: &str, depth: usize) -> Targets {
    if !resolver.step(depth) {
        return Ok(Vec::new());
    }
    let submodule = python::in_package(resolver, folder, item)?;
    if !submodule.is_empty() {
        return Ok(submodule);
    }
    let is_there = |one: &Defined| folder_of(&one.path) == folder;
    told(resolver, item, How::Import, is_there)
}

/// A module within a module, by its name.
pub(crate) fn submodule(resolver: &Resolver<'_>, file: &Arc<File>, item: &str) -> Targets {
    match family(file) {
        Family::Python if file.path.ends_with(b"__init__.py") || file.path.ends_with(b"__init__.pyi") => {
            python::in_package(resolver, folder_of(&file.path), item)
        }
        Family::Rust => paths::rust_submodule(resolver, file, item),
        _ => Ok(Vec::new()),
    }
}

/// What a name means that its file does not bind, in languages whose files share a package.
pub(crate) fn neighbours(resolver: &Resolver<'_>, file: &Arc<File>, text: &str) -> Targets {
    match family(file) {
        Family::Go | Family::Packages => {
            let folder = folder_of(&file.path);
            let is_there = |one: &Defined| folder_of(&one.path) == folder && one.language == file.language;
            told(resolver, text, How::Import, is_there)
        }
        _ => Ok(Vec::new()),
    }
}

/// The definitions of a name that are where they should be.
fn told(resolver: &Resolver<'_>, name: &str, how: How, is_there: impl Fn(&Defined) -> bool) -> Targets {
    let mut found = Vec::new();
    let mut defined: Vec<_> = resolver.code.defined(name)?.into_iter().filter(is_there).collect();
    // What is at the top of a package goes before members that are called the same.
    defined.sort_by_key(|one| !one.container.is_empty());
    for one in defined.into_iter().take(N_DEFINED_MAX) {
        if let Some(target) = resolver.target_at(&one, how)? {
            found.push(target);
        }
    }
    Ok(found)
}

/// A file as a module.
fn as_file(resolver: &Resolver<'_>, path: &[u8]) -> Result<Option<Module>, CodeError> {
    if !resolver.code.is_file(path)? {
        return Ok(None);
    }
    Ok(resolver.file(path)?.map(Module::File))
}

/// A module as where a name leads.
fn as_target(module: Module) -> Target {
    Target { what: What::Module(module), how: How::Import }
}
