//! From a declaration without a body, as headers of C and its kin have them, to the function that it declares.

use crate::by_name::{family, n_shared};
use crate::code::{CodeError, Defined, File};
use crate::definition::{Resolver, Target, Targets, What};
use model::SymbolKind;
use std::cmp::Reverse;
use std::sync::Arc;
use syntax::{Binding, BindingIdx, BindingKind, NameIdx};

/// How many definitions of one declaration are told: of several, each is for some platform or configuration.
const N_BODIES_MAX: usize = 5;

impl Resolver<'_> {
    /// What a name of a file means, a function's body before what only declares it.
    pub(crate) fn meaning(&self, file: &Arc<File>, idx: NameIdx) -> Targets {
        let mut found = Vec::new();
        for target in self.name(file, idx, 0)? {
            if let What::Binding(at, binding) = &target.what
                && is_prototype(at, *binding)
            {
                let bodies = self.bodies(at, *binding)?;
                found.extend(bodies.into_iter().map(|what| Target { what, how: target.how }));
            }
            found.push(target);
        }
        Ok(found)
    }

    /// The definitions of what is declared at a place, those first that stand nearest to it. Asked once for each declaration.
    fn bodies(&self, file: &Arc<File>, idx: BindingIdx) -> Result<Vec<What>, CodeError> {
        let key = (file.path.clone(), idx);
        if let Some(known) = self.bodies.borrow().get(&key) {
            return Ok(known.clone());
        }
        let mut found = Vec::new();
        if let Some(binding) = file.bindings.binding(idx) {
            let owner = binding.container.and_then(|owner| file.bindings.binding(owner));
            let owner =
                owner.filter(|owner| owner.kind == BindingKind::Type).map(|owner| file.name_of(owner));
            let mut defined = self.code.defined(file.name_of(binding))?;
            defined.retain(|one| is_body_of(one, owner));
            defined.sort_by_cached_key(|one| {
                (Reverse(n_shared(&one.path, &file.path)), one.path.clone(), one.line)
            });
            for one in defined.iter().take(N_BODIES_MAX) {
                let Some(there) = self.file(&one.path)? else { continue };
                let at = there.line(one.line as usize).map(|line| line.start + one.in_line.start);
                let body = there.bindings.all().find(|(_, binding)| Some(binding.name.start) == at);
                if let Some((body, _)) = body.filter(|(body, binding)| {
                    !is_prototype(&there, *body) && (there.path == file.path || !is_static(&there, binding))
                }) {
                    found.push(What::Binding(Arc::clone(&there), body));
                }
            }
        }
        self.bodies.borrow_mut().insert(key, found.clone());
        Ok(found)
    }
}

fn is_body_of(one: &Defined, owner: Option<&str>) -> bool {
    let is_function = matches!(one.kind, SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor);
    let is_owned = owner.is_none_or(|owner| one.container.rsplit("::").next() == Some(owner));
    is_function && is_owned && family(one.language) == "c"
}

/// Whether no other file can name a function.
fn is_static(file: &File, binding: &Binding) -> bool {
    let line = file.line(file.line_of(binding.name.start)).map_or(binding.name.start, |line| line.start);
    let before = file.slice(&(binding.extent.start.min(line)..binding.name.start));
    binding.container.is_none() && before.split(|c: char| !c.is_alphanumeric()).any(|word| word == "static")
}

/// Whether a function is only declared here. What returns a pointer is a variable to the grammar's eye.
fn is_prototype(file: &File, idx: BindingIdx) -> bool {
    let is_callable = |binding: &&Binding| {
        matches!(binding.kind, BindingKind::Function | BindingKind::Variable | BindingKind::Field)
    };
    let binding = file.bindings.binding(idx).filter(is_callable);
    family(file.language) == "c"
        && binding.is_some_and(|binding| {
            let after = file.slice(&(binding.name.end..binding.extent.end));
            after.trim_start().starts_with('(') && !after.contains('{')
        })
}
