//! What others see while a job runs: readers of the target, writers of the source, the source's log.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::world::{
    LIMIT, change_much, expect_done, expect_nothing_left, fill_few, install, install_with, numbers,
    run_until_frozen,
};
use crate::both_flavours;
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, wait_until};

/// A table on the target with 1,000 rows, to be swapped for one with other 3,000.
fn one_table(pair: &Pair, options: &str) -> DbTaxi {
    pair.source.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY, v INT NOT NULL, KEY by_v (v)); \
         INSERT INTO {0} SELECT n, 1 FROM {1}",
        pair.source_table("seen"),
        numbers(1_000)
    ));
    let taxi = install_with(pair, options);
    taxi.run(&["run", "everything"]).expect_code(0);
    pair.source.sql(&format!(
        "UPDATE {0} SET v = 2; INSERT INTO {0} SELECT n + 1000, 2 FROM {1}",
        pair.source_table("seen"),
        numbers(2_000)
    ));
    taxi
}

/// A reader that took its snapshot when half of the shadow was committed, and that has not touched
/// the target yet, so no metadata lock holds the swap back. `seen`: the job can see it.
async fn half_way(pair: &Pair, taxi: &DbTaxi, seen: bool) {
    let mut running = run_until_frozen(taxi, "commit.after");
    let mut reader = pair.local.session().await;
    let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
    reader.run(begin).await.unwrap();
    running.thaw();
    let table = pair.target_table("seen");
    let count = format!(
        "SELECT COUNT(*) AS n, MIN(v) AS lo, MAX(v) AS hi FROM {table} FORCE INDEX (PRIMARY)"
    );
    if seen {
        // The job says that it waits: it lives, the swap has not happened.
        wait_until(LIMIT, "the wait for the reader", || {
            assert!(running.is_alive(), "{}", running.stderr());
            running.stderr().contains("older than the shadow")
        });
        let row = &reader.rows(&count).await.unwrap()[0];
        let old = (
            row.u64("n").unwrap(),
            row.u64("lo").unwrap(),
            row.u64("hi").unwrap(),
        );
        assert_eq!(old, (1_000, 1, 1), "not the old table");
        reader.run("COMMIT").await.unwrap();
    } else {
        wait_until(LIMIT, "the swap", || {
            !running.is_alive()
                || pair.local.count(&format!("SELECT COUNT(*) FROM {table}")) == 3_000
        });
        let error = reader.rows(&count).await.err();
        assert_eq!(
            error.and_then(|e| e.number),
            Some(1412),
            "it saw a table that never was"
        );
    }
    drop(reader);
    running.wait(LIMIT).expect_code(0);
    pair.judge("seen", "seen").equal();
    expect_nothing_left(pair);
}

both_flavours! {
    /// The swap waits while it can see the reader: the reader sees the old table.
    async fn a_reader_with_an_old_snapshot_is_waited_for(pair: Pair) {
        let taxi = one_table(&pair, "{full_strategy: swap}");
        half_way(&pair, &taxi, true).await;
    }

    /// An account without PROCESS can't see it: the reader gets an error, never half a table.
    async fn without_process_an_old_reader_gets_an_error(pair: Pair) {
        let taxi = one_table(&pair, "{full_strategy: swap}");
        let user = format!("poor{}", pair.control_db());
        pair.local.sql(&format!(
            "CREATE USER '{user}'@'%' IDENTIFIED BY 'x'; \
             GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, TRIGGER, LOCK TABLES, CREATE VIEW, SHOW VIEW ON *.* TO '{user}'@'%'"
        ));
        let settings = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
        taxi.write("config.yaml", &settings.replace("username: root", &format!("username: {user}\n  password: x")));
        half_way(&pair, &taxi, false).await;
        pair.local.sql(&format!("DROP USER '{user}'@'%'"));
    }

    /// Money moves between two tables while both are copied: the sum is that of one moment.
    async fn tables_copied_under_writers_are_of_one_moment(pair: Pair) {
        let db = pair.source_db();
        pair.source.sql(&format!(
            "USE {db}; CREATE TABLE banks (id INT PRIMARY KEY, money BIGINT NOT NULL, pad CHAR(100)); \
             CREATE TABLE purses (id INT PRIMARY KEY, money BIGINT NOT NULL, pad CHAR(100)); \
             INSERT INTO banks SELECT n, 1000, n FROM {0}; INSERT INTO purses SELECT n, 1000, n FROM {0};",
            numbers(6_000)
        ));
        let taxi = install(&pair);
        let (stop, transfers) = (AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for writer in 0..8_u64 {
                let (pair, stop, transfers, db) = (&pair, &stop, &transfers, &db);
                scope.spawn(move || {
                    let mut seed = writer * 7919 + 17;
                    while !stop.load(Ordering::Relaxed) {
                        let mut sql = format!("USE {db};");
                        for _ in 0..50 {
                            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                            let (a, b, sum) = (1 + (seed >> 33) % 6_000, 1 + (seed >> 20) % 6_000, (seed >> 50) % 90);
                            sql.push_str(&format!(
                                "START TRANSACTION; UPDATE banks SET money = money - {sum} WHERE id = {a}; \
                                 UPDATE purses SET money = money + {sum} WHERE id = {b}; COMMIT;"
                            ));
                        }
                        // Two writers may wait for each other; a lost transfer changes no sum.
                        if pair.source.try_sql(&sql).is_ok() {
                            transfers.fetch_add(50, Ordering::Relaxed);
                        }
                    }
                });
            }
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut reports = Vec::new();
                for round in 0..3 {
                    let before = transfers.load(Ordering::Relaxed);
                    let ended = taxi.run(&["run", "everything"]).expect_code(0);
                    assert!(!ended.stderr.contains("earlier point in time"), "{}", ended.stderr);
                    let (banks, purses) = (pair.target_table("banks"), pair.target_table("purses"));
                    let sum = pair.local.sql(&format!(
                        "SELECT (SELECT SUM(money) FROM {banks}) + (SELECT SUM(money) FROM {purses})"
                    ));
                    assert_eq!(sum, "12000000", "round {round}");
                    reports.push(transfers.load(Ordering::Relaxed) - before);
                }
                assert!(reports.iter().all(|n| *n > 0), "nothing was written meanwhile: {reports:?}");
            }));
            stop.store(true, Ordering::Relaxed);
            checked.unwrap();
        });
        taxi.run(&["run", "everything"]).expect_code(0);
        for table in ["banks", "purses"] {
            pair.judge(table, table).equal();
        }
        expect_nothing_left(&pair);
    }
}

/// A whole life of a config: copy, kill, resume, few and many changes, verify. What the source saw
/// of it is in its general log.
fn only_reads(flavour: Flavour) {
    let Some(source) = PrivateServer::start(
        flavour,
        &["--general-log", "--general-log-file=general.log"],
    ) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(source.server.clone(), shared.local.clone());
    fill_few(&pair);
    let taxi = install(&pair);
    let log = source.server.data.join("db/general.log");
    let mark = std::fs::metadata(&log).unwrap().len();
    drop(run_until_frozen(&taxi, "load.copied@2").crash());
    let resumed = std::fs::metadata(&log).unwrap().len();
    taxi.run(&["run", "everything"]).expect_code(0);
    expect_done(&pair);
    let text = std::fs::read(&log).unwrap();
    let (first, second) = (
        &text[usize::try_from(mark).unwrap()..usize::try_from(resumed).unwrap()],
        &text[usize::try_from(resumed).unwrap()..],
    );
    no_range_is_copied_twice(first, second);
    let changed = std::fs::metadata(&log).unwrap().len();
    change_much(&pair);
    let mark = std::fs::metadata(&log).unwrap().len();
    taxi.run(&["run", "everything"]).expect_code(0);
    taxi.run(&["verify", "everything"]).expect_code(0);
    let text = std::fs::read(&log).unwrap();
    let after = &text[usize::try_from(mark).unwrap()..];
    assert!(changed < mark && after.len() > 1_000);
    for part in [first, second, after] {
        check_statements(&String::from_utf8_lossy(part));
    }
}

/// Reads of a copy are the ones in key order; a kill between the copy and the keys leaves none to
/// repeat for the tables that were copied.
fn no_range_is_copied_twice(first: &[u8], second: &[u8]) {
    let reads = |text: &[u8]| -> Vec<String> {
        statements(&String::from_utf8_lossy(text))
            .into_iter()
            .filter(|(_, sql)| {
                sql.starts_with("SELECT")
                    && sql.contains(" ORDER BY ")
                    && !sql.contains(" LIMIT ")
                    && !sql.contains("information_schema")
                    && sql.contains("_source`")
            })
            .map(|(_, sql)| sql)
            .collect()
    };
    let (before, after) = (reads(first), reads(second));
    assert!(before.len() > 4, "no copy in the log: {before:?}");
    let twice: Vec<_> = after.iter().filter(|sql| before.contains(sql)).collect();
    // The one table that was not done may read what had not been committed.
    assert!(twice.len() <= 4, "read again: {twice:#?}");
}

fn statements(log: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for line in log.lines() {
        let fields: Vec<&str> = line.split('\t').filter(|f| !f.trim().is_empty()).collect();
        let words = [
            " Query",
            " Prepare",
            " Execute",
            " Connect",
            " Quit",
            " Field List",
            " Init DB",
            " Statistics",
            " Ping",
            " Close stmt",
            " Reset",
            " Kill",
            " Change",
        ];
        let head = fields.iter().find_map(|f| {
            words.iter().find_map(|w| {
                f.trim_end().ends_with(w.trim()).then(|| {
                    (
                        f.trim().split(' ').next().unwrap_or("").to_owned(),
                        w.trim().to_owned(),
                    )
                })
            })
        });
        match head {
            Some((_, word)) if ["Query", "Prepare", "Execute"].contains(&word.as_str()) => {
                out.push((word, (*fields.last().unwrap()).to_owned()));
            }
            Some(_) => {}
            None => {
                if let Some(last) = out.last_mut() {
                    last.1.push(' ');
                    last.1.push_str(line.trim());
                }
            }
        }
    }
    out
}

fn check_statements(log: &str) {
    let all = statements(log);
    assert!(all.len() > 20, "{log}");
    for (_, sql) in &all {
        let upper = sql.trim_start().to_ascii_uppercase();
        let ours = [
            "SELECT",
            "SHOW",
            "SET ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            "START TRANSACTION READ ONLY",
            "SAVEPOINT",
            "ROLLBACK",
            "COMMIT",
            "KILL QUERY",
            "KILL",
            "DO 1",
        ];
        assert!(
            ours.iter().any(|o| upper.starts_with(o)),
            "not a read: {sql}"
        );
        for lock in [
            "FOR UPDATE",
            "FOR SHARE",
            "LOCK IN SHARE",
            "LOCK TABLES",
            "FLUSH",
            "GET_LOCK",
        ] {
            assert!(!upper.contains(lock), "a lock: {sql}");
        }
        assert!(!upper.starts_with("SET GLOBAL"), "{sql}");
    }
    assert!(all.iter().any(|(_, sql)| sql.contains("READ ONLY")));
}

mod the_source_sees_only_reads {
    use super::*;
    #[test]
    fn mariadb() {
        only_reads(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        only_reads(Flavour::Mysql);
    }
}

both_flavours! {
    /// 300,000 rows of 200 bytes, copied by a debug build: 60 MB pass through a bounded process.
    async fn memory_stays_bounded(pair: Pair) {
        let table = pair.source_table("wide");
        pair.source.sql(&format!(
            "CREATE TABLE {table} (id INT AUTO_INCREMENT PRIMARY KEY, pad CHAR(190) CHARACTER SET latin1 NOT NULL); \
             INSERT INTO {table} (pad) SELECT REPEAT('x', 190) FROM {0}; \
             INSERT INTO {table} (pad) SELECT pad FROM {table}; \
             INSERT INTO {table} (pad) SELECT pad FROM {table} LIMIT 100000;",
            numbers(100_000)
        ));
        let taxi = install(&pair);
        let mut running = taxi.start(&["run", "everything"]);
        let status = format!("/proc/{}/status", running.pid());
        let mut most = 0_u64;
        wait_until(LIMIT, "the copy to end", || {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let peak = text.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.trim().trim_end_matches(" kB").parse().ok());
            most = most.max(peak.unwrap_or(0));
            !running.is_alive()
        });
        running.wait(LIMIT).expect_code(0);
        assert!(most > 10_000 && most < 150_000, "{most} kB");
        assert_eq!(pair.local.count(&format!("SELECT COUNT(*) FROM {}", pair.target_table("wide"))), 300_000);
        expect_nothing_left(&pair);
    }
}
