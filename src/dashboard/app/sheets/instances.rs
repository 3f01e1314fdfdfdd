//! The processes that share the control database, and what each of them works on.

use chrono::{DateTime, Utc};

use super::field;
use crate::dashboard::app::format::{ago, plural};
use crate::dashboard::app::overlay::{Sheet, SheetKind};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::job::Job;
use crate::model::status::{Instance, InstanceState};

/// Names of jobs under one instance.
const MOST_JOBS: usize = 12;

/// All of them, the living first; then what waits for labels that none of them carries.
#[must_use]
pub fn instances(state: &State) -> Sheet {
    Sheet::text("Instances", lines(state)).of_kind(SheetKind::Instances)
}

fn lines(state: &State) -> Vec<Line> {
    let Some(overview) = &state.overview else {
        return vec![Line::plain("The control database has not answered yet.")];
    };
    let now = state.clock.wall;
    let mut lines = Vec::new();
    if overview.instances.is_empty() {
        lines.push(Line::plain("Not known while the control database is away."));
    }
    for one in &overview.instances {
        if !lines.is_empty() {
            lines.push(Line::empty());
        }
        lines.extend(instance(state, one, one.name == overview.instance, now));
    }
    let waiting = waiting(state);
    if !waiting.is_empty() {
        lines.push(Line::empty());
        lines.push(Line::of(
            "In the queue, and nobody may take it",
            Tone::Strong,
        ));
        lines.extend(waiting);
    }
    lines
}

fn instance(state: &State, one: &Instance, own: bool, now: DateTime<Utc>) -> Vec<Line> {
    let (mark, tone) = match one.state {
        InstanceState::Alive => ("alive", Tone::Good),
        InstanceState::Lost => ("! lost", Tone::Bad),
        InstanceState::Stopped => ("stopped", Tone::Dim),
    };
    let here = if own { "  this process" } else { "" };
    let mut lines = vec![
        Line::of(&one.name, Tone::Strong)
            .and(format!("  {mark}"), tone)
            .and(here, Tone::Dim),
    ];
    let roles = if one.roles.is_empty() {
        "none: a dashboard or a command".to_owned()
    } else {
        one.roles.join(", ")
    };
    lines.push(field("  roles", roles));
    if !one.labels.is_empty() {
        lines.push(field("  labels", one.labels.join(", ")));
    }
    if let Some(address) = &one.address {
        lines.push(field("  address", address));
    }
    let seen = match one.state {
        InstanceState::Alive => String::new(),
        _ => format!(", seen {}", ago(one.seen_at, now)),
    };
    lines.push(field(
        "  version",
        format!(
            "{}, started {}{seen}",
            one.version,
            ago(one.started_at, now)
        ),
    ));
    for id in one.jobs.iter().take(MOST_JOBS) {
        lines.push(match state.jobs.get(*id) {
            Some(job) => field("  works on", works_on(job)),
            None => field("  works on", id.to_string()),
        });
    }
    if one.jobs.len() > MOST_JOBS {
        let more = plural(one.jobs.len() - MOST_JOBS, "job more", "jobs more");
        lines.push(field("", more));
    }
    lines
}

fn works_on(job: &Job) -> String {
    let tables = match job.tables_total {
        0 => String::new(),
        all => format!(", {}/{all} tables", job.tables_completed),
    };
    format!("{}  {:.0} %{tables}", job.config, job.progress.percent)
}

/// Jobs whose labels nobody who lives carries.
fn waiting(state: &State) -> Vec<Line> {
    let all = state.jobs.all().iter();
    all.filter_map(|job| {
        let (_, why) = state.waits_for_labels(job)?;
        Some(Line::of(format!("  {}: ", job.config), Tone::Plain).and(why, Tone::Warn))
    })
    .collect()
}
