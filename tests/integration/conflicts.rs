//! What becomes of target rows that are in the way: `conflict_resolution`, deletes and their limits,
//! quarantine and undo, `repair`. Expected rows are stated in SQL and judged by the servers' client.

mod cascades;
mod policies;
mod quarantine;
mod repair;
