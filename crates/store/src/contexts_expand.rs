//! Looking up the contexts that a query names.

use crate::{Context, ContextName, Fault, Store};
use access::Actor;
use model::AccessSet;
use query::{ContextDefinition, ParseError, Query};
use std::collections::{BTreeSet, HashMap};

/// Contexts stand inside each other at most so deep; the query crate refuses what is deeper.
const N_ROUNDS: usize = 4;
/// Most contexts that are looked up for one query; more are refused as too many anyway.
const N_LOOKUPS_MAX: usize = 64;

impl Store {
    /// Puts what the contexts of a query hold in their places, as far as the caller may know it. The inner error is the
    /// query's fault: a context that is not there, or not for the caller, which is one error.
    ///
    /// SECURITY: nothing that a context holds makes the caller see more; it is evaluated under their own rights.
    pub async fn expand_contexts(
        &self,
        actor: &Actor,
        access: &AccessSet,
        query: Query,
    ) -> Result<Result<Query, ParseError>, Fault> {
        if !query.has_open_contexts() {
            return Ok(Ok(query));
        }
        let mut known: HashMap<String, Option<ContextDefinition>> = HashMap::new();
        let mut wanted = query.context_names();
        for _ in 0..N_ROUNDS {
            let n_left = N_LOOKUPS_MAX.saturating_sub(known.len());
            let unknown = wanted.iter().filter(|name| !known.contains_key(*name)).take(n_left);
            let names: BTreeSet<String> = unknown.cloned().collect();
            if names.is_empty() {
                break;
            }
            for name in names {
                let context = match name.parse::<ContextName>() {
                    Ok(name) => self.context(actor, access, &name).await?,
                    Err(_) => None,
                };
                let inner = context.as_ref().and_then(|context| query::parse_context(&context.query).ok());
                wanted.extend(inner.iter().flat_map(Query::context_names));
                known.insert(name, context.map(definition));
            }
        }
        Ok(query.expand_contexts(&|name| known.get(name).cloned().flatten()))
    }
}

fn definition(context: Context) -> ContextDefinition {
    let listed = context.repositories.into_iter();
    ContextDefinition {
        query: context.query,
        repositories: listed.map(|listed| (listed.name.to_string(), listed.revisions)).collect(),
    }
}
