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
mod pages;
mod passkeys;
mod recording;
mod revoke;
mod search;
mod second_factors;
mod sign_in;
mod skipped;
mod users;
mod why;
mod world;
