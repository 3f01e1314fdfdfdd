//! The connection test against real servers and accounts.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use db_taxi::model::connection::{Ssl, SslMode};
use db_taxi::model::report::TestReport;
use db_taxi::mysql::Endpoint;
use db_taxi::mysql::endpoint::Address;
use db_taxi::mysql::probe::{Depth, Needs, probe, same_database, source_tables};

use crate::both_flavours;
use crate::support::servers::Server;
use crate::support::{Flavour, Pair};

/// An account of this test with a password; dropped first if an earlier run left it.
fn account(pair: &Pair, grants: &[String]) -> Arc<Endpoint> {
    let name = format!("u_{}", pair.source_db());
    let server = &pair.source;
    server.sql(&format!(
        "DROP USER IF EXISTS '{name}'@'127.0.0.1'; \
         CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'canary-password';"
    ));
    for grant in grants {
        server.sql(&format!("{grant} TO '{name}'@'127.0.0.1'"));
    }
    server.endpoint_as(&name, "canary-password")
}

fn drop_account(pair: &Pair) {
    let name = format!("u_{}", pair.source_db());
    pair.source.sql(&format!("DROP USER '{name}'@'127.0.0.1'"));
}

async fn probe_all(endpoint: &Arc<Endpoint>, database: &str) -> TestReport {
    probe(endpoint, database, Depth::Everything(Needs::default())).await
}

/// `PRIVILEGE: statement` of what is missing.
fn missing(report: &TestReport) -> Vec<String> {
    report
        .privileges
        .missing
        .iter()
        .map(|m| format!("{}: {}", m.privilege, m.grant))
        .collect()
}

fn altered(endpoint: &Endpoint, change: impl FnOnce(&mut Endpoint)) -> Arc<Endpoint> {
    let mut endpoint = endpoint.clone();
    change(&mut endpoint);
    Arc::new(endpoint)
}

/// What it takes to see the binlog position and the delay of a replica.
fn monitors(server: &Server) -> &'static [&'static str] {
    match server.flavour {
        Flavour::Mariadb => &["BINLOG MONITOR", "SLAVE MONITOR"],
        Flavour::Mysql => &["REPLICATION CLIENT"],
    }
}

both_flavours! {
    async fn a_good_connection_is_described(pair: Pair) {
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let report = probe_all(&pair.source.endpoint(), &pair.source_db()).await;
        assert!(report.ok, "{:?}", report.error);
        assert_eq!(report.flavour, Some(pair.flavour));
        assert_eq!(report.address, Some(format!("127.0.0.1:{}", pair.source.port)));
        assert!(report.latency_ms.is_some_and(|ms| ms > 0.0 && ms < 10_000.0));
        assert!(report.clock_skew_ms.is_some_and(|ms| ms.abs() < 2_000.0), "{:?}", report.clock_skew_ms);
        assert_eq!(report.binlog.enabled, Some(true));
        assert_eq!(report.binlog.format.as_deref(), Some("ROW"));
        assert_eq!(report.binlog.row_image.as_deref(), Some("FULL"));
        assert!(report.local_infile.is_some() && report.max_allowed_packet_bytes.is_some());
        assert!(!report.tls.used);
        assert_eq!(missing(&report), [""; 0]);
        assert_eq!(report.warnings, [""; 0]);
        let patient = altered(&pair.source.endpoint(), |e| e.connect_timeout = Duration::ZERO);
        assert!(probe_all(&patient, &pair.source_db()).await.ok, "0s is no limit");
    }

    async fn each_missing_privilege_comes_with_the_statement_that_gives_it(pair: Pair) {
        let db = pair.source_db();
        pair.source.sql(&format!(
            "CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")
        ));
        let endpoint = account(&pair, &[format!("GRANT SELECT ON `{db}`.*")]);
        let report = probe_all(&endpoint, &db).await;
        assert!(report.ok, "{:?}", report.error);
        let who = format!("'u_{db}'@'127.0.0.1'");
        let monitors = monitors(&pair.source).iter();
        let mut expected = vec![
            format!("SHOW VIEW: GRANT SHOW VIEW ON `{db}`.* TO {who}"),
            format!("TRIGGER: GRANT TRIGGER ON `{db}`.* TO {who}"),
            format!("PROCESS: GRANT PROCESS ON *.* TO {who}"),
        ];
        expected.extend(monitors.map(|m| format!("{m}: GRANT {m} ON *.* TO {who}")));
        assert_eq!(missing(&report), expected);
        let depth = Depth::Everything(Needs { read_lock: true });
        let report = probe(&endpoint, &db, depth).await;
        expected.push(format!("RELOAD: GRANT RELOAD ON *.* TO {who}"));
        assert_eq!(missing(&report), expected, "only where a global read lock may be taken");
        // The statements are what they say: run, nothing is missing any more.
        for found in &report.privileges.missing {
            pair.source.sql(&found.grant);
        }
        let report = probe(&endpoint, &db, depth).await;
        assert_eq!(missing(&report), [""; 0]);
        drop_account(&pair);
    }

    async fn privileges_of_a_role_in_force_count(pair: Pair) {
        let db = pair.source_db();
        let role = format!("r_{db}");
        pair.source.sql(&format!(
            "CREATE TABLE {} (id INT PRIMARY KEY); DROP ROLE IF EXISTS `{role}`; CREATE ROLE `{role}`; \
             GRANT SELECT, SHOW VIEW, TRIGGER ON `{db}`.* TO `{role}`; GRANT PROCESS ON *.* TO `{role}`;",
            pair.source_table("t")
        ));
        let endpoint = account(&pair, &[format!("GRANT `{role}`")]);
        let user = format!("'u_{db}'@'127.0.0.1'");
        pair.source.sql(&match pair.flavour {
            Flavour::Mariadb => format!("SET DEFAULT ROLE `{role}` FOR {user}"),
            Flavour::Mysql => format!("SET DEFAULT ROLE `{role}` TO {user}"),
        });
        let report = probe_all(&endpoint, &db).await;
        assert!(report.ok, "{:?}", report.error);
        let lacks: Vec<&str> = report.privileges.missing.iter().map(|m| m.privilege.as_str()).collect();
        assert_eq!(lacks, monitors(&pair.source));
        drop_account(&pair);
        pair.source.sql(&format!("DROP ROLE `{role}`"));
    }

    async fn a_table_that_can_be_seen_but_not_read_is_named(pair: Pair) {
        let db = pair.source_db();
        pair.source.sql(&format!(
            "CREATE TABLE {} (id INT PRIMARY KEY); CREATE TABLE {} (id INT PRIMARY KEY);",
            pair.source_table("open"), pair.source_table("shut")
        ));
        let endpoint = account(&pair, &[
            format!("GRANT SELECT ON `{db}`.`open`"),
            format!("GRANT INSERT ON `{db}`.`shut`"),
        ]);
        let report = probe_all(&endpoint, &db).await;
        assert!(report.ok, "{:?}", report.error);
        assert_eq!(
            missing(&report)[0],
            format!("SELECT: GRANT SELECT ON `{db}`.`shut` TO 'u_{db}'@'127.0.0.1'")
        );
        assert!(report.warnings.iter().any(|w| w.contains("table by table")), "{:?}", report.warnings);
        drop_account(&pair);
    }

    async fn an_account_that_can_read_nothing_fails_with_the_grant(pair: Pair) {
        let db = pair.source_db();
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let endpoint = account(&pair, &[]);
        let report = probe_all(&endpoint, &db).await;
        assert!(!report.ok);
        let error = report.error.unwrap();
        assert!(error.contains(&format!("GRANT SELECT ON `{db}`.* TO 'u_{db}'@'127.0.0.1'")), "{error}");
        drop_account(&pair);
    }

    async fn what_keeps_a_source_from_being_used_is_said_with_a_remedy(pair: Pair) {
        let db = pair.source_db();
        let good = account(&pair, &[format!("GRANT SELECT ON `{db}`.*")]);
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = free.local_addr().unwrap().port();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mute = silent.local_addr().unwrap().port();
        drop(free);
        let wrong_password = altered(&good, |e| e.password = "canary-wrong".to_owned().into());
        let refused = altered(&good, |e| e.addresses = vec![Address::Tcp("127.0.0.1".into(), nobody)]);
        let mute = altered(&good, |e| {
            e.addresses = vec![Address::Tcp("127.0.0.1".into(), mute)];
            e.connect_timeout = Duration::from_millis(300);
        });
        let nobody_known = altered(&good, |e| e.username = "nobody-at-all".to_owned());
        let no_name = altered(&good, |e| {
            e.addresses = vec![Address::Tcp("no-such-host.invalid".into(), 3306)];
        });
        let no_socket = altered(&good, |e| e.addresses = vec![Address::Socket("/nowhere/sock".into())]);
        let no_ca = altered(&good, |e| {
            e.ssl = Ssl { mode: SslMode::VerifyIdentity, ca: Some("/nowhere/ca.pem".into()), ..Ssl::default() };
        });
        for (endpoint, database, words) in [
            (&wrong_password, db.as_str(), &["Access denied", "1045", "password"][..]),
            (&pair.source.endpoint(), "no_such_database", &["no database no_such_database"][..]),
            (&refused, &db, &["refused", "check host and port"][..]),
            (&mute, &db, &["did not answer within 300ms", "connect_timeout"][..]),
            (&no_name, &db, &["no-such-host.invalid", "check host"][..]),
            (&no_socket, &db, &["/nowhere/sock", "check socket"][..]),
            (&no_ca, &db, &["ssl.ca: can't read /nowhere/ca.pem", "check the path"][..]),
            (&nobody_known, &db, &["nobody-at-all", "check the username"][..]),
        ] {
            let begun = Instant::now();
            let report = probe_all(endpoint, database).await;
            assert!(!report.ok);
            let error = report.error.unwrap();
            for word in words {
                assert!(error.contains(word), "{word} is not in: {error}");
            }
            assert!(!error.contains("canary"), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
        }
        drop_account(&pair);
    }

    async fn an_account_that_requires_tls_is_told_so(pair: Pair) {
        let db = pair.source_db();
        let endpoint = account(&pair, &[format!("GRANT SELECT ON `{db}`.*")]);
        pair.source.sql(&format!("ALTER USER 'u_{db}'@'127.0.0.1' REQUIRE SSL"));
        let report = probe_all(&endpoint, &db).await;
        assert!(!report.ok);
        assert!(report.error.unwrap().contains("set ssl to true"));
        let with_tls = altered(&endpoint, |e| e.ssl.mode = SslMode::Required);
        let report = probe_all(&with_tls, &db).await;
        match pair.flavour {
            // This server of the distribution has no certificate.
            Flavour::Mariadb => assert!(report.error.unwrap().contains("the server offers no TLS")),
            Flavour::Mysql => {
                assert_eq!(report.error, None);
                assert!(report.tls.used && !report.tls.verified);
                assert!(report.tls.version.unwrap().starts_with("TLSv1"));
                // Made by the server itself: signed by an authority of its own, for no name.
                for (ca, words) in [
                    (None, "set ssl.ca"),
                    (Some(pair.source.data.join("db/ca.pem")), "subjectAltName"),
                ] {
                    let checked = altered(&endpoint, |e| {
                        e.ssl.mode = SslMode::VerifyIdentity;
                        e.ssl.ca = ca.map(|path| path.display().to_string());
                    });
                    let error = probe_all(&checked, &db).await.error.unwrap();
                    assert!(error.contains("TLS: invalid peer certificate") && error.contains(words), "{error}");
                }
            }
        }
        drop_account(&pair);
    }

    async fn the_tables_of_a_source_are_listed_with_key_and_size(pair: Pair) {
        pair.source.sql(&format!(
            "CREATE TABLE {} (a INT, b INT, c TEXT, PRIMARY KEY (b, a)) COMMENT 'of things'; \
             CREATE TABLE {} (a INT); CREATE VIEW {} AS SELECT 1 AS x;",
            pair.source_table("keyed"), pair.source_table("bare"), pair.source_table("a_view")
        ));
        let mut session = pair.source.session().await;
        let tables = source_tables(&mut session, &pair.source_db()).await.unwrap();
        let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["bare", "keyed"]);
        assert_eq!(tables[1].primary_key, ["b", "a"]);
        assert_eq!(tables[1].comment, "of things");
        assert_eq!(tables[1].engine.as_deref(), Some("InnoDB"));
        assert!(tables[1].data_bytes > 0 && tables[0].primary_key.is_empty());
    }

    async fn a_database_is_the_same_only_on_the_same_server(pair: Pair) {
        let mut source = pair.source.session().await;
        let mut again = pair.source.session().await;
        let mut local = pair.local.session().await;
        assert!(same_database(&mut source, "d", &mut again, "d").await.unwrap());
        assert!(!same_database(&mut source, "d", &mut again, "e").await.unwrap());
        assert!(!same_database(&mut source, "d", &mut local, "d").await.unwrap());
    }
}
