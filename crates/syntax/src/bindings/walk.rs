//! One walk over a syntax tree that opens scopes, binds names and notes all others. No recursion: hostile nesting is as deep
//! as the text is long.

use super::languages::{self, Table};
use super::rules::{Rules, Scope, Where};
use super::{Binding, BindingIdx, BindingKind, BindingLimits, Bindings, Import, finish};
use crate::symbols::{SymbolError, SymbolLimits, parse_text};
use model::{ByteRange, Language, SymbolKind};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::Instant;
use tree_sitter::Node;

/// How deep scopes and names are looked for.
const DEPTH_MAX: usize = 1_000;
/// Most names that one pattern binds.
pub(super) const PATTERN_NAMES_MAX: usize = 200;

/// What a rule of its own says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The table goes on.
    Go,
    /// All is said of the node; what it holds is visited.
    Enter,
    /// All is said of the node and what it holds.
    Skip,
}

/// Like [`super::Origin`], names given by where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Unknown,
    Instance(usize),
    Same(usize),
    Call(usize),
    This(BindingIdx),
    Super(BindingIdx),
}

/// A name before it is resolved.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) range: ByteRange,
    pub(super) means: Means,
    pub(super) is_definition: bool,
}

/// What is known of a name when it is met.
#[derive(Clone, Copy, Debug)]
pub(super) enum Means {
    Bound(BindingIdx),
    Member(Source),
    Argument(usize),
    /// Whatever binds it in this scope or around it.
    In(u32),
}

/// A scope.
#[derive(Debug)]
pub(super) struct ScopeRow {
    pub(super) parent: Option<u32>,
    pub(super) kind: Scope,
    /// The function or type whose scope it is.
    pub(super) owner: Option<BindingIdx>,
    /// The name of the type whose members are in it, where that is defined elsewhere.
    pub(super) owner_name: Option<usize>,
}

/// How a binding is found by its name.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) scope: u32,
    /// The byte from which on it holds.
    pub(super) from: usize,
    /// Whether a bare name finds it.
    pub(super) is_lexical: bool,
    pub(super) source: Source,
    pub(super) container_name: Option<usize>,
    pub(super) supertypes: Vec<usize>,
}

/// The state of one walk.
pub(super) struct Walk<'a, 't> {
    pub(super) rules: &'static Rules,
    pub(super) table: &'static Table,
    pub(super) text: &'a str,
    limits: &'a BindingLimits<'a>,
    pub(super) names: Vec<Met>,
    pub(super) bindings: Vec<Binding>,
    pub(super) placed: Vec<Placed>,
    pub(super) imports: Vec<Import>,
    pub(super) wildcards: Vec<u32>,
    pub(super) scopes: Vec<ScopeRow>,
    pub(super) open: Vec<(usize, u32)>,
    pub(super) known: HashMap<usize, (Means, bool)>,
    pub(super) calls: HashSet<usize>,
    pub(super) owners: HashMap<usize, BindingIdx>,
    pub(super) owner_names: HashMap<usize, usize>,
    pub(super) shared: HashSet<usize>,
    /// Types and what they implement, said where neither is defined.
    pub(super) implemented: Vec<(usize, usize)>,
    /// Bindings by scope and name, for languages that bind by assigning.
    pub(super) by_name: HashMap<(u32, String), BindingIdx>,
    tree: std::marker::PhantomData<Node<'t>>,
}

/// Reads a text.
pub(super) fn read(
    language: Language,
    text: &str,
    limits: &BindingLimits<'_>,
) -> Result<Bindings, SymbolError> {
    let Some(table) = languages::table_of(language) else {
        return Err(SymbolError::Unsupported { language });
    };
    check(limits)?;
    let tree = parse_text(language, text, &mut || check(limits))?;
    let mut walk = Walk {
        rules: table.rules,
        table,
        text,
        limits,
        names: Vec::new(),
        bindings: Vec::new(),
        placed: Vec::new(),
        imports: Vec::new(),
        wildcards: Vec::new(),
        scopes: vec![ScopeRow { parent: None, kind: Scope::Module, owner: None, owner_name: None }],
        open: Vec::new(),
        known: HashMap::new(),
        calls: HashSet::new(),
        owners: HashMap::new(),
        owner_names: HashMap::new(),
        shared: HashSet::new(),
        implemented: Vec::new(),
        by_name: HashMap::new(),
        tree: std::marker::PhantomData,
    };
    if let Some(before) = table.rules.before {
        before(&mut walk);
    }
    walk.run(&tree)?;
    if !languages::has_rules(language) {
        walk.bind_symbols(language)?;
    }
    Ok(finish::finish(walk))
}

fn check(limits: &BindingLimits<'_>) -> Result<(), SymbolError> {
    if limits.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
        return Err(SymbolError::Cancelled);
    }
    match limits.deadline {
        Some(deadline) if Instant::now() >= deadline => Err(SymbolError::OutOfTime),
        _ => Ok(()),
    }
}

impl<'t> Walk<'_, 't> {
    pub(super) fn run(&mut self, tree: &'t tree_sitter::Tree) -> Result<(), SymbolError> {
        let mut cursor = tree.walk();
        let (mut depth, mut n_steps) = (0_usize, 0_usize);
        loop {
            n_steps += 1;
            if n_steps.is_multiple_of(8192) {
                check(self.limits)?;
            }
            let goes_in = self.visit(cursor.node(), depth)?;
            if goes_in && depth < DEPTH_MAX && cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            self.leave(depth);
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return Ok(());
                }
                depth -= 1;
                self.leave(depth);
            }
        }
    }

    /// Where nothing is known of scopes, what the text defines is bound at its top.
    pub(super) fn bind_symbols(&mut self, language: Language) -> Result<(), SymbolError> {
        let limits = SymbolLimits {
            size_bytes_max: self.limits.size_bytes_max,
            deadline: self.limits.deadline,
            cancel: self.limits.cancel,
            ..SymbolLimits::default()
        };
        let mut bound = HashMap::new();
        for symbol in crate::symbols::symbols(language, self.text, &limits)?.symbols {
            let kind = match symbol.kind {
                SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor => BindingKind::Function,
                SymbolKind::Variable | SymbolKind::Constant => BindingKind::Variable,
                SymbolKind::Field | SymbolKind::Property | SymbolKind::Key | SymbolKind::EnumMember => {
                    BindingKind::Field
                }
                SymbolKind::Module | SymbolKind::Namespace | SymbolKind::Package => BindingKind::Module,
                SymbolKind::Macro => BindingKind::Macro,
                _ => BindingKind::Type,
            };
            let binding = Binding {
                name: symbol.name.clone(),
                kind,
                extent: symbol.extent,
                container: None,
                container_name: None,
                is_top: true,
                origin: super::Origin::Unknown,
                supertypes: Vec::new(),
            };
            let placed = Placed {
                scope: 0,
                from: 0,
                is_lexical: true,
                source: Source::Unknown,
                container_name: None,
                supertypes: Vec::new(),
            };
            bound.insert(symbol.name.start, self.push(binding, placed));
        }
        for met in &mut self.names {
            if let Some(binding) = bound.get(&met.range.start) {
                met.means = Means::Bound(*binding);
                met.is_definition = true;
            }
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, depth: usize) {
        while self.open.pop_if(|(at, _)| *at == depth).is_some() {}
    }

    pub(super) fn visit(&mut self, node: Node<'t>, depth: usize) -> Result<bool, SymbolError> {
        let Some(row) = self.table.row(node) else { return Ok(true) };
        if let Some(special) = row.special {
            match special(self, node) {
                Flow::Go => {}
                Flow::Enter => return Ok(true),
                Flow::Skip => return Ok(false),
            }
        }
        if row.is_name {
            return self.meet(node, row.is_member_name).map(|()| false);
        }
        let mut made = None;
        for rule in row.binds.iter().filter(|rule| rule.place != Where::Inside) {
            made = self.bind_by(node, rule).or(made);
        }
        if let Some((object, member)) = row.member {
            self.note_member(node, object, member);
        }
        if let Some(callee) = row.call
            && let Some(at) = field(node, callee).and_then(|callee| self.principal(callee))
        {
            self.calls.insert(at);
        }
        if row.returns
            && let Some(value) = node.named_child(0)
        {
            self.give_back(value);
        }
        if let Some(kind) = row.scope {
            let owner = self.owners.remove(&node.id()).or(made);
            let owner_name = self.owner_names.remove(&node.id());
            // A declarator that shares the scope of its function opens none.
            if !self.shared.remove(&node.id()) {
                self.open_scope(depth, kind, owner, owner_name);
            }
            for rule in row.binds.iter().filter(|rule| rule.place == Where::Inside) {
                self.bind_by(node, rule);
            }
            if kind == Scope::Type
                && let Some(owner) = owner
            {
                self.note_heritage(node, owner);
            }
        }
        Ok(true)
    }

    /// Opens a scope that ends with the node of this depth.
    pub(super) fn open_scope(
        &mut self,
        depth: usize,
        kind: Scope,
        owner: Option<BindingIdx>,
        owner_name: Option<usize>,
    ) {
        let parent = Some(self.scope());
        self.scopes.push(ScopeRow { parent, kind, owner, owner_name });
        self.open.push((depth, self.scopes.len() as u32 - 1));
    }

    /// The members in the scope of this node belong to the type that is named there.
    pub(super) fn own_by_name(&mut self, node: Node<'t>, at: usize) {
        self.owner_names.insert(node.id(), at);
    }

    /// The scope that is open.
    pub(super) fn scope(&self) -> u32 {
        self.open.last().map_or(0, |(_, scope)| *scope)
    }

    pub(super) fn scope_at(&self, place: Where) -> u32 {
        let mut scope = self.scope();
        while let Some(row) = self.scopes.get(scope as usize)
            && match place {
                Where::Function => row.kind == Scope::Block,
                Where::Type => matches!(row.kind, Scope::Block | Scope::Function),
                Where::Outer => row.kind == Scope::Type,
                _ => false,
            }
            && let Some(parent) = row.parent
        {
            scope = parent;
        }
        scope
    }

    /// The scopes from the innermost one outwards.
    pub(super) fn around(&self) -> impl Iterator<Item = &ScopeRow> {
        let mut next = Some(self.scope());
        std::iter::from_fn(move || {
            let row = self.scopes.get(next? as usize)?;
            next = row.parent;
            Some(row)
        })
    }

    /// The type whose members are around, or where its name stands.
    pub(super) fn this(&self) -> Source {
        let found = self.around().find(|row| row.kind == Scope::Type);
        match found {
            Some(ScopeRow { owner: Some(owner), .. }) => Source::This(*owner),
            Some(ScopeRow { owner_name: Some(at), .. }) => Source::Instance(*at),
            _ => Source::Unknown,
        }
    }

    /// The innermost function around.
    pub(super) fn function(&self) -> Option<BindingIdx> {
        self.around().find(|row| row.kind == Scope::Function).and_then(|row| row.owner)
    }

    /// The text of a node.
    pub(super) fn text_of(&self, node: Node<'_>) -> &str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    pub(super) fn meet(&mut self, node: Node<'t>, is_member_name: bool) -> Result<(), SymbolError> {
        let range = node.byte_range();
        if range.is_empty() || self.text.get(range.clone()).is_none() {
            return Ok(());
        }
        if self.names.len() >= self.limits.n_names_max {
            return Err(SymbolError::OutOfTime);
        }
        let scope = self.scope();
        let (means, is_definition) = match self.known.remove(&range.start) {
            Some(known) => known,
            None if is_member_name => (Means::Member(Source::Unknown), false),
            None => (Means::In(scope), false),
        };
        self.names.push(Met { range, means, is_definition });
        Ok(())
    }

    /// Says what the name that begins at a byte means, before it is met.
    pub(super) fn know(&mut self, at: usize, means: Means) {
        self.known.entry(at).or_insert((means, false));
    }

    /// The function or type at this node belongs to a binding.
    pub(super) fn own(&mut self, node: Node<'t>, binding: BindingIdx) {
        self.owners.insert(node.id(), binding);
    }

    /// The word that begins at a byte.
    pub(super) fn name_from(&self, at: usize) -> Option<&str> {
        let rest = self.text.get(at..)?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
        rest.get(..end)
    }

    pub(super) fn push(&mut self, binding: Binding, placed: Placed) -> BindingIdx {
        self.bindings.push(binding);
        self.placed.push(placed);
        BindingIdx(self.bindings.len() as u32 - 1)
    }

    pub(super) fn is_name(&self, node: Node<'_>) -> bool {
        self.table.row(node).is_some_and(|row| row.is_name)
    }

    /// The scope of this node is the one around it.
    pub(super) fn keep_open(&mut self, node: Node<'t>) {
        self.shared.insert(node.id());
    }

    /// A type that is named at one byte implements what is named at another.
    pub(super) fn implements(&mut self, at: usize, supertype: usize) {
        self.implemented.push((at, supertype));
    }

    /// The name at a byte is called.
    pub(super) fn is_called(&mut self, at: usize) {
        self.calls.insert(at);
    }

    /// A leaf that is a name only here.
    pub(super) fn meet_word(&mut self, node: Node<'t>) {
        // A text with too many names is refused at the next ordinary one.
        let _ = self.meet(node, false);
    }

    /// Says by which name an argument is given to what is called.
    pub(super) fn argument(&mut self, name: Node<'t>, callee: usize) {
        self.know(name.start_byte(), Means::Argument(callee));
    }

    /// What a type extends, said from outside of it.
    pub(super) fn extends(&mut self, binding: BindingIdx, at: usize) {
        if let Some(placed) = self.placed.get_mut(binding.0 as usize) {
            placed.supertypes.push(at);
        }
    }
}

/// A field of a node.
pub(super) fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.child_by_field_name(name)
}

/// A field of a node, or its first named child for no name.
pub(super) fn field_or_first<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    if name.is_empty() { node.named_child(0) } else { field(node, name) }
}
