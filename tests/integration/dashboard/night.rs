//! After a bad night: what failed is shown first, and what is on the screen is enough to mend it.

use super::terminal::Terminal;
use crate::both_flavours;
use crate::support::{DbTaxi, Pair};

both_flavours! {
    /// A grant was taken away; the page tells which, it is given back, and one key does the rest.
    async fn a_table_that_may_not_be_read_is_told_first_mended_and_tried_again(pair: Pair) {
        let source = pair.source_db();
        for table in ["orders", "notes"] {
            pair.source.sql(&format!(
                "CREATE TABLE {source}.{table} (id INT PRIMARY KEY, note VARCHAR(40));
                 INSERT INTO {source}.{table} VALUES (1, 'one'), (2, 'two')"
            ));
        }
        let account = format!("'{source}_user'@'%'");
        pair.source.sql(&format!(
            "CREATE USER {account} IDENTIFIED BY 'canary-4711';
             GRANT SELECT ON {source}.orders TO {account}"
        ));
        let taxi = DbTaxi::new(&pair);
        taxi.import(&format!(
            "version: 1\n\
             connections:\n\
             - name: source\n  host: 127.0.0.1\n  port: {}\n  username: {source}_user\n  \
             password: canary-4711\n  database: {source}\n  local_db_name: {}\n\
             configs:\n\
             - name: everything\n  connection: source\n  tables: [orders, notes]\n",
            pair.source.port,
            pair.target_db()
        ));
        taxi.run(&["run", "everything"]).expect_code(1);
        let Some(terminal) = Terminal::open(&taxi) else {
            return;
        };
        let screen = terminal.wait("esc later");
        for told in ["Failed in the last 24 hours", "1 of 2 tables failed", "may not read", "nothing was deleted"] {
            assert!(screen.contains(told), "{told}:\n{screen}");
        }
        terminal.insist("l", "Logs · everything");
        terminal.keys("Escape");
        terminal.wait("esc later");
        let grant = statement(&screen);
        pair.source.sql(&grant);
        // Keys that come too fast after the page retry nothing; where it is gone, r only reads again.
        let newest = format!(
            "SELECT state FROM {}.sync_jobs ORDER BY created_at DESC, id DESC LIMIT 1",
            pair.control_db()
        );
        crate::support::wait_until(crate::crash::world::LIMIT, "the retry", || {
            terminal.keys("r");
            pair.local.sql(&newest).trim() == "completed"
        });
        pair.judge("notes", "notes").equal();
        terminal.keys("F");
        terminal.wait("nothing failed");
        terminal.keys("C-c");
        terminal.wait_for_end();

        // Somebody was there: only what fails from now on is shown.
        pair.source.sql(&format!("REVOKE SELECT ON {source}.notes FROM {account}"));
        taxi.run(&["run", "everything"]).expect_code(1);
        let Some(terminal) = Terminal::open(&taxi) else {
            return;
        };
        terminal.wait("Failed since");
        let visits = taxi.path(".local/state/db-taxi/visits");
        let before = visited(&visits);
        terminal.keys("Escape");
        terminal.wait("F shows again");
        crate::support::wait_until(crate::crash::world::LIMIT, "the visit", || visited(&visits) > before);
        terminal.keys("C-c");
        terminal.wait_for_end();
        let Some(terminal) = Terminal::open(&taxi) else {
            return;
        };
        let screen = terminal.wait("w/ errors");
        assert!(!screen.contains("Failed since"), "{screen}");
        assert!(!terminal.seen().contains("canary"));
        terminal.keys("C-c");
        terminal.wait_for_end();
        pair.source.sql(&format!("DROP USER {account}"));
    }
}

/// What the file of visits says.
fn visited(folder: &std::path::Path) -> String {
    let mut files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let file = files.next().map(|file| file.path());
    file.and_then(|file| std::fs::read_to_string(file).ok())
        .unwrap_or_default()
}

/// The GRANT on a screen, its rows put together.
pub fn statement(screen: &str) -> String {
    let (_, rest) = screen
        .split_once("GRANT ")
        .unwrap_or_else(|| panic!("no GRANT:\n{screen}"));
    let (words, _) = rest
        .split_once(';')
        .unwrap_or_else(|| panic!("no end:\n{screen}"));
    let joined = words.replace(['│', '▌', '─', '├', '┤'], " ");
    format!(
        "GRANT {}",
        joined.split_whitespace().collect::<Vec<_>>().join(" ")
    )
}
