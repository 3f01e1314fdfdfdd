//! The verifier itself: one value of every type is changed on the target; it must find each, and a
//! run must repair it.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

both_flavours! {
    async fn every_changed_value_is_found_and_repaired(pair: Pair) {
        let world = World::new(&pair);
        let mut cases: Vec<(&str, &str, &str)> = vec![
            ("TINYINT", "1", "2"), ("BOOLEAN", "1", "9"), ("INT", "1", "-1"), ("BIGINT", "9223372036854775807", "9223372036854775806"), ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551614"),
            ("DECIMAL(65,30)", "1", "1.000000000000000000000000000001"), ("DECIMAL(65,0)", "99999999999999999999999999999999999999999999999999999999999999999", "99999999999999999999999999999999999999999999999999999999999999998"),
            ("FLOAT", "3.14159274", "3.1415925"), ("FLOAT", "16777216", "16777215"), ("DOUBLE", "0.1", "0.10000000000000002"), ("DOUBLE", "4.9e-324", "0"), ("FLOAT(7,2)", "1.1", "1.11"), ("BIT(64)", "18446744073709551615", "18446744073709551614"), ("BIT(1)", "1", "0"),
            ("YEAR", "2000", "0000"), ("DATE", "'0000-00-00'", "'0000-00-01'"), ("TIME(6)", "'-00:00:00.000001'", "'00:00:00.000001'"), ("TIME", "'00:00:00'", "'-00:00:01'"), ("DATETIME(6)", "'2020-01-01 00:00:00.000001'", "'2020-01-01 00:00:00'"), ("TIMESTAMP(6) NULL", "'2020-01-01 00:00:00'", "'2020-01-01 00:00:00.000001'"), ("TIMESTAMP NULL", "'2020-01-01 00:00:00'", "'0000-00-00'"),
            ("CHAR(5)", "'a'", "'A'"), ("CHAR(5)", "''", "NULL"), ("VARCHAR(9)", "'a'", "'a '"), ("VARCHAR(9)", "'a'", "'á'"), ("VARCHAR(9)", "'a'", "'a\\0'"), ("VARCHAR(9)", "''", "NULL"), ("VARCHAR(9)", "'NULL'", "NULL"), ("TEXT", "'a'", "'a '"), ("LONGTEXT", "REPEAT('x', 100000)", "CONCAT(REPEAT('x', 99999), 'X')"), ("VARCHAR(9) CHARACTER SET latin1", "'ä'", "'a'"),
            ("BINARY(5)", "'a'", "'a\\0b'"), ("VARBINARY(5)", "'a'", "'a\\0'"), ("BLOB", "''", "'\\0'"), ("LONGBLOB", "x'00ff'", "x'00fe'"), ("ENUM('a','b')", "'a'", "'b'"), ("ENUM('','a')", "1", "0"), ("ENUM('x','X') COLLATE utf8mb4_bin", "'x'", "'X'"), ("SET('a','b')", "'a,b'", "'b'"), ("SET('a','b')", "''", "NULL"),
            ("POINT", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(2 1)')"), ("GEOMETRY", "ST_GeomFromText('POINT(1 2)', 0)", "ST_GeomFromText('POINT(1 2)', 4326)"), ("JSON", "'{\"a\": 1}'", "'{\"a\": 2}'"), ("JSON", "'{\"a\": 1}'", "'{\"a\": 1.0}'"), ("JSON", "'null'", "NULL"),
        ];
        if world.is_mariadb() {
            cases.extend([("UUID", "'123e4567-e89b-12d3-a456-426655440000'", "'123e4567-e89b-12d3-a456-426655440001'"), ("INET6", "'::'", "'::1'"), ("INET4", "'0.0.0.0'", "NULL")]);
        } else {
            cases.extend([("DOUBLE", "0e0", "-0e0"), ("FLOAT", "-0e0", "0e0"), ("VECTOR(2)", "TO_VECTOR('[1,2]')", "TO_VECTOR('[1,2.0000002]')")]);
        }
        let columns: Vec<String> = cases.iter().enumerate().map(|(n, c)| format!("c{n} {}", c.0)).collect();
        world.source(&format!("CREATE TABLE t (id INT PRIMARY KEY, {}); CREATE TABLE k (a VARCHAR(5), b VARCHAR(5)); INSERT INTO k VALUES ('x0', 'y'), ('x0', 'y'), (NULL, '');", columns.join(", ")));
        for n in 0..cases.len() {
            let values: Vec<&str> = cases.iter().map(|c| c.1).collect();
            world.source(&format!("INSERT INTO t VALUES ({n}, {})", values.join(", ")));
        }
        world.rules("[{match: \"*\"}]", "{recheck_after: 10ms}");
        world.sync();
        world.judge_all();
        world.taxi.run(&["verify", "everything"]).expect_code(0);
        for (n, case) in cases.iter().enumerate() {
            // By way of NULL: a server keeps a JSON value that equals the new one as a number.
            world.target(&format!(
                "UPDATE t SET c{n} = NULL WHERE id = {n}; UPDATE t SET c{n} = {} WHERE id = {n}",
                case.2
            ));
        }
        world.taxi.run(&["verify", "everything", "--table", "t"]).expect_code(1);
        let shown = pair.local.sql(&format!("SELECT found FROM {}.sync_differences", pair.control_db()));
        let missed: Vec<String> = cases
            .iter()
            .enumerate()
            .filter(|(n, _)| !shown.contains(&format!("\"c{n}\"")))
            .map(|(n, case)| format!("c{n} {case:?}"))
            .collect();
        assert!(missed.is_empty(), "not found:\n{}\nin {shown}", missed.join("\n"));
        world.sync();
        world.judge_all();
        // Without a key: by multiset.
        for (change, back) in [("UPDATE k SET a = 'x', b = '0y' WHERE a = 'x0'", "UPDATE k SET a = 'x0', b = 'y' WHERE a = 'x'"), ("UPDATE k SET a = '' WHERE a IS NULL", "UPDATE k SET a = NULL WHERE a = ''"), ("UPDATE k SET a = '', b = NULL WHERE a IS NULL", "UPDATE k SET a = NULL, b = '' WHERE a = ''"), ("INSERT INTO k VALUES (NULL, '')", "DELETE FROM k WHERE a IS NULL LIMIT 1"), ("DELETE FROM k WHERE a = 'x0'", "INSERT INTO k VALUES ('x0', 'y'), ('x0', 'y')")] {
            world.target(change);
            world.taxi.run(&["verify", "everything", "--table", "k"]).expect_code(1);
            world.target(back);
            world.taxi.run(&["verify", "everything", "--table", "k"]).expect_code(0);
        }
        world.target("UPDATE k SET a = 'x', b = '0y' WHERE a = 'x0'");
        world.sync();
        world.judge_all();
    }
}
