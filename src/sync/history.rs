//! What a table's last completed run tells of its next one.
//!
//! Must not know: how progress is shown. Called where jobs are planned.

use std::collections::HashMap;

use crate::model::ids::ConfigId;
use crate::model::plan::TablePlan;
use crate::model::table_run::TableRun;
use crate::store::{Store, StoreError};

/// A table may have grown or shrunk since; an estimate is not stretched further than this.
const STRETCH: f64 = 20.0;

/// How long a run of a table will take, by its last one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// From its begin to its end.
    pub seconds: f64,
    /// Worker time in it.
    pub work_seconds: f64,
    /// Time after its rows: definitions, and locks that they wait for.
    pub after_rows: f64,
}

impl Expected {
    /// By `last`, for `rows` rows; `None` when that run tells nothing.
    #[must_use]
    pub fn by(last: &TableRun, rows: u64) -> Option<Self> {
        let (from, to) = last.started_at.zip(last.finished_at)?;
        let lasted = (to - from).to_std().ok()?.as_secs_f64();
        let timing = &last.timing;
        let work = timing.source
            + timing.target
            + timing.client
            + timing.lock
            + timing.throttle
            + timing.ddl;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let stretch = match last.progress.rows_done {
            0 => 1.0,
            done => (rows as f64 / done as f64).clamp(1.0 / STRETCH, STRETCH),
        };
        Some(Self {
            // It may have waited for a worker for most of the time.
            seconds: if work > 0.0 { lasted.min(work) } else { lasted } * stretch,
            work_seconds: work * stretch,
            after_rows: (timing.ddl + timing.lock).min(lasted) * stretch,
        })
    }
}

/// What the last runs of a config's tables tell of the next ones, by target table; corrects the
/// time that the plans give.
///
/// # Errors
/// When the control database does not answer.
pub async fn expect<'p>(
    store: &Store,
    config: ConfigId,
    plans: impl Iterator<Item = &'p mut TablePlan>,
) -> Result<HashMap<String, Expected>, StoreError> {
    let last = store.last_table_runs(config).await?;
    let mut expected = HashMap::new();
    for plan in plans {
        let Some(run) = last.get(&plan.target_table) else {
            continue;
        };
        if run.full_strategy != plan.full_strategy || run.strategy != plan.strategy {
            continue;
        }
        if let Some(by) = Expected::by(run, plan.rows_estimate) {
            plan.eta_seconds = Some(by.seconds.ceil());
            expected.insert(plan.target_table.clone(), by);
        }
    }
    Ok(expected)
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::model::table_run::Timing;

    fn run(seconds: i64, rows: u64, work: f64) -> TableRun {
        let mut run = TableRun::new("t", "t");
        let end = Utc::now();
        run.started_at = Some(end - TimeDelta::seconds(seconds));
        run.finished_at = Some(end);
        run.progress.rows_done = rows;
        run.timing = Timing {
            source: work / 2.0,
            target: work / 2.0,
            ..Timing::default()
        };
        run
    }

    #[test]
    fn a_table_that_grew_takes_longer_in_proportion() {
        let expected = Expected::by(&run(10, 1000, 30.0), 2000).unwrap();
        assert!((expected.seconds - 20.0).abs() < 1e-9);
        assert!((expected.work_seconds - 60.0).abs() < 1e-9);
        assert!(expected.after_rows.abs() < 1e-9, "no keys were built");
    }

    #[test]
    fn waiting_for_a_worker_is_not_expected_again() {
        let expected = Expected::by(&run(600, 1000, 12.0), 1000).unwrap();
        assert!((expected.seconds - 12.0).abs() < 1e-9);
    }

    #[test]
    fn an_empty_table_that_filled_is_not_reckoned_by_its_rows() {
        let expected = Expected::by(&run(1, 0, 0.0), 1_000_000).unwrap();
        assert!((expected.seconds - 1.0).abs() < 1e-9);
    }
}
