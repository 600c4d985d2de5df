//! HTTP, pages, streams: the only crate that knows JSON and HTML.
//!
//! Layer 5. The way of a request: [`Server::router`]'s layers (host check, security headers, limits, request id) → a
//! route of the one table (`routes`) → an extractor that turns a session cookie or a token into an `Actor` and asks the
//! store for the `AccessSet` of this moment (`caller`) → one call into the crate that owns the noun → a template or a
//! JSON shape (`wire`). Pages use the same calls as the API.
//!
//! Invariants: nothing is readable without signing in but what `routes` marks as open; forbidden and unknown are one
//! answer, byte for byte; no page loads anything from another host or runs a script that stands in it; a stream stops
//! when its reader goes away or its permission state is over; no business rule lives here.

mod agents;
mod answer_writer;
mod assets;
mod blame_view;
mod browse;
mod caller;
mod commit_view;
mod compare_view;
mod compatible;
mod config;
mod diff_blocks;
mod diff_view;
mod document;
mod download;
mod export_rows;
mod failure;
mod fields;
mod format;
mod git_access;
mod headers;
mod host;
mod hub_front;
mod images;
mod in_flight;
mod kept;
mod links;
mod listen;
mod log_view;
mod markup;
mod metrics;
mod navigation;
mod new_accounts;
mod notebook;
mod outline;
mod overview;
mod owning;
mod paint;
mod passkeys;
mod picture;
mod places;
mod provider_host;
mod providers;
mod pulse;
mod qr;
mod readable;
mod recording;
mod request_id;
mod routes;
mod rules_preview;
mod same_origin;
mod searching;
mod server;
mod session_cookie;
mod shell;
mod signing_in;
mod state;
mod trusted_header;
mod usage;
mod visitor;
mod wire;
mod words;

pub use answer_writer::AnswerWriter;
pub use config::ServerConfig;
pub use export_rows::export_formats;
pub use format::{day, rfc3339 as moment};
pub use hub_front::{HUB_ROUTES, HubFront};
pub use request_id::RequestIds;
pub use routes::{Door, RouteInfo};
pub use searching::query_alerts;
pub use server::{ServeError, Server};
pub use state::Deps;
pub use trusted_header::{TrustedHeader, TrustedHeaderError};
pub use usage::PingMode;
pub use wire::{aggregation_json, why_json};
