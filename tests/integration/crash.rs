//! The promises about crashes, held against the real program: killed, frozen, overtaken, cut off and
//! stopped at every step, on both flavours. What counts is what an independent judge finds after.

mod ahead;
pub mod cut_off;
mod frozen;
mod held;
mod killed;
mod limits;
mod looking_on;
mod outages;
mod prompt;
mod stopped;
pub mod world;
