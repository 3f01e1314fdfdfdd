//! Text in every charset that the server has.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

/// Charsets as (name, most bytes of a character).
fn charsets(world: &World<'_>) -> Vec<(String, u32)> {
    world
        .source("SELECT character_set_name, maxlen FROM information_schema.character_sets WHERE character_set_name <> 'binary' ORDER BY 1")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, len)| (name.to_owned(), len.parse().unwrap()))
        .collect()
}

const SAMPLES: [&str; 9] = [
    "",
    "a",
    "a ",
    "äöü ß é",
    "жук",
    "日本語表能ソ",
    "中文許功蓋",
    "😀 ☃",
    "\\\\N\\t\\n\\\\",
];

both_flavours! {
    async fn every_charset_arrives_byte_for_byte(pair: Pair) {
        let world = World::new(&pair);
        let charsets = charsets(&world);
        assert!(charsets.len() > 30);
        let columns: Vec<String> = charsets
            .iter()
            .map(|(cs, _)| format!("v_{cs} VARCHAR(30) CHARACTER SET {cs}, t_{cs} TEXT CHARACTER SET {cs}, c_{cs} CHAR(9) CHARACTER SET {cs}"))
            .collect();
        world.source(&format!("CREATE TABLE all_of_them (id INT PRIMARY KEY, {})", columns.join(", ")));
        for (id, sample) in SAMPLES.iter().enumerate() {
            let values = vec![format!("'{sample}'"); charsets.len() * 3];
            world.source(&format!("INSERT INTO all_of_them VALUES ({id}, {})", values.join(", ")));
        }
        let single: Vec<&str> = charsets.iter().filter(|(_, len)| *len == 1).map(|(cs, _)| cs.as_str()).collect();
        for cs in &single {
            let rows: Vec<String> = (0..=255).map(|b| format!("({}, _{cs} x'{b:02x}41')", 1000 + b)).collect();
            world.source(&format!(
                "INSERT IGNORE INTO all_of_them (id, v_{cs}) VALUES {} ON DUPLICATE KEY UPDATE v_{cs} = VALUES(v_{cs})", rows.join(", ")
            ));
        }
        world.sync_everything();
        world.sync_without_writing();
    }

    /// The server's order of a text key, not the bytes', decides about ranges and rows.
    async fn keys_in_any_charset_and_collation_are_copied(pair: Pair) {
        let world = World::new(&pair);
        for (cs, _) in charsets(&world) {
            let rows: Vec<String> = SAMPLES.iter().map(|s| format!("('{s}', 1)")).collect();
            world.source(&format!(
                "CREATE TABLE k_{cs} (k VARCHAR(30) CHARACTER SET {cs} PRIMARY KEY, v INT); \
                 INSERT IGNORE INTO k_{cs} VALUES {}", rows.join(", ")
            ));
        }
        world.sync_everything();
        for table in world.tables() {
            world.target(&format!("UPDATE {table} SET v = 2 WHERE k LIKE '%a%'; DELETE FROM {table} LIMIT 1"));
        }
        world.sync();
        world.judge_all();
        world.sync_without_writing();
    }

    /// A target of another charset that holds every character.
    async fn text_is_converted_into_a_wider_charset(pair: Pair) {
        let world = World::new(&pair);
        let create = "CREATE TABLE t (k VARCHAR(30) CHARACTER SET {} PRIMARY KEY, v TEXT CHARACTER SET {}, c CHAR(8) CHARACTER SET {}, e ENUM('a','ö') CHARACTER SET {}, s SET('a','ö') CHARACTER SET {})";
        world.source(&create.replace("{}", "latin1"));
        world.target(&create.replace("{}", "utf8mb4"));
        world.source("INSERT INTO t VALUES ('', '', '', 'a', ''), ('ä', 'ö€', 'ü', 'ö', 'a,ö'), ('b', NULL, NULL, NULL, NULL), ('c', 'x', 'y', '', 'ö')");
        world.rules("[t]", "{}");
        world.sync();
        let read = |server: &crate::support::servers::Server, table: String| {
            server.sql(&format!("SELECT HEX(CONVERT(k USING utf8mb4)), HEX(CONVERT(v USING utf8mb4)), HEX(CONVERT(c USING utf8mb4)), e + 0, s + 0 FROM {table} ORDER BY 1"))
        };
        let (source, target) = (pair.source_table("t"), pair.target_table("t"));
        assert_eq!(read(&pair.source, source.clone()), read(&pair.local, target.clone()));
        world.sync_without_writing();
        world.source("UPDATE t SET v = 'é' WHERE k = 'b'; DELETE FROM t WHERE k = 'ä'; INSERT INTO t VALUES ('ñ', '', '', 'ö', 'a')");
        world.sync();
        assert_eq!(read(&pair.source, source), read(&pair.local, target));
    }

    /// A byte that has no character in the other charset would arrive as a question mark.
    async fn text_that_can_not_be_converted_is_refused(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(30) CHARACTER SET cp1251); INSERT INTO t VALUES (1, 'жук'), (2, _cp1251 x'98')");
        world.target("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(30) CHARACTER SET utf8mb4)");
        world.rules("[t]", "{}");
        let said = world.refuse();
        assert!(said.contains('v'), "{said}");
        assert_eq!(pair.local.count(&format!("SELECT COUNT(*) FROM {}", pair.target_table("t"))), 0);
    }
}
