//! Fields are answered in the order in which they are asked.
//!
//! The executor resolves the fields of a union, and the outermost ones, at once and writes them as they are ready. The order would depend on what
//! else the machine does, and, where a look-up is served from memory, on what others asked before.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container_serial;
use async_graphql::{ContainerType, ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value};
use std::borrow::Cow;

/// A union, its fields resolved one after the other.
pub(crate) struct Ordered<T>(pub(crate) T);

impl<T: ContainerType> OutputType for Ordered<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container_serial(context, &self.0).await
    }
}

/// Puts the outermost fields of an answer into the order in which they were asked: the executor resolves them at once.
pub(crate) fn outermost(document: &ExecutableDocument, operation: Option<&str>, data: Value) -> Value {
    let Value::Object(mut fields) = data else { return data };
    let mut keys = Vec::new();
    let asked = document.operations.iter().filter(|(name, _)| match (name, operation) {
        (Some(name), Some(asked)) => name.as_str() == asked,
        _ => true,
    });
    for (_, operation) in asked {
        response_keys(document, &operation.node.selection_set.node, 0, &mut keys);
    }
    let mut ordered = IndexMap::with_capacity(fields.len());
    for key in keys {
        if let Some((key, value)) = fields.swap_remove_entry(&key) {
            ordered.insert(key, value);
        }
    }
    ordered.extend(fields);
    Value::Object(ordered)
}

/// How deep fragments within fragments are followed: the executor has refused deeper ones.
const FRAGMENTS_MAX: usize = 32;

fn response_keys(document: &ExecutableDocument, set: &SelectionSet, depth: usize, keys: &mut Vec<Name>) {
    if depth > FRAGMENTS_MAX {
        return;
    }
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                if !keys.contains(key) {
                    keys.push(key.clone());
                }
            }
            Selection::InlineFragment(fragment) => {
                response_keys(document, &fragment.node.selection_set.node, depth + 1, keys);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    response_keys(document, &fragment.node.selection_set.node, depth + 1, keys);
                }
            }
        }
    }
}
