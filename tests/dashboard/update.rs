//! Keys and facts in, states and effects out.

use std::time::Duration;

use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::{Effect, Load, Msg, QuitHow, State, Tab, update};
use db_taxi::model::command::Refusal;
use db_taxi::model::event::{Event, What};
use db_taxi::model::job::JobState;
use db_taxi::model::progress::{Counts, Progress};

use crate::sample::{self, full, job_id, press};

fn event(n: u32, table: Option<&str>, what: What) -> Msg {
    Msg::Happened(Box::new(Event {
        v: 1,
        seq: 1,
        time: sample::now(),
        job_id: job_id(n),
        config: "shop-nightly".to_owned(),
        table: table.map(str::to_owned),
        what,
    }))
}

fn selected_job(state: &State) -> &str {
    &state.jobs.selected().unwrap().config
}

fn dialog(state: &State) -> Option<&db_taxi::dashboard::app::overlay::Dialog> {
    match state.overlays.last() {
        Some(Overlay::Dialog(dialog)) => Some(dialog),
        _ => None,
    }
}

#[test]
fn number_keys_and_tab_show_the_tabs() {
    let mut state = full(80, 24);
    for (key, tab) in [
        ("1", Tab::Connections),
        ("4", Tab::Logs),
        ("tab", Tab::Connections),
        ("backtab", Tab::Logs),
        ("3", Tab::Jobs),
    ] {
        press(&mut state, key);
        assert_eq!(state.tab, tab, "{key}");
    }
}

#[test]
fn typing_a_filter_never_fires_a_command() {
    let mut state = full(80, 24);
    let effects = press(&mut state, "/ q x s 1 ?");
    assert_eq!(effects, []);
    assert_eq!(state.jobs.filter(), "qxs1?");
    assert!(state.overlays.is_empty());
    press(&mut state, "ctrl-u c r m enter");
    assert_eq!(state.jobs.filter(), "crm");
    assert_eq!(selected_job(&state), "crm-full");
    press(&mut state, "/ x esc");
    assert_eq!(state.jobs.filter(), "crm", "esc restores what was there");
    press(&mut state, "esc");
    assert_eq!(state.jobs.filter(), "");
}

#[test]
fn a_stop_asks_first_and_enter_alone_changes_nothing() {
    let mut state = full(80, 24);
    assert_eq!(selected_job(&state), "shop-nightly");
    assert_eq!(press(&mut state, "x"), []);
    assert!(dialog(&state).is_some());
    sample::tick(&mut state, 10);
    assert_eq!(press(&mut state, "enter"), []);
    assert!(state.overlays.is_empty());
    press(&mut state, "x");
    sample::tick(&mut state, 20);
    assert_eq!(
        press(&mut state, "right enter"),
        [Effect::StopJob(job_id(4))]
    );
}

#[test]
fn keys_typed_ahead_are_not_taken_for_an_answer() {
    let mut state = full(80, 24);
    assert_eq!(press(&mut state, "x right enter"), []);
    assert!(dialog(&state).is_some(), "still asking");
    state.clock.steady += Duration::from_millis(301);
    press(&mut state, "right enter");
    assert!(dialog(&state).is_none());
}

#[test]
fn a_job_that_has_ended_is_not_asked_about() {
    let mut state = full(80, 24);
    press(&mut state, "G x");
    assert!(state.overlays.is_empty());
    assert!(state.notice.unwrap().text.contains("ended already"));
}

#[test]
fn read_only_refuses_what_writes_and_says_so() {
    let mut state = full(80, 24);
    state.setup.read_only = true;
    let effects = press(&mut state, "2 s 3 s x");
    assert!(effects.iter().all(|e| matches!(e, Effect::Load(_))));
    assert!(state.overlays.is_empty());
    assert!(state.notice.as_ref().unwrap().text.contains("read-only"));
    assert!(matches!(
        press(&mut state, "2 p")[..],
        [.., Effect::Plan { .. }]
    ));
    press(&mut state, "3 q");
    let choices = &dialog(&state).unwrap().choices;
    assert!(!choices.iter().any(|choice| choice.label.contains("stop")));
}

#[test]
fn leaving_while_jobs_run_here_names_them_and_waiting_is_the_default() {
    let mut state = full(80, 24);
    assert_eq!(press(&mut state, "q"), []);
    let asked = dialog(&state).unwrap();
    let text: String = asked.lines.iter().map(|line| line.text()).collect();
    assert!(text.contains("shop-nightly"), "{text}");
    sample::tick(&mut state, 10);
    assert_eq!(press(&mut state, "enter"), [], "keep watching");
    for (keys, how) in [("q", QuitHow::Release), ("q right", QuitHow::Stop)] {
        press(&mut state, "q");
        state.clock.steady += Duration::from_secs(1);
        let keys = keys.replace('q', "right") + " enter";
        assert_eq!(press(&mut state, &keys), [Effect::Quit(how)]);
    }
}

#[test]
fn leaving_asks_nothing_when_only_others_work() {
    let mut state = full(80, 24);
    let mut overview = sample::overview();
    overview.instance = "another".to_owned();
    sample::load(
        &mut state,
        Load::Overview,
        Loaded::Overview(Box::new(overview)),
    );
    assert_eq!(press(&mut state, "q"), [Effect::Quit(QuitHow::Release)]);
}

#[test]
fn ctrl_c_asks_and_a_second_one_hands_jobs_back_even_at_once() {
    let mut state = full(80, 24);
    assert_eq!(press(&mut state, "ctrl-c"), []);
    assert_eq!(
        press(&mut state, "ctrl-c"),
        [Effect::Quit(QuitHow::Release)]
    );
    let mut state = full(80, 24);
    press(&mut state, "/ a b ctrl-c");
    assert!(dialog(&state).is_some(), "also while typing");
}

#[test]
fn suspending_hands_back_what_runs_here_and_asks_before() {
    let mut state = sample::installed(80, 24);
    assert_eq!(press(&mut state, "ctrl-z"), [Effect::Park]);
    assert_eq!(press(&mut state, "ctrl-z"), [], "it is on its way");
    assert_eq!(update(&mut state, Msg::Parked(true)), [Effect::Suspend]);

    let mut state = full(80, 24);
    assert_eq!(press(&mut state, "ctrl-z"), []);
    let asked = dialog(&state).unwrap();
    let text: String = asked.lines.iter().map(|line| line.text() + "\n").collect();
    for word in ["shop-nightly", "locks held", "handed back", "fg"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    sample::tick(&mut state, 10);
    assert_eq!(press(&mut state, "enter"), [], "the harmless answer");
    press(&mut state, "ctrl-z");
    sample::tick(&mut state, 20);
    assert_eq!(press(&mut state, "right enter"), [Effect::Park]);
    assert_eq!(state.waiting.len(), 1);
    assert_eq!(update(&mut state, Msg::Parked(false)), []);
    assert!(state.waiting.is_empty());
    let told = &state.notice.as_ref().unwrap().text;
    assert!(told.contains("not suspended"), "{told}");
}

#[test]
fn q_and_esc_go_back_one_step_at_a_time() {
    let mut state = sample::installed(80, 24);
    sample::load(
        &mut state,
        Load::Jobs,
        Loaded::Jobs(sample::jobs()[2..].to_vec()),
    );
    press(&mut state, "3 enter enter");
    assert!(state.detail.is_some());
    press(&mut state, "? q");
    assert!(state.overlays.is_empty() && state.detail.is_some());
    assert_eq!(press(&mut state, "q"), []);
    assert!(state.detail.is_none());
    assert_eq!(press(&mut state, "esc"), [], "esc never leaves");
    assert_eq!(press(&mut state, "q"), [Effect::Quit(QuitHow::Release)]);
}

#[test]
fn a_started_job_is_shown_at_once_with_its_tables() {
    let mut state = full(120, 40);
    let effects = press(&mut state, "2 G s");
    assert_eq!(
        effects.last(),
        Some(&Effect::StartJob {
            config: "shop-nightly".to_owned()
        })
    );
    let mut job = sample::jobs()[0].clone();
    job.id = job_id(77);
    let effects = update(
        &mut state,
        Msg::Started {
            config: "shop-nightly".to_owned(),
            result: Ok(Box::new(job)),
        },
    );
    assert_eq!(state.tab, Tab::Jobs);
    assert_eq!(state.detail.as_ref().unwrap().job.id, job_id(77));
    assert!(effects.contains(&Effect::Load(Load::Job(job_id(77)))));
}

#[test]
fn a_refusal_says_what_failed_why_and_what_to_do() {
    let mut state = full(80, 24);
    update(
        &mut state,
        Msg::Started {
            config: "archive".to_owned(),
            result: Err(Refusal::Conflict {
                code: "config_disabled",
                message: "archive is disabled".to_owned(),
            }),
        },
    );
    let Some(Overlay::Sheet(sheet)) = state.overlays.last() else {
        panic!("no message");
    };
    let text: String = sheet.lines.iter().map(|l| l.text() + "\n").collect();
    assert!(sheet.title.contains("archive was not started"));
    assert!(text.contains("archive is disabled") && text.contains("configs enable"));
}

#[test]
fn a_test_shows_what_is_missing_with_the_statement_that_gives_it() {
    let mut state = full(80, 24);
    let effects = press(&mut state, "1 t");
    assert!(matches!(&effects[..], [.., Effect::TestConnection { name, .. }] if name == "crm"));
    assert_eq!(state.waiting, ["testing crm"]);
    update(
        &mut state,
        Msg::Tested {
            name: "crm".to_owned(),
            result: Ok(Box::new(sample::test_report())),
        },
    );
    assert!(state.waiting.is_empty());
    let Some(Overlay::Sheet(sheet)) = state.overlays.last() else {
        panic!("no report");
    };
    let text: String = sheet.lines.iter().map(|l| l.text() + "\n").collect();
    assert!(text.contains("GRANT PROCESS ON *.*"), "{text}");
}

#[test]
fn a_plan_can_be_started_from_its_sheet() {
    let mut state = full(80, 24);
    press(&mut state, "2 p");
    update(
        &mut state,
        Msg::Planned {
            config: "shop-nightly".to_owned(),
            exact: false,
            result: Ok(Box::new(sample::plan())),
        },
    );
    press(&mut state, "G k");
    assert_eq!(
        press(&mut state, "s"),
        [Effect::StartJob {
            config: "shop-nightly".to_owned()
        }]
    );
    assert!(state.overlays.is_empty());
}

#[test]
fn events_move_the_gauges_and_stored_numbers_do_not_move_them_back() {
    let mut state = full(120, 40);
    assert!(state.detail.is_some(), "opened at once where there is room");
    sample::load(
        &mut state,
        Load::Job(job_id(4)),
        Loaded::Job(Box::new(sample::running_job())),
    );
    sample::tick(&mut state, 20);
    let newer = |percent| Progress {
        percent,
        ..Progress::default()
    };
    for table in [None, Some("orders")] {
        update(
            &mut state,
            event(
                4,
                table,
                What::Progress {
                    progress: newer(60.0),
                    counts: Counts::default(),
                },
            ),
        );
    }
    let percents = |state: &State| {
        let detail = state.detail.as_ref().unwrap();
        (
            state.jobs.get(job_id(4)).unwrap().progress.percent,
            detail.job.progress.percent,
            detail.job.tables[1].progress.percent,
        )
    };
    assert_eq!(percents(&state), (60.0, 60.0, 60.0));
    sample::load(&mut state, Load::Jobs, Loaded::Jobs(sample::jobs()));
    sample::load(
        &mut state,
        Load::Job(job_id(4)),
        Loaded::Job(Box::new(sample::running_job())),
    );
    assert_eq!(
        percents(&state),
        (60.0, 60.0, 60.0),
        "stored numbers are older"
    );
    sample::tick(&mut state, 40);
    sample::load(&mut state, Load::Jobs, Loaded::Jobs(sample::jobs()));
    assert_eq!(state.jobs.get(job_id(4)).unwrap().progress.percent, 52.4);
}

#[test]
fn progress_of_an_unknown_job_is_ignored_and_nothing_is_painted() {
    let mut state = full(80, 24);
    state.take_dirty();
    update(
        &mut state,
        event(
            99,
            None,
            What::Progress {
                progress: Progress::default(),
                counts: Counts::default(),
            },
        ),
    );
    // The tab of jobs would show it if it were known.
    assert!(state.jobs.get(job_id(99)).is_none());
    press(&mut state, "1");
    state.take_dirty();
    update(
        &mut state,
        event(
            4,
            None,
            What::Progress {
                progress: Progress::default(),
                counts: Counts::default(),
            },
        ),
    );
    assert!(!state.take_dirty(), "a hidden tab paints nothing");
}

#[test]
fn an_ended_job_never_runs_again_whatever_comes_late() {
    let mut state = full(80, 24);
    let mut ended = sample::running_job();
    ended.state = JobState::Completed;
    update(
        &mut state,
        event(4, None, What::JobFinished(Box::new(ended))),
    );
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("shop-nightly: completed")
    );
    update(
        &mut state,
        event(4, None, What::JobStarted(Box::new(sample::running_job()))),
    );
    sample::load(&mut state, Load::Jobs, Loaded::Jobs(sample::jobs()));
    assert_eq!(
        state.jobs.get(job_id(4)).unwrap().state,
        JobState::Completed
    );
}

#[test]
fn reading_the_same_again_paints_nothing() {
    let mut state = full(80, 24);
    press(&mut state, "1");
    state.take_dirty();
    sample::load(
        &mut state,
        Load::Overview,
        Loaded::Overview(Box::new(sample::overview())),
    );
    sample::load(
        &mut state,
        Load::Connections,
        Loaded::Connections(sample::connections()),
    );
    sample::load(&mut state, Load::Jobs, Loaded::Jobs(sample::jobs()));
    sample::tick(&mut state, 5);
    update(&mut state, Msg::Ticked);
    assert!(!state.take_dirty());
}

#[test]
fn while_the_control_database_is_down_only_it_is_asked_for() {
    let mut state = sample::empty(80, 24);
    sample::load(
        &mut state,
        Load::Overview,
        Loaded::Overview(Box::new(sample::overview_down())),
    );
    sample::tick(&mut state, 60);
    let effects = update(&mut state, Msg::Ticked);
    assert_eq!(effects, [Effect::Load(Load::Overview)]);
    let effects = update(
        &mut state,
        Msg::Loaded(
            Load::Overview,
            Ok(Loaded::Overview(Box::new(sample::overview()))),
        ),
    );
    assert!(effects.contains(&Effect::Load(Load::Jobs)), "{effects:?}");
    assert!(state.notice.unwrap().text.contains("connected again"));
}

#[test]
fn a_load_that_failed_for_want_of_the_database_asks_about_it_at_once() {
    let mut state = full(80, 24);
    sample::tick(&mut state, 60);
    let effects = update(
        &mut state,
        Msg::Loaded(
            Load::Jobs,
            Err(Refusal::DatabaseUnavailable("gone".to_owned())),
        ),
    );
    assert_eq!(effects, [Effect::Load(Load::Overview)]);
    assert!(state.trouble().unwrap().contains("gone"));
}

#[test]
fn a_load_under_way_is_not_asked_for_again() {
    let mut state = sample::empty(80, 24);
    let first = update(&mut state, Msg::Ticked);
    assert!(first.contains(&Effect::Load(Load::Jobs)));
    sample::tick(&mut state, 10);
    assert_eq!(update(&mut state, Msg::Ticked), []);
    sample::tick(&mut state, 60);
    assert!(
        !update(&mut state, Msg::Ticked).is_empty(),
        "unless it hangs"
    );
}
