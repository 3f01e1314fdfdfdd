//! `mappings check` tells in what a source has changed since its last run.

use crate::both_flavours;
use crate::support::{DbTaxi, Pair};

/// What `mappings check` says, one finding a line.
fn findings(taxi: &DbTaxi, code: i32) -> String {
    let said = taxi.run(&["mappings", "check"]).expect_code(code);
    format!("{}{}", said.stdout, said.stderr)
}

both_flavours! {
    async fn columns_that_came_went_and_changed_since_the_last_run_are_told(pair: Pair) {
        let db = pair.source_db();
        pair.source.sql(&format!(
            "USE {db}; CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(9), c INT NOT NULL, left_out INT); INSERT INTO t VALUES (1, 1, 'x', 1, 1)"
        ));
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[{source_table: t, exclude_columns: [left_out]}]", "{}");
        assert!(findings(&taxi, 0).contains("everything fits"), "nothing has run: nothing can have drifted");
        taxi.run(&["run", "everything"]).expect_code(0);
        assert!(findings(&taxi, 0).contains("everything fits"));

        pair.source.sql(&format!(
            "USE {db}; ALTER TABLE t MODIFY a BIGINT, DROP COLUMN b, ADD COLUMN fresh INT, MODIFY left_out BIGINT"
        ));
        // A target that follows by itself is in step with the source, which has drifted all the same.
        pair.local.sql(&format!(
            "ALTER TABLE {} MODIFY a BIGINT, DROP COLUMN b, ADD COLUMN fresh INT", pair.target_table("t")
        ));
        let said = findings(&taxi, 1);
        let words: &[(&str, &str)] = &[
            (".t.a was int", "holds every value"),
            (".t has lost the column b since the last run", "rename_columns"),
            (".t has the column fresh since the last run", "exclude_columns"),
        ];
        for (message, remedy) in words {
            assert!(said.contains(message) && said.contains(remedy), "{message}: {said}");
        }
        assert!(!said.contains("left_out") && said.contains("3 findings"), "{said}");
        taxi.run(&["run", "everything"]).expect_code(0);
        assert!(findings(&taxi, 0).contains("everything fits"));

        pair.source.sql(&format!("USE {db}; ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, c)"));
        let said = findings(&taxi, 1);
        assert!(said.contains("was (id) at the last run, and is (id, c)"), "{said}");
    }
}

both_flavours! {
    /// A table that a pattern chose and that is gone, or not to be seen any more, is told by runs,
    /// plans, comparisons and checks alike; its copy stays.
    async fn a_copy_whose_source_is_gone_stays_and_is_told(pair: Pair) {
        let db = pair.source_db();
        pair.source.sql(&format!(
            "USE {db}; CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1); \
             CREATE TABLE b LIKE a; INSERT INTO b VALUES (1), (2)"
        ));
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "'*'", "{}");
        let first = taxi.run(&["run", "everything"]).expect_code(0);
        assert!(!first.stderr.contains("is gone from the source"), "{}", first.stderr);

        pair.source.sql(&format!("DROP TABLE {db}.b"));
        let words = format!("{db}.b is gone from the source");
        for command in ["run", "verify", "plan"] {
            let done = taxi.run(&[command, "everything"]).expect_code(0);
            let said = format!("{}{}", done.stdout, done.stderr);
            assert!(said.contains(&words) && said.contains("stays as it was"), "{command}: {said}");
        }
        let job = taxi.run(&["jobs", "show", "last:everything", "--json"]).expect_code(0).json();
        assert_eq!((&job["counts"]["warnings"], &job["tables_total"]), (&1.into(), &1.into()));
        assert!(findings(&taxi, 1).contains(&format!("{db}.b was synced, and is gone")));
        assert_eq!(pair.local.sql(&format!("SELECT COUNT(*) FROM {}", pair.target_table("b"))), "2");

        pair.local.sql(&format!("DROP TABLE {}", pair.target_table("b")));
        let done = taxi.run(&["run", "everything"]).expect_code(0);
        assert!(!done.stderr.contains(&words), "who drops the copy knows: {}", done.stderr);
    }
}
