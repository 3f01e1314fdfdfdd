//! A config edited as text.

use db_taxi::model::mapping::{Format, parse_object};

use super::*;
use db_taxi::model::config::ConfigSpec;

/// Adds `text` as lines of their own behind the first one.
fn type_in(state: &mut State, text: &str) {
    press(state, "end enter");
    update(state, Msg::Pasted(text.to_owned()));
    state.clock.steady += std::time::Duration::from_secs(1);
    update(state, Msg::Ticked);
}

fn saving(asks: Vec<ConfigAsk>) -> db_taxi::dashboard::app::configs::Saving {
    match asks.into_iter().next() {
        Some(ConfigAsk::Save(saving)) => *saving,
        other => panic!("not saved but {other:?}"),
    }
}

#[test]
fn what_is_typed_is_text_never_a_command() {
    let mut state = on_configs(120, 40);
    let effects = press(&mut state, "E q x s 1 ? : / d");
    assert_eq!(effects, []);
    assert!(editor(&state).text.text().starts_with("qxs1?:/d"));
    for _ in 0..8 {
        press(&mut state, "ctrl-u");
    }
    assert!(!editor(&state).text.is_changed());
    press(&mut state, "esc");
    assert!(state.overlays.is_empty(), "unchanged: left at once");
}

#[test]
fn leaving_with_changes_asks_and_keeps_them_by_default() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E x esc");
    sample::tick(&mut state, 10);
    press(&mut state, "enter");
    assert!(editor(&state).text.text().starts_with('x'));
    press(&mut state, "esc");
    sample::tick(&mut state, 20);
    press(&mut state, "right enter");
    assert!(state.overlays.is_empty());
}

#[test]
fn leaving_the_dashboard_does_not_throw_a_text_away_unasked() {
    let mut state = on_configs(120, 40);
    let effects = press(&mut state, "E x ctrl-c");
    assert_eq!(effects, []);
    assert!(matches!(state.overlays.last(), Some(Overlay::Dialog(_))));
}

#[test]
fn a_mistake_stands_on_its_line_and_nothing_is_saved() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E");
    type_in(&mut state, "sync_mode: ful");
    let found = &editor(&state).problems[0];
    assert_eq!(found.line, Some(2));
    press(&mut state, "down down");
    let effects = press(&mut state, "ctrl-o");
    assert_eq!(effects, []);
    assert_eq!(editor(&state).text.cursor().0, 1, "it goes to the mistake");
    assert!(state.notice.as_ref().unwrap().text.contains("not saved"));
}

#[test]
fn text_that_is_no_yaml_is_told_by_its_line_too() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E");
    type_in(&mut state, "exclude: [a, b");
    assert!(editor(&state).problems[0].line.is_some());
}

#[test]
fn saving_shows_what_changes_and_stores_the_shortest_form() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E");
    type_in(&mut state, "sync_mode: incremental # a note\nenabled: true");
    assert_eq!(asked(press(&mut state, "ctrl-o")), []);
    let shown = sheet_text(&state);
    assert!(shown.contains("+sync_mode: incremental"), "{shown}");
    assert!(
        !shown.contains("+enabled"),
        "a default is left out: {shown}"
    );
    assert!(!shown.contains("+sync_mode: incremental #"), "{shown}");
    assert!(shown.contains("1 line added"), "{shown}");
    let stored = saving(asked(press(&mut state, "w")));
    assert_eq!(stored.base.unwrap().id, config_id(3));
    assert_eq!(stored.base.unwrap().version, 1);
    assert_eq!(stored.spec.sync_mode.as_str(), "incremental");
    assert_eq!(asked(press(&mut state, "ctrl-o")), [], "it is under way");
    let mut config = sample::configs()[2].clone();
    config.spec = stored.spec.clone();
    config.version = 2;
    let result = Ok(Box::new(config));
    let saving = Box::new(stored);
    told(&mut state, ConfigTold::Saved { saving, result });
    assert!(state.overlays.is_empty());
    let now = state.configs.selected().unwrap();
    assert_eq!(
        (now.version, now.spec.sync_mode.as_str()),
        (2, "incremental")
    );
}

#[test]
fn without_a_change_nothing_is_stored() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E");
    type_in(&mut state, "enabled: true");
    assert_eq!(asked(press(&mut state, "ctrl-o")), []);
    assert!(state.overlays.is_empty());
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("nothing was changed")
    );
}

#[test]
fn what_somebody_else_stored_meanwhile_is_shown_and_nothing_is_lost() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E");
    type_in(&mut state, "sync_mode: incremental");
    press(&mut state, "ctrl-o");
    let mine = saving(asked(press(&mut state, "w")));
    let result = Err(conflict("precondition_failed"));
    let saving_again = Box::new(mine.clone());
    let asks = told(
        &mut state,
        ConfigTold::Saved {
            saving: saving_again,
            result,
        },
    );
    let id = config_id(3);
    assert_eq!(asks, [ConfigAsk::Read { id }]);
    let mut theirs = sample::configs()[2].clone();
    theirs.version = 7;
    theirs.spec.exclude = vec!["tmp_*".to_owned()];
    let result = Ok(Box::new(theirs));
    told(&mut state, ConfigTold::Read { id, result });
    let shown = sheet_text(&state);
    assert!(shown.contains("Nothing of yours is lost"), "{shown}");
    assert!(shown.contains("+- tmp_*"), "what they changed: {shown}");
    assert!(
        shown.contains("-- tmp_*"),
        "what saving would undo: {shown}"
    );
    press(&mut state, "esc");
    assert!(
        editor(&state)
            .text
            .text()
            .contains("sync_mode: incremental")
    );
    assert_eq!(asked(press(&mut state, "ctrl-o w")).len(), 1);
    let result = Err(conflict("precondition_failed"));
    let saving_again = Box::new(mine);
    told(
        &mut state,
        ConfigTold::Saved {
            saving: saving_again,
            result,
        },
    );
    let mut theirs = sample::configs()[2].clone();
    theirs.version = 7;
    let result = Ok(Box::new(theirs));
    told(&mut state, ConfigTold::Read { id, result });
    let over = saving(asked(press(&mut state, "w")));
    assert_eq!(
        over.base.unwrap().version,
        7,
        "over what was shown, nothing newer"
    );
}

#[test]
fn a_config_removed_meanwhile_can_be_stored_anew() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E");
    type_in(&mut state, "sync_mode: incremental");
    press(&mut state, "ctrl-o");
    let mine = Box::new(saving(asked(press(&mut state, "w"))));
    let result = Err(Refusal::NotFound {
        kind: "config",
        name: "shop-nightly".to_owned(),
    });
    told(
        &mut state,
        ConfigTold::Saved {
            saving: mine,
            result,
        },
    );
    assert!(sheet(&state).title.contains("removed meanwhile"));
    let anew = saving(asked(press(&mut state, "w")));
    assert_eq!(anew.base, None);
}

#[test]
fn what_the_services_find_wrong_stands_on_its_line_too() {
    let mut state = on_configs(120, 40);
    press(&mut state, "E");
    type_in(&mut state, "sync_mode: incremental");
    press(&mut state, "ctrl-o");
    let saving = Box::new(saving(asked(press(&mut state, "w"))));
    let finding = db_taxi::model::finding::Finding::new("connection", "there is no such one");
    let result = Err(Refusal::Invalid(vec![finding]));
    told(&mut state, ConfigTold::Saved { saving, result });
    press(&mut state, "esc");
    assert_eq!(editor(&state).problems[0].line, Some(3));
}

#[test]
fn the_text_is_what_export_writes_and_reads_back_the_same() {
    for config in sample::configs() {
        let text = Editor::of(&config).opened;
        let read: ConfigSpec = parse_object(&text, Format::Yaml).unwrap();
        assert_eq!(read, config.spec);
    }
}
