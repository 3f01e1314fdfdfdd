//! Runs beside a writer, by seeds: five of each strategy over the flavours here, more by
//! `scripts/seeds.sh`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::World;
use super::writer::{self, Log, Random, SUM};
use crate::support::{Flavour, Pair};

/// Runs beside the writer.
const RUNS: u64 = 3;

fn kind(seed: u64) -> (&'static str, &'static str) {
    [
        ("TIMESTAMP", "(6)"),
        ("DATETIME", "(6)"),
        ("TIMESTAMP", ""),
        ("DATETIME", "(3)"),
    ][usize::try_from(seed % 4).unwrap()]
}

/// Rows of a table, by id, as text.
fn rows(text: &str) -> BTreeMap<u64, String> {
    text.lines()
        .map(|line| {
            let (id, rest) = line.split_once('\t').unwrap();
            (id.parse().unwrap(), rest.to_owned())
        })
        .collect()
}

/// Ids of the rows in which the target differs from the source.
fn different(world: &World<'_>) -> BTreeSet<u64> {
    let sql = "SELECT id, v, note, stamp FROM w ORDER BY id";
    let (source, target) = (rows(&world.source(sql)), rows(&world.target(sql)));
    let ids: BTreeSet<u64> = source.keys().chain(target.keys()).copied().collect();
    ids.into_iter()
        .filter(|id| source.get(id) != target.get(id))
        .collect()
}

/// Runs beside the writer; the writer has ended and its changes lie behind every bound.
async fn beside_a_writer(world: &World<'_>, seed: u64, after_each: impl Fn(u64)) -> Arc<Log> {
    let log = Arc::new(Log::default());
    let tasks = writer::write(world.pair, seed, Arc::clone(&log)).await;
    let mut random = Random::new(seed + 77);
    for run in 0..RUNS {
        let enough = log.changes.load(Ordering::Relaxed) + 15 + random.below(40);
        crate::support::eventually(Duration::from_secs(60), "changes", async || {
            log.changes.load(Ordering::Relaxed) >= enough
        })
        .await;
        // Off the runtime's threads, which the writer needs.
        tokio::task::block_in_place(|| world.sync());
        log.runs.fetch_add(1, Ordering::Relaxed);
        tokio::task::block_in_place(|| after_each(run));
    }
    log.end.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    log
}

/// What differs after the last run are rows that the promise excludes, and a comparison counts
/// exactly those.
async fn watermark(pair: Pair, seed: u64) {
    let world = World::new(&pair);
    let (kind, fraction) = kind(seed);
    writer::fill(&pair, kind, fraction);
    let rule = "source_table: w, watermark_column: stamp, lag_window: 1s";
    world.rules(&format!("[{{{rule}}}]"));
    world.sync();
    let log = beside_a_writer(&world, seed, |_| {}).await;
    world.let_pass(4);
    world.sync();
    let excluded = log.excluded.lock().unwrap().clone();
    let missed = different(&world);
    for id in &missed {
        assert!(
            excluded.contains(id),
            "seed {seed}: row {id} was lost against the promise"
        );
    }
    world.rules(&format!("[{{{rule}, detect_deletes: every_run}}]"));
    let job = world.sync();
    assert_eq!(
        job.count("missed_by_watermark"),
        missed.len() as u64,
        "seed {seed}"
    );
    pair.judge("w", "w").equal();
    let _shown = writeln!(
        std::io::stderr(),
        "seed {seed}: {} changes, {} excluded, {} missed",
        log.changes.load(Ordering::Relaxed),
        excluded.len(),
        missed.len()
    );
    assert!(
        !missed.is_empty(),
        "seed {seed}: nothing was excluded, so nothing was shown"
    );
}

/// Each run ends in a state that the source had; the last one equals it.
async fn checksum(pair: Pair, seed: u64) {
    let world = World::new(&pair);
    let (kind, fraction) = kind(seed);
    writer::fill(&pair, kind, fraction);
    let strategy = ["auto", "swap", "in_place"][usize::try_from(seed % 3).unwrap()];
    world.rules(&format!(
        "[{{source_table: w, strategy: checksum, full_strategy: {strategy}}}]"
    ));
    world.sync();
    beside_a_writer(&world, seed, |run| {
        let sum = world.target("SELECT SUM(v) FROM w");
        assert_eq!(
            sum,
            SUM.to_string(),
            "seed {seed}: run {run} left a state that never was"
        );
    })
    .await;
    world.sync();
    pair.judge("w", "w").equal();
}

/// The seeds that the environment asks for, else the test's own.
fn seeds(own: &[u64]) -> Vec<u64> {
    let asked = std::env::var("DB_TAXI_SEEDS").ok().and_then(|text| {
        let (from, to) = text.split_once('-')?;
        Some((from.parse().ok()?, to.parse().ok()?))
    });
    match asked {
        Some((from, to)) => (from..=to).collect(),
        None => own.to_vec(),
    }
}

macro_rules! seeded {
    ($name:ident, $strategy:ident, $flavour:ident, $own:expr) => {
        #[test]
        fn $name() {
            for seed in seeds($own) {
                crate::support::run(Flavour::$flavour, |pair| $strategy(pair, seed));
            }
        }
    };
}

mod watermark_beside_a_writer {
    use super::*;
    seeded!(mariadb, watermark, Mariadb, &[1, 2, 3]);
    seeded!(mysql, watermark, Mysql, &[4, 5]);
}

mod checksum_beside_a_writer {
    use super::*;
    seeded!(mariadb, checksum, Mariadb, &[1, 2]);
    seeded!(mysql, checksum, Mysql, &[3, 4, 5]);
}
