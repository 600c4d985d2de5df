//! From a name to what it means.

use crate::by_name;
use crate::code::{Code, CodeError, File, Limits};
use crate::modules::{self, Module};
use crate::values::Value;
use model::{ByteRange, ObjectId, RepoName, SymbolKind};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use syntax::{Binding, BindingIdx, BindingKind, Import, Meaning, NameIdx, Origin};

/// How deep imports, types and aliases are followed.
pub(crate) const DEPTH_MAX: usize = 24;

/// How a definition was found: how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A compiler's index says so.
    Precise,
    /// It is bound in a scope around the name, in the same file.
    Scope,
    /// Imports lead there.
    Import,
    /// It is a member of the type that the receiver has, as far as the code says.
    Receiver,
    /// It has the same name, and nothing leads there.
    Name,
}

impl How {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            How::Precise => "precise",
            How::Scope => "scope",
            How::Import => "import",
            How::Receiver => "receiver",
            How::Name => "name",
        }
    }
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The repository, where it is another one.
    pub repo: Option<RepoName>,
    /// The commit whose text the place is in, where it is not the one that was asked about or shown by default.
    pub commit: Option<ObjectId>,
    /// The file.
    pub path: Vec<u8>,
    /// The line of the name, counted from 1.
    pub line: u64,
    /// The name within that line, in bytes.
    pub in_line: ByteRange,
    /// What is defined, where that is known.
    pub kind: Option<SymbolKind>,
    /// How it was found.
    pub how: How,
}

impl Found {
    /// Whether both are the same place of the repository that is looked at.
    pub(crate) fn is_at(&self, other: &Found) -> bool {
        self.repo.is_none() && other.repo.is_none() && self.path == other.path && self.line == other.line
    }
}

/// The definitions of a name, the best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    /// The name that was asked about; none where there is none at that place.
    pub name: Option<String>,
    /// Where it stands.
    pub range: Option<ByteRange>,
    /// Its definitions.
    pub found: Vec<Found>,
    /// Whether a limit cut the search short.
    pub is_cut: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NavError {
    /// There is no such file, or it is no text.
    #[error("there is no text file at this path")]
    NoFile,
    /// The view failed.
    #[error(transparent)]
    Code(#[from] CodeError),
}

/// Finds what the name at a byte of a file means.
pub fn definitions(
    code: &dyn Code,
    path: &[u8],
    offset: usize,
    limits: &Limits,
) -> Result<Definitions, NavError> {
    let file = code.file(path)?.ok_or(NavError::NoFile)?;
    let Some(idx) = file.bindings.name_at(offset) else { return Ok(Definitions::default()) };
    let Some(name) = file.bindings.name(idx) else { return Ok(Definitions::default()) };
    let text = file.slice(&name.range).to_owned();
    let resolver = Resolver::new(code, limits);
    let targets = resolver.meaning(&file, idx)?;
    let mut found: Vec<Found> = Vec::new();
    for target in &targets {
        let one = target.told();
        if !found.iter().any(|other| {
            other.repo == one.repo
                && other.path == one.path
                && other.line == one.line
                && other.in_line == one.in_line
        }) {
            found.push(one);
        }
    }
    if found.is_empty() {
        found = by_name::ranked(&resolver, &file, idx, &text)?;
    } else if targets.iter().all(Target::leads_out) {
        // What is imported is not here: other repositories may have it.
        let mut elsewhere = by_name::elsewhere(&resolver, &file, idx, &text)?;
        elsewhere.append(&mut found);
        found = elsewhere;
    }
    let is_cut = resolver.is_cut() || found.len() > limits.n_found_max;
    found.truncate(limits.n_found_max);
    Ok(Definitions { name: Some(text), range: Some(name.range.clone()), found, is_cut })
}

/// Where a name leads.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) what: What,
    pub(crate) how: How,
}

/// What stands there.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A binding of a file.
    Binding(Arc<File>, BindingIdx),
    /// A module.
    Module(Module),
}

impl Target {
    /// Whether it is only an import of something that is not in the repository.
    pub(crate) fn leads_out(&self) -> bool {
        match &self.what {
            What::Binding(file, idx) => file
                .bindings
                .binding(*idx)
                .is_some_and(|binding| matches!(binding.kind, BindingKind::Import(_))),
            What::Module(_) => false,
        }
    }

    pub(crate) fn told(&self) -> Found {
        match &self.what {
            What::Binding(file, binding) => {
                let name = file.bindings.binding(*binding).map_or(0..0, |binding| binding.name.clone());
                let kind = file.bindings.binding(*binding).and_then(|binding| kind_of(file, binding));
                self.at(file, &name, kind)
            }
            What::Module(Module::File(file)) => self.at(file, &(0..0), Some(SymbolKind::Module)),
            What::Module(Module::Folder(path)) => Found {
                commit: None,
                repo: None,
                path: path.clone(),
                line: 1,
                in_line: 0..0,
                kind: Some(SymbolKind::Module),
                how: self.how,
            },
        }
    }

    fn at(&self, file: &File, range: &ByteRange, kind: Option<SymbolKind>) -> Found {
        let line = file.line_of(range.start).max(1);
        let start = file.line(line).map_or(0, |line| line.start);
        Found {
            commit: None,
            repo: None,
            path: file.path.clone(),
            line: line as u64,
            in_line: range.start.saturating_sub(start)..range.end.saturating_sub(start),
            kind,
            how: self.how,
        }
    }
}

fn kind_of(file: &File, binding: &Binding) -> Option<SymbolKind> {
    Some(match binding.kind {
        BindingKind::Parameter | BindingKind::Variable => SymbolKind::Variable,
        BindingKind::Function if is_type(file, binding.container) => SymbolKind::Method,
        BindingKind::Function => SymbolKind::Function,
        BindingKind::Type => SymbolKind::Type,
        BindingKind::Field => SymbolKind::Field,
        BindingKind::Module => SymbolKind::Module,
        BindingKind::Macro => SymbolKind::Macro,
        BindingKind::Import(_) | BindingKind::Alias => return None,
    })
}

fn is_type(file: &File, binding: Option<BindingIdx>) -> bool {
    binding.and_then(|idx| file.bindings.binding(idx)).is_some_and(|owner| owner.kind == BindingKind::Type)
}

/// Follows names within a budget.
pub(crate) struct Resolver<'c> {
    pub(crate) code: &'c dyn Code,
    limits: &'c Limits,
    n_steps: Cell<usize>,
    files: RefCell<HashMap<Vec<u8>, Option<Arc<File>>>>,
    cut: Cell<bool>,
    /// What is being resolved: what leads back to it leads nowhere.
    open: RefCell<Vec<(usize, NameIdx)>>,
    /// The types whose members are looked for: a type that extends itself has no more.
    pub(crate) open_types: RefCell<Vec<(usize, BindingIdx)>>,
    /// The bindings whose values are looked for.
    pub(crate) open_values: RefCell<Vec<(usize, BindingIdx)>>,
    /// What is looked for in which modules: modules that import each other have no more than what they define.
    open_items: RefCell<Vec<(usize, String)>>,
    /// The definitions of declarations without a body.
    pub(crate) bodies: RefCell<Bodies>,
}

/// What declarations without a body declare, by file and place.
type Bodies = HashMap<(Vec<u8>, BindingIdx), Vec<What>>;

pub(crate) type Targets = Result<Vec<Target>, CodeError>;

impl<'c> Resolver<'c> {
    pub(crate) fn new(code: &'c dyn Code, limits: &'c Limits) -> Self {
        Resolver {
            code,
            limits,
            n_steps: Cell::new(0),
            files: RefCell::default(),
            cut: Cell::new(false),
            open: RefCell::default(),
            open_types: RefCell::default(),
            open_values: RefCell::default(),
            open_items: RefCell::default(),
            bodies: RefCell::default(),
        }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.get()
    }

    /// Begins with the next of several names: each has steps of its own, the files are shared.
    pub(crate) fn begin(&self) {
        self.n_steps.set(0);
        self.cut.set(false);
    }

    /// Whether a step more may be gone.
    pub(crate) fn step(&self, depth: usize) -> bool {
        self.n_steps.set(self.n_steps.get() + 1);
        let may = depth <= DEPTH_MAX && self.n_steps.get() <= self.limits.n_steps_max && !self.code.is_over();
        if !may {
            self.cut.set(true);
        }
        may
    }

    /// A file, within the budget.
    pub(crate) fn file(&self, path: &[u8]) -> Result<Option<Arc<File>>, CodeError> {
        if let Some(known) = self.files.borrow().get(path) {
            return Ok(known.clone());
        }
        if self.files.borrow().len() >= self.limits.n_files_max {
            self.cut.set(true);
            return Ok(None);
        }
        let file = self.code.file(path)?;
        self.files.borrow_mut().insert(path.to_vec(), file.clone());
        Ok(file)
    }

    /// What a name of a file means. Empty where nothing leads anywhere.
    pub(crate) fn name(&self, file: &Arc<File>, idx: NameIdx, depth: usize) -> Targets {
        let key = (Arc::as_ptr(file).addr(), idx);
        if !self.step(depth) || self.open.borrow().contains(&key) {
            return Ok(Vec::new());
        }
        self.open.borrow_mut().push(key);
        let found = self.name_once(file, idx, depth);
        self.open.borrow_mut().pop();
        found
    }

    fn name_once(&self, file: &Arc<File>, idx: NameIdx, depth: usize) -> Targets {
        let Some(name) = file.bindings.name(idx) else { return Ok(Vec::new()) };
        let text = file.slice(&name.range);
        match name.meaning {
            Meaning::Bound(binding) => self.binding(file, binding, depth),
            Meaning::Member(origin) => self.member(file, origin, text, depth),
            Meaning::Argument(callee) => self.argument(file, callee, text, depth),
            Meaning::Free => self.free(file, name.range.start, text, depth),
        }
    }

    /// What a binding of a file stands for: itself, unless it brings something from elsewhere.
    pub(crate) fn binding(&self, file: &Arc<File>, idx: BindingIdx, depth: usize) -> Targets {
        let Some(binding) = file.bindings.binding(idx) else { return Ok(Vec::new()) };
        let itself = || Target { what: What::Binding(Arc::clone(file), idx), how: How::Scope };
        match binding.kind {
            BindingKind::Import(import) => {
                let Some(import) = file.bindings.imports.get(import as usize) else { return Ok(Vec::new()) };
                let found = self.import(file, import, depth + 1)?;
                Ok(if found.is_empty() { vec![itself()] } else { found })
            }
            BindingKind::Alias => match binding.origin {
                Origin::Same(name) => {
                    let found = self.name(file, name, depth + 1)?;
                    Ok(if found.is_empty() { vec![itself()] } else { found })
                }
                _ => Ok(vec![itself()]),
            },
            _ => Ok(vec![itself()]),
        }
    }

    /// Where an import leads.
    pub(crate) fn import(&self, file: &Arc<File>, import: &Import, depth: usize) -> Targets {
        if !self.step(depth) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for module in modules::find(self, file, &import.module)? {
            match &import.item {
                None => found.push(Target { what: What::Module(module), how: How::Import }),
                Some(item) => found.extend(self.exported(&module, item, depth + 1)?),
            }
            if !found.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// What a module gives by a name.
    pub(crate) fn exported(&self, module: &Module, item: &str, depth: usize) -> Targets {
        if !self.step(depth) {
            return Ok(Vec::new());
        }
        let file = match module {
            Module::File(file) => file,
            Module::Folder(path) => return modules::in_folder(self, path, item, depth),
        };
        let key = (Arc::as_ptr(file).addr(), item.to_owned());
        if self.open_items.borrow().contains(&key) {
            return Ok(Vec::new());
        }
        self.open_items.borrow_mut().push(key);
        let found = self.exported_by(file, item, depth);
        self.open_items.borrow_mut().pop();
        found
    }

    fn exported_by(&self, file: &Arc<File>, item: &str, depth: usize) -> Targets {
        let by_import = |targets: Vec<Target>| {
            targets.into_iter().map(|target| Target { how: How::Import, ..target }).collect::<Vec<_>>()
        };
        let is_default = item == "default";
        let candidates = file.bindings.all().filter(|(_, binding)| {
            binding.is_top
                && binding.container.is_none()
                && binding.container_name.is_none()
                && if is_default && binding.name.is_empty() {
                    binding.kind == BindingKind::Alias
                } else {
                    file.name_of(binding) == item
                }
        });
        // What the module defines goes before what it brings from elsewhere.
        let mut candidates: Vec<_> = candidates.collect();
        candidates.sort_by_key(|(_, binding)| matches!(binding.kind, BindingKind::Import(_)));
        for (idx, binding) in candidates {
            let targets = match binding.kind {
                BindingKind::Import(import) => match file.bindings.imports.get(import as usize) {
                    Some(import) => self.import(file, import, depth + 1)?,
                    None => Vec::new(),
                },
                _ => self.binding(file, idx, depth + 1)?,
            };
            if !targets.is_empty() {
                return Ok(by_import(targets));
            }
        }
        for import in
            file.bindings.wildcards.iter().filter_map(|idx| file.bindings.imports.get(*idx as usize))
        {
            for module in modules::find(self, file, &import.module)? {
                let targets = self.exported(&module, item, depth + 1)?;
                if !targets.is_empty() {
                    return Ok(by_import(targets));
                }
            }
        }
        modules::submodule(self, file, item)
    }

    fn member(&self, file: &Arc<File>, origin: Origin, text: &str, depth: usize) -> Targets {
        let mut found = Vec::new();
        for value in self.values(file, origin, depth + 1)? {
            found.extend(self.member_of(&value, text, depth + 1)?);
            if !found.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// The parameter by which an argument is given.
    fn argument(&self, file: &Arc<File>, callee: NameIdx, text: &str, depth: usize) -> Targets {
        for target in self.name(file, callee, depth + 1)? {
            let What::Binding(at, idx) = &target.what else { continue };
            let Some(binding) = at.bindings.binding(*idx) else { continue };
            let mut functions = vec![(Arc::clone(at), *idx)];
            if binding.kind == BindingKind::Type {
                let value = Value::Instance(Arc::clone(at), *idx);
                for made in self.member_of(&value, "__init__", depth + 1)? {
                    if let What::Binding(at, idx) = made.what {
                        functions.push((at, idx));
                    }
                }
                // Fields of a class that is made by naming them.
                let fields = self.member_of(&value, text, depth + 1)?;
                let parameter = functions.iter().find_map(|(at, idx)| parameter(at, *idx, text));
                match parameter {
                    Some(parameter) => return Ok(vec![parameter]),
                    None if !fields.is_empty() => return Ok(fields),
                    None => continue,
                }
            }
            if let Some(found) = functions.iter().find_map(|(at, idx)| parameter(at, *idx, text)) {
                return Ok(vec![found]);
            }
        }
        Ok(Vec::new())
    }

    /// A name that no scope of its file binds.
    fn free(&self, file: &Arc<File>, offset: usize, text: &str, depth: usize) -> Targets {
        // Within a method that is written outside of its type, members of the type are in scope.
        let method = file.bindings.around(offset).and_then(|idx| file.bindings.binding(idx));
        let named = method.and_then(|method| method.container_name);
        if let Some(named) = named {
            for value in self.values(file, Origin::Instance(named), depth + 1)? {
                let found = self.member_of(&value, text, depth + 1)?;
                if !found.is_empty() {
                    return Ok(found);
                }
            }
        }
        for import in
            file.bindings.wildcards.iter().filter_map(|idx| file.bindings.imports.get(*idx as usize))
        {
            if import.is_reexport {
                continue;
            }
            for module in modules::find(self, file, &import.module)? {
                let found = self.exported(&module, text, depth + 1)?;
                if !found.is_empty() {
                    return Ok(found);
                }
            }
        }
        modules::neighbours(self, file, text)
    }
}

fn parameter(file: &Arc<File>, function: BindingIdx, text: &str) -> Option<Target> {
    let mut all = file.bindings.all();
    let (idx, _) = all.find(|(_, binding)| {
        binding.kind == BindingKind::Parameter
            && binding.container == Some(function)
            && file.name_of(binding) == text
    })?;
    Some(Target { what: What::Binding(Arc::clone(file), idx), how: How::Receiver })
}
