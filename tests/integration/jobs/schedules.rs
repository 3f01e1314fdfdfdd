//! Configs that are started when they are due.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use db_taxi::model::cron::Cron;
use db_taxi::model::ids::ConfigId;
use db_taxi::model::job::{JobFilter, JobKind, JobState, Trigger};
use db_taxi::model::mapping::parse_schedule;
use db_taxi::store::schedules::{ScheduleRow, Started, signature};
use db_taxi::system::System;
use serde_json::json;

use super::{House, describe, fill, queue};
use crate::both_flavours;
use crate::jobs::{Role, StopHow};
use crate::support::{Pair, eventually};

const LIMIT: Duration = Duration::from_secs(40);

async fn set_schedule(system: &System, text: &str) -> ConfigId {
    let configs = &system.services().unwrap().configs;
    let config = configs.get("all").await.unwrap();
    let mut spec = config.spec;
    spec.schedule = Some(Cron::parse(text).unwrap().into());
    let config = configs.update(config.id, spec, None).await.unwrap();
    assert_eq!(config.next_runs.len(), 5);
    assert!(config.next_runs[0] > Utc::now());
    config.id
}

fn rows(pair: &Pair, condition: &str) -> u64 {
    pair.local.count(&format!(
        "SELECT COUNT(*) FROM {}.sync_schedules WHERE {condition}",
        pair.control_db()
    ))
}

/// As if the time had come.
fn make_due(pair: &Pair, ago: &str) {
    pair.local.sql(&format!(
        "UPDATE {}.sync_schedules SET due_at = UTC_TIMESTAMP(3) - INTERVAL {ago}",
        pair.control_db()
    ));
}

/// Any other field of the schedule than its times.
async fn set_timing(system: &System, timing: serde_json::Value) -> ConfigId {
    let configs = &system.services().unwrap().configs;
    let config = configs.get("all").await.unwrap();
    let mut spec = config.spec;
    spec.schedule = Some(parse_schedule(&timing).unwrap());
    configs.update(config.id, spec, None).await.unwrap().id
}

both_flavours! {
    async fn what_was_missed_is_made_up_for_once_by_one_of_two_services(pair: Pair) {
        fill(&pair, "a", 20);
        let house = House::new(&pair);
        let setup = house.start(Role::OneShot).await;
        describe(&setup, &pair, &["a"]).await;
        let timing = json!({"cron": "0 0 1 7 *", "timezone": "Asia/Kolkata", "jitter": "10m", "catch_up": "once"});
        let config = set_timing(&setup, timing).await;
        let shown = setup.services().unwrap().configs.get("all").await.unwrap();
        assert_eq!(shown.zone.map(|zone| zone.name()), Some("Asia/Kolkata"));
        let minutes = |at: &chrono::DateTime<Utc>| at.timestamp().div_euclid(60).rem_euclid(60);
        // Midnight in Kolkata is half past here; with the jitter, up to ten minutes later.
        assert!(shown.next_runs.iter().all(|at| (30..40).contains(&minutes(at))), "{:?}", shown.next_runs);
        let store = house.store(&pair).await;
        let missed = ScheduleRow {
            config,
            schedule: signature(shown.spec.schedule.as_ref().unwrap()),
            zone: "Asia/Kolkata".to_owned(),
            due_at: Utc::now() - TimeDelta::days(3),
            settled_at: Some(Utc::now() - TimeDelta::days(4)),
        };
        assert!(store.put_schedule(None, &missed).await.unwrap());
        let first = house.start(Role::Headless).await;
        let second = house.start(Role::Headless).await;
        let jobs = &setup.services().unwrap().jobs;
        eventually(LIMIT, "the one job that makes up for three days", async || {
            let all = jobs.list(&JobFilter::default()).await.unwrap();
            all.iter().any(|job| job.state == JobState::Completed)
        })
        .await;
        assert_eq!(rows(&pair, "due_at > UTC_TIMESTAMP(3) AND last_job_id IS NOT NULL"), 1);
        assert_eq!(jobs.list(&JobFilter::default()).await.unwrap().len(), 1);
        pair.judge("a", "a").equal();
        for system in [first, second, setup] {
            system.shutdown(StopHow::Release).await;
        }
    }

    /// Who comes late, with what was read before, neither starts the old nor turns the time back.
    async fn a_changed_schedule_starts_nothing_old_and_nobody_turns_it_back(pair: Pair) {
        let house = House::new(&pair);
        let system = house.start(Role::OneShot).await;
        describe(&system, &pair, &["a"]).await;
        let config = set_timing(&system, json!({"cron": "@hourly", "jitter": "5m"})).await;
        let store = house.store(&pair).await;
        let row = |text: &str, zone: &str, hours: i64| ScheduleRow {
            config,
            schedule: text.to_owned(),
            zone: zone.to_owned(),
            due_at: chrono::DateTime::from_timestamp(1_800_000_000 + hours * 3_600, 0).unwrap(),
            settled_at: None,
        };
        let text = r#"{"cron":"@hourly","jitter":"5m"}"#;
        let old = row(text, "UTC", 0);
        assert!(store.put_schedule(None, &old).await.unwrap());
        assert!(!store.put_schedule(None, &row(text, "UTC", 9)).await.unwrap(), "it is there");
        set_timing(&system, json!("@daily")).await;
        let started = store.start_due(&old, old.due_at + TimeDelta::hours(1)).await.unwrap();
        assert!(matches!(started, Started::NotDue), "{started:?}");
        let new = row("@daily", "UTC", 1);
        assert!(store.put_schedule(Some(&old), &new).await.unwrap());
        assert!(!store.put_schedule(Some(&old), &row(text, "UTC", 2)).await.unwrap(), "a late one");
        let elsewhere = row("@daily", "Asia/Kolkata", 1);
        let started = store.start_due(&elsewhere, new.due_at + TimeDelta::hours(1)).await.unwrap();
        assert!(matches!(started, Started::NotDue), "another zone: {started:?}");
        let schedules = store.schedules().await.unwrap();
        assert_eq!((schedules.rows.len(), &schedules.rows[0]), (1, &new));
        // Times that were left out are counted until one is started.
        let waiting = queue(&system, JobKind::Sync).await;
        let mut due = new.clone();
        for times in 1..=3 {
            let next = due.due_at + TimeDelta::hours(1);
            let busy = store.start_due(&due, next).await.unwrap();
            assert!(matches!(busy, Started::Busy { in_a_row, .. } if in_a_row == times), "{busy:?}");
            due.due_at = next;
        }
        assert_eq!(store.skipped_runs().await.unwrap(), [("all".to_owned(), 3)]);
        system.services().unwrap().jobs.stop(waiting).await.unwrap();
        let started = store.start_due(&due, due.due_at + TimeDelta::hours(1)).await.unwrap();
        assert!(matches!(started, Started::Job(_)), "{started:?}");
        assert_eq!(store.skipped_runs().await.unwrap(), []);
        system.shutdown(StopHow::Release).await;
    }

    async fn of_two_services_one_starts_what_is_due_and_a_missed_time_is_left_out(pair: Pair) {
        fill(&pair, "a", 100);
        let house = House::new(&pair);
        let setup = house.start(Role::OneShot).await;
        describe(&setup, &pair, &["a"]).await;
        let config = set_schedule(&setup, "0 0 1 1 *").await;
        let store = house.store(&pair).await;
        let missed = ScheduleRow {
            config,
            schedule: "0 0 1 1 *".to_owned(),
            zone: "UTC".to_owned(),
            due_at: Utc::now() - TimeDelta::days(1),
            settled_at: None,
        };
        assert!(store.put_schedule(None, &missed).await.unwrap());
        let first = house.start(Role::Headless).await;
        let second = house.start(Role::Headless).await;
        let jobs = &setup.services().unwrap().jobs;
        let done = async || {
            let all = jobs.list(&JobFilter::default()).await.unwrap();
            let done = |state| all.iter().filter(|job| job.state == state).count();
            assert!(all.iter().all(|job| job.trigger == Trigger::Schedule && job.requested_by == "schedule"));
            (all.len(), done(JobState::Completed))
        };
        eventually(LIMIT, "the missed time to be passed over", async || {
            rows(&pair, "due_at > UTC_TIMESTAMP(3)") == 1
        })
        .await;
        assert_eq!(done().await, (0, 0), "no catching up");
        for round in 1..=2 {
            make_due(&pair, "1 SECOND");
            eventually(LIMIT, "the job that is due", async || done().await == (round, round)).await;
        }
        assert_eq!(rows(&pair, "due_at > UTC_TIMESTAMP(3) AND last_job_id IS NOT NULL"), 1);
        pair.judge("a", "a").equal();

        setup.services().unwrap().configs.set_enabled(config, false).await.unwrap();
        eventually(LIMIT, "a disabled config not to be due", async || rows(&pair, "TRUE") == 0).await;
        first.shutdown(StopHow::Release).await;
        second.shutdown(StopHow::Release).await;
        setup.shutdown(StopHow::Release).await;
    }

    async fn a_due_time_makes_one_job_and_none_while_the_config_has_one(pair: Pair) {
        let house = House::new(&pair);
        let system = house.start(Role::OneShot).await;
        describe(&system, &pair, &["a"]).await;
        let config = set_schedule(&system, "@hourly").await;
        let store = house.store(&pair).await;
        let due_at = Utc::now() - TimeDelta::seconds(1);
        let at = |hours| ScheduleRow {
            config,
            schedule: "@hourly".to_owned(),
            zone: "UTC".to_owned(),
            // As the server keeps it: in milliseconds.
            due_at: chrono::DateTime::from_timestamp_millis(due_at.timestamp_millis()).unwrap()
                + TimeDelta::hours(hours),
            settled_at: None,
        };
        assert!(store.put_schedule(None, &at(0)).await.unwrap());
        let waiting = queue(&system, JobKind::Sync).await;
        let busy = store.start_due(&at(0), at(1).due_at).await.unwrap();
        assert!(matches!(&busy, Started::Busy { why, in_a_row: 1 } if why.contains(&waiting.to_string())), "{busy:?}");
        let jobs = &system.services().unwrap().jobs;
        jobs.stop(waiting).await.unwrap();
        let gone = store.start_due(&at(0), at(1).due_at).await.unwrap();
        assert!(matches!(gone, Started::NotDue), "the time was left out: {gone:?}");
        let started = store.start_due(&at(1), at(2).due_at).await.unwrap();
        assert!(matches!(started, Started::Job(_)), "{started:?}");
        let twice = store.start_due(&at(1), at(2).due_at).await.unwrap();
        assert!(matches!(twice, Started::NotDue), "{twice:?}");
        assert_eq!(jobs.list(&JobFilter::default()).await.unwrap().len(), 2);
        system.shutdown(StopHow::Release).await;
    }
}
