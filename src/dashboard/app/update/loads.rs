//! When what is stored is read again. Only what is shown is polled; events make it sooner.

use std::collections::HashMap;
use std::time::Duration;

use super::{logs, night};
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::overlay::Overlay;
use crate::dashboard::app::state::{State, Tab};
use crate::model::job::JobState;

const OVERVIEW: Duration = Duration::from_secs(4);
/// While the first answer is waited for.
const CONNECTING: Duration = Duration::from_millis(900);
const LISTS: Duration = Duration::from_secs(4);
const JOBS: Duration = Duration::from_secs(2);
const FRESHNESS: Duration = Duration::from_secs(15);
/// A load that has not answered for so long is asked for again.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// One second passed.
pub fn ticked(state: &mut State) -> Vec<Effect> {
    let now = state.clock.steady;
    if state.notice.as_ref().is_some_and(|n| n.until <= now) {
        state.notice = None;
        state.dirty = true;
    }
    if shows_time(state) {
        state.dirty = true;
    }
    if let Some(detail) = &mut state.detail
        && !detail.job.state.is_final()
    {
        detail.sample(now);
    }
    keep_pace(state);
    due(state)
}

/// Counts the times left down.
fn keep_pace(state: &mut State) {
    let mut paces = std::mem::take(&mut state.paces);
    let running = |job: &&crate::model::job::Job| job.state == JobState::Running;
    // What the list says of a job that is open comes last, and counts.
    let told: HashMap<_, _> = (state.detail.iter().map(|d| &d.job).filter(running))
        .chain(state.jobs.all().iter().filter(running))
        .map(|job| (job.id, job.progress.eta_seconds))
        .collect();
    paces.retain(|id, _| told.contains_key(id));
    for (id, eta) in told {
        paces.entry(id).or_default().second(eta);
    }
    state.paces = paces;
}

/// Whether something on the screen counts seconds.
fn shows_time(state: &State) -> bool {
    let awaited = state.overlays.iter().any(|overlay| match overlay {
        Overlay::Form(form) => {
            form.busy.is_some() || form.side.as_ref().is_some_and(|side| side.wait.is_some())
        }
        Overlay::Picker(picker) => picker.wait.is_some(),
        _ => false,
    });
    let retry = state
        .overview
        .as_ref()
        .is_some_and(|o| o.database.retry_at.is_some() && !o.database.connected);
    let running = state.tab == Tab::Jobs
        && state
            .jobs
            .all()
            .iter()
            .any(|job| job.started_at.is_some() && !job.state.is_final());
    awaited || retry || running
}

/// What is due to be read.
pub fn due(state: &mut State) -> Vec<Effect> {
    let overview = if state.database_unknown() {
        CONNECTING
    } else {
        OVERVIEW
    };
    let mut wanted = vec![(Load::Overview, overview)];
    if matches!(state.tab, Tab::Configs | Tab::Jobs) {
        wanted.push((Load::Freshness, FRESHNESS));
    }
    match state.tab {
        Tab::Connections => wanted.push((Load::Connections, LISTS)),
        Tab::Configs => wanted.push((Load::Configs, LISTS)),
        Tab::Jobs => wanted.push((Load::Jobs, JOBS)),
        // The header and the question on leaving count jobs too, less urgently.
        Tab::Logs => wanted.push((Load::Jobs, LISTS)),
    }
    for (load, first) in [
        (Load::Connections, state.connections.is_loaded()),
        (Load::Configs, state.configs.is_loaded()),
        (Load::Jobs, state.jobs.is_loaded()),
    ] {
        if !first {
            wanted.push((load, LISTS));
        }
    }
    if let (Tab::Jobs, Some(detail)) = (state.tab, &state.detail)
        && (!detail.loaded || !detail.job.state.is_final())
    {
        wanted.push((Load::Job(detail.job.id), JOBS));
    }
    wanted.extend(night::due(state).map(|load| (load, LISTS)));
    // While it is not there, nothing else can be read.
    let down = (state.overview.as_ref()).is_some_and(|overview| !overview.database.connected);
    let now = state.clock.steady;
    let mut effects: Vec<Effect> = wanted
        .into_iter()
        .filter(|(load, _)| !down || *load == Load::Overview)
        .filter(|(load, every)| {
            let every = if state.loads.under_way.contains(load) {
                GIVEN_UP
            } else {
                *every
            };
            state
                .loads
                .asked_at
                .get(load)
                .is_none_or(|at| *at + every <= now)
        })
        .map(|(load, _)| load)
        .collect::<Vec<_>>()
        .into_iter()
        .map(|load| ask(state, load))
        .collect();
    effects.extend(logs::due(state));
    effects
}

/// Reads these at once, unless they are being read.
pub fn now(state: &mut State, loads: &[Load]) -> Vec<Effect> {
    loads
        .iter()
        .filter(|load| !state.loads.under_way.contains(load))
        .copied()
        .collect::<Vec<_>>()
        .into_iter()
        .map(|load| ask(state, load))
        .collect()
}

fn ask(state: &mut State, load: Load) -> Effect {
    state.loads.asked_at.insert(load, state.clock.steady);
    state.loads.under_way.insert(load);
    Effect::Load(load)
}
