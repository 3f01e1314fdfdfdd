//! The tab of logs.

use super::loads;
use crate::dashboard::app::action::Action;
use crate::dashboard::app::effect::{Effect, Load, LogPart, LogQuery};
use crate::dashboard::app::geometry;
use crate::dashboard::app::log_view::Source;
use crate::dashboard::app::state::{State, Tab};
use crate::model::ids::JobId;
use crate::model::log::LogEntry;

/// This process wrote lines.
pub fn logged(state: &mut State, entries: Vec<LogEntry>) -> Vec<Effect> {
    let shown = state.tab == Tab::Logs && state.log_source == Source::Process;
    // A held view changes its count of newer lines only.
    state.dirty |= shown && !entries.is_empty();
    state.process_log.append(entries);
    Vec::new()
}

/// Shows the log of a job.
pub fn show_job(state: &mut State, id: JobId, config: String) -> Vec<Effect> {
    let source = Source::Job { id, config };
    if state.log_source != source {
        state.job_log.clear();
        state.job_log.set_filter("");
        state.log_from_start = false;
        state.log_source = source;
    }
    state.tab = Tab::Logs;
    loads::now(state, &[loads::newest_lines(state, id)])
}

/// Stored lines arrived.
pub fn stored_lines(state: &mut State, load: Load, entries: Vec<LogEntry>) -> Vec<Effect> {
    let Load::Logs(LogQuery { job, part }) = load else {
        return Vec::new();
    };
    if !matches!(state.log_source, Source::Job { id, .. } if id == job) {
        return Vec::new();
    }
    state.dirty |= state.tab == Tab::Logs && !entries.is_empty();
    match part {
        LogPart::Before(id) => {
            state.log_from_start = entries.is_empty();
            if state.job_log.oldest_id() == Some(id) {
                state.job_log.prepend(entries);
            }
        }
        LogPart::Newest | LogPart::After(_) => {
            // Two answers may overlap; ids grow, so what is there already is told by its id.
            let newest = state.job_log.newest_id();
            let fresh = entries
                .into_iter()
                .filter(|entry| newest.is_none_or(|id| entry.id > id))
                .collect();
            state.job_log.append(fresh);
        }
    }
    Vec::new()
}

/// An action of the tab, moving included.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let (width, height) = geometry::log(state);
    let page = height.saturating_sub(1).max(1) as isize;
    let log = state.log_mut();
    let at_top = match action {
        Action::Up => log.step(-1, width, height),
        Action::Down => log.step(1, width, height),
        Action::PageUp => log.step(-page, width, height),
        Action::PageDown => log.step(page, width, height),
        Action::First => {
            log.to_first(width, height);
            true
        }
        Action::Last => {
            log.follow();
            false
        }
        Action::Follow => {
            if log.follows() {
                log.hold();
            } else {
                log.follow();
            }
            false
        }
        Action::Wrap => {
            log.toggle_wrap();
            false
        }
        Action::MoreLevels => {
            log.change_threshold(true);
            false
        }
        Action::FewerLevels => {
            log.change_threshold(false);
            false
        }
        Action::ProcessLogs => {
            state.log_source = Source::Process;
            false
        }
        _ => false,
    };
    if at_top { older(state) } else { Vec::new() }
}

/// Reads older stored lines, if there are any and room for them.
fn older(state: &mut State) -> Vec<Effect> {
    let Source::Job { id: job, .. } = state.log_source else {
        return Vec::new();
    };
    if state.log_from_start || !state.job_log.has_room() {
        return Vec::new();
    }
    match state.job_log.oldest_id() {
        Some(id) => loads::now(
            state,
            &[Load::Logs(LogQuery {
                job,
                part: LogPart::Before(id),
            })],
        ),
        None => Vec::new(),
    }
}
