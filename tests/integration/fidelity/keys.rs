//! Every kind of key: what identifies rows, cuts ranges, and is matched when rows differ.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

/// A table of digits to make many rows from.
const DIGITS: &str =
    "CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);";

/// `n` from 0 to 9999.
const TEN_THOUSAND: &str =
    "(SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n AS n FROM d a, d b, d c, d e) x";

const SMALL: &str = "
CREATE TABLE k_signed (k BIGINT PRIMARY KEY, v INT); INSERT INTO k_signed VALUES (-9223372036854775808, 1), (-1, 2), (0, 3), (9223372036854775807, 4);
CREATE TABLE k_unsigned (k BIGINT UNSIGNED PRIMARY KEY, v INT); INSERT INTO k_unsigned VALUES (0, 1), (9223372036854775807, 2), (9223372036854775808, 3), (18446744073709551615, 4);
CREATE TABLE k_ci (k VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT); INSERT INTO k_ci VALUES ('A', 1), ('é', 2), ('z\\0', 3), ('', 4), ('ß', 5), ('%', 6), ('Zz', 7);
CREATE TABLE k_bin (k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v INT); INSERT INTO k_bin VALUES ('A', 1), ('a', 2), ('a\\0', 3), ('é', 4), ('E', 5);
CREATE TABLE k_char (k CHAR(5), l CHAR(5), v INT, PRIMARY KEY (k, l)); INSERT INTO k_char VALUES ('a', ' b', 1), ('', 'b', 2), ('a', '', 3);
CREATE TABLE k_hex (k VARBINARY(20) PRIMARY KEY, v INT); INSERT INTO k_hex VALUES ('0xab', 1), (x'ab', 2), ('', 3), ('0x', 4), ('a\\0', 5), ('a ', 6), ('a', 7), (x'2c', 8), ('-1', 9), ('NULL', 10);
CREATE TABLE k_b16 (k BINARY(16) PRIMARY KEY, v INT); INSERT INTO k_b16 VALUES (x'00', 1), (x'ff', 2), ('abc', 3), (UNHEX(REPEAT('ff', 16)), 4);
CREATE TABLE k_date (k DATE PRIMARY KEY, v INT); INSERT INTO k_date VALUES ('0000-00-00', 1), ('2021-00-00', 2), ('2021-02-31', 3), ('9999-12-31', 4);
CREATE TABLE k_datetime (k DATETIME(6) PRIMARY KEY, v INT); INSERT INTO k_datetime VALUES ('0000-00-00 00:00:00', 1), ('2021-02-31 00:00:00.000001', 2), ('9999-12-31 23:59:59.999999', 3);
CREATE TABLE k_timestamp (k TIMESTAMP(3) NOT NULL DEFAULT '2000-01-01 00:00:00' PRIMARY KEY, v INT); INSERT INTO k_timestamp VALUES ('0000-00-00 00:00:00', 1), ('2024-10-27 02:30:00.123', 2), ('2038-01-19 08:44:07', 3);
CREATE TABLE k_time (k TIME(2) PRIMARY KEY, v INT); INSERT INTO k_time VALUES ('-838:59:59', 1), ('-00:00:00.01', 2), ('00:00:00', 3), ('838:59:59', 4);
CREATE TABLE k_year (k YEAR PRIMARY KEY, v INT); INSERT INTO k_year VALUES (0000, 1), (1901, 2), (2000, 3), (2155, 4);
CREATE TABLE k_decimal (k DECIMAL(65,30) PRIMARY KEY, v INT); INSERT INTO k_decimal VALUES (-99999999999999999999999999999999999.999999999999999999999999999999, 1), (0, 2), (0.000000000000000000000000000001, 3);
CREATE TABLE k_enum (k ENUM('z','a','10','2','') PRIMARY KEY, v INT); INSERT INTO k_enum VALUES ('z', 1), ('a', 2), ('10', 3), ('2', 4), ('', 5), (0, 6);
CREATE TABLE k_set (k SET('b','a') PRIMARY KEY, v INT); INSERT INTO k_set VALUES ('', 1), ('a', 2), ('b', 3), ('a,b', 4);
CREATE TABLE k_bit (k BIT(40) PRIMARY KEY, v INT); INSERT INTO k_bit VALUES (0, 1), (49, 2), (53, 3), (1099511627775, 4);
CREATE TABLE k_float (k FLOAT PRIMARY KEY, v INT); INSERT INTO k_float VALUES (0.1, 1), (3.14159274, 2), (16777216, 3), (-1e-45, 4), (0, 5);
CREATE TABLE k_double (k DOUBLE PRIMARY KEY, v INT); INSERT INTO k_double VALUES (0.1, 1), (4.9e-324, 2), (1.7976931348623157e308, 3);
CREATE TABLE k_zero (k INT(6) ZEROFILL PRIMARY KEY, v INT); INSERT INTO k_zero VALUES (0, 1), (42, 2), (4294967295, 3);
CREATE TABLE k_four (a INT, b VARCHAR(5), c DATE, e BIGINT UNSIGNED, v INT, PRIMARY KEY (a, b, c, e)); INSERT INTO k_four VALUES (1, 'a', '2020-01-01', 1, 1), (1, 'A', '2020-01-01', 2, 2), (1, 'b', '2020-01-01', 1, 3), (2, '', '0000-00-00', 0, 4);
CREATE TABLE k_unique (v INT, k INT NOT NULL, o INT, UNIQUE KEY o (o), UNIQUE KEY k (k)); INSERT INTO k_unique VALUES (1, 5, NULL), (1, 6, NULL), (1, 7, 1);
CREATE TABLE k_nullable (k INT, v INT, UNIQUE KEY (k)); INSERT INTO k_nullable VALUES (NULL, 1), (NULL, 1), (1, 1), (NULL, 2);
CREATE TABLE k_prefix (k VARCHAR(20), v INT, PRIMARY KEY (k(3))); INSERT INTO k_prefix VALUES ('abcdef', 1), ('abx', 2), ('', 3);
CREATE TABLE k_desc (a INT, b INT, v INT, PRIMARY KEY (a DESC, b)); INSERT INTO k_desc VALUES (1, 1, 1), (1, 2, 2), (2, 1, 3);
CREATE TABLE k_none (a INT, b VARCHAR(5)); INSERT INTO k_none VALUES (1, 'a'), (1, 'a'), (1, 'A'), (NULL, NULL), (NULL, NULL), (NULL, '');
CREATE TABLE k_only (k INT PRIMARY KEY); INSERT INTO k_only VALUES (1), (2), (3);
CREATE TABLE k_empty (k INT PRIMARY KEY AUTO_INCREMENT, v INT) AUTO_INCREMENT = 500;
";

both_flavours! {
    async fn every_key_identifies_its_rows(pair: Pair) {
        let world = World::new(&pair);
        world.source(SMALL);
        world.sync_everything();
        world.sync_without_writing();
        // One row gone, the others changed: each has to be found again by its key.
        for table in world.tables() {
            if table == "k_only" || table == "k_none" || table == "k_empty" {
                continue;
            }
            world.target(&format!("UPDATE {table} SET v = v + 100 WHERE v > 1; DELETE FROM {table} WHERE v = 1"));
        }
        world.target("INSERT INTO k_only VALUES (7), (-7); DELETE FROM k_only WHERE k = 2; DELETE FROM k_none LIMIT 2");
        world.source("INSERT INTO k_set VALUES ('a,b', 1) ON DUPLICATE KEY UPDATE v = 9; DELETE FROM k_enum WHERE v = 3");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }

    /// Gaps, skew and a first column that never changes; several workers.
    async fn many_ranges_lose_and_double_nothing(pair: Pair) {
        let world = World::new(&pair);
        world.source(DIGITS);
        world.source(&format!("
CREATE TABLE r_gaps (k BIGINT PRIMARY KEY, v VARCHAR(300)); INSERT INTO r_gaps SELECT n * 1000000000000 - 5000000000000000, IF(n % 100 = 0, REPEAT('x', 300), n) FROM {TEN_THOUSAND};
CREATE TABLE r_constant (a INT, b VARCHAR(10) COLLATE utf8mb4_general_ci, c INT, PRIMARY KEY (a, b, c)); INSERT INTO r_constant SELECT 1, CONCAT(ELT(1 + n % 4, 'a', 'B', 'é', ''), n DIV 7), n % 7 FROM {TEN_THOUSAND};
CREATE TABLE r_text (k VARCHAR(40) PRIMARY KEY, v INT); INSERT INTO r_text SELECT CONCAT(ELT(1 + n % 5, 'a', 'Z', 'ß', '_', 'ñ'), SHA2(n, 224) COLLATE utf8mb4_bin), n FROM {TEN_THOUSAND} WHERE n < 9000 ON DUPLICATE KEY UPDATE v = 0;
CREATE TABLE r_bytes (k BINARY(16) PRIMARY KEY, v INT); INSERT INTO r_bytes SELECT UNHEX(LEFT(SHA2(n, 256), 32)), n FROM {TEN_THOUSAND};
CREATE TABLE r_skew (k INT UNSIGNED PRIMARY KEY, v LONGTEXT); INSERT INTO r_skew SELECT n + 4294957295, REPEAT('y', IF(n % 500 = 0, 200000, 3)) FROM {TEN_THOUSAND};
CREATE TABLE r_desc (a INT, b TINYINT UNSIGNED, v INT, PRIMARY KEY (a DESC, b DESC)); INSERT INTO r_desc SELECT n DIV 100 - 50, n % 100, n FROM {TEN_THOUSAND};
CREATE TABLE r_double (k DOUBLE PRIMARY KEY, v INT); INSERT INTO r_double SELECT x.n * 0.1 + f.n * 10000 + g.n * 100000, x.n FROM {TEN_THOUSAND}, d f, d g WHERE g.n < 3;
DROP TABLE d; ANALYZE TABLE r_gaps, r_constant, r_text, r_bytes, r_skew, r_desc, r_double;
").replace("r_text (k VARCHAR(40)", "r_text (k VARCHAR(70)"));
        world.sync_everything();
        world.sync_without_writing();
        for table in ["r_gaps", "r_text", "r_bytes", "r_skew", "r_desc", "r_double"] {
            world.target(&format!("UPDATE {table} SET v = '7' ORDER BY k LIMIT 3").replace("k LIMIT", if table == "r_desc" { "a LIMIT" } else { "k LIMIT" }));
            world.target(&format!("DELETE FROM {table} WHERE v = '5000'"));
        }
        world.target("INSERT INTO r_constant VALUES (0, 'x', 1), (2, 'y', 2); DELETE FROM r_constant WHERE c = 3 AND b LIKE 'é%' LIMIT 5");
        world.sync();
        world.judge_all();
        // Many differences: loaded and swapped.
        world.source("UPDATE r_gaps SET v = CONCAT('z', v); DELETE FROM r_constant WHERE c = 2; UPDATE r_text SET k = CONCAT('b', k)");
        world.rules("[{match: \"*\"}]", "{max_delete_percent: 100}");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }
}
