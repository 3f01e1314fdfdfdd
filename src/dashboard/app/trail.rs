//! The way to what is shown: breadcrumbs.

use super::log_view::Source;
use super::overlay::Overlay;
use super::state::{State, Tab};

/// From the tab inwards; the tab alone where nothing is open.
#[must_use]
pub fn trail(state: &State) -> Vec<String> {
    let mut trail = vec![state.tab.title().to_owned()];
    match (state.tab, &state.detail, &state.log_source) {
        (Tab::Jobs, Some(detail), _) => trail.push(detail.job.config.clone()),
        (Tab::Logs, _, Source::Job { config, .. }) => trail.push(config.clone()),
        _ => {}
    }
    trail.extend(state.overlays.iter().filter_map(|overlay| match overlay {
        Overlay::Sheet(sheet) => Some(sheet.title.clone()),
        Overlay::Dialog(dialog) => Some(dialog.title.clone()),
        Overlay::Confirm(confirm) => Some(confirm.title.clone()),
        Overlay::Editor(editor) => Some(editor.name.clone()),
        Overlay::Form(form) => Some(form.title.clone()),
        Overlay::Picker(picker) => Some(picker.title.clone()),
        Overlay::Differences(_) => Some("Differences".to_owned()),
        Overlay::Night(_) => Some("What failed".to_owned()),
        Overlay::Palette(_) => None,
    }));
    trail
}
