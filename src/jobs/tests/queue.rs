//! Which jobs an engine takes, and when.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::jobs::testing::{FakeLedger, FakeWork, Step, TTL, engine, setup};
use crate::jobs::{EventStream, QueueMode, StopHow};
use crate::model::command::Refusal;
use crate::model::event::What;
use crate::model::ids::{InstanceId, JobId};
use crate::model::job::{JobKind, JobState, JobWish, Trigger};
use crate::model::status::{Instance, InstanceState};
use crate::store::leases::Resource;

/// Waits until a job ended.
async fn finished(events: &mut EventStream) -> JobId {
    loop {
        let event = tokio::time::timeout(Duration::from_mins(5), events.recv());
        if let What::JobFinished(job) = event.await.unwrap().unwrap().what {
            return job.id;
        }
    }
}

/// Waits until a job began.
async fn started(events: &mut EventStream) -> JobId {
    loop {
        let event = tokio::time::timeout(Duration::from_mins(5), events.recv());
        if let What::JobStarted(job) = event.await.unwrap().unwrap().what {
            return job.id;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pending_jobs_are_taken_by_priority_then_age_and_no_more_than_allowed() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[Step::UntilStopped]);
    let mut one = setup();
    one.max_concurrency = 1;
    let engine = engine(one, &ledger, &work);
    let mut events = engine.events();
    let old = ledger.add_job(JobKind::Sync);
    let young = ledger.add_job(JobKind::Sync);
    let urgent = ledger.add_job(JobKind::Sync);
    ledger.change(urgent, |job| job.priority = 10);
    engine.start(QueueMode::TakeAny);

    assert_eq!(started(&mut events).await, urgent);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(ledger.stored(old).state, JobState::Pending);
    engine.stop_job(urgent, StopHow::Cancel);
    assert_eq!(finished(&mut events).await, urgent);
    assert_eq!(finished(&mut events).await, old);
    assert_eq!(finished(&mut events).await, young);
    engine.shutdown(StopHow::Cancel, TTL).await;
}

#[tokio::test(start_paused = true)]
async fn the_job_of_a_dead_instance_is_taken_up() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let id = ledger.add_job(JobKind::Sync);
    ledger.change(id, |job| job.state = JobState::Running);
    ledger.hold(&Resource::Job(id), TTL);
    let engine = engine(setup(), &ledger, &work);
    let mut events = engine.events();
    let before = Instant::now();
    engine.start(QueueMode::TakeAny);
    assert_eq!(finished(&mut events).await, id);
    assert!(before.elapsed() >= TTL && before.elapsed() < TTL * 2);
    assert_eq!(ledger.stored(id).state, JobState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_job_asked_for_waits_for_its_dead_process_but_not_for_a_living_one() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let id = ledger.add_job(JobKind::Sync);
    ledger.change(id, |job| job.state = JobState::Running);
    ledger.hold(&Resource::Job(id), TTL - Duration::from_secs(1));
    assert_eq!(engine.run_job(id).await.unwrap().state, JobState::Completed);

    let id = ledger.add_job(JobKind::Sync);
    ledger.change(id, |job| job.state = JobState::Running);
    ledger.hold(&Resource::Job(id), Duration::from_hours(1));
    let refused = engine.run_job(id).await.unwrap_err();
    assert_eq!(refused.code(), "config_busy");
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_stop_reaches_a_job_whose_instance_died() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let id = ledger.add_job(JobKind::Sync);
    ledger.change(id, |job| job.state = JobState::Running);
    ledger.wish(id, JobWish::Stop);
    assert_eq!(engine.run_job(id).await.unwrap().state, JobState::Cancelled);
    assert!(work.tried().is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_asked_means_that_the_queue_is_left_alone() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let id = ledger.add_job(JobKind::Sync);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(ledger.stored(id).state, JobState::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_dashboard_takes_jobs_only_while_no_service_does() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let service = Instance {
        id: InstanceId::generate(),
        roles: vec!["worker".to_owned()],
        ..setup().description
    };
    ledger.add_instance(service);
    let id = ledger.add_job(JobKind::Sync);
    let engine = engine(setup(), &ledger, &work);
    let mut events = engine.events();
    engine.start(QueueMode::TakeWhenAlone);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(ledger.stored(id).state, JobState::Pending);
    ledger.remove_instances();
    assert_eq!(finished(&mut events).await, id);
    assert_eq!(setup().description.state, InstanceState::Alive);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_for_a_free_place_is_stopped_with_the_engine() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[Step::UntilStopped]);
    let mut one = setup();
    one.max_concurrency = 1;
    let engine = engine(one, &ledger, &work);
    let mut events = engine.events();
    engine.start(QueueMode::OnlyAsked);
    let ids = [ledger.add_job(JobKind::Sync), ledger.add_job(JobKind::Sync)];
    let tasks = ids.map(|id| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.run_job(id).await })
    });
    started(&mut events).await;
    engine.shutdown(StopHow::Cancel, TTL).await;
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().state, JobState::Cancelled);
    }
}

#[tokio::test(start_paused = true)]
async fn one_job_is_run_once_however_often_it_is_asked_for() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::TakeAny);
    let id = ledger.add_job(JobKind::Sync);
    let both = tokio::join!(engine.run_job(id), engine.run_job(id));
    assert_eq!(both.0.unwrap().state, JobState::Completed);
    assert_eq!(both.1.unwrap().state, JobState::Completed);
    assert_eq!(work.tried(), ["t"]);
    assert!(!matches!(
        engine.run_job(id).await,
        Err(Refusal::Conflict { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_job_of_a_command_is_left_to_its_own_process_for_a_moment() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let service = engine(setup(), &ledger, &work);
    let mut events = service.events();
    service.start(QueueMode::TakeAny);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = Instant::now();
    let command = ledger.add_job(JobKind::Sync);
    let other = ledger.add_job(JobKind::Sync);
    ledger.change(other, |job| job.trigger = Trigger::Dashboard);
    assert_eq!(started(&mut events).await, other);
    assert!(before.elapsed() < Duration::from_secs(2));
    assert_eq!(started(&mut events).await, command);
    assert!(before.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_process_took_from_its_maker_is_waited_for() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let engine = engine(setup(), &ledger, &work);
    let id = ledger.add_job(JobKind::Sync);
    engine.job_created(&ledger.stored(id));
    ledger.change(id, |job| job.state = JobState::Running);
    ledger.hold(&Resource::Job(id), Duration::from_hours(1));
    let ends = async {
        tokio::time::sleep(TTL * 5).await;
        ledger.change(id, |job| job.state = JobState::CompletedWithErrors);
    };
    let (job, ()) = tokio::join!(engine.run_job(id), ends);
    assert_eq!(job.unwrap().state, JobState::CompletedWithErrors);
    assert!(work.tried().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_job_waits_for_an_instance_that_carries_its_labels() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    ledger.ask_for_labels(&["eu"]);
    let id = ledger.add_job(JobKind::Sync);
    ledger.change(id, |job| job.trigger = Trigger::Schedule);
    let engine = engine(setup(), &ledger, &work);
    let mut events = engine.events();
    engine.start(QueueMode::TakeAny);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(ledger.stored(id).state, JobState::Pending);
    assert!(!engine.carries(&["eu".to_owned()]));

    engine.set_labels(&["gpu".to_owned(), "eu".to_owned()]);
    let before = Instant::now();
    assert_eq!(finished(&mut events).await, id);
    assert!(before.elapsed() < Duration::from_secs(2));
    assert_eq!(ledger.told_labels(), ["gpu", "eu"]);
}

#[tokio::test(start_paused = true)]
async fn a_dashboard_takes_what_no_living_service_may_take() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    ledger.ask_for_labels(&["eu"]);
    let service = Instance {
        id: InstanceId::generate(),
        roles: vec!["worker".to_owned()],
        ..setup().description
    };
    ledger.add_instance(service);
    let id = ledger.add_job(JobKind::Sync);
    let mut here = setup();
    here.description.labels = vec!["eu".to_owned()];
    let engine = engine(here, &ledger, &work);
    let mut events = engine.events();
    engine.start(QueueMode::TakeWhenAlone);
    assert_eq!(finished(&mut events).await, id);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_lost_its_name_is_entered_again_under_another() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::TakeAny);
    assert_eq!(engine.enter().await.unwrap(), "here");
    ledger.forget_and_rename("here-2");
    tokio::time::sleep(TTL).await;
    assert_eq!(engine.instance_name(), "here-2");
    tokio::time::sleep(TTL * 3).await;
    assert_eq!(engine.instance_name(), "here-2");
}
