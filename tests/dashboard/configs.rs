//! Sync configs: switched, edited as text, planned; what is shown before something is stored.

mod screens;
mod steps;
mod text;

use db_taxi::dashboard::app::configs::{ConfigAsk, ConfigTold, Editor};
use db_taxi::dashboard::app::overlay::{Overlay, Sheet};
use db_taxi::dashboard::app::{Effect, Load, Msg, State, Tab, update};
use db_taxi::model::command::Refusal;

use crate::sample::{self, config_id, full, press};

/// The config `shop-nightly` is selected.
fn on_configs(width: u16, height: u16) -> State {
    let mut state = full(width, height);
    press(&mut state, "2 G");
    assert_eq!(state.configs.selected().unwrap().spec.name, "shop-nightly");
    state
}

fn editor(state: &State) -> &Editor {
    match state.overlays.last() {
        Some(Overlay::Editor(editor)) => editor,
        other => panic!("no editor but {other:?}"),
    }
}

fn sheet(state: &State) -> &Sheet {
    match state.overlays.last() {
        Some(Overlay::Sheet(sheet)) => sheet,
        other => panic!("no sheet but {other:?}"),
    }
}

fn sheet_text(state: &State) -> String {
    let lines: Vec<String> = sheet(state).lines.iter().map(|line| line.text()).collect();
    lines.join("\n")
}

fn asked(effects: Vec<Effect>) -> Vec<ConfigAsk> {
    effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Config(ask) => Some(ask),
            _ => None,
        })
        .collect()
}

fn told(state: &mut State, told: ConfigTold) -> Vec<ConfigAsk> {
    asked(update(state, Msg::Config(told)))
}

fn conflict(code: &'static str) -> Refusal {
    Refusal::Conflict {
        code,
        message: "somebody else changed it".to_owned(),
    }
}

#[test]
fn one_key_lets_schedules_start_a_config_or_not_and_says_so() {
    let mut state = on_configs(120, 40);
    let effects = asked(press(&mut state, "t"));
    let id = config_id(3);
    let name = "shop-nightly".to_owned();
    assert_eq!(
        effects,
        [ConfigAsk::SetEnabled {
            id,
            name: name.clone(),
            enabled: false
        }]
    );
    let mut config = sample::configs()[2].clone();
    config.spec.enabled = false;
    let result = Ok(Box::new(config));
    told(&mut state, ConfigTold::Enabled { name, result });
    assert!(!state.configs.selected().unwrap().spec.enabled);
    assert!(state.notice.as_ref().unwrap().text.contains("disabled"));
    let again = asked(press(&mut state, "t"));
    assert!(matches!(
        again[..],
        [ConfigAsk::SetEnabled { enabled: true, .. }]
    ));
}

#[test]
fn read_only_changes_no_config() {
    let mut state = on_configs(120, 40);
    state.setup.read_only = true;
    for key in ["t", "E"] {
        assert_eq!(asked(press(&mut state, key)), []);
        assert!(state.overlays.is_empty(), "{key}");
        assert!(state.notice.as_ref().unwrap().text.contains("read-only"));
    }
}

#[test]
fn a_plan_shows_its_statements_when_asked_and_a_dry_run_can_be_had_from_it() {
    let mut state = on_configs(120, 40);
    press(&mut state, "p");
    let planned = |exact| Msg::Planned {
        config: "shop-nightly".to_owned(),
        exact,
        result: Ok(Box::new(sample::plan())),
    };
    update(&mut state, planned(false));
    assert!(state.waiting.is_empty());
    assert!(!sheet_text(&state).contains("CREATE TABLE"));
    press(&mut state, "d");
    assert!(sheet_text(&state).contains("CREATE TABLE `orders`"));
    assert!(sheet_text(&state).contains("PRIMARY KEY"));
    press(&mut state, "d");
    assert!(!sheet_text(&state).contains("CREATE TABLE"));
    let effects = press(&mut state, "e");
    let config = "shop-nightly".to_owned();
    let exact = true;
    assert_eq!(effects, [Effect::Plan { config, exact }]);
    assert!(state.overlays.is_empty());
    update(&mut state, planned(true));
    assert!(sheet(&state).title.starts_with("Dry run"));
    assert!(state.waiting.is_empty());
    let effects = press(&mut state, "s");
    assert!(matches!(effects[..], [Effect::StartJob { .. }]));
}

#[test]
fn a_plan_that_arrives_while_a_text_is_edited_takes_no_keys_from_it() {
    let mut state = on_configs(120, 40);
    press(&mut state, "p E x");
    update(
        &mut state,
        Msg::Planned {
            config: "shop-nightly".to_owned(),
            exact: false,
            result: Ok(Box::new(sample::plan())),
        },
    );
    press(&mut state, "s");
    assert!(editor(&state).text.text().starts_with("xs"));
}

#[test]
fn a_config_that_is_gone_is_told_and_the_list_read_again() {
    let mut state = on_configs(120, 40);
    let name = "shop-nightly".to_owned();
    let result = Err(Refusal::NotFound {
        kind: "config",
        name: name.clone(),
    });
    update(
        &mut state,
        Msg::Config(ConfigTold::Enabled { name, result }),
    );
    assert!(sheet(&state).title.contains("was not changed"));
    assert!(state.loads.under_way.contains(&Load::Configs));
}

#[test]
fn what_is_removed_leaves_the_list_and_its_tables_are_said_to_stay() {
    let mut state = on_configs(120, 40);
    let (id, name, result) = (config_id(3), "shop-nightly".to_owned(), Ok(()));
    told(&mut state, ConfigTold::Deleted { id, name, result });
    assert_eq!(state.configs.all().len(), 2);
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("target tables stay")
    );
    assert_eq!(state.tab, Tab::Configs);
}
