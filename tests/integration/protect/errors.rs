//! Every class of error, provoked on real servers: what it is to us, what happens next, and that it
//! says what to do.

use std::sync::Arc;
use std::time::Duration;

use db_taxi::model::connection::{Ssl, SslMode};
use db_taxi::model::error::ErrorCode;
use db_taxi::mysql::endpoint::Address;
use db_taxi::mysql::{Endpoint, ErrorClass, MysqlError, Session, SessionKind};

use super::import_with;
use crate::both_flavours;
use crate::crash::world::{LIMIT, numbers, run_until_frozen};
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, wait_until};

pub const LEASE: Duration = Duration::from_secs(60);

/// What an error must be: one of these numbers (none for what no server said), code, class.
#[track_caller]
pub fn is(error: &MysqlError, numbers: &[u16], code: ErrorCode, class: ErrorClass) {
    let number = error.number.unwrap_or(0);
    assert!(
        numbers.contains(&number) || (numbers.is_empty() && number == 0),
        "{error}: {number}"
    );
    assert_eq!((error.code, error.class), (code, class), "{error}");
    let hint = error.info().hint.unwrap_or_default();
    assert!(hint.len() > 10, "{error} says nothing to do: {hint:?}");
}

pub async fn open(pair: &Pair, kind: SessionKind) -> Session {
    Session::open(&pair.local.endpoint(), kind, LEASE)
        .await
        .unwrap()
}

pub async fn refused(session: &mut Session, sql: &str) -> MysqlError {
    match session.rows(sql).await {
        Ok(rows) => panic!("{sql}: {} rows", rows.len()),
        Err(error) => error,
    }
}

async fn refused_login(endpoint: Endpoint) -> MysqlError {
    match Session::open(&Arc::new(endpoint), SessionKind::Probe, LEASE).await {
        Ok(_) => panic!("logged in"),
        Err(error) => error,
    }
}

both_flavours! {
    async fn values_that_do_not_fit_stop(pair: Pair) {
        let t = pair.target_table("t");
        let mut session = open(&pair, SessionKind::Apply).await;
        session.run(&format!(
            "CREATE TABLE {t} (id INT PRIMARY KEY, small TINYINT, short VARCHAR(2) CHARACTER SET latin1)"
        )).await.unwrap();
        session.run(&format!("INSERT INTO {t} VALUES (1, 1, 'a')")).await.unwrap();
        for (values, numbers) in [
            ("(2, 300, 'a')", &[1264][..]),
            ("(2, 1, 'abc')", &[1406]),
            ("(2, 'x', 'a')", &[1366, 1265]),
            ("(2, 1, _utf8mb4 X'E6BCA2')", &[1366, 3988]),
        ] {
            let error = refused(&mut session, &format!("INSERT INTO {t} VALUES {values}")).await;
            is(&error, numbers, ErrorCode::ValueRejected, ErrorClass::Stop);
        }
        let error = refused(&mut session, &format!("INSERT INTO {t} VALUES (1, 2, 'b')")).await;
        is(&error, &[1062], ErrorCode::DuplicateKey, ErrorClass::Stop);
        assert_eq!(pair.local.sql(&format!("SELECT * FROM {t}")), "1\t1\ta");
    }

    async fn what_is_not_there_and_what_is_forbidden_stop(pair: Pair) {
        let user = format!("limited{}", pair.control_db());
        pair.local.sql(&format!(
            "CREATE TABLE {} (id INT); CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'; \
             GRANT INSERT ON {}.* TO '{user}'@'%'", pair.target_table("t"), pair.target_db()
        ));
        let mut root = open(&pair, SessionKind::Probe).await;
        let missing = pair.target_table("missing");
        let error = refused(&mut root, &format!("SELECT * FROM {missing}")).await;
        is(&error, &[1146], ErrorCode::SourceMissing, ErrorClass::Stop);
        let error = refused(&mut root, "SHOW TABLES FROM no_such_database_anywhere").await;
        is(&error, &[1049], ErrorCode::SourceMissing, ErrorClass::Stop);

        let endpoint = pair.local.endpoint_as(&user, "pw");
        let mut limited = Session::open(&endpoint, SessionKind::Probe, LEASE).await.unwrap();
        let error = refused(&mut limited, &format!("SELECT * FROM {}", pair.target_table("t"))).await;
        is(&error, &[1142], ErrorCode::AccessDenied, ErrorClass::Stop);
        assert!(error.hint.as_deref().is_some_and(|h| h.contains("GRANT SELECT ON")), "{:?}", error.hint);
        let wrong = (*pair.local.endpoint_as(&user, "wrong")).clone();
        is(&refused_login(wrong).await, &[1045], ErrorCode::AccessDenied, ErrorClass::Stop);
        let nobody = (*pair.local.endpoint_as("no_such_account", "pw")).clone();
        let error = refused_login(nobody).await;
        assert_eq!((error.code, error.class), (ErrorCode::AccessDenied, ErrorClass::Stop), "{error}");
        assert!(error.message.to_lowercase().contains("access denied"), "{error}");
        pair.local.sql(&format!("DROP USER '{user}'@'%'"));
    }

    async fn locks_are_tried_again(pair: Pair) {
        let t = pair.target_table("t");
        pair.local.sql(&format!("CREATE TABLE {t} (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; INSERT INTO {t} VALUES (1, 0), (2, 0)"));
        let (mut one, mut other) = (open(&pair, SessionKind::Apply).await, open(&pair, SessionKind::Apply).await);
        for (session, id) in [(&mut one, 1), (&mut other, 2)] {
            session.run("SET innodb_lock_wait_timeout = 1").await.unwrap();
            session.run("START TRANSACTION").await.unwrap();
            session.run(&format!("UPDATE {t} SET v = v + 1 WHERE id = {id}")).await.unwrap();
        }
        let error = refused(&mut one, &format!("UPDATE {t} SET v = 9 WHERE id = 2")).await;
        is(&error, &[1205], ErrorCode::LockTimeout, ErrorClass::Retry);
        for session in [&mut one, &mut other] {
            session.run("SET innodb_lock_wait_timeout = 20").await.unwrap();
        }
        let (first, second) = (format!("UPDATE {t} SET v = 9 WHERE id = 2"), format!("UPDATE {t} SET v = 9 WHERE id = 1"));
        let (a, b) = tokio::join!(one.rows(&first), other.rows(&second));
        let victim = a.err().or(b.err()).unwrap();
        is(&victim, &[1213], ErrorCode::Deadlock, ErrorClass::Retry);
    }

    async fn a_table_that_changed_under_a_snapshot_is_planned_anew(pair: Pair) {
        let (t, other) = (pair.source_table("t"), pair.source_table("other"));
        pair.source.sql(&format!("CREATE TABLE {t} (id INT PRIMARY KEY); CREATE TABLE {other} (id INT); INSERT INTO {t} VALUES (1)"));
        let mut reader = Session::open(&pair.source.endpoint(), SessionKind::Read, LEASE).await.unwrap();
        reader.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await.unwrap();
        reader.rows(&format!("SELECT * FROM {other}")).await.unwrap();
        pair.source.sql(&format!("ALTER TABLE {t} ADD COLUMN v VARCHAR(9) NOT NULL DEFAULT 'x', ALGORITHM=COPY"));
        let error = refused(&mut reader, &format!("SELECT * FROM {t}")).await;
        is(&error, &[1412], ErrorCode::SchemaChanged, ErrorClass::Retry);
    }

    async fn lost_connections_and_servers_that_can_not_be_found_are_waited_for(pair: Pair) {
        let mut session = open(&pair, SessionKind::Apply).await;
        let id = session.id();
        let server = pair.local.clone();
        let kill = tokio::task::spawn_blocking(move || {
            wait_until(LIMIT, "the statement", || server.sql("SHOW PROCESSLIST").lines().any(|l| {
                l.starts_with(&format!("{id}\t")) && l.contains("SLEEP")
            }));
            server.sql(&format!("KILL {id}"));
        });
        let error = refused(&mut session, "SELECT SLEEP(60), 1 FROM (SELECT 1 UNION SELECT 2) x").await;
        kill.await.unwrap();
        is(&error, &[0, 1317, 1053, 1927, 2013], ErrorCode::ConnectionLost, ErrorClass::Wait);
        let error = refused(&mut session, "SELECT 1").await;
        assert_eq!(error.code, ErrorCode::ConnectionLost, "{error}");

        let here = (*pair.local.endpoint()).clone();
        let nowhere = Endpoint { addresses: vec![Address::Tcp("no-such-host.invalid".to_owned(), 3306)], ..here.clone() };
        let error = refused_login(nowhere).await;
        is(&error, &[], ErrorCode::Unreachable, ErrorClass::Wait);
        assert!(error.hint.as_deref().is_some_and(|h| h.contains("can't be resolved")), "{error}: {:?}", error.hint);

        let verified = Endpoint { ssl: Ssl { mode: SslMode::VerifyIdentity, ..Ssl::default() }, ..here };
        let error = refused_login(verified).await;
        is(&error, &[], ErrorCode::Unreachable, ErrorClass::Stop);
        assert!(error.message.contains("TLS"), "{error}");
    }

    /// A text that its column's character set can't hold, in a condition and as a parameter.
    async fn a_condition_that_can_not_be_converted_is_its_rules_fault(pair: Pair) {
        let t = pair.source_table("t");
        pair.source.sql(&format!(
            "CREATE TABLE {t} (id INT PRIMARY KEY, c VARCHAR(9) CHARACTER SET latin1); INSERT INTO {t} VALUES (1, 'a'), (2, _latin1 X'E9')"
        ));
        let taxi = DbTaxi::new(&pair);
        let rule = |condition: &str| {
            import_with(&pair, &taxi, "throttle: none", &format!("[{{source_table: t, where: \"{condition}\"}}]"), "{}")
        };
        rule("c <> '漢'");
        let said = taxi.run(&["run", "everything"]).expect_code(1).stderr;
        assert!(said.contains("rule_invalid"), "{said}");
        let plan = taxi.run(&["plan", "everything"]).expect_code(1).stdout;
        assert!(plan.contains("CONVERT(column USING utf8mb4)"), "{plan}");
        assert_eq!(pair.local.sql(&format!("SHOW TABLES FROM {}", pair.target_db())), "");
        // What the remedy says.
        rule("CONVERT(c USING utf8mb4) <> '漢'");
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("t", "t").equal();

        let mut session = Session::open(&pair.source.endpoint(), SessionKind::Probe, LEASE).await.unwrap();
        let condition = format!("SELECT id FROM {t} WHERE c <> '漢'");
        is(&refused(&mut session, &condition).await, &[1267, 3854], ErrorCode::RuleInvalid, ErrorClass::Stop);
        let prepared = session.exec_rows(&format!("SELECT id FROM {t} WHERE c <> ?"), vec!["漢".into()]).await;
        match pair.flavour {
            Flavour::Mysql => is(&prepared.unwrap_err(), &[3988], ErrorCode::ValueRejected, ErrorClass::Stop),
            Flavour::Mariadb => is(&prepared.unwrap_err(), &[1267], ErrorCode::RuleInvalid, ErrorClass::Stop),
        }
    }

    async fn another_flavour_is_refused_by_name(pair: Pair) {
        let other = match pair.flavour { Flavour::Mariadb => Flavour::Mysql, Flavour::Mysql => Flavour::Mariadb };
        let Some(stranger) = Pair::shared(other) else { return };
        let mixed = Pair::on(stranger.source.clone(), pair.local.clone());
        mixed.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", mixed.source_table("t")));
        let taxi = DbTaxi::new(&mixed);
        import_with(&mixed, &taxi, "throttle: none", "[t]", "{}");
        let ended = taxi.run(&["run", "everything"]).expect_code(1);
        assert!(ended.stderr.contains("different flavours") && ended.stderr.contains("unsupported"), "{}", ended.stderr);
    }
}

/// A server that changes its mind about sizes, about writing, and about how many it lets in.
fn stubborn(flavour: Flavour) {
    let Some(local) = PrivateServer::start(flavour, &["--max-connections=40"]) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(shared.source.clone(), local.server.clone());
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE t (id INT PRIMARY KEY, pad VARCHAR(2000) CHARACTER SET latin1); \
         INSERT INTO t SELECT n, REPEAT('x', 1900) FROM {}; \
         CREATE TABLE one (id INT PRIMARY KEY, big MEDIUMTEXT CHARACTER SET latin1); INSERT INTO one VALUES (7, REPEAT('y', 200000))",
        pair.source_db(),
        numbers(1_500)
    ));
    // 1153: the limit falls between the plan and the writing. Batches are halved until they fit; one
    // row that does not is named.
    for writer in ["insert", "load_data"] {
        let taxi = DbTaxi::new(&pair);
        import_with(
            &pair,
            &taxi,
            "throttle: none",
            "[t]",
            &format!("{{writer: {writer}, full_strategy: swap}}"),
        );
        let frozen = run_until_frozen(&taxi, "load.created");
        let before = local.server.sql("SELECT @@GLOBAL.max_allowed_packet");
        local.server.sql("SET GLOBAL max_allowed_packet = 65536");
        frozen.thaw();
        let ended = frozen.wait(LIMIT).expect_code(0);
        local
            .server
            .sql(&format!("SET GLOBAL max_allowed_packet = {before}"));
        let log = pair.local.sql(&format!(
            "SELECT message FROM {}.sync_logs",
            pair.control_db()
        ));
        assert!(
            log.contains("batches are halved"),
            "{writer}: {log}\n{}",
            ended.stderr
        );
        pair.judge("t", "t").equal();
    }
    let taxi = DbTaxi::new(&pair);
    import_with(&pair, &taxi, "throttle: none", "[one]", "{writer: insert}");
    let frozen = run_until_frozen(&taxi, "load.created");
    let before = local.server.sql("SELECT @@GLOBAL.max_allowed_packet");
    local.server.sql("SET GLOBAL max_allowed_packet = 65536");
    frozen.thaw();
    let ended = frozen.wait(LIMIT).expect_code(1);
    local
        .server
        .sql(&format!("SET GLOBAL max_allowed_packet = {before}"));
    assert!(
        ended.stderr.contains("packet_too_large")
            && ended.stderr.contains("id=7")
            && ended.stderr.contains("raise max_allowed_packet"),
        "{}",
        ended.stderr
    );

    // 1290: read-only for everybody but administrators; 1040: nobody gets in.
    local.server.sql(&format!(
        "CREATE USER plain@'%' IDENTIFIED BY 'pw'; GRANT ALL ON {}.* TO plain@'%'; CREATE TABLE {} (id INT); SET GLOBAL read_only = ON",
        pair.target_db(),
        pair.target_table("w")
    ));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let endpoint = pair.local.endpoint_as("plain", "pw");
        let mut plain = Session::open(&endpoint, SessionKind::Apply, LEASE)
            .await
            .unwrap();
        let insert = format!("INSERT INTO {} VALUES (1)", pair.target_table("w"));
        let error = refused(&mut plain, &insert).await;
        is(&error, &[1290, 1836], ErrorCode::ReadOnly, ErrorClass::Wait);
        local.server.sql("SET GLOBAL read_only = OFF");
        let mut crowd = Vec::new();
        let error = loop {
            match Session::open(&endpoint, SessionKind::Probe, LEASE).await {
                Ok(session) => crowd.push(session),
                Err(error) => break error,
            }
            assert!(crowd.len() < 100);
        };
        is(&error, &[1040], ErrorCode::Unreachable, ErrorClass::Wait);
    });
}

mod a_server_that_changes_its_mind_is_borne_with {
    use super::*;
    #[test]
    fn mariadb() {
        stubborn(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        stubborn(Flavour::Mysql);
    }
}
