//! `repair`, `repair --sql`, `jobs differences`.

use crate::both_flavours;
use crate::fidelity::World;
use crate::support::{Finished, Pair};

const TABLES: &str = "
CREATE TABLE t (id INT PRIMARY KEY, u INT NOT NULL, v VARCHAR(20) CHARACTER SET latin1, b BLOB, j JSON, e ENUM('a','b'), f FLOAT, ts TIMESTAMP(6) NULL, g POINT, UNIQUE KEY (u));
INSERT INTO t (id, u, v, b, j, e, f, ts, g) VALUES (1, 1, _latin1 X'E9', X'00275C', '{\"a\": 1}', 'a', 0.1, '2024-01-01 00:00:00.000001', ST_GeomFromText('POINT(1 2)')), (2, 2, 'it''s \\\\ \"q\"', NULL, '[1.0]', 0, 3.4e38, NULL, NULL), (3, 3, NULL, X'', NULL, 'b', NULL, NULL, NULL), (4, 4, '', X'0A0D1A', '\"x\"', NULL, -0.0, NULL, NULL), (5, 5, 'five', NULL, NULL, NULL, NULL, NULL, NULL), (6, 6, 'six', NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE p (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE c (id INT PRIMARY KEY, p INT, up INT, FOREIGN KEY (p) REFERENCES p (id), FOREIGN KEY (up) REFERENCES c (id)); INSERT INTO c VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 3);
CREATE TABLE k (a INT); INSERT INTO k VALUES (1), (2)";

/// Rows that are missing, changed, extra, that exchanged their unique values, and families of them.
const DAMAGE: &str = "
DELETE FROM t WHERE id IN (1, 2); UPDATE t SET v = 'x', b = X'FF', j = '{}', f = 9, ts = '2001-01-01' WHERE id = 4; INSERT INTO t (id, u, v) VALUES (70, 1, 'extra'), (71, 71, 'extra');
UPDATE t SET u = 50 WHERE id = 5; UPDATE t SET u = 5 WHERE id = 6; UPDATE t SET u = 6 WHERE id = 5; UPDATE t SET e = 'a' WHERE id = 3;
DELETE FROM c WHERE id = 2; DELETE FROM c WHERE id = 1; DELETE FROM p WHERE id = 1; INSERT INTO p VALUES (9, 'extra'); INSERT INTO c VALUES (9, 9, 9); UPDATE p SET name = 'x' WHERE id = 2";

fn prepare(world: &World<'_>) {
    prepare_with(world, "{recheck_after: 50ms}");
}

fn prepare_with(world: &World<'_>, options: &str) {
    world.source(TABLES);
    world.rules("[t, p, c, k]", options);
    world.sync();
    world.target(DAMAGE);
}

fn verified(world: &World<'_>) {
    let verify = world.taxi.run(&["verify", "everything"]).expect_code(0);
    assert!(verify.stdout.contains("0 differences"), "{}", verify.stdout);
    world.judge_all();
}

fn differences(world: &World<'_>) -> Finished {
    world
        .taxi
        .run(&["jobs", "differences", "last:everything"])
        .expect_code(0)
}

both_flavours! {
    async fn a_repair_writes_what_differs_and_tells_it(pair: Pair) {
        let world = World::new(&pair);
        prepare(&world);
        let refused = world.taxi.run(&["repair", "everything"]).expect_code(4);
        assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
        let before = pair.local.binlog_position();
        world.taxi.run(&["verify", "everything"]).expect_code(1);
        let shown = differences(&world).stdout;
        for words in ["missing", "extra", "changed", "id=70", "id=4", "0xff", "2000-12-31 18:30:00.000000"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let json = world.taxi.run(&["--json", "jobs", "differences", "last:everything"]).expect_code(0).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let items = json["items"].as_array().unwrap();
        let four = items.iter().find(|d| d["table"] == "t" && d["key"]["id"] == "4").unwrap();
        assert_eq!(four["kind"], "changed");
        assert_eq!(four["stable"], true);
        let blob = four["columns"].as_array().unwrap().iter().find(|c| c["name"] == "b").unwrap();
        assert_eq!(blob["source"], serde_json::json!({"hex": "0a0d1a"}));
        assert_eq!(blob["target"], serde_json::json!({"hex": "ff"}));
        assert_eq!(pair.local.row_events(&before, &pair.target_db()), 0, "a comparison wrote");
        let end = world.taxi.run(&["-y", "repair", "everything"]).expect_code(0);
        assert!(end.stdout.contains("5 inserted") && end.stdout.contains("4 deleted"), "{}", end.stdout);
        assert!(differences(&world).stdout.contains("id=70"));
        verified(&world);
        let before = pair.local.binlog_position();
        world.taxi.run(&["-y", "repair", "everything"]).expect_code(0);
        assert_eq!(pair.local.row_events(&before, &pair.target_db()), 0, "an equal target was written");
    }

    async fn the_statements_of_a_repair_repair(pair: Pair) {
        let world = World::new(&pair);
        prepare(&world);
        let before = pair.local.binlog_position();
        let file = world.taxi.path("repair.sql");
        let path = file.to_string_lossy().into_owned();
        let end = world.taxi.run(&["repair", "everything", "--sql", &path]).expect_code(1);
        assert!(end.stdout.contains("the statements are in"), "{}", end.stdout);
        assert_eq!(pair.local.row_events(&before, &pair.target_db()), 0, "it wrote");
        let script = std::fs::read_to_string(&file).unwrap();
        pair.local.sql(&script);
        verified(&world);
        let end = world.taxi.run(&["repair", "everything", "--sql", "-"]).expect_code(0);
        assert!(end.stdout.ends_with("COMMIT;\n") && !end.stdout.contains("INSERT"), "{}", end.stdout);
    }

    async fn a_repair_follows_the_policy_and_keeps_what_it_deletes(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3); CREATE TABLE k (a INT); INSERT INTO k VALUES (1)");
        world.rules("[t, k]", "{recheck_after: 50ms}");
        world.sync();
        world.target("UPDATE t SET v = 9 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (8, 8); INSERT INTO k VALUES (2)");
        world.rules("[{source_table: t, conflict_resolution: error}]", "{recheck_after: 50ms}");
        let end = world.taxi.run(&["-y", "repair", "everything"]).expect_code(1);
        assert!(end.stderr.contains("conflict_resolution is error") && end.stderr.contains("row id=1"), "{}", end.stderr);
        assert_eq!(world.target("SELECT id, v FROM t ORDER BY id"), "1\t9\n3\t3\n8\t8");
        world.rules("[{source_table: t, conflict_resolution: skip}]", "{recheck_after: 50ms, quarantine: 1d}");
        let sql = world.taxi.run(&["repair", "everything", "--sql", "-"]).expect_code(1).stdout;
        assert!(sql.contains("INSERT") && sql.contains("DELETE") && !sql.contains("UPDATE"), "{sql}");
        world.taxi.run(&["-y", "repair", "everything"]).expect_code(0);
        assert_eq!(world.target("SELECT id, v FROM t ORDER BY id"), "1\t9\n2\t2\n3\t3");
        world.taxi.run(&["-y", "jobs", "undo", "last:everything"]).expect_code(0);
        assert_eq!(world.target("SELECT id, v FROM t ORDER BY id"), "1\t9\n2\t2\n3\t3\n8\t8");
        world.rules("[k]", "{recheck_after: 50ms}");
        let end = world.taxi.run(&["-y", "repair", "everything"]).expect_code(1);
        assert!(end.stderr.contains("[no_key]") && end.stderr.contains("db-taxi run"), "{}", end.stderr);
    }

    /// Where each batch has a snapshot of its own, rows are looked at again before they are written.
    async fn a_repair_needs_no_long_transaction_on_the_source(pair: Pair) {
        let world = World::new(&pair);
        prepare_with(&world, "{recheck_after: 50ms, consistency: chunk}");
        let file = world.taxi.path("repair.sql");
        let path = file.to_string_lossy().into_owned();
        world.taxi.run(&["repair", "everything", "--sql", &path]).expect_code(1);
        let end = world.taxi.run(&["-y", "repair", "everything"]).expect_code(0);
        assert!(end.stdout.contains("5 inserted") && end.stdout.contains("4 deleted"), "{}", end.stdout);
        verified(&world);
        world.target(DAMAGE);
        pair.local.sql(&std::fs::read_to_string(&file).unwrap());
        verified(&world);
        // Limits hold for all batches together.
        world.target("INSERT INTO t (id, u) VALUES (80, 80), (81, 81), (82, 82)");
        world.rules("[t]", "{recheck_after: 50ms, consistency: chunk, batch_size: 1, max_delete_rows: 2}");
        let before = pair.local.binlog_position();
        let refused = world.taxi.run(&["-y", "repair", "everything"]).expect_code(1);
        assert!(refused.stderr.contains("max_delete_rows is 2"), "{}", refused.stderr);
        assert_eq!(pair.local.row_events(&before, &pair.target_db()), 0);
    }

    /// A load that was cut off is gone on with after a repair.
    async fn a_repair_leaves_a_load_that_is_under_way(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
        world.rules("[{source_table: t, full_strategy: swap}]", "{recheck_after: 50ms}");
        world.sync();
        world.source("UPDATE t SET v = 7 WHERE id = 2");
        let mut stopped = world.taxi.command(&["run", "everything"]);
        stopped.env("DB_TAXI_HOOKS", "load.copied=int");
        assert_eq!(stopped.output().unwrap().status.code(), Some(130));
        let end = world.taxi.run(&["-y", "repair", "everything"]);
        let told = format!("{}{}", end.stdout, end.stderr);
        end.expect_code(0);
        pair.judge("t", "t").equal();
        let end = world.taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("t", "t").equal();
        let log = world.taxi.run(&["jobs", "logs", "last:everything"]).stdout;
        assert!(log.contains("goes on with the load that was begun"), "{told}\n{log}\n{}", end.stderr);
    }
}
