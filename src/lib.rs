//! t
pub mod model;
