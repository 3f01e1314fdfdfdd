//! Older jobs, read when somebody goes down to them.

use super::loads;
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::state::State;
use crate::model::command::Refusal;
use crate::model::ids::JobId;
use crate::model::job::Job;

/// So many rows before the end the next page is asked for.
const AHEAD: usize = 40;

/// The selection moved down: reads the next page, if it is near.
pub fn wanted(state: &mut State) -> Vec<Effect> {
    let near = state.jobs.place() + AHEAD >= state.jobs.shown().len();
    let Some(next) = state.job_pages.next().filter(|_| near) else {
        return Vec::new();
    };
    if state.job_pages.reading.is_some() {
        return Vec::new();
    }
    state.job_pages.reading = Some(next);
    state.dirty = true;
    loads::now(state, &[Load::OlderJobs(next)])
}

/// A page was read.
pub fn read(state: &mut State, asked: JobId, page: Vec<Job>) {
    let known = state.jobs.all();
    if let Some(jobs) = state.job_pages.older(known, asked, page) {
        state.jobs.set(jobs);
    }
    state.dirty = true;
}

/// A page could not be read; the next step down asks again.
pub fn unread(state: &mut State, refusal: &Refusal) {
    state.job_pages.reading = None;
    let text = format!("older jobs could not be read: {refusal}");
    state.say(text, crate::dashboard::app::text::Tone::Bad);
}
