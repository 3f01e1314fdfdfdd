//! Several instances on one control database.

mod audit;
mod chaos;
mod members;
mod roles;
