//! `max_connections`: all jobs of an instance together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::both_flavours;
use crate::crash::world::fill_few;
use crate::support::servers::Server;
use crate::support::{DbTaxi, Pair};

/// Looks at the sessions of an account until told to stop; gives the most that it saw in two
/// looks running: a session that was closed is listed for a moment longer.
fn most_sessions(pair: &Pair, user: &str, done: &AtomicBool) -> usize {
    let (mut most, mut before) = (0, 0);
    let sql = format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{user}'");
    while !done.load(Ordering::SeqCst) {
        let now: usize = pair.source.sql(&sql).trim().parse().unwrap();
        most = most.max(now.min(before));
        before = now;
        std::thread::sleep(Duration::from_millis(200));
    }
    most
}

both_flavours! {
    /// Three jobs at once want up to four readers each, and one of them one snapshot for each of
    /// its tables that are bound by foreign keys; there are two sessions. Nobody waits for ever.
    async fn all_jobs_together_keep_to_max_connections_and_each_ends(pair: Pair) {
        fill_few(&pair);
        for table in ["pa", "qa", "pc"] {
            let (copy, orders) = (pair.source_table(table), pair.source_table("orders"));
            pair.source.sql(&format!("CREATE TABLE {copy} LIKE {orders}; INSERT INTO {copy} SELECT * FROM {orders}"));
        }
        let user = format!("b{}", pair.source_db());
        pair.source.sql(&format!(
            "DROP USER IF EXISTS '{user}'@'127.0.0.1'; CREATE USER '{user}'@'127.0.0.1'; \
             GRANT ALL ON *.* TO '{user}'@'127.0.0.1';"
        ));
        let limit = 2;
        let taxi = DbTaxi::new(&pair);
        let mapping: String = [
            ("a", "[pa, qa]", "snapshot"),
            ("b", "[accounts, orders, items]", "table"),
            ("c", "[pc]", "snapshot"),
        ]
        .iter()
        .map(|(name, tables, consistency)| format!(
            "- name: {name}\n  connection: source\n  tables: {tables}\n  \
             options: {{max_concurrency: 4, consistency: {consistency}}}\n"
        ))
        .collect();
        taxi.import(&format!(
            "version: 1\n\
             connections:\n\
             - name: source\n  host: 127.0.0.1\n  port: {}\n  username: {user}\n  \
             database: {}\n  local_db_name: {}\n  max_connections: {limit}\n\
             configs:\n{mapping}",
            pair.source.port, pair.source_db(), pair.target_db()
        ));
        let done = Arc::new(AtomicBool::new(false));
        let most = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| most.store(most_sessions(&pair, &user, &done), Ordering::SeqCst));
            let ended = taxi.start(&["run", "a", "b", "c"]).wait(Duration::from_secs(120));
            done.store(true, Ordering::SeqCst);
            ended.expect_code(0);
        });
        let most = most.load(Ordering::SeqCst);
        assert!(most <= limit, "{most} sessions where {limit} are allowed");
        assert!(most >= 1, "was anything counted?");
        for table in ["accounts", "orders", "items", "pa", "qa", "pc"] {
            let count = |server: &Server, table: String| {
                server.sql(&format!("SELECT COUNT(*) FROM {table}"))
            };
            assert_eq!(
                count(&pair.source, pair.source_table(table)),
                count(&pair.local, pair.target_table(table)),
            );
        }
        pair.source.sql(&format!("DROP USER '{user}'@'127.0.0.1'"));
    }
}
