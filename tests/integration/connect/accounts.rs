//! Ways of proving who one is.

use std::sync::Arc;

use db_taxi::model::connection::SslMode;
use db_taxi::mysql::Endpoint;
use db_taxi::mysql::probe::{Depth, probe};

use crate::both_flavours;
use crate::support::{Flavour, Pair, PrivateServer};

both_flavours! {
    /// MySQL: caching_sha2_password, first with the whole exchange, then from the server's cache.
    /// MariaDB: ed25519, and the old native passwords.
    async fn each_plugin_of_the_driver_logs_in_and_others_are_named(pair: Pair) {
        // Plugins are loaded for a whole server, so it is the test's own.
        let Some(private) = PrivateServer::start(pair.flavour, &[]) else { return };
        let server = &private.server;
        let accounts: &[(&str, &str)] = match pair.flavour {
            Flavour::Mysql => &[
                ("sha2", "IDENTIFIED WITH caching_sha2_password BY 'pä55'"),
                ("old", "IDENTIFIED WITH sha256_password BY 'pä55'"),
            ],
            Flavour::Mariadb => {
                server.sql("INSTALL SONAME 'auth_ed25519'");
                &[
                    ("ed", "IDENTIFIED VIA ed25519 USING PASSWORD('pä55')"),
                    ("native", "IDENTIFIED VIA mysql_native_password USING PASSWORD('pä55')"),
                ]
            }
        };
        for (name, how) in accounts {
            server.sql(&format!(
                "CREATE USER '{name}'@'127.0.0.1' {how}; GRANT ALL ON *.* TO '{name}'@'127.0.0.1';"
            ));
            let plain = server.endpoint_as(name, "pä55");
            let mut encrypted: Endpoint = (*plain).clone();
            encrypted.ssl.mode = SslMode::Required;
            for _ in 0..2 {
                let report = probe(&plain, "mysql", Depth::Reachable).await;
                if *name == "old" {
                    let error = report.error.unwrap();
                    for word in ["sha256_password", "IDENTIFIED WITH caching_sha2_password"] {
                        assert!(error.contains(word), "{error}");
                    }
                    continue;
                }
                assert_eq!(report.error, None, "{name}");
                if pair.flavour == Flavour::Mysql {
                    let report = probe(&Arc::new(encrypted.clone()), "mysql", Depth::Reachable).await;
                    assert_eq!(report.error, None, "{name} over TLS");
                    assert!(report.tls.used);
                }
            }
            let wrong = probe(&server.endpoint_as(name, "wrong"), "mysql", Depth::Reachable).await;
            assert!(!wrong.ok, "{name}");
        }
    }
}
