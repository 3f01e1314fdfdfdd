//! What every tab shares: order, palette, questions that want a word, search, clipboard.

use std::time::Duration;

use db_taxi::dashboard::app::action::{ACTIONS, Context};
use db_taxi::dashboard::app::confirm::Confirm;
use db_taxi::dashboard::app::keymap::Keymap;
use db_taxi::dashboard::app::mouse::{Did, Mouse};
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::overlay::{Answer, Overlay};
use db_taxi::dashboard::app::palette::Palette;
use db_taxi::dashboard::app::text::Line;
use db_taxi::dashboard::app::update::ask_word;
use db_taxi::dashboard::app::{Action, Effect, Load, Msg, State, Tab, clipboard, update};
use db_taxi::dashboard::ui::theme::Theme;

use crate::sample::{self, full, job_id, press};
use crate::screens::{paint, text};

fn picture(state: &State) -> String {
    let theme = Theme::embedded("mono").unwrap();
    text(&paint(state, &theme, state.width, state.height))
}

fn palette(state: &State) -> &Palette {
    match state.overlays.last() {
        Some(Overlay::Palette(palette)) => palette,
        other => panic!("no palette but {other:?}"),
    }
}

fn names(palette: &Palette) -> Vec<&str> {
    palette.fitting().map(|entry| entry.name.as_str()).collect()
}

#[test]
fn a_list_is_sorted_by_keys_and_its_heading_says_so() {
    let mut state = full(120, 40);
    press(&mut state, "1 >");
    assert!(picture(&state).contains("NAME▲"), "{}", picture(&state));
    press(&mut state, "R");
    assert!(picture(&state).contains("NAME▼"));
    state.detail = None;
    press(&mut state, "3 > >");
    assert!(picture(&state).contains("STATE▲"));
    press(&mut state, "1");
    assert!(picture(&state).contains("NAME▼"), "each list keeps its own");
    press(&mut state, ">");
    assert!(picture(&state).contains("HEALTH▲"));
    press(&mut state, "< <");
    assert_eq!(state.connections.sorted(), None);
}

#[test]
fn an_order_by_a_column_that_has_no_room_is_told_in_the_frame() {
    let mut state = full(80, 24);
    press(&mut state, "1 <");
    let picture = picture(&state);
    assert!(picture.contains("sorted by CHECKED"), "{picture}");
}

#[test]
fn the_palette_offers_what_applies_here_with_its_keys_and_does_it() {
    let mut state = full(120, 40);
    press(&mut state, "1 :");
    let offered = names(palette(&state));
    assert!(offered.contains(&"test connection"), "{offered:?}");
    assert!(!offered.contains(&"stop job") && !offered.contains(&"palette"));
    press(&mut state, "t s t c o n");
    let first = palette(&state).chosen().unwrap();
    assert_eq!(
        (first.name.as_str(), first.keys.as_str()),
        ("test connection", "t")
    );
    let effects = press(&mut state, "enter");
    assert!(matches!(&effects[..], [Effect::TestConnection { .. }]));
    assert!(state.overlays.is_empty());
}

#[test]
fn letters_in_the_palette_are_text_and_esc_closes_it() {
    let mut state = full(80, 24);
    assert_eq!(press(&mut state, ": q"), []);
    assert_eq!(palette(&state).typed, "q");
    press(&mut state, "backspace down down up");
    assert_eq!(
        (palette(&state).marked, palette(&state).typed.as_str()),
        (1, "")
    );
    press(&mut state, "q");
    update(&mut state, Msg::Pasted("uit\n".to_owned()));
    assert_eq!(palette(&state).typed, "quit");
    press(&mut state, "esc");
    assert!(state.overlays.is_empty());
    assert_eq!(press(&mut state, ": z z z enter"), [], "nothing fits");
    assert!(state.overlays.is_empty());
}

#[test]
fn what_destroys_asks_from_the_palette_too() {
    let mut state = full(80, 24);
    assert_eq!(press(&mut state, ": s t o p space j o b enter"), []);
    assert!(matches!(state.overlays[..], [Overlay::Dialog(_)]));
}

#[test]
fn read_only_leaves_what_writes_out_of_the_palette() {
    let mut state = full(80, 24);
    state.setup.read_only = true;
    press(&mut state, "3 :");
    for entry in palette(&state).fitting() {
        assert!(!entry.action.info().writes, "{}", entry.name);
    }
}

#[test]
fn every_action_of_a_tab_can_be_found_by_its_own_name() {
    for tab in ["1", "2", "3"] {
        let mut state = full(80, 24);
        state.detail = None;
        press(&mut state, tab);
        let offered: Vec<Action> = Palette::new(&state).fitting().map(|e| e.action).collect();
        for action in offered {
            let mut found = Palette::new(&state);
            found.typed = action.info().id.replace('_', " ");
            found.find();
            assert_eq!(found.chosen().unwrap().action, action);
        }
    }
    assert!(ACTIONS.iter().any(|row| row.context == Context::Typing));
}

fn asked(word: &str) -> State {
    let mut state = full(80, 24);
    ask_word(
        &mut state,
        Confirm::new(
            "Delete this connection?",
            vec![Line::plain("2 configs use it.")],
            word,
            "delete it",
            Answer::Do(Effect::StopJob(job_id(4))),
        ),
    );
    state
}

#[test]
fn only_the_whole_word_answers_and_keys_typed_ahead_do_not() {
    let mut state = asked("crm");
    press(&mut state, "c r m enter");
    state.clock.steady += Duration::from_millis(301);
    assert_eq!(press(&mut state, "enter"), [], "typed ahead");
    assert_eq!(press(&mut state, "c r enter"), [], "half a word");
    assert!(picture(&state).contains("> cr"), "{}", picture(&state));
    assert_eq!(press(&mut state, "m enter"), [Effect::StopJob(job_id(4))]);
    assert!(state.overlays.is_empty());
    let mut state = asked("crm");
    press(&mut state, "esc");
    assert!(state.overlays.is_empty(), "closing needs no waiting");
}

#[test]
fn a_word_can_be_pasted_and_a_question_without_one_never_holds() {
    let mut state = asked("顧客 データ");
    state.clock.steady += Duration::from_secs(1);
    update(&mut state, Msg::Pasted("顧客 データ\n".to_owned()));
    assert_eq!(press(&mut state, "enter").len(), 1);
    let mut state = asked("");
    state.clock.steady += Duration::from_secs(1);
    assert_eq!(press(&mut state, "enter"), []);
}

#[test]
fn the_help_is_searched_and_every_sheet_with_it() {
    let mut state = full(80, 24);
    press(&mut state, "? / w r a p");
    let found = picture(&state);
    assert!(found.contains("Wrap long lines"), "{found}");
    assert!(!found.contains("One line up"), "{found}");
    press(&mut state, "enter q");
    assert!(
        !state.overlays.is_empty(),
        "one step back is the whole text"
    );
    assert!(picture(&state).contains("One line up") || picture(&state).contains("Jobs"));
    press(&mut state, "/ z z z z");
    assert!(picture(&state).contains("No line has this text"));
    press(&mut state, "esc q");
    assert!(state.overlays.is_empty());
}

#[test]
fn a_copied_text_is_shown_and_one_too_long_is_refused_with_a_reason() {
    let mut state = full(80, 24);
    assert_eq!(
        clipboard::copy(&mut state, "name", "crm"),
        [Effect::Copy("crm".to_owned())]
    );
    assert!(state.notice.as_ref().unwrap().text.contains("crm"));
    let grant = "GRANT SELECT ON crm.notes\nTO sync";
    assert_eq!(clipboard::copy(&mut state, "statement", grant).len(), 1);
    assert!(picture(&state).contains("GRANT SELECT ON crm.notes"));
    state.overlays.clear();
    let long = "x".repeat(clipboard::MOST + 1);
    assert_eq!(clipboard::copy(&mut state, "log", &long), []);
    assert!(state.notice.as_ref().unwrap().text.contains("more than"));
    assert_eq!(clipboard::copy(&mut state, "log", ""), []);
}

#[test]
fn keys_of_typing_can_be_changed_too() {
    let overrides =
        std::collections::BTreeMap::from([("accept_typed".to_owned(), vec!["ctrl-o".to_owned()])]);
    let mut state = full(80, 24);
    state.setup.keymap = Keymap::with(&overrides).unwrap();
    press(&mut state, "/ c r m enter");
    assert!(state.typing.is_some());
    press(&mut state, "ctrl-o");
    assert!(state.typing.is_none());
}

#[test]
fn the_question_on_leaving_says_who_would_go_on_with_the_jobs() {
    for (takers, said) in [
        (Some(vec![]), "No other db-taxi that takes jobs is alive"),
        (Some(vec!["db2".to_owned()]), "with db2."),
        (None, "the next db-taxi that takes jobs"),
    ] {
        let mut state = full(120, 40);
        let mut overview = sample::overview();
        overview.takers = takers;
        sample::load(
            &mut state,
            Load::Overview,
            Loaded::Overview(Box::new(overview)),
        );
        press(&mut state, "ctrl-c");
        let shown = picture(&state);
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.replace("│ │ ", "").contains(said), "{shown}");
    }
}

#[test]
fn the_header_counts_and_the_way_to_what_is_shown_is_told() {
    let mut state = full(120, 40);
    let shown = picture(&state);
    for words in [
        "connections 1/3",
        "jobs 15: 1 running",
        "12 completed",
        "1 failed",
        "Jobs › shop-nightly",
    ] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    press(&mut state, "?");
    assert!(picture(&state).contains("Jobs › shop-nightly › Help"));
    press(&mut state, "q !");
    assert!(picture(&state).contains("Messages"));
}

#[test]
fn the_mouse_shows_tabs_selects_rows_and_scrolls_and_never_does_more() {
    let mut state = full(80, 24);
    let use_it = |state: &mut State, did, x, y| update(state, Msg::Mouse(Mouse { did, x, y }));
    use_it(&mut state, Did::Click, 4, 1);
    assert_eq!(state.tab, Tab::Connections);
    use_it(&mut state, Did::Click, 10, 5);
    assert_eq!(state.connections.place(), 1);
    use_it(&mut state, Did::Click, 10, 20);
    assert_eq!(state.connections.place(), 1, "below the last row");
    use_it(&mut state, Did::WheelDown, 10, 5);
    assert_eq!(state.connections.place(), 2);
    press(&mut state, "3 x");
    state.clock.steady += Duration::from_secs(1);
    for y in 0..24 {
        assert_eq!(use_it(&mut state, Did::Click, 40, y), []);
    }
    assert!(matches!(state.overlays[..], [Overlay::Dialog(_)]));
}
