//! Names that need quoting, and names that look like something else.

use super::World;
use crate::both_flavours;
use crate::support::Pair;

both_flavours! {
    async fn odd_names_are_quoted(pair: Pair) {
        let world = World::new(&pair);
        let long = "l".repeat(64);
        let columns = [
            "a`b", "sp ace", "select", "ünïcödé", "MixedCase", "1", "a.b", "q?", ":x", "@v", "%", "x,y", "(", "'", "\"", "--", "日本",
        ];
        let list: Vec<String> = columns.iter().map(|c| format!("`{}` INT", c.replace('`', "``"))).collect();
        let keys: Vec<String> = columns
            .iter()
            .map(|c| format!("KEY `{0}` (`{0}`)", c.replace('`', "``")))
            .collect();
        for (number, table) in ["odd`one", "select", "sp ace", "täble", "a,b", "q?", "x)y", long.as_str()].into_iter().enumerate() {
            world.source(&format!(
                "CREATE TABLE `{}` (`{long}` INT, {}, PRIMARY KEY (`a``b`, `sp ace`), UNIQUE KEY `{long}` (`{long}`), {}, CONSTRAINT `c``k` CHECK (`sp ace` > 0))",
                table.replace('`', "``"), list.join(", "), keys.join(", ")
            ).replace("`c``k`", &format!("`c``k{number}`")));
            let values: Vec<String> = (0..columns.len()).map(|n| (n + 1).to_string()).collect();
            world.source(&format!("INSERT INTO `{}` VALUES (9, {})", table.replace('`', "``"), values.join(", ")));
        }
        world.rules("[{match: \"*\"}]", "{}");
        world.sync();
        for table in world.tables() {
            let table = table.replace('`', "``");
            let read = |sql: &str| (world.source(sql), world.target(sql));
            let (source, target) = read(&format!("SELECT * FROM `{table}`"));
            assert_eq!(source, target, "{table}");
            let (source, target) = read(&format!("SHOW CREATE TABLE `{table}`"));
            assert_eq!(source, target, "{table}");
            world.target(&format!("UPDATE `{table}` SET `q?` = 99, `@v` = NULL"));
        }
        world.sync();
        for table in world.tables() {
            let sql = format!("SELECT * FROM `{}`", table.replace('`', "``"));
            assert_eq!(world.source(&sql), world.target(&sql), "{table}");
        }
        world.sync_without_writing();
    }
}
