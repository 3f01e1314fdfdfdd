//! How jobs end when somebody stops them, or something breaks.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::jobs::testing::{FakeLedger, FakeWork, Step, TTL, engine, setup, transient};
use crate::jobs::{Engine, QueueMode, StopHow};
use crate::model::command::Refusal;
use crate::model::error::ErrorCode;
use crate::model::event::What;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobKind, JobState, JobWish};
use crate::model::table_run::TableState;

/// Runs a job in a task, and waits until its table `t` is being worked on.
pub(super) async fn running(
    engine: &Arc<Engine>,
    ledger: &FakeLedger,
) -> (JobId, JoinHandle<Result<Job, Refusal>>) {
    let mut events = engine.events();
    let id = ledger.add_job(JobKind::Sync);
    let task = tokio::spawn({
        let engine = Arc::clone(engine);
        async move { engine.run_job(id).await }
    });
    loop {
        let event = events.recv().await.unwrap();
        if matches!(event.what, What::TableStarted(_)) && event.table.as_deref() == Some("t") {
            return (id, task);
        }
    }
}

pub(super) fn parts(steps: &[Step]) -> (Arc<FakeLedger>, Arc<FakeWork>, Arc<Engine>) {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", steps);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    (ledger, work, engine)
}

#[tokio::test(start_paused = true)]
async fn a_stopped_job_is_cancelled_with_its_unfinished_tables() {
    let (ledger, work, engine) = parts(&[Step::UntilStopped]);
    let (id, task) = running(&engine, &ledger).await;
    assert!(engine.stop_job(id, StopHow::Cancel));
    let job = task.await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!(job.tables[0].state, TableState::Cancelled);
    assert_eq!(work.gave_up(), ["t"]);
    assert!(ledger.nothing_is_held());
    assert!(!engine.stop_job(id, StopHow::Cancel), "it is not here");
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_ends_it_at_once() {
    let (ledger, _, engine) = parts(&[Step::UntilForced]);
    let (id, task) = running(&engine, &ledger).await;
    let before = Instant::now();
    engine.stop_job(id, StopHow::Cancel);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!task.is_finished(), "the batch is in hand");
    engine.stop_job(id, StopHow::Cancel);
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
    assert!(before.elapsed() < Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn workers_that_do_not_listen_are_given_up() {
    let (ledger, _, engine) = parts(&[Step::Forever]);
    let (id, task) = running(&engine, &ledger).await;
    let before = Instant::now();
    engine.stop_job(id, StopHow::Cancel);
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
    let took = before.elapsed();
    assert!(took >= Duration::from_secs(9) && took < Duration::from_secs(13));
}

#[tokio::test(start_paused = true)]
async fn a_wish_in_the_control_database_is_obeyed_within_seconds() {
    for (wish, state) in [
        (JobWish::Stop, JobState::Cancelled),
        (JobWish::Release, JobState::Pending),
    ] {
        let (ledger, _, engine) = parts(&[Step::UntilStopped]);
        let (id, task) = running(&engine, &ledger).await;
        let before = Instant::now();
        ledger.wish(id, wish);
        assert_eq!(task.await.unwrap().unwrap().state, state);
        assert!(before.elapsed() < Duration::from_secs(3));
        if state == JobState::Pending {
            assert_eq!(ledger.wished(id), JobWish::None, "obeyed once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_before_a_retry_is_interrupted() {
    let lost = Step::Fail(transient(ErrorCode::ConnectionLost));
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[lost]);
    let mut slow = setup();
    slow.limits.retry_delay = Duration::from_mins(5);
    let engine = engine(slow, &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let (id, task) = running(&engine, &ledger).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = Instant::now();
    engine.stop_job(id, StopHow::Cancel);
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_hands_jobs_back_and_the_next_engine_goes_on() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("done", &[]);
    work.table("t", &[Step::UntilStopped]);
    let first = engine(setup(), &ledger, &work);
    first.start(QueueMode::OnlyAsked);
    let mut events = first.events();
    let (id, task) = running(&first, &ledger).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    first
        .shutdown(StopHow::Release, Duration::from_secs(30))
        .await;
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Pending);
    let stored = ledger.stored(id);
    assert_eq!(stored.state, JobState::Pending);
    assert!(ledger.nothing_is_held());
    assert_eq!(ledger.stopped().len(), 1);
    let run = work.run_of("t");
    let mut last = 0;
    let mut released = false;
    while let Some(event) = events.try_recv() {
        last = event.seq;
        released |= matches!(event.what, What::JobReleased(_));
    }
    assert!(released);

    let hour = chrono::TimeDelta::hours(1);
    ledger.change(id, |job| job.created_at -= hour);
    let second = engine(setup(), &ledger, &work);
    let mut events = second.events();
    second.start(QueueMode::OnlyAsked);
    let job = second.run_job(id).await.unwrap();
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.tables_completed, 2);
    assert_eq!(work.run_of("t"), run, "the same table run goes on");
    assert_eq!(work.tried(), ["done", "t", "t"], "what was done stays done");
    assert!(work.gave_up().contains(&"done".to_owned()));
    let first = events.recv().await.unwrap();
    assert!(
        first.seq > last,
        "numbers go on above those of the other process"
    );
}

#[tokio::test(start_paused = true)]
async fn a_persons_stop_comes_before_a_hand_back() {
    let (ledger, _, engine) = parts(&[Step::UntilForced]);
    let (id, task) = running(&engine, &ledger).await;
    ledger.wish(id, JobWish::Stop);
    engine.shutdown(StopHow::Release, Duration::ZERO).await;
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_forces_what_does_not_end_in_time() {
    let (ledger, _, engine) = parts(&[Step::UntilForced]);
    let (_, task) = running(&engine, &ledger).await;
    let before = Instant::now();
    engine
        .shutdown(StopHow::Cancel, Duration::from_secs(10))
        .await;
    assert!(before.elapsed() >= Duration::from_secs(4));
    assert!(before.elapsed() < Duration::from_secs(12));
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_does_not_wait() {
    let (ledger, _, engine) = parts(&[Step::UntilForced]);
    let (_, task) = running(&engine, &ledger).await;
    let before = Instant::now();
    let first = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move {
            engine
                .shutdown(StopHow::Release, Duration::from_mins(5))
                .await;
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine
        .shutdown(StopHow::Release, Duration::from_mins(5))
        .await;
    first.await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(2));
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Pending);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_after_the_lease_is_lost() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[Step::UntilForced]);
    let mut once = setup();
    once.limits.retry_attempts = 0;
    let engine = engine(once, &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let mut events = engine.events();
    let (id, task) = running(&engine, &ledger).await;
    ledger.unreachable(true);
    let before = Instant::now();
    let refused = task.await.unwrap().unwrap_err();
    assert!(before.elapsed() <= TTL, "work ended before the lease did");
    assert!(
        matches!(refused, Refusal::DatabaseUnavailable(_)),
        "{refused:?}"
    );
    ledger.unreachable(false);
    assert_eq!(ledger.stored(id).state, JobState::Running);
    let mut told = Vec::new();
    while let Some(event) = events.try_recv() {
        told.push(event.what);
    }
    assert!(told.iter().any(|what| matches!(what, What::JobReleased(_))));
    assert!(engine.active_jobs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_short_absence_of_the_control_database_costs_nothing() {
    let (ledger, _, engine) = parts(&[Step::UntilStopped]);
    let (id, task) = running(&engine, &ledger).await;
    ledger.unreachable(true);
    engine.stop_job(id, StopHow::Cancel);
    tokio::time::sleep(TTL / 4).await;
    assert!(!task.is_finished(), "its end is not stored yet");
    ledger.unreachable(false);
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
    assert_eq!(ledger.stored(id).state, JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_job_goes_on_when_the_control_database_is_back() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[Step::UntilForced]);
    let mut patient = setup();
    patient.limits.retry_delay = Duration::from_secs(30);
    let engine = engine(patient, &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let (_, task) = running(&engine, &ledger).await;
    ledger.unreachable(true);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(!task.is_finished());
    ledger.unreachable(false);
    let job = task.await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(work.tried().len(), 2);
    assert!(ledger.nothing_is_held());
}
