//! Front: the command line.
