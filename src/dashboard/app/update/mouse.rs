//! The mouse: as if keys had been pressed.

use super::{keys, loads, overlays};
use crate::dashboard::app::action::{Action, Context};
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::geometry;
use crate::dashboard::app::list::{List, Listed};
use crate::dashboard::app::mouse::{Did, Mouse};
use crate::dashboard::app::state::{State, Tab};

/// Lines that one notch of the wheel moves.
const NOTCH: usize = 3;

/// Does what the mouse did.
pub fn did(state: &mut State, mouse: Mouse) -> Vec<Effect> {
    match mouse.did {
        Did::WheelUp => turned(state, Action::Up),
        Did::WheelDown => turned(state, Action::Down),
        Did::Click => clicked(state, mouse),
    }
}

fn turned(state: &mut State, action: Action) -> Vec<Effect> {
    if state.typing.is_some() || !state.place().contains(&Context::Move) {
        return Vec::new();
    }
    let mut effects = Vec::new();
    for _ in 0..NOTCH {
        effects.extend(match state.overlays.is_empty() {
            true => keys::act(state, action),
            false => overlays::act(state, action),
        });
    }
    effects
}

fn clicked(state: &mut State, mouse: Mouse) -> Vec<Effect> {
    if !state.overlays.is_empty() || state.typing.is_some() {
        return Vec::new();
    }
    if let Some(tab) = geometry::tab_at(state, mouse.x, mouse.y) {
        state.tab = tab;
        return loads::due(state);
    }
    let Some(row) = geometry::list_row_at(state, mouse.y) else {
        return Vec::new();
    };
    match state.tab {
        Tab::Connections => pick(&mut state.connections, row),
        Tab::Configs => pick(&mut state.configs, row),
        Tab::Jobs => pick(&mut state.jobs, row),
        Tab::Logs => {}
    }
    Vec::new()
}

fn pick<T: Listed + PartialEq>(list: &mut List<T>, row: usize) {
    let place = list.offset() + row;
    if place < list.shown().len() {
        list.select_place(place);
    }
}
