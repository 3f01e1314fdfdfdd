//! Paints a state.
