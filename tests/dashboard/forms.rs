//! Forms and pickers: typing, checking, testing, saving, choosing.

use db_taxi::dashboard::app::form::Form;
use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::picker::Picker;
use db_taxi::dashboard::app::request::{Answer, Request, Ticket};
use db_taxi::dashboard::app::{Effect, Msg, State, Tab, update};
use db_taxi::dashboard::ui::theme::Theme;
use db_taxi::model::command::Refusal;
use db_taxi::model::finding::Finding;
use db_taxi::model::secret::Secret;

use crate::sample::{self, press, typed};
use crate::screens::{paint, text};

fn form(state: &State) -> &Form {
    match state.overlays.last() {
        Some(Overlay::Form(form)) => form,
        other => panic!("no form: {other:?}"),
    }
}

fn picker(state: &State) -> &Picker {
    match state.overlays.last() {
        Some(Overlay::Picker(picker)) => picker,
        other => panic!("no picker: {other:?}"),
    }
}

/// The request among the effects.
fn asked(effects: &[Effect]) -> (Ticket, &Request) {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Ask(ticket, request) => Some((*ticket, request)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing asked: {effects:?}"))
}

fn answer(state: &mut State, ticket: Ticket, answer: Answer) -> Vec<Effect> {
    update(state, Msg::Answered(ticket, Ok(answer)))
}

fn saved(n: usize) -> Answer {
    Answer::Connection(Box::new(sample::connections()[n].clone()))
}

/// The form of a new connection, filled in.
fn filled(state: &mut State) {
    press(state, "1 n");
    typed(state, "shop");
    press(state, "tab tab");
    typed(state, "db.example.com");
    press(state, "tab tab");
    typed(state, "sync");
    press(state, "tab");
    typed(state, "canary");
    press(state, "tab");
    typed(state, "shop");
}

#[test]
fn a_connection_is_typed_tested_and_saved() {
    let mut state = sample::full(120, 40);
    filled(&mut state);
    let effects = press(&mut state, "ctrl-t");
    let (ticket, request) = asked(&effects);
    let Request::TestTyped { id: None, spec } = request else {
        panic!("{request:?}");
    };
    assert_eq!(
        (spec.host.as_str(), spec.database.as_str()),
        ("db.example.com", "shop")
    );
    assert_eq!(spec.password, Some(Secret::parse("canary")));
    let report = Answer::Report(Box::new(sample::test_report()));
    answer(&mut state, ticket, report);
    let side = form(&state).side.as_ref().unwrap();
    assert!(side.focused && side.wait.is_none());
    let copied = press(&mut state, "y");
    assert_eq!(
        copied,
        [Effect::Copy(
            "GRANT PROCESS ON *.* TO 'sync_user'@'10.0.%';".to_owned()
        )]
    );
    let effects = press(&mut state, "ctrl-s");
    let (ticket, request) = asked(&effects);
    assert!(matches!(request, Request::SaveConnection { id: None, .. }));
    assert_eq!(
        press(&mut state, "esc x q"),
        [],
        "nothing changes while it is saved"
    );
    assert!(form(&state).busy.is_some());
    let effects = answer(&mut state, ticket, saved(1));
    assert!(state.overlays.is_empty());
    assert_eq!(
        state.connections.selected().unwrap().spec.name,
        "production"
    );
    let health = asked(&effects);
    assert!(matches!(health.1, Request::CheckHealth(_)));
}

#[test]
fn what_is_wrong_stops_the_saving_and_shows_where() {
    let mut state = sample::full(80, 24);
    press(&mut state, "1 n");
    assert_eq!(press(&mut state, "ctrl-s"), []);
    assert_eq!(form(&state).focused().unwrap().id, "name");
    typed(&mut state, "shop");
    assert_eq!(
        form(&state).field("name").unwrap().error,
        None,
        "mended while typing"
    );
    press(&mut state, "tab tab tab");
    typed(&mut state, "99999");
    press(&mut state, "tab");
    let error = form(&state).field("port").unwrap().error.clone().unwrap();
    assert!(error.contains("1 to 65535"), "told on leaving: {error}");
    assert_eq!(press(&mut state, "ctrl-s"), []);
    assert_eq!(
        form(&state).focused().unwrap().id,
        "port",
        "the first one that is wrong"
    );
}

#[test]
fn what_the_services_refuse_is_told_at_its_field() {
    let mut state = sample::full(80, 24);
    filled(&mut state);
    for (refusal, field) in [
        (
            Refusal::Conflict {
                code: "name_taken",
                message: "there is a connection named shop already".to_owned(),
            },
            "name",
        ),
        (
            Refusal::Invalid(vec![Finding::new("database", "is the control database")]),
            "database",
        ),
    ] {
        let effects = press(&mut state, "ctrl-s");
        let (ticket, _) = asked(&effects);
        update(&mut state, Msg::Answered(ticket, Err(refusal)));
        assert!(form(&state).busy.is_none());
        assert_eq!(form(&state).focused().unwrap().id, field);
        assert!(form(&state).field(field).unwrap().error.is_some());
        typed(&mut state, "x");
    }
    let effects = press(&mut state, "ctrl-s");
    let (ticket, _) = asked(&effects);
    let down = Refusal::DatabaseUnavailable("connection refused".to_owned());
    update(&mut state, Msg::Answered(ticket, Err(down)));
    assert!(form(&state).problem.as_ref().unwrap().contains("refused"));
}

#[test]
fn closing_asks_when_something_was_typed() {
    let mut state = sample::full(80, 24);
    press(&mut state, "1 n esc");
    assert!(state.overlays.is_empty(), "nothing to lose");
    press(&mut state, "n a esc");
    assert!(matches!(state.overlays.last(), Some(Overlay::Dialog(_))));
    sample::tick(&mut state, 10);
    press(&mut state, "enter");
    assert_eq!(
        form(&state).text("name"),
        "a",
        "keep editing is the first choice"
    );
    press(&mut state, "esc");
    sample::tick(&mut state, 20);
    press(&mut state, "right enter");
    assert!(state.overlays.is_empty());
    press(&mut state, "n a ctrl-c");
    assert!(matches!(state.overlays.last(), Some(Overlay::Dialog(d)) if d.quits));
}

#[test]
fn a_test_is_given_up_by_esc_and_its_late_answer_changes_nothing() {
    let mut state = sample::full(80, 24);
    filled(&mut state);
    let effects = press(&mut state, "ctrl-t");
    let (ticket, _) = asked(&effects);
    assert_eq!(press(&mut state, "esc"), [Effect::GiveUp(ticket)]);
    let report = Answer::Report(Box::new(sample::test_report()));
    answer(&mut state, ticket, report);
    assert!(
        form(&state)
            .side
            .as_ref()
            .unwrap()
            .title
            .contains("given up")
    );
    let first = press(&mut state, "ctrl-t");
    let (first, _) = asked(&first);
    let second = press(&mut state, "ctrl-t");
    assert!(
        second.contains(&Effect::GiveUp(first)),
        "the older test is not needed"
    );
}

#[test]
fn letters_are_typed_and_never_commands() {
    let mut state = sample::full(80, 24);
    press(&mut state, "1 n");
    typed(&mut state, "q?x:/1y d");
    assert_eq!(form(&state).text("name"), "q?x:/1y d");
    update(&mut state, Msg::Pasted("\n-pasted\n".to_owned()));
    assert_eq!(form(&state).text("name"), "q?x:/1y d-pasted");
}

#[test]
fn an_edited_connection_keeps_its_password_unless_one_is_typed() {
    let mut state = sample::full(80, 24);
    press(&mut state, "1 j e");
    press(&mut state, "end x");
    let effects = press(&mut state, "ctrl-s");
    let (_, request) = asked(&effects);
    let Request::SaveConnection {
        id: Some(_),
        version: Some(1),
        spec,
    } = request
    else {
        panic!("{request:?}");
    };
    assert_eq!(spec.name, "productionx");
    assert_eq!(spec.password, None);
    assert_eq!(spec.local_db_name.as_deref(), Some("prod_sync"));
}

/// Where a password could show: every frame, the state and the effects as a panic or a log would
/// print them.
#[test]
fn a_password_is_in_no_frame_no_log_and_no_panic() {
    let theme = Theme::embedded("default").unwrap();
    for (width, height) in [(80, 24), (120, 40)] {
        let mut state = sample::full(width, height);
        let mut seen = String::new();
        let mut look = |state: &State, effects: &[Effect]| {
            seen.push_str(&text(&paint(state, &theme, width, height)));
            seen.push_str(&format!("{state:?}{effects:?}"));
        };
        press(&mut state, "1 n");
        typed(&mut state, "shop");
        press(&mut state, "tab tab tab tab");
        typed(&mut state, "sync");
        press(&mut state, "tab");
        for c in "canary".chars() {
            let effects = update(&mut state, Msg::Key(c.to_string().parse().unwrap()));
            look(&state, &effects);
        }
        let pasted = update(&mut state, Msg::Pasted("-canary\n".to_owned()));
        look(&state, &pasted);
        let refused = update(&mut state, Msg::Pasted("x\ncanary".to_owned()));
        look(&state, &refused);
        press(&mut state, "tab");
        typed(&mut state, "shop");
        for keys in ["ctrl-t", "esc", "ctrl-s", "esc"] {
            let effects = press(&mut state, keys);
            look(&state, &effects);
        }
        assert!(!seen.contains("canary"));
        assert!(seen.contains("•••"), "it was typed");
    }
}

#[test]
fn the_first_start_leads_from_nothing_to_a_plan() {
    let mut state = sample::installed(120, 40);
    assert_eq!(state.tab, Tab::Connections, "where to begin");
    press(&mut state, "enter");
    assert!(form(&state).title.contains("1 of 5"));
    typed(&mut state, "shop");
    press(&mut state, "tab tab tab tab");
    typed(&mut state, "sync");
    press(&mut state, "tab tab");
    typed(&mut state, "shop");
    // It is tested before it is saved.
    let effects = press(&mut state, "ctrl-s");
    let (ticket, request) = asked(&effects);
    assert!(matches!(request, Request::TestTyped { .. }));
    let report = Answer::Report(Box::new(sample::test_report()));
    answer(&mut state, ticket, report);
    let effects = press(&mut state, "ctrl-s");
    let (ticket, _) = asked(&effects);
    let effects = answer(&mut state, ticket, saved(1));
    let (ticket, request) = asked(&effects);
    assert!(matches!(request, Request::Tables(_)), "{request:?}");
    answer(&mut state, ticket, Answer::Tables(sample::source_tables()));
    assert!(picker(&state).title.contains("3 of 5"));
    assert_eq!(press(&mut state, "enter"), [], "nothing chosen yet");
    press(&mut state, "space space");
    let effects = press(&mut state, "enter");
    let (ticket, request) = asked(&effects);
    let Request::AddConfig(spec) = request else {
        panic!("{request:?}");
    };
    assert_eq!(spec.name, "production-copy");
    assert_eq!(spec.tables.len(), 2);
    let config = Answer::Config(Box::new(sample::configs()[2].clone()));
    let effects = answer(&mut state, ticket, config);
    assert!(effects.iter().any(|e| matches!(e, Effect::Plan { .. })));
    assert!(state.overlays.is_empty());
    let plan = Msg::Planned {
        config: "shop-nightly".to_owned(),
        exact: false,
        result: Ok(Box::new(sample::plan())),
    };
    update(&mut state, plan);
    let started = press(&mut state, "s");
    assert!(matches!(started[..], [Effect::StartJob { .. }]));
}

#[test]
fn all_tables_of_a_first_start_mean_later_ones_too() {
    let mut state = sample::installed(80, 24);
    press(&mut state, "n");
    typed(&mut state, "shop");
    press(&mut state, "tab tab tab tab u tab tab d ctrl-s");
    let tickets = state.ticket();
    answer(
        &mut state,
        Ticket(tickets.0 - 1),
        Answer::Report(Box::default()),
    );
    let effects = press(&mut state, "ctrl-s");
    let (ticket, _) = asked(&effects);
    let effects = answer(&mut state, ticket, saved(1));
    let (ticket, _) = asked(&effects);
    answer(&mut state, ticket, Answer::Tables(sample::source_tables()));
    press(&mut state, "a");
    let effects = press(&mut state, "enter");
    let (_, Request::AddConfig(spec)) = asked(&effects) else {
        panic!("{effects:?}");
    };
    assert_eq!(
        spec.tables,
        [db_taxi::model::rule::TableRule::of_pattern("*")]
    );
}

fn browsing(width: u16, height: u16) -> State {
    let mut state = sample::full(width, height);
    let effects = press(&mut state, "1 j b");
    let (ticket, request) = asked(&effects);
    assert!(matches!(request, Request::Tables(_)));
    answer(&mut state, ticket, Answer::Tables(sample::source_tables()));
    state
}

#[test]
fn a_source_is_browsed_down_to_the_columns_of_a_table() {
    let mut state = browsing(80, 24);
    press(&mut state, "/");
    typed(&mut state, "ordit");
    press(&mut state, "enter");
    assert_eq!(picker(&state).current().unwrap().name, "order_items");
    let effects = press(&mut state, "enter");
    let (ticket, request) = asked(&effects);
    assert!(matches!(request, Request::Table { table, .. } if table == "order_items"));
    answer(
        &mut state,
        ticket,
        Answer::Table(Box::new(sample::table_info())),
    );
    let Some(Overlay::Sheet(sheet)) = state.overlays.last() else {
        panic!("no columns");
    };
    assert!(
        sheet
            .lines
            .iter()
            .any(|line| line.text().contains("by_customer"))
    );
    press(&mut state, "esc esc");
    assert_eq!(picker(&state).shown(), 7, "the filter goes first");
    press(&mut state, "esc");
    assert!(state.overlays.is_empty());
}

#[test]
fn a_list_that_is_being_read_can_be_given_up() {
    let mut state = sample::full(80, 24);
    let effects = press(&mut state, "1 j b");
    let (ticket, _) = asked(&effects);
    let screen = text(&paint(&state, &Theme::embedded("mono").unwrap(), 80, 24));
    assert!(
        screen.contains("reading the tables of production"),
        "{screen}"
    );
    assert_eq!(press(&mut state, "esc"), [Effect::GiveUp(ticket)]);
    assert!(state.overlays.is_empty());
    answer(&mut state, ticket, Answer::Tables(sample::source_tables()));
    assert!(state.overlays.is_empty(), "the late answer opens nothing");
}

#[test]
fn a_source_that_refuses_says_why() {
    let mut state = sample::full(80, 24);
    let effects = press(&mut state, "1 j b");
    let (ticket, _) = asked(&effects);
    let refusal = Refusal::SourceUnavailable("10.0.4.7:3306: connection refused".to_owned());
    update(&mut state, Msg::Answered(ticket, Err(refusal)));
    let screen = text(&paint(&state, &Theme::embedded("mono").unwrap(), 80, 24));
    assert!(screen.contains("connection refused"), "{screen}");
}

#[test]
fn read_only_opens_no_form_but_looks_at_tables() {
    let mut state = sample::full(80, 24);
    state.setup.read_only = true;
    for keys in ["1 n", "1 e", "1 d"] {
        let effects = press(&mut state, keys);
        assert!(
            effects.iter().all(|e| matches!(e, Effect::Load(_))),
            "{keys}"
        );
        assert!(state.overlays.is_empty(), "{keys}");
        assert!(state.notice.as_ref().unwrap().text.contains("read-only"));
    }
    press(&mut state, "b");
    assert!(matches!(state.overlays.last(), Some(Overlay::Picker(_))));
}

#[test]
fn a_connection_is_deleted_by_typing_its_name_only() {
    let mut state = sample::full(80, 24);
    let effects = press(&mut state, "1 j d");
    let (ticket, request) = asked(&effects);
    assert!(matches!(request, Request::Dependents(_)));
    answer(&mut state, ticket, Answer::Names(Vec::new()));
    sample::tick(&mut state, 10);
    assert_eq!(
        press(&mut state, "enter"),
        [],
        "enter alone changes nothing"
    );
    typed(&mut state, "produc");
    assert_eq!(press(&mut state, "enter"), []);
    typed(&mut state, "tion");
    let effects = press(&mut state, "enter");
    let (ticket, request) = asked(&effects);
    assert!(matches!(request, Request::DeleteConnection(_)));
    answer(&mut state, ticket, Answer::Done);
    assert!(state.overlays.is_empty());
    assert!(state.notice.as_ref().unwrap().text.contains("deleted"));
}

#[test]
fn what_depends_on_a_connection_is_told_and_keeps_it() {
    let mut state = sample::full(80, 24);
    let effects = press(&mut state, "1 j d");
    let (ticket, _) = asked(&effects);
    let names = vec!["config shop-nightly".to_owned(), "job 0198".to_owned()];
    answer(&mut state, ticket, Answer::Names(names));
    let screen = text(&paint(&state, &Theme::embedded("mono").unwrap(), 80, 24));
    for word in ["can't be deleted yet", "config shop-nightly", "job 0198"] {
        assert!(screen.contains(word), "{word}:\n{screen}");
    }
}
