//! What rules make of a table: chosen rows, columns, names.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

both_flavours! {
    async fn only_chosen_rows_and_columns_arrive(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b INT, secret VARCHAR(20) NOT NULL, c INT GENERATED ALWAYS AS (b + 1) VIRTUAL, KEY kb (b), KEY ks (secret), KEY kas (a, secret), CONSTRAINT ck CHECK (secret <> 'x'), CONSTRAINT cb CHECK (b > 0));
INSERT INTO t (id, a, b, secret) VALUES (1, 'x', 1, 's'), (2, 'y', 2, 's'), (3, NULL, 3, 's'), (4, 'x', 4, 't');
CREATE TABLE u (id INT PRIMARY KEY, a INT, b INT, g INT GENERATED ALWAYS AS (a + b) STORED, h INT GENERATED ALWAYS AS (a) VIRTUAL, KEY (g)); INSERT INTO u (id, a, b) VALUES (1, 2, 3);
CREATE TABLE tmp_1 (id INT PRIMARY KEY); CREATE TABLE off (id INT PRIMARY KEY); CREATE TABLE other (id INT PRIMARY KEY); INSERT INTO other VALUES (1);
");
        world.taxi.import(&format!(
            "version: 1\nconnections:\n- name: source\n  host: 127.0.0.1\n  port: {}\n  username: root\n  database: {}\n  local_db_name: {}\n\
             configs:\n- name: everything\n  connection: source\n  exclude: [\"tmp_*\"]\n  tables:\n\
             \x20 - {{source_table: t, where: \"a = 'x' OR a IS NULL\", exclude_columns: [secret]}}\n\
             \x20 - {{source_table: u, exclude_columns: [b]}}\n\
             \x20 - {{source_table: off, enabled: false}}\n\
             \x20 - {{match: \"*\"}}\n",
            pair.source.port, pair.source_db(), pair.target_db()
        ));
        world.sync();
        pair.judge("t", "t").columns(&[("id", "id"), ("a", "a"), ("b", "b"), ("c", "c")]).filtered("a = 'x' OR a IS NULL").equal();
        pair.judge("u", "u").columns(&[("id", "id"), ("a", "a"), ("h", "h")]).equal();
        let shown = world.target("SHOW CREATE TABLE t");
        assert!(!shown.contains("secret") && shown.contains("kb") && shown.contains("cb"), "{shown}");
        assert_eq!(world.target("SHOW TABLES").lines().collect::<Vec<_>>(), ["other", "t", "u"]);
        world.sync_without_writing();
        // A row that leaves the condition leaves the target; one that enters it comes.
        world.source("UPDATE t SET a = 'q' WHERE id = 1; UPDATE t SET a = 'x' WHERE id = 2; UPDATE t SET secret = 'other' WHERE id = 4");
        world.sync();
        pair.judge("t", "t").columns(&[("id", "id"), ("a", "a"), ("b", "b"), ("c", "c")]).filtered("a = 'x' OR a IS NULL").equal();
    }

    async fn renamed_columns_are_renamed_wherever_they_are_named(pair: Pair) {
        let world = World::new(&pair);
        world.source("
CREATE TABLE t (id INT, a INT, b VARCHAR(20) DEFAULT '`a`', g INT GENERATED ALWAYS AS (a + id) STORED, PRIMARY KEY (id, a), UNIQUE KEY a (a, b), KEY g (g), CONSTRAINT ck CHECK (a > 0 AND b <> '`a`x'));
INSERT INTO t (id, a, b) VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 5, NULL);
CREATE TABLE p (id INT PRIMARY KEY AUTO_INCREMENT, up INT, KEY up (up), CONSTRAINT self FOREIGN KEY (up) REFERENCES p (id)); INSERT INTO p VALUES (1, NULL), (2, 1), (3, 3), (5, 6), (6, 5);
CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT cp FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE); INSERT INTO c VALUES (1, 1), (2, 6), (3, NULL);
CREATE TABLE parts (id INT, at INT, PRIMARY KEY (id, at)) PARTITION BY RANGE (at) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE); INSERT INTO parts VALUES (1, 5), (2, 50);
CREATE TABLE lists (id INT, name VARCHAR(10), PRIMARY KEY (id, name)) PARTITION BY LIST COLUMNS (name) (PARTITION p0 VALUES IN ('a', 'b'), PARTITION p1 VALUES IN ('c')); INSERT INTO lists VALUES (1, 'a'), (2, 'c');
");
        world.rules("[{source_table: t, target_table: tt, rename_columns: {id: nr, a: \"x`y\", g: gg}}, {source_table: p, target_table: pp, rename_columns: {id: pid, up: parent}}, {source_table: c, target_table: cc, rename_columns: {p: parent}}, {source_table: parts, rename_columns: {at: moment}}, {source_table: lists, rename_columns: {name: label}}]", "{}");
        world.sync();
        pair.judge("t", "tt").columns(&[("id", "nr"), ("a", "x`y"), ("b", "b"), ("g", "gg")]).equal();
        pair.judge("p", "pp").columns(&[("id", "pid"), ("up", "parent")]).equal();
        pair.judge("c", "cc").columns(&[("id", "id"), ("p", "parent")]).equal();
        pair.judge("parts", "parts").columns(&[("id", "id"), ("at", "moment")]).equal();
        pair.judge("lists", "lists").columns(&[("id", "id"), ("name", "label")]).equal();
        let shown = world.target("SHOW CREATE TABLE cc");
        assert!(shown.contains("REFERENCES `pp` (`pid`)"), "{shown}");
        let shown = world.target("SHOW CREATE TABLE pp");
        assert!(shown.contains("REFERENCES `pp` (`pid`)"), "{shown}");
        let shown = world.target("SHOW CREATE TABLE tt");
        assert!(shown.contains("'`a`x'") && shown.contains("DEFAULT '`a`'"), "{shown}");
        world.sync_without_writing();
        world.source("UPDATE t SET b = 'q' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t (id, a, b) VALUES (9, 9, 'n'); INSERT INTO p VALUES (4, 7), (7, 4); INSERT INTO c VALUES (4, 4)");
        world.sync();
        pair.judge("t", "tt").columns(&[("id", "nr"), ("a", "x`y"), ("b", "b"), ("g", "gg")]).equal();
        pair.judge("p", "pp").columns(&[("id", "pid"), ("up", "parent")]).equal();
        pair.judge("c", "cc").columns(&[("id", "id"), ("p", "parent")]).equal();
    }
}
