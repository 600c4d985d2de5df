//! Paths of modules: joining, normalizing, and languages whose modules are little more than paths.

use super::{Module, as_file, as_target};
use crate::code::{CodeError, File};
use crate::definition::{Resolver, Targets};
use std::sync::Arc;

/// How many folders upwards a project's root is looked for.
const N_UP_MAX: usize = 16;
/// How many crates beside each other are looked at.
const N_CRATES_MAX: usize = 200;

/// The folder that a path stands in; empty for the root.
pub(crate) fn folder_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |slash| &path[..slash])
}

/// A path below a folder.
pub(crate) fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, name].join(&b'/') }
}

/// A path without `.` and `..`; none where it leads out of the repository.
pub(super) fn normal(path: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

/// A package of Go: a folder of the same module, by the path in `go.mod`.
pub(super) fn go_package(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    module: &str,
) -> Result<Vec<Module>, CodeError> {
    let mut up = Some(folder_of(&file.path));
    for _ in 0..N_UP_MAX {
        let Some(folder) = up else { break };
        let manifest = joined(folder, b"go.mod");
        if resolver.code.is_file(&manifest)? {
            let Some(manifest) = resolver.file(&manifest)? else { break };
            let named = manifest.text.lines().find_map(|line| line.trim().strip_prefix("module "));
            let root = named.map(|name| name.trim().trim_matches('"')).unwrap_or_default();
            let inside = module.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            let Some(inside) = inside.filter(|_| !root.is_empty()) else { return Ok(Vec::new()) };
            let path = normal(&joined(folder, inside.trim_start_matches('/').as_bytes()));
            return Ok(path.into_iter().map(Module::Folder).collect());
        }
        up = (!folder.is_empty()).then(|| folder_of(folder));
    }
    Ok(Vec::new())
}

/// A module of Rust: `crate::a::b`, `super::a`, `self::a`, or another crate of the same repository.
pub(super) fn rust_module(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    module: &str,
) -> Result<Vec<Module>, CodeError> {
    let mut parts: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let here = own_folder(&file.path);
    let mut at: Module = match parts.first().copied() {
        Some("crate") => match crate_root(resolver, folder_of(&file.path))? {
            Some(root) => root,
            None => return Ok(Vec::new()),
        },
        Some("self") => Module::File(Arc::clone(file)),
        Some("super") => match parent_of(resolver, &here)? {
            Some(parent) => parent,
            None => return Ok(Vec::new()),
        },
        Some(name) => match sibling_crate(resolver, &file.path, name)? {
            Some(root) => root,
            None => match child(resolver, file, name)? {
                Some(child) => child,
                None => return Ok(Vec::new()),
            },
        },
        None => return Ok(Vec::new()),
    };
    parts.remove(0);
    for part in parts {
        let Module::File(file) = &at else { return Ok(Vec::new()) };
        let next = match part {
            "super" => parent_of(resolver, &own_folder(&file.path))?,
            part => child(resolver, file, part)?,
        };
        match next {
            Some(next) => at = next,
            None => return Ok(Vec::new()),
        }
    }
    Ok(vec![at])
}

/// A module that a file of Rust declares.
pub(super) fn rust_submodule(resolver: &Resolver<'_>, file: &Arc<File>, item: &str) -> Targets {
    Ok(child(resolver, file, item)?.into_iter().map(as_target).collect())
}

/// The folder in which the modules of a file stand.
fn own_folder(path: &[u8]) -> Vec<u8> {
    let folder = folder_of(path);
    let name = path.get(folder.len()..).unwrap_or_default();
    let name = name.strip_prefix(b"/").unwrap_or(name);
    match name {
        b"mod.rs" | b"lib.rs" | b"main.rs" => folder.to_vec(),
        name => joined(folder, name.strip_suffix(b".rs").unwrap_or(name)),
    }
}

fn child(resolver: &Resolver<'_>, file: &File, name: &str) -> Result<Option<Module>, CodeError> {
    let folder = own_folder(&file.path);
    for ending in [".rs", "/mod.rs"] {
        let path = joined(&folder, format!("{name}{ending}").as_bytes());
        if let Some(found) = as_file(resolver, &path)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The file that declares the modules of a folder.
fn parent_of(resolver: &Resolver<'_>, own: &[u8]) -> Result<Option<Module>, CodeError> {
    let folder = folder_of(own);
    for name in ["mod.rs", "lib.rs", "main.rs"] {
        if let Some(found) = as_file(resolver, &joined(folder, name.as_bytes()))? {
            return Ok(Some(found));
        }
    }
    as_file(resolver, &[folder, b".rs"].concat())
}

fn crate_root(resolver: &Resolver<'_>, folder: &[u8]) -> Result<Option<Module>, CodeError> {
    let mut up = Some(folder);
    for _ in 0..N_UP_MAX {
        let Some(folder) = up else { break };
        if resolver.code.is_file(&joined(folder, b"Cargo.toml"))? {
            return root_file(resolver, folder);
        }
        up = (!folder.is_empty()).then(|| folder_of(folder));
    }
    Ok(None)
}

fn root_file(resolver: &Resolver<'_>, folder: &[u8]) -> Result<Option<Module>, CodeError> {
    for name in ["src/lib.rs", "src/main.rs", "lib.rs", "main.rs"] {
        if let Some(found) = as_file(resolver, &joined(folder, name.as_bytes()))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A crate of the same repository, in a folder that is called like it.
fn sibling_crate(resolver: &Resolver<'_>, path: &[u8], name: &str) -> Result<Option<Module>, CodeError> {
    let spelled = |folder: &[u8]| {
        let folder: Vec<u8> = folder.iter().map(|byte| if *byte == b'-' { b'_' } else { *byte }).collect();
        folder == name.as_bytes()
    };
    let mut up = Some(folder_of(path));
    for _ in 0..N_UP_MAX {
        let Some(folder) = up else { break };
        for group in [folder.to_vec(), joined(folder, b"crates")] {
            let entries = resolver.code.folder(&group)?;
            let found =
                entries.into_iter().take(N_CRATES_MAX).find(|entry| entry.is_folder && spelled(&entry.name));
            if let Some(entry) = found
                && let Some(root) = root_file(resolver, &joined(&group, &entry.name))?
            {
                return Ok(Some(root));
            }
        }
        up = (!folder.is_empty()).then(|| folder_of(folder));
    }
    Ok(None)
}

/// A header that is included, beside the file or in one of the folders where headers are kept.
pub(super) fn included(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    module: &str,
) -> Result<Vec<Module>, CodeError> {
    let mut up = Some(folder_of(&file.path));
    for _ in 0..N_UP_MAX {
        let Some(folder) = up else { break };
        for root in ["", "include", "src"] {
            let folder = if root.is_empty() { folder.to_vec() } else { joined(folder, root.as_bytes()) };
            if let Some(path) = normal(&joined(&folder, module.as_bytes()))
                && let Some(found) = as_file(resolver, &path)?
            {
                return Ok(vec![found]);
            }
        }
        up = (!folder.is_empty()).then(|| folder_of(folder));
    }
    Ok(Vec::new())
}
