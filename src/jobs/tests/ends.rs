//! How jobs end when nobody stops them.

use std::time::Duration;

use tokio::time::Instant;

use crate::jobs::QueueMode;
use crate::jobs::testing::{FakeLedger, FakeWork, Step, TTL, engine, setup, transient};
use crate::model::command::Refusal;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::event::What;
use crate::model::ids::JobId;
use crate::model::job::{JobKind, JobState};
use crate::model::table_run::TableState;
use crate::mysql::TableRef;
use crate::store::leases::Resource;

fn permanent(code: ErrorCode) -> Step {
    Step::Fail(ErrorInfo::new(code, "no way"))
}

fn passing(code: ErrorCode) -> Step {
    Step::Fail(transient(code))
}

#[tokio::test(start_paused = true)]
async fn a_job_completes_and_says_so_in_order() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("a", &[]);
    work.table("b", &[]);
    let engine = engine(setup(), &ledger, &work);
    let mut events = engine.events();
    engine.start(QueueMode::OnlyAsked);
    let id = ledger.add_job(JobKind::Sync);

    let job = engine.run_job(id).await.unwrap();

    assert_eq!(job.state, JobState::Completed);
    assert!((job.progress.percent - 100.0).abs() < f64::EPSILON);
    assert_eq!((job.tables_total, job.tables_completed), (2, 2));
    assert_eq!((job.progress.rows_done, job.counts.inserted), (20, 20));
    let stored = ledger.stored(id);
    assert_eq!(stored.state, JobState::Completed);
    assert_eq!(stored.progress, job.progress);
    assert!(
        stored
            .tables
            .iter()
            .all(|t| t.state == TableState::Completed)
    );
    assert_eq!(work.finished(), 1);
    assert!(ledger.nothing_is_held());

    let mut told = Vec::new();
    let mut last = 0;
    while let Some(event) = events.try_recv() {
        assert!(event.seq > last, "numbers grow");
        last = event.seq;
        let table = event.table.as_deref() == Some("a");
        match event.what {
            What::JobStarted(job) => {
                assert_eq!(job.state, JobState::Running);
                told.push("job started");
            }
            What::JobFinished(job) => {
                assert_eq!(job.tables.len(), 2);
                told.push("job finished");
            }
            What::TableStarted(_) if table => told.push("started"),
            What::TablePhaseChanged(_) if table => told.push("phase"),
            What::TableFinished(_) if table => told.push("finished"),
            _ => {}
        }
    }
    assert_eq!(
        told,
        [
            "job started",
            "started",
            "phase",
            "finished",
            "job finished"
        ]
    );
    let lines = ledger.log_lines();
    assert!(lines.iter().any(|line| line == "copying"), "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("completed: 2 of 2"))
    );
}

#[tokio::test(start_paused = true)]
async fn one_tables_failure_stops_no_other() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("bad", &[permanent(ErrorCode::AccessDenied)]);
    work.table("good", &[]);
    work.table("refused", &[]);
    work.refuse("refused", "no_key");
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();

    assert_eq!(job.state, JobState::CompletedWithErrors);
    assert_eq!((job.tables_completed, job.tables_failed), (1, 2));
    let error = |name: &str| {
        let table = job.tables.iter().find(|t| t.target_table == name).unwrap();
        table.error.clone().unwrap()
    };
    assert_eq!(error("bad").code, ErrorCode::AccessDenied);
    assert_eq!(error("bad").table.as_deref(), Some("bad"));
    assert_eq!(error("refused").code, ErrorCode::NoKey);
    assert_eq!(work.tried(), ["bad", "good"], "permanent: tried once");
    assert_eq!(work.gave_up(), ["bad", "refused"]);
}

#[tokio::test(start_paused = true)]
async fn passing_failures_are_retried_with_growing_waits_until_tries_are_spent() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    let lost = || passing(ErrorCode::ConnectionLost);
    work.table("t", &[lost(), lost(), lost(), lost()]);
    let engine = engine(setup(), &ledger, &work);
    let mut events = engine.events();
    engine.start(QueueMode::OnlyAsked);
    let before = Instant::now();

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();

    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.error.unwrap().code, ErrorCode::ConnectionLost);
    assert_eq!(work.tried().len(), 4, "once and three times again");
    assert_eq!(job.counts.retries, 3);
    assert_eq!(job.tables[0].attempt, 4);
    let took = before.elapsed().as_secs_f64();
    assert!((5.6..=9.0).contains(&took), "1 + 2 + 4 s, jittered: {took}");
    let mut waits = Vec::new();
    while let Some(event) = events.try_recv() {
        if let What::RetryScheduled { attempt, .. } = event.what {
            waits.push(attempt);
        }
    }
    assert_eq!(waits, [1, 2, 3]);
    let retrying = |run: &crate::model::table_run::TableRun| run.state == TableState::Retrying;
    assert_eq!(
        ledger
            .saved_runs(job.id)
            .iter()
            .filter(|r| retrying(r))
            .count(),
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_committed_chunk_starts_the_count_of_tries_again() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    let committed = || Step::CommitThenFail(transient(ErrorCode::Deadlock));
    work.table("t", &vec![committed(); 8]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();

    assert_eq!(job.state, JobState::Completed);
    assert_eq!(work.tried().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_lost_table_is_not_tried_again_here() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[passing(ErrorCode::LeaseLost)]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();

    assert_eq!(job.error.unwrap().code, ErrorCode::LeaseLost);
    assert_eq!(work.tried().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_table_only() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("bad", &[Step::Panic]);
    work.table("good", &[]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();

    assert_eq!(job.state, JobState::CompletedWithErrors);
    let bad = job.tables.iter().find(|t| t.target_table == "bad").unwrap();
    assert_eq!(bad.error.as_ref().unwrap().code, ErrorCode::Panic);
    assert_eq!(work.gave_up(), ["bad"]);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_another_process_holds_is_waited_for() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let table = Resource::Table(TableRef::new("shop", "t"));

    ledger.hold(&table, TTL);
    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();
    assert_eq!(job.state, JobState::Completed);
    let lines = ledger.log_lines();
    assert!(
        lines.iter().any(|l| l.contains("works on shop.t")),
        "{lines:?}"
    );

    ledger.hold(&table, Duration::from_hours(1));
    let before = Instant::now();
    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();
    assert_eq!(job.error.unwrap().code, ErrorCode::LeaseLost);
    assert!(before.elapsed() >= TTL * 2 && before.elapsed() < TTL * 3);
}

#[tokio::test(start_paused = true)]
async fn a_comparison_needs_no_table_lease() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let table = Resource::Table(TableRef::new("shop", "t"));
    ledger.hold(&table, Duration::from_hours(1));

    let job = engine
        .run_job(ledger.add_job(JobKind::Verify))
        .await
        .unwrap();

    assert_eq!(job.state, JobState::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_preparation_that_fails_for_a_passing_reason_is_tried_again() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("t", &[]);
    work.fail_prepare(transient(ErrorCode::Unreachable));
    work.fail_prepare(transient(ErrorCode::Unreachable));
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.counts.retries, 2);

    work.fail_prepare(ErrorInfo::new(ErrorCode::AccessDenied, "no"));
    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.error.unwrap().code, ErrorCode::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn a_job_without_tables_or_config_fails_with_a_reason() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.error.unwrap().code, ErrorCode::RuleInvalid);

    let id = ledger.add_job(JobKind::Sync);
    ledger.remove_config();
    let job = engine.run_job(id).await.unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.unwrap().message.contains("no config named"));
    assert_eq!(ledger.stored(id).state, JobState::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_too_long_fails_and_can_go_on() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    work.table("done", &[]);
    work.table("slow", &[Step::UntilStopped]);
    ledger.change_config(|config| config.options.job_timeout = Some(Duration::from_mins(2)));
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let before = Instant::now();

    let job = engine.run_job(ledger.add_job(JobKind::Sync)).await.unwrap();

    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.error.unwrap().code, ErrorCode::JobTimeout);
    let slow = job.tables.iter().find(|t| t.target_table == "slow");
    let error = slow.unwrap().error.clone().unwrap();
    assert_eq!(error.code, ErrorCode::JobTimeout);
    assert_eq!(job.tables_completed, 1);
    let took = before.elapsed();
    assert!(took >= Duration::from_mins(2) && took < Duration::from_secs(125));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_job_is_refused() {
    let (ledger, work) = (FakeLedger::new(), FakeWork::new());
    let engine = engine(setup(), &ledger, &work);
    engine.start(QueueMode::OnlyAsked);
    let refused = engine.run_job(JobId::generate()).await.unwrap_err();
    assert!(matches!(refused, Refusal::NotFound { kind: "job", .. }));
}
