//! Facts: what was read, and what events tell.

use std::collections::HashMap;
use std::time::Duration;

use super::{loads, night, older, overlays};
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::geometry;
use crate::dashboard::app::list::SortKey;
use crate::dashboard::app::msg::Loaded;
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::text::Tone;
use crate::model::command::Refusal;
use crate::model::event::{Event, What};
use crate::model::freshness::ConfigFreshness;
use crate::model::ids::{ConfigId, JobId};
use crate::model::job::{Job, JobState};

/// So long after an event of a job, its events are believed more than what is stored.
const FRESH: Duration = Duration::from_secs(5);

/// A load ended.
pub fn loaded(state: &mut State, load: Load, result: Result<Loaded, Refusal>) -> Vec<Effect> {
    state.loads.under_way.remove(&load);
    if let Load::Night(look) = load {
        return match result {
            Ok(Loaded::Night(found)) => night::known(state, look, found),
            Ok(_) => Vec::new(),
            Err(refusal) => {
                night::unknown(state, look, &refusal);
                Vec::new()
            }
        };
    }
    if load == Load::Audit {
        super::done_waiting(state, sheets::READING_CHANGES);
        match result {
            Ok(Loaded::Audit(entries)) => {
                overlays::open_sheet(state, sheets::changes(&entries));
            }
            Ok(_) => {}
            Err(refusal) => super::refused(state, "The changes were not read", &refusal),
        }
        return Vec::new();
    }
    if let Load::OlderJobs(asked) = load {
        match result {
            Ok(Loaded::OlderJobs(page)) => older::read(state, asked, page),
            Ok(_) => {}
            Err(refusal) => older::unread(state, &refusal),
        }
        return Vec::new();
    }
    match result {
        Ok(loaded) => {
            state.dirty |= state.loads.failed.remove(&load).is_some();
            take(state, loaded)
        }
        Err(refusal) => {
            let told = format!("could not be read: {refusal}");
            let before = state.loads.failed.insert(load, told.clone());
            state.dirty |= before.as_ref() != Some(&told);
            // Find out at once whether it is the control database, and say when it is tried again.
            match refusal {
                Refusal::DatabaseUnavailable(_)
                    if !state.database_down() && !state.database_unknown() =>
                {
                    loads::now(state, &[Load::Overview])
                }
                _ => Vec::new(),
            }
        }
    }
}

fn take(state: &mut State, loaded: Loaded) -> Vec<Effect> {
    match loaded {
        Loaded::Overview(overview) => {
            let was_down = state.database_down();
            let was_away = (state.overview.as_ref()).is_some_and(|o| !o.database.connected);
            if state.overview.as_ref() != Some(&*overview) {
                state.overview = Some(*overview);
                state.dirty = true;
                overlays::retell_instances(state);
            }
            let back = (state.overview.as_ref()).is_some_and(|o| o.database.connected);
            if was_away && back {
                if was_down {
                    state.say("control database: connected again", Tone::Good);
                }
                state
                    .loads
                    .asked_at
                    .retain(|load, _| *load == Load::Overview);
                return loads::due(state);
            }
            Vec::new()
        }
        Loaded::Connections(connections) => {
            let first = !state.connections.is_loaded();
            let changed = state.connections.set(connections);
            // On an empty installation the first thing to do is there.
            if first && state.nothing_is_set_up() && state.tab == Tab::Jobs {
                state.tab = Tab::Connections;
                state.dirty = true;
            }
            state.dirty |= changed && matches!(state.tab, Tab::Connections | Tab::Jobs);
            Vec::new()
        }
        Loaded::Configs(configs) => {
            let changed = state.configs.set(configs);
            state.dirty |= changed && matches!(state.tab, Tab::Configs | Tab::Jobs);
            Vec::new()
        }
        Loaded::Jobs(mut jobs) => {
            let first = !state.jobs.is_loaded();
            for job in &mut jobs {
                let known = state.jobs.get(job.id).cloned();
                keep_newer(state, known.as_ref(), job);
                if known.is_some_and(|known| !known.state.is_final()) && ended_badly(job) {
                    night::failed(state);
                }
            }
            let merged = state.job_pages.newest(state.jobs.all(), jobs);
            let changed = state.jobs.set(merged.jobs);
            state.dirty |= changed && state.tab == Tab::Jobs;
            overlays::retell_instances(state);
            let ended: Vec<Load> = merged.ended.into_iter().map(Load::Job).collect();
            let mut effects = loads::now(state, &ended);
            if first && let Some(opened) = open_running(state) {
                return opened;
            }
            let moved_on = state.detail.as_ref().and_then(|detail| {
                let listed = state.jobs.get(detail.job.id)?;
                (listed.state != detail.job.state).then_some(listed.id)
            });
            effects.extend(moved_on.map_or(Vec::new(), |id| loads::now(state, &[Load::Job(id)])));
            effects
        }
        Loaded::Job(job) => {
            let mut job = *job;
            let known = state.detail.as_ref().map(|d| d.job.clone());
            keep_newer(state, known.as_ref(), &mut job);
            if let Some(listed) = state.jobs.get_mut(job.id) {
                let tables = std::mem::take(&mut listed.tables);
                *listed = job.clone();
                listed.kept.as_of = job.as_of();
                listed.tables = tables;
            }
            if let Some(detail) = state.detail.as_mut().filter(|d| d.job.id == job.id) {
                state.dirty |= detail.set(job) && state.tab == Tab::Jobs;
            }
            Vec::new()
        }
        // Known by their loads.
        Loaded::Night(_) | Loaded::OlderJobs(_) | Loaded::Audit(_) => Vec::new(),
        Loaded::Freshness(found) => {
            let found = found.into_iter().map(|one| (one.config_id, one)).collect();
            if state.freshness != found {
                state.configs.set_beside(ages(&found));
                state.freshness = found;
                state.dirty |= matches!(state.tab, Tab::Configs | Tab::Jobs);
            }
            Vec::new()
        }
    }
}

/// What configs are sorted by in the column of their age: what differs first, then the oldest.
fn ages(found: &HashMap<ConfigId, ConfigFreshness>) -> HashMap<ConfigId, SortKey> {
    let key = |one: &ConfigFreshness| match one.differing {
        0 => SortKey::time(one.at),
        _ => SortKey::number(Some(0.0)),
    };
    found.iter().map(|(id, one)| (*id, key(one))).collect()
}

fn ended_badly(job: &Job) -> bool {
    matches!(job.state, JobState::Failed | JobState::CompletedWithErrors)
}

/// At the start, what runs is what one wants to see; its tables too where there is room.
fn open_running(state: &mut State) -> Option<Vec<Effect>> {
    let running = state
        .jobs
        .all()
        .iter()
        .find(|job| job.state == JobState::Running)?;
    state.jobs.select(running.id);
    if geometry::shares(state) && state.tab == Tab::Jobs && state.detail.is_none() {
        return Some(super::keys::open_selected_job(state));
    }
    None
}

/// What is stored about a running job lags behind its events; numbers must not jump back.
fn keep_newer(state: &State, known: Option<&Job>, read: &mut Job) {
    let Some(known) = known.filter(|known| known.id == read.id) else {
        return;
    };
    if known.state.is_final() && !read.state.is_final() {
        *read = known.clone();
        return;
    }
    let heard = state.heard.get(&read.id);
    let fresh = heard.is_some_and(|at| *at + FRESH > state.clock.steady);
    if !fresh || read.state != JobState::Running || known.state != JobState::Running {
        return;
    }
    read.progress = known.progress.clone();
    read.counts = known.counts;
    read.tables_completed = read.tables_completed.max(known.tables_completed);
    read.tables_failed = read.tables_failed.max(known.tables_failed);
    for run in &mut read.tables {
        if let Some(table) = known.tables.iter().find(|t| t.id == run.id) {
            // Events of progress don't tell where the time went.
            let timing = run.timing;
            *run = table.clone();
            run.timing = timing;
        }
    }
}

/// An event of a job.
pub fn happened(state: &mut State, event: Event) -> Vec<Effect> {
    let Event {
        job_id,
        what,
        table,
        ..
    } = event;
    state.heard.insert(job_id, state.clock.steady);
    match what {
        What::JobCreated(job)
        | What::JobStarted(job)
        | What::JobPaused(job)
        | What::JobResumed(job)
        | What::JobReleased(job) => {
            put_job(state, *job);
            loads::now(state, &[Load::Overview])
        }
        What::JobFinished(job) => {
            let text = format!("{}: {}", job.config, job.state.as_str().replace('_', " "));
            let tone = match job.state {
                JobState::Completed => Tone::Good,
                JobState::Cancelled => Tone::Plain,
                _ => Tone::Bad,
            };
            state.say(text, tone);
            if ended_badly(&job) {
                night::failed(state);
            }
            state.heard.remove(&job_id);
            let with_tables = !job.tables.is_empty();
            put_job(state, *job);
            let mut wanted = vec![Load::Overview, Load::Configs, Load::Freshness];
            if !with_tables && state.detail.as_ref().is_some_and(|d| d.job.id == job_id) {
                wanted.push(Load::Job(job_id));
            }
            loads::now(state, &wanted)
        }
        What::TableStarted(run)
        | What::TablePhaseChanged(run)
        | What::TableFinished(run)
        | What::TableFailed(run)
        | What::TableSkipped(run) => {
            if let Some(detail) = open(state, job_id) {
                detail.put_table(*run);
                state.dirty |= state.tab == Tab::Jobs;
            }
            Vec::new()
        }
        What::Progress { progress, counts } => {
            if table.is_none()
                && let Some(job) = state.jobs.get_mut(job_id)
                && job.state == JobState::Running
            {
                job.progress = progress.clone();
                job.counts = counts;
                state.dirty |= state.tab == Tab::Jobs;
            }
            if let Some(detail) = open(state, job_id)
                && !detail.job.state.is_final()
            {
                detail.put_progress(table.as_deref(), progress, counts);
                state.dirty |= state.tab == Tab::Jobs;
            }
            Vec::new()
        }
        // The log has the words of these; they are read from there.
        What::RetryScheduled { .. }
        | What::Throttled { .. }
        | What::Unthrottled { .. }
        | What::DifferencesFound { .. }
        | What::Warning { .. }
        | What::Log(_) => Vec::new(),
    }
}

fn open(state: &mut State, id: JobId) -> Option<&mut crate::dashboard::app::detail::Detail> {
    state.detail.as_mut().filter(|detail| detail.job.id == id)
}

fn put_job(state: &mut State, job: Job) {
    // Events of several channels may arrive out of order; final states never change.
    if state.jobs.get(job.id).is_some_and(|j| j.state.is_final()) && !job.state.is_final() {
        return;
    }
    if let Some(detail) = open(state, job.id) {
        let mut newer = job.clone();
        if newer.tables.is_empty() {
            newer.tables.clone_from(&detail.job.tables);
            let loaded = detail.loaded;
            detail.set(newer);
            detail.loaded = loaded;
        } else {
            detail.set(newer);
        }
    }
    let as_of = job.as_of();
    let mut listed = Job {
        tables: Vec::new(),
        ..job
    };
    listed.kept.as_of = as_of;
    state.jobs.put(listed);
    state.dirty = true;
}
