//! `/api/sync/jobs`.

use std::str::FromStr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::Api;
use super::answer::{self, Answer};
use super::caller::Caller;
use super::input::{self, Fields, IfMatch, PathId, Query};
use super::page::Page;
use crate::http::problem::Problem;
use crate::model::ids::JobId;
use crate::model::job::{
    Job, JobChange, JobFilter, JobKind, JobLimits, JobPlace, JobRequest, JobState, Trigger,
};
use crate::model::mapping::{parse_throttle, time_text};
use crate::model::throttle::ThrottleSpec;
use crate::model::token::Scope;

fn accepted(job: &Job, made: bool) -> Answer {
    let response = shown(StatusCode::ACCEPTED, job)?;
    Ok(if made {
        answer::at(response, &format!("/api/sync/jobs/{}", job.id))
    } else {
        response
    })
}

fn shown(status: StatusCode, job: &Job) -> Result<Response, Problem> {
    Ok(answer::tagged(status, answer::json(job)?, job.kept.version))
}

/// The id of a job in a path.
pub fn job_id(text: &str) -> Result<JobId, Problem> {
    input::id("job", text)
}

pub async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Answer {
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    let id = "an id";
    let filter = JobFilter {
        state: query.parsed("state", &one_of(JobState::WORDS), JobState::parse)?,
        kind: query.parsed("kind", &one_of(JobKind::WORDS), JobKind::parse)?,
        config_id: query.parsed("config_id", id, |text| text.parse().ok())?,
        connection_id: query.parsed("connection_id", id, |text| text.parse().ok())?,
        since: query.parsed("since", "a time such as 2026-01-31T12:00:00Z", |text| {
            let time = DateTime::parse_from_rfc3339(text).ok()?;
            // Beyond these years the control database knows no time, and no job was made.
            let time = time.with_timezone(&Utc);
            Some(time.max(DateTime::UNIX_EPOCH).min(LAST))
        })?,
        limit: Some(page.look()),
        before: page.place::<Place>()?.map(|place| place.0),
    };
    query.end()?;
    let jobs = api.services()?.jobs.list(&filter).await?;
    answer::ok(page.of_items(
        jobs,
        |job| format!("{} {}", job.id, time_text(job.created_at)),
        |job| serde_json::to_value(job).unwrap_or_default(),
    ))
}

/// The last second of the year 9999.
const LAST: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// A place in the list that holds also when its job is removed: the job's id and time.
struct Place(JobPlace);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, time) = text.split_once(' ').ok_or(())?;
        let time = DateTime::parse_from_rfc3339(time).map_err(drop)?;
        let time = time.with_timezone(&Utc);
        Ok(Self(JobPlace {
            id: id.parse().map_err(drop)?,
            created_at: Some(time.max(DateTime::UNIX_EPOCH).min(LAST)),
        }))
    }
}

fn one_of(words: &[&str]) -> String {
    format!("one of {}", words.join(", "))
}

pub async fn start(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = api.bytes(body).await?;
    let mut fields = Fields::of(&headers, &bytes, false)?;
    let (id, name) = (fields.text("config_id"), fields.text("config"));
    let kind = fields.parsed("kind", "sync, verify or repair", |value| {
        JobKind::parse(value.as_str()?).filter(|kind| *kind != JobKind::Undo)
    });
    let request = JobRequest {
        kind: kind.unwrap_or_default(),
        tables: fields.texts("tables"),
        full: fields.flag("full"),
        fresh: fields.flag("fresh"),
        priority: priority(&mut fields).unwrap_or_default(),
        trigger: Trigger::Api,
        requested_by: caller.name,
        ..JobRequest::default()
    };
    let config = match (id, name) {
        (Some(id), None) => {
            if id.parse::<crate::model::ids::ConfigId>().is_err() {
                fields.problem("config_id", "config_id must be the id of a config");
            }
            id
        }
        (None, Some(name)) => name,
        (Some(_), Some(_)) => {
            fields.problem("config", "give config_id or config, not both");
            String::new()
        }
        (None, None) => {
            fields.problem("config_id", "config_id is required");
            String::new()
        }
    };
    fields.end()?;
    let jobs = api.services()?.jobs;
    let job = match headers.get("idempotency-key") {
        None => jobs.start(&config, request).await?,
        // What is no text is no key, and told so.
        Some(key) => {
            let key = key.to_str().unwrap_or_default();
            jobs.start_once(&config, request, key).await?
        }
    };
    accepted(&job, true)
}

fn priority(fields: &mut Fields) -> Option<i32> {
    fields.parsed("priority", "a whole number from -100 to 100", |value| {
        i32::try_from(value.as_i64()?)
            .ok()
            .filter(|n| (-100..=100).contains(n))
    })
}

pub async fn show(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    let job = api.services()?.jobs.get(&job_id(&id)?.to_string()).await?;
    shown(StatusCode::OK, &job)
}

/// Statements and servers of somebody's choice are for those who administer the service.
fn refuse_foreign_limits(throttle: &ThrottleSpec, caller: &Caller) -> Result<(), Problem> {
    match throttle {
        ThrottleSpec::Own(limits)
            if caller.scope < Scope::Admin
                && (limits.query.is_some() || !limits.replicas.is_empty()) =>
        {
            Err(Problem::forbidden(
                "query and replicas of a throttle need a token with the scope admin",
            ))
        }
        _ => Ok(()),
    }
}

pub async fn change(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let id = job_id(&id)?;
    let bytes = api.bytes(body).await?;
    let mut fields = Fields::of(&headers, &bytes, false)?;
    let max_concurrency = fields.parsed("max_concurrency", "a whole number from 1 to 64", |v| {
        u32::try_from(v.as_u64()?)
            .ok()
            .filter(|n| (1..=64).contains(n))
    });
    let throttle = match fields.take("throttle") {
        None => None,
        Some(value) => match parse_throttle(&value, "throttle") {
            Ok(throttle) => Some(throttle),
            Err(findings) => {
                fields.problems(findings);
                None
            }
        },
    };
    let change = JobChange {
        max_concurrency,
        throttle,
        priority: priority(&mut fields),
    };
    fields.end()?;
    if let Some(throttle) = &change.throttle {
        refuse_foreign_limits(throttle, &caller)?;
    }
    let jobs = api.services()?.jobs;
    // What is wrong by itself is told before what has changed meanwhile.
    jobs.check_change(&change)?;
    let version = match IfMatch::of(&headers) {
        IfMatch::Any => None,
        wanted => wanted.version(jobs.get(&id.to_string()).await?.kept.version)?,
    };
    let job = jobs.change_if(id, &change, version).await?;
    shown(StatusCode::OK, &job)
}

pub async fn stop(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    accepted(&api.services()?.jobs.stop(job_id(&id)?).await?, false)
}

pub async fn pause(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    accepted(&api.services()?.jobs.pause(job_id(&id)?).await?, false)
}

pub async fn resume(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    accepted(&api.services()?.jobs.resume(job_id(&id)?).await?, false)
}

pub async fn retry(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Answer {
    let jobs = api.services()?.jobs;
    accepted(&jobs.retry(job_id(&id)?, &caller.name).await?, true)
}

pub async fn undo(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let id = job_id(&id)?;
    let bytes = api.bytes(body).await?;
    let mut fields = Fields::of(&headers, &bytes, true)?;
    let tables = fields.texts("tables");
    fields.end()?;
    let jobs = api.services()?.jobs;
    let of = jobs.get(&id.to_string()).await?;
    let request = JobRequest {
        kind: JobKind::Undo,
        tables,
        trigger: Trigger::Api,
        requested_by: caller.name,
        undo_of: Some(id),
        limits: JobLimits::default(),
        ..JobRequest::default()
    };
    let job = jobs.start(&of.config_id.to_string(), request).await?;
    accepted(&job, true)
}
