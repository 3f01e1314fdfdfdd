//! The control database dies and comes back while the dashboard is open.

use super::terminal::Terminal;
use crate::protect::import_with;
use crate::support::{DbTaxi, Flavour, PrivatePair};

fn dies_and_returns(flavour: Flavour) {
    let Some(private) = PrivatePair::start(flavour) else {
        return;
    };
    let pair = &private.pair;
    pair.source.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY); INSERT INTO {0} VALUES (1), (2)",
        pair.source_table("t")
    ));
    let taxi = DbTaxi::new(pair);
    import_with(pair, &taxi, "throttle: none", "[t]", "{}");
    let Some(terminal) = Terminal::open(&taxi) else {
        return;
    };
    terminal.wait("connections 1/1");
    terminal.press("2", "Sync configs");
    terminal.wait("everything");
    private.local.kill();
    // What is wrong, what to do, when it is tried again; and the keys are answered.
    terminal.wait("control database down");
    terminal.wait("tried again");
    terminal.press("?", "help");
    terminal.wait("┌ Help");
    terminal.press("esc", "close");
    private.local.restart();
    terminal.wait("connections 1/1");
    terminal.press("s", "start");
    terminal.wait("✓ completed");
    pair.judge("t", "t").equal();
    terminal.press("q", "back");
    terminal.press("q", "quit");
    terminal.wait_for_end();
}

#[test]
fn the_control_database_dies_and_returns_under_an_open_dashboard_on_mariadb() {
    dies_and_returns(Flavour::Mariadb);
}

#[test]
fn the_control_database_dies_and_returns_under_an_open_dashboard_on_mysql() {
    dies_and_returns(Flavour::Mysql);
}
