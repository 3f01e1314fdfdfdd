//! Lists to choose from: the tables of a source to look at or to take, the guided choice of the
//! first start.

use super::{configs, done_waiting, loads, wait_for};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::form::Wait;
use crate::dashboard::app::format;
use crate::dashboard::app::geometry;
use crate::dashboard::app::key::{Code, Key};
use crate::dashboard::app::overlay::Overlay;
use crate::dashboard::app::picker::{PickPurpose, PickRow, Picker, Typing};
use crate::dashboard::app::request::{Answer, Answered, Request, Ticket};
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::{Asked, State};
use crate::dashboard::app::text::Tone;
use crate::model::config::{Config, ConfigSpec};
use crate::model::ids::ConnectionId;
use crate::model::rule::TableRule;

/// Opens the tables of the selected connection, to be looked at.
pub fn browse(state: &mut State) -> Vec<Effect> {
    let Some(connection) = state.connections.selected() else {
        return Vec::new();
    };
    let (id, name) = (connection.id, connection.spec.name.clone());
    let title = format!("Tables of {name} · {}", connection.spec.database);
    let picker = Picker::new(PickPurpose::Browse { connection: id }, title, false);
    open(state, picker, &name)
}

/// Opens the choice of tables for the first config of a connection.
pub fn first_tables(state: &mut State, connection: ConnectionId, name: String) -> Vec<Effect> {
    let title = "First start · 3 of 5 · which tables".to_owned();
    let purpose = PickPurpose::FirstTables {
        connection,
        name: name.clone(),
    };
    open(state, Picker::new(purpose, title, true), &name)
}

/// Lays a picker over the screen and asks for its tables.
pub fn open(state: &mut State, mut picker: Picker, name: &str) -> Vec<Effect> {
    let Some(connection) = picker.purpose.connection() else {
        return Vec::new();
    };
    let ticket = state.ticket();
    picker.wait = Some(Wait {
        words: format!("reading the tables of {name}"),
        since: state.clock.steady,
        ticket,
    });
    state.overlays.push(Overlay::Picker(Box::new(picker)));
    state.dirty = true;
    vec![Effect::Ask(ticket, Request::Tables(connection))]
}

/// The picker that lies on top, to be changed.
pub fn top(state: &mut State) -> Option<&mut Picker> {
    match state.overlays.last_mut() {
        Some(Overlay::Picker(picker)) => Some(picker),
        _ => None,
    }
}

/// A key while a picker lies on top and a filter or a pattern is typed. `None` leaves it to the
/// key map.
pub fn pressed(state: &mut State, key: Key) -> Option<Vec<Effect>> {
    let rows = geometry::picker_rows(state);
    let picker = top(state)?;
    let typing = picker.typing?;
    let page = rows.saturating_sub(1).max(1) as isize;
    match (key.code, typing) {
        (Code::Up, _) => picker.step(-1),
        (Code::Down, _) => picker.step(1),
        (Code::PageUp, _) => picker.step(-page),
        (Code::PageDown, _) => picker.step(page),
        (Code::Tab, Typing::Filter) => picker.mark(),
        (Code::Enter, Typing::Filter) => picker.typing = None,
        (Code::Enter, Typing::Pattern) => {
            let fits = picker.mark_pattern();
            picker.typing = None;
            let words = format!("{} marked", format::plural(fits, "table", "tables"));
            let tone = if fits == 0 { Tone::Warn } else { Tone::Plain };
            state.say(words, tone);
        }
        (Code::Esc, Typing::Filter) => {
            picker.typing = None;
            picker.clear_filter();
        }
        (Code::Esc, Typing::Pattern) => picker.typing = None,
        _ if picker.typed(key) => {}
        _ => return None,
    }
    Some(Vec::new())
}

/// Text was pasted; says whether a picker lies on top.
pub fn pasted(state: &mut State, text: &str) -> bool {
    let Some(picker) = top(state) else {
        return false;
    };
    picker.paste(text);
    state.dirty = true;
    true
}

/// An action of a picker.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let rows = geometry::picker_rows(state);
    let Some(picker) = top(state) else {
        return Vec::new();
    };
    let page = rows.saturating_sub(1).max(1) as isize;
    let far = isize::MAX / 2;
    match action {
        Action::Up => picker.step(-1),
        Action::Down => picker.step(1),
        Action::PageUp => picker.step(-page),
        Action::PageDown => picker.step(page),
        Action::First => picker.step(-far),
        Action::Last => picker.step(far),
        Action::PickMark => picker.mark(),
        Action::PickAll => picker.mark_shown(),
        Action::PickNone => picker.mark_none(),
        Action::PickOrder => picker.next_order(),
        Action::PickFilter => picker.typing = Some(Typing::Filter),
        Action::PickPattern if picker.many => picker.typing = Some(Typing::Pattern),
        Action::PickInfo => return columns(state),
        Action::PickDone if picker.wait.is_some() || picker.rows().is_empty() => {}
        Action::PickDone => return chosen(state),
        Action::ClosePicker => return close(state),
        _ => {}
    }
    Vec::new()
}

/// Shows everything again, gives up what is waited for, or closes.
fn close(state: &mut State) -> Vec<Effect> {
    let Some(picker) = top(state) else {
        return Vec::new();
    };
    if !picker.filter.text().is_empty() {
        picker.clear_filter();
        return Vec::new();
    }
    let wait = picker.wait.take();
    state.overlays.pop();
    wait.map(|wait| Effect::GiveUp(wait.ticket))
        .into_iter()
        .collect()
}

/// Asks for columns and keys of the row with the cursor.
fn columns(state: &mut State) -> Vec<Effect> {
    let Some(picker) = top(state) else {
        return Vec::new();
    };
    let (Some(connection), Some(row)) = (picker.purpose.connection(), picker.current()) else {
        return Vec::new();
    };
    let table = row.name.clone();
    let words = format!("reading {table}");
    wait_for(state, words.clone());
    let ticket = state.ticket();
    state.asked.insert(ticket, Asked::Columns(words));
    vec![Effect::Ask(ticket, Request::Table { connection, table })]
}

/// The choice is made.
fn chosen(state: &mut State) -> Vec<Effect> {
    let Some(picker) = top(state) else {
        return Vec::new();
    };
    match picker.purpose.clone() {
        PickPurpose::Browse { .. } => columns(state),
        PickPurpose::FirstTables { name, .. } => first_config(state, &name),
        PickPurpose::ConfigConnection | PickPurpose::ConfigTables { .. } | PickPurpose::Rules => {
            configs::draft::picked(state)
        }
        #[cfg(test)]
        PickPurpose::Test => Vec::new(),
    }
}

/// Makes the first config: what is marked, everything else as it is by default.
fn first_config(state: &mut State, connection: &str) -> Vec<Effect> {
    let Some(picker) = top(state) else {
        return Vec::new();
    };
    // All of them means those that are made later as well.
    let rules: Vec<TableRule> = if picker.all_marked() {
        vec![TableRule::of_pattern("*")]
    } else {
        let names = picker.marked_names();
        names.iter().map(|name| TableRule::of_table(name)).collect()
    };
    if rules.is_empty() {
        state.say("mark a table first: space marks one, a all", Tone::Warn);
        return Vec::new();
    }
    let spec = ConfigSpec::new(&format!("{connection}-copy"), connection, rules);
    let words = format!("saving {}", spec.name);
    wait_for(state, words.clone());
    let ticket = state.ticket();
    state.asked.insert(ticket, Asked::FirstConfig(words));
    vec![Effect::Ask(ticket, Request::AddConfig(Box::new(spec)))]
}

/// The first config was stored: its plan comes next.
pub fn first_config_saved(state: &mut State, words: &str, config: Config) -> Vec<Effect> {
    let name = config.spec.name.clone();
    done_waiting(state, words);
    state
        .overlays
        .retain(|overlay| !matches!(overlay, Overlay::Picker(p) if p.many));
    state.configs.select(config.id);
    state.configs.put(config);
    wait_for(state, sheets::planning(&name, false));
    let mut effects = vec![Effect::Plan {
        config: name,
        exact: false,
    }];
    effects.extend(loads::now(state, &[Load::Configs, Load::Overview]));
    effects
}

/// An answer for the picker at `place`, if it waits for it; gives it back otherwise.
pub fn answered(
    state: &mut State,
    place: usize,
    ticket: Ticket,
    answered: Answered,
) -> Result<Vec<Effect>, Answered> {
    let Some(Overlay::Picker(picker)) = state.overlays.get_mut(place) else {
        return Err(answered);
    };
    if picker
        .wait
        .as_ref()
        .is_none_or(|wait| wait.ticket != ticket)
    {
        return Err(answered);
    }
    picker.wait = None;
    match answered {
        Ok(Answer::Tables(tables)) => {
            picker.set(tables.iter().map(PickRow::from).collect());
            if tables.is_empty() {
                picker.failed = Some("there is no table in this database".to_owned());
            }
        }
        Ok(_) => {}
        Err(refusal) => picker.failed = Some(refusal.to_string()),
    }
    Ok(Vec::new())
}
