//! Transactions on the target that are older than the shadow's last write: after the swap they
//! would see half of it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::model::log::Level;
use crate::mysql::transactions::{Asker, Listed, Open, SECOND};
use crate::mysql::{MysqlError, Session, TableRef};
use crate::sync::ddl;
use crate::sync::error::SyncError;
use crate::sync::meter::Waiting;
use crate::sync::shared::TableShared;

/// How long they are waited for before the shadow is rebuilt.
const PATIENCE: Duration = Duration::from_secs(60);
/// For so long the server's answers may be older than the question.
const STALE: Duration = Duration::from_secs(20);

/// Returns when none is left. After a minute, or where they can't be seen, the shadow is rebuilt,
/// which makes such a reader fail instead. `last_write` is microseconds since 1970, by the target's
/// clock.
///
/// # Errors
/// When the job is to end, or the target is lost.
pub async fn shut_out(
    table: &TableShared,
    session: &mut Session,
    shadow: &TableRef,
    last_write: i64,
) -> Result<(), SyncError> {
    let clock = Instant::now();
    let mut told = false;
    let mut asker = Asker::default();
    let clustered = table.until_stopped(is_clustered(session)).await?;
    let because = loop {
        if clustered {
            break "readers on other nodes of the cluster can't be seen: the shadow is rebuilt to shut them out";
        }
        let asked = asker.open(session, STALE);
        let open = match table.until_stopped(asked).await? {
            Listed::All(open) => open,
            Listed::Denied => {
                break "without PROCESS old readers can't be seen: the shadow is rebuilt to shut them out";
            }
            Listed::Stale => {
                break "the target does not tell which transactions are open just now: the shadow is rebuilt to shut old readers out";
            }
        };
        let readers = older(&open, last_write, &session.our_ids());
        table.meter.waited(Waiting::Lock, Duration::ZERO);
        if readers.is_empty() {
            table.meter.waited(Waiting::Lock, clock.elapsed());
            return Ok(());
        }
        if !told {
            told = true;
            table.log(
                Level::Info,
                format!("the swap waits for transactions that are older than the shadow: connections {readers:?}"),
            );
        }
        if clock.elapsed() > PATIENCE {
            break "old transactions are still open: the shadow is rebuilt to shut them out";
        }
        let pause = async {
            asker.pause().await;
            Ok::<(), MysqlError>(())
        };
        table.until_stopped(pause).await?;
    };
    table.log(Level::Info, because);
    let sql = format!("ALTER TABLE {shadow} FORCE");
    table
        .until_stopped(ddl::run(table, session, &sql, Duration::from_secs(60)))
        .await
}

/// Whether other nodes of a cluster serve the same tables.
async fn is_clustered(session: &mut Session) -> Result<bool, MysqlError> {
    let sql = if session.server().is_mariadb() {
        "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'"
    } else {
        "SELECT COUNT(*) AS Value FROM performance_schema.replication_group_members \
         WHERE MEMBER_STATE = 'ONLINE'"
    };
    match session.first(sql).await {
        Ok(Some(row)) => Ok(row.u64("Value").is_ok_and(|nodes| nodes > 1)),
        Ok(None) => Ok(false),
        Err(error) if error.is_connection_lost() => Err(error),
        // The table is not there, or not for us: then there is no group, or nobody can tell.
        Err(_) => Ok(false),
    }
}

/// Connections of others whose transactions began up to a second after `last_write`.
fn older(open: &[Open], last_write: i64, ours: &HashSet<u64>) -> Vec<u64> {
    open.iter()
        .filter(|t| t.connection != 0 && t.began <= last_write.saturating_add(SECOND))
        .map(|t| t.connection)
        .filter(|id| !ours.contains(id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_those_that_may_have_begun_before_the_last_write() {
        let at = |connection, began| Open {
            connection,
            read_only: true,
            single: false,
            began: began * SECOND,
        };
        let open = [
            at(1, 99),
            at(2, 100),
            at(3, 101),
            at(4, 102),
            at(5, 50),
            at(0, 50),
        ];
        assert_eq!(older(&open, 100 * SECOND, &HashSet::from([5])), [1, 2, 3]);
    }
}
