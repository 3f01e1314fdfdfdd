//! Floods of events and log lines while keys are pressed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use db_taxi::dashboard::runtime::backend::News;
use db_taxi::dashboard::runtime::input::Input;
use db_taxi::model::event::{Event, What};
use db_taxi::model::ids::JobId;
use db_taxi::model::job::{Job, JobState};
use db_taxi::model::log::Level;
use tokio::sync::mpsc;

use crate::looping::{key, run};
use crate::sample;
use crate::show::progress;
use crate::world::{Facts, World};

const JOBS: usize = 200;
/// Events of progress between the beginning and the end of each job.
const STEPS: u64 = 50;

fn event(job: &Job, what: What) -> News {
    News::Job(Box::new(Event {
        v: 1,
        seq: 1,
        time: sample::now(),
        job_id: job.id,
        config: job.config.clone(),
        table: None,
        what,
    }))
}

/// A world in which many jobs run, as far as is stored; what becomes of them only events tell.
fn many_running() -> (Arc<World>, Vec<Job>) {
    let jobs: Vec<Job> = (0..JOBS)
        .map(|n| {
            let mut job = sample::running_job();
            job.id = JobId::generate();
            job.config = format!("many-{n:03}");
            job.tables.clear();
            job
        })
        .collect();
    let world = World::new(Facts {
        overview: sample::overview(),
        connections: sample::connections(),
        configs: sample::configs(),
        jobs: jobs.clone(),
        ..Facts::default()
    });
    (world, jobs)
}

/// Every job goes through its life at once, and thousands of log lines come between.
async fn flood(world: Arc<World>, mut jobs: Vec<Job>, over: Arc<AtomicBool>) {
    for seq in 0..STEPS {
        for job in &mut jobs {
            job.progress.percent = 99.0 * seq as f64 / STEPS as f64;
            world.tell(progress(job, None, seq)).await;
        }
        world.tell(News::Log(sample::log_lines(1000))).await;
        world.tell(News::Dropped(seq * 100)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for job in &mut jobs {
        job.state = JobState::Completed;
        let ended = What::JobFinished(Box::new(job.clone()));
        world.tell(event(job, ended)).await;
        // What was sent before may arrive behind it.
        let mut late = job.clone();
        late.state = JobState::Running;
        world
            .tell(event(&late, What::JobStarted(Box::new(late.clone()))))
            .await;
    }
    over.store(true, Ordering::SeqCst);
}

async fn lost(to: mpsc::Sender<Input>) {
    let _ = to.send(Input::Lost).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
}

async fn press(to: &mpsc::Sender<Input>, keys: &str) {
    for text in keys.split_whitespace() {
        to.send(key(text)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_end_of_a_job_is_lost_and_lines_that_were_dropped_are_counted() {
    let filter = "3 esc / r u n n i n g enter";
    let (world, _) = many_running();
    let seen = run(world, |to| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        press(&to, filter).await;
        lost(to).await;
    })
    .await;
    let before = seen.screen;
    assert!(before.contains("many-000"), "{before}");

    let (world, jobs) = many_running();
    let over = Arc::new(AtomicBool::new(false));
    let seen = run(Arc::clone(&world), |to| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let flooding = tokio::spawn(flood(world, jobs, Arc::clone(&over)));
        for n in 0.. {
            if over.load(Ordering::SeqCst) {
                break;
            }
            to.send(key(["j", "k", "2", "3", "4", "3"][n % 6]))
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        flooding.await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        press(&to, filter).await;
        lost(to).await;
    })
    .await;
    let screen = seen.screen;
    assert!(screen.contains("Nothing fits the filter"), "{screen}");
    assert!(screen.contains("! 4,900 log lines dropped"), "{screen}");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_answered_in_the_middle_of_a_flood() {
    let (world, jobs) = many_running();
    let over = Arc::new(AtomicBool::new(false));
    let (asked, flooded) = (Arc::clone(&world), Arc::clone(&over));
    run(Arc::clone(&world), |to| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let flooding = tokio::spawn(flood(Arc::clone(&world), jobs, over));
        tokio::time::sleep(Duration::from_millis(200)).await;
        press(&to, "3 g x right enter").await;
        let told = asked.facts().asked.clone();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("stop "), "{told:?}");
        assert!(!flooded.load(Ordering::SeqCst), "it was over by then");
        flooding.abort();
        lost(to).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_log_does_not_move_while_lines_flood_in_and_says_how_many() {
    async fn look(batches: usize) -> String {
        let world = World::shop();
        let teller = Arc::clone(&world);
        let seen = run(world, |to| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            teller.tell(News::Log(sample::log_lines(200))).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            press(&to, "4 pgup").await;
            for _ in 0..batches {
                teller.tell(News::Log(sample::log_lines(200))).await;
                press(&to, "t t").await;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            lost(to).await;
        })
        .await;
        seen.screen
    }
    let (before, after) = (look(0).await, look(40).await);
    let rows = |screen: &str| {
        let rows = screen.lines().skip(3).take(20);
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(before.contains("range 151 of 260"), "{before}");
    assert_eq!(rows(&before), rows(&after));
    let newer = |screen: &str| -> u64 {
        let from = screen.split_once("paused, ").unwrap().1;
        let count = from.split(' ').next().unwrap();
        count.replace(',', "").parse().unwrap()
    };
    let lines = sample::log_lines(200).into_iter();
    let shown = lines.filter(|line| line.level.passes(Level::Info)).count() as u64;
    assert_eq!(newer(&after), newer(&before) + 40 * shown, "{after}");
}
