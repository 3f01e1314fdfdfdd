//! Events as they happen, on every instance: `/api/sync/events` and `/api/sync/jobs/:id/events`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::stream;
use tokio::sync::watch;

use super::Api;
use super::answer::Answer;
use super::input::PathId;
use super::jobs::job_id;
use crate::http::problem::Problem;
use crate::http::service::Service;
use crate::jobs::{Elsewhere, EventStream};
use crate::model::command::Refusal;
use crate::model::event::{Event, What};
use crate::model::ids::JobId;
use crate::model::job::Job;
use crate::services::Services;
use crate::system::Look;

/// Silence after which a comment is sent, so that nobody takes the line for dead.
const ALIVE: Duration = Duration::from_secs(15);

pub async fn all(State(api): State<Arc<Api>>) -> Answer {
    let services = api.services()?;
    // Before the jobs are looked at, so that nothing falls between.
    let heard = Heard::subscribe(&api.service)?;
    let active = services.jobs.active().await?;
    Ok(Following::new(heard, services, &active, None).response())
}

/// Ends with its job, and at once where that has ended.
pub async fn of_job(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    let id = job_id(&id)?;
    let services = api.services()?;
    let heard = Heard::subscribe(&api.service)?;
    let job = services.jobs.get(&id.to_string()).await?;
    if job.state.is_final() {
        let nothing = stream::empty::<Result<Sent, Infallible>>();
        return Ok(Sse::new(nothing).into_response());
    }
    Ok(Following::new(heard, services, &[job], Some(id)).response())
}

/// Where events come from: this process, and looks at the others.
struct Heard {
    service: Arc<Service>,
    events: EventStream,
    looks: watch::Receiver<Look>,
}

impl Heard {
    fn subscribe(service: &Arc<Service>) -> Result<Self, Problem> {
        let system = service.system.get().ok_or_else(Problem::no_database)?;
        let mut looks = system.looks();
        // What was seen before anybody listened is old.
        looks.mark_unchanged();
        Ok(Self {
            service: Arc::clone(service),
            events: system.events_hastily(),
            looks,
        })
    }

    fn runs_here(&self, job: JobId) -> bool {
        let engine = self.service.system.get().and_then(|system| system.engine());
        engine.is_some_and(|engine| engine.runs_here(job))
    }
}

/// What a client is sent: how far each active job is, then what happens.
struct Following {
    heard: Heard,
    services: Services,
    elsewhere: Elsewhere,
    /// To be sent next.
    waiting: VecDeque<Event>,
    only: Option<JobId>,
    ended: bool,
}

impl Following {
    fn new(heard: Heard, services: Services, active: &[Job], only: Option<JobId>) -> Self {
        let mut elsewhere = Elsewhere::default();
        Self {
            waiting: elsewhere.first(active).into(),
            heard,
            services,
            elsewhere,
            only,
            ended: false,
        }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                let is_end = matches!(event.what, What::JobFinished(_));
                self.ended = is_end && self.only.is_some();
                return Some(event);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                biased;
                event = self.heard.events.recv() => {
                    let mut event = event?;
                    if self.is_wanted(event.job_id) {
                        self.elsewhere.heard(&mut event);
                        self.waiting.push_back(event);
                    }
                }
                Ok(()) = self.heard.looks.changed() => self.look().await,
            }
        }
    }

    fn is_wanted(&self, job: JobId) -> bool {
        self.only.is_none_or(|only| only == job)
    }

    async fn look(&mut self) {
        let active = Arc::clone(&self.heard.looks.borrow_and_update());
        let heard = &self.heard;
        let only = self.only;
        let of_interest = active
            .iter()
            .filter(|job| only.is_none_or(|only| only == job.id));
        let (events, gone) = self.elsewhere.look(of_interest, |job| heard.runs_here(job));
        self.waiting.extend(events);
        for id in gone {
            match self.services.jobs.get(&id.to_string()).await {
                Ok(job) => self.waiting.extend(self.elsewhere.ended(&job)),
                Err(Refusal::NotFound { .. }) => self.elsewhere.forget(id),
                // Asked again at the next look.
                Err(_) => {}
            }
        }
    }

    fn response(self) -> axum::response::Response {
        let sent = stream::unfold(self, |mut following| async move {
            let event = following.next().await?;
            Some((Ok::<_, Infallible>(shown(&event)), following))
        });
        let alive = KeepAlive::new().interval(ALIVE);
        Sse::new(sent).keep_alive(alive).into_response()
    }
}

fn shown(event: &Event) -> Sent {
    let body = serde_json::to_value(event).unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or("event").to_owned();
    Sent::default().event(kind).data(body.to_string())
}
