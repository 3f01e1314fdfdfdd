//! The sentence of a notification: what happened, and what to do.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::NotifyOn;
use crate::model::duration::format_duration;
use crate::model::job::Job;
use crate::model::shell::word;
use crate::model::table_run::TableState;

/// What is told.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// How a job ended; with its tables.
    Ended(NotifyOn, &'a Job),
    /// A copy is older than it may be.
    Lags {
        /// Whose.
        config: &'a str,
        /// The point of the source that it has reached.
        as_of: DateTime<Utc>,
        /// How long ago that is.
        age: Duration,
        /// How long it may be.
        limit: Duration,
    },
    /// And not any more.
    LagIsGone {
        /// Whose.
        config: &'a str,
        /// How old it is.
        age: Duration,
    },
}

/// The sentence.
#[must_use]
pub fn text(told: Told<'_>) -> String {
    match told {
        Told::Ended(on, job) => ended(on, job),
        Told::Lags {
            config,
            as_of,
            age,
            limit,
        } => {
            let (as_of, age) = (as_of.format("%Y-%m-%d %H:%M:%S UTC"), short(age));
            let (limit, word) = (format_duration(limit), word(config));
            format!(
                "{config} lags: its copy equals the source as of {as_of}, {age} ago, and {limit} are \
                 allowed; see db-taxi status, then db-taxi jobs show last:{word}"
            )
        }
        Told::LagIsGone { config, age } => format!(
            "{config} lags no more: its copy equals the source as of {} ago; nothing is to be done",
            short(age)
        ),
    }
}

fn ended(on: NotifyOn, job: &Job) -> String {
    let (config, id, word) = (&job.config, job.id, word(&job.config));
    let kind = job.kind.as_str();
    let why = || {
        let of_table = job.tables.iter().find_map(|table| table.error.as_ref());
        job.error.as_ref().or(of_table)
    };
    let reason = why().map_or_else(String::new, |error| format!(": {error}"));
    let hint = why().and_then(|error| error.hint.as_ref());
    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
    match on {
        NotifyOn::Failed => format!(
            "{config}: {kind} failed{reason}{hint}; see db-taxi jobs show {id}, then db-taxi jobs retry {id}"
        ),
        NotifyOn::CompletedWithErrors => {
            let failed = job.tables.iter().filter(|t| t.state == TableState::Failed);
            let first = failed
                .map(|t| t.target_table.as_str())
                .next()
                .unwrap_or("a table");
            format!(
                "{config}: {kind} completed, but {} of {} tables failed, {first} first{reason}{hint}; \
                 see db-taxi jobs show {id}, then db-taxi jobs retry {id}",
                job.tables_failed, job.tables_total
            )
        }
        NotifyOn::Differences => {
            let differing = job.tables.iter().filter(|t| t.verified.differences > 0);
            let (tables, rows) = differing.fold((0, 0), |(tables, rows), table| {
                (tables + 1, rows + table.verified.differences)
            });
            format!(
                "{config}: {kind} found {rows} rows that differ in {tables} of {} tables; see db-taxi jobs \
                 differences {id}, then db-taxi repair {word}",
                job.tables_total
            )
        }
        NotifyOn::Recovered | NotifyOn::Lag => format!(
            "{config} has recovered: {kind} completed all {} tables; nothing is to be done",
            job.tables_total
        ),
    }
}

/// In seconds below a minute, else in minutes.
fn short(age: Duration) -> String {
    let seconds = age.as_secs();
    format_duration(Duration::from_secs(if seconds < 60 {
        seconds
    } else {
        seconds / 60 * 60
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_told_with_its_limit_and_what_to_look_at() {
        let told = Told::Lags {
            config: "my shop",
            as_of: "2026-11-22T02:00:03Z".parse().unwrap(),
            age: Duration::from_secs(3_725),
            limit: Duration::from_secs(900),
        };
        assert_eq!(
            text(told),
            "my shop lags: its copy equals the source as of 2026-11-22 02:00:03 UTC, 1h 2m ago, and 15m are \
             allowed; see db-taxi status, then db-taxi jobs show last:'my shop'"
        );
        let gone = Told::LagIsGone {
            config: "shop",
            age: Duration::from_secs(12),
        };
        assert!(
            text(gone).starts_with("shop lags no more: its copy equals the source as of 12s ago")
        );
    }
}
