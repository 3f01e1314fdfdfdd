//! The whole way, with no key that does not stand on the screen at that moment.

use super::night::statement;
use super::terminal::{Opening, Terminal};
use crate::both_flavours;
use crate::crash::world::{TABLES, fill};
use crate::support::{DbTaxi, Flavour, Pair};

const PASSWORD: &str = "canary-4711";

both_flavours! {
    /// First start, a second connection, a config of its own, a run, why a table failed, the GRANT
    /// from the screen, the retry, a comparison, the way out. `scripts/walk.sh` walks the same way
    /// by hand, at both sizes.
    async fn somebody_who_reads_the_screen_gets_everywhere(pair: Pair) {
        fill(&pair);
        let source = pair.source_db();
        let account = format!("'{source}_clerk'@'%'");
        // The table of items can be seen, not read.
        pair.source.sql(&format!(
            "CREATE USER {account} IDENTIFIED BY '{PASSWORD}';
             GRANT SHOW VIEW ON {source}.* TO {account};
             GRANT SELECT ON {source}.accounts TO {account};
             GRANT SELECT ON {source}.orders TO {account}"
        ));
        let taxi = DbTaxi::new(&pair);
        let size = match pair.flavour {
            Flavour::Mariadb => (80, 24),
            Flavour::Mysql => (120, 40),
        };
        let opening = Opening { size: Some(size), ..Opening::default() };
        let Some(person) = Terminal::open_as(&taxi, &opening) else {
            return;
        };
        person.wait("Nothing is set up yet");
        person.press("n", "new");
        type_connection(&person, &pair, "production");
        person.press("ctrl-s", "test");
        person.wait("SELECT missing");
        person.press("ctrl-s", "save, go on");
        person.wait("which tables");
        choose(&person, "acc", "1 of 3");
        person.press("enter", "done");
        person.wait("Plan of production-copy");
        person.press("s", "start");
        person.wait("✓ completed");

        person.press("q", "back");
        person.press("1", "Connections");
        person.press("n", "new");
        type_connection(&person, &pair, "spare");
        person.press("ctrl-t", "test");
        person.wait("SELECT missing");
        person.press("ctrl-s", "save");
        person.wait("spare: saved");

        person.press("2", "Sync configs");
        person.press("n", "new");
        person.wait("which connection");
        person.press("/", "filter");
        person.text("prod");
        person.press("enter", "keeps it");
        person.press("enter", "take");
        person.wait("which tables");
        choose(&person, "it", "1 of 3");
        person.press("esc", "back");
        choose(&person, "ord", "1 of 3");
        person.wait("2 chosen");
        person.press("enter", "done");
        person.wait("name, mode, schedule");
        person.field("Name", "nightly");
        person.press("ctrl-s", "take it");
        person.wait("not saved");
        person.press("p", "plan");
        person.wait("Plan of nightly");
        person.wait("GRANT SELECT");
        person.press("esc", "close");
        person.press("w", "save…");
        person.press("w", "make it");
        person.wait("never ran");
        person.press("s", "start");
        person.wait("of about");
        person.wait("completed with errors");

        person.wait("to do: GRANT SELECT");
        person.press("enter", "details");
        // Here the statement is whole, however narrow the screen.
        let grant = statement(&person.wait("esc close"));
        assert!(grant.contains("`items`"), "{grant}");
        person.press("esc", "close");
        pair.source.sql(&grant);
        person.press("t", "try again");
        person.wait("1 of 1");
        person.wait("✓ completed");
        person.press("v", "verify");
        person.wait("2 of 2");
        person.wait("✓ completed");
        for table in TABLES {
            pair.judge(table, table).equal();
        }
        person.press("q", "back");
        person.press("q", "quit");
        person.wait_for_end();
        assert!(!person.seen().contains("canary"));
        pair.source.sql(&format!("DROP USER {account}"));
    }
}

fn type_connection(person: &Terminal, pair: &Pair, name: &str) {
    let source = pair.source_db();
    person.field("Name", name);
    person.field("Host", "127.0.0.1");
    person.field("Port", &pair.source.port.to_string());
    person.field("User", &format!("{source}_clerk"));
    person.go_to("Password");
    person.paste(PASSWORD);
    person.field("Database", &source);
    person.field("Local database", &pair.target_db());
    // What was typed last is there.
    person.wait(&pair.target_db());
}

/// Finds a table by a few letters and marks it.
fn choose(person: &Terminal, letters: &str, found: &str) {
    person.press("/", "filter");
    person.text(letters);
    person.wait(found);
    person.press("enter", "keeps it");
    person.press("space", "mark");
    person.wait("[x]");
}
