//! The dashboard as a person uses it: the real program in a real terminal (tmux), against real
//! servers. Skipped, loudly, where there is no tmux.

mod first_start;
mod job_commands;
mod night;
mod terminal;
