//! Connections, configs and instances: names and targets taken once, changes whole or not at all.

use super::*;

both_flavours! {
    async fn names_and_targets_are_taken_once(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        assert_eq!(conflict(store.create_connection(&connection_spec("prod", "x")).await).0, "name_taken");
        store.create_connection(&connection_spec("Prod", "elsewhere")).await.unwrap();
        assert_eq!(conflict(store.create_config(&config_spec("users", "prod", &["z"])).await).0, "name_taken");
        let (code, text) = conflict(store.create_config(&config_spec("more", "prod", &["a", "users"])).await);
        assert_eq!(code, "target_taken");
        assert!(text.contains("copy.users") && text.contains("more"), "{text}");
        let mut twice = config_spec("twice", "prod", &["a", "b"]);
        twice.tables[1].target_table = Some("a".to_owned());
        assert_eq!(conflict(store.create_config(&twice).await).0, "target_taken");
        store.create_config(&config_spec("elsewhere", "Prod", &["users"])).await.unwrap();
        let moved = store.connection_named("Prod").await.unwrap().unwrap();
        let clash = store.update_connection(moved.id, &connection_spec("Prod", "copy"), None).await;
        assert_eq!(conflict(clash).0, "target_taken");
        assert_eq!(store.connection(moved.id).await.unwrap().unwrap(), moved, "nothing has changed");

        let missing = store.create_config(&config_spec("c", "nowhere", &["t"])).await;
        assert!(matches!(missing, Err(StoreError::NotFound { kind: "connection", .. })));
        let renamed = store.update_connection(connection.id, &connection_spec("production", "copy"), Some(1)).await.unwrap();
        assert_eq!(store.config(config.id).await.unwrap().unwrap().spec.connection, renamed.spec.name);
        let stale = store.update_connection(connection.id, &connection_spec("x", "copy"), Some(1)).await;
        assert!(matches!(stale, Err(StoreError::PreconditionFailed)));
        let stale = store.update_config(config.id, &config_spec("x", "production", &["t"]), Some(7)).await;
        assert!(matches!(stale, Err(StoreError::PreconditionFailed)));
    }

    async fn configs_read_back_with_their_rules_in_order(pair: Pair) {
        let store = open(&pair).await;
        store.create_connection(&connection_spec("prod", "copy")).await.unwrap();
        let mut spec = config_spec("all", "prod", &["z", "a"]);
        spec.tables.push(TableRule::of_pattern("log_*"));
        spec.tables[0].where_clause = Some("created_at > '2024-01-01' AND name <> 'ü'".to_owned());
        spec.exclude = vec!["tmp_*".to_owned()];
        spec.options.table.max_delete_rows = Some(5);
        spec.enabled = false;
        let made = store.create_config(&spec).await.unwrap();
        assert_eq!((&made.spec, made.version), (&spec, 1));
        spec.tables.remove(1);
        let changed = store.update_config(made.id, &spec, Some(1)).await.unwrap();
        assert_eq!((&changed.spec, changed.version), (&spec, 2));
        assert_eq!(store.list_configs(Some(made.connection_id)).await.unwrap(), [changed]);
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.total_configs, stats.enabled_configs), (1, 0));
    }

    async fn an_import_is_all_or_nothing_and_leaves_equal_ones_alone(pair: Pair) {
        let store = open(&pair).await;
        let connections = [with_password(connection_spec("prod", "copy"), "secret"), connection_spec("b", "b")];
        let configs = [config_spec("users", "prod", &["users"]), config_spec("orders", "b", &["orders"])];
        store.apply_import(&connections, &configs).await.unwrap();
        let before = (store.list_connections().await.unwrap(), store.list_configs(None).await.unwrap());
        store.apply_import(&connections, &configs).await.unwrap();
        assert_eq!((store.list_connections().await.unwrap(), store.list_configs(None).await.unwrap()), before);

        let broken = [config_spec("orders", "b", &["o2"]), config_spec("extra", "prod", &["users"])];
        let changed = [with_password(connection_spec("prod", "copy"), "other"), connection_spec("new", "n")];
        assert_eq!(conflict(store.apply_import(&changed, &broken).await).0, "target_taken");
        assert_eq!((store.list_connections().await.unwrap(), store.list_configs(None).await.unwrap()), before);

        store.apply_import(&changed, &broken[..1]).await.unwrap();
        let versions: Vec<_> = store.list_connections().await.unwrap().iter().map(|c| c.version).collect();
        assert_eq!(versions, [1, 1, 2], "b, new, prod");
        let prod = store.connection_named("prod").await.unwrap().unwrap();
        assert_eq!(store.connection_password(prod.id).await.unwrap(), Some(Secret::parse("other")));
    }

    async fn health_is_no_change_of_a_connection(pair: Pair) {
        let store = open(&pair).await;
        let made = store.create_connection(&connection_spec("prod", "copy")).await.unwrap();
        let health = Health { state: HealthState::Ok, latency_ms: Some(1.5), ..Health::default() };
        store.set_connection_health(made.id, &health).await.unwrap();
        let stored = store.connection(made.id).await.unwrap().unwrap();
        assert_eq!((stored.version, stored.updated_at, &stored.health), (1, made.updated_at, &health));
        assert_eq!(store.stats().await.unwrap().connected_connections, 1);
    }

    async fn living_instances_have_names_of_their_own(pair: Pair) {
        let store = open(&pair).await;
        let racers: Vec<_> = (0..5)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.register_instance(&instance("host")).await.unwrap() })
            })
            .collect();
        let mut entered = Vec::new();
        for racer in racers {
            entered.push(racer.await.unwrap());
        }
        let mut names: Vec<_> = entered.iter().map(|i| i.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "host-2", "host-3", "host-4", "host-5"]);
        let job = JobId::generate();
        let labels = ["eu".to_owned()];
        store.heartbeat(entered[0].id, &labels, &[job]).await.unwrap();
        store.heartbeat(entered[0].id, &labels, &[job]).await.unwrap();
        store.stop_instance(entered[1].id).await.unwrap();
        control(&pair, &format!("UPDATE instances SET seen_at = seen_at - INTERVAL 2 MINUTE WHERE id = '{}'", entered[2].id));
        let listed = store.list_instances().await.unwrap();
        let state = |i: usize| listed.iter().find(|l| l.id == entered[i].id).unwrap();
        assert_eq!((state(0).state, &state(0).jobs, &state(0).labels), (InstanceState::Alive, &vec![job], &labels.to_vec()));
        assert_eq!((state(1).state, state(2).state), (InstanceState::Stopped, InstanceState::Lost));
        assert_eq!(store.stats().await.unwrap().instances, 3);
        for taken_again in [&entered[1], &entered[2]] {
            let mut again = instance(&taken_again.name);
            again.name.clone_from(&taken_again.name);
            assert_eq!(store.register_instance(&again).await.unwrap().name, taken_again.name);
        }
        let unknown = store.heartbeat(InstanceId::generate(), &[], &[]).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { .. })));

        // One that was frozen wakes up: its name belongs to another by now.
        let woken = store.heartbeat(entered[2].id, &[], &[]).await;
        assert!(matches!(woken, Err(StoreError::NotFound { .. })));
        let again = store.register_instance(&entered[2]).await.unwrap();
        assert_eq!((again.id, again.state), (entered[2].id, InstanceState::Alive));
        assert!(again.name != entered[2].name && again.name.starts_with(&entered[2].name), "{}", again.name);
        store.heartbeat(entered[2].id, &[], &[]).await.unwrap();
        let listed = store.list_instances().await.unwrap();
        assert_eq!(listed.iter().filter(|one| one.id == entered[2].id).count(), 1);
    }

    async fn instances_that_are_long_gone_are_forgotten_and_commands_sooner(pair: Pair) {
        let store = open(&pair).await;
        let mut entered = Vec::new();
        for (name, roles) in [("service", vec!["worker".to_owned()]), ("run", vec![])] {
            let mut one = instance(name);
            one.roles = roles;
            entered.push(store.register_instance(&one).await.unwrap());
        }
        let names = async || {
            store.forget_instances().await.unwrap();
            let mut names: Vec<_> = store.list_instances().await.unwrap().into_iter().map(|one| one.name).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names().await, ["run", "service"]);
        control(&pair, "UPDATE instances SET seen_at = seen_at - INTERVAL 2 HOUR");
        assert_eq!(names().await, ["service"]);
        control(&pair, "UPDATE instances SET seen_at = seen_at - INTERVAL 7 DAY");
        assert!(names().await.is_empty());
    }
}
