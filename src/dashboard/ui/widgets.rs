//! Pieces that several tabs use.

pub mod gauge;
pub mod sparkline;
pub mod table;
