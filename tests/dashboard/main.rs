//! The dashboard without a database: updates, pictures, the real loop over a made-up world.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]
#![expect(clippy::panic, reason = "a test says what went wrong by failing")]

mod bytes;
mod configs;
mod differences;
mod floods;
mod footer;
mod form_screens;
mod forms;
mod hostile;
mod instances;
mod jobs;
mod keys;
mod load;
mod log_save;
mod logs;
mod looping;
mod night;
mod older;
mod sample;
mod screens;
mod shell;
mod show;
mod terminal;
mod update;
mod world;
