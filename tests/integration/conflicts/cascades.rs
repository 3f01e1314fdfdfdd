//! Rows of other tables that changes would reach by foreign keys: counted before anything is written,
//! however many rows differ.

use crate::both_flavours;
use crate::fidelity::World;
use crate::support::Pair;

/// More rows than are written in one transaction.
const MANY: &str = "CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE p (id INT PRIMARY KEY, code INT NOT NULL, v INT, UNIQUE KEY (code));
INSERT INTO p SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n, a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n, 1 FROM d a, d b, d c, d e, d f WHERE f.n = 0 OR (f.n = 1 AND e.n < 2); DROP TABLE d;";

/// A run that fails with these words, and has written nothing.
fn refused(world: &World<'_>, words: &str) {
    let before = world.pair.local.binlog_position();
    let said = world.refuse();
    assert!(said.contains(words), "{words}: {said}");
    let events = world
        .pair
        .local
        .row_events(&before, &world.pair.target_db());
    assert_eq!(events, 0, "{words}: something was written: {said}");
}

both_flavours! {
    async fn nothing_is_written_where_changes_would_reach_rows_of_others(pair: Pair) {
        let world = World::new(&pair);
        world.source(MANY);
        world.rules("[p]", "{}");
        world.sync();
        world.target("CREATE TABLE kids (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); INSERT INTO kids VALUES (1, 11998), (2, 11999);
CREATE TABLE strict (p INT, FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO strict VALUES (7); CREATE TABLE codes (code INT, FOREIGN KEY (code) REFERENCES p (code) ON UPDATE CASCADE); INSERT INTO codes VALUES (5)");
        let (refuse, allow) = ("[p]", "[{source_table: p, allow_cascade: true}]");
        // Few rows: updates and inserts would come before the delete.
        world.source("UPDATE p SET v = 2 WHERE id < 3; DELETE FROM p WHERE id = 11998");
        world.rules(refuse, "{recheck_after: 50ms}");
        refused(&world, "deleting rows would reach 1 rows of");
        let before = pair.local.binlog_position();
        let repair = world.taxi.run(&["-y", "repair", "everything"]).expect_code(1);
        assert!(repair.stderr.contains("deleting rows would reach 1 rows of"), "{}", repair.stderr);
        assert_eq!(pair.local.row_events(&before, &pair.target_db()), 0, "a repair wrote");
        // Every row.
        world.source("UPDATE p SET v = 3; DELETE FROM p WHERE id = 11999");
        refused(&world, "deleting rows would reach 2 rows of");
        world.rules(allow, "{max_delete_rows: 1}");
        refused(&world, "max_delete_rows is 1");
        world.rules(allow, "{}");
        world.sync();
        pair.judge("p", "p").equal();
        assert_eq!(world.target("SELECT COUNT(*) FROM kids"), "0");
        let log = world.taxi.run(&["jobs", "logs", "last:everything"]).expect_code(0).stdout;
        assert!(log.contains("deleting rows reaches 2 rows of") && log.contains("allow_cascade allows"), "{log}");
        // A key that lets no row go is no cascade that could be allowed.
        world.source("UPDATE p SET v = 4; DELETE FROM p WHERE id = 7");
        refused(&world, "deleting rows would reach 1 rows of");
        world.source("INSERT INTO p VALUES (7, 7, 4); UPDATE p SET code = 900000 WHERE id = 5");
        world.rules(refuse, "{}");
        refused(&world, "updating rows would reach 1 rows of");
        world.rules(allow, "{}");
        world.sync();
        pair.judge("p", "p").equal();
        assert_eq!(world.target("SELECT code FROM codes"), "900000");
    }
}
