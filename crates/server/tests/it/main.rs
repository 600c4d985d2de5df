//! The server, in process: every route, as everybody who may ask.

mod access;
mod account;
mod aggregate;
mod api;
mod code_hosts;
mod compatible;
mod contexts;
mod exports;
mod files;
mod hostile;
mod matrix;
mod pages;
mod passkeys;
mod people;
mod permissions;
mod recording;
mod revoke;
mod scopes;
mod search;
mod second_factors;
mod sign_in;
mod skipped;
mod sweep;
mod users;
mod why;
mod world;
