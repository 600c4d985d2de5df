//! What every database must do: each case runs on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

mod about;
mod account_links;
mod accounts;
mod audience;
mod audit;
mod audit_retention;
mod code_hosts;
mod contexts;
mod differential;
mod egress;
mod explicit;
mod exports;
mod grants;
mod groups;
mod histories;
mod hub;
mod jobs;
mod kill;
mod manifests;
mod migrations;
mod passkeys;
mod permissions;
mod precise;
mod providers;
mod repositories;
mod reviews;
mod roles;
mod sealing;
mod second_factors;
mod sessions;
mod setup;
mod sign_in;
mod step_up;
mod store_file;
mod tokens;
mod usage;
