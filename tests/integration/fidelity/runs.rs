//! Second and third runs, and the guards against emptied and half-emptied sources.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

both_flavours! {
    async fn an_empty_source_never_empties_a_target_unasked(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2); CREATE TABLE f (id INT PRIMARY KEY, a INT); INSERT INTO f VALUES (1, 1)");
        world.sync_everything();
        world.source("DELETE FROM t");
        world.rules("[t, {source_table: f, where: \"a > 5\"}]", "{}");
        let said = world.refuse();
        assert!(said.contains("allow_empty_source"), "{said}");
        assert_eq!(world.target("SELECT COUNT(*) FROM t"), "2");
        assert_eq!(world.target("SELECT COUNT(*) FROM f"), "1");
        world.rules("[{source_table: t, allow_empty_source: true}]", "{}");
        world.sync();
        assert_eq!(world.target("SELECT COUNT(*) FROM t"), "0");
    }

    async fn more_deletes_than_allowed_delete_nothing(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t SELECT a.n + 10 * b.n + 100 * c.n, 1 FROM d a, d b, d c; CREATE TABLE n (a INT); INSERT INTO n SELECT id FROM t;
CREATE TABLE s (id INT PRIMARY KEY, a INT); INSERT INTO s SELECT * FROM t; CREATE TABLE i (id INT PRIMARY KEY, a INT); INSERT INTO i SELECT * FROM t; DROP TABLE d");
        world.sync_everything();
        world.source("DELETE FROM t WHERE id < 300; DELETE FROM n WHERE a < 300; DELETE FROM s WHERE id < 300; DELETE FROM i WHERE id < 300");
        for rules in [
            "[t, n, {source_table: s, full_strategy: swap}, {source_table: i, full_strategy: in_place}]",
            "[{source_table: t, max_delete_rows: 299}, n, {source_table: s, full_strategy: swap}, {source_table: i, full_strategy: in_place}]",
        ] {
            world.rules(rules, "{}");
            let said = world.refuse();
            assert!(said.contains("max_delete"), "{said}");
            for table in ["t", "n", "s", "i"] {
                assert_eq!(world.target(&format!("SELECT COUNT(*) FROM {table}")), "1000", "{table}");
            }
        }
        world.rules("[{match: \"*\", max_delete_percent: 30, max_delete_rows: 300}]", "{}");
        world.sync();
        world.judge_all();
    }

    async fn few_and_many_differences_end_equal(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), KEY (a)); INSERT INTO t SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n, 'x' FROM d a, d b, d c, d e, d f WHERE f.n < 3; CREATE TABLE n (a INT, b VARCHAR(9)); INSERT INTO n SELECT id DIV 3, a FROM t WHERE id < 9000; DROP TABLE d");
        world.sync_everything();
        world.sync_without_writing();
        world.source("UPDATE t SET a = 'y' WHERE id % 1000 = 7; DELETE FROM t WHERE id % 1000 = 8; INSERT INTO t VALUES (-1, 'n'), (99999, NULL); DELETE FROM n LIMIT 1");
        let before = pair.local.binlog_position();
        world.sync();
        world.judge_all();
        let events = pair.local.row_events(&before, &pair.target_db());
        assert_eq!(events, 62, "only what differed was written");
        world.source("UPDATE t SET a = CONCAT(a, 'z') WHERE id < 20000");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }
}
