//! What is said of a failed table, and what is copied of its remedy.

use super::*;
use crate::model::error::ErrorCode;

fn now() -> DateTime<Utc> {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

#[test]
fn what_is_safe_is_told_by_what_the_run_wrote() {
    let mut run = TableRun::new("notes", "notes");
    let standing = "2026-11-20T01:30:00Z".parse().ok();
    assert_eq!(
        safe(&run, standing, now()),
        "the local table keeps the state of 11-20 01:30 · nothing was deleted"
    );
    assert!(safe(&run, None, now()).contains("stays as it was"));
    run.counts.inserted = 5;
    assert!(safe(&run, standing, now()).contains("5 rows written and nothing was deleted"));
    run.counts.deleted = 2;
    assert!(safe(&run, standing, now()).contains("2 deleted"));
    // Rows of a shadow are not the target's.
    run.full_strategy = Some("swap".to_owned());
    run.phase = Phase::Copy;
    assert!(safe(&run, standing, now()).contains("keeps the state of"));
    run.phase = Phase::Reconcile;
    assert!(safe(&run, standing, now()).contains("2 deleted"));
    run.phase = Phase::Swap;
    assert!(safe(&run, standing, now()).contains("in one step"));
}

#[test]
fn statements_are_cut_out_of_remedies_only_when_they_can_be_run() {
    for (hint, wanted) in [
        (
            "give the right: GRANT SELECT ON `a;b`.* TO 'x'@'%'; then try again",
            Some("GRANT SELECT ON `a;b`.* TO 'x'@'%';"),
        ),
        (
            "as an administrator of that server: GRANT DROP ON `shop`.* TO 'loc'@'127.0.0.1'",
            Some("GRANT DROP ON `shop`.* TO 'loc'@'127.0.0.1';"),
        ),
        (
            "SET GLOBAL local_infile = ON, or use writer: auto",
            Some("SET GLOBAL local_infile = ON;"),
        ),
        ("`db-taxi run` loads it anew", Some("db-taxi run")),
        ("GRANT PROCESS ON *.* to the account", None),
        (
            "GRANT CREATE ON DATABASE.* TO 'l'@'%', for its database",
            None,
        ),
        ("free some space", None),
    ] {
        assert_eq!(statement(hint).as_deref(), wanted, "{hint}");
    }
}

#[test]
fn each_remedy_is_copied_once() {
    let error = |hint: &str| ErrorInfo::new(ErrorCode::Internal, "x").hint(hint);
    let all = [
        error("free some space"),
        error("free some space"),
        error("ask"),
    ];
    assert_eq!(remedies(all.iter()), ["free some space", "ask"]);
    let all = [error("ask"), error("GRANT A ON b.c TO d;")];
    assert_eq!(remedies(all.iter()), ["GRANT A ON b.c TO d;"]);
}

#[test]
fn the_title_says_since_when() {
    let title = |since: &str, visited| {
        let night = BadNight {
            since: since.parse().unwrap(),
            visited,
            jobs: Vec::new(),
        };
        super::since(&night, now())
    };
    assert_eq!(title("2026-11-21T02:00:00Z", true), "Failed since 02:00");
    assert_eq!(
        title("2026-11-20T18:02:00Z", true),
        "Failed since yesterday 18:02"
    );
    assert_eq!(
        title("2026-11-01T18:02:00Z", true),
        "Failed since 2026-11-01 18:02"
    );
    assert_eq!(
        title("2026-11-20T08:00:00Z", false),
        "Failed in the last 24 hours"
    );
    assert_eq!(
        title("2026-11-14T08:00:00Z", false),
        "Failed in the last 7 days"
    );
}
