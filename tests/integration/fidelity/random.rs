//! Random tables, rows and changes, compared by the judge. `DB_TAXI_FIDELITY_SEEDS` asks for more.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::World;
use crate::both_flavours;
use crate::support::Pair;

/// A type with values for it, nasty ones among them.
struct Type(&'static str, &'static [&'static str], bool);

const TYPES: &[Type] = &[
    Type("TINYINT", &["-128", "0", "127"], true),
    Type("INT UNSIGNED", &["0", "1", "4294967295"], true),
    Type(
        "BIGINT",
        &["-9223372036854775808", "0", "9223372036854775807"],
        true,
    ),
    Type(
        "BIGINT UNSIGNED",
        &["18446744073709551615", "9223372036854775808", "3"],
        true,
    ),
    Type(
        "DECIMAL(30,10)",
        &["-0.0000000001", "99999999999999999999.9999999999", "0"],
        true,
    ),
    Type("FLOAT", &["0.1", "3.14159274", "-1e-45", "16777216"], false),
    Type("DOUBLE", &["0.1", "1e308", "-4.9e-324"], false),
    Type(
        "DATE",
        &["'0000-00-00'", "'2021-02-31'", "'9999-12-31'"],
        true,
    ),
    Type(
        "DATETIME(6)",
        &[
            "'0000-00-00'",
            "'2021-00-00 00:00:00.000001'",
            "'2024-02-29 12:00:00'",
        ],
        true,
    ),
    Type(
        "TIMESTAMP(3) NULL",
        &[
            "'0000-00-00'",
            "'2024-10-27 02:30:00.5'",
            "'1970-01-02 00:00:00'",
        ],
        false,
    ),
    Type(
        "TIME(6)",
        &["'-838:59:59'", "'-00:00:00.000001'", "'12:00:00'"],
        true,
    ),
    Type("CHAR(6)", &["''", "'a'", "' é'", "'A'"], true),
    Type(
        "VARCHAR(12) COLLATE utf8mb4_general_ci",
        &["''", "'a'", "'A '", "'é'", "'a\\0'", "'\\\\N'", "'😀'"],
        true,
    ),
    Type(
        "VARCHAR(12) COLLATE utf8mb4_bin",
        &["''", "'a'", "'A'", "'a '", "'\\t\\n'"],
        true,
    ),
    Type(
        "VARCHAR(12) CHARACTER SET latin1",
        &["''", "'ä'", "'Ä'", "'\\\\'"],
        true,
    ),
    Type(
        "VARBINARY(12)",
        &["''", "x'00'", "x'ff00'", "'0xab'", "'a '"],
        true,
    ),
    Type("BINARY(4)", &["''", "'a'", "x'00ff'"], true),
    Type(
        "TEXT",
        &["''", "'\\\\N'", "REPEAT('x', 5000)", "NULL"],
        false,
    ),
    Type("BLOB", &["''", "x'005c0a09'", "REPEAT(x'ff', 3000)"], false),
    Type("BIT(17)", &["0", "53", "131071"], false),
    Type("ENUM('b','a','1','')", &["'a'", "'1'", "''", "0"], false),
    Type("SET('x','y')", &["''", "'y'", "3"], false),
    Type("YEAR", &["0000", "1901", "2155"], true),
    Type("JSON", &["'{}'", "'[1.0, null]'", "'\"\\\\\\\\N\"'"], false),
];

fn seeds() -> u64 {
    std::env::var("DB_TAXI_FIDELITY_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(5)
}

struct Made {
    columns: Vec<&'static Type>,
    keys: usize,
    rows: u32,
}

fn value(random: &mut StdRng, kind: &Type, not_null: bool) -> String {
    if !not_null && random.random_bool(0.15) {
        return "NULL".to_owned();
    }
    if kind.0.starts_with("VARCHAR") && random.random_bool(0.6) {
        return format!(
            "'{}{}'",
            ["a", "B", "é", "_", " "].choose(random).unwrap(),
            random.random_range(0..100_000)
        );
    }
    if kind.0.starts_with("BIGINT") && random.random_bool(0.7) {
        return random.random_range(0..1_000_000_000_000_u64).to_string();
    }
    if kind.0.starts_with("DATETIME") && random.random_bool(0.7) {
        return format!(
            "'2020-{:02}-{:02} 10:00:00.{:06}'",
            random.random_range(0..13),
            random.random_range(0..32),
            random.random_range(0..999_999)
        );
    }
    let chosen = *kind.1.choose(random).unwrap();
    if not_null && chosen == "NULL" {
        "''".to_owned()
    } else {
        chosen.to_owned()
    }
}

/// Makes a table and its rows on the source.
fn make(world: &World<'_>, random: &mut StdRng, name: &str) -> Made {
    let keyed: Vec<&Type> = TYPES.iter().filter(|t| t.2).collect();
    let keys = random.random_range(0..4);
    let mut columns: Vec<&'static Type> =
        (0..keys).map(|_| *keyed.choose(random).unwrap()).collect();
    let (mut parts, mut list) = (Vec::new(), Vec::new());
    for _ in 0..random.random_range(1..7) {
        columns.push(TYPES.choose(random).unwrap());
    }
    for (n, kind) in columns.iter().enumerate() {
        list.push(format!(
            "c{n} {}{}",
            kind.0,
            if n < keys { " NOT NULL" } else { "" }
        ));
        if n < keys {
            parts.push(format!(
                "c{n}{}",
                if random.random_bool(0.2) { " DESC" } else { "" }
            ));
        }
    }
    if keys > 0 {
        let kind = if random.random_bool(0.8) {
            "PRIMARY KEY"
        } else {
            "UNIQUE KEY"
        };
        list.push(format!("{kind} ({})", parts.join(", ")));
    }
    world.source(&format!("CREATE TABLE {name} ({})", list.join(", ")));
    let made = Made {
        columns,
        keys,
        rows: *[0, 3, 300, 5000].choose(random).unwrap(),
    };
    insert(world, random, name, &made, made.rows);
    made
}

fn insert(world: &World<'_>, random: &mut StdRng, name: &str, made: &Made, rows: u32) {
    let tuples: Vec<String> = (0..rows)
        .map(|_| {
            let values: Vec<String> = made
                .columns
                .iter()
                .enumerate()
                .map(|(n, t)| value(random, t, n < made.keys))
                .collect();
            format!("({})", values.join(", "))
        })
        .collect();
    if !tuples.is_empty() {
        world.source(&format!(
            "INSERT IGNORE INTO {name} VALUES {}",
            tuples.join(",\n")
        ));
    }
}

fn change(world: &World<'_>, random: &mut StdRng, name: &str, made: &Made, on_target: bool) {
    for _ in 0..random.random_range(1..6) {
        let column = random.random_range(made.keys.min(made.columns.len() - 1)..made.columns.len());
        let share = [7, 50, 400].choose(random).unwrap();
        let sql = match random.random_range(0..3) {
            0 => format!("DELETE FROM {name} WHERE RAND() < 1 / {share}"),
            _ => format!(
                "UPDATE IGNORE {name} SET c{column} = {} WHERE RAND() < 1 / {share}",
                value(random, made.columns[column], true)
            ),
        };
        if on_target {
            world.target(&sql)
        } else {
            world.source(&sql)
        };
    }
    if !on_target {
        let rows = random.random_range(0..40);
        insert(world, random, name, made, rows);
    }
}

both_flavours! {
    async fn whatever_is_made_and_changed_arrives(pair: Pair) {
        let world = World::new(&pair);
        let mut made = Vec::new();
        for seed in 0..seeds() {
            let mut random = StdRng::seed_from_u64(seed);
            let name = format!("seed_{seed}");
            let table = make(&world, &mut random, &name);
            made.push((name, random, table));
        }
        world.sync_everything();
        world.sync_without_writing();
        world.rules("[{match: \"*\"}]", "{max_delete_percent: 100, allow_empty_source: true}");
        for round in 0..3 {
            for (name, random, table) in &mut made {
                change(&world, random, name, table, round > 0);
                change(&world, random, name, table, false);
            }
            world.sync();
            world.judge_all();
        }
        world.sync_without_writing();
    }
}
