//! The processes that share the control database, as the dashboard shows and uses them.

use chrono::Duration;
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::overview::Overview;
use db_taxi::dashboard::app::{Load, State};
use db_taxi::dashboard::ui::theme::Theme;
use db_taxi::model::config::Config;
use db_taxi::model::status::{Instance, InstanceState};

use crate::sample::{self, config_id, job_id, press};
use crate::screens::{paint, text};

fn instance(n: u32, name: &str, roles: &[&str], labels: &[&str]) -> Instance {
    let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    Instance {
        name: name.to_owned(),
        id: format!("0198f3a2-0000-7000-8000-{n:012}").parse().unwrap(),
        version: "0.1.0".to_owned(),
        roles: texts(roles),
        labels: texts(labels),
        address: (!roles.is_empty()).then(|| format!("{name}:8080")),
        state: InstanceState::Alive,
        started_at: sample::now() - Duration::hours(30),
        seen_at: sample::now(),
        jobs: Vec::new(),
    }
}

/// This dashboard, a service with a job, one for a few configs, and one that was lost.
fn house() -> Vec<Instance> {
    let mut service = instance(701, "db1", &["worker", "api"], &["eu"]);
    service.jobs = vec![job_id(4)];
    let mut lost = instance(703, "db3", &["worker"], &["eu", "big-disk"]);
    lost.state = InstanceState::Lost;
    lost.seen_at = sample::now() - Duration::minutes(7);
    let here = instance(704, "ssh", &[], &[]);
    vec![service, instance(702, "db2", &["api"], &[]), here, lost]
}

fn told(state: &mut State, instances: Vec<Instance>) {
    let overview = Overview {
        instance: "ssh".to_owned(),
        takers: Some(vec!["db1".to_owned()]),
        instances,
        ..sample::overview()
    };
    let loaded = Loaded::Overview(Box::new(overview));
    sample::load(state, Load::Overview, loaded);
}

/// Every config asks for these labels.
fn asking(labels: &[&str]) -> Vec<Config> {
    let mut configs = sample::configs();
    // Of the jobs that wait and run.
    for (config, n) in configs.iter_mut().zip([5, 4, 2]) {
        config.id = config_id(n);
        config.spec.labels = labels.iter().map(|&label| label.to_owned()).collect();
    }
    configs
}

fn state(width: u16, height: u16) -> State {
    let mut state = sample::full(width, height);
    state.detail = None;
    told(&mut state, house());
    let configs = asking(&["eu", "big-disk"]);
    sample::load(&mut state, Load::Configs, Loaded::Configs(configs));
    press(&mut state, "3");
    state
}

fn picture(state: &State) -> String {
    let theme = Theme::embedded("mono").unwrap();
    text(&paint(state, &theme, state.width, state.height))
}

#[test]
fn instances_are_shown_with_what_they_work_on_and_who_waits_for_whom() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut state = state(width, height);
        press(&mut state, "@");
        insta::assert_snapshot!(format!("instances_{width}x{height}"), picture(&state));
    }
}

#[test]
fn an_open_sheet_of_instances_follows_what_happens() {
    let mut state = state(120, 40);
    press(&mut state, "@");
    assert!(picture(&state).contains("db3  ! lost"));
    let mut back = house();
    back[3].state = InstanceState::Alive;
    back[3].jobs = vec![job_id(5)];
    told(&mut state, back);
    let shown = picture(&state);
    assert!(shown.contains("db3  alive"), "{shown}");
    assert!(!shown.contains("nobody may take it"), "{shown}");
    press(&mut state, "esc");
    assert!(state.overlays.is_empty());
}

#[test]
fn a_job_that_nobody_may_take_says_which_labels_it_waits_for() {
    let mut state = state(120, 40);
    let shown = picture(&state);
    assert!(shown.contains("waits for eu, big-disk"), "{shown}");
    let configs = asking(&["eu"]);
    sample::load(&mut state, Load::Configs, Loaded::Configs(configs));
    let shown = picture(&state);
    assert!(shown.contains("in the queue"), "{shown}");
}

#[test]
fn leaving_says_when_nobody_else_carries_the_labels_of_a_job() {
    let mut state = state(120, 40);
    let mut here = house();
    here[2].name = "db1".to_owned();
    here[0].name = "db9".to_owned();
    let overview = Overview {
        takers: Some(vec!["db9".to_owned()]),
        instances: here,
        ..sample::overview()
    };
    let loaded = Loaded::Overview(Box::new(overview));
    sample::load(&mut state, Load::Overview, loaded);
    press(&mut state, "ctrl-c");
    let words = picture(&state).replace('│', " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("No other db-taxi that is alive carries the labels of"),
        "{words}"
    );
}
