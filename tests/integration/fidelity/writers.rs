//! Ways in: both writers, wide tables, large rows.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

/// A busy machine takes its time for a large row.
fn patient(pair: &Pair) -> World<'_> {
    let mut world = World::new(pair);
    world.taxi = world.taxi.set("sync.lease_ttl=60s");
    world
}

both_flavours! {
    /// Without LOAD DATA the same bytes arrive.
    async fn inserts_carry_what_loads_carry(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE t (id INT PRIMARY KEY, z INT(5) ZEROFILL, d DECIMAL(20,5), f FLOAT, g DOUBLE, b BIT(33), y YEAR, dt DATETIME(6), ti TIME(3), ts TIMESTAMP NULL, c CHAR(5), v VARCHAR(20) CHARACTER SET sjis, u VARCHAR(20) CHARACTER SET utf16, bi BINARY(5), vb VARBINARY(20), bl LONGBLOB, e ENUM('1','2',''), s SET('a','b'), j JSON, p POINT, x TEXT CHARACTER SET gbk);
INSERT INTO t VALUES (1, 42, 1.5, 3.14159274, 0.1, 5, 0000, '0000-00-00', '-00:00:00.001', '2020-01-01', 'a ', '表能ソ\\\\', 'ä😀', 'a', 'a\\0', x'00ff5c0a', '2', 'a,b', '{\"a\": [1]}', ST_GeomFromText('POINT(1 2)'), '中\\\\'),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, 0, -0.00001, 1e-45, -0e0, 0, 2155, '2021-02-31', '838:59:59', '0000-00-00', '', '', '', '', '', '', '', '', 'null', NULL, ''), (4, 1, 1, 1e38, 1e308, 1, 2000, '9999-12-31', '0', NULL, '', '', '', '', '', '', 0, 3, '[]', NULL, '');
CREATE TABLE n (a INT, b VARCHAR(9)); INSERT INTO n VALUES (1, 'x'), (1, 'x'), (NULL, '');
");
        world.rules("[{match: \"*\"}]", "{writer: insert, batch_size: 2}");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }

    async fn a_thousand_columns_arrive(pair: Pair) {
        let world = World::new(&pair);
        let columns: Vec<String> = (0..999).map(|n| format!("`{}{n}` {}", "c".repeat(20), ["INT", "VARCHAR(4)", "TIMESTAMP NULL", "FLOAT"][n % 4])).collect();
        world.source(&format!("CREATE TABLE wide (id INT PRIMARY KEY, {})", columns.join(", ")));
        let values: Vec<String> = (0..999).map(|n| ["NULL", "'x'", "'2020-01-01'", "0.1"][n % 4].to_owned()).collect();
        world.source(&format!("INSERT INTO wide VALUES (1, {0}), (2, {0}), (3, {0})", values.join(", ")));
        world.sync_everything();
        world.target(&format!("UPDATE wide SET {}998 = '2021-01-01' WHERE id = 2", "c".repeat(20)));
        world.sync();
        world.judge_all();
    }

    async fn a_row_that_fits_no_packet_is_named(pair: Pair) {
        let world = patient(&pair);
        world.source("CREATE TABLE big (id INT PRIMARY KEY, v LONGBLOB); INSERT INTO big VALUES (1, 'x'), (77, REPEAT(REPEAT('y', 1000000), 70)), (80, 'z')");
        world.rules("[big]", "{writer: insert}");
        let said = world.refuse();
        assert!(said.contains("packet_too_large") && said.contains("id=77"), "{said}");
        assert_eq!(world.target("SHOW TABLES"), "");
    }

    async fn a_row_of_twenty_megabytes_arrives(pair: Pair) {
        let world = patient(&pair);
        world.source("CREATE TABLE big (id INT PRIMARY KEY, v LONGBLOB, w LONGTEXT); INSERT INTO big VALUES (1, REPEAT(x'00ff5c0a', 4000000), REPEAT('ä', 2000000)), (2, 'x', 'y'), (3, REPEAT('z', 5000000), NULL)");
        world.rules("[big]", "{}");
        world.sync();
        pair.judge("big", "big").equal();
        world.sync_without_writing();
        world.target("UPDATE big SET w = 'other' WHERE id = 1");
        world.sync();
        pair.judge("big", "big").equal();
        world.target("DELETE FROM big WHERE id = 1");
        world.rules("[{source_table: big, full_strategy: swap}]", "{writer: insert}");
        world.sync();
        pair.judge("big", "big").equal();
    }
}
