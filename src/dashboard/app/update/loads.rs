//! When what is stored is read again. Only what is shown is polled; events make it sooner.

use std::time::Duration;

use crate::dashboard::app::effect::{Effect, Load, LogPart, LogQuery};
use crate::dashboard::app::log_view::Source;
use crate::dashboard::app::state::{State, Tab};

const OVERVIEW: Duration = Duration::from_secs(4);
/// While the first answer is waited for.
const CONNECTING: Duration = Duration::from_millis(900);
const LISTS: Duration = Duration::from_secs(4);
const JOBS: Duration = Duration::from_secs(2);
const LOGS: Duration = Duration::from_secs(1);
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
    due(state)
}

/// Whether something on the screen counts seconds.
fn shows_time(state: &State) -> bool {
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
    retry || running
}

/// What is due to be read.
pub fn due(state: &mut State) -> Vec<Effect> {
    let overview = if state.database_unknown() {
        CONNECTING
    } else {
        OVERVIEW
    };
    let mut wanted = vec![(Load::Overview, overview)];
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
    if let (Tab::Logs, Source::Job { id, .. }) = (state.tab, &state.log_source) {
        let active = state.jobs.get(*id).is_none_or(|j| !j.state.is_final());
        if active || state.job_log.is_empty() {
            wanted.push((newest_lines(state, *id), LOGS));
        }
    }
    // While it is not there, nothing else can be read.
    let down = (state.overview.as_ref()).is_some_and(|overview| !overview.database.connected);
    let now = state.clock.steady;
    wanted
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
        .collect()
}

/// The newest lines of a job's log that are not there yet.
pub fn newest_lines(state: &State, job: crate::model::ids::JobId) -> Load {
    let part = match state.job_log.newest_id() {
        Some(id) => LogPart::After(id),
        None => LogPart::Newest,
    };
    Load::Logs(LogQuery { job, part })
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
    // Log queries differ with each answer; the old ones would pile up.
    if matches!(load, Load::Logs(_)) {
        state
            .loads
            .asked_at
            .retain(|known, _| !matches!(known, Load::Logs(_)));
    }
    state.loads.asked_at.insert(load, state.clock.steady);
    state.loads.under_way.insert(load);
    Effect::Load(load)
}
