//! Binding names: variables, members, imports.

use super::rules::{Bind, Scope, Where};
use super::walk::{Means, Met, PATTERN_NAMES_MAX, Placed, Source, Walk, field};
use super::{Binding, BindingIdx, BindingKind, Import};
use model::ByteRange;
use tree_sitter::Node;

impl<'t> Walk<'_, 't> {
    pub(super) fn bind_by(&mut self, node: Node<'t>, rule: &Bind) -> Option<BindingIdx> {
        let mut cursor = node.walk();
        let patterns: Vec<Node<'t>> = match rule.name {
            "" => node.named_children(&mut cursor).filter(|child| self.is_name(*child)).take(1).collect(),
            name => node.children_by_field_name(name, &mut cursor).take(PATTERN_NAMES_MAX).collect(),
        };
        let value = Some(rule.value_field).filter(|name| !name.is_empty()).and_then(|name| field(node, name));
        let written =
            Some(rule.type_field).filter(|name| !name.is_empty()).and_then(|name| field(node, name));
        let mut made = None;
        for pattern in patterns {
            let is_whole = self.is_name(pattern);
            let source = match (written, value) {
                _ if !is_whole && !self.is_declarator(pattern) => Source::Unknown,
                (Some(written), _) => self.type_source(written),
                (None, Some(value)) => self.value_source(value),
                (None, None) => Source::Unknown,
            };
            for name in self.pattern(pattern) {
                let binding = self.bind(name, node, rule.kind, rule.place, source);
                if let Some(value) = value.filter(|_| is_whole)
                    && self.table.row(value).is_some_and(|row| row.scope == Some(Scope::Function))
                {
                    self.owners.insert(value.id(), binding);
                    self.becomes_function(binding);
                }
                if let Some(written) = written {
                    self.own_shape(written, binding);
                }
                made = made.or(Some(binding));
            }
        }
        made
    }

    /// The members of a type that is written out where it is used belong to what is of that type.
    pub(super) fn own_shape(&mut self, written: Node<'t>, binding: BindingIdx) {
        let inner = if written.kind() == "type_annotation" { written.named_child(0) } else { Some(written) };
        if let Some(shape) = inner
            && self.table.row(shape).is_some_and(|row| row.scope == Some(Scope::Type))
        {
            self.owners.insert(shape.id(), binding);
        }
    }

    /// The name of a module in a string: it means the module.
    pub(super) fn module_in(&mut self, string: Node<'t>, module: &str) {
        let range = string.byte_range();
        if module.is_empty() {
            return;
        }
        let binding = self.module_binding(
            range.clone(),
            Import { module: module.to_owned(), item: None, is_reexport: false },
        );
        self.names.push(Met { range, means: Means::Bound(binding), is_definition: false });
    }

    /// A variable whose value is a function is one.
    pub(super) fn becomes_function(&mut self, binding: BindingIdx) {
        if let Some(row) = self.bindings.get_mut(binding.0 as usize) {
            row.kind = BindingKind::Function;
        }
    }

    /// Binds a name.
    pub(super) fn bind(
        &mut self,
        name: Node<'t>,
        whole: Node<'t>,
        kind: BindingKind,
        place: Where,
        source: Source,
    ) -> BindingIdx {
        let scope = self.scope_at(place);
        let range = name.byte_range();
        let key = (scope, self.text_of(name).to_owned());
        if self.rules.rebinds
            && matches!(kind, BindingKind::Variable | BindingKind::Field)
            && let Some(known) = self.by_name.get(&key)
        {
            self.known.entry(range.start).or_insert((Means::Bound(*known), false));
            if let Some(placed) = self.placed.get_mut(known.0 as usize)
                && placed.source == Source::Unknown
            {
                placed.source = source;
            }
            return *known;
        }
        let row = &self.scopes[scope as usize];
        let container = match row.kind {
            Scope::Type | Scope::Module => row.owner,
            Scope::Function if kind == BindingKind::Parameter => row.owner,
            _ => None,
        };
        let container_name = row.owner_name.filter(|_| row.kind == Scope::Type);
        let is_top = match (row.kind, row.owner) {
            (Scope::Module, None) => true,
            (Scope::Module | Scope::Type, Some(owner)) => {
                self.bindings.get(owner.0 as usize).is_some_and(|owner| owner.is_top)
            }
            (Scope::Type, None) => true,
            _ => false,
        };
        let kind = match (row.kind, kind) {
            (Scope::Type, BindingKind::Variable) => BindingKind::Field,
            (_, kind) => kind,
        };
        // A constructor is called by the name of its type, which is what that name means.
        let is_constructor = row.kind == Scope::Type
            && kind == BindingKind::Function
            && row
                .owner
                .and_then(|owner| self.bindings.get(owner.0 as usize))
                .is_some_and(|owner| self.text.get(owner.name.clone()) == Some(key.1.as_str()));
        let is_lexical = row.kind != Scope::Type
            || (self.rules.members_in_scope && !is_constructor)
            || matches!(kind, BindingKind::Type)
            || self.rules.rebinds;
        let from = match place {
            Where::After => whole.end_byte(),
            Where::From(at) => at,
            _ => 0,
        };
        let binding = self.push(
            Binding {
                name: range.clone(),
                kind,
                extent: whole.byte_range(),
                container,
                container_name: None,
                is_top,
                origin: super::Origin::Unknown,
                supertypes: Vec::new(),
            },
            Placed { scope, from, is_lexical, source, container_name, supertypes: Vec::new() },
        );
        self.by_name.insert(key, binding);
        self.known.insert(range.start, (Means::Bound(binding), true));
        binding
    }

    /// Binds a member of a type from outside of its body: `self.x = …`, `Type.prototype.m = …`, a method of Go.
    pub(super) fn bind_member(
        &mut self,
        name: Node<'t>,
        whole: Node<'t>,
        kind: BindingKind,
        of: Source,
        source: Source,
    ) -> Option<BindingIdx> {
        let (container, container_name) = match of {
            Source::This(owner) => (Some(owner), None),
            Source::Instance(at) | Source::Same(at) => (None, Some(at)),
            _ => return None,
        };
        let text = self.text_of(name);
        let known = self
            .all_members(container, container_name)
            .find(|row| self.text.get(row.1.name.clone()) == Some(text));
        if let Some(known) = known.map(|(idx, _)| idx) {
            self.known.insert(name.start_byte(), (Means::Bound(known), false));
            return Some(known);
        }
        let binding = self.push(
            Binding {
                name: name.byte_range(),
                kind,
                extent: whole.byte_range(),
                container,
                container_name: None,
                is_top: true,
                origin: super::Origin::Unknown,
                supertypes: Vec::new(),
            },
            Placed {
                scope: self.scope(),
                from: 0,
                is_lexical: false,
                source,
                container_name,
                supertypes: Vec::new(),
            },
        );
        self.known.insert(name.start_byte(), (Means::Bound(binding), true));
        Some(binding)
    }

    pub(super) fn all_members(
        &self,
        container: Option<BindingIdx>,
        container_name: Option<usize>,
    ) -> impl Iterator<Item = (BindingIdx, &Binding)> {
        let named = container_name.and_then(|at| self.name_from(at));
        let rows = self.bindings.iter().zip(&self.placed).enumerate();
        rows.filter(move |(_, (row, placed))| match container {
            Some(container) => row.container == Some(container),
            None => placed.container_name.is_some_and(|at| self.name_from(at) == named),
        })
        .map(|(idx, (row, _))| (BindingIdx(idx as u32), row))
    }

    /// Notes an import, and binds its name if it has one here.
    pub(super) fn import(
        &mut self,
        import: Import,
        name: Option<Node<'t>>,
        whole: Node<'t>,
    ) -> Option<BindingIdx> {
        let is_wildcard = name.is_none();
        self.imports.push(import);
        let idx = self.imports.len() as u32 - 1;
        if is_wildcard {
            self.wildcards.push(idx);
        }
        name.map(|name| self.bind(name, whole, BindingKind::Import(idx), Where::Here, Source::Unknown))
    }

    /// Whether the function around is a method: its first parameter is the instance.
    pub(super) fn is_method(&self) -> bool {
        let mut around = self.around();
        let function = around.next().is_some_and(|row| row.kind == Scope::Function && row.owner.is_some());
        function && around.next().is_some_and(|row| row.kind == Scope::Type)
    }

    /// Whether an expression is the first parameter of the method around.
    pub(super) fn is_instance(&self, node: Node<'_>) -> bool {
        let this = self.this();
        let name = self.text_of(node);
        this != Source::Unknown
            && self.bindings.iter().zip(&self.placed).rev().take(PATTERN_NAMES_MAX).any(|(row, placed)| {
                row.kind == BindingKind::Parameter
                    && placed.source == this
                    && self.text.get(row.name.clone()) == Some(name)
            })
    }

    /// A name that is declared to be bound in a scope further out.
    pub(super) fn bind_outside(&mut self, name: Node<'t>, is_global: bool) {
        let here = self.scope_at(Where::Function);
        let text = self.text_of(name).to_owned();
        let mut next = self.scopes.get(here as usize).and_then(|row| row.parent);
        let mut target = None;
        while let Some(scope) = next {
            let found = self.by_name.get(&(scope, text.clone())).copied();
            if found.is_some() && (!is_global || scope == 0) {
                target = found;
                break;
            }
            next = self.scopes.get(scope as usize).and_then(|row| row.parent);
        }
        if let Some(target) = target {
            self.by_name.insert((here, text), target);
        }
    }

    /// What a module exports without a name.
    pub(super) fn default_export(&mut self, whole: Node<'t>, at: usize) {
        let range = whole.byte_range();
        let placed = Placed {
            scope: 0,
            from: 0,
            is_lexical: false,
            source: Source::Same(at),
            container_name: None,
            supertypes: Vec::new(),
        };
        let binding = Binding {
            name: range.start..range.start,
            kind: BindingKind::Alias,
            extent: range,
            container: None,
            container_name: None,
            is_top: true,
            origin: super::Origin::Unknown,
            supertypes: Vec::new(),
        };
        self.push(binding, placed);
    }

    /// A parameter that defines a member of the type around as well.
    pub(super) fn also_member(&mut self, binding: BindingIdx, source: Source) {
        let Source::This(owner) = self.this() else { return };
        let Some(row) = self.bindings.get(binding.0 as usize) else { return };
        let member =
            Binding { kind: BindingKind::Field, container: Some(owner), is_top: true, ..row.clone() };
        let placed = Placed {
            scope: self.scope(),
            from: 0,
            is_lexical: false,
            source,
            container_name: None,
            supertypes: Vec::new(),
        };
        self.push(member, placed);
    }

    /// The name of a module where it is imported from: it means the module.
    pub(super) fn module_at(&mut self, name: Node<'t>, import: Import) {
        let range = name.byte_range();
        let binding = self.module_binding(range.clone(), import);
        self.know(range.start, Means::Bound(binding));
    }

    pub(super) fn module_binding(&mut self, range: ByteRange, import: Import) -> BindingIdx {
        self.imports.push(import);
        let kind = BindingKind::Import(self.imports.len() as u32 - 1);
        let placed = Placed {
            scope: self.scope(),
            from: 0,
            is_lexical: false,
            source: Source::Unknown,
            container_name: None,
            supertypes: Vec::new(),
        };
        let binding = Binding {
            name: range.clone(),
            kind,
            extent: range,
            container: None,
            container_name: None,
            is_top: false,
            origin: super::Origin::Unknown,
            supertypes: Vec::new(),
        };
        self.push(binding, placed)
    }

    /// Binds a variable unless its block has it: `:=` assigns then.
    pub(super) fn bind_unless_here(&mut self, name: Node<'t>, whole: Node<'t>, place: Where, source: Source) {
        let key = (self.scope_at(place), self.text_of(name).to_owned());
        match self.by_name.get(&key).copied() {
            Some(known) => self.know(name.start_byte(), Means::Bound(known)),
            None => {
                self.bind(name, whole, BindingKind::Variable, place, source);
            }
        }
    }

    /// Binds a variable in the type around, wherever in it that is written.
    pub(super) fn bind_in_type(&mut self, name: Node<'t>, whole: Node<'t>, source: Source) {
        self.bind(name, whole, BindingKind::Field, Where::Type, source);
    }

    /// An import whose name is the last part of its path, in a string.
    pub(super) fn import_as_last_part(&mut self, import: Import, string: Node<'t>, whole: Node<'t>) {
        let path = import.module.clone();
        let parts: Vec<&str> = path.split('/').collect();
        // `/v2` is a version, not a name.
        let is_version = |part: &str| {
            part.strip_prefix('v')
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let Some(name) = parts.iter().rev().find(|part| !is_version(part)) else { return };
        let Some(at) = path.rfind(name) else { return };
        self.imports.push(import);
        let kind = BindingKind::Import(self.imports.len() as u32 - 1);
        let start = string.start_byte() + 1 + at;
        let range = start..start + name.len();
        let placed = Placed {
            scope: 0,
            from: 0,
            is_lexical: true,
            source: Source::Unknown,
            container_name: None,
            supertypes: Vec::new(),
        };
        let binding = Binding {
            name: range,
            kind,
            extent: whole.byte_range(),
            container: None,
            container_name: None,
            is_top: false,
            origin: super::Origin::Unknown,
            supertypes: Vec::new(),
        };
        let binding = self.push(binding, placed);
        self.names.push(Met {
            range: string.byte_range(),
            means: Means::Bound(binding),
            is_definition: false,
        });
    }

    /// A file whose text stands in this one, by the path that is written at a range.
    pub(super) fn include(&mut self, module: &str, range: ByteRange) {
        let import = Import { module: module.to_owned(), item: None, is_reexport: false };
        let binding = self.module_binding(range.clone(), import.clone());
        self.names.push(Met { range, means: Means::Bound(binding), is_definition: false });
        self.imports.push(import);
        self.wildcards.push(self.imports.len() as u32 - 1);
    }
}
