//! What a job found to differ: read page by page, one table or all, written as statements.

use db_taxi::dashboard::app::differences::{DifferencePart, DifferenceQuery};
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::request::{Answer, Request, Ticket};
use db_taxi::dashboard::app::{Effect, Load, Msg, State, update};
use db_taxi::model::error::{ErrorCode, ErrorInfo};
use db_taxi::model::report::RepairScript;

use crate::sample::{self, full, press};

/// The shop with a comparison open that found differences in two tables.
fn compared() -> State {
    let mut job = sample::verify_job();
    job.tables[1].verified.differences = 3;
    let mut state = full(80, 24);
    state.detail = None;
    state.jobs.select(job.id);
    press(&mut state, "enter");
    sample::load(&mut state, Load::Job(job.id), Loaded::Job(Box::new(job)));
    state
}

fn asked(effects: &[Effect]) -> Option<DifferenceQuery> {
    effects.iter().find_map(|effect| match effect {
        Effect::ReadDifferences(query) => Some(query.clone()),
        _ => None,
    })
}

#[test]
fn the_differences_of_the_selected_table_come_first_then_the_next_then_all() {
    let mut state = compared();
    let query = asked(&press(&mut state, "j d")).unwrap();
    assert_eq!(query.table.as_deref(), Some("logins"));
    let query = asked(&press(&mut state, "t")).unwrap();
    assert_eq!((query.table, query.part), (None, DifferencePart::First));
    let query = asked(&press(&mut state, "t")).unwrap();
    assert_eq!(query.table.as_deref(), Some("users"));
    // The answer to a question that is not asked any more.
    let late = DifferenceQuery {
        table: None,
        ..query
    };
    let result = Ok(sample::differences());
    update(
        &mut state,
        Msg::DifferencesRead {
            query: late,
            result,
        },
    );
    let Some(Overlay::Differences(window)) = state.overlays.last() else {
        panic!("closed");
    };
    assert_eq!(window.kept(), (0, 0));
    press(&mut state, "q");
    assert!(state.overlays.is_empty());
}

#[test]
fn they_are_offered_only_where_there_are_any() {
    use db_taxi::dashboard::app::Action;
    let state = compared();
    assert!(state.offers(Action::ShowDifferences));
    let mut state = full(80, 24);
    state.detail = None;
    press(&mut state, "G enter");
    assert!(!state.offers(Action::ShowDifferences));
}

#[test]
fn the_statements_that_repair_are_written_into_a_file_that_is_named() {
    let mut state = compared();
    press(&mut state, "d w");
    assert_eq!(state.form().unwrap().text("path"), "repair-users-15min.sql");
    let effects = press(&mut state, "ctrl-s");
    let [Effect::Ask(ticket, Request::RepairScript { of, path })] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (of.tables.as_slice(), path.as_str()),
        (&["users".to_owned()][..], "repair-users-15min.sql")
    );
    assert_eq!(state.waiting.len(), 1);
    let mut given_up = state.clone();
    assert_eq!(press(&mut given_up, "w"), [Effect::GiveUp(*ticket)]);
    assert!(given_up.waiting.is_empty());
    let script = RepairScript {
        file: "/root/repair.sql".to_owned(),
        tables: vec![
            ("users".to_owned(), Ok(12)),
            (
                "logins".to_owned(),
                Err(ErrorInfo::new(ErrorCode::NoKey, "it has no key")),
            ),
        ],
    };
    let ticket = Ticket(ticket.0);
    update(
        &mut state,
        Msg::Answered(ticket, Ok(Answer::Script(Box::new(script)))),
    );
    assert!(state.waiting.is_empty());
    let Some(Overlay::Sheet(sheet)) = state.overlays.last() else {
        panic!("nothing is told");
    };
    let told: String = sheet.lines.iter().map(|line| line.text() + "\n").collect();
    for word in [
        "/root/repair.sql",
        "users: 12 rows",
        "logins: it has no key",
        "Nothing was changed",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
}
