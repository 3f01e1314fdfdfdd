//! Wrong input: told with its place, and nothing was done.

use super::{three_rows, told};
use crate::both_flavours;
use crate::support::{DbTaxi, Flavour, Pair};

const BAD_MAPPING: &str = "version: 1
connections:
- name: c
  hots: x
  port: 99999
  username: root
  database: s
configs:
- name: b
  connection: nope
  tables:
  - {source_table: a, target_table: z}
  - {source_table: b, target_table: z}
  - {}
  options: {batch_size: 0}
";

both_flavours! {
    async fn a_bad_mapping_is_told_line_by_line_and_stores_nothing(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[t]", "{}");
        let before = taxi.run(&["mappings", "export"]).expect_code(0).stdout;
        let path = taxi.write("bad.yaml", BAD_MAPPING);
        let ended = taxi.run(&["-y", "mappings", "import", &path.to_string_lossy()]).expect_code(2);
        told(&ended, &[
            "line 4: connections[0].hots", "line 5: connections[0].port",
            "line 10: configs[0].connection", "line 13: configs[0].tables[1].target_table",
            "line 14: configs[0].tables[2]", "line 15: configs[0].options.batch_size",
        ]);
        let path = taxi.write("bad.yaml", "version: 1\nconnections: [\n");
        let ended = taxi.run(&["-y", "mappings", "import", &path.to_string_lossy()]).expect_code(2);
        told(&ended, &["error: line "]);
        assert_eq!(taxi.run(&["mappings", "export"]).stdout, before);
    }

    async fn bad_settings_are_told_with_file_line_and_key(pair: Pair) {
        let taxi = DbTaxi::unmigrated(&pair);
        let good = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
        let line = good.lines().count() + 2;
        for (text, key) in [
            ("server:\n  prot: 1\n", "server.prot: there is no such key; did you mean server.port"),
            ("server:\n  port: lots\n", "server.port: \"lots\" is not a whole number"),
            ("server:\n  read_timeout: 5\n", "server.read_timeout: \"5\" has no unit"),
            ("server:\n port: [\n", "is not YAML"),
        ] {
            taxi.write("config.yaml", &format!("{good}{text}"));
            let ended = taxi.run(&["migrate"]).expect_code(2);
            told(&ended, &["config.yaml:", key]);
            assert!(key == "is not YAML" || ended.stderr.contains(&format!("config.yaml:{line}:")), "{}", ended.stderr);
        }
        assert!(pair.local.databases(&pair.control_db()).is_empty(), "nothing was done");
    }

    async fn unknown_names_are_told_with_where_to_look(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        for (args, hint) in [
            (&["run", "nosuch"][..], "db-taxi configs list"),
            (&["plan", "nosuch"], "db-taxi configs list"),
            (&["connections", "test", "nosuch"], "db-taxi connections list"),
            (&["jobs", "show", "last:nosuch"], "db-taxi configs list"),
        ] {
            told(&taxi.run(args).expect_code(2), &["nosuch", hint]);
        }
    }

    async fn a_server_that_refuses_is_told_with_what_to_check(pair: Pair) {
        three_rows(&pair, "t");
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[t]", "{}");
        let edit = |args: &[&str]| {
            let all = [&["connections", "edit", "source"][..], args].concat();
            taxi.run(&all).expect_code(0);
        };
        edit(&["--username", "nobody"]);
        told(&taxi.run(&["run", "everything"]).expect_code(3), &["[access_denied]", "hint: check the username nobody"]);
        edit(&["--username", "root", "--host", "nosuch.invalid"]);
        told(&taxi.run(&["run", "everything"]).expect_code(3), &["nosuch.invalid", "hint: the host's name can't be resolved"]);
        edit(&["--host", "127.0.0.1", "--port", "1"]);
        told(&taxi.run(&["run", "everything"]).expect_code(3), &["127.0.0.1:1", "hint: nothing listens there"]);
        let tested = taxi.run(&["connections", "test", "source", "--json"]).expect_code(3).json();
        assert_eq!(tested["ok"], false);
        assert!(tested["error"].as_str().unwrap().contains("check host and port"), "{tested}");
        edit(&["--port", &pair.source.port.to_string(), "--database", "nosuch_database"]);
        told(&taxi.run(&["run", "everything"]).expect_code(1), &["no database nosuch_database", "hint: check `database`"]);
        let elsewhere = taxi.sibling().set("database.username=nobody");
        told(&elsewhere.run(&["status"]).expect_code(3), &["check the username nobody", "db-taxi config show"]);
    }

    async fn what_is_no_table_is_left_and_the_rest_goes_on(pair: Pair) {
        three_rows(&pair, "t");
        pair.source.sql(&format!("CREATE VIEW {} AS SELECT 1 AS id", pair.source_table("v")));
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[t, v, gone]", "{}");
        let ended = taxi.run(&["run", "everything"]).expect_code(1);
        told(&ended, &["v is a view, not a base table", "hint: remove the rule, or name a base table", "[source_missing]"]);
        pair.judge("t", "t").equal();
        if pair.flavour == Flavour::Mariadb {
            pair.source.sql(&format!("CREATE SEQUENCE {}", pair.source_table("s")));
            taxi.import_tables(&pair, "[t, s]", "{}");
            told(&taxi.run(&["run", "everything"]).expect_code(1), &["s is a sequence, not a base table"]);
        }
    }

    async fn a_key_that_does_not_fit_is_wrong_input_and_stays_as_it_is(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[t]", "{}");
        let path = taxi.write("pw", "secret-of-the-source");
        let sealed = std::fs::read_to_string(&path).unwrap();
        let mapping = taxi.write("sealed.yaml", &format!(
            "version: 1\nconnections:\n- {{name: sealed, username: u, database: d, password: {sealed}}}\n"
        ));
        taxi.run(&["mappings", "import", &mapping.to_string_lossy()]).expect_code(0);
        let key = taxi.path("secret.key");
        let right = std::fs::read(&key).unwrap();
        let mode = |mode: u32| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(0o644);
        told(&taxi.run(&["status"]).expect_code(2), &["can be used by others", "chmod 600"]);
        mode(0o600);
        std::fs::remove_file(&key).unwrap();
        told(&taxi.run(&["run", "everything"]).expect_code(2), &["there is no key file", "copy it from the host"]);
        assert!(!key.exists(), "no new key");
        std::fs::write(&key, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n").unwrap();
        mode(0o600);
        let ended = taxi.run(&["connections", "list"]).expect_code(2);
        told(&ended, &["security.key_file", "use the key of the host that sealed them"]);
        assert!(!ended.stderr.contains("database.host"), "{}", ended.stderr);
        std::fs::write(&key, right).unwrap();
        taxi.run(&["connections", "list"]).expect_code(0);
    }

    async fn a_control_database_of_a_newer_program_is_left_alone(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        pair.local.sql(&format!("UPDATE {}.schema_info SET min_reader = 99", pair.control_db()));
        for args in [&["run", "x"][..], &["status"], &["migrate"], &["connections", "list"]] {
            let ended = taxi.run(args).expect_code(3);
            told(&ended, &["reads schema 99", "upgrade db-taxi"]);
            assert!(!ended.stderr.contains("database.host"), "{}", ended.stderr);
        }
    }
}
