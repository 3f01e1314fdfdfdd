//! Events as they happen: `/api/sync/events` and `/api/sync/jobs/:id/events`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use chrono::Utc;
use futures_util::stream;

use super::Api;
use super::answer::Answer;
use super::input::PathId;
use super::jobs::job_id;
use crate::http::problem::Problem;
use crate::jobs::EventStream;
use crate::model::event::{Event, What};
use crate::model::ids::JobId;
use crate::model::job::Job;

/// Silence after which a comment is sent, so that nobody takes the line for dead.
const ALIVE: Duration = Duration::from_secs(15);

pub async fn all(State(api): State<Arc<Api>>) -> Answer {
    let services = api.services()?;
    // Before the jobs are looked at, so that nothing falls between.
    let events = subscribe(&api)?;
    let active = services.jobs.active().await?;
    Ok(follow(events, &active, None))
}

/// Ends with its job, and at once where that has ended.
pub async fn of_job(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    let id = job_id(&id)?;
    let services = api.services()?;
    let events = subscribe(&api)?;
    let job = services.jobs.get(&id.to_string()).await?;
    if job.state.is_final() {
        let nothing = stream::empty::<Result<Sent, Infallible>>();
        return Ok(Sse::new(nothing).into_response());
    }
    Ok(follow(events, &[job], Some(id)))
}

fn subscribe(api: &Api) -> Result<EventStream, Problem> {
    let system = api.service.system.get().ok_or_else(Problem::no_database)?;
    Ok(system.events_hastily())
}

/// What a client is sent: how far each active job is, then what happens.
struct Following {
    first: VecDeque<Event>,
    events: EventStream,
    only: Option<JobId>,
    ended: bool,
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.first.pop_front() {
            return Some(event);
        }
        while !self.ended {
            let event = self.events.recv().await?;
            if self.only.is_none_or(|job| job == event.job_id) {
                let is_end = matches!(event.what, What::JobFinished(_));
                self.ended = is_end && self.only.is_some();
                return Some(event);
            }
        }
        None
    }
}

fn follow(events: EventStream, active: &[Job], only: Option<JobId>) -> axum::response::Response {
    let following = Following {
        first: active.iter().map(so_far).collect(),
        events,
        only,
        ended: false,
    };
    let sent = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(shown(&event)), following))
    });
    let alive = KeepAlive::new().interval(ALIVE);
    Sse::new(sent).keep_alive(alive).into_response()
}

fn so_far(job: &Job) -> Event {
    Event {
        v: 1,
        seq: 0,
        time: Utc::now(),
        job_id: job.id,
        config: job.config.clone(),
        table: None,
        what: What::Progress {
            progress: job.progress.clone(),
            counts: job.counts,
        },
    }
}

fn shown(event: &Event) -> Sent {
    let body = serde_json::to_value(event).unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or("event").to_owned();
    Sent::default().event(kind).data(body.to_string())
}
