//! Front: the terminal dashboard.
