//! Migrations: run once by one of many, taken up where they stopped, refused when they are not ours.

use super::*;

both_flavours! {
    async fn many_that_open_a_fresh_database_at_once_all_find_it_migrated_once(pair: Pair) {
        let pair = Arc::new(pair);
        let openers: Vec<_> = (0..8)
            .map(|_| {
                let pair = Arc::clone(&pair);
                tokio::spawn(async move { open(&pair).await.list_connections().await.unwrap() })
            })
            .collect();
        for opener in openers {
            assert!(opener.await.unwrap().is_empty());
        }
        let applied = control(&pair, "SELECT COUNT(*), COUNT(DISTINCT version) FROM refinery_schema_history");
        let n = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
        assert_eq!(applied.trim(), format!("{n}\t{n}"));
        assert_eq!(control(&pair, "SELECT holder IS NULL FROM schema_lock").trim(), "1");
        let status = migration_status(&options(&pair, KeyRing::from_base64(KEY).unwrap())).await.unwrap();
        assert!(status.iter().all(|m| m.known && m.applied_at.is_some()));
        assert_eq!(status.len(), n);
    }

    async fn looking_at_the_migrations_changes_nothing(pair: Pair) {
        let status = migration_status(&options(&pair, KeyRing::from_base64(KEY).unwrap())).await.unwrap();
        assert!(status.iter().all(|m| m.known && m.applied_at.is_none()));
        assert_eq!(pair.local.databases(&pair.control_db()), [""; 0]);
    }

    async fn files_run_by_hand_and_files_left_half_way_are_taken_up(pair: Pair) {
        pair.local.sql(&format!("CREATE DATABASE {}", pair.control_db()));
        let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        // By number: V10 comes after V9.
        files.sort_by_key(|file: &std::path::PathBuf| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            name[1..].split('_').next().unwrap().parse::<u32>().unwrap()
        });
        // The last one is left out: as after a crash between two files.
        for file in &files[..files.len() - 1] {
            control(&pair, &std::fs::read_to_string(file).unwrap());
        }
        control(&pair, "DROP TABLE sync_logs");
        let store = open(&pair).await;
        assert!(store.job_logs(JobId::generate(), &LogFilter::default()).await.unwrap().is_empty());
        assert_eq!(control(&pair, "SELECT version FROM schema_info").trim(), schema_version().to_string());
    }

    async fn who_dies_while_migrating_holds_nobody_up_for_long(pair: Pair) {
        open(&pair).await;
        control(&pair, "DELETE FROM refinery_schema_history WHERE version > 2; \
            UPDATE schema_lock SET holder = 'dead', expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND");
        let began = std::time::Instant::now();
        open(&pair).await;
        assert!(began.elapsed() > Duration::from_millis(500), "the lock was not respected");
    }

    async fn a_newer_schema_is_refused_only_below_its_min_reader(pair: Pair) {
        open(&pair).await;
        let next = schema_version() + 1;
        control(&pair, &format!("UPDATE schema_info SET version = {next}; \
            INSERT INTO refinery_schema_history VALUES ({next}, 'later', '2030-01-01T00:00:00Z', '1')"));
        open(&pair).await;
        let status = migration_status(&options(&pair, KeyRing::from_base64(KEY).unwrap())).await.unwrap();
        assert!(!status.last().unwrap().known);
        control(&pair, &format!("UPDATE schema_info SET min_reader = {next}"));
        let refused = Store::open(options(&pair, KeyRing::from_base64(KEY).unwrap())).await;
        let Err(StoreError::TooNew { min_reader, ours }) = refused else { panic!("it went through") };
        assert_eq!((min_reader, ours), (next, next - 1));
    }

    async fn a_changed_migration_is_refused(pair: Pair) {
        open(&pair).await;
        control(&pair, "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2");
        let refused = Store::open(options(&pair, KeyRing::from_base64(KEY).unwrap())).await;
        let Err(StoreError::Setup(message)) = refused else { panic!("it went through") };
        assert!(message.contains("V2__"), "{message}");
    }

    async fn a_server_that_killed_our_idle_sessions_is_asked_again(pair: Pair) {
        let store = open(&pair).await;
        store.ping().await.unwrap();
        let idle = format!(
            "SELECT id FROM information_schema.processlist WHERE db = '{}'",
            pair.control_db()
        );
        let ids = pair.local.sql(&idle);
        assert_eq!(ids.lines().count(), 1, "{ids}");
        pair.local.sql(&format!("KILL {}", ids.trim()));
        // At once: a session that was used a moment ago is not asked for a sign of life.
        assert!(store.list_connections().await.unwrap().is_empty());
    }

    async fn an_account_without_the_right_is_told_the_grant(pair: Pair) {
        let account = format!("'{0}'@'127.0.0.1'", pair.control_db());
        pair.local.sql(&format!("CREATE USER {account} IDENTIFIED BY 'canary'"));
        let mut options = options(&pair, KeyRing::from_base64(KEY).unwrap());
        options.endpoint = pair.local.endpoint_as(&pair.control_db(), "canary");
        let refused = Store::open(options.clone()).await.err().unwrap();
        let hint = refused.info().hint.unwrap_or_default();
        assert!(hint.contains(&format!("GRANT ALL ON `{}`.*", pair.control_db())), "{refused}: {hint}");
        assert!(refused.is_unavailable() && !refused.to_string().contains("canary"), "{refused}");
        pair.local.sql(&format!("GRANT ALL ON {}.* TO {account}", pair.control_db()));
        Store::open(options).await.unwrap().close().await;
        pair.local.sql(&format!("DROP USER {account}"));
    }

    async fn a_server_that_is_away_is_told_as_such(pair: Pair) {
        let mut options = options(&pair, KeyRing::from_base64(KEY).unwrap());
        let mut away = (*options.endpoint).clone();
        away.addresses = vec![db_taxi::mysql::endpoint::Address::Tcp("127.0.0.1".to_owned(), 1)];
        options.endpoint = Arc::new(away);
        let refused = Store::open(options).await.err().unwrap();
        assert!(refused.is_unavailable(), "{refused}");
    }
}
