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
