//! Pieces that several tabs use.

pub mod form;
pub mod gauge;
mod lines;
pub mod picker;
pub mod sparkline;
pub mod table;
