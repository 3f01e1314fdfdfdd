//! Each policy against each kind of clash in runs by watermark, which read only rows that moved.

use serde_json::Value;

use super::{Job, World};
use crate::both_flavours;
use crate::support::Pair;

const COLUMNS: &str =
    "(id INT PRIMARY KEY, u INT NOT NULL, v VARCHAR(9), stamp TIMESTAMP(6) NULL, KEY (stamp)";
const POLICIES: [(&str, &str); 4] = [
    ("o", "overwrite"),
    ("s", "skip"),
    ("n", "newer"),
    ("e", "error"),
];

/// What happens to a table on both sides, and what is to come of it.
struct Clash {
    kind: &'static str,
    /// Statements about `{t}` on the source.
    source: &'static str,
    /// The same on the target.
    target: &'static str,
    /// By policy: ids of the rows that come to be as on the source.
    taken: [&'static str; 4],
    /// Ids of the target's rows that go.
    gone: &'static str,
    /// By policy: inserted, updated, deleted, kept; `None` where the table stops.
    counts: [Option<[u64; 4]>; 4],
    /// Ids, one of which the error names.
    named: &'static [&'static str],
}

const CLASHES: [Clash; 5] = [
    // The target's row is older than the source's, or later.
    Clash {
        kind: "both",
        source: "UPDATE {t} SET v = 'new', stamp = NOW(6) WHERE id IN (1, 2); INSERT INTO {t} VALUES (7, 70, 'new', NOW(6))",
        target: "UPDATE {t} SET v = 'own' WHERE id = 1; UPDATE {t} SET v = 'own', stamp = '2037-01-01' WHERE id = 2",
        taken: ["1, 2, 7", "7", "1, 7", "0"],
        gone: "0",
        counts: [
            Some([1, 2, 0, 0]),
            Some([1, 0, 0, 2]),
            Some([1, 1, 0, 1]),
            None,
        ],
        named: &["1", "2"],
    },
    // The source has no unique key: 7 has the value of 5, which is equal on both sides.
    Clash {
        kind: "twin",
        source: "INSERT INTO {t} VALUES (7, 50, 'new', NOW(6)), (8, 80, 'new', NOW(6))",
        target: "DO 0",
        taken: ["0", "8", "8", "0"],
        gone: "0",
        counts: [None, Some([1, 0, 0, 1]), Some([1, 0, 0, 1]), None],
        named: &["5", "7"],
    },
    // 1 and 2 exchange their values; 3 and 4 too, of which the target's 4 is later.
    Clash {
        kind: "swap",
        source: "UPDATE {t} SET u = 30 - u, stamp = NOW(6) WHERE id IN (1, 2); UPDATE {t} SET u = 70 - u, stamp = NOW(6) WHERE id IN (3, 4)",
        target: "UPDATE {t} SET v = 'own', stamp = '2037-01-01' WHERE id = 4",
        taken: ["1, 2, 3, 4", "0", "1, 2", "0"],
        gone: "0",
        counts: [
            Some([0, 4, 0, 0]),
            Some([0, 0, 0, 4]),
            Some([0, 2, 0, 2]),
            None,
        ],
        named: &["1", "2", "3", "4"],
    },
    // 6 is called 60; 5 is called 50 without having moved, which only a comparison finds.
    Clash {
        kind: "key",
        source: "UPDATE {t} SET id = 60, stamp = NOW(6) WHERE id = 6; UPDATE {t} SET id = 50 WHERE id = 5",
        target: "DO 0",
        taken: ["60"; 4],
        gone: "6",
        counts: [Some([1, 0, 1, 0]); 4],
        named: &[],
    },
    // Rows of the target alone: nobody needs what 30 holds, and 32 needs the value of 31.
    Clash {
        kind: "own",
        source: "INSERT INTO {t} VALUES (32, 310, 'new', NOW(6))",
        target: "INSERT INTO {t} VALUES (30, 300, 'own', '2024-01-01'), (31, 310, 'own', '2024-01-01')",
        taken: ["32"; 4],
        gone: "31",
        counts: [Some([1, 0, 1, 0]); 4],
        named: &[],
    },
];

/// Every table of every policy, equal on both sides, its first run done.
fn begin(world: &World<'_>) {
    let mut rules = vec![
        "{source_table: own_limit, watermark_column: stamp, lag_window: 1s, max_delete_rows: 0}"
            .to_owned(),
    ];
    let rows: Vec<String> = (1..=6)
        .map(|id| format!("({id}, {id}0, 'old', '2024-01-01')"))
        .collect();
    let mut tables = vec!["own_limit".to_owned()];
    for clash in &CLASHES {
        for (case, policy) in POLICIES {
            let table = format!("{}_{case}", clash.kind);
            rules.push(format!(
                "{{source_table: {table}, conflict_resolution: {policy}, watermark_column: stamp, lag_window: 1s}}"
            ));
            tables.push(table);
        }
    }
    for table in &tables {
        let fill = format!("INSERT INTO {table} VALUES {};", rows.join(", "));
        world.source(&format!("CREATE TABLE {table} {COLUMNS}); {fill}"));
        world.target(&format!(
            "CREATE TABLE {table} {COLUMNS}, UNIQUE KEY (u)); {fill}"
        ));
    }
    world.rules_with(
        &format!("[{}]", rules.join(", ")),
        "{max_concurrency: 2, recheck_after: 100ms}",
    );
    assert_eq!(world.sync().written(), [0, 0, 0]);
}

fn table_of<'j>(job: &'j Job, name: &str) -> &'j Value {
    let tables = job.0["tables"].as_array().unwrap();
    tables.iter().find(|t| t["target_table"] == name).unwrap()
}

/// Inserted, updated, deleted, kept.
fn counts(run: &Value) -> [u64; 4] {
    ["inserted", "updated", "deleted", "kept"].map(|name| run["counts"][name].as_u64().unwrap())
}

both_flavours! {
    async fn each_policy_settles_each_clash(pair: Pair) {
        let world = World::new(&pair);
        begin(&world);
        for clash in &CLASHES {
            for (at, (case, _)) in POLICIES.iter().enumerate() {
                let table = format!("{}_{case}", clash.kind);
                world.target(&clash.target.replace("{t}", &table));
                let want = format!("want_{table}");
                let own = clash.target.replace("{t}", &want);
                let (taken, gone) = (clash.taken[at], clash.gone);
                world.source(&format!(
                    "CREATE TABLE {want} LIKE {table}; INSERT INTO {want} SELECT * FROM {table}; {own}; {};
                     DELETE FROM {want} WHERE id IN ({taken}, {gone}); INSERT INTO {want} SELECT * FROM {table} WHERE id IN ({taken})",
                    clash.source.replace("{t}", &table)
                ));
            }
        }
        let own = CLASHES.iter().find(|clash| clash.kind == "own").unwrap();
        world.target(&own.target.replace("{t}", "own_limit"));
        world.source(&own.source.replace("{t}", "own_limit"));
        world.let_pass(4);
        let end = world.taxi.run(&["run", "everything", "--json"]).expect_code(1);
        let said = end.stderr.clone();
        let job = Job::of(end);
        for clash in &CLASHES {
            for (at, (case, _)) in POLICIES.iter().enumerate() {
                let table = format!("{}_{case}", clash.kind);
                let judged = pair.judge(&format!("want_{table}"), &table).rows_only().check();
                judged.unwrap_or_else(|why| panic!("{table}: {why}\n{said}"));
                let run = table_of(&job, &table);
                if let Some(expected) = clash.counts[at] {
                    assert_eq!(run["strategy"], "watermark", "{table}");
                    assert_eq!(counts(run), expected, "{table}: {said}");
                } else {
                    assert_eq!(run["error"]["code"], "duplicate_key", "{table}: {run}");
                    let id = run["error"]["key"]["id"].as_str().unwrap();
                    assert!(clash.named.contains(&id), "{table}: {run}");
                }
            }
        }
        // Rows that go, or are left out, since a unique value is at stake are named.
        let log = world.taxi.run(&["jobs", "logs", "last:everything"]).expect_code(0).stdout;
        for words in ["row id=6 is not on the source", "row id=31 is not on the source", "row id=7 is not written", "row id=3 is not written"] {
            assert!(log.contains(words), "{words}: {log}");
        }
        let limited = table_of(&job, "own_limit");
        assert_eq!(limited["error"]["code"], "delete_limit", "{limited}");
        assert_eq!(world.target("SELECT GROUP_CONCAT(id ORDER BY id) FROM own_limit"), "1,2,3,4,5,6,30,31");
        what_was_kept_is_no_difference(&world);
    }

    /// Rows of several ranges and batches exchange their values.
    async fn unique_values_move_across_ranges(pair: Pair) {
        let world = World::new(&pair);
        let digits = "CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);";
        let rows = "SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n AS id FROM d a, d b, d c, d e WHERE e.n < 3";
        for table in ["o", "n"] {
            world.source(&format!("{digits} CREATE TABLE {table} {COLUMNS}, UNIQUE KEY (u)); INSERT INTO {table} SELECT id, id, 'old', '2024-01-01' FROM ({rows}) x; DROP TABLE d"));
        }
        world.rules("[{source_table: o, watermark_column: stamp, lag_window: 1s, batch_size: 400}, {source_table: n, watermark_column: stamp, lag_window: 1s, batch_size: 400, conflict_resolution: newer}]");
        world.sync();
        for table in ["o", "n"] {
            world.source(&format!("UPDATE {table} SET u = -1 - u; UPDATE {table} SET u = 2999 - id, stamp = NOW(6)"));
        }
        world.let_pass(4);
        let job = world.sync();
        assert_eq!(job.written(), [0, 6000, 0]);
        for table in ["o", "n"] {
            pair.judge(table, table).equal();
        }
    }
}

/// To a comparison what is kept is equal, and nothing that the watermark missed; what it did miss is
/// counted.
fn what_was_kept_is_no_difference(world: &World<'_>) {
    let verify = |tables: &[&str], code: i32| {
        let mut args = vec!["verify", "everything", "--json"];
        args.extend(tables.iter().flat_map(|table| ["--table", table]));
        Job::of(world.taxi.run(&args).expect_code(code))
    };
    let kept = verify(
        &["both_s", "both_n", "twin_s", "twin_n", "swap_s", "swap_n"],
        0,
    );
    assert_eq!(kept.count("missed_by_watermark"), 0);
    assert_eq!(kept.count("kept"), 2 + 1 + 1 + 1 + 4 + 2);
    let missed = verify(&["key_o", "own_s"], 1);
    let of = |name: &str| table_of(&missed, name)["counts"]["missed_by_watermark"].clone();
    assert_eq!((of("key_o"), of("own_s")), (2.into(), 1.into()));
}
