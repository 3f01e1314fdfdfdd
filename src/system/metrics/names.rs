//! Every metric by its name: type, labels, and what it says.
//!
//! The one place that spells them: collectors write through these, and the reference in
//! `docs/monitoring.md` is made from them.

/// What every name begins with.
pub const PREFIX: &str = "dbtaxi";

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Never falls; starts at 0 with the process. Its name ends in `_total`.
    Counter,
    /// As it is now.
    Gauge,
    /// Counts by upper bounds, and a sum.
    Histogram,
    /// 1, with facts as labels. Its name ends in `_info`.
    Info,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Without prefix and ending.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels; their values come from fixed sets and from names of configs and
    /// connections.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

impl Metric {
    /// As queries name it; a histogram without `_bucket`, `_count`, `_sum`.
    #[must_use]
    pub fn full_name(&self) -> String {
        let ending = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{PREFIX}_{}{ending}", self.name)
    }
}

/// Declares every metric, and the list of all.
macro_rules! metrics {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*
        /// Every metric, in the order of the page.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

metrics! {
    BUILD = Info "build" ["version", "revision"] "Version of this program and the commit it was built from";
    CONTROL_DATABASE_UP = Gauge "control_database_up" [] "1 while the control database answers";
    CONNECTIONS = Gauge "connections" [] "Stored connections";
    CONNECTIONS_CONNECTED = Gauge "connections_connected" [] "Stored connections whose last health check was well";
    JOBS = Gauge "jobs" ["state"] "Stored jobs by state";
    INSTANCES = Gauge "instances" ["state"] "Processes on this control database by state";
    LAG_SECONDS = Gauge "lag_seconds" ["config"] "Age of the point in time that the oldest table of an enabled config is known to equal";
    LAST_SUCCESS = Gauge "last_success_timestamp_seconds" ["config"] "When the last run of an enabled config ended that completed all of its tables";
    FOLLOW_LAG_BYTES = Gauge "follow_lag_bytes" ["config"] "Binary log of the source that is not applied yet, of jobs that follow it";
    JOBS_FINISHED = Counter "jobs_finished" ["config", "state"] "Jobs that ended in this process";
    JOB_DURATION = Histogram "job_duration_seconds" ["config"] "Seconds from the start of a job to its end, pauses included";
    ROWS = Counter "rows" ["config", "op"] "Rows read on the source, copied or compared, and what was done with rows of the target";
    BYTES = Counter "bytes" ["config", "direction"] "Bytes of rows that came over from the source, and that were sent to the local server";
    DIFFERENCES = Counter "differences" ["config", "kind"] "Differences that comparisons reported";
    WATERMARK_MISSED_ROWS = Counter "watermark_missed_rows" ["config"] "Rows that a comparison found and that runs by watermark had missed";
    CHUNK_SECONDS = Histogram "chunk_seconds" ["phase"] "Seconds of worker time for one range of a table";
    RETRIES = Counter "retries" ["code"] "Tries after a failure, by what had failed";
    ERRORS = Counter "errors" ["code"] "Tables and jobs that failed";
    THROTTLED_SECONDS = Counter "throttled_seconds" ["connection", "side"] "Worker time that waited because a server had no room, by the connection of the job";
    POOL_CONNECTIONS = Gauge "pool_connections" ["pool", "state"] "Sessions of this process: of the control database's pool, and on each source";
    LEASES = Gauge "leases" [] "Leases that this process holds";
    LEASE_LOST = Counter "lease_lost" [] "Leases that this process held and lost";
    EVENTS_DROPPED = Counter "events_dropped" ["kind"] "Log lines and watchers that were left behind because they could not keep up";
    HTTP_REQUESTS = Counter "http_requests" ["route", "status"] "Answered requests";
    HTTP_REQUEST_SECONDS = Histogram "http_request_seconds" ["route"] "Seconds from the head of a request to the head of its answer";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_labels_belong_to_nothing_without_bounds() {
        let names: std::collections::BTreeSet<String> = ALL.iter().map(Metric::full_name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let forbidden = ["table", "host", "address", "sql", "job", "id", "le"];
            let bad = metric.labels.iter().find(|label| forbidden.contains(label));
            assert_eq!(bad, None, "{}", metric.full_name());
            // HELP is written as it stands.
            assert!(!metric.help.contains(['\\', '\n', '"']), "{}", metric.help);
        }
    }
}
