//! The footer: which keys it names, and that it never leaves somebody without the way on and out.

use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::request::Answer;
use db_taxi::dashboard::app::text::Tone;
use db_taxi::dashboard::app::{Effect, Msg, State, update};
use db_taxi::dashboard::ui::theme::Theme;

use crate::sample::{self, press, typed};
use crate::screens::{paint, text};
use crate::{form_screens, screens};

fn footer(state: &State) -> String {
    let theme = Theme::embedded("mono").unwrap();
    let picture = text(&paint(state, &theme, state.width, state.height));
    picture.lines().last().unwrap().trim().to_owned()
}

fn choosing(width: u16, height: u16) -> State {
    let mut state = sample::full(width, height);
    let effects = press(&mut state, "1 j b");
    let ticket = effects.iter().find_map(|effect| match effect {
        Effect::Ask(ticket, _) => Some(*ticket),
        _ => None,
    });
    let tables = Answer::Tables(sample::source_tables());
    update(&mut state, Msg::Answered(ticket.unwrap(), Ok(tables)));
    state
}

#[test]
fn every_screen_names_its_way_out() {
    for (width, height) in [(80, 24), (120, 40)] {
        let all = screens::screens(width, height);
        for (name, state) in all.into_iter().chain(form_screens::screens(width, height)) {
            let footer = footer(&state);
            let out = ["esc ", "q quit", "q back", "esc as before"];
            assert!(
                out.iter().any(|out| footer.contains(out)),
                "{name} at {width}x{height}: {footer}"
            );
        }
    }
}

#[test]
fn a_short_word_leaves_the_keys_in_sight_and_a_long_one_has_the_line() {
    let mut state = sample::full(80, 24);
    press(&mut state, "2");
    state.say("shop: saved", Tone::Good);
    let short = footer(&state);
    assert!(short.starts_with("shop: saved   enter details"), "{short}");
    state.say("many words ".repeat(6).trim_end(), Tone::Plain);
    let long = footer(&state);
    assert!(
        long.ends_with("words   q quit"),
        "the way out stays: {long}"
    );
    state.say("many words ".repeat(7).trim_end(), Tone::Plain);
    let longest = footer(&state);
    assert!(longest.ends_with("words"), "{longest}");
}

#[test]
fn the_help_is_there_wherever_its_key_is_not_typed() {
    let mut state = choosing(120, 40);
    assert!(footer(&state).contains("? help"), "{}", footer(&state));
    press(&mut state, "?");
    let Some(Overlay::Sheet(help)) = state.overlays.last() else {
        panic!("no help");
    };
    assert_eq!(help.lines[0].text(), "Lists to choose from");
    assert!(!footer(&state).contains("? help"), "{}", footer(&state));
    press(&mut state, "?");
    assert_eq!(state.overlays.len(), 2, "one help is enough");
    press(&mut state, "esc");
    press(&mut state, "/");
    typed(&mut state, "a?");
    assert!(matches!(state.overlays.last(), Some(Overlay::Picker(p)) if p.typing.is_some()));
}

#[test]
fn questions_and_forms_take_no_help_key() {
    let mut state = sample::full(80, 24);
    press(&mut state, "1 n");
    typed(&mut state, "?");
    assert_eq!(state.form().unwrap().text("name"), "?");
    let mut state = sample::full(80, 24);
    press(&mut state, "3 x");
    let before = state.overlays.len();
    sample::tick(&mut state, 1);
    press(&mut state, "?");
    assert_eq!(state.overlays.len(), before);
    assert!(matches!(state.overlays.last(), Some(Overlay::Dialog(_))));
}

#[test]
fn the_key_that_sends_a_form_is_named_once() {
    let mut state = sample::installed(80, 24);
    press(&mut state, "1 n");
    assert_eq!(
        footer(&state).matches("test").count(),
        1,
        "{}",
        footer(&state)
    );
}
