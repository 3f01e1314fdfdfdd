//! Targets that are there already, in every state.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

both_flavours! {
    /// The same values in wider types, in another order, compare as equal and are repaired.
    async fn wider_targets_hold_the_same_values(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE w (a INT(5) ZEROFILL, b DECIMAL(10,2), c DATETIME, k VARCHAR(5), e TIME(2), f BIT(4), g ENUM('a','b'), h SET('x'), i CHAR(3), j BINARY(3), l TINYTEXT, m TIMESTAMP(1) NULL, n DECIMAL(5,1) ZEROFILL, v INT, PRIMARY KEY (a, b, c, k));
INSERT INTO w VALUES (1, 1.5, '2020-01-01', 'x', '-00:00:01.5', 5, 'a', 'x', 'a', 'a', 'l', '2020-01-01', 1.5, 1), (1, 1.5, '2020-01-01', 'y', '838:59:59', 15, 'b', '', '', '', '', '2020-01-01 00:00:00.5', 0, 2), (70000, -1, '0000-00-00', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3);
CREATE TABLE w_time (k TIME, v INT, PRIMARY KEY (k)); INSERT INTO w_time VALUES ('-10:00:00', 1), ('00:00:00', 2);
CREATE TABLE w_bit (k BIT(4), v INT, PRIMARY KEY (k)); INSERT INTO w_bit VALUES (5, 1), (0, 2);
CREATE TABLE w_enum (k ENUM('b','a'), v INT, PRIMARY KEY (k)); INSERT INTO w_enum VALUES ('a', 1), ('b', 2);
");
        world.target("
CREATE TABLE w (v BIGINT, n DECIMAL(9,3), m TIMESTAMP(6) NULL, l LONGTEXT, j VARBINARY(9), i VARCHAR(9), h SET('x','y'), g ENUM('a','b','c'), f BIT(40), e TIME(6), k VARCHAR(9), c DATETIME(6), b DECIMAL(20,5), a BIGINT UNSIGNED, PRIMARY KEY (a, b, c, k), KEY extra (v));
CREATE TABLE w_time (k TIME(3), v INT, PRIMARY KEY (k)); CREATE TABLE w_bit (k BIT(60), v INT, PRIMARY KEY (k)); CREATE TABLE w_enum (k ENUM('b','a','c'), v INT, PRIMARY KEY (k));
");
        world.rules("[w, w_time, w_bit, w_enum]", "{recheck_after: 100ms}");
        let read = "SELECT a + 0, b + 0.00000, c + INTERVAL 0 MICROSECOND = c, LEFT(CAST(c AS CHAR), 19), k, ROUND(TIME_TO_SEC(e) * 100), f + 0, g, h, i, HEX(j), l, ROUND(UNIX_TIMESTAMP(m) * 1000000), n + 0.000, v FROM w ORDER BY v";
        let same = || {
            assert_eq!(world.source(read).replace("0000000", ""), world.target(read).replace("0000000", ""));
            for table in ["w_time", "w_bit", "w_enum"] {
                let sql = format!("SELECT TRIM(TRAILING '.000' FROM k + 0), v FROM {table} ORDER BY v");
                assert_eq!(world.source(&sql), world.target(&sql), "{table}");
            }
        };
        world.sync();
        same();
        world.sync_without_writing();
        world.source("UPDATE w SET i = 'zz' WHERE v = 1; DELETE FROM w WHERE v = 2; INSERT INTO w (a, b, c, k, v) VALUES (5, 5, '2021-01-01', 'n', 5); UPDATE w_time SET v = 9; UPDATE w_bit SET v = 9; UPDATE w_enum SET v = 9");
        world.sync();
        same();
        world.sync_without_writing();
    }

    async fn narrower_targets_are_refused_by_column_and_stay_as_they_are(pair: Pair) {
        let world = World::new(&pair);
        let cases = [
            ("INT", "SMALLINT"), ("INT UNSIGNED", "INT"), ("BIGINT", "BIGINT UNSIGNED"), ("DECIMAL(10,2)", "DECIMAL(10,1)"), ("DECIMAL(10,2)", "DECIMAL(10,3)"),
            ("DOUBLE", "FLOAT"), ("FLOAT", "FLOAT(7,2)"), ("INT", "DECIMAL(20,0)"), ("VARCHAR(10)", "VARCHAR(9)"), ("VARCHAR(10)", "CHAR(10)"), ("BINARY(3)", "BINARY(4)"), ("VARBINARY(3)", "BINARY(3)"),
            ("VARCHAR(10)", "VARBINARY(40)"), ("DATETIME(6)", "DATETIME(3)"), ("TIME(1)", "TIME"), ("DATETIME", "DATE"), ("DATETIME", "TIMESTAMP NULL"), ("ENUM('a','b')", "ENUM('b','a')"), ("SET('a','b')", "SET('a')"),
            ("ENUM('a')", "VARCHAR(5)"), ("INT", "INT NOT NULL"), ("BIT(9)", "BIT(8)"), ("VARCHAR(9) CHARACTER SET utf8mb4", "VARCHAR(9) CHARACTER SET latin1"), ("VARCHAR(9) CHARACTER SET utf8mb4", "VARCHAR(9) CHARACTER SET utf8mb3"),
            ("YEAR", "INT"), ("TEXT", "TINYTEXT"), ("GEOMETRY", "POINT"), ("INT", "INT GENERATED ALWAYS AS (id) VIRTUAL"),
        ];
        let mut rules = Vec::new();
        for (n, (from, to)) in cases.iter().enumerate() {
            world.source(&format!("CREATE TABLE n{n} (id INT PRIMARY KEY, narrowed {from}); INSERT INTO n{n} (id) VALUES (1)"));
            world.target(&format!("CREATE TABLE n{n} (id INT PRIMARY KEY, narrowed {to}); INSERT INTO n{n} (id, narrowed) VALUES (7, DEFAULT)"));
            rules.push(format!("n{n}"));
        }
        world.rules(&format!("[{}]", rules.join(", ")), "{}");
        let end = world.taxi.run(&["--json", "run", "everything"]).expect_code(1);
        for (n, case) in cases.iter().enumerate() {
            assert_eq!(world.target(&format!("SELECT id FROM n{n}")), "7", "{case:?} was written");
        }
        assert!(end.stdout.matches("narrowed").count() >= cases.len(), "{}", end.stdout);
    }

    async fn columns_of_the_targets_own_keep_their_values(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
        world.target("CREATE TABLE t (mine VARCHAR(10) DEFAULT 'd', a INT, id INT PRIMARY KEY, also INT); INSERT INTO t VALUES ('kept', 5, 1, 7), ('kept', 2, 2, 8), ('gone', 9, 9, 9)");
        world.rules("[t]", "{}");
        world.sync();
        assert_eq!(world.target("SELECT id, a, mine, also FROM t ORDER BY id"), "1\t1\tkept\t7\n2\t2\tkept\t8\n3\t3\td\tNULL");
        world.target("ALTER TABLE t ADD must INT NOT NULL");
        let said = world.refuse();
        assert!(said.contains("must"), "{said}");
    }

    async fn engines_keys_and_counters_of_the_target_are_its_own(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE isam (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(10), KEY (a)) ENGINE=MyISAM; INSERT INTO isam VALUES (1, 'x'), (2, 'y');
CREATE TABLE onto (id INT PRIMARY KEY, a INT); INSERT INTO onto VALUES (1, 1), (2, 2);
CREATE TABLE counter (id INT AUTO_INCREMENT PRIMARY KEY, a INT) AUTO_INCREMENT = 1000; INSERT INTO counter VALUES (1, 1), (2, 2);
CREATE TABLE ours (id INT AUTO_INCREMENT PRIMARY KEY, a INT) AUTO_INCREMENT = 10; INSERT INTO ours VALUES (1, 1), (2, 2);
CREATE TABLE parts (id INT PRIMARY KEY, a INT) PARTITION BY HASH (id) PARTITIONS 4; INSERT INTO parts VALUES (1, 1), (2, 2), (3, 3), (-4, 4);
");
        world.target("
CREATE TABLE onto (id INT PRIMARY KEY, a INT, KEY mine (a)) ENGINE=MyISAM COMMENT='mine'; INSERT INTO onto VALUES (1, 7), (5, 5);
CREATE TABLE counter (id INT AUTO_INCREMENT PRIMARY KEY, a INT);
CREATE TABLE ours (id INT AUTO_INCREMENT PRIMARY KEY, a INT) AUTO_INCREMENT = 900;
");
        if world.is_mariadb() {
            world.source("CREATE TABLE aria (id INT PRIMARY KEY, a TEXT) ENGINE=Aria TRANSACTIONAL=1 ROW_FORMAT=PAGE PAGE_CHECKSUM=1; INSERT INTO aria VALUES (1, 'x')");
        }
        world.rules("[{match: \"*\"}]", "{}");
        world.sync();
        for table in world.tables() {
            pair.judge(&table, &table).rows_only().equal();
        }
        let shown = world.target("SHOW CREATE TABLE onto");
        assert!(shown.contains("InnoDB") && shown.contains("mine"), "{shown}");
        assert!(world.target("SHOW CREATE TABLE isam").contains("InnoDB"));
        assert!(world.target("SHOW CREATE TABLE counter").contains("AUTO_INCREMENT=1000"), "the source's counter is further");
        assert!(world.target("SHOW CREATE TABLE ours").contains("AUTO_INCREMENT=900"), "the target's counter is further");
        world.sync_without_writing();
        world.source("UPDATE isam SET a = 'z'; UPDATE parts SET a = 9 WHERE id = 3");
        world.target("UPDATE onto SET a = 77 WHERE id = 1");
        world.sync();
        for table in world.tables() {
            pair.judge(&table, &table).rows_only().equal();
        }
    }

    async fn views_are_never_written_and_triggers_only_when_allowed(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE v (id INT PRIMARY KEY); INSERT INTO v VALUES (1); CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2)");
        world.target("CREATE TABLE base (id INT PRIMARY KEY); INSERT INTO base VALUES (9); CREATE VIEW v AS SELECT * FROM base; CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 5); CREATE TABLE log (id INT); CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id)");
        world.rules("[v]", "{}");
        let said = world.refuse();
        assert!(said.contains("view"), "{said}");
        assert_eq!(world.target("SELECT id FROM v"), "9");
        world.rules("[t]", "{}");
        let said = world.refuse();
        assert!(said.contains("trigger"), "{said}");
        assert_eq!(world.target("SELECT id, a FROM t"), "1\t5");
        world.rules("[{source_table: t, target_triggers: fire}]", "{}");
        world.sync();
        pair.judge("t", "t").equal();
        assert_eq!(world.target("SELECT id FROM log"), "2");
    }

    /// Ranges of keys hold other rows where the two sides order them otherwise.
    async fn a_key_in_another_collation_is_matched_by_its_bytes(pair: Pair) {
        let world = World::new(&pair);
        let rows: Vec<String> = (0..6000).map(|n| format!("('{}{n:04}', {n})", ["a", "B", "_", "Ä"][n % 4])).collect();
        for (server, collation) in [(&pair.source, "utf8mb4_bin"), (&pair.local, "utf8mb4_general_ci")] {
            let db = if collation == "utf8mb4_bin" { pair.source_db() } else { pair.target_db() };
            for table in ["t", "i"] {
                server.sql(&format!("USE {db}; CREATE TABLE {table} (k VARCHAR(20) COLLATE {collation} PRIMARY KEY, v INT); INSERT INTO {table} VALUES {}; ANALYZE TABLE {table}", rows.join(",")));
            }
        }
        world.target("CREATE TABLE child (k VARCHAR(20) COLLATE utf8mb4_general_ci, FOREIGN KEY (k) REFERENCES i (k) ON DELETE CASCADE); INSERT INTO child SELECT k FROM i");
        world.target("UPDATE i SET v = -1 WHERE v IN (5, 4000); UPDATE t SET v = -1 WHERE v IN (5, 4000)");
        world.rules("[t, i]", "{max_concurrency: 2, recheck_after: 100ms}");
        world.sync();
        pair.judge("t", "t").rows_only().equal();
        pair.judge("i", "i").rows_only().equal();
        assert_eq!(world.target("SELECT COUNT(*) FROM child"), "6000", "nothing cascaded");
        world.taxi.run(&["verify", "everything"]).expect_code(0);
    }
}
