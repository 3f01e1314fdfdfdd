//! Connections: the form that adds and changes them, its test, the first start.

use super::{forms, loads, overlays, pickers};
use crate::dashboard::app::confirm::Confirm;
use crate::dashboard::app::connection_form;
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::form::{Form, Problem, Purpose, Side, Wait};
use crate::dashboard::app::overlay::{Answer as Chosen, Overlay, Sheet};
use crate::dashboard::app::purpose::ConnectionDraft;
use crate::dashboard::app::request::{Answer, Answered, Request, Ticket};
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::{Asked, State, Tab};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::command::Refusal;
use crate::model::connection::Connection;
use crate::model::report::TestReport;

/// Opens the form for a new connection; on an empty installation, as the first step of the guided
/// path.
pub fn add(state: &mut State) -> Vec<Effect> {
    let mut form = if state.nothing_is_set_up() {
        connection_form::first()
    } else {
        connection_form::add()
    };
    form.side = Some(hint());
    state.tab = Tab::Connections;
    forms::open(state, form);
    Vec::new()
}

/// Opens the form for the selected connection.
pub fn edit(state: &mut State) -> Vec<Effect> {
    let Some(connection) = state.connections.selected() else {
        return Vec::new();
    };
    let mut form = connection_form::edit(connection);
    form.side = Some(hint());
    forms::open(state, form);
    Vec::new()
}

/// What the pane beside the form says before there is a report.
fn hint() -> Side {
    let lines = vec![Line::of(
        "ctrl-t tests what is typed, without saving it: reach and login, TLS, privileges with the \
         GRANT for what is missing, binlog, clocks.",
        Tone::Dim,
    )];
    Side::text("Test", lines).hint()
}

fn draft(form: &mut Form) -> Option<&mut ConnectionDraft> {
    match &mut form.purpose {
        Purpose::Connection(draft) => Some(draft),
        _ => None,
    }
}

/// Something was typed: what was tested is not what is there.
pub fn typed(form: &mut Form) {
    let Some(draft) = draft(form) else {
        return;
    };
    let was_tested = draft.tested.take().is_some();
    if draft.first {
        form.verb = "test";
    }
    if let Some(side) = form.side.as_mut().filter(|_| was_tested) {
        side.title = format!("{} · of what was typed before", side.title);
        side.tone = Tone::Dim;
    }
}

/// Tests what is typed.
pub fn test_typed(state: &mut State) -> Vec<Effect> {
    let ticket = state.ticket();
    let since = state.clock.steady;
    let Some(form) = forms::top(state) else {
        return Vec::new();
    };
    if !form.purpose.can_be_tested() || !form.check() {
        return Vec::new();
    }
    let spec = match connection_form::spec(form) {
        Ok(spec) => spec,
        Err(findings) => {
            form.tell(findings.iter().map(Problem::of).collect());
            return Vec::new();
        }
    };
    let before = form.side.take().and_then(|side| side.wait);
    let words = format!("testing {}", sheets::address(&spec));
    form.side = Some(Side::waiting(
        "Test",
        Wait {
            words,
            since,
            ticket,
        },
    ));
    let id = draft(form).and_then(|draft| draft.id);
    let request = Request::TestTyped {
        id,
        spec: Box::new(spec),
    };
    let mut effects = vec![Effect::Ask(ticket, request)];
    effects.extend(before.map(|wait| Effect::GiveUp(wait.ticket)));
    effects
}

/// A test of what was typed ended.
pub fn tested(form: &mut Form, result: Result<TestReport, Refusal>) {
    let Some(side) = &mut form.side else {
        return;
    };
    side.wait = None;
    let ok = match result {
        Ok(report) => {
            let sheet = sheets::test_report("what is typed", &report);
            side.title = if report.ok {
                "Test: ok"
            } else {
                "Test: failed"
            }
            .to_owned();
            (side.tone, side.lines) = (sheet.tone, sheet.lines);
            side.copies = sheets::grants(&report);
            report.ok
        }
        Err(Refusal::Invalid(findings)) => {
            side.title = "Test".to_owned();
            form.tell(findings.iter().map(Problem::of).collect());
            form.side = Some(hint());
            return;
        }
        Err(refusal) => {
            let sheet = sheets::refusal("Test: not done", &refusal);
            side.title = sheet.title;
            (side.tone, side.lines) = (sheet.tone, sheet.lines);
            false
        }
    };
    let Some(draft) = draft(form) else {
        return;
    };
    draft.tested = Some(ok);
    if draft.first {
        form.verb = if ok { "save, go on" } else { "save anyway" };
    }
}

/// The form was sent: saves, on a first start after a test of the same values.
pub fn submitted(state: &mut State) -> Vec<Effect> {
    let ticket = state.ticket();
    let since = state.clock.steady;
    let Some(form) = forms::top(state) else {
        return Vec::new();
    };
    let Some(draft) = draft(form).cloned() else {
        return Vec::new();
    };
    if draft.first && draft.tested.is_none() {
        return test_typed(state);
    }
    match connection_form::spec(form) {
        Ok(spec) => {
            form.busy = Some(Wait {
                words: "saving".to_owned(),
                since,
                ticket,
            });
            let request = Request::SaveConnection {
                id: draft.id,
                version: draft.version,
                spec: Box::new(spec),
            };
            vec![Effect::Ask(ticket, request)]
        }
        Err(findings) => {
            form.tell(findings.iter().map(Problem::of).collect());
            Vec::new()
        }
    }
}

/// The connection of the form at `place` was stored: the form goes; on a first start the tables
/// come, else its health is looked at.
fn saved(state: &mut State, place: usize, connection: Connection) -> Vec<Effect> {
    let Overlay::Form(mut form) = state.overlays.remove(place) else {
        return Vec::new();
    };
    let waited = form.side.take().and_then(|side| side.wait);
    let first = draft(&mut form).is_some_and(|draft| draft.first);
    let id = connection.id;
    let name = connection.spec.name.clone();
    state.say(format!("{name}: saved"), Tone::Good);
    state.connections.put(connection);
    state.connections.select(id);
    let mut effects: Vec<Effect> = waited
        .map(|wait| Effect::GiveUp(wait.ticket))
        .into_iter()
        .collect();
    if first {
        effects.extend(pickers::first_tables(state, id, name));
    }
    let ticket = state.ticket();
    state.asked.insert(ticket, Asked::Health);
    effects.push(Effect::Ask(ticket, Request::CheckHealth(id)));
    effects.extend(loads::now(state, &[Load::Connections, Load::Overview]));
    effects
}

/// An answer for the form at `place`, if it waits for it; gives it back otherwise.
pub fn answered(
    state: &mut State,
    place: usize,
    ticket: Ticket,
    answered: Answered,
) -> Result<Vec<Effect>, Answered> {
    let Some(Overlay::Form(form)) = state.overlays.get_mut(place) else {
        return Err(answered);
    };
    let waits = |wait: &Option<Wait>| wait.as_ref().is_some_and(|wait| wait.ticket == ticket);
    if waits(&form.busy) {
        return Ok(match answered {
            Ok(Answer::Connection(connection)) => saved(state, place, *connection),
            Ok(_) => Vec::new(),
            Err(refusal) => {
                form.refused(&refusal);
                Vec::new()
            }
        });
    }
    if form.side.as_ref().is_some_and(|side| waits(&side.wait)) {
        match answered {
            Ok(Answer::Report(report)) => tested(form, Ok(*report)),
            Ok(_) => {}
            Err(refusal) => tested(form, Err(refusal)),
        }
        return Ok(Vec::new());
    }
    Err(answered)
}

/// Asks what uses the selected connection before it is deleted.
pub fn delete(state: &mut State) -> Vec<Effect> {
    let Some(connection) = state.connections.selected().cloned() else {
        return Vec::new();
    };
    let id = connection.id;
    let ticket = state.ticket();
    state
        .asked
        .insert(ticket, Asked::Dependents(Box::new(connection)));
    vec![Effect::Ask(ticket, Request::Dependents(id))]
}

/// Asks for the name of a connection that nothing uses; tells what uses it otherwise.
pub fn ask_delete(state: &mut State, connection: &Connection, dependents: &[String]) {
    let name = &connection.spec.name;
    if dependents.is_empty() {
        let ticket = state.ticket();
        state.asked.insert(ticket, Asked::Deleted(name.clone()));
        let deletes = Effect::Ask(ticket, Request::DeleteConnection(connection.id));
        let lines = vec![
            Line::of(name, Tone::Strong).and(
                format!(
                    " ({}, {} into local {})",
                    sheets::address(&connection.spec),
                    connection.spec.database,
                    connection.spec.target_database()
                ),
                Tone::Plain,
            ),
            Line::plain("No config and no job uses it. Its account and its sealed password go."),
            Line::plain(format!(
                "The copies in {} on the local server stay.",
                connection.spec.target_database()
            )),
        ];
        let question = Confirm::new(
            "Delete this connection?",
            lines,
            name,
            "delete it",
            Chosen::Do(deletes),
        );
        super::ask_word(state, question);
        return;
    }
    let mut lines = vec![Line::plain(format!("{name} is used by")), Line::empty()];
    lines.extend(dependents.iter().map(|d| Line::plain(format!("  {d}"))));
    lines.push(Line::empty());
    lines.push(Line::plain(
        "Delete these configs first (tab 2), and let these jobs end or stop them (tab 3).",
    ));
    let sheet = Sheet::text(format!("{name} can't be deleted yet"), lines).tone(Tone::Warn);
    overlays::open_sheet(state, sheet);
}

/// A connection was deleted.
pub fn deleted(state: &mut State, name: &str) -> Vec<Effect> {
    state.say(format!("{name}: deleted"), Tone::Plain);
    loads::now(state, &[Load::Connections, Load::Overview])
}
