//! Events as they happen: `/api/sync/events` and `/api/sync/jobs/:id/events`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use chrono::Utc;
use futures_util::stream;
use tokio::sync::mpsc;

use super::Api;
use super::answer::Answer;
use super::jobs::job_id;
use crate::http::problem::Problem;
use crate::jobs::EventStream;
use crate::model::event::{Event, What};
use crate::model::ids::JobId;

/// Events that a client may be behind before it is cut off: it never makes a job wait.
const ROOM: usize = 4096;
/// Silence after which a comment is sent, so that nobody takes the line for dead.
const ALIVE: Duration = Duration::from_secs(15);

pub async fn all(State(api): State<Arc<Api>>) -> Answer {
    api.services()?;
    follow(&api, None)
}

pub async fn of_job(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Answer {
    let id = job_id(&id)?;
    api.services()?.jobs.get(&id.to_string()).await?;
    follow(&api, Some(id))
}

fn follow(api: &Api, job: Option<JobId>) -> Answer {
    let system = api.service.system.get().ok_or_else(Problem::no_database)?;
    let events = system.events();
    let (to, from) = mpsc::channel(ROOM);
    tokio::spawn(pump(events, job, to));
    let sent = stream::unfold(from, |mut from| async move {
        let event: Event = from.recv().await?;
        Some((Ok::<_, Infallible>(shown(&event)), from))
    });
    let alive = KeepAlive::new().interval(ALIVE);
    Ok(Sse::new(sent).keep_alive(alive).into_response())
}

/// Takes events from the engine as fast as they come. Ends when the client is too far behind or gone.
async fn pump(mut events: EventStream, job: Option<JobId>, to: mpsc::Sender<Event>) {
    let wanted = |id: JobId| job.is_none_or(|job| job == id);
    for active in events.snapshot() {
        let first = Event {
            v: 1,
            seq: 0,
            time: Utc::now(),
            job_id: active.id,
            config: active.config.clone(),
            table: None,
            what: What::Progress {
                progress: active.progress,
                counts: active.counts,
            },
        };
        if wanted(active.id) && to.try_send(first).is_err() {
            return;
        }
    }
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = to.closed() => return,
        };
        match event {
            Some(event) if wanted(event.job_id) => {
                if to.try_send(event).is_err() {
                    return;
                }
            }
            Some(_) => {}
            None => return,
        }
    }
}

fn shown(event: &Event) -> Sent {
    let body = serde_json::to_value(event).unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or("event").to_owned();
    Sent::default().event(kind).data(body.to_string())
}
