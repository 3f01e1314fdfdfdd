//! Sessions of the control database that say nothing for long.

use std::time::Instant;

use db_taxi::mysql::Pool;

use super::*;

const LEASE: Duration = Duration::from_secs(2);

fn pool(pair: &Pair) -> Pool {
    Pool::new(pair.local.endpoint(), SessionKind::Control, LEASE, 2, 2)
}

both_flavours! {
    /// As that of a process that is frozen: whoever takes over would wait for its rows.
    async fn a_transaction_that_stands_still_holds_its_rows_for_no_longer_than_a_lease(pair: Pair) {
        let table = pair.target_table("held");
        pair.local.sql(&format!("CREATE TABLE {table} (n INT PRIMARY KEY); INSERT INTO {table} VALUES (1)"));
        let pool = pool(&pair);
        let mut still = pool.get().await.unwrap();
        still.begin().await.unwrap();
        still.run(&format!("UPDATE {table} SET n = 2")).await.unwrap();
        let mut other = pair.local.session().await;
        let began = Instant::now();
        other.run(&format!("UPDATE {table} SET n = n + 10")).await.unwrap();
        assert!(began.elapsed() < LEASE * 10, "{:?}", began.elapsed());
        assert!(still.commit().await.is_err());
        assert_eq!(pair.local.sql(&format!("SELECT n FROM {table}")), "11");
    }

    async fn what_nobody_needs_is_closed_before_the_server_ends_it(pair: Pair) {
        let pool = pool(&pair);
        let both = (pool.get().await.unwrap(), pool.get().await.unwrap());
        drop(both);
        assert_eq!(pool.status().open, 2);
        let began = Instant::now();
        while pool.status().open > 1 {
            assert!(began.elapsed() < LEASE * 10, "the one that is not used stays open");
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(pool.get().await.unwrap());
        }
    }
}
