//! From the bytes of a request to the bytes of its answer.

use crate::nesting;
use crate::ordered::outermost;
use crate::root::Root;
use async_graphql::{EmptyMutation, EmptySubscription, Request, Response, Schema, ServerError, Variables};
use compat::Backend;
use serde::Deserialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

/// What one document may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep brackets of any kind may be nested.
    pub nesting_max: usize,
    /// How deep fields may be nested. Introspection by common tools needs 15.
    pub depth_max: usize,
    /// How many fields may be asked for, a list's fields counted once. Introspection by common tools needs 200.
    pub fields_max: usize,
    /// How many searches one document may run, whatever their aliases.
    pub searches_max: usize,
    /// How many repositories, commits, folders and files one document may look up, those of results counted.
    pub lookups_max: usize,
    /// How many bytes of files one document may return.
    pub content_bytes_max: usize,
}

impl Limits {
    /// The limits of the product.
    pub const DEFAULT: Limits = Limits {
        nesting_max: 40,
        depth_max: 20,
        fields_max: 600,
        searches_max: 3,
        lookups_max: 11_000,
        content_bytes_max: 64 << 20,
    };
}

/// Why a request has no answer in GraphQL's own form.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It is not JSON, or not of the form of a request.
    #[error("the body must be {{\"query\": …, \"variables\": …}} in JSON: {source}")]
    NotARequest {
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The answer cannot be written.
    #[error("the answer cannot be written: {source}")]
    NotWritten {
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// What a client sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    query: String,
    #[serde(default)]
    variables: Option<serde_json::Value>,
    #[serde(default)]
    operation_name: Option<String>,
}

static SCHEMA: LazyLock<Schema<Root, EmptyMutation, EmptySubscription>> = LazyLock::new(|| {
    Schema::build(Root, EmptyMutation, EmptySubscription)
        .limit_depth(Limits::DEFAULT.depth_max)
        .limit_complexity(Limits::DEFAULT.fields_max)
        .limit_recursive_depth(24)
        .limit_directives(8)
        .finish()
});

/// Answers a request, for the caller that the backend is.
pub async fn execute(backend: Arc<dyn Backend>, body: &[u8]) -> Result<Vec<u8>, RequestError> {
    let asked: Asked = serde_json::from_slice(body).map_err(|source| RequestError::NotARequest { source })?;
    let variables = asked.variables.filter(|variables| !variables.is_null());
    let mut request = Request::new(asked.query)
        .variables(variables.map_or_else(Variables::default, Variables::from_json))
        .data(backend)
        .data(Budget::new(Limits::DEFAULT));
    if let Some(name) = asked.operation_name.filter(|name| !name.is_empty()) {
        request = request.operation_name(name);
    }
    if nesting::depth(&request.query) > Limits::DEFAULT.nesting_max {
        let message = format!("the document is nested deeper than {} levels", Limits::DEFAULT.nesting_max);
        let refused = Response::from_errors(vec![ServerError::new(message, None)]);
        return serde_json::to_vec(&refused).map_err(|source| RequestError::NotWritten { source });
    }
    // A document that is none is refused by the executor, with its place.
    let document = async_graphql::parser::parse_query(&request.query).ok();
    let operation = request.operation_name.clone();
    let mut response = SCHEMA.execute(request).await;
    if let Some(document) = document {
        response.data = outermost(&document, operation.as_deref(), response.data);
    }
    serde_json::to_vec(&response).map_err(|source| RequestError::NotWritten { source })
}

/// What is left of one document's limits.
pub(crate) struct Budget {
    searches: AtomicUsize,
    lookups: AtomicUsize,
    content_bytes: AtomicUsize,
}

impl Budget {
    fn new(limits: Limits) -> Self {
        Budget {
            searches: AtomicUsize::new(limits.searches_max),
            lookups: AtomicUsize::new(limits.lookups_max),
            content_bytes: AtomicUsize::new(limits.content_bytes_max),
        }
    }

    /// Takes one search.
    pub(crate) fn search(&self) -> async_graphql::Result<()> {
        take(&self.searches, 1, "one request may hold 3 searches: send several requests")
    }

    /// Takes one look-up.
    pub(crate) fn lookup(&self) -> async_graphql::Result<()> {
        take(&self.lookups, 1, "one request may look up 11,000 things: ask for fewer results with count:")
    }

    /// Takes some of a file.
    pub(crate) fn content(&self, n_bytes: usize) -> async_graphql::Result<()> {
        take(
            &self.content_bytes,
            n_bytes,
            "one request may return 64 MiB of files: ask for fewer results with count:, or without content",
        )
    }
}

fn take(left: &AtomicUsize, amount: usize, otherwise: &'static str) -> async_graphql::Result<()> {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount));
    taken.map(|_| ()).map_err(|_| async_graphql::Error::new(otherwise))
}
