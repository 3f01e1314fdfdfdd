//! Jobs as the command line commands them.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::both_flavours;
use crate::support::{DbTaxi, Pair};

fn table(pair: &Pair, name: &str) {
    pair.source.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY); INSERT INTO {0} VALUES (1), (2), (3);",
        pair.source_table(name)
    ));
}

fn job(pair: &Pair, column: &str) -> String {
    pair.local.sql(&format!(
        "SELECT {column} FROM {}.sync_jobs ORDER BY created_at DESC, id DESC LIMIT 1",
        pair.control_db()
    ))
}

both_flavours! {
    async fn events_are_told_one_a_line_in_order(pair: Pair) {
        table(&pair, "a");
        table(&pair, "b");
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[a, b]", "{}");
        let ended = taxi.run(&["run", "everything", "--events"]).expect_code(0);
        let events: Vec<Value> = ended
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types.iter().find(|t| **t != "log" && **t != "job_created"), Some(&"job_started"));
        assert_eq!(types.last(), Some(&"job_finished"), "{types:?}");
        assert_eq!(types.iter().filter(|t| **t == "table_finished").count(), 2);
        for pair in events.windows(2) {
            assert!(pair[0]["seq"].as_u64() < pair[1]["seq"].as_u64(), "{pair:?}");
            assert_eq!(pair[0]["job_id"], pair[1]["job_id"]);
        }
        let last = events.last().unwrap();
        assert_eq!((&last["v"], &last["config"]), (&1.into(), &"everything".into()));
        assert_eq!(last["data"]["tables"].as_array().unwrap().len(), 2);
        assert_eq!(last["data"]["state"], "completed");
    }

    async fn a_retry_does_the_tables_that_were_left(pair: Pair) {
        table(&pair, "a");
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[a, b]", "{}");
        let ended = taxi.run(&["run", "everything"]).expect_code(1);
        let summary = ended.stdout.lines().last().unwrap().to_owned();
        assert!(!summary.contains("goes on"), "nothing was begun: {summary}");
        let first = job(&pair, "id");
        table(&pair, "b");
        taxi.run(&["jobs", "retry", &first]).expect_code(0);
        assert_eq!(job(&pair, "retry_of"), first);
        let shown = taxi.run(&["--json", "jobs", "show", "last:everything"]).expect_code(0).json();
        assert_eq!((&shown["trigger"], &shown["state"]), (&"retry".into(), &"pending".into()));
        taxi.run(&["jobs", "set", "last:everything"]).expect_code(2);
        taxi.run(&["jobs", "set", "last:everything", "--priority", "-5", "--max-concurrency", "2"]).expect_code(0);
        assert_eq!(job(&pair, "priority"), "-5");
        taxi.run(&["run", "everything"]).expect_code(0);
        let shown = taxi.run(&["--json", "jobs", "show", "last:everything"]).expect_code(0).json();
        assert_eq!(shown["tables"].as_array().unwrap().len(), 1);
        assert_eq!(shown["tables"][0]["target_table"], "b");
        pair.judge("b", "b").equal();
        for args in [&["jobs", "retry"][..], &["jobs", "pause"], &["jobs", "resume"], &["jobs", "stop"]] {
            let refused = taxi.run(&[args, &["last:everything"]].concat()).expect_code(4);
            assert!(refused.stderr.contains("last") || refused.stderr.contains("job"), "{}", refused.stderr);
        }
    }

    /// A person who types a command wants to know now, and so does cron.
    async fn a_source_that_was_never_reached_ends_a_command_with_3_at_once(pair: Pair) {
        table(&pair, "a");
        let taxi = DbTaxi::new(&pair).set("sync.retry_delay=30s");
        taxi.import_tables(&pair, "[a]", "{}");
        taxi.run(&["connections", "edit", "source", "--port", "1"]).expect_code(0);
        let began = Instant::now();
        let ended = taxi.run(&["run", "everything"]).expect_code(3);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert!(ended.stderr.contains("127.0.0.1:1"), "{}", ended.stderr);
        assert_eq!(job(&pair, "state"), "failed");
    }

    async fn next_runs_are_shown_and_a_disabled_config_has_none(pair: Pair) {
        table(&pair, "a");
        let taxi = DbTaxi::new(&pair).set("sync.timezone=Europe/Berlin");
        taxi.import_tables(&pair, "[a]", "{}");
        let refused = taxi.run(&["configs", "edit", "everything", "--schedule", "* * * * * *"]).expect_code(2);
        assert!(refused.stderr.contains("six fields"), "{}", refused.stderr);
        taxi.run(&["configs", "edit", "everything", "--schedule", "30 12 * * *"]).expect_code(0);
        let show = |taxi: &DbTaxi| taxi.run(&["--json", "configs", "show", "everything"]).expect_code(0).json();
        let shown = show(&taxi);
        let runs = shown["next_runs"].as_array().unwrap();
        assert_eq!((runs.len(), &runs[0], &shown["schedule"]), (5, &shown["next_run_at"], &"30 12 * * *".into()));
        let hour = &runs[0].as_str().unwrap()[11..16];
        assert!(hour == "10:30" || hour == "11:30", "{hour}");
        let exported = taxi.run(&["mappings", "export"]).expect_code(0).stdout;
        assert!(exported.contains("schedule: 30 12 * * *"), "{exported}");
        let object = "{cron: 30 12 * * *, timezone: Asia/Kolkata, blackout: [22:00-06:00], catch_up: once}";
        taxi.run(&["configs", "edit", "everything", "--schedule", object]).expect_code(0);
        let shown = show(&taxi);
        assert_eq!(shown["schedule"]["timezone"], "Asia/Kolkata");
        assert_eq!(&shown["next_run_at"].as_str().unwrap()[11..16], "07:00");
        let exported = taxi.run(&["mappings", "export"]).expect_code(0).stdout;
        assert!(exported.contains("    timezone: Asia/Kolkata\n    catch_up: once\n"), "{exported}");
        let again = taxi.import(&exported).stdout;
        assert!(again.contains("0 updated, 2 unchanged"), "{again}");
        let refused = taxi.run(&["configs", "edit", "everything", "--schedule", "{cron: '@daily', jitter: 30}"]).expect_code(2);
        assert!(refused.stderr.contains("schedule.jitter"), "{}", refused.stderr);
        taxi.run(&["configs", "disable", "everything"]).expect_code(0);
        assert_eq!(show(&taxi)["next_run_at"], Value::Null);
        let refused = taxi.run(&["run", "everything"]).expect_code(4);
        assert!(refused.stderr.contains("disabled"), "{}", refused.stderr);
    }
}
