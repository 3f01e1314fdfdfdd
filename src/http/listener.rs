//! The listening socket and the server on it, made so that no client can hold it up: heads and
//! writes have their time, connections their number.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::patience::Patient;

/// Connections at once; those above it are closed at once.
const MOST: usize = 1024;
/// Most that the head of a request may be.
const HEAD: usize = 64 * 1024;
/// Most fields in a head.
const FIELDS: usize = 100;
/// Wait after the system has no more file descriptors.
const BREATH: Duration = Duration::from_millis(200);

/// How long clients may take; zero is for ever.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of a request.
    pub read: Duration,
    /// Without taking a byte of an answer.
    pub write: Duration,
}

/// A server that answers until it is told to stop.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    cut: CancellationToken,
    connections: TaskTracker,
}

/// Takes a port; 0 is any free one.
///
/// # Errors
/// When the name is unknown or the port is taken.
pub async fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((host, port)).await? {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Server {
    /// Begins to answer.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start(listener: TcpListener, router: Router, limits: Limits) -> io::Result<Self> {
        let server = Self {
            address: listener.local_addr()?,
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let accepting = accept(
            listener,
            router,
            limits,
            server.stop.clone(),
            server.cut.clone(),
            server.connections.clone(),
        );
        server.connections.spawn(accepting);
        Ok(server)
    }

    /// Takes no more connections; requests under way go on.
    pub fn stop_accepting(&self) {
        self.stop.cancel();
    }

    /// Waits for the requests under way, at most this long; `false`: some were cut off.
    pub async fn finish(self, patience: Duration) -> bool {
        self.stop.cancel();
        self.connections.close();
        let ended = tokio::time::timeout(patience, self.connections.wait()).await;
        self.cut.cancel();
        ended.is_ok()
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    cut: CancellationToken,
    connections: TaskTracker,
) {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a client that was gone before it was taken.
                tracing::debug!("a connection could not be taken: {error}");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Ok(seat) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!("{MOST} connections are open: one from {peer} was closed");
            continue;
        };
        let (router, stop, cut) = (router.clone(), stop.clone(), cut.clone());
        connections.spawn(async move {
            tokio::select! {
                () = answer(stream, peer, router, limits, stop) => {}
                () = cut.cancelled() => {}
            }
            drop(seat);
        });
    }
}

/// Answers the requests of one connection until it ends.
async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Some(limits.read).filter(|limit| !limit.is_zero()))
        .max_headers(FIELDS)
        .max_buf_size(HEAD);
    let stream = TokioIo::new(Patient::new(stream, limits.write));
    let connection = http.serve_connection(stream, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection from {peer} ended: {error}");
    }
}
