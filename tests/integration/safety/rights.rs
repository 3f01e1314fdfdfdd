//! Accounts with too few rights on the local server, and with just enough.

use super::{account, three_rows, told, use_account};
use crate::both_flavours;
use crate::support::{DbTaxi, Flavour, Pair};

/// An installation whose local account has these rights on the target, and all on its own database.
fn with_rights(pair: &Pair, rights: &[String]) -> DbTaxi {
    let taxi = DbTaxi::new(pair);
    let name = format!("{}_r", pair.target_db());
    let own = format!("ALL ON {}.*", pair.control_db());
    account(
        &pair.local,
        &name,
        "secret-of-the-target",
        &[&[own][..], rights].concat(),
    );
    use_account(&taxi, &name, "secret-of-the-target");
    taxi.import_tables(pair, "[t]", "{full_strategy: swap}");
    taxi
}

/// A target with one row that the source does not have.
fn old_target(pair: &Pair) {
    pair.local.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY, v VARCHAR(100)); INSERT INTO {0} VALUES (9, 'old');",
        pair.target_table("t")
    ));
}

fn refused_and_intact(pair: &Pair, rights: &[String], texts: &[&str]) {
    three_rows(pair, "t");
    old_target(pair);
    let taxi = with_rights(pair, rights);
    let ended = taxi.run(&["run", "everything"]).expect_code(1);
    told(&ended, &["[access_denied]"]);
    told(&ended, texts);
    let errors = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .count();
    assert_eq!(errors, 1, "one failure is told once: {}", ended.stderr);
    assert_eq!(
        pair.local
            .sql(&format!("SELECT * FROM {}", pair.target_table("t"))),
        "9\told"
    );
    // With the right given, the same run goes through.
    let name = format!("{}_r", pair.target_db());
    pair.local.sql(&format!(
        "GRANT ALL ON {}.* TO {name}@'127.0.0.1'",
        pair.target_db()
    ));
    taxi.run(&["run", "everything"]).expect_code(0);
    pair.judge("t", "t").rows_only().equal();
    let tables = format!(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{}'",
        pair.target_db()
    );
    assert_eq!(pair.local.count(&tables), 1, "no shadow is left");
}

/// MySQL does not name the database of a table that it refuses.
fn grant(pair: &Pair, right: &str) -> String {
    match pair.flavour {
        Flavour::Mariadb => format!("GRANT {right} ON `{}`.* TO", pair.target_db()),
        Flavour::Mysql => format!("GRANT {right} ON DATABASE.* TO"),
    }
}

both_flavours! {
    async fn the_documented_grants_are_enough(pair: Pair) {
        three_rows(&pair, "t");
        let target = format!("ALL ON {}.*", pair.target_db());
        let helpers = "ALL ON `\\_dbtaxi\\_%`.*".to_owned();
        let taxi = with_rights(&pair, &[target, helpers, "PROCESS ON *.*".to_owned()]);
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("t", "t").equal();
        pair.source.sql(&format!("UPDATE {} SET v = 'z'", pair.source_table("t")));
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("t", "t").equal();
    }

    async fn without_helper_databases_the_shadow_is_in_the_target(pair: Pair) {
        three_rows(&pair, "t");
        let taxi = with_rights(&pair, &[format!("ALL ON {}.*", pair.target_db())]);
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("t", "t").equal();
        assert!(pair.helper_databases().is_empty());
    }

    async fn no_right_on_the_target_database_is_told_with_the_grant(pair: Pair) {
        let grant = format!("GRANT ALL ON `{}`.* TO", pair.target_db());
        refused_and_intact(&pair, &[], &[&grant]);
    }

    async fn no_right_to_create_is_told_with_the_grant(pair: Pair) {
        let rights = [format!("SELECT, INSERT, UPDATE, DELETE ON {}.*", pair.target_db())];
        let grant = grant(&pair, "CREATE");
        refused_and_intact(&pair, &rights, &[&grant]);
    }

    async fn no_right_to_drop_is_told_with_the_grant(pair: Pair) {
        let rights = [format!("SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON {}.*", pair.target_db())];
        let grant = grant(&pair, "DROP");
        refused_and_intact(&pair, &rights, &[&grant]);
    }
}
