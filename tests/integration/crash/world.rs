//! The source that is copied, and what must be true of every copy.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use db_taxi::mysql::Session;

use crate::support::{DbTaxi, Finished, Flavour, Pair, Running, wait_until};

/// Longest time that one run of a test may take.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The tables of the source, parents first.
pub const TABLES: [&str; 3] = ["accounts", "orders", "items"];

/// `n` as a derived table of the numbers 1 to `count`, at most 100,000.
pub fn numbers(count: u32) -> String {
    let digit = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL \
                 SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL \
                 SELECT 8 UNION ALL SELECT 9)";
    format!(
        "(SELECT n FROM (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n \
         FROM {digit} a, {digit} b, {digit} c, {digit} e, {digit} f) x WHERE n <= {count}) numbers"
    )
}

/// Three tables bound by foreign keys, 50,000 rows, about thirty ranges.
pub fn fill(pair: &Pair) {
    fill_with(pair, [8_000, 20_000, 22_000]);
}

/// The same with fewer rows.
pub fn fill_few(pair: &Pair) {
    fill_with(pair, [2_500, 4_500, 4_500]);
}

/// Many orders: more than are applied one by one.
pub fn fill_orders(pair: &Pair) {
    fill_with(pair, [2_500, 11_000, 3_000]);
}

fn fill_with(pair: &Pair, [accounts, orders, items]: [u32; 3]) {
    let db = pair.source_db();
    pair.source.sql(&format!(
        "USE {db};
         CREATE TABLE accounts (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL,
            balance DECIMAL(12, 2) NOT NULL, UNIQUE KEY by_name (name), KEY by_balance (balance));
         CREATE TABLE orders (id BIGINT PRIMARY KEY, account_id INT NOT NULL, placed DATETIME(3),
            note VARCHAR(200), KEY by_account (account_id),
            CONSTRAINT orders_of_accounts FOREIGN KEY (account_id) REFERENCES accounts (id));
         CREATE TABLE items (order_id BIGINT NOT NULL, line INT NOT NULL, what VARBINARY(300),
            PRIMARY KEY (order_id, line), KEY by_line (line),
            CONSTRAINT items_of_orders FOREIGN KEY (order_id) REFERENCES orders (id));
         INSERT INTO accounts SELECT n, CONCAT('account ', n), n * 7 % 1000 FROM {};
         INSERT INTO orders SELECT n * 3, 1 + n % {accounts}, '2024-02-29 12:00:00.125' + INTERVAL n SECOND,
            IF(n % 10 = 0, NULL, REPEAT('é', n % 90)) FROM {};
         INSERT INTO items SELECT 3 * (1 + n % {orders}), n, UNHEX(SHA2(n, 256)) FROM {};
         ANALYZE TABLE accounts, orders, items;",
        numbers(accounts),
        numbers(orders),
        numbers(items)
    ));
}

/// An installation with all tables in the config `everything`.
pub fn install(pair: &Pair) -> DbTaxi {
    install_with(pair, "{max_concurrency: 4}")
}

/// The same with other options.
pub fn install_with(pair: &Pair, options: &str) -> DbTaxi {
    let taxi = DbTaxi::new(pair);
    taxi.import_tables(pair, "'*'", options);
    taxi
}

/// `run` with test hooks.
pub fn start_with_hooks(taxi: &DbTaxi, hooks: &str) -> Running {
    Running::start(hooked(taxi, hooks))
}

fn hooked(taxi: &DbTaxi, hooks: &str) -> Command {
    let mut command = taxi.command(&["run", "everything"]);
    command.env("DB_TAXI_HOOKS", hooks);
    command
}

/// Runs until the hook ends the process; one that is never reached fails the test.
pub fn run_until_killed(taxi: &DbTaxi, point: &str) -> Finished {
    let ended = start_with_hooks(taxi, &format!("{point}=kill")).wait(LIMIT);
    assert!(
        ended.code().is_none(),
        "{point} was not reached: {}\n{}\n{}",
        ended.status,
        ended.stdout,
        ended.stderr
    );
    ended
}

/// Runs until the hook stops the process; it stands still then.
pub fn run_until_frozen(taxi: &DbTaxi, point: &str) -> Running {
    run_until_frozen_and_then(taxi, &format!("{point}=stop"))
}

/// Every table equals its source.
pub fn expect_equal(pair: &Pair) {
    for table in TABLES {
        pair.judge(table, table).equal();
    }
}

/// No helper table or database, no range, no unfinished checkpoint is left.
pub fn expect_nothing_left(pair: &Pair) {
    let control = pair.control_db();
    let left = pair.local.sql(&format!(
        "SELECT 'range', table_run_id, range_no FROM {control}.sync_ranges UNION ALL
         SELECT 'helper', number, table_name FROM {control}.helper_tables UNION ALL
         SELECT 'checkpoint', target_table, pending_ddl FROM {control}.sync_checkpoints
         WHERE table_run_id IS NOT NULL OR shadow_table IS NOT NULL UNION ALL
         SELECT 'job', id, state FROM {control}.sync_jobs WHERE state IN ('pending', 'running')"
    ));
    assert_eq!(left, "", "left over");
    assert_eq!(pair.helper_databases(), [""; 0], "left over");
    let tables = pair.local.sql(&format!(
        "SELECT table_name FROM information_schema.tables \
         WHERE table_schema = '{}' AND table_name LIKE '\\_dbtaxi%'",
        pair.target_db()
    ));
    assert_eq!(tables, "", "left over");
}

/// Equal, and nothing left over.
pub fn expect_done(pair: &Pair) {
    expect_equal(pair);
    expect_nothing_left(pair);
}

/// Changes many rows of every table of the source: more than are applied one by one.
pub fn change_much(pair: &Pair) {
    let db = pair.source_db();
    pair.source.sql(&format!(
        "USE {db};
         UPDATE accounts SET balance = balance + 1;
         UPDATE orders SET note = CONCAT(COALESCE(LEFT(note, 50), ''), 'x');
         UPDATE items SET what = UNHEX(SHA2(CONCAT(line, 'y'), 256));"
    ));
}

/// Changes rows in every range, moves some to other keys, deletes and adds some; only of tables that
/// are not live on the target yet: what a job has completed, it does not do again.
pub fn change_keys(pair: &Pair) {
    let db = pair.source_db();
    let done = pair.local.sql(&format!(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}'",
        pair.target_db()
    ));
    for (table, changes) in [
        (
            "accounts",
            "UPDATE accounts SET balance = balance + 1 WHERE id % 3 = 0;
             INSERT INTO accounts (name, balance) VALUES ('late', 1);",
        ),
        (
            "orders",
            "UPDATE orders SET note = 'changed' WHERE id % 7 = 0;",
        ),
        (
            "items",
            "DELETE FROM items WHERE line % 11 = 0;
             UPDATE items SET line = line + 500000 WHERE line % 13 = 0;",
        ),
    ] {
        if !done.lines().any(|name| name == table) {
            pair.source.sql(&format!("USE {db}; {changes}"));
        }
    }
}

/// Changes few rows: they are applied to the live target.
pub fn change_little(pair: &Pair) {
    let db = pair.source_db();
    pair.source.sql(&format!(
        "USE {db};
         UPDATE accounts SET balance = balance + 1 WHERE id % 100 = 0;
         DELETE FROM items WHERE line % 100 = 7;
         INSERT INTO orders VALUES (1000001, 5, NOW(3), 'added');
         INSERT INTO items VALUES (1000001, 1, x'00ff');"
    ));
}

/// Runs with hooks of which the first to be reached stops the process.
pub fn run_until_frozen_and_then(taxi: &DbTaxi, hooks: &str) -> Running {
    until_frozen(start_with_hooks(taxi, hooks), hooks)
}

/// The same, telling events on stdout.
pub fn tell_until_frozen(taxi: &DbTaxi, point: &str) -> Running {
    let hooks = format!("{point}=stop");
    let mut command = hooked(taxi, &hooks);
    command.arg("--events");
    until_frozen(Running::start(command), &hooks)
}

fn until_frozen(mut running: Running, hooks: &str) -> Running {
    let state = format!("/proc/{}/stat", running.pid());
    wait_until(LIMIT, &format!("{hooks} to be reached"), || {
        assert!(
            running.is_alive(),
            "{hooks} was not reached\n{}\n{}",
            running.stdout(),
            running.stderr()
        );
        std::fs::read_to_string(&state).is_ok_and(|s| s.contains(") T "))
    });
    running
}

/// Runs a claim for points, four at a time, each on databases of its own: most of the time they wait
/// for leases. Of many points each flavour takes every other one, so that both together take all;
/// with `DB_TAXI_ALL_POINTS` set each takes all.
pub fn at_once(pair: &Pair, points: &[&str], claim: impl Fn(&Pair, &str) + Sync) {
    let all = points.len() <= 3 || std::env::var_os("DB_TAXI_ALL_POINTS").is_some();
    let first = usize::from(pair.flavour == Flavour::Mysql);
    let (first, step) = if all { (0, 1) } else { (first, 2) };
    let points: Vec<&str> = points.iter().skip(first).step_by(step).copied().collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let own = Pair::on(pair.source.clone(), pair.local.clone());
                    claim(&own, point);
                }
            });
        }
    });
}

/// One column of the newest job.
pub fn last_job(pair: &Pair, column: &str) -> String {
    pair.local.sql(&format!(
        "SELECT {column} FROM {}.sync_jobs ORDER BY created_at DESC, id DESC LIMIT 1",
        pair.control_db()
    ))
}

/// An outsider that holds the checkpoints which the next batches have to write. Those that a frozen
/// process holds itself are left alone.
pub async fn lock_ranges(pair: &Pair) -> Session {
    let mut outsider = pair.local.session().await;
    outsider.run("START TRANSACTION").await.unwrap();
    let ranges = format!(
        "SELECT range_no FROM {}.sync_ranges FOR UPDATE SKIP LOCKED",
        pair.control_db()
    );
    assert!(
        !outsider.rows(&ranges).await.unwrap().is_empty(),
        "no range to hold"
    );
    outsider
}
