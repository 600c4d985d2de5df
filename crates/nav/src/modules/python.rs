//! Modules of Python: files and packages, relative to a package or to a folder above it.

use super::paths::{folder_of, joined};
use super::{Module, as_file, as_target};
use crate::code::{CodeError, File};
use crate::definition::{Resolver, Targets};
use std::sync::Arc;

/// How many folders upwards the root of a package is looked for.
const N_UP_MAX: usize = 16;
/// Where sources stand that are no folder above.
const ROOTS: &[&str] = &["src", "lib", "python"];

pub(super) fn find(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    module: &str,
) -> Result<Vec<Module>, CodeError> {
    let n_dots = module.bytes().take_while(|byte| *byte == b'.').count();
    let path = module[n_dots..].replace('.', "/");
    let here = folder_of(&file.path);
    if n_dots > 0 {
        let mut folder = here;
        for _ in 1..n_dots {
            folder = folder_of(folder);
        }
        let found =
            at(resolver, &if path.is_empty() { folder.to_vec() } else { joined(folder, path.as_bytes()) })?;
        return Ok(found.into_iter().collect());
    }
    // The root is the folder that holds the first package: above the file, or beside it.
    let mut up = Some(here);
    let mut found = Vec::new();
    for _ in 0..N_UP_MAX {
        let Some(folder) = up else { break };
        let is_package = resolver.code.is_file(&joined(folder, b"__init__.py"))?;
        // Within a package, a plain name is not its neighbour.
        if !is_package || folder.is_empty() {
            found.extend(at(resolver, &joined(folder, path.as_bytes()))?);
            for root in ROOTS {
                let root = joined(folder, root.as_bytes());
                found.extend(at(resolver, &joined(&root, path.as_bytes()))?);
            }
            if !found.is_empty() {
                break;
            }
        }
        up = (!folder.is_empty()).then(|| folder_of(folder));
    }
    if found.is_empty() {
        // Scripts in one folder import each other whether it is a package or not.
        found.extend(at(resolver, &joined(here, path.as_bytes()))?);
    }
    Ok(found)
}

/// The module at a path without its ending: stubs say more than what they describe, but are not where code is read.
fn at(resolver: &Resolver<'_>, path: &[u8]) -> Result<Option<Module>, CodeError> {
    for ending in ["/__init__.py", ".py", "/__init__.pyi", ".pyi"] {
        let path = if path.is_empty() {
            ending.trim_start_matches('/').into()
        } else {
            [path, ending.as_bytes()].concat()
        };
        if let Some(found) = as_file(resolver, &path)? {
            return Ok(Some(found));
        }
    }
    let is_folder = !path.is_empty() && !resolver.code.folder(path)?.is_empty();
    Ok(is_folder.then(|| Module::Folder(path.to_vec())))
}

/// A module of a package.
pub(super) fn in_package(resolver: &Resolver<'_>, folder: &[u8], item: &str) -> Targets {
    if item.is_empty() || item.contains(['/', '\0']) {
        return Ok(Vec::new());
    }
    let path = joined(folder, item.as_bytes());
    for ending in [".py", "/__init__.py", ".pyi"] {
        if let Some(found) = as_file(resolver, &[&path[..], ending.as_bytes()].concat())? {
            return Ok(vec![as_target(found)]);
        }
    }
    Ok(Vec::new())
}
