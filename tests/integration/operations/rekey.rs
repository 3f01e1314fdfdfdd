//! `config rekey`: another key, nothing lost, whenever it is cut off.

use super::*;

/// The keys in the key file, in order.
fn keys(taxi: &DbTaxi) -> Vec<String> {
    let text = std::fs::read_to_string(taxi.path("secret.key")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn test_connection(taxi: &DbTaxi) -> Option<i32> {
    taxi.run(&["connections", "test", "shop"]).code()
}

both_flavours! {
    async fn another_key_seals_everything_and_masks_stay_as_they_were(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let account = with_password(&pair, &taxi, "canary-password");
        taxi.run(&["run", "people"]).expect_code(0);
        let hashed = pair.local.sql(&format!("SELECT email FROM {}", pair.target_table("people")));
        let before = keys(&taxi);
        let sealed = || pair.local.sql(&format!("SELECT HEX(password_sealed) FROM `{}`.sync_connections", pair.control_db()));
        let old = sealed();

        let done = taxi.run(&["config", "rekey", "--json"]).expect_code(0).json();
        assert_eq!((done["secrets"].as_u64(), done["resumed"].as_bool()), (Some(1), Some(false)), "{done}");
        let after = keys(&taxi);
        assert_eq!(after.len(), 2);
        assert!(after[1] == before[0] && after[0] != before[0], "the old key is last");
        assert_ne!(sealed(), old);
        let known = pair.local.sql(&format!("SELECT key_id FROM `{}`.secret_keys", pair.control_db()));
        assert_eq!(known.trim(), done["key_id"].as_str().unwrap());

        taxi.run(&["run", "people", "--fresh"]).expect_code(0);
        assert_eq!(pair.local.sql(&format!("SELECT email FROM {}", pair.target_table("people"))), hashed);
        assert!(hashed.trim().len() > 16, "{hashed}");
        // And once more, over two keys.
        taxi.run(&["config", "rekey"]).expect_code(0);
        assert_eq!(keys(&taxi).len(), 3);
        taxi.run(&["verify", "people"]).expect_code(0);
        pair.source.sql(&format!("DROP USER {account}"));
    }

    async fn cut_off_anywhere_both_keys_are_there_and_the_next_call_goes_on(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let account = with_password(&pair, &taxi, "canary-password");
        let first = keys(&taxi);
        // Somebody holds a row: the transaction can't end.
        let mut holder = pair.local.session().await;
        holder.run("BEGIN").await.unwrap();
        holder.run(&format!("UPDATE `{}`.sync_connections SET name = name", pair.control_db())).await.unwrap();
        holder.run(&format!("SELECT * FROM `{}`.sync_connections FOR UPDATE", pair.control_db())).await.unwrap();
        let cut_off = taxi.start(&["config", "rekey"]);
        wait_until(LIMIT, "the staged key", || keys(&taxi).len() == 3);
        cut_off.crash();
        let staged = keys(&taxi);
        assert!(staged[0] == first[0] && staged[2] == first[0] && staged[1] != first[0]);
        holder.run("ROLLBACK").await.unwrap();
        assert_eq!(test_connection(&taxi), Some(0), "the old key seals and opens");

        let done = taxi.run(&["config", "rekey"]).expect_code(0);
        assert!(done.stderr.contains("brought to its end"), "{done:?}");
        assert_eq!(keys(&taxi), [staged[1].clone(), first[0].clone()]);
        assert_eq!(test_connection(&taxi), Some(0));

        // As it is between the transaction and the last writing of the file.
        std::fs::write(taxi.path("secret.key"), format!("{}\n{}\n{}\n", first[0], staged[1], first[0])).unwrap();
        assert_eq!(test_connection(&taxi), Some(0));
        // What is sealed in this state is sealed with the old key, and found by the next call.
        pair.source.sql(&format!("ALTER USER {account} IDENTIFIED BY 'canary-another'"));
        let mapping = std::fs::read_to_string(taxi.path("mapping.yaml")).unwrap();
        taxi.import(&mapping.replace("canary-password", "canary-another"));
        assert_eq!(test_connection(&taxi), Some(0));
        let done = taxi.run(&["config", "rekey", "--json"]).expect_code(0).json();
        assert_eq!((done["secrets"].as_u64(), done["resumed"].as_bool()), (Some(1), Some(true)), "{done}");
        assert_eq!(keys(&taxi), [staged[1].clone(), first[0].clone()]);
        pair.source.sql(&format!("DROP USER {account}"));
    }

    async fn an_instance_with_a_copy_of_the_file_is_asked_about_and_given_the_key_first(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let account = with_password(&pair, &taxi, "canary-password");
        let other = taxi.sibling();
        let copy = other.path("copy.key");
        let give = || std::fs::copy(taxi.path("secret.key"), &copy).unwrap();
        give();
        let other = other.set(&format!("security.key_file={}", copy.display()));
        let service = other.start(&["--headless", "--listen", "127.0.0.1:0"]);
        service.wait_to_say(LIMIT, &["job engine started"]);
        let asked = taxi.run(&["config", "rekey"]).expect_code(4);
        assert!(asked.stderr.contains("--stage"), "{asked:?}");
        assert_eq!(keys(&taxi).len(), 1, "nothing was done");

        taxi.run(&["config", "rekey", "--stage"]).expect_code(0);
        give();
        taxi.run(&["config", "rekey", "-y"]).expect_code(0);
        // Both have the key: the one that runs reads its file when it meets it.
        assert_eq!(test_connection(&other), Some(0));
        let job = taxi.run(&["jobs", "start", "people", "--json"]).expect_code(0).json();
        let id = job["id"].as_str().unwrap().to_owned();
        wait_until(LIMIT, "the job", || taxi.run(&["jobs", "show", &id, "--json"]).json()["state"] == "completed");
        drop(service);
        pair.source.sql(&format!("DROP USER {account}"));
    }
}
