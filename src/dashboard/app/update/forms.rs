//! Forms: typing, moving, sending.

use super::{configs, connections, differences, jobs, log_save, overlays};
use crate::dashboard::app::action::{Action, Context};
use crate::dashboard::app::clipboard;
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::form::{Form, Input, Purpose};
use crate::dashboard::app::geometry;
use crate::dashboard::app::key::Key;
use crate::dashboard::app::overlay::Overlay;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};

/// Lays a form over the screen.
pub fn open(state: &mut State, form: Form) {
    state.overlays.push(Overlay::Form(Box::new(form)));
    state.dirty = true;
}

/// The form that lies on top, to be changed.
pub fn top(state: &mut State) -> Option<&mut Form> {
    match state.overlays.last_mut() {
        Some(Overlay::Form(form)) => Some(form),
        _ => None,
    }
}

/// A key while a form lies on top: typed text first, then actions, then what else edits a line.
/// `None` leaves it to the key map.
pub fn pressed(state: &mut State, key: Key) -> Option<Vec<Effect>> {
    let action = state.setup.keymap.action(state.place(), key);
    let form = top(state)?;
    let always = action.is_some_and(|action| action.info().context == Context::Always);
    if form.busy.is_some() && !always {
        return Some(Vec::new());
    }
    if form.on_side() {
        return None;
    }
    if form.wants(key) || action.is_none() {
        let taken = form.key(key);
        return Some(if taken { changed(state) } else { Vec::new() });
    }
    None
}

/// Text was pasted into a form.
pub fn pasted(state: &mut State, text: &str) -> Vec<Effect> {
    match top(state) {
        Some(form) if form.busy.is_none() && !form.on_side() => {
            form.paste(text);
            state.dirty = true;
            changed(state)
        }
        _ => Vec::new(),
    }
}

/// Something was typed or chosen.
fn changed(state: &mut State) -> Vec<Effect> {
    let Some(form) = top(state) else {
        return Vec::new();
    };
    match &form.purpose {
        Purpose::Connection(_) => connections::typed(form),
        Purpose::Rule(_) => configs::draft::typed(state),
        Purpose::Settings(_)
        | Purpose::ImportFile
        | Purpose::ExportFile(_)
        | Purpose::Limits(_)
        | Purpose::Script(_)
        | Purpose::SaveLog => {}
    }
    Vec::new()
}

/// Sends what is typed, unless something is wrong with it.
fn submit(state: &mut State) -> Vec<Effect> {
    let Some(form) = top(state) else {
        return Vec::new();
    };
    if !form.check() {
        return Vec::new();
    }
    match &form.purpose {
        Purpose::Connection(_) => connections::submitted(state),
        Purpose::Rule(_) | Purpose::Settings(_) | Purpose::ImportFile | Purpose::ExportFile(_) => {
            configs::draft::submitted(state)
        }
        Purpose::Limits(_) => jobs::limits_typed(state),
        Purpose::Script(_) => differences::file_named(state),
        Purpose::SaveLog => log_save::submitted(state),
    }
}

/// An action of a form or of what lies beside it.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(form) = top(state) else {
        return Vec::new();
    };
    match action {
        Action::SubmitForm => return submit(state),
        Action::TestTyped => return connections::test_typed(state),
        Action::EnterField => {
            if let Some(Input::Fold(_)) = form.focused().map(|field| &field.input) {
                form.key(Key::char(' '));
            } else if !form.step(true) {
                return submit(state);
            }
        }
        Action::NextField => form.turn(true),
        Action::PreviousField => form.turn(false),
        Action::ShowSide => {
            if let Some(side) = form.side.as_mut().filter(|side| !side.hint) {
                side.focused = true;
            }
        }
        Action::CloseForm => return close(state),
        Action::CopySide => {
            let text = form.side.as_ref().and_then(|side| side.copies.clone());
            return text.map_or(Vec::new(), |text| {
                clipboard::copy(state, "statements", &text)
            });
        }
        Action::LeaveSide => return leave_side(form),
        _ => scroll(state, action),
    }
    Vec::new()
}

/// Closes the form, or asks first.
fn close(state: &mut State) -> Vec<Effect> {
    if state.form().is_some_and(Form::is_changed) {
        overlays::ask_discard(state);
        return Vec::new();
    }
    discard(state)
}

/// Closes the form that lies on top without asking.
pub fn discard(state: &mut State) -> Vec<Effect> {
    let Some(form) = top(state) else {
        return Vec::new();
    };
    let wait = form.side.take().and_then(|side| side.wait);
    state.overlays.pop();
    wait.map(|wait| Effect::GiveUp(wait.ticket))
        .into_iter()
        .collect()
}

/// What would be lost by leaving.
pub fn unsaved(state: &State) -> Option<Line> {
    state.overlays.iter().find_map(|overlay| match overlay {
        Overlay::Form(form) if form.is_changed() => Some(
            Line::of(&form.title, Tone::Strong).and(": what was typed is not saved.", Tone::Plain),
        ),
        _ => None,
    })
}

/// Back to the fields; what is waited for is given up.
fn leave_side(form: &mut Form) -> Vec<Effect> {
    let Some(side) = &mut form.side else {
        return Vec::new();
    };
    side.focused = false;
    match side.wait.take() {
        Some(wait) => {
            side.title = "Test given up".to_owned();
            side.tone = Tone::Dim;
            side.hint = true;
            vec![Effect::GiveUp(wait.ticket)]
        }
        None => Vec::new(),
    }
}

/// Moves in what lies beside a form.
fn scroll(state: &mut State, action: Action) {
    let Some((height, total)) = geometry::side_rows(state) else {
        return;
    };
    let Some(side) = top(state).and_then(|form| form.side.as_mut()) else {
        return;
    };
    let most = total.saturating_sub(height);
    let page = height.saturating_sub(1).max(1);
    let at = side.scroll.min(most);
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => at + page,
        Action::First => 0,
        Action::Last => most,
        _ => at,
    };
    side.scroll = to.min(most);
}
