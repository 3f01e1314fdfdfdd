//! Reaching servers: TLS, several hosts, SRV names, accounts, the bound on sessions, health.

mod accounts;
mod budget;
pub mod certificates;
mod doctor;
mod drift;
mod health;
mod hosts;
mod name_server;
mod tls;
mod version_one;
