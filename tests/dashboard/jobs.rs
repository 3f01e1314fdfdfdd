//! Jobs commanded: one key for what destroys nothing, a question for the rest.

use db_taxi::dashboard::app::job_command::{JobAnswer, JobCommand, JobQuestion};
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::{Effect, Load, Msg, State, update};
use db_taxi::model::command::Refusal;
use db_taxi::model::ids::JobId;
use db_taxi::model::job::{Job, JobChange, JobState};
use db_taxi::model::throttle::ThrottleSpec;

use crate::sample::{self, full, job_id, press};

fn commands(effects: &[Effect]) -> Vec<(JobId, JobCommand)> {
    let one = |effect: &Effect| match effect {
        Effect::CommandJob { id, command, .. } => Some((*id, command.clone())),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

/// The shop with `job` open.
fn open(job: Job) -> State {
    let mut state = full(80, 24);
    state.detail = None;
    let mut jobs = sample::jobs();
    for listed in jobs.iter_mut().filter(|listed| listed.id == job.id) {
        *listed = Job {
            tables: Vec::new(),
            ..job.clone()
        };
    }
    sample::load(&mut state, Load::Jobs, Loaded::Jobs(jobs));
    state.jobs.select(job.id);
    press(&mut state, "enter");
    sample::load(&mut state, Load::Job(job.id), Loaded::Job(Box::new(job)));
    state
}

fn question(state: &State) -> String {
    let Some(Overlay::Dialog(dialog)) = state.overlays.last() else {
        panic!("nothing is asked");
    };
    dialog.lines.iter().map(|line| line.text() + "\n").collect()
}

#[test]
fn a_running_job_is_paused_and_a_paused_one_goes_on() {
    let mut state = full(80, 24);
    assert_eq!(
        commands(&press(&mut state, "p")),
        [(job_id(4), JobCommand::Pause)]
    );
    let mut jobs = sample::jobs();
    jobs[1].state = JobState::Paused;
    sample::load(&mut state, Load::Jobs, Loaded::Jobs(jobs));
    assert_eq!(
        commands(&press(&mut state, "p")),
        [(job_id(4), JobCommand::Resume)]
    );
    press(&mut state, "g");
    assert_eq!(press(&mut state, "p"), [], "one that waits can't be paused");
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("waits in the queue")
    );
    press(&mut state, "G");
    assert_eq!(press(&mut state, "p"), []);
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("ended already")
    );
}

#[test]
fn what_failed_is_tried_again_on_one_key_and_shown() {
    let mut state = full(80, 24);
    assert_eq!(press(&mut state, "t"), [], "it has not ended");
    press(&mut state, "G");
    assert_eq!(
        commands(&press(&mut state, "t")),
        [(job_id(1), JobCommand::Retry)]
    );
    let mut retry = sample::jobs()[0].clone();
    retry.id = job_id(77);
    update(
        &mut state,
        Msg::Commanded {
            config: "archive".to_owned(),
            command: JobCommand::Retry,
            result: Ok(Box::new(retry)),
        },
    );
    assert_eq!(state.detail.as_ref().unwrap().job.id, job_id(77));
    assert!(state.notice.as_ref().unwrap().text.contains("tried again"));
}

#[test]
fn a_repair_says_how_many_rows_and_enter_alone_writes_nothing() {
    let mut state = open(sample::verify_job());
    assert_eq!(commands(&press(&mut state, "f")), []);
    let Some(Overlay::Confirm(confirm)) = state.overlays.last() else {
        panic!("nothing is asked");
    };
    let asked: String = confirm.lines.iter().map(|l| l.text() + "\n").collect();
    assert!(asked.contains("12 rows differ in 1 table"), "{asked}");
    assert!(
        asked.contains("users  12") && asked.contains("deleted"),
        "{asked}"
    );
    sample::tick(&mut state, 20);
    assert_eq!(press(&mut state, "enter"), []);
    sample::tick(&mut state, 30);
    let typed = "u s e r s - 1 5 m i n enter";
    assert_eq!(
        commands(&press(&mut state, typed)),
        [(
            job_id(3),
            JobCommand::Repair {
                tables: vec!["users".to_owned()]
            }
        )]
    );
}

#[test]
fn a_repair_of_a_job_that_compared_nothing_offers_to_verify_first() {
    let mut state = full(80, 24);
    press(&mut state, "G f");
    assert!(question(&state).contains("is not known"));
    sample::tick(&mut state, 20);
    assert_eq!(
        commands(&press(&mut state, "right enter")),
        [(job_id(1), JobCommand::Verify)]
    );
}

#[test]
fn an_undo_is_asked_with_its_rows() {
    let mut state = full(80, 24);
    let effects = press(&mut state, "G u");
    let asks = Effect::AskJob {
        id: job_id(1),
        config: "archive".to_owned(),
        question: JobQuestion::Undoable,
    };
    assert_eq!(effects, [asks]);
    assert_eq!(state.waiting.len(), 1);
    let answer = |result| Msg::JobAnswered {
        id: job_id(1),
        config: "archive".to_owned(),
        question: JobQuestion::Undoable,
        result,
    };
    let tables = vec![("orders".to_owned(), 1200), ("items".to_owned(), 34)];
    update(&mut state, answer(Ok(JobAnswer::Undoable(tables))));
    assert!(state.waiting.is_empty());
    assert!(
        question(&state).contains("1,234 rows"),
        "{}",
        question(&state)
    );
    sample::tick(&mut state, 20);
    assert_eq!(press(&mut state, "enter"), []);
    let why = Refusal::Conflict {
        code: "invalid_state",
        message: "the job deleted nothing".to_owned(),
    };
    update(&mut state, answer(Err(why)));
    assert!(matches!(state.overlays.last(), Some(Overlay::Sheet(_))));
}

fn limits(id: JobId, config: &str) -> Msg {
    Msg::JobAnswered {
        id,
        config: config.to_owned(),
        question: JobQuestion::Limits,
        result: Ok(JobAnswer::Limits(sample::limits())),
    }
}

#[test]
fn limits_are_changed_from_their_present_values() {
    let mut state = full(80, 24);
    press(&mut state, "c");
    update(&mut state, limits(job_id(4), "shop-nightly"));
    let form = state.form().unwrap();
    assert_eq!(
        (form.text("max_concurrency"), form.text("throttle")),
        ("4".into(), "standard".into())
    );
    assert!(
        !form.field("priority").unwrap().shown,
        "one that runs has no place in the queue"
    );
    // A word for limits, and more workers; what stays is not sent.
    let change = JobChange {
        throttle: Some(ThrottleSpec::Gentle),
        ..JobChange::default()
    };
    assert_eq!(
        commands(&press(&mut state, "tab right ctrl-s")),
        [(job_id(4), JobCommand::Set(change))]
    );
    assert!(state.overlays.is_empty());
    update(&mut state, limits(job_id(4), "shop-nightly"));
    assert_eq!(press(&mut state, "ctrl-s"), [], "nothing was changed");
    assert!(state.overlays.is_empty());
}

#[test]
fn limits_are_checked_where_they_are_typed() {
    let mut state = full(80, 24);
    press(&mut state, "g");
    update(&mut state, limits(job_id(5), "users-15min"));
    assert_eq!(
        press(&mut state, "backspace 6 5 tab backspace 1 0 1 ctrl-s"),
        []
    );
    let form = state.form().unwrap();
    let error = |id: &str| form.field(id).unwrap().error.clone();
    assert!(error("max_concurrency").is_some_and(|e| e.contains("64")));
    assert!(error("priority").is_some_and(|e| e.contains("100")));
    press(&mut state, "ctrl-u 8 tab ctrl-u - 5 tab right right");
    press(&mut state, "tab tab ctrl-u 0 x ctrl-s");
    let form = state.form().unwrap();
    assert!(form.field("throttle.max_lag").unwrap().error.is_some());
    let effects = press(&mut state, "ctrl-u 3 s ctrl-s");
    let sent = commands(&effects);
    let [(id, JobCommand::Set(change))] = sent.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (*id, change.max_concurrency, change.priority),
        (job_id(5), Some(8), Some(-5))
    );
    let Some(ThrottleSpec::Own(own)) = &change.throttle else {
        panic!("{change:?}");
    };
    assert_eq!(own.max_lag, Some(std::time::Duration::from_secs(3)));
    assert_eq!(
        own.max_threads_running,
        Some(64),
        "what was in force is filled in"
    );
}

#[test]
fn tables_of_an_open_job_are_filtered_and_sorted_like_any_list() {
    let mut state = open(sample::ended_job());
    let names = |state: &State| -> Vec<String> {
        let detail = state.detail.as_ref().unwrap();
        detail.shown().map(|run| run.target_table.clone()).collect()
    };
    assert_eq!(names(&state), ["customers", "visits", "notes"]);
    press(&mut state, "> >");
    assert_eq!(names(&state)[0], "notes", "what failed comes first");
    let selected = |state: &State| {
        let run = state.detail.as_ref().unwrap().selected_table();
        run.map(|run| run.target_table.clone())
    };
    assert_eq!(
        selected(&state).as_deref(),
        Some("notes"),
        "the top stays selected"
    );
    press(&mut state, "R j");
    assert_eq!(selected(&state).as_deref(), Some("visits"));
    // Read again, it keeps its order and its selection.
    let mut again = sample::ended_job();
    again.tables.reverse();
    sample::load(
        &mut state,
        Load::Job(again.id),
        Loaded::Job(Box::new(again)),
    );
    assert_eq!(selected(&state).as_deref(), Some("visits"));
    assert_eq!(names(&state)[2], "notes");
    press(&mut state, "/ f a i l enter");
    assert_eq!(names(&state), ["notes"]);
    assert_eq!(selected(&state).as_deref(), Some("notes"));
    press(&mut state, "q");
    assert_eq!(names(&state).len(), 3, "back shows all again");
    press(&mut state, "q");
    assert!(state.detail.is_none());
}

#[test]
fn read_only_commands_no_job() {
    for key in ["p", "t", "v", "f", "u", "c", "x"] {
        for row in ["", "G"] {
            let mut state = full(80, 24);
            state.setup.read_only = true;
            press(&mut state, row);
            assert_eq!(press(&mut state, key), [], "{key}");
            assert!(state.overlays.is_empty(), "{key}");
            assert!(
                state.notice.as_ref().unwrap().text.contains("read-only"),
                "{key}"
            );
        }
    }
}

#[test]
fn the_time_left_counts_down_calmly_whatever_the_job_says() {
    let mut state = full(120, 40);
    let mut shown = Vec::new();
    for second in 0..20_u32 {
        sample::tick(&mut state, 10 + u64::from(second));
        let mut jobs = sample::jobs();
        let wobble = f64::from(second % 3) * 2.0;
        jobs[1].progress.eta_seconds = Some(72.0 - f64::from(second) + wobble);
        sample::load(&mut state, Load::Jobs, Loaded::Jobs(jobs));
        update(&mut state, Msg::Ticked);
        let job = state.jobs.get(job_id(4)).unwrap();
        shown.push(state.eta(job).unwrap());
    }
    let steps: Vec<f64> = shown.windows(2).map(|w| w[0] - w[1]).collect();
    assert!(
        steps.iter().all(|step| (step - 1.0).abs() < 1e-9),
        "{shown:?}"
    );
}

#[test]
fn an_opened_job_begins_at_what_failed_until_somebody_chooses() {
    let job = sample::ended_job();
    let failed = job.tables.iter().position(|run| run.error.is_some());
    assert!(failed.is_some_and(|place| place > 0), "{failed:?}");
    let mut state = open(job.clone());
    let selected = |state: &State| {
        let table = state.detail.as_ref().unwrap().selected_table().unwrap();
        let mut tables = job.tables.iter();
        tables.position(|run| run.target_table == table.target_table)
    };
    assert_eq!(selected(&state), failed);
    press(&mut state, "g");
    let mut read_again = job.clone();
    read_again.counts.updated += 1;
    let loaded = Loaded::Job(Box::new(read_again));
    sample::load(&mut state, Load::Job(job.id), loaded);
    assert_eq!(selected(&state), Some(0));
}
