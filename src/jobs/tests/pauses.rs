//! Jobs that are held, go on, and are changed while they run.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::stops::{parts, running};
use crate::jobs::testing::{FakeLedger, FakeWork, Step, engine, setup, transient};
use crate::jobs::{QueueMode, StopHow};
use crate::model::error::ErrorCode;
use crate::model::event::What;
use crate::model::ids::{InstanceId, JobId};
use crate::model::job::{JobKind, JobLimits, JobState, JobWish};
use crate::model::table_run::TableState;
use crate::store::leases::Resource;

async fn until(ledger: &FakeLedger, id: JobId, state: JobState) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while ledger.stored(id).state != state {
        assert!(Instant::now() < deadline, "{:?}", ledger.stored(id).state);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn resume(ledger: &FakeLedger, id: JobId) {
    ledger.wish(id, JobWish::None);
    ledger.change(id, |job| job.state = JobState::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_paused_job_gives_everything_up_and_goes_on_when_it_is_resumed() {
    let (ledger, work, engine) = parts(&[Step::UntilStopped]);
    let mut events = engine.events();
    let (id, task) = running(&engine, &ledger).await;
    let before = Instant::now();
    ledger.wish(id, JobWish::Pause);
    until(&ledger, id, JobState::Paused).await;
    assert!(before.elapsed() < Duration::from_secs(3));
    tokio::time::sleep(Duration::from_mins(60)).await;
    let held = ledger.stored(id);
    assert_eq!(held.state, JobState::Paused);
    assert_eq!(held.tables[0].state, TableState::Pending);
    assert!(held.kept.paused && held.finished_at.is_none());
    assert!(ledger.nothing_is_held(), "leases");
    assert_eq!(work.finished(), 1, "snapshots and sessions");
    assert!(engine.active_jobs().is_empty());
    assert!(work.gave_up().contains(&"t".to_owned()));
    assert_eq!(ledger.wished(id), JobWish::None, "obeyed once");
    assert!(!task.is_finished(), "who runs it waits");

    resume(&ledger, id);
    let job = task.await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(work.tried(), ["t", "t"]);
    assert!(!ledger.stored(id).kept.paused);
    let mut told = Vec::new();
    while let Some(event) = events.try_recv() {
        match event.what {
            What::JobStarted(_) => told.push("started"),
            What::JobPaused(_) => told.push("paused"),
            What::JobResumed(_) => told.push("resumed"),
            What::JobReleased(_) => told.push("released"),
            What::JobFinished(_) => told.push("finished"),
            _ => {}
        }
    }
    assert_eq!(told, ["started", "paused", "resumed", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_comes_before_a_pause() {
    let (ledger, _, engine) = parts(&[Step::UntilForced]);
    let (id, task) = running(&engine, &ledger).await;
    engine.stop_job(id, StopHow::Pause);
    ledger.wish(id, JobWish::Stop);
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_undo_a_pause() {
    let (ledger, _, engine) = parts(&[Step::UntilForced]);
    let (id, task) = running(&engine, &ledger).await;
    ledger.wish(id, JobWish::Pause);
    engine.shutdown(StopHow::Release, Duration::ZERO).await;
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Paused);
    assert_eq!(ledger.stored(id).state, JobState::Paused);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_instance_died_before_it_could_pause_is_paused_by_the_next() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let id = ledger.add_job(JobKind::Sync);
    ledger.change(id, |job| job.state = JobState::Running);
    ledger.wish(id, JobWish::Pause);
    ledger.hold(&Resource::Job(id), Duration::from_secs(5));
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::TakeAny);
    until(&ledger, id, JobState::Paused).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(ledger.stored(id).state, JobState::Paused, "nobody takes it");
    assert!(work.tried().is_empty());
    resume(&ledger, id);
    until(&ledger, id, JobState::Completed).await;
}

#[tokio::test(start_paused = true)]
async fn running_time_counts_over_pauses_and_pauses_do_not() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[Step::UntilStopped, Step::UntilStopped]);
    ledger.change_config(|config| config.options.job_timeout = Some(Duration::from_mins(2)));
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let (id, task) = running(&engine, &ledger).await;
    tokio::time::sleep(Duration::from_secs(80)).await;
    ledger.wish(id, JobWish::Pause);
    until(&ledger, id, JobState::Paused).await;
    tokio::time::sleep(Duration::from_hours(3)).await;
    let again = Instant::now();
    resume(&ledger, id);
    let job = task.await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.error.unwrap().code, ErrorCode::JobTimeout);
    let took = again.elapsed().as_secs();
    assert!((35..45).contains(&took), "{took} s after the pause");
}

#[tokio::test(start_paused = true)]
async fn changed_limits_reach_the_work_within_seconds() {
    let (ledger, work, engine) = parts(&[Step::UntilStopped]);
    let (id, task) = running(&engine, &ledger).await;
    assert_eq!(work.limits(), JobLimits::default());
    let limits = JobLimits {
        max_concurrency: Some(2),
        ..JobLimits::default()
    };
    ledger.limit(id, limits.clone());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(work.limits(), limits);
    engine.stop_job(id, StopHow::Pause);
    until(&ledger, id, JobState::Paused).await;
    resume(&ledger, id);
    task.await.unwrap().unwrap();
    assert_eq!(work.limits(), limits, "they hold until the job ends");
}

#[tokio::test(start_paused = true)]
async fn a_command_does_not_wait_for_a_source_that_was_never_reached() {
    for (waits, code, tries_again) in [
        (false, ErrorCode::Unreachable, false),
        (true, ErrorCode::Unreachable, true),
        (false, ErrorCode::Deadlock, true),
    ] {
        let (ledger, work) = (FakeLedger::new(), FakeWork::new());
        work.table("t", &[]);
        work.fail_prepare(transient(code));
        let mut parts = setup();
        parts.limits.waits_for_source = waits;
        let engine = engine(parts, &ledger, &work);
        engine.start(QueueMode::OnlyAsked);
        let id = ledger.add_job(JobKind::Sync);
        let job = engine.run_job(id).await.unwrap();
        assert_eq!(job.state == JobState::Completed, tries_again, "{code:?}");
        if !tries_again {
            assert_eq!(job.error.unwrap().code, code);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_reached_once_is_waited_for() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[Step::UntilStopped]);
    let mut parts = setup();
    parts.limits.waits_for_source = false;
    let engine = engine(parts, &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let (id, task) = running(&engine, &ledger).await;
    work.fail_prepare(transient(ErrorCode::Unreachable));
    ledger.wish(id, JobWish::Pause);
    until(&ledger, id, JobState::Paused).await;
    resume(&ledger, id);
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Completed);
}

/// What people and processes do to a job.
#[derive(Debug, Clone, Copy)]
enum Act {
    Wish(JobWish),
    Here(StopHow),
    Resume,
    Wait(u64),
    /// The process ends in order, and another one comes.
    Restart,
    /// It stands still until its leases are over.
    Cut,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => prop_oneof![
            4 => Just(JobWish::Pause), 1 => Just(JobWish::Release), 1 => Just(JobWish::Stop)
        ].prop_map(Act::Wish),
        2 => prop_oneof![
            3 => Just(StopHow::Pause), 1 => Just(StopHow::Release), 1 => Just(StopHow::Cancel)
        ].prop_map(Act::Here),
        3 => Just(Act::Resume),
        4 => (0_u64..4000).prop_map(Act::Wait),
        1 => Just(Act::Restart),
        1 => Just(Act::Cut),
    ]
}

/// As the control database takes wishes: a weaker one does not hide a stronger one.
fn wish(ledger: &FakeLedger, id: JobId, wish: JobWish) {
    let is_over = ledger.stored(id).state.is_final();
    if !is_over && wish.rank() > ledger.wished(id).rank() {
        ledger.wish(id, wish);
    }
}

async fn play(acts: &[Act]) {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &vec![Step::UntilStopped; acts.len() + 1]);
    let id = ledger.add_job(JobKind::Sync);
    let begin = || {
        let mut parts = setup();
        parts.description.id = InstanceId::generate();
        let engine = engine(parts, &ledger, &work);
        engine.start(QueueMode::TakeAny);
        engine
    };
    let mut engine = begin();
    let mut over = None;
    for act in acts {
        match act {
            Act::Wish(wanted) => wish(&ledger, id, *wanted),
            Act::Here(how) => {
                engine.stop_job(id, *how);
            }
            Act::Resume if ledger.stored(id).state == JobState::Paused => resume(&ledger, id),
            Act::Resume => {}
            Act::Wait(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Act::Restart => {
                engine
                    .shutdown(StopHow::Release, Duration::from_secs(30))
                    .await;
                engine = begin();
            }
            Act::Cut => {
                ledger.unreachable(true);
                tokio::time::sleep(Duration::from_secs(40)).await;
                ledger.unreachable(false);
            }
        }
        let job = ledger.stored(id);
        match over {
            Some(state) => assert_eq!(job.state, state, "a final state changed"),
            None if job.state.is_final() => over = Some(job.state),
            None => {}
        }
    }
    // Whatever was done to it: left alone, it ends, and nobody renews a lease.
    tokio::time::sleep(Duration::from_mins(2)).await;
    if ledger.stored(id).state == JobState::Paused {
        resume(&ledger, id);
    }
    for _ in 0..=acts.len() + 1 {
        tokio::time::sleep(Duration::from_secs(40)).await;
        if ledger.stored(id).state == JobState::Paused {
            resume(&ledger, id);
        }
        engine.stop_job(id, StopHow::Release);
    }
    tokio::time::sleep(Duration::from_mins(2)).await;
    let job = ledger.stored(id);
    assert!(job.state.is_final(), "{:?}", job.state);
    assert!(ledger.nothing_is_in_force());
    engine
        .shutdown(StopHow::Release, Duration::from_secs(30))
        .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The control database in memory refuses every transition that does not exist.
    #[test]
    fn whatever_is_done_to_a_job_its_states_follow_the_rules_and_it_ends(
        acts in proptest::collection::vec(act(), 1..12)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(play(&acts));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_moves_has_its_time_and_one_that_does_not_is_given_up() {
    for (step, least, most) in [(Step::MovesUntilForced, 29, 33), (Step::UntilForced, 4, 8)] {
        let (ledger, _, engine) = parts(&[step]);
        let (id, task) = running(&engine, &ledger).await;
        let before = Instant::now();
        engine.stop_job(id, StopHow::Cancel);
        let job = Arc::new(task.await.unwrap().unwrap());
        assert_eq!(job.state, JobState::Cancelled);
        let took = before.elapsed().as_secs();
        assert!((least..=most).contains(&took), "{took} s");
    }
}
