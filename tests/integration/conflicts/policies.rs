//! Each policy against each kind of clash.

use crate::both_flavours;
use crate::fidelity::World;
use crate::support::Pair;

/// The counts of one table of the newest job.
fn counts(world: &World<'_>, table: &str) -> serde_json::Value {
    let end = world
        .taxi
        .run(&["--json", "jobs", "show", "last:everything"]);
    let job: serde_json::Value = serde_json::from_str(&end.expect_code(0).stdout).unwrap();
    let tables = job["tables"].as_array().unwrap();
    let found = tables.iter().find(|t| t["target_table"] == table);
    found.unwrap()["counts"].clone()
}

/// Rows 2 to 6 and 9 differ: the source is later, earlier, of the same time, without a time, against
/// a target without one, and both without. 7 is new, 8 is the target's own.
const SOURCE: &str = "(1, 's', '2024-01-01'), (2, 's', '2024-02-02 00:00:00.000002'), (3, 's', '2024-02-02'), (4, 's', '2024-02-02'), (5, 's', NULL), (6, 's', '1000-01-01'), (7, 's', NULL), (9, 's', NULL)";
const TARGET: &str = "(1, 's', '2024-01-01'), (2, 't', '2024-02-02 00:00:00.000001'), (3, 't', '2024-02-02 00:00:00.000001'), (4, 't', '2024-02-02'), (5, 't', '1000-01-01'), (6, 't', NULL), (8, 't', '2999-01-01'), (9, 't', NULL)";
const TABLE: &str = "(id INT PRIMARY KEY, v VARCHAR(9), at DATETIME(6) NULL)";

/// Target and source tables under each kind of unique key, one for each policy. The source does
/// without the key. `{u}` is the value for a letter and an id.
const ROWS: &str = "
INSERT INTO {t} (id, u, v, ts) VALUES (1, {a1}, 0, 5), (2, {b2}, 0, 5), (3, {c3}, 0, 5), (4, {d4}, 0, 5), (5, {e5}, 0, 5), (6, {f6}, 0, 5), (20, {x20}, 0, 5);";

/// A value of the unique column: kinds of keys that see three characters get more than these.
fn value(letter: char, id: u32, long: bool) -> String {
    let head = letter.to_string().repeat(3);
    if long {
        format!("'{head}-{id}'")
    } else {
        format!("'{head}'")
    }
}

fn old_rows(table: &str, long: bool) -> String {
    let mut sql = ROWS.replace("{t}", table);
    for (letter, id) in [
        ('a', 1),
        ('b', 2),
        ('c', 3),
        ('d', 4),
        ('e', 5),
        ('f', 6),
        ('x', 20),
    ] {
        sql = sql.replace(&format!("{{{letter}{id}}}"), &value(letter, id, long));
    }
    sql
}

/// Rows of the source: 1 and 2 have exchanged their values, 3 and 4 too, of which 4 is not later; 6
/// has another key now; 20 is gone and 21 has its value. With `twins`, 7 has the value of 5.
fn new_rows(table: &str, long: bool, twins: bool) -> String {
    let v = |letter, id| value(letter, id, long);
    let twin = if twins {
        format!(", (7, {}, 1, 9)", v('e', 7))
    } else {
        String::new()
    };
    format!(
        "INSERT INTO {table} (id, u, v, ts) VALUES (1, {}, 1, 9), (2, {}, 1, 9), (3, {}, 1, 9), (4, {}, 1, 1), (5, {}, 0, 5), (60, {}, 0, 5), (21, {}, 1, 9){twin};",
        v('b', 1),
        v('a', 2),
        v('d', 3),
        v('c', 4),
        v('e', 5),
        v('f', 60),
        v('x', 21)
    )
}

both_flavours! {
    async fn each_policy_decides_about_rows_that_differ(pair: Pair) {
        let world = World::new(&pair);
        let policies = ["overwrite", "skip", "newer", "error"];
        for policy in policies {
            world.source(&format!("CREATE TABLE {policy} {TABLE}; INSERT INTO {policy} VALUES {SOURCE}; CREATE TABLE want_{policy} {TABLE}; INSERT INTO want_{policy} VALUES {TARGET}"));
            world.target(&format!("CREATE TABLE {policy} {TABLE}; INSERT INTO {policy} VALUES {TARGET}"));
        }
        world.source("
DELETE FROM want_overwrite; INSERT INTO want_overwrite SELECT * FROM overwrite;
DELETE FROM want_skip WHERE id = 8; INSERT INTO want_skip SELECT * FROM skip WHERE id = 7;
DELETE FROM want_newer WHERE id IN (2, 6, 8); INSERT INTO want_newer SELECT * FROM newer WHERE id IN (2, 6, 7)");
        let rules: Vec<String> = policies
            .iter()
            .map(|p| format!("{{source_table: {p}, conflict_resolution: {p}, watermark_column: at}}"))
            .collect();
        world.rules(&format!("[{}]", rules.join(", ")), "{recheck_after: 100ms}");
        let plan = world.taxi.run(&["plan", "everything"]).expect_code(0).stdout;
        assert!(plan.contains("conflict_resolution is newer, and a swap would overwrite"), "{plan}");
        let said = world.refuse();
        assert!(said.contains("conflict_resolution is error") && said.contains("(row id=") && said.contains("[duplicate_key]"), "{said}");
        for policy in policies {
            pair.judge(&format!("want_{policy}"), policy).rows_only().equal();
        }
        assert_eq!(counts(&world, "skip")["kept"], 6);
        assert_eq!(counts(&world, "newer")["kept"], 4);
        assert_eq!(counts(&world, "newer")["updated"], 2);
        assert_eq!(counts(&world, "overwrite")["kept"], 0);
        // Kept rows are no difference: not to a comparison, and not to the next run.
        let verify = world.taxi.run(&["verify", "everything", "--table", "skip", "--table", "newer"]).expect_code(0);
        assert!(verify.stdout.contains("0 differences"), "{}", verify.stdout);
        world.rules("[{source_table: skip, conflict_resolution: skip}, {source_table: newer, conflict_resolution: newer, watermark_column: at}]", "{}");
        world.sync_without_writing();
        assert_eq!(counts(&world, "skip")["kept"], 6);
    }

    async fn each_policy_settles_clashes_on_each_kind_of_unique_key(pair: Pair) {
        let world = World::new(&pair);
        let mut kinds = vec![
            ("plain", "u VARCHAR(40), UNIQUE KEY uk (u)", false),
            ("prefix", "u VARCHAR(40), UNIQUE KEY uk (u(3))", true),
            ("computed", "u VARCHAR(40), g VARCHAR(9) GENERATED ALWAYS AS (LEFT(u, 3)) VIRTUAL, UNIQUE KEY uk (g)", true),
            ("pair", "u VARCHAR(40), g INT GENERATED ALWAYS AS (LENGTH(LEFT(u, 3))) STORED, UNIQUE KEY uk (g, u(2))", true),
        ];
        kinds.push(if world.is_mariadb() {
            ("hashed", "u TEXT, UNIQUE KEY uk (u)", false)
        } else {
            ("expression", "u VARCHAR(40), UNIQUE KEY uk ((CONCAT(LOWER(LEFT(u, 3)), '\\'')))", true)
        });
        let cases = [("o", "overwrite", false), ("d", "overwrite", true), ("s", "skip", true), ("n", "newer", true), ("e", "error", false)];
        let mut rules = Vec::new();
        for (kind, definition, long) in &kinds {
            for (case, policy, twins) in cases {
                let (t, want) = (format!("{kind}_{case}"), format!("want_{kind}_{case}"));
                let bare = "(id INT PRIMARY KEY, u VARCHAR(40), v INT, ts INT)".replace("VARCHAR(40)", if *kind == "hashed" { "TEXT" } else { "VARCHAR(40)" });
                world.source(&format!("CREATE TABLE {t} {bare}; CREATE TABLE {want} {bare}; {}", new_rows(&t, *long, twins)));
                world.target(&format!("CREATE TABLE {t} (id INT PRIMARY KEY, v INT, ts INT, {definition}); {}", old_rows(&t, *long)));
                let old = old_rows(&want, *long);
                let want_sql = match case {
                    "o" => format!("INSERT INTO {want} SELECT * FROM {t}"),
                    "s" => format!("{old} DELETE FROM {want} WHERE id IN (6, 20); INSERT INTO {want} SELECT * FROM {t} WHERE id IN (21, 60)"),
                    "n" => format!("{old} DELETE FROM {want} WHERE id IN (1, 2, 6, 20); INSERT INTO {want} SELECT * FROM {t} WHERE id IN (1, 2, 21, 60)"),
                    _ => old,
                };
                world.source(&want_sql);
                rules.push(format!("{{source_table: {t}, conflict_resolution: {policy}, watermark_column: ts, full_strategy: in_place}}"));
            }
        }
        let rules = format!("[{}]", rules.join(", "));
        world.rules(&rules, "{recheck_after: 100ms}");
        let said = world.refuse();
        for (kind, ..) in &kinds {
            for (case, ..) in cases {
                let columns = [("id", "id"), ("u", "u"), ("v", "v"), ("ts", "ts")];
                let judged = pair.judge(&format!("want_{kind}_{case}"), &format!("{kind}_{case}")).columns(&columns).check();
                judged.unwrap_or_else(|why| panic!("{kind}_{case}: {why}\n{said}"));
            }
            assert!(said.contains(&format!("{kind}_d: a unique key of the target takes two rows of the source for one (row id=")), "{kind}: {said}");
            assert!(said.contains(&format!("{kind}_e: a row of")), "{kind}: {said}");
            assert_eq!(counts(&world, &format!("{kind}_s"))["kept"], 5, "{kind}: {said}");
            assert_eq!(counts(&world, &format!("{kind}_n"))["kept"], 3, "{kind}: {said}");
        }
        // What is kept is no difference to whoever looks again.
        let mut again = vec!["verify".to_owned(), "everything".to_owned()];
        for (kind, ..) in &kinds {
            for case in ["o", "s", "n"] {
                again.extend(["--table".to_owned(), format!("{kind}_{case}")]);
            }
        }
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        let verify = world.taxi.run(&again).expect_code(0);
        assert!(verify.stdout.contains("0 differences"), "{}", verify.stdout);
    }

    /// More than a few differences, in several transactions: twins of rows in other ranges.
    async fn many_kept_rows_end_a_run(pair: Pair) {
        let world = World::new(&pair);
        let digits = "CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);";
        let rows = "SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n AS id FROM d a, d b, d c, d e, d f WHERE f.n < 2";
        world.source(&format!("{digits} CREATE TABLE t (id INT PRIMARY KEY, u INT, v INT); INSERT INTO t SELECT id, id, 1 FROM ({rows}) x; CREATE TABLE want LIKE t; DROP TABLE d;
UPDATE t SET u = 19999 - id WHERE id < 100 OR id > 19899; INSERT INTO t VALUES (30000, 500, 1), (30001, 15000, 1)"));
        world.target(&format!("{digits} CREATE TABLE t (id INT PRIMARY KEY, u INT, v INT, UNIQUE KEY (u)); INSERT INTO t SELECT id, id, IF(id % 7 = 0, 1, 0) FROM ({rows}) x; DROP TABLE d; DELETE FROM t WHERE id % 1000 = 999"));
        world.source("INSERT INTO want SELECT id, id, IF(id % 7 = 0, 1, 0) FROM t WHERE id < 30000; DELETE FROM want WHERE id % 1000 = 999; INSERT INTO want SELECT * FROM t WHERE id % 1000 = 999 AND id <> 19999");
        world.rules("[{source_table: t, conflict_resolution: skip, batch_size: 500}]", "{recheck_after: 100ms}");
        world.sync();
        // 0 holds the value that 19999 is to have.
        pair.judge("want", "t").rows_only().equal();
        world.taxi.run(&["verify", "everything"]).expect_code(0);
        world.sync_without_writing();
    }

    async fn what_a_policy_needs_is_refused_by_name_without_it(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1); CREATE TABLE b (v INT); INSERT INTO b VALUES (1);
CREATE TABLE c (id INT PRIMARY KEY, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, v INT); INSERT INTO c VALUES (1, '2024-01-01', 1), (2, '2024-01-01', 1)");
        world.rules("[a, b, c]", "{}");
        world.sync();
        for (rules, words) in [
            ("[{source_table: a, conflict_resolution: newer}]", "needs a watermark_column"),
            ("[{source_table: a, conflict_resolution: newer, watermark_column: x}]", "has no column x"),
            ("[{source_table: a, conflict_resolution: skip, full_strategy: swap}]", "a swap would overwrite"),
            ("[{source_table: b, conflict_resolution: skip}]", "no usable key"),
        ] {
            world.rules(rules, "{}");
            let plan = world.taxi.run(&["plan", "everything"]).expect_code(1).stdout;
            assert!(plan.contains(words), "{words}: {plan}");
            let said = world.refuse();
            assert!(said.contains(words), "{words}: {said}");
        }
        // Without a name, the column that is stamped with each change.
        world.rules("[{source_table: c, conflict_resolution: newer}]", "{}");
        world.source("UPDATE c SET v = 2, at = '2024-05-05'");
        world.target("UPDATE c SET v = 3 WHERE id = 2");
        world.sync();
        assert_eq!(world.target("SELECT v FROM c ORDER BY id"), "2\n3");
    }
}
