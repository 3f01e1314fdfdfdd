//! The service from start to stop, in the order in which the log tells it.
//!
//! Start: settings and log, the port (taken, so that one in use is told before any work begins), the
//! sync system (control database, its tables, job engine), routes, listening. The control database
//! may be down, or slow: the service listens without it and says so in `/health`. Stop: no more
//! connections, then the sync system with its jobs, then the control database's sessions, then the
//! requests under way. What goes wrong on the way is told, and the next step is taken.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::listener::{Limits, Port, Server};
use super::service::Service;
use super::service_manager::ServiceManager;
use super::tls::Certificates;
use super::{routes, signs};
use crate::jobs::StopHow;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::token::TokenHash;
use crate::settings::{FileWatch, Settings, secrets};
use crate::system::{LiveSettings, Role, System};

/// How long jobs that are ended at once may take to roll back.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long the service waits for the sync system before it listens without it: whoever looks after
/// it wants to know that it lives.
const SLOW_START: Duration = Duration::from_secs(5);
/// Between two looks whether the control database has come.
const LOOK: Duration = Duration::from_secs(1);

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
    #[error("can't listen on {address}: {error}{}", advice(.error))]
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

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": another program listens there; stop it, or choose another port (--listen HOST:PORT, \
             setting server.port)"
        }
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 are for privileged programs; choose another one (--listen HOST:PORT, \
             setting server.port)"
        }
        _ => "",
    }
}

/// Runs the service until a signal ends it. On SIGHUP, and when their file changes, the settings are
/// read again, and put in force as far as that needs no restart.
///
/// # Errors
/// When it can't start; a control database that is down is no reason.
pub async fn serve(live: &LiveSettings) -> Result<Ended, ServeError> {
    let settings = live.started();
    let begun = Instant::now();
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!("db-taxi {version} starts: settings and log are in order");
    let (host, port) = (&settings.server.host, settings.server.port);
    let refused = |error| ServeError::Listen {
        address: shown(host, port),
        error,
    };
    let port = Port::take(host, port).await.map_err(refused)?;
    let address = port.address;
    tracing::info!("HTTP server prepared: the port {address} is taken");
    let own_token = own_token(settings)?;
    let certificates = certificates(settings)?;
    let scheme = if certificates.is_some() {
        "https"
    } else {
        "http"
    };
    // What others see of this instance is the port that it got.
    let mut settings = settings.clone();
    settings.server.port = address.port();
    let settings = Arc::new(settings);
    let service = Arc::new(Service::new(
        Arc::clone(&settings),
        own_token,
        address,
        certificates.clone(),
    ));
    let patience = || limit(service.settings_now().server.shutdown_timeout);
    let manager = Arc::new(ServiceManager::of_process());
    let mut signals = Signals::listen(live, &service, &manager)?;
    let limits = Limits {
        read: settings.server.read_timeout,
        write: settings.server.write_timeout,
    };

    let starting = System::start_live(settings, live.cell(), Role::Headless);
    tokio::pin!(starting);
    let mut started = tokio::select! {
        started = &mut starting => Some(started?),
        () = tokio::time::sleep(SLOW_START) => None,
        ended = signals.next() => {
            tracing::info!("stopping before the start was complete: {}", ended.name());
            manager.stopping();
            return Ok(ended);
        }
    };
    if let Some(system) = started.take() {
        // Settings may have been read again meanwhile.
        system.reload(&service.settings_now());
        service.system.get_or_init(|| system);
        tracing::info!("sync system started");
    } else {
        tracing::warn!("the sync system is not up yet: the HTTP server starts without it");
    }
    let routes = routes::of(&service);
    tracing::info!("routes registered");
    let server = match port
        .listen()
        .and_then(|listener| Server::start(listener, routes, limits, certificates))
    {
        Ok(server) => server,
        Err(error) => {
            if let Some(system) = service.system.get() {
                system.shutdown(StopHow::Release).await;
            }
            return Err(refused(error));
        }
    };
    tracing::info!("listening on {scheme}://{}", server.address);
    if service.system.get().is_none() {
        let late = tokio::select! {
            late = with_ready(&mut starting, &manager) => late,
            ended = signals.next() => {
                tracing::info!("stopping before the start was complete: {}", ended.name());
                manager.stopping();
                service.stopping.store(true, Ordering::Relaxed);
                server.finish(patience()).await;
                return Ok(ended);
            }
        };
        match late {
            Ok(system) => {
                system.reload(&service.settings_now());
                service.system.get_or_init(|| system);
                tracing::info!("sync system started");
            }
            Err(refusal) => {
                server.finish(Duration::ZERO).await;
                return Err(refusal.into());
            }
        }
    }
    manager.ready();
    let over = CancellationToken::new();
    let signs = tokio::spawn(signs::give(
        Arc::clone(&manager),
        Arc::clone(&service),
        over.clone(),
    ));
    tracing::info!("started after {} ms", begun.elapsed().as_millis());
    let ended = tokio::select! {
        ended = signals.next() => ended,
        never = tell_how_to_begin(&service, own_token.is_some()) => match never {},
    };

    tracing::info!("stopping: {}", ended.name());
    manager.stopping();
    service.stopping.store(true, Ordering::Relaxed);
    server.stop_accepting();
    tracing::info!("no more connections are taken");
    let patience = patience();
    if let Some(system) = service.system.get() {
        stop_system(system, ended, &mut signals).await;
    }
    if server.finish(patience).await {
        tracing::info!("the HTTP server has stopped: every request was answered");
    } else {
        tracing::error!(
            "the HTTP server has stopped: requests were cut off after {} s",
            patience.as_secs()
        );
    }
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
}

/// A limit of the settings, where zero is none.
fn limit(setting: Duration) -> Duration {
    if setting.is_zero() {
        Duration::from_secs(86_400 * 365)
    } else {
        setting
    }
}

/// Tells how to make a token where nothing is answered without one and none exists. Never ends.
async fn tell_how_to_begin(service: &Service, own_token: bool) -> Infallible {
    if service.on_loopback || own_token {
        return std::future::pending().await;
    }
    loop {
        let services = service.system.get().and_then(System::services);
        if let Some(services) = services
            && let Ok(tokens) = services.tokens.list().await
        {
            if tokens.is_empty() {
                tracing::warn!(
                    "no token exists, so everything but /health answers 401: make one with \
                     db-taxi tokens create NAME --scope admin"
                );
            }
            return std::future::pending().await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the settings say of TLS.
fn certificates(settings: &Settings) -> Result<Option<Arc<Certificates>>, Refusal> {
    let server = &settings.server;
    let (Some(cert), Some(key)) = (&server.tls_cert, &server.tls_key) else {
        return Ok(None);
    };
    Certificates::read(cert, key)
        .map(|read| Some(Arc::new(read)))
        .map_err(|wrong| Refusal::Invalid(vec![wrong]))
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
        if let Some(certificates) = &self.service.certificates {
            certificates.refresh(why == "SIGHUP");
        }
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
        let listener = Port::take("127.0.0.1", 0).await.unwrap().listen().unwrap();
        let router = health::router(Arc::new(move || readiness));
        Server::start(listener, routes::complete(router), LIMITS, None).unwrap()
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
        let first = Port::take("127.0.0.1", 0).await.unwrap();
        let address = first.address;
        let _listening = first.listen().unwrap();
        let error = Port::take("127.0.0.1", address.port()).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let told = ServeError::Listen {
            address: shown("127.0.0.1", address.port()),
            error,
        };
        assert!(told.to_string().contains(&address.to_string()), "{told}");
    }
}
