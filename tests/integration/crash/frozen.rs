//! Frozen (SIGSTOP) at every step while another process takes over; continued, it can write nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{
    LIMIT, TABLES, at_once, change_little, change_much, expect_done, fill_few, install,
    install_with, tell_until_frozen,
};
use crate::both_flavours;
use crate::support::{DbTaxi, Pair, Running};

/// Each step of a first copy.
const FIRST_COPY: [&str; 12] = [
    "load.create",
    "load.creating",
    "load.created",
    "copy.written@3",
    "commit.before_fence@3",
    "commit.before@3",
    "load.keys@2",
    "load.bound@2",
    "compare.range@2",
    "swap.intended",
    "swap.renamed",
    "swap.swapped@2",
];

/// Steps that only the swap of an existing target has.
const SECOND_COPY: [&str; 6] = [
    "swap.readers",
    "swap.intended@2",
    "swap.renamed@2",
    "swap.swapped",
    "swap.dropping",
    "swap.dropped",
];

/// Steps of writing to live tables.
const IN_PLACE: [&str; 5] = [
    "apply.begin",
    "apply.written@2",
    "commit.before_fence",
    "commit.before@2",
    "load.closing",
];

/// The other process ends the job; then the frozen one wakes up, writes nothing, and says why.
fn overtaken(pair: &Pair, taxi: &DbTaxi, point: &str) {
    let frozen: Running = tell_until_frozen(taxi, point);
    let other = taxi.sibling();
    other
        .start(&["run", "everything"])
        .wait(LIMIT)
        .expect_code(0);
    let position = pair.local.binlog_position();
    let stored = || {
        let control = pair.control_db();
        pair.local.sql(&format!(
            "SELECT id, state, summary FROM {control}.sync_jobs UNION ALL \
             SELECT id, state, summary FROM {control}.sync_table_runs ORDER BY 1"
        ))
    };
    let told = stored();
    expect_equal_at(pair, point);
    frozen.thaw();
    // The job is the same, done by another hand: its end is told here, too.
    let ended = frozen.wait(Duration::from_secs(40)).expect_code(0);
    assert!(
        ended.stderr.contains("was lost: whoever holds it goes on"),
        "{point}: {}",
        ended.stderr
    );
    let events: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["data"]["state"]),
        (&json!("job_finished"), &json!("completed")),
        "{point}: {}",
        ended.stdout
    );
    let seq = |event: &Value| event["seq"].as_u64().unwrap();
    assert!(
        events.windows(2).all(|two| seq(&two[0]) < seq(&two[1])),
        "{point}: {}",
        ended.stdout
    );
    assert_eq!(
        stored(),
        told,
        "{point}: it overwrote what the other one did"
    );
    assert_eq!(
        pair.local.row_events(&position, &pair.target_db()),
        0,
        "{point}: it wrote rows"
    );
    expect_done(pair);
}

fn expect_equal_at(pair: &Pair, point: &str) {
    for table in TABLES {
        if let Err(difference) = pair.judge(table, table).check() {
            panic!("{point}: {table}: {difference}");
        }
    }
}

/// Without foreign keys tables are swapped one by one.
fn unbind(pair: &Pair) {
    pair.source.sql(&format!(
        "USE {}; ALTER TABLE items DROP FOREIGN KEY items_of_orders; ALTER TABLE orders DROP FOREIGN KEY orders_of_accounts",
        pair.source_db()
    ));
}

both_flavours! {
    async fn a_first_copy_is_taken_over_at_every_step(pair: Pair) {
        at_once(&pair, &FIRST_COPY, |pair, point| {
            fill_few(pair);
            overtaken(pair, &install(pair), point);
        });
    }

    async fn a_swap_is_taken_over_at_every_step(pair: Pair) {
        at_once(&pair, &SECOND_COPY, |pair, point| {
            fill_few(pair);
            unbind(pair);
            let taxi = install_with(pair, "{max_concurrency: 4, full_strategy: swap}");
            taxi.run(&["run", "everything"]).expect_code(0);
            change_much(pair);
            overtaken(pair, &taxi, point);
        });
    }

    async fn changes_in_place_are_taken_over_at_every_step(pair: Pair) {
        at_once(&pair, &IN_PLACE, |pair, point| {
            fill_few(pair);
            let taxi = install(pair);
            taxi.run(&["run", "everything"]).expect_code(0);
            change_little(pair);
            overtaken(pair, &taxi, point);
        });
    }
}
