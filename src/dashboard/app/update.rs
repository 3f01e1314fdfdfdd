//! What a message changes, and what is to be done about it.

mod answers;
mod configs;
mod connections;
mod differences;
mod facts;
mod forms;
mod jobs;
mod keys;
mod loads;
mod log_save;
mod logs;
mod mouse;
mod night;
mod older;
mod overlays;
mod pickers;
mod suspend;
mod typing;

pub use typing::ask_word;

use super::configs::plan_view::PlanView;
use super::effect::{Effect, Load};
use super::geometry;
use super::msg::Msg;
use super::sheets;
use super::state::{State, Tab};
use super::text::Tone;
use crate::model::command::Refusal;

/// Whether the log that is shown is searched or filtered.
#[must_use]
pub fn log_is_narrowed(state: &State) -> bool {
    logs::is_narrowed(state)
}

/// Takes one message. The runtime sets [`State::clock`] before.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        Msg::Key(key) => {
            state.dirty = true;
            night::visited(state);
            // At once, and not with the next second: a visit may be short.
            let mut effects = night::ticked(state);
            effects.extend(keys::pressed(state, key));
            effects
        }
        Msg::Pasted(text) => {
            if forms::top(state).is_some() {
                return forms::pasted(state, &text);
            }
            if !configs::pasted(state, &text) && !pickers::pasted(state, &text) {
                typing::pasted(state, &text);
            }
            Vec::new()
        }
        Msg::Mouse(mouse) => {
            state.dirty = true;
            mouse::did(state, mouse)
        }
        Msg::Resized { width, height } => {
            (state.width, state.height) = (width, height);
            state.dirty = true;
            Vec::new()
        }
        Msg::Settings(Ok(setup)) => {
            state.process_log.set_capacity(setup.log_lines);
            state.job_log.set_capacity(setup.log_lines);
            state.setup = *setup;
            state.say("the settings were read again", Tone::Plain);
            Vec::new()
        }
        Msg::Settings(Err(wrong)) => {
            let told = format!("the settings stay as they are: {wrong}");
            state.say(told, Tone::Warn);
            Vec::new()
        }
        Msg::Ticked => {
            let mut effects = configs::ticked(state);
            effects.extend(loads::ticked(state));
            effects.extend(night::ticked(state));
            effects
        }
        Msg::Happened(event) => facts::happened(state, *event),
        Msg::Logged(entries) => logs::logged(state, entries),
        Msg::Dropped(count) => {
            state.dirty |= state.dropped != count;
            state.dropped = count;
            Vec::new()
        }
        Msg::Loaded(load, result) => facts::loaded(state, load, result),
        Msg::Answered(ticket, answered) => answers::arrived(state, ticket, answered),
        Msg::Tested { name, result } => {
            done_waiting(state, &sheets::testing(&name));
            match result {
                Ok(report) => overlays::open_sheet(state, sheets::test_report(&name, &report)),
                Err(refusal) => refused(state, &format!("Test of {name}"), &refusal),
            }
            loads::now(state, &[Load::Connections])
        }
        Msg::Planned {
            config,
            exact,
            result,
        } => {
            done_waiting(state, &sheets::planning(&config, exact));
            match result {
                Ok(plan) => overlays::arrived(state, PlanView::new(*plan, exact).sheet()),
                Err(refusal) => refused(state, &format!("Plan of {config}"), &refusal),
            }
            Vec::new()
        }
        Msg::Started { config, result } => match result {
            Ok(job) => {
                state.say(format!("{config}: queued"), Tone::Good);
                jobs::show_new(state, *job)
            }
            Err(refusal) => {
                refused(state, &format!("{config} was not started"), &refusal);
                Vec::new()
            }
        },
        Msg::Config(told) => configs::told(state, told),
        Msg::LogRead { query, result } => logs::stored_lines(state, &query, result),
        Msg::LogFound { query, result } => logs::found(state, &query, result),
        Msg::DifferencesRead { query, result } => {
            differences::read(state, &query, result);
            Vec::new()
        }
        Msg::LogSaving(ticket, lines) => {
            log_save::progressed(state, ticket, lines);
            Vec::new()
        }
        Msg::LogSaved {
            ticket,
            save,
            result,
        } => log_save::ended(state, ticket, *save, result),
        Msg::Parked(done) => suspend::parked(state, done),
        Msg::Commanded {
            config,
            command,
            result,
        } => jobs::commanded(state, &config, &command, result),
        Msg::JobAnswered {
            id,
            config,
            question,
            result,
        } => jobs::answered(state, id, &config, question, result),
        Msg::Remembered(result) => {
            night::remembered(state, result);
            Vec::new()
        }
        Msg::Stopped(result) => {
            match result {
                Ok(job) => state.say(
                    format!("{}: stops after the batch in hand", job.config),
                    Tone::Plain,
                ),
                Err(refusal) => refused(state, "The job was not stopped", &refusal),
            }
            loads::now(state, &[Load::Jobs])
        }
    };
    settle(state);
    effects
}

/// Keeps what is selected on the screen.
fn settle(state: &mut State) {
    configs::settle(state);
    geometry::lay_sheets(state);
    let rows = geometry::picker_rows(state);
    if let Some(picker) = pickers::top(state) {
        picker.keep_visible(rows);
    }
    let rows = geometry::list_rows(state);
    match state.tab {
        Tab::Connections => state.connections.keep_visible(rows),
        Tab::Configs => state.configs.keep_visible(rows),
        Tab::Jobs => {
            state.jobs.keep_visible(rows);
            let rows = geometry::table_rows(state);
            if let Some(detail) = &mut state.detail {
                detail.keep_visible(rows);
            }
        }
        Tab::Logs => {}
    }
}

/// Says a word while a person waits for something.
fn wait_for(state: &mut State, what: String) {
    if !state.waiting.contains(&what) {
        state.waiting.push(what);
    }
}

fn done_waiting(state: &mut State, what: &str) {
    state.waiting.retain(|waiting| waiting != what);
    state.dirty = true;
}

/// Shows a refusal: what failed, why, what to do.
fn refused(state: &mut State, what: &str, refusal: &Refusal) {
    overlays::open_sheet(state, sheets::refusal(what, refusal));
}
