//! Suspending to the shell. A stopped process would keep the locks and leases of its jobs while it
//! can do nothing for them, so it hands them back first and takes none meanwhile.

use super::{done_waiting, overlays, wait_for};
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::overlay::Answer;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::job::Job;

/// What is waited for, in words.
const WORDS: &str = "handing jobs back after their batch, then to the shell";

/// The key was pressed: asks first while jobs run in this process.
pub fn asked(state: &mut State) -> Vec<Effect> {
    if state.parking {
        return Vec::new();
    }
    let running: Vec<Job> = state.running_here().into_iter().cloned().collect();
    if running.is_empty() {
        return park(state);
    }
    let mut lines = overlays::named(&running);
    lines.push(Line::empty());
    lines.push(Line::plain(
        "In a suspended process they would stand still with locks held, so they are handed back \
         first, after the batch in hand.",
    ));
    let takers = state.overview.as_ref().and_then(|o| o.takers.as_deref());
    lines.push(match takers {
        Some([]) => Line::plain(
            "No other db-taxi that takes jobs is alive: they wait in the queue, and this dashboard \
             goes on with them after fg.",
        ),
        _ => overlays::handed_back(state),
    });
    let choices = [
        ("keep watching", Answer::Nothing),
        ("hand back and suspend", Answer::Suspend),
    ];
    overlays::ask(state, "Suspend?", lines, &choices);
    Vec::new()
}

/// Takes no more jobs, and hands back what runs.
pub fn park(state: &mut State) -> Vec<Effect> {
    state.parking = true;
    if !state.running_here().is_empty() {
        wait_for(state, WORDS.to_owned());
    }
    vec![Effect::Park]
}

/// No job runs any more, or one did not end in time.
pub fn parked(state: &mut State, done: bool) -> Vec<Effect> {
    state.parking = false;
    done_waiting(state, WORDS);
    if done {
        return vec![Effect::Suspend];
    }
    state.say(
        "not suspended: a job did not end in time; its log says why",
        Tone::Bad,
    );
    Vec::new()
}
