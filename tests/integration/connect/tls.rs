//! What each TLS mode believes, with real certificates.

use std::sync::Arc;

use db_taxi::model::connection::{Ssl, SslMode};
use db_taxi::model::report::TestReport;
use db_taxi::mysql::Endpoint;
use db_taxi::mysql::probe::{Depth, Needs, probe};

use super::certificates::{Certificates, NOW};
use crate::both_flavours;
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer};

fn ssl(certificates: &Certificates, mode: SslMode, ca: &str) -> Ssl {
    Ssl {
        mode,
        ca: (!ca.is_empty()).then(|| certificates.path(ca)),
        ..Ssl::default()
    }
}

async fn with(server: &PrivateServer, account: &str, ssl: Ssl) -> TestReport {
    let endpoint = server.server.endpoint_as(account, "canary-password");
    let mut endpoint: Endpoint = (*endpoint).clone();
    endpoint.ssl = ssl;
    let depth = Depth::Everything(Needs::default());
    probe(&Arc::new(endpoint), "mysql", depth).await
}

fn accounts(server: &PrivateServer) {
    server.server.sql(
        "CREATE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'canary-password'; \
         GRANT ALL ON *.* TO 'plain'@'127.0.0.1' WITH GRANT OPTION; \
         CREATE USER 'certified'@'127.0.0.1' IDENTIFIED BY 'canary-password' REQUIRE X509; \
         GRANT ALL ON *.* TO 'certified'@'127.0.0.1' WITH GRANT OPTION;",
    );
}

both_flavours! {
    /// One server that changes its certificate: each mode against each of them.
    async fn each_mode_believes_what_it_says_and_refuses_the_rest_with_a_remedy(pair: Pair) {
        use SslMode::{Required, VerifyCa, VerifyIdentity};
        let certificates = Certificates::new();
        let Some(server) = certificates.server(pair.flavour) else { return };
        accounts(&server);
        const UNKNOWN: &[&str] = &["UnknownIssuer", "set ssl.ca to its PEM file"];
        const EXPIRED: &[&str] = &["expired", "renew it"];
        const EARLY: &[&str] = &["not valid yet", "check the clocks"];
        const GOOD: &[&str] = &[];
        for (names, years, trials) in [
            (&["localhost", "127.0.0.1"][..], NOW, &[
                (Required, "", GOOD),
                (Required, "other-ca", GOOD),
                (VerifyCa, "ca", GOOD),
                (VerifyIdentity, "ca", GOOD),
                (VerifyCa, "other-ca", UNKNOWN),
                (VerifyIdentity, "other-ca", UNKNOWN),
                (VerifyIdentity, "", UNKNOWN),
                (VerifyCa, "no-pem", &["ssl.ca", "no certificate", "PEM"]),
            ][..]),
            (&["db.example.org"], NOW, &[
                (Required, "", GOOD),
                (VerifyCa, "ca", GOOD),
                (VerifyCa, "other-ca", UNKNOWN),
                (VerifyIdentity, "ca", &["not valid for name", "subjectAltName", "verify_ca"]),
            ]),
            // The names learned of the one before hold no more.
            (&["10.9.8.7"], NOW, &[(VerifyCa, "ca", GOOD)]),
            (&["*.example.org"], NOW, &[(VerifyCa, "ca", GOOD)]),
            (&[], NOW, &[
                (Required, "", GOOD),
                (VerifyCa, "ca", &["not valid for name", "has no subjectAltName"]),
            ]),
            (&["127.0.0.1"], (2001, 2011), &[
                (Required, "", GOOD),
                (VerifyCa, "ca", EXPIRED),
                (VerifyIdentity, "ca", EXPIRED),
            ]),
            (&["127.0.0.1"], (2080, 2090), &[(VerifyIdentity, "ca", EARLY)]),
        ] {
            match (pair.flavour, years) {
                (Flavour::Mysql, (2001, _)) => certificates.change_to_expired(&server, names),
                (Flavour::Mysql, (2080, _)) => {
                    // No server of its kind presents one: it is refused when it is loaded.
                    certificates.present(names, years);
                    let refused = certificates.reload(&server).unwrap_err();
                    assert!(refused.contains("SSL"), "{refused}");
                    continue;
                }
                _ => certificates.change(&server, names, years),
            }
            for (mode, ca, words) in trials {
                let report = with(&server, "plain", ssl(&certificates, *mode, ca)).await;
                let trial = format!("{names:?} {years:?} {} {ca}", mode.as_str());
                if words.is_empty() {
                    assert_eq!(report.error, None, "{trial}");
                    assert!(report.tls.used, "{trial}");
                    assert_eq!(report.tls.verified, *mode != Required, "{trial}");
                    continue;
                }
                let error = report.error.unwrap_or_else(|| panic!("{trial} was believed"));
                for word in *words {
                    assert!(error.contains(word), "{trial}: {word} is not in: {error}");
                }
                assert!(!error.contains("canary"), "{error}");
            }
        }
    }

    /// As old instructions had them made: what can't be checked is said with what to do instead.
    async fn a_certificate_of_version_one_is_refused_with_a_remedy(pair: Pair) {
        let certificates = Certificates::new();
        let Some(server) = certificates.server(pair.flavour) else { return };
        accounts(&server);
        certificates.present_version_one();
        certificates.reload(&server).unwrap();
        for mode in [SslMode::Required, SslMode::VerifyCa, SslMode::VerifyIdentity] {
            let report = with(&server, "plain", ssl(&certificates, mode, "ca")).await;
            let error = report.error.unwrap_or_else(|| panic!("{} believed it", mode.as_str()));
            assert!(error.contains("version 1") && error.contains("subjectAltName"), "{}: {error}", mode.as_str());
        }
    }

    async fn an_account_that_wants_a_certificate_gets_the_right_one(pair: Pair) {
        let certificates = Certificates::new();
        let Some(server) = certificates.server(pair.flavour) else { return };
        accounts(&server);
        for (cert, key, words) in [
            ("client-cert", "client-key", &[][..]),
            ("", "", &["1045", "asks for a client certificate"]),
            ("stranger-cert", "stranger-key", &["the server refused our certificate", "ssl_ca"]),
            ("client-cert", "stranger-key", &["ssl.key is not the key of ssl.cert"]),
        ] {
            let mut with_client = ssl(&certificates, SslMode::VerifyIdentity, "ca");
            if !cert.is_empty() {
                with_client.cert = Some(certificates.path(cert));
                with_client.key = Some(certificates.path(key));
            }
            let report = with(&server, "certified", with_client).await;
            match (report.error, words) {
                (None, []) => assert!(report.tls.verified),
                (None, _) => panic!("{cert} with {key} was accepted"),
                (Some(error), words) => {
                    assert!(!words.is_empty(), "{cert}: {error}");
                    for word in words {
                        assert!(error.contains(word), "{cert} {key}: {word} is not in: {error}");
                    }
                }
            }
        }
    }

    /// Source by client certificate and local server by `database.ssl`, migrations included.
    async fn a_whole_run_over_tls_on_both_sides(pair: Pair) {
        let certificates = Certificates::new();
        let Some(server) = certificates.server(pair.flavour) else { return };
        accounts(&server);
        certificates.change(&server, &["db.example.org"], NOW);
        let own = Pair::on(server.server.clone(), server.server.clone());
        server.server.sql(&format!(
            "CREATE TABLE {t} (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO {t} VALUES (1, 'a'), (2, 'ü')",
            t = own.source_table("t")
        ));
        let taxi = DbTaxi::unmigrated(&own);
        let settings = std::fs::read_to_string(taxi.path("config.yaml")).unwrap().replace(
            "username: root",
            &format!(
                "username: certified\n  password: canary-password\n  \
                 ssl: {{mode: verify_ca, ca: {}, cert: {}, key: {}}}",
                certificates.path("ca"),
                certificates.path("client-cert"),
                certificates.path("client-key"),
            ),
        );
        taxi.write("config.yaml", &settings);
        taxi.import(&format!(
            "version: 1\n\
             connections:\n\
             - name: source\n  host: 127.0.0.1\n  port: {}\n  username: certified\n  \
             password: canary-password\n  database: {}\n  local_db_name: {}\n  \
             ssl: {{mode: verify_ca, ca: {}, cert: {}, key: {}}}\n\
             configs:\n\
             - {{name: everything, connection: source, tables: '*'}}\n",
            own.source.port, own.source_db(), own.target_db(),
            certificates.path("ca"),
            certificates.path("client-cert"),
            certificates.path("client-key"),
        ));
        taxi.run(&["run", "everything"]).expect_code(0);
        own.judge("t", "t").equal();
        let report = taxi.run(&["connections", "test", "source", "--json"]).expect_code(0).json();
        assert_eq!(report["tls"]["verified"], true);
    }
}
