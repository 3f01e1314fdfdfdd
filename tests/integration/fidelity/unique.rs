//! Secondary unique keys: values that move between rows within one run.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

const START: &str = "(id INT PRIMARY KEY, u INT NOT NULL, w VARCHAR(10), UNIQUE KEY (u), UNIQUE KEY (w)); INSERT INTO {} VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 4, 'd'), (5, 5, 'e'), (6, 6, NULL), (7, 7, NULL);";

fn prepare(world: &World<'_>) {
    world.source(&format!("CREATE TABLE t {}", START.replace("{}", "t")));
    world.source(&format!("CREATE TABLE p {}", START.replace("{}", "p")));
    world.rules("[t, p]", "{}");
    world.sync();
    // Written in place from now on.
    world.target(
        "CREATE TABLE kid (p INT, FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO kid VALUES (7)",
    );
}

fn change(world: &World<'_>, sql: &str) {
    for table in ["t", "p"] {
        world.source(&sql.replace("{}", table));
    }
    world.sync();
    world.judge_all();
}

both_flavours! {
    async fn unique_values_move_between_rows(pair: Pair) {
        let world = World::new(&pair);
        prepare(&world);
        // Exchanged between two, rotated among three, moved along a chain.
        change(&world, "UPDATE {} SET u = u + 100 WHERE id < 6; UPDATE {} SET u = 2 WHERE id = 1; UPDATE {} SET u = 1 WHERE id = 2; UPDATE {} SET u = 4 WHERE id = 3; UPDATE {} SET u = 5 WHERE id = 4; UPDATE {} SET u = 3 WHERE id = 5");
        change(&world, "UPDATE {} SET w = NULL WHERE id = 5; UPDATE {} SET w = 'e' WHERE id = 4; UPDATE {} SET w = 'd' WHERE id = 3; UPDATE {} SET w = 'C' WHERE id = 2");
        // From a row that goes, to a row that comes, from a row that changes to one that comes.
        change(&world, "DELETE FROM {} WHERE id = 1; UPDATE {} SET u = 2 WHERE id = 6; INSERT INTO {} VALUES (8, 200, 'z'); DELETE FROM {} WHERE id = 2; INSERT INTO {} VALUES (20, 1, 'q'), (-1, 6, NULL)");
        // Another primary key with the same unique value; another letter case of it.
        change(&world, "UPDATE {} SET id = 30 WHERE id = 20; UPDATE {} SET w = 'Q' WHERE id = 30; UPDATE {} SET id = id + 1000 WHERE id < 7");
        world.sync_without_writing();
    }

    /// A row of the target's own holds a value that a new row needs.
    async fn an_extra_row_with_a_unique_value_gives_way(pair: Pair) {
        let world = World::new(&pair);
        prepare(&world);
        world.target("INSERT INTO t VALUES (50, 50, 'x'); INSERT INTO p VALUES (50, 50, 'x')");
        change(&world, "INSERT INTO {} VALUES (60, 50, 'y'), (61, 61, 'x')");
        world.sync_without_writing();
    }

    async fn a_key_that_changes_its_case_is_changed(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (k VARCHAR(10) PRIMARY KEY, v INT); INSERT INTO t VALUES ('a', 1), ('b ', 2), ('c', 3); CREATE TABLE p LIKE t; INSERT INTO p SELECT * FROM t");
        world.rules("[t, p]", "{}");
        world.sync();
        world.target("CREATE TABLE kid (p VARCHAR(10), FOREIGN KEY (p) REFERENCES p (k)); INSERT INTO kid VALUES ('c')");
        change(&world, "UPDATE {} SET k = 'A' WHERE k = 'a'; UPDATE {} SET k = 'b' WHERE v = 2; UPDATE {} SET v = 9 WHERE k = 'c'");
        world.sync_without_writing();
    }

    /// Many differences in place: the rows that exchange values are in different batches.
    async fn unique_values_move_across_batches(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE p (id INT PRIMARY KEY, u INT NOT NULL, UNIQUE KEY (u)); INSERT INTO p SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n, a.n + 10 * b.n + 100 * c.n + 1000 * e.n FROM d a, d b, d c, d e; INSERT INTO p SELECT id + 10000, u + 10000 FROM p; DROP TABLE d");
        world.sync_everything();
        world.rules("[{source_table: p, full_strategy: in_place, batch_size: 500}]", "{}");
        world.source("UPDATE p SET u = -1 - u; UPDATE p SET u = 19999 - id");
        world.sync();
        world.judge_all();
        // Two rows of the target's own, in the way of the first and the last.
        world.source("UPDATE p SET u = u + 100000");
        world.target("INSERT INTO p VALUES (50000, 119999), (50001, 100000)");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }
}
