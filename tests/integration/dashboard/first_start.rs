//! From an empty installation to the first copy.

use super::terminal::Terminal;
use crate::both_flavours;
use crate::support::{DbTaxi, Pair};

const PASSWORD: &str = "canary-4711";

both_flavours! {
    /// What everybody does first: connection, test, tables, plan, run, result. The password is
    /// pasted, and nothing of it is ever on the screen or in a log.
    async fn an_empty_installation_makes_its_first_copy(pair: Pair) {
        let source = pair.source_db();
        pair.source.sql(&format!(
            "CREATE TABLE {source}.orders (id INT PRIMARY KEY, note VARCHAR(40));
             INSERT INTO {source}.orders VALUES (1, 'one'), (2, 'two'), (3, 'three');
             CREATE TABLE {source}.tmp_scratch (id INT PRIMARY KEY)"
        ));
        let user = format!("{source}_user");
        let account = format!("'{user}'@'%'");
        pair.source.sql(&format!(
            "CREATE USER {account} IDENTIFIED BY '{PASSWORD}';
             GRANT SELECT ON {source}.* TO {account}"
        ));
        let taxi = DbTaxi::new(&pair);
        let Some(terminal) = Terminal::open(&taxi) else {
            return;
        };
        terminal.wait("Nothing is set up yet");
        terminal.keys("n");
        terminal.wait("1 of 5");
        terminal.text("shop");
        terminal.keys("Tab Tab");
        terminal.text("127.0.0.1");
        terminal.keys("Tab");
        terminal.text(&pair.source.port.to_string());
        terminal.keys("Tab");
        terminal.text(&user);
        terminal.keys("Tab");
        terminal.paste("wrong");
        terminal.keys("Tab");
        terminal.text(&source);
        terminal.keys("Tab");
        terminal.text(&pair.target_db());
        terminal.wait(&pair.target_db());
        // A wrong password first: the report says so, and nothing is stored.
        terminal.keys("C-t");
        terminal.wait("Test: failed");
        terminal.keys("Escape BTab BTab C-u");
        terminal.paste(PASSWORD);
        terminal.wait("•••••••••••");
        terminal.keys("C-s");
        terminal.wait("A sync can run with this connection");
        terminal.keys("C-s");
        terminal.wait("3 of 5");
        terminal.wait("orders");
        terminal.keys("/");
        terminal.text("ords");
        terminal.keys("Enter Space");
        terminal.wait("1 chosen");
        terminal.keys("Enter");
        terminal.wait("Plan of shop-copy");
        terminal.keys("s");
        terminal.wait("completed");
        pair.judge("orders", "orders").equal();
        let scratch = format!(
            "SELECT COUNT(*) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = '{}' AND TABLE_NAME = 'tmp_scratch'",
            pair.target_db()
        );
        assert_eq!(pair.local.count(&scratch), 0, "only what was chosen");
        terminal.keys("1");
        terminal.wait("used by shop-copy");
        // Checked by itself after it was saved.
        terminal.wait("✓ ok");
        terminal.keys("C-c");
        terminal.wait_for_end();
        assert!(!terminal.seen().contains("canary"));
        for file in std::fs::read_dir(taxi.path("logs")).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("canary"), "{}", path.display());
        }
        pair.source.sql(&format!("DROP USER {account}"));
    }
}
