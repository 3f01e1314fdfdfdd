//! The tab of logs: what is read of a stored log, and when; searching; what is shown.

use db_taxi::dashboard::app::log_query::{LogPart, LogQuery};
use db_taxi::dashboard::app::log_view::Source;
use db_taxi::dashboard::app::{Effect, Msg, State, Tab, update};
use db_taxi::model::log::{Level, LogEntry};

use crate::sample::{self, full, job_id, press};

fn query(part: LogPart) -> LogQuery {
    LogQuery {
        job: job_id(4),
        part,
        level: Level::Info,
        table: None,
        texts: Vec::new(),
    }
}

fn answer(state: &mut State, query: LogQuery, lines: Vec<LogEntry>) -> Vec<Effect> {
    update(
        state,
        Msg::LogRead {
            query,
            result: Ok(lines),
        },
    )
}

fn screen(state: &State) -> Vec<u64> {
    let entries = state.log().entries(78, 19);
    entries.iter().map(|entry| entry.id).collect()
}

/// Info lines with these ids.
fn lines(ids: std::ops::Range<u64>) -> Vec<LogEntry> {
    ids.map(|n| sample::log(n, Level::Info, "orders", &format!("range {n} committed")))
        .collect()
}

/// The log of the running job, its lines 100 to 200 read.
fn of_job() -> State {
    let mut state = full(80, 24);
    assert_eq!(
        press(&mut state, "l"),
        [Effect::ReadLog(query(LogPart::Newest))]
    );
    answer(&mut state, query(LogPart::Newest), lines(100..200));
    state
}

#[test]
fn the_job_log_is_read_forward_and_backward_without_repeating_lines() {
    let mut state = of_job();
    assert_eq!(state.tab, Tab::Logs);
    assert!(matches!(&state.log_source, Source::Job { config, .. } if config == "shop-nightly"));
    sample::tick(&mut state, 10);
    let effects = update(&mut state, Msg::Ticked);
    assert!(
        effects.contains(&Effect::ReadLog(query(LogPart::After(199)))),
        "{effects:?}"
    );
    answer(&mut state, query(LogPart::After(199)), lines(195..210));
    assert_eq!(state.job_log.newest_id(), Some(209));
    assert_eq!(state.job_log.kept(), 110, "no line twice");
    press(&mut state, "pgup pgup pgup pgup pgup pgup");
    let before = screen(&state);
    let effects = press(&mut state, "k");
    assert_eq!(effects, [Effect::ReadLog(query(LogPart::Before(100)))]);
    assert_eq!(press(&mut state, "k"), [], "it is being read");
    answer(&mut state, query(LogPart::Before(100)), lines(50..100));
    assert_eq!(screen(&state), before, "what is read stays");
    press(&mut state, "k");
    assert_eq!(screen(&state)[0], 99);
}

#[test]
fn a_log_that_is_written_faster_than_pages_are_read_is_followed_at_its_end() {
    let mut state = of_job();
    sample::tick(&mut state, 10);
    update(&mut state, Msg::Ticked);
    let effects = answer(&mut state, query(LogPart::After(199)), lines(200..700));
    assert_eq!(effects, [Effect::ReadLog(query(LogPart::Newest))]);
    answer(&mut state, query(LogPart::Newest), lines(90_000..90_500));
    assert_eq!(screen(&state).last(), Some(&90_499));
    // What is read meanwhile does not move.
    press(&mut state, "pgup");
    let before = screen(&state);
    sample::tick(&mut state, 20);
    update(&mut state, Msg::Ticked);
    let effects = answer(
        &mut state,
        query(LogPart::After(90_499)),
        lines(90_500..91_000),
    );
    assert_eq!(effects, []);
    assert_eq!(screen(&state), before);
}

#[test]
fn the_first_and_the_last_line_are_one_key_away_however_long_the_log() {
    let mut state = of_job();
    assert_eq!(
        press(&mut state, "g"),
        [Effect::ReadLog(query(LogPart::Oldest))]
    );
    answer(&mut state, query(LogPart::Oldest), lines(1..501));
    assert_eq!(screen(&state)[0], 1);
    assert_eq!(press(&mut state, "g k"), [], "the beginning was reached");
    sample::tick(&mut state, 10);
    let effects = update(&mut state, Msg::Ticked);
    let reads = |effect: &Effect| matches!(effect, Effect::ReadLog(_));
    assert!(
        !effects.iter().any(reads),
        "far from the end nothing is followed"
    );
    assert_eq!(
        press(&mut state, "G"),
        [Effect::ReadLog(query(LogPart::Newest))]
    );
    answer(&mut state, query(LogPart::Newest), lines(900..1000));
    assert!(state.log().follows());
    assert_eq!(screen(&state).last(), Some(&999));
}

#[test]
fn a_held_log_stays_while_hundreds_of_thousands_of_lines_come() {
    let mut state = full(80, 24);
    press(&mut state, "4 pgup");
    let before = state.log().rows(78, 19);
    for _ in 0..300 {
        update(&mut state, Msg::Logged(sample::log_lines(1000)));
        assert_eq!(state.log().rows(78, 19), before);
    }
    assert!(state.log().kept() <= 20_700);
    press(&mut state, "G");
    assert!(state.log().follows());
}

#[test]
fn a_search_goes_up_and_n_goes_down() {
    let mut state = full(80, 24);
    press(&mut state, "4 / D E A D L O C K enter");
    assert!(state.typing.is_none());
    assert!(!state.log().follows());
    let first = screen(&state);
    assert!(first.iter().any(|id| id % 7 == 3));
    press(&mut state, "N N N N N N");
    assert_ne!(screen(&state), first);
    press(&mut state, "n n n n n n n n n n n n");
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("no line below has")
    );
    press(&mut state, "esc");
    assert_eq!(state.log().searched_for(), "");
    assert_eq!(state.tab, Tab::Logs, "esc takes the search back first");
}

#[test]
fn a_search_goes_on_in_what_is_stored() {
    let mut state = of_job();
    let mut wanted = query(LogPart::Before(100));
    wanted.texts = vec!["deadlock".to_owned()];
    let effects = press(&mut state, "/ d e a d l o c k enter");
    assert_eq!(effects, [Effect::FindLog(wanted.clone())]);
    assert_eq!(state.waiting.len(), 1);
    let found = Msg::LogFound {
        query: wanted.clone(),
        result: Ok(Some(40)),
    };
    assert_eq!(
        update(&mut state, found),
        [Effect::ReadLog(query(LogPart::Around(40)))]
    );
    let mut around = lines(0..80);
    around[40].message = "a deadlock".to_owned();
    answer(&mut state, query(LogPart::Around(40)), around);
    assert!(screen(&state).contains(&40));
    assert!(state.waiting.is_empty());
    let nowhere = Msg::LogFound {
        query: wanted,
        result: Ok(None),
    };
    update(&mut state, nowhere);
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("no line above")
    );
}

#[test]
fn the_log_of_a_failed_table_opens_at_its_error() {
    let mut state = full(80, 24);
    press(&mut state, "enter");
    sample::load(
        &mut state,
        db_taxi::dashboard::app::Load::Job(job_id(4)),
        db_taxi::dashboard::app::msg::Loaded::Job(Box::new(sample::running_job())),
    );
    let effects = press(&mut state, "l");
    let wanted = LogQuery {
        level: Level::Error,
        table: Some("notes".to_owned()),
        ..query(LogPart::Newest)
    };
    assert!(effects.contains(&Effect::FindLog(wanted)), "{effects:?}");
    press(&mut state, "esc");
    let effects = press(&mut state, "L");
    let of_table = LogQuery {
        table: Some("notes".to_owned()),
        ..query(LogPart::Newest)
    };
    assert_eq!(effects, [Effect::ReadLog(of_table)]);
}

#[test]
fn levels_and_texts_of_a_stored_log_are_chosen_by_the_store() {
    let mut state = of_job();
    let errors = LogQuery {
        level: Level::Warn,
        ..query(LogPart::Newest)
    };
    assert_eq!(press(&mut state, "-"), [Effect::ReadLog(errors)]);
    press(&mut state, "+");
    assert_eq!(press(&mut state, "& r a n g e"), []);
    let only = LogQuery {
        texts: vec!["range".to_owned()],
        ..query(LogPart::Newest)
    };
    assert_eq!(press(&mut state, "enter"), [Effect::ReadLog(only)]);
    // What was asked for before is not wanted any more.
    answer(&mut state, query(LogPart::Newest), lines(0..3));
    assert_ne!(state.job_log.newest_id(), Some(2));
}

#[test]
fn times_and_sides_are_changed_in_place() {
    let mut state = full(80, 24);
    press(&mut state, "4 t");
    let row = |state: &State| state.log().rows(78, 19)[0].line.text();
    assert!(!row(&state).starts_with("02:"), "{}", row(&state));
    let before = row(&state);
    press(&mut state, "right right");
    assert_ne!(row(&state), before);
    press(&mut state, "left left left t");
    assert!(row(&state).starts_with("02:"));
}
