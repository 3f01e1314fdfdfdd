//! A config made or changed step by step.

use db_taxi::dashboard::app::form::Form;
use db_taxi::dashboard::app::request::{Answer, Request, Ticket};
use db_taxi::model::rule::TableSelect;

use super::*;

fn requests(effects: &[Effect]) -> Vec<(Ticket, Request)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Ask(ticket, request) => Some((*ticket, request.clone())),
            _ => None,
        })
        .collect()
}

fn answer(state: &mut State, ticket: Ticket, answer: Answer) -> Vec<Effect> {
    update(state, Msg::Answered(ticket, Ok(answer)))
}

fn form(state: &State) -> &Form {
    state.form().unwrap()
}

fn rules(state: &State) -> Vec<String> {
    let draft = state.draft.as_ref().unwrap();
    let names = draft.spec.tables.iter().map(|rule| match &rule.select {
        TableSelect::Source(name) => name.clone(),
        TableSelect::Match(pattern) => pattern.clone(),
    });
    names.collect()
}

/// A new config is asked which connection.
pub fn begun(width: u16, height: u16) -> State {
    let mut state = on_configs(width, height);
    press(&mut state, "n");
    state
}

/// Its tables are there to be marked.
pub fn with_tables(width: u16, height: u16) -> State {
    let mut state = begun(width, height);
    let effects = press(&mut state, "j enter");
    let (ticket, request) = requests(&effects).remove(0);
    assert!(matches!(request, Request::Tables(id) if id == sample::connection_id(2)));
    answer(&mut state, ticket, Answer::Tables(sample::source_tables()));
    press(&mut state, "space space");
    state
}

/// Types a name over the one that is proposed.
pub fn type_name(state: &mut State) {
    press(state, "ctrl-u");
    update(state, Msg::Pasted("shop-copy".to_owned()));
}

/// The rules of a new config, with the plan's advice.
pub fn advised(width: u16, height: u16) -> State {
    let mut state = with_tables(width, height);
    press(&mut state, "enter");
    type_name(&mut state);
    let effects = press(&mut state, "ctrl-o");
    let (ticket, request) = requests(&effects).remove(0);
    assert!(matches!(request, Request::PlanDraft { stored: None, .. }));
    let mut plan = sample::plan();
    let first = rules(&state)[0].clone();
    plan.tables[0].source_table.clone_from(&first);
    plan.tables[0].target_table = first;
    answer(&mut state, ticket, Answer::Plan(Box::new(plan)));
    state
}

/// A rule with what it would read.
pub fn previewed(width: u16, height: u16) -> State {
    let mut state = on_configs(width, height);
    press(&mut state, "e");
    let effects = press(&mut state, "G enter");
    let (ticket, request) = requests(&effects).remove(0);
    assert!(matches!(request, Request::Preview { rule: 1, .. }));
    answer(
        &mut state,
        ticket,
        Answer::Preview(Box::new(sample::preview())),
    );
    state
}

#[test]
fn a_config_is_made_in_a_few_keys() {
    let mut state = advised(120, 40);
    assert!(state.waiting.is_empty());
    assert_eq!(rules(&state).len(), 2);
    assert_eq!(asked(press(&mut state, "w")), [], "first it is shown");
    assert!(sheet_text(&state).contains("+name: shop-copy"));
    let asks = asked(press(&mut state, "w"));
    let Some(ConfigAsk::Save(saving)) = asks.into_iter().next() else {
        panic!("not saved");
    };
    assert_eq!(saving.base, None);
    assert_eq!(saving.spec.connection, "production");
    let mut config = sample::configs()[0].clone();
    config.id = db_taxi::model::ids::ConfigId::generate();
    config.spec = saving.spec.clone();
    let result = Ok(Box::new(config));
    told(&mut state, ConfigTold::Saved { saving, result });
    assert!(state.overlays.is_empty() && state.draft.is_none());
    assert_eq!(state.configs.selected().unwrap().spec.name, "shop-copy");
}

#[test]
fn without_a_mark_no_step_is_taken_and_all_tables_are_a_pattern() {
    let mut state = with_tables(120, 40);
    press(&mut state, "n enter");
    assert!(state.draft.is_none());
    assert!(state.notice.as_ref().unwrap().text.contains("mark a table"));
    press(&mut state, "a enter");
    assert_eq!(rules(&state), ["*"]);
}

#[test]
fn a_name_that_is_taken_is_not_proposed() {
    let mut state = on_configs(120, 40);
    let mut configs = sample::configs();
    configs[0].spec.name = "production".to_owned();
    state.configs.set(configs);
    press(&mut state, "n");
    let effects = press(&mut state, "j enter");
    let (ticket, _) = requests(&effects).remove(0);
    answer(&mut state, ticket, Answer::Tables(sample::source_tables()));
    press(&mut state, "space enter");
    assert_eq!(form(&state).text("name"), "production-2");
}

#[test]
fn what_is_typed_into_a_rule_is_tried_out_after_a_moment() {
    let mut state = previewed(120, 40);
    let side = form(&state).side.as_ref().unwrap();
    let shown: Vec<String> = side.lines.iter().map(|line| line.text()).collect();
    let shown = shown.join("\n");
    assert!(shown.contains("FROM `production`.`orders`"), "{shown}");
    assert!(
        shown.contains("masked") && shown.contains("5f2a9c0e"),
        "{shown}"
    );
    assert!(!side.focused, "typing goes to the form");
    press(&mut state, "tab tab");
    assert_eq!(form(&state).focused().unwrap().id, "where");
    press(&mut state, "ctrl-u");
    update(&mut state, Msg::Pasted("id > 7".to_owned()));
    sample::tick(&mut state, 2);
    let effects = update(&mut state, Msg::Ticked);
    let (_, request) = requests(&effects).remove(0);
    let Request::Preview { spec, stored, rule } = request else {
        panic!("no preview");
    };
    assert_eq!(spec.tables[rule].where_clause.as_deref(), Some("id > 7"));
    assert_eq!(stored, Some(config_id(3)));
    let later = update(&mut state, Msg::Ticked);
    assert!(requests(&later).is_empty(), "once");
}

#[test]
fn a_wrong_rule_is_told_at_its_field_and_not_taken() {
    let mut state = previewed(120, 40);
    press(&mut state, "tab tab ctrl-u");
    update(&mut state, Msg::Pasted("id > 7; DROP TABLE x".to_owned()));
    press(&mut state, "ctrl-o");
    assert!(form(&state).field("where").unwrap().error.is_some());
    press(&mut state, "ctrl-u");
    update(&mut state, Msg::Pasted("id > 7".to_owned()));
    press(&mut state, "ctrl-o");
    assert!(state.form().is_none());
    let draft = state.draft.as_ref().unwrap();
    assert_eq!(draft.spec.tables[1].where_clause.as_deref(), Some("id > 7"));
    assert!(draft.is_changed());
}

#[test]
fn rules_that_do_not_go_together_are_told_in_the_form() {
    let mut state = previewed(120, 40);
    press(&mut state, "ctrl-u");
    update(&mut state, Msg::Pasted("customers".to_owned()));
    press(&mut state, "ctrl-o");
    assert!(form(&state).field("target_table").unwrap().error.is_some());
}

#[test]
fn leaving_changed_rules_asks_and_keeps_them_by_default() {
    let mut state = on_configs(120, 40);
    press(&mut state, "e d esc");
    assert_eq!(rules(&state).len(), 1);
    sample::tick(&mut state, 10);
    press(&mut state, "enter");
    assert!(state.draft.is_some());
    assert_eq!(press(&mut state, "ctrl-c"), [], "not by Ctrl-C either");
    sample::tick(&mut state, 20);
    press(&mut state, "enter esc");
    sample::tick(&mut state, 30);
    press(&mut state, "right enter");
    assert!(state.draft.is_none() && state.overlays.is_empty());
    press(&mut state, "e esc");
    assert!(state.overlays.is_empty(), "unchanged: left at once");
}

#[test]
fn the_draft_can_be_gone_on_with_as_text() {
    let mut state = on_configs(120, 40);
    press(&mut state, "e d E");
    assert!(!editor(&state).text.text().contains("customers"));
    press(&mut state, "ctrl-o");
    assert!(sheet_text(&state).contains("-- customers"));
}

#[test]
fn a_plan_of_a_draft_can_be_read_and_not_started() {
    let mut state = on_configs(120, 40);
    press(&mut state, "e d");
    let effects = press(&mut state, "p");
    let (ticket, _) = requests(&effects).remove(0);
    answer(&mut state, ticket, Answer::Plan(Box::new(sample::plan())));
    assert!(sheet(&state).title.starts_with("Plan"));
    assert_eq!(press(&mut state, "s"), []);
    assert_eq!(press(&mut state, "e"), []);
    press(&mut state, "d");
    assert!(sheet_text(&state).contains("CREATE TABLE"));
}

#[test]
fn a_file_is_read_and_shown_before_anything_is_imported() {
    let mut state = on_configs(120, 40);
    press(&mut state, "I");
    assert_eq!(asked(press(&mut state, "ctrl-o")), [], "a path is needed");
    update(&mut state, Msg::Pasted("/tmp/shop.yaml".to_owned()));
    let path = "/tmp/shop.yaml".to_owned();
    let asks = asked(press(&mut state, "ctrl-o"));
    assert_eq!(asks, [ConfigAsk::ReadFile { path: path.clone() }]);
    let file = db_taxi::model::mapping::MappingFile {
        text: "version: 1".to_owned(),
        format: Default::default(),
    };
    let outcome = db_taxi::model::mapping::ImportOutcome {
        created: vec!["config new".to_owned()],
        diff: "--- stored\n+++ imported\n+name: new\n".to_owned(),
        ..Default::default()
    };
    let result = Ok((file.clone(), outcome));
    told(&mut state, ConfigTold::FileRead { path, result });
    assert!(sheet_text(&state).contains("config new"));
    let asks = asked(press(&mut state, "w"));
    assert!(matches!(&asks[..], [ConfigAsk::Import { file: given, .. }] if *given == file));
}

#[test]
fn a_file_that_exists_is_replaced_only_when_that_is_said() {
    let mut state = on_configs(120, 40);
    press(&mut state, "X");
    let asks = asked(press(&mut state, "ctrl-o"));
    let Some(ConfigAsk::Export {
        names,
        path,
        overwrite: false,
    }) = asks.into_iter().next()
    else {
        panic!("not written");
    };
    assert_eq!((names.len(), path.as_str()), (1, "shop-nightly.yaml"));
    let result = Err(conflict("file_exists"));
    told(
        &mut state,
        ConfigTold::Exported {
            names,
            path,
            result,
        },
    );
    sample::tick(&mut state, 10);
    assert_eq!(asked(press(&mut state, "enter")), [], "left by default");
    let asks = asked(press(&mut state, "X ctrl-o"));
    let Some(ConfigAsk::Export { names, path, .. }) = asks.into_iter().next() else {
        panic!("not written");
    };
    let result = Err(conflict("file_exists"));
    told(
        &mut state,
        ConfigTold::Exported {
            names,
            path,
            result,
        },
    );
    sample::tick(&mut state, 20);
    let asks = asked(press(&mut state, "right enter"));
    assert!(matches!(
        asks[..],
        [ConfigAsk::Export {
            overwrite: true,
            ..
        }]
    ));
}

#[test]
fn a_config_is_removed_only_when_its_name_is_typed() {
    let mut state = on_configs(120, 40);
    press(&mut state, "d");
    sample::tick(&mut state, 10);
    assert_eq!(asked(press(&mut state, "enter")), []);
    let Some(Overlay::Confirm(confirm)) = state.overlays.last() else {
        panic!("no question");
    };
    let text: Vec<String> = confirm.text().iter().map(|line| line.text()).collect();
    let text = text.join("\n");
    assert!(text.contains("target tables in prod_sync stay"), "{text}");
    assert!(text.contains("past jobs and their logs stay"), "{text}");
    update(&mut state, Msg::Pasted("shop-nightly".to_owned()));
    let asks = asked(press(&mut state, "enter"));
    assert!(matches!(&asks[..], [ConfigAsk::Delete { name, .. }] if name == "shop-nightly"));
}
