//! Every column type with its edge values.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

const NUMBERS: &str = "
CREATE TABLE ints (id INT PRIMARY KEY, a TINYINT, au TINYINT UNSIGNED, b SMALLINT, bu SMALLINT UNSIGNED,
  c MEDIUMINT, cu MEDIUMINT UNSIGNED, d INT, du INT UNSIGNED, e BIGINT, eu BIGINT UNSIGNED,
  z INT(7) ZEROFILL, zz BIGINT ZEROFILL, bo BOOLEAN, y YEAR);
INSERT INTO ints VALUES
 (1, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, 0, 0, 0000),
 (2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 4294967295, 18446744073709551615, 9, 2155),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (0, -1, 1, -1, 1, -1, 1, -1, 1, -1, 9223372036854775808, 42, 42, 1, 1901),
 (-7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 2000);
CREATE TABLE decimals (id INT PRIMARY KEY, a DECIMAL(65,30), b DECIMAL(65,0), c DECIMAL(10,2) UNSIGNED, d DECIMAL(10,3) ZEROFILL, e DECIMAL(30,30), f DECIMAL(1,0));
INSERT INTO decimals VALUES
 (1, 99999999999999999999999999999999999.999999999999999999999999999999, 99999999999999999999999999999999999999999999999999999999999999999, 99999999.99, 1.5, 0.999999999999999999999999999999, 9),
 (2, -99999999999999999999999999999999999.999999999999999999999999999999, -99999999999999999999999999999999999999999999999999999999999999999, 0, 0, -0.000000000000000000000000000001, 0),
 (3, 0.000000000000000000000000000001, 0, 0.01, 9999999.999, -0, -0),
 (4, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE floats (id INT PRIMARY KEY, f FLOAT, d DOUBLE, fz FLOAT(7,2), dz DOUBLE(20,8), u FLOAT UNSIGNED, zf DOUBLE ZEROFILL);
INSERT INTO floats VALUES
 (1, 3.4028234e38, 1.7976931348623157e308, 99999.99, 999999999999.99999999, 0, 0),
 (2, -3.4028234e38, -1.7976931348623157e308, -99999.99, -0.00000001, 1e-45, 1.5),
 (3, 1e-45, 4.9e-324, 0.01, 0.1, 3.14159274, 1e20),
 (4, 1.17549435e-38, 2.2250738585072014e-308, 1.1, 1.1, 16777216, 0.1),
 (5, -0e0, -0e0, -0.0, -0.0, 0, 0),
 (6, 16777217, 0.1, 12345.67, 123456.78901234, 0.1, 1),
 (7, 0.3, 1e308, 2.5, 2.5, 33554433, 7),
 (8, 3.14159274, 2.0000000000000004, 1.005, 0.30000000000000004, 1, 1),
 (9, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE bits (id INT PRIMARY KEY, b1 BIT(1), b7 BIT(7), b8 BIT(8), b9 BIT(9), b33 BIT(33), b63 BIT(63), b64 BIT(64), n BIT(64) NOT NULL);
INSERT INTO bits VALUES (1, b'1', 127, 255, 511, 8589934591, 9223372036854775807, 18446744073709551615, 18446744073709551615),
 (2, 0, 0, 0, 0, 0, 0, 0, 0), (3, 1, 5, 53, 92, 10, 9, 13, 0x5C305C6E095C0A00), (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1);
";

const TIMES: &str = "
CREATE TABLE times (id INT PRIMARY KEY, d DATE, t TIME, t6 TIME(6), dt DATETIME, dt6 DATETIME(6), ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL,
  dn DATE NOT NULL, dtn DATETIME(3) NOT NULL, tsn TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
INSERT INTO times VALUES
 (1, '0000-00-00', '-838:59:59', '-838:59:58.999999', '0000-00-00 00:00:00', '0000-00-00 00:00:00.000000', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
 (2, '2021-00-00', '838:59:59', '838:59:58.999999', '2021-02-31 10:00:00', '2021-00-15 23:59:59.999999', '1970-01-01 05:30:01', '1970-01-01 05:30:01.000001', '2021-02-31', '2021-00-00 00:00:00.001', '1970-01-01 05:30:01'),
 (3, '9999-12-31', '00:00:00', '-00:00:00.000001', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 08:44:07', '2038-01-19 08:44:06.999999', '1000-01-01', '0001-01-01 00:00:00', '2024-10-27 02:30:00'),
 (4, '0000-01-01', '00:00:01', '00:00:00.1', '0000-01-01 12:00:00', '1000-01-01 00:00:00.5', '2024-03-31 02:30:00', '2024-10-27 01:30:00.123', '0000-00-01', '1999-12-31 23:59:59.999', '2024-03-31 01:30:00'),
 (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2024-02-29', '2024-02-29', '2024-02-29');
";

const TEXTS: &str = "
CREATE TABLE texts (id INT PRIMARY KEY, c CHAR(10), v VARCHAR(20), b BINARY(4), vb VARBINARY(20), tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT,
  tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB, nn VARCHAR(10) NOT NULL, nb BLOB NOT NULL, c0 CHAR(0), v0 VARCHAR(0));
INSERT INTO texts VALUES
 (1, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', ''),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'NULL', 'NULL', NULL, NULL),
 (3, 'a', 'a  ', 'a', 'a\\0\\0', ' ', '\\t\\n\\r', '\\\\N', '\\\\', '\\\\N', '\\\\', '\\'', '\"', '\\\\N', '\\\\N', '', NULL),
 (4, '  a', 'NULL', 'a\\0b', '0xab', '\\0', '\\0\\0', 'x,y', 'x\\ty\\nz', '\\0', x'00ff', x'5c305c6e', x'0d0a1a', '\\n', '\\t', '', ''),
 (5, 'x0', 'y', 'x', '0y', 'a,b', 'c', ',', ',,', '', ',', '1,2', '3', 'x', 'y', '', ''),
 (6, 'x', '0y', 'x0', 'y', 'a', 'b,c', ',,', ',', ',', '', '1', '2,3', 'x', 'y', '', '');
CREATE TABLE bytes (id INT PRIMARY KEY, b VARBINARY(10), l VARCHAR(10) CHARACTER SET latin1, blo BLOB);
";

const MEMBERS: &str = "
CREATE TABLE members (id INT PRIMARY KEY, e ENUM('1','2','3'), r ENUM('3','2','1') NOT NULL, em ENUM('','a'), en ENUM('a','A','it''s','x,y') COLLATE utf8mb4_bin,
  l ENUM('ä','ö') CHARACTER SET latin1, u ENUM('ä','ö') CHARACTER SET ucs2, s SET('b','a','it''s'), ss SET('1','2','4') NOT NULL, sl SET('ä','z') CHARACTER SET latin1, o ENUM('0','1'));
INSERT INTO members VALUES
 (1, '1', '1', '', 'a', 'ä', 'ö', 'a,b', '4', 'ä,z', '0'), (2, '2', '3', 'a', 'A', 'ö', 'ä', '', '', '', '1'),
 (3, 3, 1, 1, 3, NULL, NULL, NULL, '1,2,4', NULL, NULL), (4, NULL, '2', NULL, 4, 'ä', 'ä', 'it''s', '2', 'z', '0'),
 (5, 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none'),
 (6, '', '', 0, '', '', '', 'b', 7, 'ä', '');
";

both_flavours! {
    async fn numbers_arrive_exactly(pair: Pair) {
        let world = World::new(&pair);
        world.source(NUMBERS);
        world.sync_everything();
        world.sync_without_writing();
    }

    async fn times_arrive_exactly_whatever_the_servers_time_zone(pair: Pair) {
        let world = World::new(&pair);
        world.source(TIMES);
        world.sync_everything();
        world.sync_without_writing();
    }

    async fn text_and_bytes_arrive_exactly(pair: Pair) {
        let world = World::new(&pair);
        world.source(TEXTS);
        let rows: Vec<String> = (0..=255)
            .map(|b| format!("({b}, x'{b:02x}', _latin1 x'41{b:02x}', x'5c{b:02x}{b:02x}5c')"))
            .collect();
        world.source(&format!("INSERT INTO bytes VALUES {}", rows.join(", ")));
        world.sync_everything();
        world.sync_without_writing();
    }

    /// An invalid member has index 0 and looks like ''; members may look like numbers.
    async fn members_arrive_exactly(pair: Pair) {
        let world = World::new(&pair);
        world.source(MEMBERS);
        world.sync_everything();
        world.sync_without_writing();
        world.target("UPDATE members SET r = '2', en = 0 WHERE id IN (1, 6); DELETE FROM members WHERE id = 5");
        world.sync();
        world.judge_all();
    }

    async fn types_of_one_flavour_arrive_exactly(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE shapes (id INT PRIMARY KEY, g GEOMETRY, p POINT NOT NULL, l LINESTRING, mp MULTIPOLYGON, gc GEOMETRYCOLLECTION);
INSERT INTO shapes VALUES (1, ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('POINT(-0.5 1e300)'), ST_GeomFromText('LINESTRING(0 0,1 1)', 0), NULL, NULL),
 (2, NULL, ST_GeomFromText('POINT(0 0)'), NULL, ST_GeomFromText('MULTIPOLYGON(((0 0,0 3,3 3,3 0,0 0)))'), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'));
CREATE TABLE docs (id INT PRIMARY KEY, j JSON, n JSON NOT NULL);
INSERT INTO docs VALUES (1, NULL, 'null'), (2, '{}', '[]'), (3, '{\"b\": 1.0, \"a\": [1, -0.0, 1e308, 18446744073709551615, \"\\\\u00e4😀\\\\n\\\\\"\"]}', '\"x\"'),
 (4, '  {\"a\" :1}', '{\"b\":1,\"a\":2,\"b\":3}'), (5, '\"\"', '1.10'), (6, 'true', '9007199254740993');
");
        if world.is_mariadb() {
            world.source("
CREATE TABLE odd (id INT PRIMARY KEY, u UUID, i4 INET4, i6 INET6 NOT NULL, c VARCHAR(100) COMPRESSED, cb BLOB COMPRESSED);
INSERT INTO odd VALUES (1, '00000000-0000-0000-0000-000000000000', '0.0.0.0', '::', '', ''), (2, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.255', 'ffff::1', REPEAT('a', 100), REPEAT('b', 1000)),
 (3, NULL, NULL, '::ffff:1.2.3.4', NULL, NULL), (4, '123e4567-e89b-12d3-a456-426655440000', '10.0.0.1', '2001:db8::1', 'x', x'00ff');
CREATE TABLE uuids (u UUID PRIMARY KEY, v INT); INSERT INTO uuids SELECT UUID(), 1 FROM odd;
CREATE TABLE addresses (i INET6, v INT, UNIQUE KEY (i, v), PRIMARY KEY (v, i)); INSERT INTO addresses SELECT i6, id FROM odd;
");
        } else {
            world.source("
CREATE TABLE odd (id INT PRIMARY KEY, v VECTOR(3), g GEOMETRY NOT NULL SRID 4326, SPATIAL INDEX (g));
INSERT INTO odd VALUES (1, TO_VECTOR('[1,-0.5,3e10]'), ST_GeomFromText('POINT(10 20)', 4326)), (2, NULL, ST_GeomFromText('POINT(0 0)', 4326)), (3, x'0000000009000a5c', ST_GeomFromText('POINT(-90 180)', 4326));
");
        }
        world.sync_everything();
        world.sync_without_writing();
        // Numbers of another type are another value, though a server compares them as equal.
        world.source("UPDATE docs SET j = NULL WHERE id = 5; UPDATE docs SET n = '1.1', j = '{\"a\": 1.0}' WHERE id = 5; UPDATE docs SET j = '{\"a\": 1.0}' WHERE id = 4; DELETE FROM docs WHERE id = 4; INSERT INTO docs VALUES (4, '{\"a\": 1.0}', '[1.0]')");
        world.sync();
        world.judge_all();
        world.source("DELETE FROM docs WHERE id = 4; INSERT INTO docs VALUES (4, '{\"a\": 1}', '[1]')");
        world.sync();
        world.judge_all();
    }

    async fn computed_hidden_and_defaulted_columns_arrive(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE computed (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b INT GENERATED ALWAYS AS (a * 2) VIRTUAL, c INT GENERATED ALWAYS AS (a + 1) STORED, s VARCHAR(20) DEFAULT 'x,y',
  h INT DEFAULT 7 INVISIBLE, e VARCHAR(40) DEFAULT (CONCAT('a', 'b')), k INT NOT NULL COMMENT 'generated, it''s \\n `a` (x,\\ny) AUTO_INCREMENT=5', UNIQUE KEY uc (c), KEY kb (b));
INSERT INTO computed (a, h, k) VALUES (1, 1, 1), (2, NULL, 2), (NULL, 3, 3);
CREATE TABLE only_computed (a INT GENERATED ALWAYS AS (1) VIRTUAL, id INT PRIMARY KEY); INSERT INTO only_computed (id) VALUES (1), (2);
CREATE TABLE checked (id INT PRIMARY KEY, a VARCHAR(20), CONSTRAINT `odd``name` CHECK (a <> 'x,\\ny)' AND id > -5), CHECK (id <> 7)) COMMENT='a\\nb), it''s \\\\ ENGINE=x AUTO_INCREMENT=9';
INSERT INTO checked VALUES (1, 'x'), (2, '\\n)');
CREATE TABLE fulltexts (id INT PRIMARY KEY, a TEXT, b TEXT, FULLTEXT KEY fa (a), FULLTEXT KEY fb (b), FULLTEXT KEY fab (a, b), KEY pa (a(7))); INSERT INTO fulltexts VALUES (1, 'one two', 'three');
");
        if !world.is_mariadb() {
            world.source("
CREATE TABLE functional (id INT PRIMARY KEY, a INT, b INT, KEY f ((a + b)), UNIQUE KEY g ((a * 2), b DESC), KEY inv (a) INVISIBLE); INSERT INTO functional VALUES (1, 2, 3), (2, NULL, 4);
CREATE TABLE key_computed (a INT NOT NULL, k INT GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY, v INT); INSERT INTO key_computed (a, v) VALUES (1, 1), (5, 2);
CREATE TABLE multi_valued (id INT PRIMARY KEY, j JSON, KEY m ((CAST(j->'$.a' AS UNSIGNED ARRAY)))); INSERT INTO multi_valued VALUES (1, '{\"a\": [1, 2]}');
");
        }
        world.sync_everything();
        world.sync_without_writing();
    }
}
