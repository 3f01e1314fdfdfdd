//! Plain data and rules: what connections, configs, jobs, progress and events *are*.
//!
//! Owns the names and shapes that every other folder shares, the rules that can be checked without
//! a server (names, ranges, exclusive fields, state transitions), and their JSON and YAML form.
//! Must not know: I/O, clocks, async, SQL, any other folder of this crate. Everyone may import it.

pub mod audit;
pub mod command;
pub mod config;
pub mod connection;
pub mod cron;
pub mod duration;
pub mod error;
pub mod event;
pub mod finding;
pub mod freshness;
pub mod histogram;
pub mod ids;
pub mod incremental;
pub mod job;
pub mod job_state;
pub mod labels;
pub mod log;
pub mod mapping;
pub mod mask;
pub mod names;
pub mod night;
pub mod notification;
pub mod pattern;
pub mod plan;
pub mod preview;
pub mod progress;
pub mod report;
pub mod rule;
pub mod schedule;
pub mod secret;
pub mod seen;
pub mod shell;
pub mod status;
pub mod table_run;
pub mod throttle;
pub mod time;
pub mod token;
pub mod trace;
pub(crate) mod words;
