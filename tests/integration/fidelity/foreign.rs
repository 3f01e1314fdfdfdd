//! Tables bound by foreign keys: first runs, later runs, deletes that would cascade.

use super::World;
use crate::both_flavours;
use crate::crash::world::{LIMIT, run_until_frozen};
use crate::support::Pair;

const FAMILY: &str = "
CREATE TABLE tree (id INT PRIMARY KEY, up INT, name VARCHAR(20), KEY (up), CONSTRAINT tree_up FOREIGN KEY (up) REFERENCES tree (id));
INSERT INTO tree VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 9, 'c'), (9, 1, 'd'), (10, 10, 'e'), (11, 12, 'f'), (12, 11, 'g');
CREATE TABLE chick (id INT PRIMARY KEY, egg INT NOT NULL, v INT, CONSTRAINT chick_egg FOREIGN KEY (egg) REFERENCES egg (id));
CREATE TABLE egg (id INT PRIMARY KEY, chick INT NOT NULL, v INT, CONSTRAINT egg_chick FOREIGN KEY (chick) REFERENCES chick (id) ON DELETE CASCADE);
INSERT INTO chick VALUES (1, 1, 1), (2, 2, 2), (3, 2, 3); INSERT INTO egg VALUES (1, 3, 1), (2, 1, 2);
CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE orders (id INT PRIMARY KEY, user_id INT NOT NULL, CONSTRAINT o_u FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO orders VALUES (1, 1), (2, 2), (3, 3);
CREATE TABLE items (order_id INT, n INT, PRIMARY KEY (order_id, n), CONSTRAINT i_o FOREIGN KEY (order_id) REFERENCES orders (id)); INSERT INTO items VALUES (1, 1), (1, 2), (3, 1);
";

both_flavours! {
    async fn families_arrive_and_are_kept_in_step(pair: Pair) {
        let world = World::new(&pair);
        world.source(FAMILY);
        world.sync_everything();
        world.sync_without_writing();
        // Parents and children come and go in one run, in no order of their keys.
        world.source("
UPDATE tree SET up = 20 WHERE id = 2; INSERT INTO tree VALUES (20, 30, 'n'), (30, NULL, 'n'), (-5, 30, 'n'); DELETE FROM tree WHERE id IN (3, 9); DELETE FROM tree WHERE id IN (11, 12);
INSERT INTO chick VALUES (50, 51, 1), (52, 53, 1); INSERT INTO egg VALUES (51, 52, 1), (53, 50, 1); DELETE FROM chick WHERE id = 2; UPDATE chick SET egg = 51 WHERE id = 1; UPDATE egg SET chick = 52 WHERE id = 2;
DELETE FROM users WHERE id = 1; DELETE FROM orders WHERE id = 1; DELETE FROM items WHERE order_id = 1; INSERT INTO users VALUES (7, 'g'); INSERT INTO orders VALUES (7, 7); INSERT INTO items VALUES (7, 1); UPDATE orders SET user_id = 7 WHERE id = 2;
");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }

    async fn many_differences_in_families_are_reconciled_in_place(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE p (id INT PRIMARY KEY, u INT NOT NULL, up INT, v INT, UNIQUE KEY (u), CONSTRAINT p_up FOREIGN KEY (up) REFERENCES p (id)); CREATE TABLE c (id INT PRIMARY KEY, p INT NOT NULL, CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p (id));
INSERT INTO p SELECT 20 * (a.n + 10 * b.n + 100 * e.n + 1000 * f.n), a.n + 10 * b.n + 100 * e.n + 1000 * f.n, 20 * (9999 - (a.n + 10 * b.n + 100 * e.n + 1000 * f.n)), 1 FROM d a, d b, d e, d f; INSERT INTO c SELECT id, id FROM p; DROP TABLE d");
        world.sync_everything();
        world.source("UPDATE p SET v = 2; INSERT INTO p SELECT id + 1, u + 20000, id + 2, 3 FROM p WHERE id < 40000; INSERT INTO p SELECT id + 2, u + 40000, id + 1, 3 FROM p WHERE id < 40000 AND id % 20 = 0;
DELETE FROM c WHERE id > 160000; DELETE FROM p WHERE id > 160000; DELETE FROM c WHERE id < 40000; DELETE FROM p WHERE id < 40000 AND id % 20 = 0; UPDATE p SET u = u + 1 ORDER BY u DESC; UPDATE p SET up = NULL WHERE up NOT IN (SELECT * FROM (SELECT id FROM p) x); INSERT INTO c SELECT id, id FROM p WHERE id % 20 = 1");
        world.rules("[{match: \"*\"}]", "{max_delete_percent: 100, batch_size: 1000}");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }

    async fn deletes_and_updates_that_would_reach_rows_of_others_are_refused(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE p (id INT PRIMARY KEY, code INT NOT NULL, UNIQUE KEY (code)); INSERT INTO p VALUES (1, 10), (2, 20), (3, 30)");
        world.rules("[p]", "{}");
        world.sync();
        world.target("CREATE TABLE kids (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); INSERT INTO kids VALUES (1, 1), (2, 2); CREATE TABLE codes (code INT, FOREIGN KEY (code) REFERENCES p (code) ON UPDATE CASCADE); INSERT INTO codes VALUES (30)");
        world.source("DELETE FROM p WHERE id = 1");
        let said = world.refuse();
        assert!(said.contains("kids"), "{said}");
        assert_eq!(world.target("SELECT COUNT(*) FROM p"), "3");
        assert_eq!(world.target("SELECT COUNT(*) FROM kids"), "2");
        world.rules("[{source_table: p, allow_cascade: true}]", "{}");
        world.sync();
        assert_eq!(world.target("SELECT id FROM kids"), "2");
        world.rules("[p]", "{}");
        world.source("UPDATE p SET code = 33 WHERE id = 3");
        let said = world.refuse();
        assert!(said.contains("codes"), "{said}");
        assert_eq!(world.target("SELECT code FROM codes"), "30");
        world.rules("[{source_table: p, allow_cascade: true}]", "{}");
        world.sync();
        assert_eq!(world.target("SELECT code FROM codes"), "33");
        pair.judge("p", "p").equal();
    }

    /// A database holds each constraint's name once; MySQL 9.7 has crashed where a RENAME brought
    /// one twice.
    async fn tables_are_copied_twice_into_one_database_and_a_name_in_use_is_left_alone(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2);
CREATE TABLE c (id INT PRIMARY KEY, p INT, v INT, CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p (id), CONSTRAINT c_v CHECK (v > 0)); INSERT INTO c VALUES (1, 1, 1), (2, 2, 2)");
        world.rules("[p, {source_table: c, full_strategy: swap}]", "{}");
        for copy in ["c2", "c3"] {
            world.taxi.import(&format!("version: 1\nconfigs:\n  - {{name: {copy}, connection: source, tables: [{{source_table: c, target_table: {copy}}}], options: {{full_strategy: swap}}}}\n")).expect_code(0);
        }
        world.taxi.run(&["run", "--all"]).expect_code(0);
        let keys = "SELECT COUNT(DISTINCT CONSTRAINT_NAME) FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_TYPE = 'FOREIGN KEY' AND TABLE_SCHEMA = DATABASE()";
        assert_eq!(world.target(keys), "3");
        world.source("UPDATE c SET v = v + 1; INSERT INTO c VALUES (3, 1, 3)");
        world.taxi.run(&["run", "--all"]).expect_code(0);
        assert_eq!(world.target(keys), "3");
        for copy in ["c", "c2", "c3"] {
            let rows = |table| format!("SELECT GROUP_CONCAT(id, ' ', p, ' ', v ORDER BY id) FROM {table}");
            assert_eq!(world.target(&rows(copy)), world.source(&rows("c")));
            let checked = world.target(&format!("SHOW CREATE TABLE {copy}"));
            assert!(checked.contains("CHECK") && checked.contains("REFERENCES `p` (`id`)"), "{checked}");
        }
        world.source("CREATE TABLE late (id INT PRIMARY KEY, p INT, CONSTRAINT mine FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO late VALUES (1, 1)");
        world.target("CREATE TABLE theirs (id INT PRIMARY KEY, p INT, CONSTRAINT mine FOREIGN KEY (p) REFERENCES p (id))");
        world.rules("[p, c, late]", "{}");
        world.sync();
        assert_eq!(world.target("SELECT COUNT(*) FROM late"), "1");
        let keys = world.target("SELECT GROUP_CONCAT(TABLE_NAME ORDER BY TABLE_NAME) FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_NAME LIKE 'mine%' AND TABLE_SCHEMA = DATABASE()");
        assert_eq!(keys, "late,theirs");
    }

    /// A name that comes into use between the load and the swap costs a second load, and nothing else.
    async fn a_name_that_is_taken_while_a_table_is_loaded_is_told_apart(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2);
CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT c_p FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO c VALUES (1, 1), (2, 2)");
        world.rules("[p, {source_table: c, full_strategy: swap}]", "{}");
        let frozen = run_until_frozen(&world.taxi, "load.bound@2");
        world.target("CREATE TABLE theirs (id INT PRIMARY KEY, up INT, CONSTRAINT c_p FOREIGN KEY (up) REFERENCES theirs (id))");
        frozen.thaw();
        frozen.wait(LIMIT).expect_code(0);
        assert_eq!(world.target("SELECT GROUP_CONCAT(id, ' ', p ORDER BY id) FROM c"), "1 1,2 2");
        let keys = world.target("SELECT GROUP_CONCAT(TABLE_NAME ORDER BY TABLE_NAME) FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_NAME LIKE 'c_p%' AND TABLE_SCHEMA = DATABASE()");
        assert_eq!(keys, "c,theirs");
    }

    /// Rows whose parent is nowhere are carried over and told of, or refused.
    async fn orphans_of_the_source_are_reported_or_refused(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO c VALUES (1, 1), (2, 77)");
        world.rules("[{match: \"*\", orphans: fail}]", "{}");
        let said = world.refuse();
        assert!(said.contains("parent"), "{said}");
        world.rules("[{match: \"*\"}]", "{}");
        world.sync();
        world.judge_all();
        // Later runs too, where a parent in the target keeps the table from being swapped.
        world.target("CREATE TABLE grandchild (c INT, FOREIGN KEY (c) REFERENCES c (id)); INSERT INTO grandchild VALUES (1)");
        world.source("INSERT INTO c VALUES (3, 78); UPDATE c SET p = 79 WHERE id = 2");
        world.sync();
        world.judge_all();
        world.source("INSERT INTO c VALUES (4, 80)");
        world.rules("[{match: \"*\", orphans: fail}]", "{}");
        let said = world.refuse();
        assert!(said.contains("parent"), "{said}");
        assert_eq!(world.target("SELECT COUNT(*) FROM c"), "3");
    }

    /// A parent is replaced by another with the same unique value, and its children move over.
    async fn a_parent_that_is_replaced_hands_its_children_over(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE p (id INT PRIMARY KEY, u INT NOT NULL, UNIQUE KEY (u)); INSERT INTO p VALUES (1, 1), (2, 2); CREATE TABLE c (id INT PRIMARY KEY, p INT NOT NULL, FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO c VALUES (1, 1), (2, 2)");
        world.sync_everything();
        world.source("DELETE FROM p WHERE id = 1; INSERT INTO p VALUES (9, 1); UPDATE c SET p = 9 WHERE id = 1");
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }
}
