//! The mouse, where the settings switch it on: the wheel moves, a click selects. Nothing is
//! started, stopped or opened by it.

/// What the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// The wheel was turned up.
    WheelUp,
    /// The wheel was turned down.
    WheelDown,
    /// The left button was pressed.
    Click,
}

/// What the mouse did, and in which cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub did: Did,
    /// Column, from 0.
    pub x: u16,
    /// Row, from 0.
    pub y: u16,
}
