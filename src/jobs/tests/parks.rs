//! A process that is about to be stopped from outside hands its jobs back, and goes on afterwards.

use std::time::Duration;

use tokio::time::Instant;

use super::stops::{parts, running};
use crate::jobs::testing::{FakeLedger, FakeWork, Step, TTL, engine, setup};
use crate::jobs::{QueueMode, StopHow};
use crate::model::event::What;
use crate::model::job::{JobKind, JobState};

#[tokio::test(start_paused = true)]
async fn parking_hands_a_job_back_after_its_batch() {
    let (ledger, _, engine) = parts(&[Step::UntilStopped]);
    let (id, task) = running(&engine, &ledger).await;
    assert!(engine.park(Duration::from_secs(30)).await);
    assert_eq!(ledger.stored(id).state, JobState::Pending);
    assert_eq!(task.await.unwrap().unwrap().state, JobState::Pending);
    assert!(ledger.nothing_is_held());
}

#[tokio::test(start_paused = true)]
async fn the_queue_rests_while_parked_and_takes_what_was_handed_back_afterwards() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[Step::UntilStopped]);
    let engine = engine(setup(), &ledger, &work);
    let mut events = engine.events();
    let id = ledger.add_job(JobKind::Sync);
    engine.start(QueueMode::TakeAny);
    while !matches!(events.recv().await.unwrap().what, What::TableStarted(_)) {}
    assert!(engine.park(Duration::from_secs(30)).await);
    let later = ledger.add_job(JobKind::Sync);
    tokio::time::sleep(Duration::from_mins(1)).await;
    for waiting in [id, later] {
        assert_eq!(ledger.stored(waiting).state, JobState::Pending);
    }
    assert!(ledger.nothing_is_held());
    engine.unpark();
    let deadline = Instant::now() + Duration::from_secs(10);
    while ledger.stored(id).state == JobState::Pending {
        assert!(Instant::now() < deadline, "it was not taken up again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    engine.shutdown(StopHow::Cancel, TTL).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_without_an_end_is_rolled_back_when_the_time_is_over() {
    let (ledger, _, engine) = parts(&[Step::UntilForced]);
    let (id, _task) = running(&engine, &ledger).await;
    let before = Instant::now();
    assert!(engine.park(Duration::from_secs(5)).await);
    assert!(before.elapsed() >= Duration::from_secs(5));
    assert_eq!(ledger.stored(id).state, JobState::Pending);
}
