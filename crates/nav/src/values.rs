//! What a value is, as far as code says, and the members it has.

use crate::code::{CodeError, Defined, File};
use crate::definition::{How, Resolver, Target, Targets, What};
use crate::modules::Module;
use std::sync::Arc;
use syntax::{BindingIdx, BindingKind, NameIdx, Origin};

/// How many supertypes of one type are looked at.
pub(crate) const N_SUPERTYPES_MAX: usize = 32;

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// An instance of a type.
    Instance(Arc<File>, BindingIdx),
    /// A type, a function or another thing itself.
    Itself(Arc<File>, BindingIdx),
    /// A module.
    Module(Module),
}

impl Resolver<'_> {
    /// What a value can be.
    pub(crate) fn values(
        &self,
        file: &Arc<File>,
        origin: Origin,
        depth: usize,
    ) -> Result<Vec<Value>, CodeError> {
        if !self.step(depth) {
            return Ok(Vec::new());
        }
        match origin {
            Origin::Unknown => Ok(Vec::new()),
            Origin::This(owner) => Ok(vec![Value::Instance(Arc::clone(file), owner)]),
            Origin::Super(owner) => self.supertypes(file, owner, depth + 1),
            Origin::Instance(name) => self.instances(file, name, depth),
            Origin::Same(name) => self.same(file, name, depth),
            Origin::Call(name) => self.called(file, name, depth),
        }
    }

    fn instances(&self, file: &Arc<File>, name: NameIdx, depth: usize) -> Result<Vec<Value>, CodeError> {
        let mut values = Vec::new();
        for target in self.name(file, name, depth + 1)? {
            let What::Binding(at, idx) = target.what else { continue };
            let Some(binding) = at.bindings.binding(idx) else { continue };
            match binding.kind {
                BindingKind::Type => values.push(Value::Instance(at, idx)),
                // `new f()` of a function that is a constructor; a type variable bound to a value.
                BindingKind::Function | BindingKind::Variable => values.push(Value::Itself(at, idx)),
                _ => {}
            }
        }
        Ok(values)
    }

    fn same(&self, file: &Arc<File>, name: NameIdx, depth: usize) -> Result<Vec<Value>, CodeError> {
        let mut values = Vec::new();
        for target in self.name(file, name, depth + 1)? {
            match target.what {
                What::Module(module) => values.push(Value::Module(module)),
                What::Binding(at, idx) => {
                    let Some(binding) = at.bindings.binding(idx) else { continue };
                    let origin = binding.origin;
                    values.push(Value::Itself(Arc::clone(&at), idx));
                    if binding.kind != BindingKind::Type {
                        values.extend(self.value_of(&at, idx, origin, depth + 1)?);
                    }
                }
            }
        }
        Ok(values)
    }

    fn called(&self, file: &Arc<File>, name: NameIdx, depth: usize) -> Result<Vec<Value>, CodeError> {
        let mut values = Vec::new();
        for target in self.name(file, name, depth + 1)? {
            let What::Binding(at, idx) = target.what else { continue };
            let Some(binding) = at.bindings.binding(idx) else { continue };
            match binding.kind {
                BindingKind::Type => values.push(Value::Instance(at, idx)),
                BindingKind::Function => {
                    let origin = binding.origin;
                    values.extend(self.value_of(&at, idx, origin, depth + 1)?);
                }
                // A variable that holds a type: `cls()`.
                _ => {
                    for value in self.value_of(&at, idx, binding.origin, depth + 1)? {
                        if let Value::Itself(at, idx) | Value::Instance(at, idx) = value
                            && at
                                .bindings
                                .binding(idx)
                                .is_some_and(|binding| binding.kind == BindingKind::Type)
                        {
                            values.push(Value::Instance(at, idx));
                        }
                    }
                }
            }
        }
        Ok(values)
    }

    /// What a binding is by where its value comes from; nothing where that leads back to itself.
    fn value_of(
        &self,
        file: &Arc<File>,
        idx: BindingIdx,
        origin: Origin,
        depth: usize,
    ) -> Result<Vec<Value>, CodeError> {
        let key = (Arc::as_ptr(file).addr(), idx);
        if self.open_values.borrow().contains(&key) {
            return Ok(Vec::new());
        }
        self.open_values.borrow_mut().push(key);
        let values = self.values(file, origin, depth);
        self.open_values.borrow_mut().pop();
        values
    }

    /// Instances of what a type extends.
    pub(crate) fn supertypes(
        &self,
        file: &Arc<File>,
        owner: BindingIdx,
        depth: usize,
    ) -> Result<Vec<Value>, CodeError> {
        let Some(binding) = file.bindings.binding(owner) else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for name in binding.supertypes.iter().take(N_SUPERTYPES_MAX) {
            for target in self.name(file, *name, depth + 1)? {
                if let What::Binding(at, idx) = target.what
                    && !(Arc::ptr_eq(&at, file) && idx == owner)
                {
                    values.push(Value::Instance(at, idx));
                }
            }
        }
        Ok(values)
    }

    /// The members of a value by a name.
    pub(crate) fn member_of(&self, value: &Value, text: &str, depth: usize) -> Targets {
        if !self.step(depth) {
            return Ok(Vec::new());
        }
        let (file, owner) = match value {
            Value::Module(module) => return self.exported(module, text, depth + 1),
            Value::Instance(file, owner) | Value::Itself(file, owner) => (file, *owner),
        };
        let direct = file.bindings.all().filter(|(_, binding)| {
            binding.container == Some(owner)
                && binding.kind != BindingKind::Parameter
                && file.name_of(binding) == text
        });
        let direct: Vec<Target> = direct
            .map(|(idx, _)| Target { what: What::Binding(Arc::clone(file), idx), how: How::Receiver })
            .take(8)
            .collect();
        if !direct.is_empty() {
            return Ok(direct);
        }
        let elsewhere = self.member_elsewhere(file, owner, text)?;
        if !elsewhere.is_empty() {
            return Ok(elsewhere);
        }
        let key = (Arc::as_ptr(file).addr(), owner);
        if self.open_types.borrow().contains(&key) {
            return Ok(Vec::new());
        }
        self.open_types.borrow_mut().push(key);
        let inherited = self.inherited(file, owner, text, depth + 1);
        self.open_types.borrow_mut().pop();
        inherited
    }

    /// The members that a type has of what it extends.
    fn inherited(&self, file: &Arc<File>, owner: BindingIdx, text: &str, depth: usize) -> Targets {
        for supertype in self.supertypes(file, owner, depth)? {
            let found = self.member_of(&supertype, text, depth)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Members of a type that are written in other files: methods in Go, `impl` blocks, partial and reopened classes.
    fn member_elsewhere(&self, file: &Arc<File>, owner: BindingIdx, text: &str) -> Targets {
        let Some(binding) = file.bindings.binding(owner) else { return Ok(Vec::new()) };
        let has_parts = ["Go", "Rust", "C#", "C++", "Ruby", "Swift", "Kotlin"];
        if binding.kind != BindingKind::Type
            || !syntax::language_name(file.language).is_some_and(|name| has_parts.contains(&name))
        {
            return Ok(Vec::new());
        }
        let name = file.name_of(binding);
        let belongs = |defined: &Defined| {
            let last = defined.container.rsplit([':', '.', '#']).next().unwrap_or_default();
            last == name && defined.language == file.language
        };
        let mut found = Vec::new();
        let mut defined: Vec<_> = self.code.defined(text)?.into_iter().filter(belongs).collect();
        let folder = crate::modules::folder_of(&file.path);
        defined.sort_by_key(|one| crate::modules::folder_of(&one.path) != folder);
        for one in defined.into_iter().take(8) {
            if let Some(target) = self.target_at(&one, How::Receiver)? {
                found.push(target);
            }
        }
        Ok(found)
    }

    /// The binding that the index knows at a place.
    pub(crate) fn target_at(&self, defined: &Defined, how: How) -> Result<Option<Target>, CodeError> {
        let Some(file) = self.file(&defined.path)? else { return Ok(None) };
        let Some(line) = file.line(defined.line as usize) else { return Ok(None) };
        let start = line.start + defined.in_line.start;
        let found = file.bindings.all().find(|(_, binding)| binding.name.start == start).map(|(idx, _)| idx);
        Ok(found.map(|idx| Target { what: What::Binding(file, idx), how }))
    }
}
