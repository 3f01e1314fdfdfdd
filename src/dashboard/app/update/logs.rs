//! The tab of logs: moving, searching, what is read of a stored log.

use std::time::Duration;

use super::{done_waiting, log_save, refused, wait_for};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::geometry;
use crate::dashboard::app::log_query::{LogPart, LogQuery, PAGE};
use crate::dashboard::app::log_view::{Edge, Scope, Search, Source};
use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::text::Tone;
use crate::model::command::Refusal;
use crate::model::ids::JobId;
use crate::model::log::{Level, LogEntry};

/// How often the log of a job that runs is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// A read that has not answered for so long is asked for again.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// Columns of one step sideways.
const SIDEWAYS: isize = 8;

/// This process wrote lines.
pub fn logged(state: &mut State, entries: Vec<LogEntry>) -> Vec<Effect> {
    let shown = state.tab == Tab::Logs && state.log_source == Source::Process;
    // A held view changes its count of newer lines only.
    state.dirty |= shown && !entries.is_empty();
    state.process_log.append(entries);
    Vec::new()
}

/// Shows the log of a job, of one table where that is given.
pub fn show_job(
    state: &mut State,
    id: JobId,
    config: String,
    table: Option<String>,
) -> Vec<Effect> {
    let source = Source::Job { id, config };
    let scope = Scope {
        level: state.job_log.scope().level,
        table,
        ..Scope::default()
    };
    if state.log_source != source || *state.job_log.scope() != scope {
        state.job_log.clear();
        state.job_log.set_search("");
        state.job_log.set_scope(scope);
        state.log_reading = None;
        state.log_settled = false;
        state.log_asked_at = None;
        state.log_source = source;
    }
    state.tab = Tab::Logs;
    due(state)
}

/// Shows what this process wrote about a connection: `names` are its own and those of its configs.
pub fn show_names(state: &mut State, names: Vec<String>) -> Vec<Effect> {
    state.log_source = Source::Process;
    state.tab = Tab::Logs;
    let scope = Scope {
        names,
        ..state.process_log.scope().clone()
    };
    state.process_log.set_scope(scope);
    state.process_log.follow();
    Vec::new()
}

/// Goes to the newest line of a table that is at least as bad as `level`.
pub fn find_table(state: &mut State, table: String, level: Level) -> Vec<Effect> {
    let Source::Job { id, .. } = &state.log_source else {
        return Vec::new();
    };
    vec![Effect::FindLog(LogQuery {
        job: *id,
        part: LogPart::Newest,
        level,
        table: Some(table),
        texts: Vec::new(),
    })]
}

/// A read of the stored log that is shown.
fn read(state: &mut State, part: LogPart) -> Vec<Effect> {
    let Some(query) = query(state, part) else {
        return Vec::new();
    };
    state.log_reading = Some((query.clone(), state.clock.steady));
    vec![Effect::ReadLog(query)]
}

/// A query for what the log of a job shows.
pub fn query(state: &State, part: LogPart) -> Option<LogQuery> {
    let Source::Job { id, .. } = &state.log_source else {
        return None;
    };
    let scope = state.job_log.scope();
    Some(LogQuery {
        job: *id,
        part,
        level: scope.level,
        table: scope.table.clone(),
        texts: (!scope.text.is_empty())
            .then(|| scope.text.clone())
            .into_iter()
            .collect(),
    })
}

fn is_reading(state: &State) -> bool {
    let now = state.clock.steady;
    state
        .log_reading
        .as_ref()
        .is_some_and(|(_, at)| *at + GIVEN_UP > now)
}

/// What is to be read of the log that is shown, if anything.
pub fn due(state: &mut State) -> Vec<Effect> {
    let stored = state.log_source != Source::Process && state.tab == Tab::Logs;
    if !stored || state.log_settled || is_reading(state) || state.database_down() {
        return Vec::new();
    }
    let now = state.clock.steady;
    if state.log_asked_at.is_some_and(|at| at + EVERY > now) {
        return Vec::new();
    }
    let part = match state.job_log.newest_id() {
        None => LogPart::Newest,
        Some(newest) if state.job_log.is_at_end() => LogPart::After(newest),
        Some(_) => return Vec::new(),
    };
    state.log_asked_at = Some(now);
    read(state, part)
}

/// Stored lines arrived, or why they did not.
pub fn stored_lines(
    state: &mut State,
    asked: &LogQuery,
    result: Result<Vec<LogEntry>, Refusal>,
) -> Vec<Effect> {
    if state.log_reading.as_ref().is_some_and(|(q, _)| q == asked) {
        state.log_reading = None;
    }
    if query(state, asked.part).as_ref() != Some(asked) {
        return Vec::new();
    }
    let entries = match result {
        Ok(entries) => entries,
        Err(refusal) => {
            state.say(format!("the log could not be read: {refusal}"), Tone::Bad);
            return Vec::new();
        }
    };
    state.dirty |= state.tab == Tab::Logs && !entries.is_empty();
    let ended = state
        .jobs
        .get(asked.job)
        .is_some_and(|job| job.state.is_final());
    let size = geometry::log(state);
    let log = &mut state.job_log;
    let (count, full) = (entries.len(), entries.len() >= PAGE);
    match asked.part {
        LogPart::Before(id) => {
            if log.oldest_id() == Some(id) {
                log.prepend(entries);
                if count == 0 {
                    log.set_at_start();
                }
            }
        }
        LogPart::Newest => {
            log.clear();
            log.append(entries);
            state.log_settled = ended && count == 0;
        }
        LogPart::After(_) => {
            // Two answers may overlap; ids grow, so what is there already is told by its id.
            let newest = log.newest_id();
            let fresh = entries
                .into_iter()
                .filter(|entry| newest.is_none_or(|id| entry.id > id))
                .collect();
            // A held view that fell behind reads on when it is moved down.
            log.set_at_end(!full || log.follows());
            log.append(fresh);
            state.log_settled = ended && count == 0;
            if full && state.job_log.follows() {
                // Lines come faster than pages: what is followed is the newest of them.
                return read(state, LogPart::Newest);
            }
        }
        LogPart::Oldest => {
            log.clear();
            log.append(entries);
            log.set_at_start();
            log.set_at_end(!full);
            log.to_first(size);
        }
        LogPart::Around(id) => log.replace_around(entries, id, size),
    }
    Vec::new()
}

/// A search in the stored log came to a line, or to none.
pub fn found(
    state: &mut State,
    asked: &LogQuery,
    result: Result<Option<u64>, Refusal>,
) -> Vec<Effect> {
    done_waiting(state, SEARCHING);
    // What is not searched for any more is not gone to.
    let searched = asked.texts.last();
    let same = matches!(state.log_source, Source::Job { id, .. } if id == asked.job)
        && searched.is_none_or(|text| {
            text == state.job_log.searched_for() || text == state.job_log.filter()
        });
    match result {
        Ok(Some(id)) if same => read(state, LogPart::Around(id)),
        Ok(None) if same && asked.table == state.job_log.scope().table => {
            say_nowhere(state, matches!(asked.part, LogPart::After(_)));
            Vec::new()
        }
        Ok(_) => Vec::new(),
        Err(refusal) => {
            refused(state, "The log could not be searched", &refusal);
            Vec::new()
        }
    }
}

const SEARCHING: &str = "searching the stored log";

fn say_nowhere(state: &mut State, forward: bool) {
    let way = if forward { "below" } else { "above" };
    let text = format!("no line {way} has {:?}", state.log().searched_for());
    state.say(text, Tone::Plain);
}

/// Goes to the next line with what is searched for.
pub fn search(state: &mut State, forward: bool) -> Vec<Effect> {
    let size = geometry::log(state);
    match state.log_mut().search(forward, size) {
        Search::Found => {}
        Search::Idle => state.say("search first: / and a text", Tone::Plain),
        Search::Nowhere => say_nowhere(state, forward),
        Search::Beyond => {
            let part = match (forward, state.job_log.search_from(forward)) {
                (true, Some(id)) => LogPart::After(id),
                (false, Some(id)) => LogPart::Before(id),
                (_, None) => LogPart::Newest,
            };
            if let Some(mut query) = query(state, part) {
                query.texts.push(state.job_log.searched_for().to_owned());
                wait_for(state, SEARCHING.to_owned());
                return vec![Effect::FindLog(query)];
            }
        }
    }
    Vec::new()
}

/// Shows other lines; what is stored of them is read.
fn rescope(state: &mut State, scope: Scope) -> Vec<Effect> {
    let size = geometry::log(state);
    let held = state.log().held_id(size);
    if !state.log_mut().set_scope(scope) || state.log_source == Source::Process {
        return Vec::new();
    }
    state.log_settled = false;
    read(state, held.map_or(LogPart::Newest, LogPart::Around))
}

/// The search or the filter is being typed.
pub fn typing(state: &mut State, text: &str) {
    if state.searching {
        state.log_mut().set_search(text);
        return;
    }
    let scope = Scope {
        text: text.to_owned(),
        ..state.log().scope().clone()
    };
    state.log_mut().set_scope(scope);
}

/// The search or the filter was typed to its end.
pub fn typed(state: &mut State) -> Vec<Effect> {
    if state.searching {
        return if state.log().searched_for().is_empty() {
            Vec::new()
        } else {
            search(state, false)
        };
    }
    if state.log_source == Source::Process {
        return Vec::new();
    }
    state.log_settled = false;
    read(state, LogPart::Newest)
}

/// Takes one narrowing back; `None` when there is none.
pub fn widen(state: &mut State) -> Option<Vec<Effect>> {
    if !state.log().searched_for().is_empty() {
        state.log_mut().set_search("");
        return Some(Vec::new());
    }
    let mut scope = state.log().scope().clone();
    if !scope.text.is_empty() {
        scope.text.clear();
    } else if scope.table.is_some() {
        scope.table = None;
    } else if !scope.names.is_empty() {
        scope.names.clear();
    } else {
        return None;
    }
    Some(rescope(state, scope))
}

/// Whether there is a narrowing to take back.
pub fn is_narrowed(state: &State) -> bool {
    let scope = state.log().scope();
    !state.log().searched_for().is_empty()
        || !scope.text.is_empty()
        || scope.table.is_some()
        || !scope.names.is_empty()
}

/// An action of the tab, moving included.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let size = geometry::log(state);
    let page = size.1.saturating_sub(1).max(1) as isize;
    let edge = match action {
        Action::Up => state.log_mut().step(-1, size),
        Action::Down => state.log_mut().step(1, size),
        Action::PageUp => state.log_mut().step(-page, size),
        Action::PageDown => state.log_mut().step(page, size),
        Action::First => return first(state, size),
        Action::Last => return last(state),
        _ => return look(state, action),
    };
    match edge {
        Edge::Top => older(state),
        Edge::Bottom => newer(state),
        Edge::Inside => Vec::new(),
    }
}

fn look(state: &mut State, action: Action) -> Vec<Effect> {
    let log = state.log_mut();
    match action {
        Action::Follow if log.follows() => log.hold(),
        Action::Follow => return last(state),
        Action::Wrap => log.toggle_wrap(),
        Action::Times => log.toggle_times(),
        Action::ScrollLeft => log.scroll_sideways(-SIDEWAYS),
        Action::ScrollRight => log.scroll_sideways(SIDEWAYS),
        Action::MoreLevels | Action::FewerLevels => {
            let level = log.threshold_by(action == Action::MoreLevels);
            let scope = Scope {
                level,
                ..log.scope().clone()
            };
            return rescope(state, scope);
        }
        Action::FindNext => return search(state, true),
        Action::FindPrevious => return search(state, false),
        Action::SaveLog => return log_save::ask(state),
        Action::CopyLine | Action::CopyScreen => {
            return log_save::copy(state, action == Action::CopyScreen);
        }
        Action::ProcessLogs => state.log_source = Source::Process,
        _ => {}
    }
    Vec::new()
}

fn first(state: &mut State, size: (usize, usize)) -> Vec<Effect> {
    if state.log_source != Source::Process && !state.job_log.is_at_start() {
        return read(state, LogPart::Oldest);
    }
    state.log_mut().to_first(size);
    Vec::new()
}

fn last(state: &mut State) -> Vec<Effect> {
    if state.log_source != Source::Process && !state.job_log.is_at_end() {
        state.log_settled = false;
        return read(state, LogPart::Newest);
    }
    state.log_mut().follow();
    Vec::new()
}

/// Reads older stored lines, if there are any.
fn older(state: &mut State) -> Vec<Effect> {
    if state.log_source == Source::Process || state.job_log.is_at_start() || is_reading(state) {
        return Vec::new();
    }
    match state.job_log.oldest_id() {
        Some(id) => read(state, LogPart::Before(id)),
        None => Vec::new(),
    }
}

/// Reads newer stored lines that the window has moved away from.
fn newer(state: &mut State) -> Vec<Effect> {
    if state.log_source == Source::Process || is_reading(state) {
        return Vec::new();
    }
    match state.job_log.newest_id() {
        Some(id) => read(state, LogPart::After(id)),
        None => Vec::new(),
    }
}
