//! What is done from a plan: started, counted exactly, its statements shown.

use crate::dashboard::app::action::Action;
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::overlay::{Overlay, SheetKind};
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::Tone;
use crate::dashboard::app::update::wait_for;

/// An action on the plan that is shown.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(Overlay::Sheet(sheet)) = state.overlays.last_mut() else {
        return Vec::new();
    };
    let SheetKind::Plan(view) = &mut sheet.kind else {
        return Vec::new();
    };
    let config = view.plan.config.clone();
    if view.draft && action != Action::ToggleDdl {
        state.say("save the config first", Tone::Warn);
        return Vec::new();
    }
    match action {
        Action::StartPlanned => {
            state.overlays.pop();
            vec![Effect::StartJob { config }]
        }
        Action::CountExactly => {
            state.overlays.pop();
            wait_for(state, sheets::planning(&config, true));
            vec![Effect::Plan {
                config,
                exact: true,
            }]
        }
        Action::ToggleDdl => {
            view.ddl = !view.ddl;
            let scroll = sheet.scroll;
            if let SheetKind::Plan(view) = std::mem::replace(&mut sheet.kind, SheetKind::Text) {
                *sheet = view.sheet();
                sheet.scroll = scroll;
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}
