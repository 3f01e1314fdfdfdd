//! A throttle by a real replica: work waits while it is behind or does not replicate, the reason is
//! shown, work goes on when it has caught up, and the copy is whole.

use super::import_with;
use crate::crash::world::{LIMIT, numbers};
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, Server, wait_until};

/// Makes `replica` follow `primary` from its beginning.
fn follow(replica: &Server, primary: &Server) {
    let port = primary.port;
    replica.sql(&match replica.flavour {
        Flavour::Mariadb => format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='root', \
             MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4, MASTER_USE_GTID=no; START SLAVE"
        ),
        Flavour::Mysql => format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='root', \
             SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA"
        ),
    });
}

fn apply(replica: &Server, verb: &str) {
    replica.sql(&match replica.flavour {
        Flavour::Mariadb => format!("{verb} SLAVE SQL_THREAD"),
        Flavour::Mysql => format!("{verb} REPLICA SQL_THREAD"),
    });
}

fn behind(flavour: Flavour) {
    let (Some(primary), Some(replica)) = (
        PrivateServer::start(flavour, &["--server-id=11"]),
        PrivateServer::start(flavour, &["--server-id=12", "--log-slave-updates=ON"]),
    ) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(primary.server.clone(), shared.local.clone());
    let db = pair.source_db();
    pair.source.sql(&format!(
        "USE {db}; CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000) CHARACTER SET latin1); \
         INSERT INTO wide SELECT n, REPEAT('x', 980) FROM {}; ANALYZE TABLE wide; \
         CREATE TABLE beat (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO beat VALUES (1, 0)",
        numbers(6_000)
    ));
    follow(&replica.server, &primary.server);
    let beat = format!("SELECT n FROM {db}.beat WHERE id = 1");
    wait_until(LIMIT, "the replica to follow", || {
        replica.server.try_sql(&beat).is_ok_and(|n| n == "0")
    });

    let taxi = DbTaxi::new(&pair);
    let throttle = format!(
        "throttle: {{max_lag: 2s, replicas: ['127.0.0.1:{}'], max_mib_per_second: 1}}",
        replica.server.port
    );
    import_with(&pair, &taxi, &throttle, "[wide]", "{max_concurrency: 2}");
    let mut running = taxi.start(&["run", "everything"]);
    let copied = format!(
        "SELECT COUNT(*) FROM {}.sync_ranges WHERE state <> 'planned'",
        pair.control_db()
    );
    let ranges = || pair.local.count(&copied);
    wait_until(LIMIT, "a copied range", || {
        assert!(running.is_alive(), "{}", running.stderr());
        ranges() > 0
    });
    // Somebody's lock on the replica keeps it from applying what comes.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut lock = runtime.block_on(replica.server.session());
    runtime
        .block_on(lock.run(&format!("LOCK TABLES {db}.beat WRITE")))
        .unwrap();
    pair.source.sql(&format!("UPDATE {db}.beat SET n = 1"));
    running.wait_to_say(LIMIT, &["behind, max_lag is 2s"]);
    assert!(running.is_alive());
    let stands = ranges();

    // It does not replicate at all: how far behind it is can't be known. It ends with the statement
    // that waits.
    runtime.block_on(lock.run("UNLOCK TABLES")).unwrap();
    apply(&replica.server, "STOP");
    pair.source.sql(&format!("UPDATE {db}.beat SET n = 2"));
    running.wait_to_say(LIMIT, &["replication does not run"]);
    assert!(running.is_alive());
    // What was being read when the lag was seen may have come to its end, no more.
    assert!(ranges() <= stands + 2, "{stands} ranges, then {}", ranges());

    apply(&replica.server, "START");
    running.wait(LIMIT).expect_code(0);
    assert_eq!(replica.server.sql(&beat), "2");
    pair.judge("wide", "wide").equal();

    // The same server as a source of its own.
    let own = Pair::on(replica.server.clone(), shared.local.clone());
    let copy = DbTaxi::new(&own);
    copy.import(&format!(
        "version: 1\nconnections:\n- {{name: source, host: 127.0.0.1, port: {}, username: root, database: {db}, \
         local_db_name: {}, throttle: {{max_lag: 5s}}}}\nconfigs:\n- {{name: everything, connection: source, tables: [wide]}}\n",
        replica.server.port,
        own.target_db()
    ));
    copy.run(&["run", "everything"]).expect_code(0);
    let sum = format!(
        "SELECT COUNT(*), SUM(CRC32(pad)) FROM {}",
        own.target_table("wide")
    );
    let on_source = format!("SELECT COUNT(*), SUM(CRC32(pad)) FROM {db}.wide");
    assert_eq!(own.local.sql(&sum), primary.server.sql(&on_source));
}

mod work_waits_for_a_replica_that_is_behind {
    use super::*;
    #[test]
    fn mariadb() {
        behind(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        behind(Flavour::Mysql);
    }
}
