//! Answers of requests: to the form or picker that waits for them, or to what they were asked for.

use super::{configs, connections, done_waiting, loads, overlays, pickers, refused};
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::form::Purpose;
use crate::dashboard::app::overlay::Overlay;
use crate::dashboard::app::request::{Answer, Answered, Ticket};
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::{Asked, State};

/// A request was answered. Nobody may wait for it any more; then nothing happens.
pub fn arrived(state: &mut State, ticket: Ticket, mut answered: Answered) -> Vec<Effect> {
    state.dirty = true;
    answered = match configs::draft::arrived(state, ticket, answered) {
        Ok(effects) => return effects,
        Err(back) => back,
    };
    for place in (0..state.overlays.len()).rev() {
        let tried = match &state.overlays[place] {
            Overlay::Form(form) if matches!(form.purpose, Purpose::Rule(_)) => {
                configs::draft::previewed(state, place, ticket, answered)
            }
            Overlay::Form(_) => connections::answered(state, place, ticket, answered),
            Overlay::Picker(_) => pickers::answered(state, place, ticket, answered),
            _ => continue,
        };
        match tried {
            Ok(effects) => return effects,
            Err(back) => answered = back,
        }
    }
    match (state.asked.remove(&ticket), answered) {
        (Some(Asked::Health), _) => loads::now(state, &[Load::Connections]),
        (Some(Asked::Columns(words)), Ok(Answer::Table(table))) => {
            done_waiting(state, &words);
            overlays::open_sheet(state, sheets::columns(&table));
            Vec::new()
        }
        (Some(Asked::Dependents(connection)), Ok(Answer::Names(names))) => {
            connections::ask_delete(state, &connection, &names);
            Vec::new()
        }
        (Some(Asked::Deleted(name)), Ok(Answer::Done)) => connections::deleted(state, &name),
        (Some(Asked::Script(words)), Ok(Answer::Script(script))) => {
            done_waiting(state, &words);
            overlays::arrived(state, sheets::script(&script));
            Vec::new()
        }
        (Some(Asked::FirstConfig(words)), Ok(Answer::Config(config))) => {
            pickers::first_config_saved(state, &words, *config)
        }
        (Some(asked), Err(refusal)) => {
            let (words, what) = match &asked {
                Asked::Columns(words) => (words.as_str(), "The table could not be read"),
                Asked::FirstConfig(words) => (words.as_str(), "The config was not saved"),
                Asked::Script(words) => (words.as_str(), "The statements were not written"),
                Asked::Deleted(_) => ("", "The connection was not deleted"),
                Asked::Dependents(_) => ("", "It could not be found out what uses the connection"),
                Asked::Health => ("", "The connection was not checked"),
            };
            done_waiting(state, words);
            refused(state, what, &refusal);
            Vec::new()
        }
        (Some(_), Ok(_)) | (None, _) => Vec::new(),
    }
}
