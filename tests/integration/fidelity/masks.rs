//! Masked columns: what arrives is what the mask gives, comparison agrees with it, and the clear
//! values are found nowhere on the local side.

use std::process::Command;

use ring::hmac;

use super::World;
use crate::both_flavours;
use crate::support::servers::Servers;
use crate::support::{Finished, Flavour, Pair};

/// A secret for the hash; its value is in no output either.
const PEPPER: &str = "p3pp3r-of-the-mask-test";

/// `hash` of a text, worked out without the program.
fn hashed(value: &str, length: usize) -> String {
    let sign = |key: &[u8], text: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text).as_ref().to_vec()
    };
    let key = sign(b"db-taxi mask key", PEPPER.as_bytes());
    let digits: String = sign(&key, value.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    digits[..length].to_owned()
}

fn with_pepper(world: &World<'_>) {
    let settings = std::fs::read_to_string(world.taxi.path("config.yaml")).unwrap();
    let settings = settings.replace("security:\n", &format!("security:\n  mask_key: {PEPPER}\n"));
    world.taxi.write("config.yaml", &settings);
}

/// Files below a server's data folder that hold these bytes.
fn files_with(flavour: Flavour, mark: &str) -> String {
    let key = match flavour {
        Flavour::Mariadb => "MARIADB_LOCAL_DATA",
        Flavour::Mysql => "MYSQL_LOCAL_DATA",
    };
    let folder = Servers::get().unwrap().value(key).unwrap();
    let found = Command::new("grep")
        .args(["-rlaF", "--", mark])
        .arg(folder)
        .output()
        .unwrap();
    String::from_utf8_lossy(&found.stdout).into_owned()
}

/// What was said, and every log file.
fn told(world: &World<'_>, ends: &[Finished]) -> String {
    let mut all = String::new();
    for end in ends {
        all.push_str(&end.stdout);
        all.push_str(&end.stderr);
    }
    for file in std::fs::read_dir(world.taxi.path("logs")).unwrap() {
        all.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    all
}

/// A run at the finest log level, in JSON.
fn loud(world: &World<'_>, args: &[&str], code: i32) -> Finished {
    let args = [&["--json", "--log-level", "trace"], args].concat();
    world.taxi.run(&args).expect_code(code)
}

const PEOPLE: &str = "[{source_table: people, mask: {
  email: {method: hash}, phone: {method: partial, keep_last: 2}, name: {method: constant, value: \"Somebody Ü\"},
  salary: {method: expression, sql: \"ROUND(salary, -3)\"}, born: {method: expression, sql: \"MAKEDATE(YEAR(born), 1)\"},
  note: {method: nullify}, number: {method: hash, length: 20}, code: {method: partial, keep_first: 1, keep_last: 1, fill: x},
  raw: {method: hash, length: 16}, kind: {method: constant, value: other}, level: {method: constant, value: -7}}},
 {source_table: inplace, full_strategy: in_place, mask: {v: {method: hash}}}]";

both_flavours! {
    async fn masked_values_never_reach_the_local_side(pair: Pair) {
        let world = World::new(&pair);
        with_pepper(&world);
        // No other test writes this mark on the shared local server.
        let mark = format!("cl34r{}", pair.source_db());
        world.source(&format!("
CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(80) NOT NULL, phone VARCHAR(60) CHARACTER SET latin1, name VARCHAR(60), salary DECIMAL(10,2), born DATE, note TEXT NOT NULL, number BIGINT, code CHAR(60), raw VARBINARY(80), kind ENUM('a','other') NOT NULL, level SMALLINT, plain INT, g VARCHAR(90) AS (CONCAT(email, '.')) VIRTUAL, UNIQUE KEY email (email), KEY number (number));
INSERT INTO people (id, email, phone, name, salary, born, note, number, code, raw, kind, level, plain) VALUES
 (1, '{mark}@x', '{mark} 12', '{mark}', 54321.99, '1980-05-06', '{mark}', 4711, '{mark} ', '{mark}', 'a', 1, 1),
 (2, '{mark}ü@x', '12', '{mark}2', NULL, NULL, '', NULL, NULL, NULL, 'other', NULL, 2),
 (3, '', NULL, NULL, -1499.5, '0000-00-00', '{mark}', -1, '', '', 'a', 3, 3);
INSERT INTO people (id, email, note, kind, phone) SELECT 10 + seq.n, CONCAT('{mark}', seq.n), '{mark}', 'a', CONCAT('{mark}', seq.n) FROM (SELECT a.n + 10 * b.n + 100 * c.n AS n FROM (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) a, (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) b, (SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) c) seq;
CREATE TABLE inplace (id INT PRIMARY KEY, v VARCHAR(100)); INSERT INTO inplace VALUES (1, '{mark}'), (2, NULL), (3, '{mark}3');
"));
        world.rules(PEOPLE, "{recheck_after: 100ms}");
        let mut ends = vec![loud(&world, &["plan", "everything"], 0)];
        assert!(ends[0].stdout.contains("email is masked by hash"), "{}", ends[0].stdout);
        ends.push(loud(&world, &["run", "everything"], 0));
        let got = world.target("SELECT email, phone, name, salary, born, note, number, code, CAST(raw AS CHAR), kind, level, plain FROM people WHERE id <= 3 ORDER BY id");
        let (length, raw) = (mark.chars().count(), hashed(&mark, 16));
        let wanted = [
            [hashed(&format!("{mark}@x"), 32), format!("{}12", "*".repeat(length + 1)), "Somebody Ü".into(), "54000.00".into(), "1980-01-01".into(), "NULL".into(), hashed("4711", 20), format!("c{}{}", "x".repeat(length - 2), &mark[length - 1..]), raw, "other".into(), "-7".into(), "1".into()],
            [hashed(&format!("{mark}ü@x"), 32), "**".into(), "Somebody Ü".into(), "NULL".into(), "NULL".into(), "NULL".into(), "NULL".into(), "NULL".into(), "NULL".into(), "other".into(), "-7".into(), "2".into()],
            [hashed("", 32), "NULL".into(), "Somebody Ü".into(), "-1000.00".into(), "NULL".into(), "NULL".into(), hashed("-1", 20), String::new(), hashed("", 16), "other".into(), "-7".into(), "3".into()],
        ].map(|row| row.join("\t"));
        // Rounding half away from zero is the source's; what it makes of year 0 differs by flavour.
        let rows: Vec<Vec<&str>> = got.lines().map(|line| line.split('\t').collect()).collect();
        for (row, wanted) in rows.iter().zip(&wanted) {
            let wanted: Vec<&str> = wanted.split('\t').collect();
            for (at, (got, wanted)) in row.iter().zip(&wanted).enumerate() {
                let known = !(row[11] == "3" && at == 4);
                assert!(!known || got == wanted, "column {at}: {got} is not {wanted}\n{rows:?}");
            }
        }
        assert_eq!(world.target("SELECT COUNT(*) FROM people WHERE g <> CONCAT(email, '.')").trim(), "0");
        world.sync_without_writing();
        ends.push(loud(&world, &["verify", "everything"], 0));
        // Few differences in one transaction, in place, and a load again.
        world.source(&format!("UPDATE people SET email = '{mark}new', phone = '{mark}99' WHERE id = 1; DELETE FROM people WHERE id = 2; INSERT INTO people (id, email, note, kind) VALUES (5, '{mark}five', '{mark}', 'a'); UPDATE inplace SET v = '{mark}x' WHERE id < 3"));
        ends.push(loud(&world, &["plan", "everything", "--exact"], 0));
        ends.push(loud(&world, &["run", "everything"], 0));
        assert_eq!(world.target("SELECT v FROM inplace WHERE id = 2").trim(), hashed(&format!("{mark}x"), 32));
        assert_eq!(world.target("SELECT email FROM people WHERE id = 1").trim(), hashed(&format!("{mark}new"), 32));
        world.target("UPDATE people SET phone = 'tampered' WHERE id = 5; UPDATE inplace SET v = NULL WHERE id = 1; DELETE FROM people WHERE id = 3");
        let found = loud(&world, &["verify", "everything"], 1);
        assert!(!found.stdout.contains("tampered"), "{}", found.stdout);
        ends.push(found);
        ends.push(loud(&world, &["run", "everything", "--full", "--fresh"], 0));
        ends.push(loud(&world, &["verify", "everything"], 0));
        let said = told(&world, &ends);
        assert!(said.contains("DEBUG"), "the finest level was not logged");
        for secret in [mark.as_str(), PEPPER] {
            assert!(!said.contains(secret), "{secret} was told");
        }
        assert_eq!(files_with(pair.flavour, &mark), "", "a clear value is on the local server");
        assert_eq!(files_with(pair.flavour, PEPPER), "", "the key is on the local server");
    }

    async fn hashed_keys_still_bind_rows(pair: Pair) {
        let world = World::new(&pair);
        let mark = format!("k3y{}", pair.source_db());
        world.source(&format!("
CREATE TABLE users (login VARCHAR(60) PRIMARY KEY, v INT); INSERT INTO users VALUES ('{mark}a', 1), ('{mark}b', 2), ('{mark}B', 3) ON DUPLICATE KEY UPDATE v = 9;
CREATE TABLE cards (number BIGINT NOT NULL PRIMARY KEY AUTO_INCREMENT, login VARCHAR(60), CONSTRAINT cu FOREIGN KEY (login) REFERENCES users (login)); INSERT INTO cards VALUES (4000123412341234, '{mark}a'), (4000123412341235, '{mark}b'), (4000123412341236, NULL);
CREATE TABLE other (login VARCHAR(60) PRIMARY KEY, id INT NOT NULL, v INT, UNIQUE KEY id (id)); INSERT INTO other VALUES ('{mark}a', 1, 1), ('{mark}b', 2, 2);
"));
        world.rules("[{match: \"*\", mask: {login: {method: hash}, number: {method: hash, length: 40}}}]", "{recheck_after: 100ms}");
        world.sync();
        let joined = world.target("SELECT COUNT(*), COUNT(u.login), MIN(LENGTH(c.number)) FROM cards c LEFT JOIN users u USING (login)");
        assert_eq!(joined.trim(), "3\t2\t40");
        world.sync_without_writing();
        loud(&world, &["verify", "everything"], 0);
        world.source(&format!("INSERT INTO users VALUES ('{mark}c', 7); DELETE FROM cards WHERE login IS NULL; UPDATE other SET v = 5 WHERE id = 2; UPDATE users SET v = 70 WHERE login = '{mark}a'"));
        let end = loud(&world, &["run", "everything"], 0);
        assert_eq!(world.target("SELECT MAX(v) FROM users").trim(), "70");
        assert_eq!(world.target("SELECT COUNT(*) FROM users").trim(), world.source("SELECT COUNT(*) FROM users").trim());
        assert_eq!(world.target("SELECT COUNT(*) FROM cards").trim(), "2");
        assert_eq!(world.target("SELECT GROUP_CONCAT(v ORDER BY id) FROM other").trim(), "1,5");
        loud(&world, &["verify", "everything"], 0);
        world.source(&format!("DELETE FROM users WHERE login = '{mark}c'"));
        world.target("UPDATE users SET v = 71 WHERE v = 70");
        let found = loud(&world, &["verify", "everything"], 1);
        world.sync();
        assert_eq!(world.target("SELECT COUNT(*), MAX(v) FROM users").trim(), "2\t70");
        assert!(!told(&world, &[end, found]).contains(&mark));
        assert_eq!(files_with(pair.flavour, &mark), "", "a clear key is on the local server");
    }

    async fn runs_by_watermark_see_only_what_the_mask_gives(pair: Pair) {
        let world = World::new(&pair);
        let mark = format!("w4t3r{}", pair.source_db());
        world.source(&format!("
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(90), at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY at (at));
INSERT INTO t VALUES (1, '{mark}1', NOW(6) - INTERVAL 2 DAY), (2, '{mark}2', NOW(6) - INTERVAL 1 DAY)"));
        let rule = "source_table: t, sync_mode: incremental, watermark_column: at, lag_window: 0s";
        world.rules(&format!("[{{{rule}, mask: {{a: {{method: hash}}}}}}]"), "{recheck_after: 100ms}");
        let mut ends = vec![loud(&world, &["run", "everything"], 0)];
        world.source(&format!("UPDATE t SET a = '{mark}new', at = NOW(6) WHERE id = 1; INSERT INTO t VALUES (3, '{mark}3', NOW(6))"));
        // What other tests have open on the source holds the watermark back for a while.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while world.target("SELECT COUNT(*) FROM t").trim() != "3" {
            assert!(std::time::Instant::now() < deadline, "the new row does not arrive");
            ends.push(loud(&world, &["run", "everything"], 0));
        }
        assert!(ends[1].stdout.contains("\"watermark\""), "{}", ends[1].stdout);
        assert_eq!(world.target("SELECT COUNT(*), COUNT(DISTINCT a), MIN(LENGTH(a)) FROM t").trim(), "3\t3\t32");
        ends.push(loud(&world, &["verify", "everything"], 0));
        assert!(!told(&world, &ends).contains(&mark));
        assert_eq!(files_with(pair.flavour, &mark), "", "a clear value is on the local server");
        for mask in ["{at: {method: constant, value: \"2020-01-01\"}}", "{at: {method: nullify}}"] {
            world.rules(&format!("[{{{rule}, mask: {mask}}}]"), "{}");
            assert!(world.refuse().contains("mask"));
        }
    }

    async fn a_mask_that_comes_later_replaces_what_is_there_and_differences_hide_it(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(60), b INT); INSERT INTO t VALUES (1, 'l4t3r one', 1), (2, 'l4t3r two', 2)");
        world.rules("[t]", "{recheck_after: 100ms}");
        world.sync();
        world.rules("[{source_table: t, mask: {a: {method: hash}}}]", "{recheck_after: 100ms}");
        let found = loud(&world, &["verify", "everything"], 1);
        let shown = loud(&world, &["mappings", "export"], 0);
        assert!(shown.stdout.contains("hash"), "{}", shown.stdout);
        let stored = pair.local.sql(&format!("SELECT * FROM {}.sync_differences", pair.control_db()));
        assert!(stored.contains("masked") && !stored.contains("l4t3r"), "{stored}");
        world.sync();
        assert_eq!(world.target("SELECT COUNT(*) FROM t WHERE a LIKE 'l4t3r%' OR LENGTH(a) <> 32").trim(), "0");
        world.sync_without_writing();
        assert!(!told(&world, &[found]).contains("l4t3r"));
    }

    async fn what_a_mask_can_not_do_is_refused_before_anything_is_read(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(60), n INT, f FLOAT, g VARCHAR(70) AS (CONCAT(a, 'x')) VIRTUAL); INSERT INTO t (id, a, n) VALUES (1, 'cl34r-refused', 1);
CREATE TABLE p (id INT, a INT, PRIMARY KEY (id, a)); CREATE TABLE e (id INT PRIMARY KEY, a VARCHAR(60)); INSERT INTO e VALUES (1, 'cl34r-refused')");
        world.target("CREATE TABLE e (id INT PRIMARY KEY, a VARCHAR(20) NOT NULL)");
        for (table, mask, why) in [
            ("t", "{n: {method: constant, value: many}}", "no value of the target's int"),
            ("t", "{n: {method: partial}}", "partial masks text"),
            ("t", "{f: {method: constant, value: 1}}", "no value of the target's float"),
            ("t", "{g: {method: hash}}", "computes g by itself"),
            ("t", "{nope: {method: hash}}", "mask names nope"),
            ("t", "{a: {method: expression, sql: \"nope + 1\"}}", "does not take the expression"),
            ("p", "{a: {method: constant, value: 1}}", "only be masked by hash"),
            ("e", "{a: {method: nullify}}", "may not be NULL"),
            ("e", "{a: {method: hash}}", "does not hold a hash of 32 digits"),
        ] {
            world.rules(&format!("[{{source_table: {table}, mask: {mask}}}]"), "{}");
            let said = world.refuse();
            assert!(said.contains(why), "{mask}: {said}");
            assert!(!said.contains("cl34r"), "{said}");
        }
        if pair.flavour == Flavour::Mysql {
            // The server's error repeats the value.
            world.rules("[{source_table: t, mask: {a: {method: expression, sql: \"HEX(UUID_TO_BIN(a))\"}}}]", "{}");
            let said = world.refuse();
            assert!(said.contains("not shown") && !said.contains("cl34r"), "{said}");
            let logged = pair.local.sql(&format!("SELECT * FROM {}.sync_logs", pair.control_db()));
            assert!(!logged.contains("cl34r"), "{logged}");
        }
        assert_eq!(world.target("SHOW TABLES").trim(), "e");
    }

    async fn types_that_do_not_survive_are_told_by_name(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, a ENUM('x','X') COLLATE utf8mb4_general_ci); INSERT INTO t VALUES (1, 'x')");
        world.rules("[t]", "{}");
        let said = world.refuse();
        assert!(said.contains("equal under the collation utf8mb4_general_ci"), "{said}");
        world.target("CREATE TABLE t (id INT PRIMARY KEY, a ENUM('x','X') COLLATE utf8mb4_bin)");
        world.sync();
        if pair.flavour == Flavour::Mysql {
            world.source("CREATE TABLE j (id INT PRIMARY KEY, d JSON, ok JSON); INSERT INTO j VALUES (1, JSON_OBJECT('at', CAST('2020-01-02' AS DATE)), '{\"a\": 1.5}')");
            world.rules("[j]", "{}");
            let plan = world.taxi.run(&["plan", "everything"]).expect_code(0);
            assert!(plan.stdout.contains("column d: JSON documents hold dates") && !plan.stdout.contains("column ok"), "{}", plan.stdout);
            world.sync();
            pair.judge("j", "j").equal();
            // A decimal whose text changes is never taken for equal.
            world.source("UPDATE j SET d = JSON_OBJECT('n', CAST(1.50 AS DECIMAL(5,2)))");
            let said = world.refuse();
            assert!(said.contains("verify_failed") || said.contains("differs"), "{said}");
        }
    }
}
