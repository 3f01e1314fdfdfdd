//! Keys: secrets are sealed by one key, made once, and no other one is put in its place.

use super::*;

both_flavours! {
    async fn a_password_is_sealed_and_found_nowhere(pair: Pair) {
        let store = open(&pair).await;
        let spec = with_password(connection_spec("prod", "copy"), "canary-pass");
        let made = store.create_connection(&spec).await.unwrap();
        assert!(made.has_password);
        assert_eq!(made.spec.password, None);
        let dump = control(&pair, "SELECT * FROM sync_connections; SELECT * FROM secret_keys");
        assert!(!dump.contains("canary"), "{dump}");
        let Some(Secret::Text(text)) = store.connection_password(made.id).await.unwrap() else {
            panic!("no password");
        };
        assert_eq!(text.expose_secret(), "canary-pass");

        let kept = store.update_connection(made.id, &connection_spec("prod", "copy2"), Some(1)).await.unwrap();
        assert_eq!((kept.version, kept.has_password), (2, true));
        assert!(store.connection_password(made.id).await.unwrap().is_some());
        let referred = with_password(connection_spec("prod", "copy2"), "${env:SHOP_PASSWORD}");
        let referred = store.update_connection(made.id, &referred, None).await.unwrap();
        assert_eq!(referred.spec.password, Some(Secret::Env("SHOP_PASSWORD".to_owned())));
        assert_eq!(control(&pair, "SELECT COUNT(password_sealed) FROM sync_connections").trim(), "0");
        let kept = store.update_connection(made.id, &connection_spec("prod", "copy3"), None).await.unwrap();
        assert_eq!(kept.spec.password, Some(Secret::Env("SHOP_PASSWORD".to_owned())));
        let none = with_password(connection_spec("prod", "copy3"), "");
        assert!(!store.update_connection(made.id, &none, None).await.unwrap().has_password);
    }

    async fn a_sealed_value_of_another_row_does_not_open(pair: Pair) {
        let store = open(&pair).await;
        let a = store.create_connection(&with_password(connection_spec("a", "a"), "one")).await.unwrap();
        store.create_connection(&with_password(connection_spec("b", "b"), "two")).await.unwrap();
        control(&pair, "UPDATE sync_connections a JOIN sync_connections b ON b.name = 'b' \
            SET a.password_sealed = b.password_sealed WHERE a.name = 'a'");
        wrong_key(store.connection_password(a.id).await);
    }

    async fn a_wrong_key_is_refused_and_no_key_is_made_in_its_place(pair: Pair) {
        let store = open(&pair).await;
        let made = store.create_connection(&with_password(connection_spec("prod", "copy"), "x")).await.unwrap();
        let wrong = Store::open(options(&pair, KeyRing::from_base64(OTHER_KEY).unwrap())).await;
        assert!(wrong_key(wrong).contains("DBT_SECRET_KEY"));
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret.key");
        let absent = Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await;
        assert!(wrong_key(absent).contains("copy it from the host"));
        assert!(!path.exists());
        // Once nothing is sealed, any key may begin.
        store.delete_connection(made.id).await.unwrap();
        let other = Store::open(options(&pair, KeyRing::from_base64(OTHER_KEY).unwrap())).await.unwrap();
        other.create_connection(&with_password(connection_spec("prod", "copy"), "y")).await.unwrap();
        wrong_key(store.create_connection(&with_password(connection_spec("p2", "c2"), "z")).await);
        assert!(store.connection_named("p2").await.unwrap().is_none());
        store.create_connection(&connection_spec("p3", "c3")).await.unwrap();
    }

    async fn a_key_is_made_with_the_first_secret_and_only_one(pair: Pair) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret.key");
        let mut stores = Vec::new();
        for _ in 0..4 {
            // All of them looked before there was a key file.
            stores.push(Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap());
        }
        stores[0].create_connection(&connection_spec("bare", "bare")).await.unwrap();
        assert!(!path.exists());
        let sealers: Vec<_> = stores
            .iter()
            .cloned()
            .enumerate()
            .map(|(i, store)| {
                let spec = with_password(connection_spec(&format!("c{i}"), &format!("d{i}")), "secret");
                tokio::spawn(async move { store.create_connection(&spec).await.unwrap().id })
            })
            .collect();
        let mut ids = Vec::new();
        for sealer in sealers {
            ids.push(sealer.await.unwrap());
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(control(&pair, "SELECT COUNT(*) FROM secret_keys").trim(), "1");
        let fresh = Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap();
        for id in ids {
            assert!(fresh.connection_password(id).await.unwrap().is_some());
        }
    }

    async fn two_hosts_that_begin_at_once_end_with_one_key(pair: Pair) {
        let folder = TempDir::new().unwrap();
        let open_on = async |host: &str| {
            let path = folder.path().join(host).join("secret.key");
            Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap()
        };
        let (a, b) = (open_on("a").await, open_on("b").await);
        let spec = |name: &str| with_password(connection_spec(name, name), "secret");
        let (spec_a, spec_b) = (spec("a"), spec("b"));
        let (on_a, on_b) = tokio::join!(a.create_connection(&spec_a), b.create_connection(&spec_b));
        let (won, lost, host) = if on_a.is_ok() { (on_a, on_b, "b") } else { (on_b, on_a, "a") };
        won.unwrap();
        wrong_key(lost);
        assert!(!Path::new(&folder.path().join(host)).join("secret.key").exists());
        assert_eq!(control(&pair, "SELECT COUNT(*) FROM secret_keys").trim(), "1");
    }

    async fn a_key_that_another_process_makes_meanwhile_is_found(pair: Pair) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret.key");
        let looked_early = KeyRing::from_file(&path).unwrap();
        let opened_early = Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap();
        let maker = Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap();
        let spec = with_password(connection_spec("prod", "copy"), "secret");
        let made = maker.create_connection(&spec).await.unwrap();
        assert!(opened_early.connection_password(made.id).await.unwrap().is_some());
        let opened_late = Store::open(options(&pair, looked_early)).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(opened_late.connection_password(made.id).await.unwrap().is_some());
    }
}
