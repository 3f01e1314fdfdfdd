//! Killed with SIGKILL, at every step and at random moments, and resumed by the next start.

use std::io::Write;
use std::time::{Duration, Instant};

use super::world::{
    LIMIT, TABLES, at_once, change_keys, change_little, change_much, expect_done,
    expect_nothing_left, fill, fill_few, fill_orders, install, install_with,
    run_until_frozen_and_then, run_until_killed, start_with_hooks,
};
use crate::both_flavours;
use crate::support::{DbTaxi, Pair, wait_until};

/// Every step of a first copy, and of the swap that ends it; a number says which time.
const FIRST_COPY: [&str; 22] = [
    "place.created",
    "place.created",
    "load.create",
    "load.creating@2",
    "load.created",
    "copy.written@3",
    "commit.before_fence@4",
    "commit.before@5",
    "commit.after@6",
    "copy.planned",
    "copy.planned@2",
    "load.copied",
    "load.keys@2",
    "load.keyed@2",
    "load.bound@3",
    "load.compare",
    "compare.range@2",
    "load.compared@2",
    "swap.intended@2",
    "swap.renamed",
    "swap.swapped@3",
    "load.closing@2",
];

/// Steps that only a swap with an existing target has, and the clean-up.
const SECOND_COPY: [&str; 6] = [
    "swap.readers",
    "swap.renamed",
    "swap.dropping",
    "swap.dropped",
    "load.closing",
    "sweep.retired",
];

/// Steps of writing to live tables; a number says which time.
const IN_PLACE: [&str; 7] = [
    "apply.begin",
    "apply.begin@2",
    "apply.written",
    "commit.before_fence",
    "commit.before@2",
    "commit.after",
    "load.closing",
];

/// A seeded sequence of numbers (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// The ranges that are copied, with how often each was written.
fn copied_ranges(pair: &Pair) -> Vec<String> {
    let sql = format!(
        "SELECT c.target_table, r.range_no, r.seq, r.`rows`, COALESCE(r.`lower`, '-'), COALESCE(r.`upper`, '-') \
         FROM {0}.sync_ranges r JOIN {0}.sync_checkpoints c ON c.table_run_id = r.table_run_id \
         WHERE r.state <> 'planned' ORDER BY 1, 2",
        pair.control_db()
    );
    let text = pair.local.sql(&sql);
    text.lines().map(str::to_owned).collect()
}

fn try_copied_ranges(pair: &Pair) -> usize {
    let sql = format!(
        "SELECT COUNT(*) FROM {}.sync_ranges WHERE state <> 'planned'",
        pair.control_db()
    );
    pair.local.sql(&sql).parse().unwrap_or(0)
}

fn resume(taxi: &DbTaxi) {
    taxi.start(&["run", "everything"])
        .wait(LIMIT)
        .expect_code(0);
}

both_flavours! {
    /// What was copied before the kill is changed before the resume.
    async fn a_first_copy_survives_a_kill_at_every_step(pair: Pair) {
        at_once(&pair, &FIRST_COPY, |pair, point| {
            fill_few(pair);
            let taxi = install(pair);
            run_until_killed(&taxi, point);
            change_keys(pair);
            resume(&taxi.sibling());
            expect_done(pair);
        });
    }

    /// The takeover itself can be killed: by the same job and by a later one, at each of its steps.
    async fn a_takeover_survives_a_kill(pair: Pair) {
        let cases: Vec<String> = ["commit.after@4", "load.copied@3"]
            .iter()
            .flat_map(|first| {
                ["takeover.checkpoint", "takeover.adopted", "takeover.renamed"]
                    .iter()
                    .flat_map(move |point| [format!("{first} {point} same"), format!("{first} {point} later")])
            })
            .collect();
        let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
        at_once(&pair, &cases, |pair, case| {
            let [first, point, who]: [&str; 3] = case.split(' ').collect::<Vec<_>>().try_into().unwrap();
            fill_few(pair);
            let taxi = install(pair);
            // Cancelled, so that the next run is another job.
            start_with_hooks(&taxi, &format!("{first}=int")).wait(LIMIT).expect_code(130);
            change_keys(pair);
            run_until_killed(&taxi, point);
            if who == "later" {
                start_with_hooks(&taxi, "takeover.checkpoint=int").wait(LIMIT).expect_code(130);
            }
            resume(&taxi);
            expect_done(pair);
        });
    }

    async fn a_second_copy_survives_a_kill_at_every_step(pair: Pair) {
        at_once(&pair, &SECOND_COPY, |pair, point| {
            fill_few(pair);
            // Without foreign keys onto them tables are swapped.
            pair.source.sql(&format!(
                "USE {}; ALTER TABLE items DROP FOREIGN KEY items_of_orders; ALTER TABLE orders DROP FOREIGN KEY orders_of_accounts",
                pair.source_db()
            ));
            let taxi = install_with(pair, "{max_concurrency: 4, full_strategy: swap}");
            resume(&taxi);
            change_much(pair);
            run_until_killed(&taxi, point);
            resume(&taxi);
            expect_done(pair);
        });
    }

    async fn changes_in_place_survive_a_kill_at_every_step(pair: Pair) {
        at_once(&pair, &IN_PLACE, |pair, point| {
            fill_few(pair);
            let taxi = install(pair);
            resume(&taxi);
            change_little(pair);
            run_until_killed(&taxi, point);
            resume(&taxi);
            expect_done(pair);
        });
    }

    /// More than a few rows of tables that others refer to.
    async fn many_changes_in_place_survive_a_kill(pair: Pair) {
        at_once(&pair, &["in_place.batch@3", "commit.before@7"], |pair, point| {
            fill_orders(pair);
            let taxi = install_with(pair, "{max_concurrency: 4, batch_size: 500}");
            resume(&taxi);
            change_much(pair);
            pair.source.sql(&format!(
                "USE {}; UPDATE items SET line = line + 1000000 WHERE line % 9 = 0", pair.source_db()
            ));
            run_until_killed(&taxi, point);
            resume(&taxi);
            expect_done(pair);
        });
    }

    /// Random moments of one copy of 50,000 rows; `DB_TAXI_KILLS` and `DB_TAXI_SEED` ask for more.
    async fn kills_at_random_moments_repeat_no_committed_range(pair: Pair) {
        let number = |name: &str, default: u64| {
            std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
        };
        let (kills, seed) = (number("DB_TAXI_KILLS", 10), number("DB_TAXI_SEED", 20_240_229));
        let mut random = Random(seed);
        fill(&pair);
        let taxi = install(&pair);
        let other = taxi.sibling();
        let began = Instant::now();
        resume(&taxi);
        let length = began.elapsed();
        let restart = || pair.local.sql(&format!(
            "DROP DATABASE {0}; CREATE DATABASE {0} CHARACTER SET utf8mb4", pair.target_db()
        ));
        restart();
        let (mut done, mut ended, mut kept) = (0, 0, 0);
        let mut before: Vec<String> = Vec::new();
        while done < kills {
            let taxi = if done % 2 == 0 { &taxi } else { &other };
            let mut running = taxi.start(&["run", "everything"]);
            // Waits for progress first in two of three cases: else a start that waits for the
            // dead one's lease would be all that is ever killed.
            let whole = u64::try_from(length.as_millis()).unwrap();
            let waits = random.next(3) > 0;
            let moment = Duration::from_millis(random.next(if waits { whole / 8 } else { whole }));
            if waits {
                let more = before.len() + 1 + usize::try_from(random.next(12)).unwrap();
                wait_until(LIMIT, "more ranges", || {
                    !running.is_alive() || try_copied_ranges(&pair) >= more || try_copied_ranges(&pair) < before.len()
                });
            }
            let clock = Instant::now();
            wait_until(LIMIT, "the moment", || !running.is_alive() || clock.elapsed() >= moment);
            if running.is_alive() {
                running.crash();
                done += 1;
                let now = copied_ranges(&pair);
                if now.is_empty() || before.is_empty() {
                    before = now;
                    continue;
                }
                for range in &before {
                    let unit: Vec<&str> = range.split('\t').collect();
                    let same: Vec<Vec<&str>> = now.iter().map(|r| r.split('\t').collect::<Vec<_>>()).filter(|r| r[0] == unit[0] && r[1] == unit[1]).collect();
                    if let [found] = same.as_slice() {
                        // Compared or repaired may be counted on top, its rows and bounds stay.
                        assert_eq!(found[3..], unit[3..], "a committed range was copied again");
                        kept += 1;
                    }
                }
                before = now;
            } else {
                running.wait(LIMIT).expect_code(0);
                expect_done(&pair);
                ended += 1;
                before.clear();
                restart();
            }
        }
        resume(&taxi);
        expect_done(&pair);
        let _shown = writeln!(std::io::stderr(), "{done} kills, {ended} copies ended in between, {kept} ranges kept");
        assert!(kept > 0 || kills < 6, "no kill hit a copy with ranges");
    }
}

both_flavours! {
    /// A foreign key that came between the last look and the RENAME undoes the swap, also when the
    /// process dies right after the RENAME.
    async fn a_killed_swap_under_a_new_foreign_key_is_undone(pair: Pair) {
        pair.source.sql(&format!(
            "CREATE TABLE {0} (id INT PRIMARY KEY, v INT); INSERT INTO {0} VALUES (1, 1), (2, 2)",
            pair.source_table("parents")
        ));
        let taxi = install_with(&pair, "{full_strategy: auto}");
        resume(&taxi);
        pair.source.sql(&format!(
            "ALTER TABLE {0} ADD COLUMN w INT NOT NULL DEFAULT 3", pair.source_table("parents")
        ));
        pair.local.sql(&format!(
            "ALTER TABLE {0} ADD COLUMN w INT NOT NULL DEFAULT 3", pair.target_table("parents")
        ));
        taxi.import_tables(&pair, "'*'", "{full_strategy: swap}");
        pair.source.sql(&format!("UPDATE {} SET v = v + 1", pair.source_table("parents")));
        let running = run_until_frozen_and_then(&taxi, "swap.intended=stop,swap.renamed=kill");
        pair.local.sql(&format!(
            "CREATE TABLE {} (id INT PRIMARY KEY, p INT, CONSTRAINT late FOREIGN KEY (p) REFERENCES {} (id)); \
             INSERT INTO {0} VALUES (1, 1)",
            pair.target_table("late_children"), pair.target_table("parents")
        ));
        running.thaw();
        assert_eq!(running.wait(LIMIT).code(), None);
        taxi.import_tables(&pair, "'*'", "{full_strategy: auto}");
        resume(&taxi);
        pair.judge("parents", "parents").equal();
        let refers = pair.local.sql(&format!(
            "SELECT UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS \
             WHERE CONSTRAINT_SCHEMA = '{}' AND CONSTRAINT_NAME = 'late'",
            pair.target_db()
        ));
        assert_eq!(refers, format!("{}\tparents", pair.target_db()), "the key follows the name");
        pair.local.sql(&format!("INSERT INTO {} VALUES (2, 2)", pair.target_table("late_children")));
        expect_nothing_left(&pair);
    }

    async fn nothing_is_left_when_helpers_live_beside_the_target(pair: Pair) {
        fill_few(&pair);
        let taxi = install_with(&pair, "{max_concurrency: 4, shadow_in: target}");
        run_until_killed(&taxi, "load.bound@2");
        resume(&taxi);
        for table in TABLES {
            pair.judge(table, table).rows_only().equal();
        }
        for (table, keys) in [("accounts", 0), ("orders", 1), ("items", 1)] {
            let found = pair.local.count(&format!(
                "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS \
                 WHERE CONSTRAINT_SCHEMA = '{}' AND TABLE_NAME = '{table}'",
                pair.target_db()
            ));
            assert_eq!(found, keys, "foreign keys of {table}");
        }
        expect_nothing_left(&pair);
    }
}
