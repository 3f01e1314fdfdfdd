//! The operations under `/api`, and `/openapi.json`: the one list of which routes there are.

use std::sync::Arc;

use axum::routing::{delete, get, patch, post, put};

use super::{
    Api, audit, configs, connections, discovery, events, jobs, mappings, metrics, records, status,
};
use crate::http::operation::{EVENTS, JSON, METRICS, Operation, TEXT, YAML};

/// What Prometheus reads.
pub const METRICS_PATH: &str = "/metrics";

const CONNECTIONS: &str = "connections";
const CONFIGS: &str = "configs";
const JOBS: &str = "jobs";
const MAPPINGS: &str = "mappings";
const SYSTEM: &str = "system";

/// All of them.
pub fn all() -> Vec<Operation<Arc<Api>>> {
    let mut all = system();
    all.extend(connections());
    all.extend(configs());
    all.extend(jobs());
    all.extend(mappings());
    all
}

fn system() -> Vec<Operation<Arc<Api>>> {
    vec![
        Operation::new("get", "/api/status", "status", get(status::status))
            .about(SYSTEM, "Status of this instance and what it works with")
            .gives(200, "Status")
            .gives(503, "StatusOrError"),
        Operation::new(
            "get",
            "/api/sync/status",
            "sync_status",
            get(status::sync_status),
        )
        .about(
            SYSTEM,
            "Status of the sync system: each check with a remedy",
        )
        .gives(200, "SyncStatus")
        .gives(503, "SyncStatusOrError"),
        Operation::new("get", "/api/sync/stats", "stats", get(status::stats))
            .about(SYSTEM, "Statistics over what is stored")
            .gives(200, "Stats"),
        Operation::new(
            "get",
            "/api/sync/instances",
            "list_instances",
            get(status::instances),
        )
        .about(SYSTEM, "Instances that were seen lately, by name")
        .paged()
        .gives(200, "InstancePage"),
        Operation::new("get", "/api/sync/audit", "list_audit", get(audit::list))
            .about(SYSTEM, "Who changed what, newest first")
            .query(&["actor", "action", "object", "object_id", "since"])
            .paged()
            .gives(200, "AuditEntryPage"),
        Operation::new("get", METRICS_PATH, "metrics", get(metrics::page))
            .about(
                SYSTEM,
                "Metrics in the OpenMetrics format; every one of them is in docs/monitoring.md",
            )
            .gives_as(200, Some("MetricsText"), METRICS, &[]),
        Operation::new(
            "get",
            "/api/discovery/prometheus",
            "discover_instances",
            get(discovery::prometheus),
        )
        .about(
            SYSTEM,
            "Addresses of living instances, for the HTTP service discovery of Prometheus",
        )
        .gives(200, "Targets"),
        Operation::new("get", "/openapi.json", "openapi", get(status::document))
            .about(SYSTEM, "This document")
            .gives(200, "Document"),
    ]
}

fn connections() -> Vec<Operation<Arc<Api>>> {
    const ALL: &str = "/api/sync/connections";
    const ONE: &str = "/api/sync/connections/{id}";
    vec![
        Operation::new("get", ALL, "list_connections", get(connections::list))
            .about(CONNECTIONS, "Connections, by name")
            .query(&["name"])
            .paged()
            .gives(200, "ConnectionPage"),
        Operation::new("post", ALL, "create_connection", post(connections::create))
            .about(
                CONNECTIONS,
                "Stores a connection; testing it is another call",
            )
            .takes("ConnectionInput")
            .gives_made(201, "Connection")
            .fails(&[409]),
        Operation::new(
            "post",
            "/api/sync/connections/test",
            "test_unsaved_connection",
            post(connections::test_unsaved),
        )
        .about(CONNECTIONS, "Tests a connection that is not stored")
        .takes("ConnectionInput")
        .gives(200, "TestReport"),
        Operation::new("get", ONE, "get_connection", get(connections::show))
            .about(CONNECTIONS, "One connection")
            .gives_tagged(200, "Connection"),
        Operation::new("put", ONE, "replace_connection", put(connections::replace))
            .about(
                CONNECTIONS,
                "Replaces a connection; without a password it keeps the stored one",
            )
            .conditional()
            .takes("ConnectionInput")
            .gives_tagged(200, "Connection")
            .fails(&[409]),
        Operation::new(
            "delete",
            ONE,
            "delete_connection",
            delete(connections::remove),
        )
        .about(
            CONNECTIONS,
            "Removes a connection that no config and no active job uses",
        )
        .conditional()
        .gives_as(204, None, JSON, &[])
        .fails(&[409]),
        Operation::new(
            "post",
            "/api/sync/connections/{id}/test",
            "test_connection",
            post(connections::test),
        )
        .about(
            CONNECTIONS,
            "Tests a connection; a test that fails is an answer, not an error",
        )
        .gives(200, "TestReport")
        .fails(&[413]),
        Operation::new(
            "get",
            "/api/sync/connections/{id}/tables",
            "list_source_tables",
            get(connections::tables),
        )
        .about(CONNECTIONS, "Base tables of the source, by name")
        .paged()
        .gives(200, "SourceTablePage")
        .fails(&[502]),
    ]
}

fn configs() -> Vec<Operation<Arc<Api>>> {
    const ALL: &str = "/api/sync/configs";
    const ONE: &str = "/api/sync/configs/{id}";
    vec![
        Operation::new("get", ALL, "list_configs", get(configs::list))
            .about(CONFIGS, "Configs, by name")
            .query(&["connection_id", "name", "enabled"])
            .paged()
            .gives(200, "ConfigPage"),
        Operation::new("post", ALL, "create_config", post(configs::create))
            .about(CONFIGS, "Stores a config")
            .takes("ConfigInput")
            .gives_made(201, "Config")
            .fails(&[409]),
        Operation::new("get", ONE, "get_config", get(configs::show))
            .about(CONFIGS, "One config")
            .gives_tagged(200, "Config"),
        Operation::new("put", ONE, "replace_config", put(configs::replace))
            .about(
                CONFIGS,
                "Replaces a config; a running job goes on with what it began with",
            )
            .conditional()
            .takes("ConfigInput")
            .gives_tagged(200, "Config")
            .fails(&[409]),
        Operation::new("delete", ONE, "delete_config", delete(configs::remove))
            .about(
                CONFIGS,
                "Removes a config with its checkpoints; target tables stay",
            )
            .conditional()
            .gives_as(204, None, JSON, &[])
            .fails(&[409]),
        Operation::new(
            "post",
            "/api/sync/configs/{id}/plan",
            "plan_config",
            post(configs::plan),
        )
        .about(CONFIGS, "What a run would do; writes nothing anywhere")
        .may_take("TablesInput")
        .gives(200, "Plan")
        .fails(&[409, 502]),
    ]
}

fn jobs() -> Vec<Operation<Arc<Api>>> {
    const ALL: &str = "/api/sync/jobs";
    const ONE: &str = "/api/sync/jobs/{id}";
    let command = |path, id, handler, summary| {
        Operation::new("post", path, id, handler)
            .about(JOBS, summary)
            .fails(&[409, 413])
    };
    vec![
        Operation::new("get", ALL, "list_jobs", get(jobs::list))
            .about(JOBS, "Jobs, newest first, without their tables")
            .query(&["state", "kind", "config_id", "connection_id", "since"])
            .paged()
            .gives(200, "JobPage"),
        Operation::new("post", ALL, "start_job", post(jobs::start))
            .about(JOBS, "Puts a job of a config into the queue")
            .header("Idempotency-Key")
            .takes("JobInput")
            .gives_made(202, "Job")
            .fails(&[404, 409]),
        Operation::new("get", ONE, "get_job", get(jobs::show))
            .about(JOBS, "One job with its tables")
            .gives_tagged(200, "Job"),
        Operation::new("patch", ONE, "change_job", patch(jobs::change))
            .about(
                JOBS,
                "Changes limits of a job that has not ended, or the priority of one that waits",
            )
            .conditional()
            .takes("JobChange")
            .gives_tagged(200, "Job")
            .fails(&[409]),
        command(
            "/api/sync/jobs/{id}/stop",
            "stop_job",
            post(jobs::stop),
            "Ends a job after its batch and a checkpoint",
        )
        .gives_tagged(202, "Job"),
        command(
            "/api/sync/jobs/{id}/pause",
            "pause_job",
            post(jobs::pause),
            "Holds a running job after its batch",
        )
        .gives_tagged(202, "Job"),
        command(
            "/api/sync/jobs/{id}/resume",
            "resume_job",
            post(jobs::resume),
            "Puts a paused job back into the queue",
        )
        .gives_tagged(202, "Job"),
        command(
            "/api/sync/jobs/{id}/retry",
            "retry_job",
            post(jobs::retry),
            "Starts a new job for the tables that did not complete",
        )
        .gives_made(202, "Job")
        .fails(&[422]),
        Operation::new(
            "post",
            "/api/sync/jobs/{id}/undo",
            "undo_job",
            post(jobs::undo),
        )
        .about(JOBS, "Starts a job that puts back what this one deleted")
        .may_take("TablesInput")
        .gives_made(202, "Job")
        .fails(&[409]),
        Operation::new(
            "get",
            "/api/sync/jobs/{id}/logs",
            "job_logs",
            get(records::logs),
        )
        .about(
            JOBS,
            "Lines of a job's log, newest first; with `after` those that came since, oldest first",
        )
        .query(&["level", "table", "after"])
        .paged()
        .gives(200, "LogPage")
        .gives_as(200, Some("Text"), TEXT, &[]),
        Operation::new(
            "get",
            "/api/sync/jobs/{id}/differences",
            "job_differences",
            get(records::differences),
        )
        .about(JOBS, "Differences that a job found")
        .query(&["table"])
        .paged()
        .gives(200, "DifferencePage"),
        Operation::new(
            "get",
            "/api/sync/jobs/{id}/events",
            "job_events",
            get(events::of_job),
        )
        .about(JOBS, "Events of one job as they happen; ends with the job")
        .gives_as(200, Some("EventStream"), EVENTS, &[]),
        Operation::new("get", "/api/sync/events", "events", get(events::all))
            .about(JOBS, "Events of all jobs as they happen")
            .gives_as(200, Some("EventStream"), EVENTS, &[]),
    ]
}

fn mappings() -> Vec<Operation<Arc<Api>>> {
    const BOTH: &[&str] = &[YAML, JSON];
    vec![
        Operation::new(
            "post",
            "/api/sync/mappings/import",
            "import_mapping",
            post(mappings::import),
        )
        .about(
            MAPPINGS,
            "Creates and updates connections and configs by name; deletes nothing",
        )
        .query(&["dry_run"])
        .takes_as("MappingInput", BOTH, false)
        .gives(200, "ImportOutcome")
        .fails(&[409]),
        Operation::new(
            "post",
            "/api/sync/mappings/check",
            "check_mapping",
            post(mappings::check),
        )
        .about(
            MAPPINGS,
            "Holds a mapping, or what is stored, against the servers; findings are a 422",
        )
        .takes_as("MappingInput", BOTH, true)
        .gives(200, "ImportOutcome"),
        Operation::new(
            "get",
            "/api/sync/mappings/export",
            "export_mapping",
            get(mappings::export),
        )
        .about(
            MAPPINGS,
            "All connections and configs in the canonical form, without passwords",
        )
        .gives_as(200, Some("Mapping"), JSON, &[])
        .gives_as(200, Some("Mapping"), YAML, &[]),
    ]
}
