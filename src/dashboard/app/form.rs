//! Texts as they are typed.

pub mod lines_edit;
