//! Keys while a line of text is typed: the filter, the palette, a word that is asked for, a search
//! in a sheet. Letters are text; the rest is looked up in the key map.

use super::{keys, logs, overlays};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::confirm::Confirm;
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::entry;
use crate::dashboard::app::key::{Code, Key};
use crate::dashboard::app::keymap::TYPING;
use crate::dashboard::app::overlay::{Dialog, Overlay};
use crate::dashboard::app::palette::Palette;
use crate::dashboard::app::state::{State, Tab};

/// Whether what has the focus takes letters as text.
pub fn takes(state: &State) -> bool {
    match state.overlays.last() {
        Some(Overlay::Palette(_) | Overlay::Confirm(_)) => true,
        Some(Overlay::Sheet(sheet)) => sheet.typing,
        Some(
            Overlay::Dialog(_)
            | Overlay::Editor(_)
            | Overlay::Form(_)
            | Overlay::Picker(_)
            | Overlay::Night(_)
            | Overlay::Differences(_),
        ) => false,
        None => state.typing.is_some(),
    }
}

/// A key for it.
pub fn pressed(state: &mut State, key: Key) -> Vec<Effect> {
    let letter = matches!((key.code, key.ctrl), (Code::Char(_), false));
    let action = match letter {
        true => None,
        false => state.setup.keymap.action(TYPING, key),
    };
    match action {
        Some(Action::QuitRequest) => return overlays::quit_request(state),
        Some(Action::Redraw | Action::Suspend) => {
            return keys::act(state, action.unwrap_or(Action::Redraw));
        }
        _ => {}
    }
    match state.overlays.last_mut() {
        Some(Overlay::Palette(palette)) => {
            if action.is_none() && entry::edit(&mut palette.typed, key) {
                palette.find();
            }
            in_palette(state, action)
        }
        Some(Overlay::Confirm(confirm)) => {
            let now = state.clock.steady;
            let deaf = now < confirm.opened_at + Dialog::DEAF;
            if action.is_none() && !deaf {
                entry::edit(&mut confirm.typed, key);
            }
            in_confirm(state, action.filter(|a| *a == Action::CancelTyped || !deaf))
        }
        Some(Overlay::Sheet(sheet)) => {
            match action {
                Some(Action::AcceptTyped) => sheet.typing = false,
                Some(Action::CancelTyped) => sheet.forget_search(),
                Some(_) => {}
                None => {
                    entry::edit(&mut sheet.search, key);
                    sheet.scroll = 0;
                }
            }
            Vec::new()
        }
        Some(
            Overlay::Dialog(_)
            | Overlay::Editor(_)
            | Overlay::Form(_)
            | Overlay::Picker(_)
            | Overlay::Night(_)
            | Overlay::Differences(_),
        ) => Vec::new(),
        None => in_filter(state, action, key),
    }
}

/// Text was pasted; it only has a meaning where text is typed.
pub fn pasted(state: &mut State, text: &str) {
    match state.overlays.last_mut() {
        Some(Overlay::Palette(palette)) => {
            entry::paste(&mut palette.typed, text);
            palette.find();
        }
        Some(Overlay::Confirm(confirm)) => entry::paste(&mut confirm.typed, text),
        Some(Overlay::Sheet(sheet)) if sheet.typing => entry::paste(&mut sheet.search, text),
        None if state.typing.is_some() => {
            if let Some(typing) = &mut state.typing {
                entry::paste(typing, text);
            }
            keys::apply_filter(state);
        }
        _ => return,
    }
    state.dirty = true;
}

/// Opens the palette.
pub fn open_palette(state: &mut State) {
    let palette = Palette::new(state);
    state.overlays.push(Overlay::Palette(palette));
}

fn in_palette(state: &mut State, action: Option<Action>) -> Vec<Effect> {
    let Some(Overlay::Palette(palette)) = state.overlays.last_mut() else {
        return Vec::new();
    };
    match action {
        Some(Action::NextMatch) => palette.step(1),
        Some(Action::PreviousMatch) => palette.step(-1),
        Some(Action::CancelTyped) => {
            state.overlays.pop();
        }
        Some(Action::AcceptTyped) => {
            let chosen = palette.chosen().map(|entry| entry.action);
            state.overlays.pop();
            if let Some(chosen) = chosen {
                return keys::act(state, chosen);
            }
        }
        _ => {}
    }
    Vec::new()
}

fn in_confirm(state: &mut State, action: Option<Action>) -> Vec<Effect> {
    match (action, state.overlays.last()) {
        (Some(Action::CancelTyped), _) => {
            state.overlays.pop();
        }
        (Some(Action::AcceptTyped), Some(Overlay::Confirm(confirm))) if confirm.holds() => {
            let answer = confirm.answer.clone();
            state.overlays.pop();
            return overlays::answered(state, answer);
        }
        _ => {}
    }
    Vec::new()
}

fn in_filter(state: &mut State, action: Option<Action>, key: Key) -> Vec<Effect> {
    let Some(typing) = &mut state.typing else {
        return Vec::new();
    };
    match action {
        Some(Action::AcceptTyped) => {
            state.typing = None;
            if state.tab == Tab::Logs {
                return logs::typed(state);
            }
        }
        Some(Action::CancelTyped) => {
            *typing = std::mem::take(&mut state.typed_over);
            keys::apply_filter(state);
            state.typing = None;
        }
        Some(_) => {}
        None => {
            if entry::edit(typing, key) {
                keys::apply_filter(state);
            }
        }
    }
    Vec::new()
}

/// Asks for a word before something is lost.
pub fn ask_word(state: &mut State, mut confirm: Confirm) {
    confirm.opened_at = state.clock.steady;
    state.overlays.push(Overlay::Confirm(confirm));
    state.dirty = true;
}
