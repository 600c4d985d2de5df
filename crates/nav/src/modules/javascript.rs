//! Modules of JavaScript and TypeScript: relative paths, `paths` of `tsconfig.json`, packages of the same repository.

use super::paths::{folder_of, joined, normal};
use super::{Module, as_file};
use crate::code::{CodeError, File};
use crate::definition::Resolver;
use std::sync::Arc;

/// What a file may be called beside what is written of it, in the order in which compilers look.
const ENDINGS: &[&str] =
    &["", ".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".vue", ".svelte"];
/// How many folders upwards settings and packages are looked for.
const N_UP_MAX: usize = 12;
/// How many packages of one repository are looked at.
const N_PACKAGES_MAX: usize = 200;
/// Longest settings file that is read.
const SETTINGS_BYTES_MAX: usize = 256 << 10;

pub(super) fn find(
    resolver: &Resolver<'_>,
    file: &Arc<File>,
    module: &str,
) -> Result<Vec<Module>, CodeError> {
    let folder = folder_of(&file.path);
    if module.starts_with('.') {
        let Some(path) = normal(&joined(folder, module.as_bytes())) else { return Ok(Vec::new()) };
        return at(resolver, &path).map(|found| found.into_iter().collect());
    }
    if let Some(path) = module.strip_prefix('/') {
        return at(resolver, path.as_bytes()).map(|found| found.into_iter().collect());
    }
    let mut up = Some(folder);
    for _ in 0..N_UP_MAX {
        let Some(here) = up else { break };
        if let Some(found) = by_settings(resolver, here, module)? {
            return Ok(vec![found]);
        }
        up = (!here.is_empty()).then(|| folder_of(here));
    }
    package(resolver, file, module).map(|found| found.into_iter().collect())
}

/// The file that a path without its ending means, or the index of that folder.
fn at(resolver: &Resolver<'_>, path: &[u8]) -> Result<Option<Module>, CodeError> {
    // What is written `.js` may have been written in TypeScript.
    let written = std::str::from_utf8(path).unwrap_or_default();
    let without = [".js", ".jsx", ".mjs", ".cjs"].iter().find_map(|ending| written.strip_suffix(ending));
    for stem in without.into_iter().chain([written]) {
        for ending in ENDINGS {
            if ending.is_empty() && !has_ending(stem) {
                continue;
            }
            if let Some(found) = as_file(resolver, format!("{stem}{ending}").as_bytes())? {
                return Ok(Some(found));
            }
        }
    }
    for ending in ENDINGS.iter().filter(|ending| !ending.is_empty()) {
        let index = joined(path, format!("index{ending}").as_bytes());
        if let Some(found) = as_file(resolver, &index)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn has_ending(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// What `compilerOptions` of a folder say: `paths`, then `baseUrl`.
fn by_settings(resolver: &Resolver<'_>, folder: &[u8], module: &str) -> Result<Option<Module>, CodeError> {
    let mut settings = None;
    for name in ["tsconfig.json", "jsconfig.json", "tsconfig.base.json"] {
        let path = joined(folder, name.as_bytes());
        if resolver.code.is_file(&path)? {
            settings = json(resolver, &path)?;
            break;
        }
    }
    let Some(options) = settings.as_ref().and_then(|settings| settings.get("compilerOptions")) else {
        return Ok(None);
    };
    let base = options.get("baseUrl").and_then(|base| base.as_str());
    let root = normal(&joined(folder, base.unwrap_or(".").as_bytes())).unwrap_or_default();
    let paths = options.get("paths").and_then(|paths| paths.as_object());
    for (pattern, targets) in paths.into_iter().flatten() {
        let Some(rest) = matched(pattern, module) else { continue };
        for target in targets.as_array().into_iter().flatten().filter_map(|target| target.as_str()) {
            let path = normal(&joined(&root, target.replace('*', rest).as_bytes()));
            if let Some(path) = path
                && let Some(found) = at(resolver, &path)?
            {
                return Ok(Some(found));
            }
        }
    }
    if base.is_some()
        && let Some(path) = normal(&joined(&root, module.as_bytes()))
    {
        return at(resolver, &path);
    }
    Ok(None)
}

/// What `*` stands for, if a pattern of `paths` matches.
fn matched<'m>(pattern: &str, module: &'m str) -> Option<&'m str> {
    match pattern.split_once('*') {
        None => (pattern == module).then_some(""),
        Some((before, after)) => module.strip_prefix(before)?.strip_suffix(after),
    }
}

/// A package of the same repository, by the name in its `package.json`.
fn package(resolver: &Resolver<'_>, file: &Arc<File>, module: &str) -> Result<Option<Module>, CodeError> {
    let n_parts = if module.starts_with('@') { 2 } else { 1 };
    let name_len = module.match_indices('/').nth(n_parts - 1).map_or(module.len(), |(at, _)| at);
    let (name, inside) = module.split_at(name_len);
    let mut n_left = N_PACKAGES_MAX;
    let mut up = Some(folder_of(&file.path));
    for _ in 0..N_UP_MAX {
        let Some(here) = up else { break };
        let mut folders = vec![here.to_vec()];
        for group in ["packages", "libs", "apps", "modules", "projects"] {
            let group = joined(here, group.as_bytes());
            for entry in resolver.code.folder(&group)?.into_iter().filter(|entry| entry.is_folder) {
                folders.push(joined(&group, &entry.name));
            }
        }
        for folder in folders {
            let Some(left) = n_left.checked_sub(1) else { return Ok(None) };
            n_left = left;
            let manifest = joined(&folder, b"package.json");
            if !resolver.code.is_file(&manifest)? {
                continue;
            }
            let Some(manifest) = json(resolver, &manifest)? else { continue };
            if manifest.get("name").and_then(|named| named.as_str()) != Some(name) {
                continue;
            }
            return entry_of(resolver, &folder, &manifest, inside.trim_start_matches('/'));
        }
        up = (!here.is_empty()).then(|| folder_of(here));
    }
    Ok(None)
}

/// What a package gives to whoever imports it: its sources rather than what is built of them.
fn entry_of(
    resolver: &Resolver<'_>,
    folder: &[u8],
    manifest: &serde_json::Value,
    inside: &str,
) -> Result<Option<Module>, CodeError> {
    if !inside.is_empty() {
        for place in [inside.to_owned(), format!("src/{inside}")] {
            if let Some(found) = at(resolver, &joined(folder, place.as_bytes()))? {
                return Ok(Some(found));
            }
        }
        return Ok(None);
    }
    let named = ["source", "types", "module", "main"].iter().filter_map(|key| manifest.get(key)?.as_str());
    for place in ["src/index", "src/main", "index", "lib/index"].into_iter().chain(named) {
        if let Some(path) = normal(&joined(folder, place.as_bytes()))
            && let Some(found) = at(resolver, &path)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A settings file: JSON, comments and commas before brackets left out.
fn json(resolver: &Resolver<'_>, path: &[u8]) -> Result<Option<serde_json::Value>, CodeError> {
    let Some(file) = resolver.file(path)? else { return Ok(None) };
    if file.text.len() > SETTINGS_BYTES_MAX {
        return Ok(None);
    }
    Ok(serde_json::from_str(&without_comments(&file.text)).ok())
}

fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = string_end(rest);
            plain.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |at| &rest[at + 2..]);
        } else {
            if matches!(c, '}' | ']') {
                let kept = plain.trim_end();
                if kept.ends_with(',') {
                    plain.truncate(kept.len() - 1);
                }
            }
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    plain
}

/// Where the string that begins here ends.
fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
