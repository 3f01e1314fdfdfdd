//! The page after a bad night: put up at the start, when something fails while nobody is there, and
//! when it is asked for.

use std::time::Duration;

use super::{done_waiting, jobs, loads, logs, refused, wait_for};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::clipboard;
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::job_command::JobCommand;
use crate::dashboard::app::log_query::{LogPart, LogQuery};
use crate::dashboard::app::night::{LookBack, NightPage};
use crate::dashboard::app::overlay::{Dialog, Overlay};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::Tone;
use crate::model::command::Refusal;
use crate::model::job::Job;
use crate::model::log::Level;
use crate::model::night::BadNight;

/// Nobody is there when no key was pressed for so long.
const AWAY: Duration = Duration::from_secs(30 * 60);
/// How often the visit of somebody who is there is remembered.
const REMEMBERED_EVERY: Duration = Duration::from_secs(60);
const LOOKING: &str = "looking for what failed lately";

/// A key was pressed: somebody is there.
pub fn visited(state: &mut State) {
    let clock = state.clock;
    state.visit.key_at = Some((clock.steady, clock.wall));
}

/// Remembers a visit: with its first key, then now and then.
pub fn ticked(state: &mut State) -> Vec<Effect> {
    let now = state.clock.steady;
    let visit = &mut state.visit;
    let Some((key_at, _)) = visit.key_at else {
        return Vec::new();
    };
    let news = visit.saved_at.is_none_or(|saved| key_at > saved);
    let due = visit.saved_at.is_none_or(|at| at + REMEMBERED_EVERY <= now);
    // Who has not been shown what failed was not there.
    if !news || !due || visit.wanted.is_some() {
        return Vec::new();
    }
    visit.saved_at = Some(now);
    vec![Effect::RememberVisit(now.saturating_sub(key_at))]
}

/// A visit was remembered, or why not.
pub fn remembered(state: &mut State, result: Result<(), String>) {
    if let Err(why) = result
        && !std::mem::replace(&mut state.visit.complained, true)
    {
        let text = format!(
            "that you were here is not remembered: {why}; the next start shows a day of failures"
        );
        state.say(text, Tone::Warn);
    }
}

/// A job ended badly: who was not there is to see it first.
pub fn failed(state: &mut State) {
    let now = state.clock.steady;
    if state.visit.wanted.is_some() {
        return;
    }
    state.visit.wanted = match state.visit.key_at {
        None => Some(LookBack::Visit),
        Some((at, wall)) if at + AWAY <= now => Some(LookBack::Since(wall)),
        Some(_) => None,
    };
}

/// What is to be looked for, if anything; not while somebody types in a list.
pub fn due(state: &State) -> Option<Load> {
    let wanted = state.visit.wanted.filter(|_| state.typing.is_none());
    wanted.map(Load::Night)
}

/// Somebody wants to know what failed lately.
pub fn show(state: &mut State) -> Vec<Effect> {
    wait_for(state, LOOKING.to_owned());
    loads::now(state, &[Load::Night(LookBack::Lately)])
}

/// What ended badly is known.
pub fn known(state: &mut State, look: LookBack, night: BadNight) -> Vec<Effect> {
    if look == LookBack::Lately {
        done_waiting(state, LOOKING);
    } else if state.visit.wanted != Some(look) {
        // Asked twice while the control database came up; the page is there, or was.
        return Vec::new();
    } else if state.typing.is_some() {
        // Letters typed into a filter are no commands; it comes again.
        return Vec::new();
    } else {
        state.visit.wanted = None;
    }
    let shown = |overlay: &Overlay| matches!(overlay, Overlay::Night(_));
    if night.jobs.is_empty() {
        if look == LookBack::Lately {
            state.overlays.retain(|overlay| !shown(overlay));
            state.say(
                "nothing failed in the last 7 days that was not made good since",
                Tone::Good,
            );
        }
        return Vec::new();
    }
    state.overlays.retain(|overlay| !shown(overlay));
    state.visit.left = None;
    let page = NightPage::new(night, state.clock.steady);
    // What is open stays on top.
    state.overlays.insert(0, Overlay::Night(Box::new(page)));
    state.dirty = true;
    Vec::new()
}

/// It could not be found out. What nobody asked for is looked for again.
pub fn unknown(state: &mut State, look: LookBack, refusal: &Refusal) {
    if look == LookBack::Lately {
        done_waiting(state, LOOKING);
        refused(state, "What failed lately is not known", refusal);
    }
}

fn page(state: &mut State) -> Option<&mut NightPage> {
    state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Night(page) => Some(&mut **page),
        _ => None,
    })
}

/// An action on the page.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let now = state.clock.steady;
    let most = match state.overlays.last() {
        Some(Overlay::Night(page)) => {
            let (rows, height) = page.text_rows(state);
            rows.len().saturating_sub(height)
        }
        _ => return Vec::new(),
    };
    let Some(page) = page(state) else {
        return Vec::new();
    };
    let deaf = page.opened_at.is_some_and(|at| now < at + Dialog::DEAF);
    match action {
        Action::Up => page.step(-1),
        Action::Down => page.step(1),
        Action::First => page.step(isize::MIN / 2),
        Action::Last => page.step(isize::MAX / 2),
        Action::PageUp => page.scroll_by(-5, most),
        Action::PageDown => page.scroll_by(5, most),
        Action::NightLater => {
            state.overlays.pop();
            let key = state.setup.keymap.shown(Action::ShowFailures);
            if let Some(key) = key {
                state.say(format!("{key} shows again what failed"), Tone::Plain);
            }
        }
        Action::NightRetry | Action::NightRetryAll if deaf => {}
        Action::NightRetry => {
            let Some(failed) = page.job().cloned() else {
                return Vec::new();
            };
            if page.can_retry(&failed) {
                page.ask(failed.job.id);
                return vec![jobs::command(&failed.job, JobCommand::Retry)];
            }
            let text = format!("{}: it is tried again already", failed.job.config);
            state.say(text, Tone::Plain);
        }
        Action::NightRetryAll => {
            let jobs: Vec<Job> = page.untried().map(|failed| failed.job.clone()).collect();
            for job in &jobs {
                page.ask(job.id);
            }
            let retry = |job| jobs::command(job, JobCommand::Retry);
            return jobs.iter().map(retry).collect();
        }
        Action::NightCopy => {
            let remedies = page.remedies();
            let what = match remedies.len() {
                0 | 1 => "what to do".to_owned(),
                n => format!("{n} statements"),
            };
            return clipboard::copy(state, &what, &remedies.join("\n"));
        }
        Action::NightLog => return log(state),
        Action::NightOpen => {
            let job = page.job().map(|failed| failed.job.clone());
            leave(state);
            return job.map_or(Vec::new(), |job| jobs::open(state, job));
        }
        _ => {}
    }
    Vec::new()
}

/// A retry was taken: a page with nothing left to do goes away.
pub fn retried(state: &mut State) {
    if page(state).is_some_and(|page| page.is_done()) {
        let shown = |overlay: &Overlay| matches!(overlay, Overlay::Night(_));
        state.overlays.retain(|overlay| !shown(overlay));
    }
}

/// A retry was refused.
pub fn retry_refused(state: &mut State, config: &str) {
    if let Some(page) = page(state) {
        page.refused(config);
    }
}

/// Leaves the page for something that the way back leads from.
fn leave(state: &mut State) {
    if let Some(Overlay::Night(mut page)) = state.overlays.pop() {
        // Whoever comes back knows what it asks.
        page.opened_at = None;
        state.visit.left = Some(*page);
    }
}

/// Back to the page that was left for this.
pub fn again(state: &mut State) {
    if let Some(page) = state.visit.left.take() {
        state.overlays.push(Overlay::Night(Box::new(page)));
        state.dirty = true;
    }
}

/// To the line of the job's log that tells of the failure.
fn log(state: &mut State) -> Vec<Effect> {
    let Some(page) = page(state) else {
        return Vec::new();
    };
    let Some(job) = page.job().map(|failed| failed.job.clone()) else {
        return Vec::new();
    };
    let table = page.log_table().map(|run| run.target_table.clone());
    leave(state);
    let mut effects = logs::show_job(state, job.id, job.config, None);
    effects.push(Effect::FindLog(LogQuery {
        job: job.id,
        part: LogPart::Newest,
        level: Level::Error,
        table,
        texts: Vec::new(),
    }));
    effects
}
