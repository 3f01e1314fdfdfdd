//! Deletes: their limits on each path, what is kept of them, and how it comes back.

use crate::both_flavours;
use crate::fidelity::World;
use crate::support::{Flavour, Pair};

/// Columns of all kinds, of which MySQL and MariaDB each know some.
fn every_type(flavour: Flavour) -> String {
    let own = match flavour {
        Flavour::Mariadb => "u UUID, ip INET6",
        Flavour::Mysql => "vec VECTOR(3), u INT INVISIBLE",
    };
    format!(
        "(id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, f FLOAT, d DOUBLE, n DECIMAL(30,10), b BIT(13), y YEAR, dt DATE, tm TIME(6), ts TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6), at DATETIME(6), \
         c CHAR(5) CHARACTER SET latin1, v VARCHAR(50) COLLATE utf8mb4_bin, x TEXT CHARACTER SET cp1251, bn BINARY(4), vb VARBINARY(9), bl LONGBLOB, e ENUM('a','b') CHARACTER SET utf8mb4, s SET('p','q'), j JSON, g GEOMETRY, \
         comp INT GENERATED ALWAYS AS (LENGTH(v) + 1) STORED, virt VARCHAR(60) GENERATED ALWAYS AS (CONCAT(v, 'x')) VIRTUAL, {own}, UNIQUE KEY uv (v), KEY (e), FULLTEXT KEY (x), CHECK (y >= 0))"
    )
}

fn every_row(table: &str) -> String {
    let columns = "id, f, d, n, b, y, dt, tm, ts, at, c, v, x, bn, vb, bl, e, s, j, g";
    format!(
        "INSERT INTO {table} ({columns}) VALUES \
         (0, 0.1, -0.0, -12345678901234567890.0123456789, b'1010101010101', '0000', '0000-00-00', '-838:59:59.000001', '1970-01-01 00:00:01.000001', '0000-00-00', _latin1 X'E9', 'Ab ', _cp1251 X'D0D1', X'00FF0000', X'', REPEAT(X'00FF27', 30000), 0, '', '{{\"a\": [1, 1.0, \"\\\\u0000\"]}}', ST_GeomFromText('POINT(1 2)', 4326)), \
         (1, 3.4e38, 1.7976931348623157e308, NULL, NULL, 2155, '9999-12-31', NULL, NULL, '2024-02-30 25:00:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
         (2, -1.17549e-38, 5e-324, 0, 0, 1901, '2024-02-31', '23:59:59.999999', '2038-01-19 03:14:07.999999', '1000-01-01 00:00:00.000001', '', '\u{1F600}', '', X'', X'20', X'', 'b', 'p,q', 'null', ST_GeomFromText('LINESTRING(0 0, 1 1)')), \
         (3, 1, 1, 1, 1, 2000, '2024-01-01', '00:00:00', '2024-01-01', '2024-01-01', 'c', 'three', 't', X'01', X'01', X'01', 'a', 'p', '[]', NULL), \
         (18446744, 2, 2, 2, 2, 2002, '2024-01-02', '00:00:02', '2024-01-02', '2024-01-02', 'd', 'four', 'f', X'02', X'02', X'02', 'b', 'q', '{{}}', NULL);"
    )
}

/// One job's id, by how many jobs came after it.
fn last_job(world: &World<'_>) -> String {
    let end = world
        .taxi
        .run(&["--json", "jobs", "show", "last:everything"])
        .expect_code(0);
    let job: serde_json::Value = serde_json::from_str(&end.stdout).unwrap();
    job["id"].as_str().unwrap().to_owned()
}

fn deleted(world: &World<'_>) -> String {
    let db = world.pair.control_db();
    world.pair.local.sql(&format!("SELECT target_table, `rows`, undone_at IS NOT NULL FROM {db}.sync_deleted ORDER BY job_id, target_table"))
}

both_flavours! {
    /// In place, few at once, and by a swap: what went comes back byte for byte, and nothing else.
    async fn deleted_rows_of_every_type_come_back(pair: Pair) {
        let world = World::new(&pair);
        let definition = every_type(pair.flavour);
        for table in ["few", "many", "swapped"] {
            world.source(&format!("CREATE TABLE {table} {definition}; CREATE TABLE want_{table} {definition}"));
            world.source(&every_row(table));
        }
        world.rules("[few, many, swapped]", "{}");
        world.sync();
        for table in ["few", "many", "swapped"] {
            pair.judge(table, table).equal();
            world.source(&every_row(&format!("want_{table}")));
            world.source(&format!("DELETE FROM {table} WHERE id <> 3; UPDATE {table} SET d = 7, ts = ts WHERE id = 3; UPDATE want_{table} SET d = 7, ts = ts WHERE id = 3"));
        }
        world.rules("[few, {source_table: many, full_strategy: in_place}, {source_table: swapped, full_strategy: swap}]", "{quarantine: 7d}");
        world.sync();
        let job = last_job(&world);
        for table in ["few", "many", "swapped"] {
            pair.judge(table, table).equal();
        }
        assert_eq!(deleted(&world), "few\t4\t0\nmany\t4\t0\nswapped\t4\t0");
        // A later job does not touch what is kept.
        world.sync();
        let refused = world.taxi.run(&["jobs", "undo", &job]).expect_code(4);
        assert!(refused.stderr.contains("4 rows of few"), "{}", refused.stderr);
        let done = world.taxi.run(&["-y", "jobs", "undo", &job]).expect_code(0);
        assert!(done.stdout.contains("12 rows put back, 0 kept"), "{}", done.stdout);
        for table in ["few", "many", "swapped"] {
            pair.judge(&format!("want_{table}"), table).rows_only().equal();
        }
        let again = world.taxi.run(&["-y", "jobs", "undo", &job]).expect_code(4);
        assert!(again.stderr.contains("was put back at"), "{}", again.stderr);
        assert_eq!(pair.helper_databases(), Vec::<String>::new(), "{}", deleted(&world));
    }

    /// Keys and unique values that came again stay as they are; the source is not needed.
    async fn what_is_there_again_stays_and_the_source_is_not_asked(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, u INT, v VARCHAR(9), UNIQUE KEY (u)); INSERT INTO t VALUES (1, 1, 's'), (2, 2, 's'), (3, 3, 's'), (4, 4, 's'), (5, 5, 's')");
        world.rules("[t]", "{quarantine: 1h}");
        world.sync();
        world.source("DELETE FROM t WHERE id < 4");
        world.sync();
        let job = last_job(&world);
        world.target("INSERT INTO t VALUES (1, 10, 'new'), (20, 2, 'new')");
        world.source("DROP TABLE t");
        let done = world.taxi.run(&["-y", "jobs", "undo", "last:everything"]).expect_code(0);
        assert!(done.stdout.contains("1 row put back, 2 kept"), "{}", done.stdout);
        assert_eq!(world.target("SELECT * FROM t ORDER BY id"), "1\t10\tnew\n3\t3\ts\n4\t4\ts\n5\t5\ts\n20\t2\tnew");
        // What could not come back is kept until its time, and then swept away.
        assert_eq!(pair.helper_databases().len(), 2, "{job}");
        let control = pair.control_db();
        pair.local.sql(&format!("UPDATE {control}.sync_deleted SET expires_at = '2020-01-01'"));
        world.source("CREATE TABLE t (id INT PRIMARY KEY, u INT, v VARCHAR(9), UNIQUE KEY (u)); INSERT INTO t VALUES (1, 10, 'new')");
        world.taxi.run(&["run", "everything", "--set", "sync.retry_attempts=0"]);
        let expired = world.taxi.run(&["-y", "jobs", "undo", &job]).expect_code(4);
        assert!(expired.stderr.contains("put back at") || expired.stderr.contains("was kept until"), "{}", expired.stderr);
    }

    /// A load that was begun is held to the limits too, also when its source was emptied meanwhile;
    /// and so are rows that must go since they hold values of others.
    async fn no_path_deletes_more_than_it_may(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t SELECT a.n + 10 * b.n, 1 FROM d a, d b; CREATE TABLE s LIKE t; INSERT INTO s SELECT * FROM t; CREATE TABLE i LIKE t; INSERT INTO i SELECT * FROM t; CREATE TABLE k LIKE t; INSERT INTO k SELECT * FROM t; DROP TABLE d");
        world.rules("[t, s, i, k]", "{}");
        world.sync();
        world.source("DELETE FROM t WHERE id < 5; DELETE FROM s WHERE id < 5; DELETE FROM i WHERE id < 5; DELETE FROM k WHERE id < 5");
        let rules = "[t, {source_table: s, full_strategy: swap}, {source_table: i, full_strategy: in_place}, {source_table: k, conflict_resolution: skip}]";
        world.rules(rules, "{max_delete_rows: 4, quarantine: 1d}");
        let said = world.refuse();
        for table in ["t", "s", "i", "k"] {
            assert!(said.contains(&format!("{table}: the run would delete 5 of 100 target rows; max_delete_rows is 4")), "{table}: {said}");
            assert_eq!(world.target(&format!("SELECT COUNT(*) FROM {table}")), "100", "{table}");
        }
        let repair = world.taxi.run(&["-y", "repair", "everything"]).expect_code(1);
        assert!(repair.stderr.contains("max_delete_rows is 4"), "{}", repair.stderr);
        assert_eq!(world.target("SELECT COUNT(*) FROM t"), "100");
        assert_eq!(pair.local.sql(&format!("SELECT COALESCE(SUM(`rows`), 0) FROM {}.sync_deleted", pair.control_db())), "0");
        world.source("DELETE FROM t; DELETE FROM s; DELETE FROM i; DELETE FROM k");
        world.rules(rules, "{recheck_after: 100ms}");
        let said = world.refuse();
        assert!(said.matches("allow_empty_source: true").count() >= 4, "{said}");
        let repair = world.taxi.run(&["-y", "repair", "everything"]).expect_code(1);
        assert!(repair.stderr.contains("allow_empty_source"), "{}", repair.stderr);
        for table in ["t", "s", "i", "k"] {
            assert_eq!(world.target(&format!("SELECT COUNT(*) FROM {table}")), "100", "{table}");
        }
    }

    async fn a_quarantine_without_a_key_is_refused_by_name(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (1)");
        world.rules("[t]", "{quarantine: 1d}");
        world.sync();
        let said = world.refuse();
        assert!(said.contains("quarantine: without a key"), "{said}");
        pair.judge("t", "t").equal();
    }

    /// Killed between the swap and the end of the replaced table: what vanished is kept once.
    async fn a_killed_swap_keeps_what_vanished_once(pair: Pair) {
        let world = World::new(&pair);
        for table in ["a", "b"] {
            world.source(&format!("CREATE TABLE {table} (id INT PRIMARY KEY, v INT); INSERT INTO {table} VALUES (1, 1), (2, 2), (3, 3), (4, 4); CREATE TABLE want_{table} LIKE {table}; INSERT INTO want_{table} SELECT * FROM {table}"));
        }
        world.rules("[{match: \"?\", full_strategy: swap}]", "{quarantine: 1d}");
        world.sync();
        let mut jobs = Vec::new();
        for (table, point) in [("a", "swap.swapped"), ("b", "swap.quarantined")] {
            world.source(&format!("DELETE FROM {table} WHERE id < 4"));
            let mut killed = world.taxi.command(&["run", "everything", "--table", table]);
            killed.env("DB_TAXI_HOOKS", format!("{point}=kill"));
            assert!(!killed.output().unwrap().status.success());
            world.taxi.run(&["run", "everything", "--table", table]).expect_code(0);
            pair.judge(table, table).equal();
            jobs.push(last_job(&world));
        }
        assert!(deleted(&world).contains("a\t3\t0") && deleted(&world).contains("b\t3\t0"), "{}", deleted(&world));
        for (job, table) in jobs.iter().zip(["a", "b"]) {
            world.taxi.run(&["-y", "jobs", "undo", job]).expect_code(0);
            pair.judge(&format!("want_{table}"), table).rows_only().equal();
        }
        assert_eq!(pair.helper_databases(), Vec::<String>::new());
    }

    /// A killed undo is gone on with, and gives nothing back twice.
    async fn a_killed_undo_goes_on(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n, 'x' FROM d a, d b, d c, d e WHERE e.n < 4; CREATE TABLE want LIKE t; INSERT INTO want SELECT * FROM t; DROP TABLE d");
        world.rules("[t]", "{quarantine: 1d, max_delete_percent: 100}");
        world.sync();
        world.source("DELETE FROM t WHERE id >= 1000");
        world.sync();
        let job = last_job(&world);
        let mut killed = world.taxi.command(&["-y", "jobs", "undo", &job]);
        killed.env("DB_TAXI_HOOKS", "undo.batch@2=kill");
        assert!(!killed.output().unwrap().status.success());
        assert_eq!(world.target("SELECT COUNT(*) FROM t"), "3000");
        let done = world.taxi.run(&["-y", "jobs", "undo", &job]).expect_code(0);
        assert!(done.stdout.contains("put back, 0 kept"), "{}", done.stdout);
        pair.judge("want", "t").rows_only().equal();
    }

    /// Parents and children go and come back in one job.
    async fn families_come_back(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE p (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES p (id)); CREATE TABLE c (id INT PRIMARY KEY, p INT NOT NULL, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); INSERT INTO p VALUES (2, NULL), (1, 2), (3, NULL); INSERT INTO c VALUES (1, 1), (2, 2), (3, 3); CREATE TABLE want_p LIKE p; INSERT INTO want_p SELECT * FROM p; CREATE TABLE want_c LIKE c; INSERT INTO want_c SELECT * FROM c");
        world.rules("[p, c]", "{quarantine: 1d}");
        world.sync();
        world.source("DELETE FROM c WHERE id < 3; DELETE FROM p WHERE id < 3");
        world.sync();
        world.taxi.run(&["-y", "jobs", "undo", "last:everything"]).expect_code(0);
        for table in ["p", "c"] {
            pair.judge(&format!("want_{table}"), table).rows_only().equal();
        }
    }
}
