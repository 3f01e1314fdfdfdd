//! `snapshot_lock`: a source whose snapshots can't be aligned is read by one session, or, only on
//! request, by several after a moment without writes.

use super::import_with;
use crate::crash::world::{LIMIT, numbers};
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, wait_until};

/// Statements with FLUSH or LOCK that the server was sent since it was asked last.
fn lock_statements(server: &PrivateServer) -> Vec<String> {
    let sql = "SET GLOBAL general_log = OFF; \
        SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log \
        WHERE argument REGEXP '^(FLUSH|LOCK|UNLOCK)' AND user_host LIKE '%root%'; \
        TRUNCATE mysql.general_log; SET GLOBAL general_log = ON";
    let found = server.server.sql(sql);
    found.lines().map(str::to_owned).collect()
}

fn unaligned(flavour: Flavour) {
    let mut options = vec!["--skip-log-bin", "--log-output=TABLE", "--general-log=ON"];
    if flavour == Flavour::Mysql {
        options.extend(["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]);
    }
    let Some(private) = PrivateServer::start(flavour, &options) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(private.server.clone(), shared.local.clone());
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t SELECT n, n FROM {}",
        pair.source_db(),
        numbers(9_000)
    ));
    let taxi = DbTaxi::new(&pair);
    lock_statements(&private);

    import_with(&pair, &taxi, "throttle: none", "[t]", "{}");
    let plain = taxi
        .start(&["run", "everything"])
        .wait(LIMIT)
        .expect_code(0);
    assert!(
        plain.stderr.contains("one session reads everything"),
        "{}",
        plain.stderr
    );
    assert_eq!(lock_statements(&private), [""; 0], "not asked for");
    pair.judge("t", "t").equal();

    import_with(
        &pair,
        &taxi,
        "throttle: none",
        "[t]",
        "{snapshot_lock: ftwrl}",
    );
    let locked = taxi
        .start(&["run", "everything"])
        .wait(LIMIT)
        .expect_code(0);
    assert!(!locked.stderr.contains("one session"), "{}", locked.stderr);
    assert_eq!(
        lock_statements(&private),
        ["FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"]
    );
    let held = pair.local.sql(&format!(
        "SELECT message FROM {}.sync_logs WHERE message LIKE '%held back%'",
        pair.control_db()
    ));
    let seconds: f64 = held
        .split_once("held back for ")
        .and_then(|(_, rest)| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{held:?}"));
    assert!(seconds < 2.0, "{held}");
    // Nobody is held up any more.
    pair.source.sql(&format!(
        "UPDATE {} SET v = 0 WHERE id < 100",
        pair.source_table("t")
    ));

    // A statement that the lock would wait for, with all writes behind it: no lock.
    let mut sleeper = private
        .server
        .client()
        .arg("-e")
        .arg("SELECT SLEEP(300)")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until(LIMIT, "an old statement", || {
        let old = "SELECT COUNT(*) FROM information_schema.processlist \
                   WHERE info LIKE 'SELECT SLEEP%' AND time > 2";
        private.server.count(old) > 0
    });
    let refused = taxi
        .start(&["run", "everything"])
        .wait(LIMIT)
        .expect_code(0);
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert!(
        refused.stderr.contains("runs a statement for")
            && refused.stderr.contains("one session reads everything"),
        "{}",
        refused.stderr
    );
    assert_eq!(lock_statements(&private), [""; 0], "it would have waited");
    pair.judge("t", "t").equal();
}

mod a_lock_is_taken_only_on_request_and_only_for_a_moment {
    use super::*;
    #[test]
    fn mariadb() {
        unaligned(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        unaligned(Flavour::Mysql);
    }
}
