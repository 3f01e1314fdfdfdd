//! In which state a job ends, and with which error.

use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::job::JobState;
use crate::model::plan::{Severity, TablePlan};
use crate::model::table_run::{TableRun, TableState};

/// Why a job ends before its tables do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A person stopped it.
    Cancelled,
    /// It goes back to the queue.
    Released,
    /// A person holds it.
    Paused,
    /// It ran too long.
    TimedOut,
    /// Its lease went: it is somebody else's, and nothing is written.
    Lost,
}

/// What is written at the end of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The job goes to this state.
    State(JobState, Option<ErrorInfo>),
    /// Nothing: whoever holds the lease writes.
    Abandoned,
}

/// The end of a job whose tables were run as far as they were.
#[must_use]
pub fn ending(cut: Option<Cut>, tables: &[TableRun]) -> Ending {
    let ended = |table: &TableRun| {
        matches!(
            table.state,
            TableState::Completed | TableState::Failed | TableState::Skipped
        )
    };
    let all_ended = !tables.is_empty() && tables.iter().all(ended);
    match cut {
        Some(Cut::Lost) => return Ending::Abandoned,
        // Every table ended before the wish was seen: there is nothing left to stop.
        Some(_) if all_ended && !timed_out(tables) => {}
        Some(Cut::Cancelled) => return Ending::State(JobState::Cancelled, None),
        Some(Cut::Released) => return Ending::State(JobState::Pending, None),
        Some(Cut::Paused) => return Ending::State(JobState::Paused, None),
        Some(Cut::TimedOut) => return Ending::State(JobState::Failed, Some(timeout_error())),
        None => {}
    }
    if tables.is_empty() {
        let error = ErrorInfo::new(
            ErrorCode::RuleInvalid,
            "no table of the source fits the rules of this config",
        )
        .hint(
            "list the source's tables with `db-taxi plan`, and look at tables, match and exclude",
        );
        return Ending::State(JobState::Failed, Some(error));
    }
    let failed = tables.iter().find(|t| t.state == TableState::Failed);
    let completed = tables.iter().any(|t| t.state == TableState::Completed);
    match failed {
        None => Ending::State(JobState::Completed, None),
        Some(_) if completed => Ending::State(JobState::CompletedWithErrors, None),
        Some(table) => Ending::State(
            JobState::Failed,
            table
                .error
                .clone()
                .map(|error| error.table(table.target_table.clone())),
        ),
    }
}

fn timed_out(tables: &[TableRun]) -> bool {
    tables.iter().any(|table| {
        table
            .error
            .as_ref()
            .is_some_and(|error| error.code == ErrorCode::JobTimeout)
    })
}

/// The error of a job, and of its unfinished tables, that ran too long.
#[must_use]
pub fn timeout_error() -> ErrorInfo {
    ErrorInfo::new(
        ErrorCode::JobTimeout,
        "the job ran longer than job_timeout allows",
    )
    .hint("run it again: it goes on where it stopped; or raise job_timeout")
}

/// The error of a table that its plan refuses; `None` when it may be run.
#[must_use]
pub fn refused_by_plan(plan: &TablePlan) -> Option<ErrorInfo> {
    let risk = plan
        .risks
        .iter()
        .find(|risk| risk.severity == Severity::Stop)?;
    let mut error = ErrorInfo::new(risk_code(&risk.id), risk.message.clone());
    error.hint.clone_from(&risk.remedy);
    Some(error)
}

/// The error code of a risk: the code of the same name, or that of what the risk is about.
fn risk_code(id: &str) -> ErrorCode {
    if let Some(code) = ErrorCode::parse(id) {
        return code;
    }
    match id {
        "missing_privilege" | "missing_privileges" | "privilege" | "privileges" => {
            ErrorCode::AccessDenied
        }
        "missing_table" | "table_missing" => ErrorCode::SourceMissing,
        "rule" | "unknown_column" | "column_missing" | "where" => ErrorCode::RuleInvalid,
        "type" | "type_gate" | "value" | "narrower" | "values" => ErrorCode::ValueRejected,
        "packet_size" => ErrorCode::PacketTooLarge,
        "key" | "no_unique_key" => ErrorCode::NoKey,
        _ => ErrorCode::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Risk;

    fn tables(states: &[TableState]) -> Vec<TableRun> {
        states
            .iter()
            .enumerate()
            .map(|(index, state)| {
                let mut run = TableRun::new("s", &format!("t{index}"));
                run.state = *state;
                if *state == TableState::Failed {
                    run.error = Some(ErrorInfo::new(ErrorCode::AccessDenied, "no"));
                }
                run
            })
            .collect()
    }

    fn state(ending: Ending) -> JobState {
        match ending {
            Ending::State(state, _) => state,
            Ending::Abandoned => unreachable!("abandoned"),
        }
    }

    #[test]
    fn the_tables_decide_when_nothing_cuts_in() {
        use TableState::{Completed, Failed, Skipped};
        for (states, expected) in [
            (&[Completed, Completed][..], JobState::Completed),
            (&[Completed, Failed][..], JobState::CompletedWithErrors),
            (&[Failed, Failed][..], JobState::Failed),
            (&[Skipped, Completed][..], JobState::Completed),
            (&[Skipped, Failed][..], JobState::Failed),
            (&[][..], JobState::Failed),
        ] {
            assert_eq!(state(ending(None, &tables(states))), expected, "{states:?}");
        }
    }

    #[test]
    fn a_failed_job_tells_the_error_of_its_first_failed_table() {
        let Ending::State(_, Some(error)) = ending(None, &tables(&[TableState::Failed])) else {
            panic!("no error");
        };
        assert_eq!(error.code, ErrorCode::AccessDenied);
        assert_eq!(error.table.as_deref(), Some("t0"));
    }

    #[test]
    fn a_cut_decides_while_a_table_is_unfinished() {
        let unfinished = tables(&[TableState::Completed, TableState::Cancelled]);
        for (cut, expected) in [
            (Cut::Cancelled, JobState::Cancelled),
            (Cut::Released, JobState::Pending),
            (Cut::Paused, JobState::Paused),
            (Cut::TimedOut, JobState::Failed),
        ] {
            assert_eq!(state(ending(Some(cut), &unfinished)), expected, "{cut:?}");
            assert_eq!(
                state(ending(Some(cut), &[])),
                expected,
                "{cut:?} at prepare"
            );
        }
        assert_eq!(ending(Some(Cut::Lost), &unfinished), Ending::Abandoned);
    }

    #[test]
    fn a_stop_that_came_too_late_changes_nothing() {
        let done = tables(&[TableState::Completed]);
        for cut in [Cut::Cancelled, Cut::Released, Cut::Paused, Cut::TimedOut] {
            assert_eq!(state(ending(Some(cut), &done)), JobState::Completed);
        }
    }

    #[test]
    fn a_job_with_timed_out_tables_failed() {
        let mut runs = tables(&[TableState::Completed, TableState::Failed]);
        runs[1].error = Some(timeout_error());
        assert_eq!(state(ending(Some(Cut::TimedOut), &runs)), JobState::Failed);
    }

    #[test]
    fn only_a_stop_risk_refuses_and_its_id_is_the_code() {
        let mut plan: TablePlan = serde_json::from_value(serde_json::json!({
            "source_table": "s", "target_table": "t", "sync_mode": "full", "strategy": null,
            "reason": "", "full_strategy": null, "writer": null, "key": [], "chunks": 0,
            "rows_estimate": 0, "bytes_estimate": 0, "eta_seconds": null, "ddl": [],
            "deletes": {"rows": null, "exact": false},
            "risks": [{"id": "triggers", "severity": "warning", "message": "m", "remedy": null}]
        }))
        .unwrap();
        assert_eq!(refused_by_plan(&plan), None);
        plan.risks
            .push(Risk::new("no_key", Severity::Stop, "no usable key").remedy("add one"));
        let error = refused_by_plan(&plan).unwrap();
        assert_eq!(error.code, ErrorCode::NoKey);
        assert_eq!(error.hint.as_deref(), Some("add one"));
        plan.risks[1].id = "missing_privileges".to_owned();
        assert_eq!(
            refused_by_plan(&plan).unwrap().code,
            ErrorCode::AccessDenied
        );
        plan.risks[1].id = "anything".to_owned();
        assert_eq!(refused_by_plan(&plan).unwrap().code, ErrorCode::Unsupported);
    }
}
