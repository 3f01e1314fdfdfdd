//! The engine's rules, over a control database in memory and work that does as it is told.

mod ends;
mod parks;
mod pauses;
mod queue;
mod stops;
