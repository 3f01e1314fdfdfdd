//! Several instances on one control database.

mod audit;
mod chaos;
mod galera;
mod members;
mod roles;
mod upgrade;
