//! Pictures of everything about configs, in three themes and two sizes.

use db_taxi::dashboard::ui::theme::Theme;

use super::*;
use crate::screens::{paint, styled, text};

fn editing(width: u16, height: u16, typed: &str) -> State {
    let mut state = on_configs(width, height);
    press(&mut state, "E end enter");
    update(&mut state, Msg::Pasted(typed.to_owned()));
    sample::tick(&mut state, 30);
    update(&mut state, Msg::Ticked);
    state
}

fn planned(width: u16, height: u16, keys: &str) -> State {
    let mut state = on_configs(width, height);
    update(
        &mut state,
        Msg::Planned {
            config: "shop-nightly".to_owned(),
            exact: false,
            result: Ok(Box::new(sample::plan())),
        },
    );
    press(&mut state, keys);
    state
}

/// Every screen that has a picture.
pub fn screens(width: u16, height: u16) -> Vec<(&'static str, State)> {
    let mut review = editing(width, height, "sync_mode: incremental");
    press(&mut review, "ctrl-o");
    let mut leave = editing(width, height, "sync_mode: incremental");
    press(&mut leave, "esc");
    let mut gone = editing(width, height, "sync_mode: incremental");
    press(&mut gone, "ctrl-o");
    let asks = asked(press(&mut gone, "w"));
    if let Some(ConfigAsk::Save(saving)) = asks.into_iter().next() {
        let result = Err(conflict("precondition_failed"));
        told(&mut gone, ConfigTold::Saved { saving, result });
        let mut theirs = sample::configs()[2].clone();
        theirs.version = 7;
        theirs.spec.exclude = vec!["tmp_*".to_owned()];
        let (id, result) = (config_id(3), Ok(Box::new(theirs)));
        told(&mut gone, ConfigTold::Read { id, result });
    }
    let mut wizard = steps::with_tables(width, height);
    let mut settings = wizard.clone();
    press(&mut settings, "enter");
    steps::type_name(&mut settings);
    press(&mut wizard, "space");
    let mut advised = steps::advised(width, height);
    let mut rule = steps::previewed(width, height);
    let mut rule_wrong = rule.clone();
    press(&mut rule_wrong, "tab tab x ; y tab");
    let mut preview = rule.clone();
    press(&mut preview, "ctrl-g");
    press(&mut advised, "j");
    press(&mut rule, "tab");
    vec![
        ("new_connection_choice", steps::begun(width, height)),
        ("new_tables", wizard),
        ("new_settings", settings),
        ("rules_advised", advised),
        ("rule_form", rule),
        ("rule_form_wrong", rule_wrong),
        ("rule_preview", preview),
        ("config_remove", {
            let mut state = on_configs(width, height);
            press(&mut state, "d s h o p");
            state
        }),
        ("configs_list", on_configs(width, height)),
        (
            "config_text",
            editing(width, height, "sync_mode: incremental"),
        ),
        (
            "config_text_wrong",
            editing(width, height, "sync_mode: ful\ntabels: []"),
        ),
        ("config_review", review),
        ("config_leave", leave),
        ("config_conflict", gone),
        ("plan_ddl", planned(width, height, "d")),
    ]
}

#[test]
fn pictures_of_configs() {
    for name in ["default", "light", "mono"] {
        let theme = Theme::embedded(name).unwrap();
        for (width, height) in [(80, 24), (120, 40)] {
            for (screen, state) in screens(width, height) {
                let buffer = paint(&state, &theme, width, height);
                let picture = format!("{screen}_{width}x{height}_{name}");
                insta::assert_snapshot!(picture, styled(&buffer));
            }
        }
    }
}

#[test]
fn no_size_panics_and_ascii_stays_ascii() {
    let theme = Theme::embedded("default").unwrap();
    let mut ascii = Theme::embedded("default").unwrap();
    ascii.ascii = true;
    for (name, state) in screens(120, 40) {
        for width in (1..=200).step_by(13) {
            for height in (1..=60).step_by(7) {
                let mut state = state.clone();
                update(&mut state, Msg::Resized { width, height });
                paint(&state, &theme, width, height);
            }
        }
        let picture = text(&paint(&state, &ascii, 100, 30));
        assert!(picture.is_ascii(), "{name}:\n{picture}");
    }
}

#[test]
fn the_mode_is_a_whole_word_and_a_disabled_config_says_so() {
    let theme = Theme::embedded("default").unwrap();
    for width in [80, 120] {
        let picture = text(&paint(&on_configs(width, 40), &theme, width, 40));
        for word in ["incremental", "disabled", "in 45m"] {
            assert!(picture.contains(word), "{word} at {width}:\n{picture}");
        }
    }
}

#[test]
fn hostile_text_is_shown_without_its_control_characters() {
    let theme = Theme::embedded("default").unwrap();
    let mut state = on_configs(80, 24);
    let mut configs = sample::configs();
    configs[2].spec.name = "a\u{1b}[2Jb".to_owned();
    configs[2].spec.exclude = vec!["\u{1b}]0;title\u{7}".to_owned(), "\u{202e}abc".to_owned()];
    state.configs.set(configs);
    for keys in ["", "E", "esc enter"] {
        press(&mut state, keys);
        let buffer = paint(&state, &theme, 80, 24);
        assert!(!text(&buffer).contains(['\u{1b}', '\u{7}']), "{keys}");
    }
}
