//! Connections that end under us, by whoever and however: told as the server's own programs tell
//! them (2006, 2013), tried again, and nothing is lost by it.

use std::time::Duration;

use db_taxi::model::error::ErrorCode;
use db_taxi::mysql::{ErrorClass, MysqlError, Session, SessionKind};

use super::errors::{LEASE, is, open, refused};
use crate::both_flavours;
use crate::crash::world::{LIMIT, expect_done, fill_few, run_until_frozen};
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, Server, wait_until};

/// What servers say of a connection that they ended; 0 where nobody said anything.
const NUMBERS: &[u16] = &[0, 1053, 1317, 1927, 2006, 2013, 4031];

#[track_caller]
fn is_lost(error: &MysqlError) {
    is(error, NUMBERS, ErrorCode::ConnectionLost, ErrorClass::Wait);
    if error.number.is_none() {
        let words = "the connection to the server was lost";
        assert!(error.message.contains(words), "{error}");
    }
}

async fn session_on(server: &Server) -> Session {
    Session::open(&server.endpoint(), SessionKind::Apply, LEASE)
        .await
        .unwrap()
}

/// Waits until the server has no connection of this id.
fn wait_for_end(server: &Server, id: u32) {
    let sql = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    wait_until(LIMIT, "the end of the connection", || {
        server.count(&sql) == 0
    });
}

both_flavours! {
    async fn a_connection_that_is_gone_is_told_as_such(pair: Pair) {
        // By KILL, between two statements.
        let mut killed = open(&pair, SessionKind::Apply).await;
        pair.local.sql(&format!("KILL {}", killed.id()));
        wait_for_end(&pair.local, killed.id());
        is_lost(&refused(&mut killed, "SELECT 1").await);
        assert!(!killed.is_usable());

        // By its own silence.
        let mut silent = open(&pair, SessionKind::Apply).await;
        silent.run("SET SESSION wait_timeout = 1").await.unwrap();
        wait_for_end(&pair.local, silent.id());
        let error = refused(&mut silent, "SELECT 1").await;
        is_lost(&error);

        // By the server itself, in words of its own that bear the client's numbers.
        let mut told = open(&pair, SessionKind::Apply).await;
        for number in [2006, 2013] {
            pair.local.sql(&format!(
                "USE {}; DROP PROCEDURE IF EXISTS say; CREATE PROCEDURE say() SIGNAL SQLSTATE 'HY000' \
                 SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'Server has gone away'",
                pair.target_db()
            ));
            let error = refused(&mut told, &format!("CALL {}.say()", pair.target_db())).await;
            is(&error, &[number], ErrorCode::ConnectionLost, ErrorClass::Wait);
        }
    }

    /// Every connection of a run, on both sides, killed at once in the middle of a copy.
    async fn a_run_whose_connections_are_all_killed_goes_on(pair: Pair) {
        fill_few(&pair);
        let user = format!("lost{}", pair.control_db());
        for server in [&pair.source, &pair.local] {
            server.sql(&format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'; GRANT ALL ON *.* TO '{user}'@'%'"));
        }
        let taxi = DbTaxi::new(&pair);
        let password = format!("database.password=${{file:{}}}", taxi.write("password", "pw").display());
        let taxi = taxi.set(&format!("database.username={user}")).set(&password);
        taxi.import(&format!(
            "version: 1\nconnections:\n- {{name: source, host: 127.0.0.1, port: {}, username: {user}, password: pw, \
             database: {}, local_db_name: {}}}\nconfigs:\n- {{name: everything, connection: source, tables: '*'}}\n",
            pair.source.port, pair.source_db(), pair.target_db()
        ));
        let frozen = run_until_frozen(&taxi, "copy.written@2");
        let mut ended = 0;
        for server in [&pair.source, &pair.local] {
            let ids = server.sql(&format!("SELECT id FROM information_schema.processlist WHERE user = '{user}'"));
            ended += ids.lines().filter(|id| server.try_sql(&format!("KILL {id}")).is_ok()).count();
        }
        assert!(ended >= 3, "{ended} connections");
        frozen.thaw();
        frozen.wait(LIMIT).expect_code(0);
        expect_done(&pair);
        for server in [&pair.source, &pair.local] {
            server.sql(&format!("DROP USER '{user}'@'%'"));
        }
    }
}

/// A server that goes down under a session, and one whose packets are small.
fn restarted(flavour: Flavour) {
    let Some(private) = PrivateServer::start(flavour, &["--max-allowed-packet=1M"]) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = &private.server;
    runtime.block_on(async {
        server.sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v LONGTEXT)");
        let large = format!("INSERT INTO d.t VALUES (1, '{}')", "x".repeat(2 << 20));
        // A server that closes before it is heard is only a lost connection.
        let mut error = refused(&mut session_on(server).await, &large).await;
        for _ in 0..20 {
            if error.code != ErrorCode::ConnectionLost {
                break;
            }
            error = refused(&mut session_on(server).await, &large).await;
        }
        is(
            &error,
            &[0, 1153],
            ErrorCode::PacketTooLarge,
            ErrorClass::Shrink,
        );
        let mut session = session_on(server).await;
        let mut busy = session_on(server).await;
        let id = busy.id();
        let statement = tokio::spawn(async move { refused(&mut busy, "SELECT SLEEP(60)").await });
        let sleeps = format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND info LIKE '%SLEEP%'"
        );
        let watched = server.clone();
        tokio::task::spawn_blocking(move || {
            wait_until(LIMIT, "the statement", || watched.count(&sleeps) == 1);
        })
        .await
        .unwrap();
        private.kill();
        is_lost(&statement.await.unwrap());
        is_lost(&refused(&mut session, "SELECT 1").await);
        private.restart();
        assert_eq!(server.sql("SELECT COUNT(*) FROM d.t"), "0");
        session_on(server).await.run("SELECT 1").await.unwrap();
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

mod a_server_that_goes_down_under_a_session_is_waited_for {
    use super::*;
    #[test]
    fn mariadb() {
        restarted(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        restarted(Flavour::Mysql);
    }
}
