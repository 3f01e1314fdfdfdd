//! The form of a job's limits: workers, throttle, place in the queue. Filled with what holds now.

use serde_json::Value;

use super::connection_form::{THROTTLES, limit_fields, limits};
use super::form::{Field, Form, Problem, Purpose};
use super::text::{Line, Tone};
use crate::model::finding::Finding;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobChange, JobLimits, JobState};
use crate::model::mapping::parse_throttle;
use crate::model::throttle::ThrottleSpec;

/// The job whose limits are changed, and what held when the form was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsDraft {
    /// Which job.
    pub job: JobId,
    /// Name of its config.
    pub config: String,
    /// Its limits.
    pub limits: JobLimits,
    /// Its place in the queue.
    pub priority: i32,
}

/// The form for a job that has not ended.
#[must_use]
pub fn form(job: &Job, now: &JobLimits) -> Form {
    let throttle = now.throttle.clone().unwrap_or_default();
    let workers = now.max_concurrency.map_or(String::new(), |n| n.to_string());
    let waits = matches!(job.state, JobState::Pending | JobState::Paused);
    let mut priority = Field::text("priority", "Priority", &job.priority.to_string())
        .required()
        .checked(check_priority)
        .help("Place in the queue, -100 to 100, highest first. Only a job that waits has one.");
    priority.shown = waits;
    let mut fields = vec![
        Field::text("max_concurrency", "Workers", &workers)
            .required()
            .number(1..=64)
            .help("How many ranges are worked on at once, over all tables of the job: 1 to 64."),
        priority,
        Field::choice(
            "throttle",
            "Throttle",
            THROTTLES,
            throttle.word().unwrap_or("own"),
        )
        .help(
            "Limits on the source. standard waits above 64 running threads or 10 s of lag, \
             gentle above 16 or 2 s and at 20 MiB/s.",
        ),
    ];
    fields.extend(limit_fields(&throttle).into_iter().map(|mut field| {
        field.folded = false;
        field
    }));
    let draft = LimitsDraft {
        job: job.id,
        config: job.config.clone(),
        limits: now.clone(),
        priority: job.priority,
    };
    let title = format!("Limits of {}", job.config);
    let mut form = Form::new(Purpose::Limits(Box::new(draft)), title, fields)
        .ruled(rules)
        .adapting(adapt);
    form.intro = vec![
        Line::of(
            "They hold from the next batch on, until this job ends; its config stays as it is.",
            Tone::Dim,
        ),
        Line::empty(),
    ];
    form.verb = "set them";
    form
}

fn check_priority(text: &str) -> Result<(), String> {
    match text.parse::<i32>() {
        Ok(n) if (-100..=100).contains(&n) => Ok(()),
        _ => Err("must be a whole number from -100 to 100".to_owned()),
    }
}

/// Shows single limits where they are not those of a word.
fn adapt(form: &mut Form) {
    let own = form.text("throttle") == "own";
    for field in &mut form.fields {
        if field.id.starts_with("throttle.") {
            field.shown = own;
        }
    }
}

fn rules(form: &Form) -> Vec<Problem> {
    match throttle(form) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(Problem::of).collect(),
    }
}

fn throttle(form: &Form) -> Result<ThrottleSpec, Vec<Finding>> {
    let value: Value = match form.text("throttle").as_str() {
        "own" => limits(form),
        word => word.into(),
    };
    parse_throttle(&value, "throttle")
}

/// What differs from what held; nothing where all of it is the same.
///
/// # Errors
/// What is wrong with it.
pub fn change(form: &Form, before: &LimitsDraft) -> Result<JobChange, Vec<Finding>> {
    let throttle = Some(throttle(form)?).filter(|now| before.limits.throttle.as_ref() != Some(now));
    let workers = form.text("max_concurrency").parse().ok();
    let priority = form.text("priority").parse().ok();
    Ok(JobChange {
        max_concurrency: workers.filter(|now| before.limits.max_concurrency != Some(*now)),
        throttle,
        priority: priority.filter(|now| before.priority != *now),
    })
}
