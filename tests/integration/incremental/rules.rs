//! The choice of the strategy, with its reason; what is refused.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

both_flavours! {
    async fn the_plan_names_the_strategy_and_why(pair: Pair) {
        let world = World::new(&pair);
        world.source(
            "CREATE TABLE moved (id INT AUTO_INCREMENT PRIMARY KEY, w TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP, KEY (w));
             CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, w TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP);
             CREATE TABLE plain (id INT PRIMARY KEY, w DATETIME);",
        );
        for (rule, expected) in [
            ("source_table: moved", "checksum"),
            ("source_table: moved, strategy: watermark", "by the watermark w, which the source moves"),
            ("source_table: counted, strategy: watermark", "append-only"),
            ("source_table: plain, watermark_column: w", "by the watermark w, which the rule names"),
            ("source_table: plain, watermark_column: w", "no key of the source begins with w"),
            ("source_table: plain, watermark_column: w, strategy: checksum", "as asked for"),
            ("source_table: plain, strategy: watermark", "finds neither"),
            ("source_table: plain, watermark_column: nope", "has no column nope"),
            ("source_table: plain, watermark_column: w, lag_window: 5", "write a duration"),
            ("source_table: plain, watermark_column: id, lag_window: 5s", "write a number"),
        ] {
            world.rules(&format!("[{{{rule}}}]"));
            let plan = world.plan();
            assert!(plan.contains(expected), "{rule}\n{plan}");
        }
        let said = world.refuse();
        assert!(said.contains("write a number"), "{said}");
    }

    async fn what_a_watermark_cannot_write_is_refused_by_name(pair: Pair) {
        let world = World::new(&pair);
        world.source(
            "CREATE TABLE keyless (v INT, w TIMESTAMP NULL, KEY (w)); INSERT INTO keyless VALUES (1, NOW());
             CREATE TABLE fired (id INT PRIMARY KEY, w TIMESTAMP NULL, KEY (w)); INSERT INTO fired VALUES (1, NOW())",
        );
        world.rules("[{source_table: keyless, watermark_column: w}]");
        assert!(world.refuse().contains("needs a key"));
        world.rules("[{source_table: fired, watermark_column: w}]");
        world.sync();
        world.target("CREATE TRIGGER late BEFORE INSERT ON fired FOR EACH ROW SET NEW.id = NEW.id + 1");
        assert!(world.refuse().contains("trigger"));
    }

    /// Comparison applies few differences in place, and many by a swap.
    async fn checksum_runs_find_every_change(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
        world.rules("[{source_table: t, full_strategy: swap}]");
        world.sync();
        world.source("DELETE FROM t WHERE id = 1; UPDATE t SET v = 9 WHERE id = 2; INSERT INTO t VALUES (4, 4)");
        let job = world.sync();
        assert_eq!((job.written(), job.scope()), ([1, 1, 1], "table"));
        assert_eq!(job.table()["strategy"], "checksum");
        assert_eq!(job.table()["sync_mode"], "incremental");
        pair.judge("t", "t").equal();
    }
}
