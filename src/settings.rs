//! Settings: layers (flags over environment over file over defaults), where each value came from, durations, references to secrets.
