//! The page after a bad night: shown first, retried with one key, remembered.

use std::time::Duration;

use db_taxi::dashboard::app::job_command::JobCommand;
use db_taxi::dashboard::app::log_query::LogQuery;
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::night::LookBack;
use db_taxi::dashboard::app::overlay::Overlay;
use db_taxi::dashboard::app::state::Tab;
use db_taxi::dashboard::app::{Action, Effect, Load, Msg, State, update};
use db_taxi::dashboard::ui::theme::Theme;
use db_taxi::model::command::Refusal;
use db_taxi::model::event::{Event, What};
use db_taxi::model::ids::JobId;
use db_taxi::model::job::JobState;
use db_taxi::model::log::Level;
use db_taxi::model::night::BadNight;

use crate::sample::{self, full, job_id, press};
use crate::screens::{paint, text};

fn after(night: BadNight) -> State {
    let mut state = full(80, 24);
    sample::load(
        &mut state,
        Load::Night(LookBack::Visit),
        Loaded::Night(night),
    );
    sample::tick(&mut state, 20);
    state
}

fn is_shown(state: &State) -> bool {
    state
        .overlays
        .iter()
        .any(|overlay| matches!(overlay, Overlay::Night(_)))
}

fn retried(effects: &[Effect]) -> Vec<JobId> {
    let one = |effect: &Effect| match effect {
        Effect::CommandJob {
            id,
            command: JobCommand::Retry,
            ..
        } => Some(*id),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

/// What keys cause, but for the memory of the visit.
fn pressed(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = press(state, keys);
    effects.retain(|effect| !matches!(effect, Effect::RememberVisit(_)));
    effects
}

fn picture(state: &State) -> String {
    text(&paint(
        state,
        &Theme::embedded("mono").unwrap(),
        state.width,
        state.height,
    ))
}

/// What is asked for after so many seconds.
fn ticked(state: &mut State, seconds: u64) -> Vec<Effect> {
    state.clock.steady = Duration::from_secs(seconds);
    update(state, Msg::Ticked)
}

#[test]
fn what_failed_is_told_with_reason_remedy_and_what_is_safe() {
    let state = after(sample::night());
    let shown = picture(&state).replace('│', " ");
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in [
        "Failed since yesterday 18:02",
        "crm-full",
        "1 of 3 tables failed; 2 are equal as of",
        "notes",
        "may not read it (1142)",
        "GRANT SELECT ON production.notes TO 'sync_user'@'10.0.%';",
        "keeps the state of 11-20",
        "nothing was deleted",
        "r retry 1 table",
        "l log",
        "esc later",
    ] {
        assert!(shown.contains(word), "{word}:\n{shown}");
    }
}

#[test]
fn it_is_looked_for_at_once_and_a_good_night_shows_nothing() {
    let mut state = sample::empty(80, 24);
    let wanted = Effect::Load(Load::Night(LookBack::Visit));
    assert!(ticked(&mut state, 5).contains(&wanted));
    let state = after(BadNight::default());
    assert!(!is_shown(&state));
    assert!(
        !ticked(&mut state.clone(), 60).contains(&wanted),
        "once is enough"
    );
}

#[test]
fn one_key_retries_and_the_page_goes_when_nothing_is_left() {
    let mut state = after(sample::night());
    assert_eq!(retried(&press(&mut state, "r")), [job_id(2)]);
    assert_eq!(retried(&press(&mut state, "r")), [], "once is enough");
    let mut retry = sample::jobs().remove(0);
    retry.id = job_id(77);
    let taken = |result| Msg::Commanded {
        config: "crm-full".to_owned(),
        command: JobCommand::Retry,
        result,
    };
    let mut refused = state.clone();
    let busy = Refusal::Conflict {
        code: "config_busy",
        message: "the config has an active job".to_owned(),
    };
    update(&mut refused, taken(Err(busy)));
    assert!(matches!(refused.overlays.last(), Some(Overlay::Sheet(_))));
    press(&mut refused, "esc");
    assert_eq!(
        retried(&press(&mut refused, "r")),
        [job_id(2)],
        "it can be asked again"
    );
    update(&mut state, taken(Ok(Box::new(retry))));
    assert!(!is_shown(&state));
    assert_eq!(state.detail.as_ref().map(|d| d.job.id), Some(job_id(77)));
}

#[test]
fn keys_typed_ahead_retry_nothing() {
    let mut state = full(80, 24);
    sample::load(
        &mut state,
        Load::Night(LookBack::Visit),
        Loaded::Night(sample::night()),
    );
    assert_eq!(pressed(&mut state, "r"), []);
    assert!(is_shown(&state));
    // Letters of a filter are no commands: the page waits for its end.
    let mut state = full(80, 24);
    press(&mut state, "/ c");
    sample::load(
        &mut state,
        Load::Night(LookBack::Visit),
        Loaded::Night(sample::night()),
    );
    assert!(!is_shown(&state));
    press(&mut state, "enter");
    assert!(ticked(&mut state, 30).contains(&Effect::Load(Load::Night(LookBack::Visit))));
}

#[test]
fn an_answer_that_comes_twice_puts_up_one_page() {
    let again = |state: &mut State| {
        let night = Loaded::Night(sample::night());
        sample::load(state, Load::Night(LookBack::Visit), night);
    };
    let mut state = after(sample::night());
    again(&mut state);
    assert_eq!(
        retried(&press(&mut state, "r")),
        [job_id(2)],
        "it is the page that was read"
    );
    press(&mut state, "esc");
    again(&mut state);
    assert!(!is_shown(&state));
}

#[test]
fn of_several_the_selected_one_is_told_and_those_at_work_are_left_alone() {
    let mut state = after(sample::long_night());
    assert!(state.offers(Action::NightRetryAll));
    assert!(
        picture(&state).contains("archive  11-20 01:14  is tried again"),
        "{}",
        picture(&state)
    );
    press(&mut state, "j j j");
    let shown = picture(&state);
    assert!(shown.contains("has no room (1114)"), "{shown}");
    assert!(!shown.contains("(1142)"), "{shown}");
    // The job is tried again whole, whichever of its tables is looked at.
    assert_eq!(retried(&press(&mut state, "r")), [job_id(9)]);
    assert_eq!(retried(&press(&mut state, "R")), [job_id(2)]);
    press(&mut state, "G");
    assert_eq!(retried(&press(&mut state, "r")), []);
    assert!(is_shown(&state), "nothing was taken yet");
}

#[test]
fn what_to_do_is_copied() {
    let mut state = after(sample::night());
    let grant = "GRANT SELECT ON production.notes TO 'sync_user'@'10.0.%';";
    assert_eq!(pressed(&mut state, "y"), [Effect::Copy(grant.to_owned())]);
}

#[test]
fn the_log_opens_at_the_error_and_the_way_back_leads_to_the_page() {
    let mut state = after(sample::night());
    let effects = press(&mut state, "l");
    let at = |effect: &Effect| match effect {
        Effect::FindLog(LogQuery {
            job,
            level: Level::Error,
            table,
            ..
        }) => Some((*job, table.clone())),
        _ => None,
    };
    let found: Vec<_> = effects.iter().filter_map(at).collect();
    assert_eq!(found, [(job_id(2), Some("notes".to_owned()))]);
    assert_eq!(state.tab, Tab::Logs);
    press(&mut state, "esc");
    assert!(is_shown(&state));
    press(&mut state, "enter");
    assert_eq!(state.detail.as_ref().map(|d| d.job.id), Some(job_id(2)));
    press(&mut state, "esc");
    assert!(is_shown(&state));
    press(&mut state, "enter 2 3");
    press(&mut state, "esc");
    assert!(
        !is_shown(&state),
        "somebody who went elsewhere is done with it"
    );
}

#[test]
fn a_visit_is_remembered_once_what_failed_was_shown() {
    let remembers = |effects: &[Effect]| {
        let saves = |effect: &Effect| matches!(effect, Effect::RememberVisit(_));
        effects.iter().any(saves)
    };
    let mut state = full(80, 24);
    assert!(!remembers(&ticked(&mut state, 30)), "nobody is there");
    assert!(
        !remembers(&press(&mut state, "j")),
        "it is not known what failed"
    );
    let night = Loaded::Night(sample::night());
    sample::load(&mut state, Load::Night(LookBack::Visit), night);
    assert!(
        remembers(&press(&mut state, "j")),
        "the first key is a visit"
    );
    assert!(
        !remembers(&press(&mut state, "j")),
        "once a minute is enough"
    );
    assert!(!remembers(&ticked(&mut state, 200)), "nobody came since");
    state.clock.steady = Duration::from_secs(40);
    press(&mut state, "j");
    let effects = ticked(&mut state, 100);
    let wanted = Effect::RememberVisit(Duration::from_secs(60));
    assert!(effects.contains(&wanted), "{effects:?}");
    let why = "/x: no space".to_owned();
    update(&mut state, Msg::Remembered(Err(why)));
    let notice = state.notice.as_ref();
    assert!(notice.is_some_and(|n| n.text.contains("no space")));
}

#[test]
fn what_fails_while_nobody_is_there_is_shown_to_whoever_comes() {
    let mut state = after(BadNight::default());
    press(&mut state, "j");
    let failed = |state: &mut State| {
        let mut job = sample::ended_job();
        job.state = JobState::Failed;
        let event = Event {
            v: 1,
            seq: 1,
            time: sample::now(),
            job_id: job.id,
            config: job.config.clone(),
            table: None,
            what: What::JobFinished(Box::new(job)),
        };
        state.jobs.set(Vec::new());
        update(state, Msg::Happened(Box::new(event)));
    };
    failed(&mut state);
    let looks = |effects: &[Effect]| {
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Load(Load::Night(_))))
    };
    assert!(!looks(&ticked(&mut state, 100)), "who is there sees it");
    state.clock.steady = Duration::from_secs(3 * 3600);
    failed(&mut state);
    let since = LookBack::Since(sample::now());
    assert!(ticked(&mut state, 3 * 3600 + 5).contains(&Effect::Load(Load::Night(since))));
    sample::load(
        &mut state,
        Load::Night(since),
        Loaded::Night(sample::night()),
    );
    assert!(is_shown(&state));
}

#[test]
fn it_can_be_asked_for_and_says_so_when_all_is_well() {
    let mut state = after(sample::night());
    press(&mut state, "esc");
    assert!(!is_shown(&state));
    assert!(state.notice.as_ref().unwrap().text.starts_with('F'));
    let load = Load::Night(LookBack::Lately);
    assert!(press(&mut state, "F").contains(&Effect::Load(load)));
    assert_eq!(state.waiting.len(), 1);
    sample::load(&mut state, load, Loaded::Night(sample::night()));
    assert!(is_shown(&state) && state.waiting.is_empty());
    press(&mut state, "esc F");
    sample::load(&mut state, load, Loaded::Night(BadNight::default()));
    assert!(!is_shown(&state));
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("nothing failed")
    );
}

#[test]
fn read_only_shows_it_and_retries_nothing() {
    let mut state = full(80, 24);
    state.setup.read_only = true;
    sample::load(
        &mut state,
        Load::Night(LookBack::Visit),
        Loaded::Night(sample::night()),
    );
    sample::tick(&mut state, 20);
    assert!(!picture(&state).contains("retry"), "{}", picture(&state));
    assert_eq!(pressed(&mut state, "r R"), []);
    assert!(state.notice.as_ref().unwrap().text.contains("read-only"));
}

#[test]
fn thousands_of_failed_tables_are_one_page() {
    let mut night = sample::long_night();
    let tables = &mut night.jobs[1].job.tables;
    let one = tables[1].clone();
    tables.extend((0..10_000).map(|n| {
        let mut run = one.clone();
        run.target_table = format!("table_{n:05}");
        run
    }));
    let mut state = after(night);
    press(&mut state, "j G k");
    let shown = picture(&state);
    assert!(shown.contains("table_09999"), "{shown}");
}
