//! Looking at a server once a second while a job works on it: is there room for us, and does
//! anybody wait because of us?
//!
//! One session per server, beside those that work; where `max_connections` leaves none for that, one is
//! opened for each look. When the server can't be looked at for a while,
//! nothing is held back any more: work then finds out by itself. Must not know: jobs. Started and
//! ended by the run of a job.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::guard::Guard;
use super::throttle::{Measure, Throttle};
use crate::model::job::JobLimits;
use crate::model::throttle::ThrottleSpec;
use crate::mysql::{Endpoint, MysqlError, Session, SessionKind};

/// Between two looks.
const EACH: Duration = Duration::from_secs(1);
/// The watcher's session ends by itself when its owner is frozen for so long.
const LEASE: Duration = Duration::from_secs(60);
/// For so long the last verdict stands while the server can't be asked.
const STANDS: Duration = Duration::from_secs(10);

/// A task that looks at a server; ends with the value.
pub struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watch {
    /// Begins to look.
    #[must_use]
    pub fn begin(endpoint: Arc<Endpoint>, throttle: Arc<Throttle>, guard: Option<Guard>) -> Self {
        let mut eye = Eye {
            measure: Measure::new(Arc::clone(&endpoint)),
            endpoint,
            throttle,
            guard,
            session: None,
        };
        Self(tokio::spawn(async move {
            let mut seen = Instant::now();
            loop {
                match eye.look().await {
                    Ok(()) => seen = Instant::now(),
                    Err(error) => {
                        eye.session = None;
                        tracing::debug!(target: "db_taxi::sync", server = eye.endpoint.label, "not looked at: {error}");
                        if seen.elapsed() > STANDS {
                            eye.throttle.measured(None);
                            if let Some(guard) = &eye.guard {
                                guard.rest();
                            }
                        }
                    }
                }
                tokio::time::sleep(EACH).await;
            }
        }))
    }

    /// Puts limits on the source in force that are changed while the job runs.
    #[must_use]
    pub fn follow(mut limits: watch::Receiver<JobLimits>, throttle: Arc<Throttle>) -> Self {
        let put = move |limits: &JobLimits| {
            if let Some(spec) = &limits.throttle
                && *spec != throttle.spec()
            {
                throttle.replace(spec.clone());
            }
        };
        put(&limits.borrow_and_update());
        Self(tokio::spawn(async move {
            while limits.changed().await.is_ok() {
                put(&limits.borrow_and_update());
            }
        }))
    }
}

struct Eye {
    endpoint: Arc<Endpoint>,
    throttle: Arc<Throttle>,
    guard: Option<Guard>,
    measure: Measure,
    session: Option<Session>,
}

impl Eye {
    async fn look(&mut self) -> Result<(), MysqlError> {
        let spec = self.throttle.spec();
        if !spec.limits().are_measured() && self.guard.is_none() {
            return Ok(());
        }
        let mut session = match self.session.take() {
            Some(session) if session.is_usable() => session,
            _ => Session::open(&self.endpoint, SessionKind::Guard, LEASE).await?,
        };
        self.look_by(&spec, &mut session).await?;
        if session.is_brief() {
            session.close().await;
        } else {
            self.session = Some(session);
        }
        Ok(())
    }

    async fn look_by(
        &mut self,
        spec: &ThrottleSpec,
        session: &mut Session,
    ) -> Result<(), MysqlError> {
        let processes = session.processes().await?;
        if let Some(guard) = &mut self.guard {
            guard.look(session, &processes).await?;
        }
        let reason = self.measure.look(spec, session, &processes).await?;
        // Limits that were replaced meanwhile are looked at next time.
        if self.throttle.spec() == *spec {
            self.throttle.measured(reason);
        }
        Ok(())
    }
}
