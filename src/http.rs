//! Front: the service that runs without a terminal, and what it answers on HTTP.
//!
//! Owns the listener, the routes and the order in which the service stops. Holds no rules of
//! syncing. Must not know: the two other fronts. Called by `main` for `--headless`.

mod api;
mod body;
mod headless;
mod health;
mod listener;
mod measure;
mod openapi;
mod operation;
mod origin;
mod patience;
mod problem;
mod requests;
mod routes;
mod seats;
mod service;
mod service_manager;
mod signs;
mod timely;
mod tls;

pub use headless::{Ended, ServeError, serve};
pub use routes::document;
