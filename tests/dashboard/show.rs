//! The real dashboard over the made-up shop, to be looked at in a terminal:
//!
//! ```sh
//! cargo test --test dashboard -- --ignored --nocapture show_the_shop
//! ```
//!
//! `DBT_SHOW` says what happens: `moving` (the default), `still`, `empty`, `down`,
//! `panic`, `worker-panic`.
//! `DBT_SHOW_TOLD` names a file for how it ended, for terminals that can't be written to.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use db_taxi::dashboard::runtime::backend::News;
use db_taxi::dashboard::{DashboardOptions, run_with};
use db_taxi::model::event::{Event, What};
use db_taxi::model::job::Job;

use crate::sample;
use crate::world::{Facts, World};

pub fn progress(job: &Job, table: Option<usize>, seq: u64) -> News {
    let (progress, counts, name) = match table {
        None => (job.progress.clone(), job.counts, None),
        Some(i) => {
            let run = &job.tables[i];
            (
                run.progress.clone(),
                run.counts,
                Some(run.target_table.clone()),
            )
        }
    };
    News::Job(Box::new(Event {
        v: 1,
        seq,
        time: chrono::Utc::now(),
        job_id: job.id,
        config: job.config.clone(),
        table: name,
        what: What::Progress { progress, counts },
    }))
}

/// Moves the running job on, round and round.
async fn move_on(world: Arc<World>) {
    let mut job = world.facts().jobs[1].clone();
    let began = chrono::Utc::now() - chrono::Duration::seconds(147);
    job.started_at = Some(began);
    world.facts().jobs[1] = job.clone();
    for seq in 0.. {
        let wave = f64::from((seq as u32 * 7919) % 37) / 37.0;
        for i in [1, 2, 4] {
            let run = &mut job.tables[i];
            run.progress.rows_per_second = 40_000.0 + 30_000.0 * wave;
            run.progress.bytes_per_second = run.progress.rows_per_second * 191.0;
            run.progress.rows_done =
                (run.progress.rows_done + 12_345) % run.progress.rows_total.max(1);
            run.progress.percent =
                run.progress.rows_done as f64 / run.progress.rows_total as f64 * 100.0;
            world.tell(progress(&job, Some(i), seq)).await;
        }
        job.progress.rows_per_second = 120_000.0 + 90_000.0 * wave;
        job.progress.bytes_per_second = job.progress.rows_per_second * 191.0;
        job.progress.percent = (job.progress.percent + 0.3) % 100.0;
        job.progress.eta_seconds = Some(100.0 - job.progress.percent);
        world.tell(progress(&job, None, seq)).await;
        world.facts().jobs[1] = job.clone();
        let mut line = sample::log_lines(seq % 200 + 1).pop().unwrap();
        (line.id, line.time) = (1000 + seq, chrono::Utc::now());
        world.facts().logs.push(line.clone());
        world.tell(News::Log(vec![line])).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "opens the dashboard in the terminal it is run in"]
async fn show_the_shop() {
    let what = std::env::var("DBT_SHOW").unwrap_or_default();
    let world = match what.as_str() {
        "empty" => World::new(Facts {
            overview: sample::overview(),
            ..Facts::default()
        }),
        _ => World::shop(),
    };
    if what == "down" {
        let mut overview = sample::overview_down();
        overview.database.retry_at = Some(chrono::Utc::now() + chrono::Duration::seconds(30));
        world.facts().overview = overview;
    }
    if what.is_empty() || what == "moving" {
        tokio::spawn(move_on(Arc::clone(&world)));
    }
    world.poisoned.store(what == "panic", Ordering::SeqCst);
    if what == "worker-panic" {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let worker = std::thread::spawn(|| panic!("a worker panicked on purpose"));
            assert!(worker.join().is_err());
            world.facts().overview.instance = "a worker has panicked".to_owned();
        });
    }
    let options = DashboardOptions {
        theme: std::env::var("DBT_SHOW_THEME").unwrap_or_else(|_| "default".to_owned()),
        ascii: std::env::var_os("DBT_SHOW_ASCII").is_some(),
        ..DashboardOptions::default()
    };
    let code = run_with(Arc::clone(&world), options).await;
    let told = format!("ended: {code:?}, asked: {:?}", world.facts().asked);
    match std::env::var_os("DBT_SHOW_TOLD") {
        // The terminal may be gone, or take no bytes.
        Some(file) => {
            std::fs::write(file, told).unwrap();
            std::process::exit(code.unwrap_or(1));
        }
        None => println!("{told}"),
    }
}
