//! Test reports, refusals, and what the screen says while there is nothing to show.

use crate::dashboard::app::action::Action;
use crate::dashboard::app::format;
use crate::dashboard::app::overlay::Sheet;
use crate::dashboard::app::sheets::{field, marked, warned};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::command::{CONFIG_BUSY, Refusal};
use crate::model::report::{Flavour, TestReport};

/// What a test of a connection found.
#[must_use]
pub fn test_report(name: &str, report: &TestReport) -> Sheet {
    let (verdict, tone) = if report.ok {
        ("A sync can run with this connection.", Tone::Good)
    } else {
        ("A sync can't run with this connection yet.", Tone::Bad)
    };
    let mut lines = vec![Line::of(verdict, tone), Line::empty()];
    if let Some(error) = &report.error {
        lines.push(marked(false, error));
    }
    if let Some(address) = &report.address {
        let latency = report.latency_ms.map_or(String::new(), |ms| {
            format!(" in {} ms", format::milliseconds(ms))
        });
        lines.push(marked(true, format!("reached {address}{latency}")));
    }
    if let Some(version) = &report.version {
        lines.push(marked(true, server(report.flavour, version)));
        lines.push(tls(report));
        lines.extend(privileges(report));
        lines.extend(binlog(report));
    }
    match report.local_infile {
        Some(true) => lines.push(marked(true, "LOAD DATA LOCAL is allowed")),
        Some(false) => lines.push(warned("LOAD DATA LOCAL is off on this server")),
        None => {}
    }
    if let Some(skew) = report.clock_skew_ms {
        let text = format!("clocks differ by {:.0} ms", skew.abs());
        lines.push(if skew.abs() < 2000.0 {
            marked(true, text)
        } else {
            warned(text)
        });
    }
    if let Some(packet) = report.max_allowed_packet_bytes {
        lines.push(marked(
            true,
            format!("packets up to {}", format::bytes(packet)),
        ));
    }
    lines.extend(report.warnings.iter().map(warned));
    let word = if report.ok { "ok" } else { "failed" };
    Sheet::text(format!("Test of {name}: {word}"), lines).tone(tone)
}

fn server(flavour: Option<Flavour>, version: &str) -> String {
    match flavour {
        Some(Flavour::Mysql) => format!("MySQL {version}"),
        Some(Flavour::Mariadb) if version.to_lowercase().contains("mariadb") => version.to_owned(),
        Some(Flavour::Mariadb) => format!("MariaDB {version}"),
        None => version.to_owned(),
    }
}

fn tls(report: &TestReport) -> Line {
    if !report.tls.used {
        return warned("not encrypted (set ssl on the connection)");
    }
    let version = report.tls.version.as_deref().unwrap_or("TLS");
    let checked = if report.tls.verified {
        "verified"
    } else {
        "the server's certificate is not checked"
    };
    marked(true, format!("{version}, {checked}"))
}

fn privileges(report: &TestReport) -> Vec<Line> {
    let missing = &report.privileges.missing;
    if missing.is_empty() && report.error.is_none() {
        return vec![marked(true, "no privilege is missing")];
    }
    let mut lines = Vec::new();
    for m in missing {
        lines.push(warned(format!(
            "{} missing: needed for {}",
            m.privilege, m.needed_for
        )));
        lines.push(Line::of(format!("     {}", m.grant), Tone::Accent).hanging(9));
    }
    lines
}

/// The statements that give what is missing.
#[must_use]
pub fn grants(report: &TestReport) -> Option<String> {
    let missing = &report.privileges.missing;
    let mut grants: Vec<&str> = Vec::new();
    for one in missing {
        if !grants.contains(&one.grant.as_str()) {
            grants.push(&one.grant);
        }
    }
    (!grants.is_empty()).then(|| grants.join("\n"))
}

fn binlog(report: &TestReport) -> Vec<Line> {
    match report.binlog.enabled {
        Some(true) => {
            let format = report.binlog.format.as_deref().unwrap_or("format unknown");
            let image = report
                .binlog
                .row_image
                .as_ref()
                .map_or(String::new(), |i| format!(", row image {i}"));
            vec![marked(true, format!("binlog on: {format}{image}"))]
        }
        Some(false) => vec![marked(true, "binlog off (a full sync does not need it)")],
        None => Vec::new(),
    }
}

/// Why something was refused.
#[must_use]
pub fn refusal(what: &str, refusal: &Refusal) -> Sheet {
    let mut lines = vec![Line::empty()];
    match refusal {
        Refusal::Invalid(findings) => {
            for finding in findings {
                let at = if finding.path.is_empty() {
                    String::new()
                } else {
                    format!("{}: ", finding.path)
                };
                lines.push(marked(false, format!("{at}{}", finding.message)));
                if let Some(remedy) = &finding.remedy {
                    lines.push(field("  To do", remedy));
                }
            }
        }
        other => lines.push(field("Why", other.to_string())),
    }
    let todo = match refusal {
        Refusal::DatabaseUnavailable(_) => {
            Some("nothing: it is tried again by itself; `db-taxi status` tells more")
        }
        Refusal::SourceUnavailable(_) => {
            Some("test the connection (t on tab 1); correct host, account or password there")
        }
        Refusal::Conflict { code, .. } => match *code {
            CONFIG_BUSY => Some("wait for the job that runs, or stop it (tab 3, x)"),
            "config_disabled" => Some("db-taxi configs enable NAME"),
            _ => None,
        },
        Refusal::Internal(_) => Some("the log (tab 4) has more; please report it with that part"),
        Refusal::Invalid(_) | Refusal::NotFound { .. } | Refusal::DatabaseUnusable(_) => None,
    };
    if let Some(todo) = todo {
        lines.push(field("To do", todo));
    }
    Sheet::text(what, lines).tone(Tone::Bad)
}

/// What the body says while the control database has never answered.
#[must_use]
pub fn database_down(state: &State) -> Vec<Line> {
    let error = state
        .overview
        .as_ref()
        .and_then(|o| o.database.error.clone())
        .unwrap_or_else(|| "it does not answer".to_owned());
    let next = state
        .retry_words()
        .unwrap_or_else(|| "tried again by itself".to_owned());
    vec![
        Line::of("!  The control database can't be reached", Tone::Bad),
        Line::empty(),
        field("Why", error),
        field(
            "To do",
            "start the local server, or correct host, account or password in the section \
             database of the settings; `db-taxi config show` tells which are in force and where \
             each comes from",
        ),
        field("Next", next),
        field("Safe", "nothing runs and nothing is lost meanwhile"),
    ]
}

/// What the body says on an installation without connections.
#[must_use]
pub fn welcome(state: &State) -> Vec<Line> {
    let key = |action| {
        let key = state.setup.keymap.shown(action);
        key.map_or("?".to_owned(), |key| key.to_string())
    };
    let command = |text: &str| Line::of(format!("  {text}"), Tone::Accent).hanging(6);
    vec![
        Line::of("Nothing is set up yet.", Tone::Strong),
        Line::empty(),
        Line::of(key(Action::NewConnection), Tone::Accent).and(
            " begins: where to copy from, test it, choose tables, look at the plan, run.",
            Tone::Plain,
        ),
        Line::plain("It takes about a minute. Nothing is written before you start the run."),
        Line::empty(),
        Line::of("The same in a shell:", Tone::Dim),
        command(
            "db-taxi connections add shop --host db.example.com --username sync_user --database shop",
        ),
        command("db-taxi configs add shop-copy --connection shop --tables '*'"),
        command("db-taxi mappings import mapping.yaml"),
    ]
}
