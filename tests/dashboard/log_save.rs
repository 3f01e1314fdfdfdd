//! Logs written into files, lines of them copied.

use db_taxi::dashboard::app::log_query::{LogPart, LogQuery};
use db_taxi::dashboard::app::log_save::{LogSave, SavedFile, SavedLines};
use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::{Effect, Msg, State, update};
use db_taxi::dashboard::ui::theme::Theme;
use db_taxi::model::command::Refusal;
use db_taxi::model::log::Level;

use crate::sample::{self, full, job_id, press};
use crate::screens::{paint, text};

/// What is to be written, of the only effect that there may be.
fn save(effects: &[Effect]) -> (db_taxi::dashboard::app::request::Ticket, LogSave) {
    match effects {
        [Effect::SaveLog(ticket, save)] => (*ticket, (**save).clone()),
        other => panic!("{other:?}"),
    }
}

fn notice(state: &State) -> &str {
    &state.notice.as_ref().unwrap().text
}

#[test]
fn the_whole_log_of_a_job_is_written_unless_only_what_fits_is_wanted() {
    let mut state = full(80, 24);
    press(&mut state, "l - -");
    sample::tick(&mut state, 10);
    let all = LogQuery {
        job: job_id(4),
        part: LogPart::Oldest,
        level: Level::Trace,
        table: None,
        texts: Vec::new(),
    };
    press(&mut state, "s");
    let Some(Overlay::Form(form)) = state.overlays.last() else {
        panic!("no form");
    };
    assert_eq!(form.text("path"), "shop-nightly-20261121-021407.log");
    let (_, whole) = save(&press(&mut state, "ctrl-s"));
    assert_eq!(whole.lines, SavedLines::Stored(all.clone()));
    assert!(!whole.overwrite);
    assert!(state.overlays.is_empty());

    state.log_saving = None;
    press(&mut state, "s tab space");
    let (_, some) = save(&press(&mut state, "ctrl-s"));
    let errors = LogQuery {
        level: Level::Error,
        ..all
    };
    assert_eq!(some.lines, SavedLines::Stored(errors));
}

#[test]
fn of_this_process_the_lines_that_are_kept_are_written() {
    let mut state = full(80, 24);
    press(&mut state, "4 & d e a d l o c k enter s tab space");
    let (_, some) = save(&press(&mut state, "ctrl-s"));
    state.log_saving = None;
    press(&mut state, "s");
    let (_, all) = save(&press(&mut state, "ctrl-s"));
    let count = |save: &LogSave| match &save.lines {
        SavedLines::Kept(lines) => lines.lines().count(),
        other => panic!("{other:?}"),
    };
    assert_eq!(count(&all), state.log().kept());
    assert!(count(&some) > 0 && count(&some) * 5 < count(&all));
}

#[test]
fn progress_is_told_and_the_end_with_lines_and_place() {
    let mut state = full(80, 24);
    press(&mut state, "4 s");
    let (ticket, what) = save(&press(&mut state, "ctrl-s"));
    update(&mut state, Msg::LogSaving(ticket, 120_000));
    let header = |state: &State| {
        let theme = Theme::embedded("default").unwrap();
        let screen = text(&paint(state, &theme, 80, 24));
        screen.lines().next().unwrap().to_owned()
    };
    let told = header(&state);
    assert!(told.ends_with("… log: 120,000 lines written"), "{told}");
    // Leaving would give it up, which is said.
    assert_eq!(press(&mut state, "ctrl-c"), []);
    press(&mut state, "esc");
    // The key asks whether to give it up; nothing else is begun.
    assert_eq!(press(&mut state, "s"), []);
    assert!(matches!(state.overlays.last(), Some(Overlay::Dialog(_))));
    press(&mut state, "esc");
    let ended = |result| Msg::LogSaved {
        ticket,
        save: Box::new(what.clone()),
        result,
    };
    let file = SavedFile {
        path: "/var/tmp/x.log".to_owned(),
        lines: 1_234_567,
    };
    update(&mut state, ended(Ok(file)));
    assert!(!header(&state).contains("written"));
    assert_eq!(notice(&state), "1,234,567 lines written to /var/tmp/x.log");
    update(&mut state, Msg::LogSaving(ticket, 5));
    assert!(state.log_saving.is_none(), "late words mean nothing");
}

#[test]
fn a_file_is_replaced_only_after_that_was_asked() {
    let mut state = full(80, 24);
    press(&mut state, "4 s");
    let (ticket, what) = save(&press(&mut state, "ctrl-s"));
    let there = Msg::LogSaved {
        ticket,
        save: Box::new(what.clone()),
        result: Err(Refusal::Conflict {
            code: "file_exists",
            message: "it exists already".to_owned(),
        }),
    };
    update(&mut state, there);
    sample::tick(&mut state, 10);
    assert_eq!(press(&mut state, "enter"), [], "the harmless answer");
    press(&mut state, "s");
    let (ticket, what) = save(&press(&mut state, "ctrl-s"));
    let there = Msg::LogSaved {
        ticket,
        save: Box::new(what.clone()),
        result: Err(Refusal::Conflict {
            code: "file_exists",
            message: "it exists already".to_owned(),
        }),
    };
    update(&mut state, there);
    sample::tick(&mut state, 20);
    let (_, again) = save(&press(&mut state, "right enter"));
    let replacing = LogSave {
        overwrite: true,
        ..what
    };
    assert_eq!(again, replacing);
}

#[test]
fn what_is_given_up_ends_its_task_and_is_not_waited_for() {
    let mut state = full(80, 24);
    press(&mut state, "4 s");
    let (ticket, _) = save(&press(&mut state, "ctrl-s"));
    press(&mut state, "s");
    sample::tick(&mut state, 10);
    assert_eq!(press(&mut state, "right enter"), [Effect::GiveUp(ticket)]);
    assert!(state.log_saving.is_none());
    assert!(notice(&state).contains("was not written"));
}

#[test]
fn the_marked_line_is_copied_and_without_a_mark_the_screen() {
    let mut state = full(80, 24);
    press(&mut state, "4");
    let copied = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::Copy(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    let screen = copied(press(&mut state, "y"));
    assert_eq!(screen.lines().count(), 19);
    assert_eq!(notice(&state), "copied: 19 lines");
    assert!(state.overlays.is_empty(), "it is on the screen already");
    press(&mut state, "/ d e a d l o c k enter");
    let line = copied(press(&mut state, "y"));
    assert_eq!(line.lines().count(), 1);
    assert!(
        line.starts_with("2026-11-21T02:1") && line.contains("order_items: deadlock"),
        "{line}"
    );
    assert_eq!(copied(press(&mut state, "Y")).lines().count(), 19);
    press(&mut state, "esc");
    assert_eq!(copied(press(&mut state, "y")).lines().count(), 19);
}
