//! What stands in what, what calls what, what extends what.

use crate::code::{Code, CodeError, File, Limits};
use crate::definition::{Found, How, Resolver, What};
use crate::references::UsedIn;
use crate::values::{N_SUPERTYPES_MAX, Value};
use model::{ByteRange, SymbolKind};
use std::collections::HashSet;
use std::sync::Arc;
use syntax::{BindingIdx, BindingKind, NameIdx};

/// How many calls of one function are followed.
const N_CALLS_MAX: usize = 500;

/// A function or type around a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Enclosing {
    /// Its name, behind those of the types it belongs to.
    pub name: String,
    /// Whether it is a type.
    pub is_type: bool,
    /// The line of its name, counted from 1.
    pub line: u64,
    /// The name within that line, in bytes.
    pub in_line: ByteRange,
}

/// A call in a function.
#[derive(Clone, Debug)]
pub struct Callee {
    /// The name by which it is called.
    pub name: String,
    /// The line of the first call, counted from 1.
    pub line: u64,
    /// What is called; empty where nothing leads there.
    pub found: Vec<Found>,
}

/// The innermost named function or type around a byte.
pub fn enclosing(file: &File, offset: usize) -> Option<Enclosing> {
    let idx = file.bindings.around(offset)?;
    let binding = file.bindings.binding(idx)?;
    if binding.name.start <= offset && offset < binding.name.end {
        // The definition itself stands in what is around it.
        return binding.container.and_then(|owner| told(file, owner));
    }
    told(file, idx)
}

fn told(file: &File, idx: BindingIdx) -> Option<Enclosing> {
    let binding = file.bindings.binding(idx)?;
    let line = file.line_of(binding.name.start);
    let start = file.line(line)?.start;
    let owner =
        binding.container.and_then(|owner| file.bindings.binding(owner)).map(|owner| file.name_of(owner));
    let owner = owner.or_else(|| {
        let named = binding.container_name.and_then(|idx| file.bindings.name(idx))?;
        Some(file.slice(&named.range))
    });
    let separator = syntax::symbol_separator(file.language, SymbolKind::Method);
    let name = match owner {
        Some(owner) => format!("{owner}{separator}{}", file.name_of(binding)),
        None => file.name_of(binding).to_owned(),
    };
    Some(Enclosing {
        name,
        is_type: binding.kind == BindingKind::Type,
        line: line as u64,
        in_line: binding.name.start - start..binding.name.end.saturating_sub(start),
    })
}

/// The function or type whose name, where it is defined, begins at a line (counted from 1) and column (in bytes).
pub fn named_at(
    code: &dyn Code,
    path: &[u8],
    line: u64,
    column: usize,
) -> Result<Option<Enclosing>, CodeError> {
    Ok(defined_at(code, path, line, column)?.and_then(|(file, idx)| told(&file, idx)))
}

/// What the function that is defined at a place calls, each once, in the order of the text.
pub fn callees(
    code: &dyn Code,
    path: &[u8],
    line: u64,
    column: usize,
    limits: &Limits,
) -> Result<Vec<Callee>, CodeError> {
    let Some((file, idx)) = defined_at(code, path, line, column)? else { return Ok(Vec::new()) };
    let Some(binding) = file.bindings.binding(idx) else { return Ok(Vec::new()) };
    let resolver = Resolver::new(code, limits);
    let mut seen = HashSet::new();
    let mut calls = Vec::new();
    let inside = |name: &syntax::Name| {
        name.is_call && binding.extent.start <= name.range.start && name.range.end <= binding.extent.end
    };
    let names = file.bindings.names.iter().enumerate().filter(|(_, name)| inside(name));
    for (place, name) in names.take(N_CALLS_MAX) {
        let found = match leads(code, &file, name)? {
            Some(found) => found,
            None => {
                resolver.begin();
                let targets = resolver.meaning(&file, NameIdx(place as u32))?;
                targets.iter().map(crate::definition::Target::told).collect()
            }
        };
        let text = file.slice(&name.range).to_owned();
        let key = (text.clone(), found.first().map(|found| (found.path.clone(), found.line)));
        if seen.insert(key) {
            calls.push(Callee { name: text, line: file.line_of(name.range.start) as u64, found });
        }
    }
    Ok(calls)
}

/// What the type that is defined at a place extends.
pub fn supertypes(
    code: &dyn Code,
    path: &[u8],
    line: u64,
    column: usize,
    limits: &Limits,
) -> Result<Vec<Found>, CodeError> {
    let Some((file, idx)) = defined_at(code, path, line, column)? else { return Ok(Vec::new()) };
    above(&Resolver::new(code, limits), &file, idx)
}

/// The types that a type names as its own: as an index of a compiler says, else by what leads there.
fn above(resolver: &Resolver<'_>, file: &Arc<File>, idx: BindingIdx) -> Result<Vec<Found>, CodeError> {
    let Some(binding) = file.bindings.binding(idx) else { return Ok(Vec::new()) };
    let (mut found, mut is_known) = (Vec::new(), !binding.supertypes.is_empty());
    for name in binding.supertypes.iter().take(N_SUPERTYPES_MAX) {
        let Some(name) = file.bindings.name(*name) else { continue };
        match leads(resolver.code, file, name)? {
            Some(leads) => found.extend(leads),
            None => is_known = false,
        }
    }
    if is_known {
        return Ok(found);
    }
    for value in resolver.supertypes(file, idx, 0)? {
        let Value::Instance(at, idx) = value else { continue };
        let one = crate::definition::Target { what: What::Binding(at, idx), how: How::Receiver }.told();
        if !found.iter().any(|other| other.is_at(&one)) {
            found.push(one);
        }
    }
    Ok(found)
}

/// What an index of a compiler says of a name in a file.
fn leads(code: &dyn Code, file: &File, name: &syntax::Name) -> Result<Option<Vec<Found>>, CodeError> {
    let line = file.line_of(name.range.start);
    let start = file.line(line).map_or(0, |whole| whole.start);
    code.leads(&file.path, line as u64, name.range.start.saturating_sub(start))
}

/// The types of a file that extend or implement what is defined at a place, and which of its members are written anew.
pub fn subtypes_in(
    code: &dyn Code,
    used: &UsedIn,
    target: &Found,
    limits: &Limits,
) -> Result<Vec<(Found, Enclosing)>, CodeError> {
    let Some(file) = code.file(&used.path)? else { return Ok(Vec::new()) };
    let resolver = Resolver::new(code, limits);
    let mut found = Vec::new();
    for (idx, _) in file.bindings.all().filter(|(_, binding)| !binding.supertypes.is_empty()) {
        let above = above(&resolver, &file, idx)?;
        let it = above.iter().find(|above| above.is_at(target));
        if let (Some(it), Some(enclosing)) = (it, told(&file, idx)) {
            let what = What::Binding(Arc::clone(&file), idx);
            found.push((crate::definition::Target { what, how: it.how }.told(), enclosing));
        }
    }
    Ok(found)
}

/// The member of a type by a name, where the type itself defines it.
pub fn member_in(code: &dyn Code, of: &Found, name: &str) -> Result<Option<Found>, CodeError> {
    let Some((file, idx)) = defined_at(code, &of.path, of.line, of.in_line.start)? else { return Ok(None) };
    let mut members = file.bindings.all().filter(|(_, binding)| {
        binding.container == Some(idx)
            && binding.kind != BindingKind::Parameter
            && file.name_of(binding) == name
    });
    let member = members.next().map(|(idx, _)| idx);
    Ok(member.map(|idx| {
        crate::definition::Target { what: What::Binding(Arc::clone(&file), idx), how: How::Receiver }.told()
    }))
}

fn defined_at(
    code: &dyn Code,
    path: &[u8],
    line: u64,
    column: usize,
) -> Result<Option<(Arc<File>, BindingIdx)>, CodeError> {
    let Some(file) = code.file(path)? else { return Ok(None) };
    let Some(start) = file.offset(line as usize, column) else { return Ok(None) };
    let found = file
        .bindings
        .all()
        .find(|(_, binding)| binding.name.start == start && !binding.name.is_empty())
        .map(|(idx, _)| idx);
    Ok(found.map(|idx| (file, idx)))
}
