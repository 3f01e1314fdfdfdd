//! The service from start to stop.
//!
//! Start: port, then the system; the control database may be down, the service waits for it and
//! says so in `/health`. Stop: no more connections, then the system with its jobs and the control
//! database's sessions, then the requests under way.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::listener::{Limits, Server, bind};
use super::service::Service;
use super::service_manager::ServiceManager;
use super::{routes, signs};
use crate::jobs::StopHow;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::token::TokenHash;
use crate::settings::{FileWatch, Settings, secrets};
use crate::system::{LiveSettings, Role, System};

/// How long jobs that are ended at once may take to roll back.
const AT_ONCE: Duration = Duration::from_secs(5);

/// After so long the service is called ready, even if the control database has not answered.
const READY_AFTER: Duration = Duration::from_secs(20);

/// Characters of the shortest token that the settings may hold.
const LEAST_TOKEN: usize = 16;

/// The signal that ended the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// SIGINT: running jobs were cancelled.
    Interrupt,
    /// SIGTERM: running jobs went back to the queue.
    Terminate,
}

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port can't be had.
    #[error("can't listen on {address}: {error}")]
    Listen {
        /// As it was asked for.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The system refuses these settings.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The operating system refuses something basic.
    #[error("can't start: {0}")]
    Io(#[from] io::Error),
}

/// Runs the service until a signal ends it. On SIGHUP, and when their file changes, the settings are
/// read again, and put in force as far as that needs no restart.
///
/// # Errors
/// When it can't start; a control database that is down is no reason.
pub async fn serve(live: &LiveSettings) -> Result<Ended, ServeError> {
    let settings = live.started();
    let (host, port) = (&settings.server.host, settings.server.port);
    let listener = bind(host, port).await.map_err(|error| ServeError::Listen {
        address: shown(host, port),
        error,
    })?;
    let own_token = own_token(settings)?;
    // What others see of this instance is the port that it got.
    let mut settings = settings.clone();
    settings.server.port = listener.local_addr()?.port();
    let settings = Arc::new(settings);
    let service = Arc::new(Service::new(Arc::clone(&settings), own_token));
    let patience = || service.settings_now().server.shutdown_timeout;
    let manager = Arc::new(ServiceManager::of_process());
    let mut signals = Signals::listen(live, &service, &manager)?;
    let limits = Limits {
        read: settings.server.read_timeout,
        write: settings.server.write_timeout,
    };
    let server = Server::start(listener, routes::of(&service), limits)?;
    tracing::info!("listening on http://{}", server.address);
    let starting = System::start_live(settings, live.cell(), Role::Headless);
    let started = tokio::select! {
        started = with_ready(starting, &manager) => started,
        ended = signals.next() => {
            tracing::info!("stopping before the start was complete: {}", ended.name());
            manager.stopping();
            server.finish(patience()).await;
            return Ok(ended);
        }
    };
    let system = match started {
        Ok(system) => {
            // Settings may have been read again meanwhile.
            system.reload(&service.settings_now());
            service.system.get_or_init(|| system)
        }
        Err(refusal) => {
            server.finish(Duration::ZERO).await;
            return Err(refusal.into());
        }
    };
    manager.ready();
    let over = CancellationToken::new();
    let signs = tokio::spawn(signs::give(
        Arc::clone(&manager),
        Arc::clone(&service),
        over.clone(),
    ));
    let ended = signals.next().await;
    tracing::info!("stopping: {}", ended.name());
    manager.stopping();
    service.stopping.store(true, Ordering::Relaxed);
    server.stop_accepting();
    tracing::info!("no more connections are taken");
    stop_system(system, ended, &mut signals).await;
    let patience = patience();
    if !server.finish(patience).await {
        tracing::warn!("requests were cut off after {} s", patience.as_secs());
    }
    tracing::info!("the HTTP server has stopped");
    over.cancel();
    // It ends at once, and has nothing to tell.
    let _told = signs.await;
    Ok(ended)
}

/// Stops jobs after their batch, and at once on another signal.
async fn stop_system(system: &System, ended: Ended, signals: &mut Signals<'_>) {
    let how = match ended {
        Ended::Interrupt => StopHow::Cancel,
        Ended::Terminate => StopHow::Release,
    };
    let stopping = system.shutdown(how);
    tokio::pin!(stopping);
    tokio::select! {
        () = &mut stopping => {}
        again = signals.next() => {
            tracing::warn!("stopping at once: {}", again.name());
            let both = async {
                tokio::join!(stopping, system.shutdown(how));
            };
            if tokio::time::timeout(AT_ONCE, both).await.is_err() {
                tracing::warn!("jobs did not end in time; their sessions are dropped");
            }
        }
    }
    tracing::info!("the sync system has stopped");
}

/// The setting `security.api_token`, hashed.
fn own_token(settings: &Settings) -> Result<Option<TokenHash>, Refusal> {
    let Some(secret) = &settings.security.api_token else {
        return Ok(None);
    };
    let secret = secrets::resolve(secret)
        .map_err(|why| Refusal::Invalid(vec![Finding::new("security.api_token", why)]))?;
    if secret.expose_secret().trim().len() < LEAST_TOKEN {
        let why = format!("a token has at least {LEAST_TOKEN} characters");
        return Err(Refusal::Invalid(vec![Finding::new(
            "security.api_token",
            why,
        )]));
    }
    Ok(Some(TokenHash::of(secret.expose_secret())))
}

fn shown(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl Ended {
    fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }
}

/// A control database that does not even refuse must not make the service manager give up: when
/// `starting` takes long, says that the service is ready, which is true of what it serves.
async fn with_ready<T>(starting: impl Future<Output = T>, manager: &ServiceManager) -> T {
    tokio::pin!(starting);
    if let Ok(started) = tokio::time::timeout(READY_AFTER, &mut starting).await {
        return started;
    }
    manager.status("waiting for the control database");
    manager.ready();
    starting.await
}

/// Waits until the settings file has changed; for ever where there is none.
async fn changed(file: Option<&FileWatch<()>>) {
    match file {
        Some(file) => file.next().await,
        None => std::future::pending().await,
    }
}

struct Signals<'a> {
    live: &'a LiveSettings,
    service: Arc<Service>,
    manager: Arc<ServiceManager>,
    file: Option<FileWatch<()>>,
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl<'a> Signals<'a> {
    fn listen(
        live: &'a LiveSettings,
        service: &Arc<Service>,
        manager: &Arc<ServiceManager>,
    ) -> io::Result<Self> {
        Ok(Self {
            live,
            service: Arc::clone(service),
            manager: Arc::clone(manager),
            file: live.file().map(|file| FileWatch::start(file, || ())),
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    fn reload(&self, why: &str) {
        self.manager.reloading();
        if let Ok(settings) = self.live.reload(why) {
            let token = own_token(&settings).unwrap_or_else(|refusal| {
                tracing::error!("{why}: security.api_token stays as it is: {refusal}");
                self.service.own_token()
            });
            self.service.take_over(settings, token);
        }
        self.manager.ready();
    }

    /// The next signal that ends the service; SIGHUP does not, and neither does a settings file that
    /// has changed.
    async fn next(&mut self) -> Ended {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Ended::Interrupt,
                _ = self.terminate.recv() => return Ended::Terminate,
                _ = self.hangup.recv() => self.reload("SIGHUP"),
                () = changed(self.file.as_ref()) => self.reload("settings file"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::health::{self, Readiness};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn ask(server: &Server, request: &str) -> (u16, serde_json::Value) {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer[9..12].parse().unwrap();
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    const LIMITS: Limits = Limits {
        read: Duration::from_secs(5),
        write: Duration::from_secs(5),
    };

    async fn server(readiness: Readiness) -> Server {
        let listener = bind("127.0.0.1", 0).await.unwrap();
        let router = health::router(Arc::new(move || readiness));
        Server::start(listener, routes::complete(router), LIMITS).unwrap()
    }

    #[tokio::test]
    async fn health_says_whether_it_lives_and_whether_it_can_work() {
        let good = server(Readiness::Ready).await;
        let ok = serde_json::json!({"status": "ok"});
        assert_eq!(ask(&good, "GET /health").await, (200, ok.clone()));
        assert_eq!(ask(&good, "GET /health/live").await, (200, ok));
        let ready = serde_json::json!({"status": "ready"});
        assert_eq!(ask(&good, "GET /health/ready").await, (200, ready));

        let bad = server(Readiness::NotReady("database_unavailable")).await;
        let degraded = serde_json::json!({"status": "degraded"});
        assert_eq!(ask(&bad, "GET /health/live").await, (200, degraded));
        let not_ready =
            serde_json::json!({"status": "not_ready", "reason": "database_unavailable"});
        assert_eq!(ask(&bad, "GET /health/ready").await, (503, not_ready));
    }

    #[tokio::test]
    async fn what_is_no_route_is_a_json_error() {
        let server = server(Readiness::Ready).await;
        let (status, body) = ask(&server, "GET /nothing").await;
        assert_eq!((status, &body["error"]["code"]), (404, &"not_found".into()));
        let (status, body) = ask(&server, "POST /health").await;
        let code: serde_json::Value = "method_not_allowed".into();
        assert_eq!((status, &body["error"]["code"]), (405, &code));
    }

    #[tokio::test]
    async fn a_stopped_server_takes_no_connection_and_an_idle_one_does_not_hold_it_up() {
        let server = server(Readiness::Ready).await;
        let address = server.address;
        let _idle = TcpStream::connect(address).await.unwrap();
        server.stop_accepting();
        assert!(server.finish(Duration::from_secs(20)).await);
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_port_in_use_is_refused() {
        let first = bind("127.0.0.1", 0).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let error = bind("127.0.0.1", port).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
