//! Ranges of a key: whatever its type and however large they are, each row is in exactly one.
//! `DB_TAXI_BOUNDARY_SEEDS` asks for more.

use std::time::Duration;

use db_taxi::model::config::{Options, WriterChoice};
use db_taxi::model::rule::TableRule;
use db_taxi::mysql::{Ident, Session, SessionKind};
use db_taxi::sync::chunk::next_boundary;
use db_taxi::sync::key::{KeyRange, KeyTuple};
use db_taxi::sync::rules::Chosen;
use db_taxi::sync::servers::Servers;
use db_taxi::sync::table::plan_table;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::World;
use crate::both_flavours;
use crate::support::Pair;

/// A type, and values whose order is easy to get wrong.
struct Kind(&'static str, &'static [&'static str], Shape);

/// How further values are made.
#[derive(Clone, Copy)]
enum Shape {
    Number(i64),
    Text,
    Bytes,
    Date,
    Moment,
    Nothing,
}

const KINDS: &[Kind] = &[
    Kind(
        "INT",
        &["-2147483648", "0", "2147483647"],
        Shape::Number(1000),
    ),
    Kind(
        "BIGINT UNSIGNED",
        &["0", "9223372036854775808", "18446744073709551615"],
        Shape::Number(500),
    ),
    Kind(
        "INT(8) UNSIGNED ZEROFILL",
        &["0", "7", "4294967295"],
        Shape::Number(99_999),
    ),
    Kind(
        "DECIMAL(20,4)",
        &["-0.0001", "0", "9999999999999999.9999"],
        Shape::Number(50),
    ),
    Kind("YEAR", &["0", "1901", "2155"], Shape::Nothing),
    Kind(
        "DATE",
        &["'0000-00-00'", "'2021-02-31'", "'9999-12-31'"],
        Shape::Date,
    ),
    Kind(
        "DATETIME(6)",
        &[
            "'0000-00-00'",
            "'2024-03-31 02:30:00.000001'",
            "'9999-12-31 23:59:59.999999'",
        ],
        Shape::Moment,
    ),
    Kind(
        "TIME(3)",
        &[
            "'-838:59:59'",
            "'-00:00:00.001'",
            "'00:00:00'",
            "'838:59:59'",
        ],
        Shape::Nothing,
    ),
    Kind(
        "VARCHAR(40) COLLATE utf8mb4_general_ci",
        &[
            "''", "'a'", "'ä'", "'_'", "'\\\\'", "'''x'", "'😀'", "'ab '",
        ],
        Shape::Text,
    ),
    Kind(
        "VARCHAR(40) COLLATE utf8mb4_bin",
        &["''", "'a'", "'A'", "'é'", "'😀'"],
        Shape::Text,
    ),
    Kind(
        "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
        &["''", "'ü'", "'y'", "'ß'"],
        Shape::Text,
    ),
    Kind(
        "CHAR(20) CHARACTER SET utf8mb4",
        &["''", "'a'", "'z'"],
        Shape::Text,
    ),
    Kind(
        "VARBINARY(40)",
        &["X''", "X'00'", "X'0000'", "X'FF'", "X'2C27'"],
        Shape::Bytes,
    ),
    Kind(
        "BINARY(6)",
        &["X'000000000000'", "X'FFFFFFFFFFFF'", "X'000000000001'"],
        Shape::Bytes,
    ),
];

fn value(kind: &Kind, dice: &mut StdRng) -> String {
    if dice.random_bool(0.2) {
        return (*kind.1.choose(dice).unwrap()).to_owned();
    }
    match kind.2 {
        Shape::Number(most) => dice.random_range(0..most).to_string(),
        Shape::Text => {
            let letters = ["a", "A", "b", "ß", "ss", "é", "_", "0", " x", "z"];
            let count = dice.random_range(1..4);
            let text: String = (0..count).map(|_| *letters.choose(dice).unwrap()).collect();
            format!("'{text}'")
        }
        Shape::Bytes => {
            let count = dice.random_range(1..4);
            let digits: String = (0..count)
                .map(|_| format!("{:02x}", dice.random_range(0..=255_u8)))
                .collect();
            format!("X'{digits}'")
        }
        Shape::Date => format!(
            "'20{:02}-{:02}-{:02}'",
            dice.random_range(0..30),
            dice.random_range(1..=12),
            dice.random_range(1..=28)
        ),
        Shape::Moment => format!(
            "'2024-01-{:02} {:02}:00:00.{:06}'",
            dice.random_range(1..=28),
            dice.random_range(0..24),
            dice.random_range(0..3)
        ),
        Shape::Nothing => (*kind.1.choose(dice).unwrap()).to_owned(),
    }
}

/// A table keyed by one to three of the kinds; returns its columns.
fn make(world: &World<'_>, table: &str, kinds: &[&Kind], dice: &mut StdRng) -> Vec<String> {
    let names: Vec<String> = (0..kinds.len()).map(|at| format!("k{at}")).collect();
    let columns: Vec<String> = names
        .iter()
        .zip(kinds)
        .map(|(name, kind)| format!("{name} {} NOT NULL", kind.0))
        .collect();
    let rows = dice.random_range(1..120);
    let values: Vec<String> = (0..rows)
        .map(|_| {
            let row: Vec<String> = kinds.iter().map(|kind| value(kind, dice)).collect();
            format!("({})", row.join(", "))
        })
        .collect();
    world.source(&format!(
        "CREATE TABLE {table} ({}, PRIMARY KEY ({})) CHARACTER SET utf8mb4;\nINSERT IGNORE INTO {table} VALUES {};",
        columns.join(", "),
        names.join(", "),
        values.join(", ")
    ));
    names
}

both_flavours! {
    async fn each_row_is_in_exactly_one_range(pair: Pair) {
        let world = World::new(&pair);
        let seeds: u64 = std::env::var("DB_TAXI_BOUNDARY_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
        // As copies read: values in the columns' own charsets.
        let mut source = Session::open(&pair.source.endpoint(), SessionKind::Read, Duration::from_secs(60)).await.unwrap();
        let mut local = pair.local.session().await;
        let servers = Servers::look(
            &mut source,
            &mut local,
            Ident::new(pair.source_db()),
            Ident::new(pair.target_db()),
            WriterChoice::Auto,
        )
        .await
        .unwrap();
        let singles = KINDS.iter().map(|kind| vec![kind]);
        for seed in 0..seeds {
            let mut dice = StdRng::seed_from_u64(seed);
            let composites = (0..8).map(|_| {
                let count = dice.random_range(2..=3);
                (0..count).map(|_| KINDS.choose(&mut dice).unwrap()).collect::<Vec<_>>()
            });
            let composites: Vec<_> = composites.collect();
            for (at, kinds) in singles.clone().chain(composites).enumerate() {
                let table = format!("t{seed}_{at}");
                make(&world, &table, &kinds, &mut dice);
                let chosen = Chosen {
                    source_table: table.clone(),
                    target_table: table.clone(),
                    rule: TableRule::of_table(&table),
                    exact: true,
                };
                let plan = plan_table(&chosen, &Options::default(), &servers, &mut source, &mut local).await.unwrap();
                let shown = format!("seed {seed}, {}", world.source(&format!("SHOW CREATE TABLE {table}")));
                assert!(plan.stop().is_none(), "{shown}: {:?}", plan.stop());
                let key = plan.key.clone().unwrap();
                assert!(key.is_chunkable(), "{shown}");
                let most = dice.random_range(1..20);
                let (mut lower, mut ranges): (Option<KeyTuple>, Vec<String>) = (None, Vec::new());
                loop {
                    let upper = next_boundary(&mut source, &plan, &key, lower.as_ref(), dice.random_range(1..=most)).await.unwrap();
                    // As a checkpoint stores it.
                    let upper = upper.map(|key| KeyTuple::from_text(&key.to_text()).unwrap());
                    let range = KeyRange { lower: lower.clone(), upper: upper.clone(), bucket: None };
                    ranges.push(key.range_sql(&range));
                    match upper {
                        Some(upper) => lower = Some(upper),
                        None => break,
                    }
                    assert!(ranges.len() <= 200, "{shown}: the ranges do not end");
                }
                let sum: Vec<String> = ranges.iter().map(|range| format!("({range})")).collect();
                let sql = format!("SELECT COUNT(*) AS n FROM {} WHERE {} <> 1", plan.source, sum.join(" + "));
                let wrong = source.first(&sql).await.unwrap().unwrap().u64("n").unwrap();
                assert_eq!(wrong, 0, "{shown}: rows in no range or in several\n{}", ranges.join("\n"));
            }
        }
    }
}
