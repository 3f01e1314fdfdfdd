//! Every kind of watermark column, ties, stamps of the future and clocks that go back.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

both_flavours! {
    /// With a window of nothing every row of the last moment is still read again.
    async fn each_kind_of_column_is_read_at_its_own_precision(pair: Pair) {
        let world = World::new(&pair);
        let kinds = [
            ("d0", "DATETIME"), ("d3", "DATETIME(3)"), ("d6", "DATETIME(6)"), ("ts0", "TIMESTAMP NULL"),
            ("ts6", "TIMESTAMP(6) NULL"), ("dt", "DATE"), ("i8", "BIGINT UNSIGNED"), ("i4", "INT"),
        ];
        let is_number = |kind: &str| kind.contains("INT");
        let mut rules = Vec::new();
        for (name, kind) in kinds {
            let stamp = |n: u32| if is_number(kind) { n.to_string() } else { format!("NOW(6) - INTERVAL {} SECOND", 1000 - n) };
            world.source(&format!(
                "CREATE TABLE {name} (a VARCHAR(20), b INT, w {kind}, v INT, PRIMARY KEY (a, b)); INSERT INTO {name} VALUES ('x', 1, {}, 1), ('y', 2, {}, 1), ('ü', 3, NULL, 1)",
                stamp(1), stamp(2)
            ));
            let lag = if is_number(kind) { "0" } else { "0s" };
            rules.push(format!("{{source_table: {name}, watermark_column: w, lag_window: {lag}}}"));
        }
        world.rules(&format!("[{}]", rules.join(", ")));
        world.sync();
        for (name, kind) in kinds {
            let now = if is_number(kind) { "3" } else { "NOW(6)" };
            world.source(&format!("INSERT INTO {name} VALUES ('z', 4, {now}, 1), ('z', 5, {now}, 2); UPDATE {name} SET v = 9 WHERE w IS NULL"));
        }
        world.let_pass(3);
        let job = world.sync();
        assert_eq!(job.written(), [16, 8, 0]);
        for (name, kind) in kinds {
            pair.judge(name, name).equal();
            // A tie with the last row that was read.
            if is_number(kind) || kind == "DATE" {
                world.source(&format!("INSERT INTO {name} SELECT 'tie', 6, MAX(w), 1 FROM {name}"));
            }
        }
        world.sync();
        for (name, _) in kinds {
            pair.judge(name, name).equal();
        }
    }

    /// What an application with a fast clock stamps is read when that moment has come; when the
    /// clock goes back the watermark follows it.
    async fn stamps_of_the_future_wait_and_a_clock_set_back_loses_nothing(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, w TIMESTAMP(6) NULL, KEY (w)); INSERT INTO t VALUES (1, NOW(6) - INTERVAL 1 HOUR)");
        world.rules("[{source_table: t, watermark_column: w, lag_window: 1s}]");
        world.sync();
        world.source("INSERT INTO t VALUES (2, NOW(6) + INTERVAL 8 SECOND), (3, NOW(6))");
        world.let_pass(4);
        assert_eq!(world.sync().written(), [1, 0, 0]);
        world.let_pass(8);
        assert_eq!(world.sync().written(), [1, 0, 0]);
        pair.judge("t", "t").equal();
        // A watermark of tomorrow, as a server with a faster clock would have left it.
        let control = pair.control_db();
        pair.local.sql(&format!(
            "UPDATE {control}.sync_checkpoints SET watermark = REPLACE(watermark, '\"Time\":', '\"Time\":9')"
        ));
        world.source("INSERT INTO t VALUES (4, NOW(6))");
        world.let_pass(3);
        world.sync();
        world.source("INSERT INTO t VALUES (5, NOW(6))");
        world.let_pass(3);
        world.sync();
        assert_eq!(world.target("SELECT COUNT(*) FROM t WHERE id = 5"), "1", "later rows are not lost");
    }

    /// DATETIME holds the source's own time.
    async fn local_times_are_compared_with_the_local_clock(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, w DATETIME(6), KEY (w)); INSERT INTO t VALUES (1, NOW(6) - INTERVAL 1 HOUR)");
        world.rules("[{source_table: t, watermark_column: w, lag_window: 1s}]");
        world.sync();
        assert!(world.plan().contains("time zone"), "{}", world.plan());
        world.source("INSERT INTO t VALUES (2, NOW(6))");
        world.let_pass(3);
        assert_eq!(world.sync().written(), [1, 0, 0]);
    }
}
