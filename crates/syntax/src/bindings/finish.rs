//! Resolves what a walk met: every binding is known now.

use super::rules::Scope;
use super::walk::{Means, Met, Source, Walk};
use super::{BindingIdx, BindingKind, Bindings, Meaning, Name, NameIdx, Origin};
use std::collections::HashMap;

/// How many scopes are looked through around a name.
const SCOPES_MAX: usize = 1_000;

/// The bindings of one name, by scope.
type ByName<'a> = HashMap<(u32, &'a str), Vec<BindingIdx>>;

/// Turns what was met into what is told.
pub(super) fn finish(mut walk: Walk<'_, '_>) -> Bindings {
    walk.names.sort_by_key(|name| (name.range.start, name.range.end));
    walk.names.dedup_by(|next, kept| next.range.start < kept.range.end);
    let starts: Vec<usize> = walk.names.iter().map(|name| name.range.start).collect();
    let name_at = |at: usize| starts.binary_search(&at).ok().map(|place| NameIdx(place as u32));
    let mut by_name = ByName::new();
    for (place, (binding, placed)) in walk.bindings.iter().zip(&walk.placed).enumerate() {
        if placed.is_lexical
            && let Some(text) = walk.text.get(binding.name.clone())
        {
            by_name.entry((placed.scope, text)).or_default().push(BindingIdx(place as u32));
        }
    }
    let origin = |source: Source| match source {
        Source::Unknown => Origin::Unknown,
        Source::Instance(at) => name_at(at).map_or(Origin::Unknown, Origin::Instance),
        Source::Same(at) => name_at(at).map_or(Origin::Unknown, Origin::Same),
        Source::Call(at) => name_at(at).map_or(Origin::Unknown, Origin::Call),
        Source::This(owner) => Origin::This(owner),
        Source::Super(owner) => Origin::Super(owner),
    };
    let meaning = |met: &Met| match met.means {
        Means::Bound(binding) => Meaning::Bound(binding),
        Means::Member(source) => Meaning::Member(origin(source)),
        Means::Argument(at) => name_at(at).map_or(Meaning::Free, Meaning::Argument),
        Means::In(scope) => look_up(&walk, &by_name, scope, met).map_or(Meaning::Free, Meaning::Bound),
    };
    let names: Vec<Name> = walk
        .names
        .iter()
        .map(|met| Name {
            range: met.range.clone(),
            meaning: meaning(met),
            is_definition: met.is_definition,
            is_call: walk.calls.contains(&met.range.start),
        })
        .collect();
    let mut bindings = walk.bindings;
    for (binding, placed) in bindings.iter_mut().zip(&walk.placed) {
        binding.origin = origin(placed.source);
        binding.supertypes = placed.supertypes.iter().filter_map(|at| name_at(*at)).collect();
        binding.container_name = placed.container_name.and_then(name_at);
    }
    own_members(&mut bindings, &names);
    for (at, supertype) in &walk.implemented {
        if let (Some(at), Some(supertype)) = (name_at(*at), name_at(*supertype))
            && let Some(Meaning::Bound(owner)) = names.get(at.0 as usize).map(|name| name.meaning)
            && let Some(binding) = bindings.get_mut(owner.0 as usize)
        {
            binding.supertypes.push(supertype);
        }
    }
    Bindings { names, bindings, imports: walk.imports, wildcards: walk.wildcards }
}

/// Members of a type that is named and bound in this text belong to it.
fn own_members(bindings: &mut [super::Binding], names: &[Name]) {
    for place in 0..bindings.len() {
        let Some(named) = bindings[place].container_name else { continue };
        let Some(Meaning::Bound(owner)) = names.get(named.0 as usize).map(|name| name.meaning) else {
            continue;
        };
        let is_owner = |kind| !matches!(kind, BindingKind::Import(_) | BindingKind::Parameter);
        if bindings.get(owner.0 as usize).is_some_and(|owner| is_owner(owner.kind))
            && owner.0 as usize != place
        {
            bindings[place].container = Some(owner);
        }
    }
}

/// What binds a name, from its scope outwards.
fn look_up(walk: &Walk<'_, '_>, by_name: &ByName<'_>, scope: u32, met: &Met) -> Option<BindingIdx> {
    let text = walk.text.get(met.range.clone())?;
    let mut fallback = None;
    let mut next = Some(scope);
    for _ in 0..SCOPES_MAX {
        let here = next?;
        let row = walk.scopes.get(here as usize)?;
        let is_open =
            row.kind != Scope::Type || walk.rules.members_in_scope || here == scope || !walk.rules.rebinds;
        if is_open && let Some(found) = by_name.get(&(here, text)) {
            let holds = |binding: &&BindingIdx| {
                walk.placed.get(binding.0 as usize).is_some_and(|placed| placed.from <= met.range.start)
            };
            if let Some(binding) =
                found.iter().rev().filter(|binding| !is_hoisted(walk, **binding)).find(holds)
            {
                return Some(*binding);
            }
            if let Some(binding) = found.iter().find(|binding| is_hoisted(walk, **binding)) {
                return Some(*binding);
            }
            fallback = fallback.or(found.first().copied());
        }
        next = row.parent;
        if next.is_none() {
            return fallback;
        }
    }
    fallback
}

fn is_hoisted(walk: &Walk<'_, '_>, binding: BindingIdx) -> bool {
    walk.placed.get(binding.0 as usize).is_some_and(|placed| placed.from == 0)
}
