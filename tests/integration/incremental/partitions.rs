//! Partitioned tables on both sides, with columns and keys that the server computes: loaded, compared,
//! written in place, and run by a watermark.

use super::World;
use crate::both_flavours;
use crate::support::{Flavour, Pair};

/// By RANGE of a key, by HASH of one, and by one that a computed column is unique in.
fn tables(flavour: Flavour) -> String {
    let unique = match flavour {
        Flavour::Mariadb => "UNIQUE KEY uk (g, at)",
        // Computed by the key itself.
        Flavour::Mysql => "UNIQUE KEY uk (g, at), UNIQUE KEY ex ((UPPER(LEFT(u, 3))), at)",
    };
    format!(
        "CREATE TABLE by_range (id INT NOT NULL, at INT NOT NULL, u VARCHAR(20), v INT, w INT GENERATED ALWAYS AS (v * 2) STORED, stamp TIMESTAMP(6) NULL,
            g VARCHAR(5) GENERATED ALWAYS AS (LEFT(u, 3)) VIRTUAL, PRIMARY KEY (id, at), KEY (stamp), {unique})
            PARTITION BY RANGE (at) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN MAXVALUE);
         CREATE TABLE by_hash (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, u VARCHAR(20), v INT, g VARCHAR(5) GENERATED ALWAYS AS (LEFT(u, 3)) STORED, stamp TIMESTAMP(6) NULL,
            KEY (g), KEY (stamp)) PARTITION BY HASH (id) PARTITIONS 4;
         CREATE TABLE by_key (id INT NOT NULL, name VARCHAR(10) NOT NULL, u VARCHAR(20), v INT, stamp TIMESTAMP(6) NULL, g INT GENERATED ALWAYS AS (LENGTH(u) + v) STORED,
            PRIMARY KEY (id, name), KEY (stamp), UNIQUE KEY (g, u(2), id, name)) PARTITION BY KEY (name) PARTITIONS 3;"
    )
}

const ROWS: &str = "
INSERT INTO by_range (id, at, u, v, stamp) VALUES (1, 5, 'aaa-1', 1, '2024-01-01'), (2, 5, 'bbb-2', 2, '2024-01-01'), (3, 5, 'ccc-3', 3, '2024-01-01'), (1, 15, 'aaa-1', 4, '2024-01-01'), (2, 25, 'bbb-2', 5, '2024-01-01'), (9, 25, 'ddd-9', 6, '2024-01-01');
INSERT INTO by_hash (id, u, v, stamp) VALUES (1, 'aaa', 1, '2024-01-01'), (2, 'bbb', 2, '2024-01-01'), (3, 'ccc', 3, '2024-01-01'), (4, NULL, 4, '2024-01-01'), (7, 'ddd', 7, NULL);
INSERT INTO by_key (id, name, u, v, stamp) VALUES (1, 'a', 'x', 1, '2024-01-01'), (1, 'b', 'y', 1, '2024-01-01'), (2, 'A2', 'z', NULL, '2024-01-01');";

/// Values go round among rows of a partition, a row changes its key, some come; `{s}` is the stamp, `{n}` of those
/// that come.
const CHANGES: &str = "
UPDATE by_range SET u = CONCAT(id, 'tmp') WHERE at = 5; UPDATE by_range SET u = CONCAT(ELT(1 + (id + v) % 3, 'bbb', 'ccc', 'aaa'), '-', v), v = v + 10, stamp = {s} WHERE at = 5;
UPDATE by_range SET id = id + 10, stamp = {s} WHERE at = 25 AND v % 2 = 0; INSERT INTO by_range (id, at, u, v, stamp) SELECT MAX(id) + 1, 12, CONCAT('n', COUNT(*), '-'), 1, {n} FROM by_range;
UPDATE by_hash SET u = CONCAT(LEFT(u, 2), 'q'), v = v + 1, stamp = {s} WHERE id < 3; INSERT INTO by_hash (u, v, stamp) VALUES ('eee', 1, {n});
UPDATE by_key SET v = COALESCE(v, 0) + 1, stamp = {s}; INSERT INTO by_key (id, name, u, v, stamp) SELECT MAX(id) + 1, 'c', 'new', 0, {n} FROM by_key;";

fn changes(stamp: &str, of_new: &str) -> String {
    CHANGES.replace("{s}", stamp).replace("{n}", of_new)
}

const TABLES: [&str; 3] = ["by_range", "by_hash", "by_key"];

fn rules(more: &str) -> String {
    let rules: Vec<String> = TABLES
        .iter()
        .map(|table| format!("{{source_table: {table}, {more}}}"))
        .collect();
    format!("[{}]", rules.join(", "))
}

both_flavours! {
    async fn partitioned_tables_are_kept_in_step(pair: Pair) {
        let world = World::new(&pair);
        world.source(&tables(pair.flavour));
        world.source(ROWS);
        let judge = || TABLES.iter().for_each(|table| pair.judge(table, table).equal());
        world.rules(&rules("strategy: checksum"));
        world.sync();
        judge();
        let before = pair.local.binlog_position();
        world.run(&["--full"]);
        assert_eq!(pair.local.row_events(&before, &pair.target_db()), 0, "an equal target was written");
        // Few differences, then each of them in place.
        for strategy in ["auto", "in_place", "swap"] {
            world.source(&changes("stamp", "'2024-01-01'"));
            world.rules(&rules(&format!("strategy: checksum, full_strategy: {strategy}")));
            world.sync();
            judge();
        }
        world.rules(&rules("watermark_column: stamp, lag_window: 1s"));
        world.sync();
        world.source(&changes("NOW(6)", "NOW(6)"));
        world.let_pass(4);
        let job = world.sync();
        for run in job.0["tables"].as_array().unwrap() {
            assert_eq!(run["strategy"], "watermark", "{run}");
            assert_eq!(run["verified"]["scope"], "run", "{run}");
        }
        // The key that changed has left its old row behind, as the promise says, unless a unique value
        // was at stake.
        world.rules(&rules("watermark_column: stamp, lag_window: 1s, detect_deletes: every_run"));
        world.sync();
        judge();
    }
}
