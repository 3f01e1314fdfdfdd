//! The table of actions: bound, told in the help, doing something.

use db_taxi::dashboard::app::action::ACTIONS;
use db_taxi::dashboard::app::keymap::PLACES;
use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::{Action, State};

use crate::sample;

fn help_text(state: &mut State) -> String {
    sample::press(state, "?");
    let Some(Overlay::Sheet(sheet)) = state.overlays.last() else {
        panic!("no help");
    };
    sheet.lines.iter().map(|line| line.text() + "\n").collect()
}

#[test]
fn the_help_lists_every_action_with_its_keys_wherever_it_is_opened() {
    for tab in ["1", "2", "3", "4", "3 enter"] {
        let mut state = sample::full(120, 40);
        sample::press(&mut state, tab);
        let help = help_text(&mut state);
        for row in ACTIONS {
            let line = help
                .lines()
                .find(|line| line.contains(row.help) && line.trim_start().starts_with(row.keys[0]));
            assert!(line.is_some(), "{} is not in the help of {tab}", row.id);
        }
    }
}

#[test]
fn the_help_begins_with_the_place_it_was_opened_from() {
    for (tab, heading) in [("1", "Connections"), ("2", "Sync configs"), ("4", "Logs")] {
        let mut state = sample::full(120, 40);
        sample::press(&mut state, tab);
        assert!(help_text(&mut state).starts_with(heading), "{tab}");
    }
}

#[test]
fn destructive_actions_write_and_writing_ones_are_marked_off_when_read_only() {
    for row in ACTIONS.iter().filter(|row| row.destructive) {
        assert!(row.writes, "{}", row.id);
    }
    let mut state = sample::full(120, 40);
    state.setup.read_only = true;
    let help = help_text(&mut state);
    let off = help.matches("(off: read-only)").count();
    assert_eq!(off, ACTIONS.iter().filter(|row| row.writes).count());
}

#[test]
fn every_place_has_a_way_out() {
    for place in PLACES {
        let out = [
            Action::Quit,
            Action::CloseSheet,
            Action::CloseDialog,
            Action::LeaveEditor,
            Action::CancelTyped,
            Action::CloseForm,
            Action::LeaveSide,
            Action::ClosePicker,
            Action::NightLater,
            Action::CloseDifferences,
        ];
        assert!(
            out.iter().any(|a| place.contains(&a.info().context)),
            "{place:?}"
        );
        assert!(place.contains(&Action::QuitRequest.info().context));
    }
}
