//! The listening socket and the server on it, made so that no client can hold it up: handshakes,
//! heads, bodies and writes have their time, connections their number.
//!
//! A port is taken before anything else is started, and listened on when all is: whoever comes in
//! between is refused, and a port that somebody else has is told before any work began.

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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::patience::Patient;
use super::seats::Seats;
use super::timely::Timely;
use super::tls::Certificates;

/// Connections that wait to be taken.
const BACKLOG: u32 = 1024;
/// For agreeing on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Between two lines about connections that were closed.
const SILENCE: Duration = Duration::from_secs(10);
/// Most that the head of a request may be.
const HEAD: usize = 64 * 1024;
/// Most fields in a head.
const FIELDS: usize = 100;
/// Wait after the system has no more file descriptors.
const BREATH: Duration = Duration::from_millis(200);

/// How long clients may take; zero is for ever.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of a request, and again for its body.
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

/// A port that was taken and is not listened on yet.
pub struct Port {
    socket: TcpSocket,
    /// Its address.
    pub address: SocketAddr,
}

impl Port {
    /// Takes a port; 0 is any free one.
    ///
    /// # Errors
    /// When the name is unknown or somebody has the port.
    pub async fn take(host: &str, port: u16) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let host = host.trim_matches(['[', ']']);
        for address in lookup_host((host, port)).await? {
            match Self::of(address) {
                Ok(port) => return Ok(port),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn of(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A port that was left a moment ago can be had; one that somebody listens on can't.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// When somebody else began to meanwhile.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.socket.listen(BACKLOG)
    }
}

impl Server {
    /// Begins to answer.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start(
        listener: TcpListener,
        router: Router,
        limits: Limits,
        tls: Option<Arc<Certificates>>,
    ) -> io::Result<Self> {
        let server = Self {
            address: listener.local_addr()?,
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        if let Some(tls) = &tls {
            let watch = Arc::clone(tls).watch(server.stop.clone());
            server.connections.spawn(watch);
        }
        let door = Door {
            router,
            limits,
            tls,
            stop: server.stop.clone(),
        };
        let accepting = accept(
            listener,
            door,
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

/// What the connections of a server share.
#[derive(Clone)]
struct Door {
    router: Router,
    limits: Limits,
    tls: Option<Arc<Certificates>>,
    stop: CancellationToken,
}

async fn accept(
    listener: TcpListener,
    door: Door,
    cut: CancellationToken,
    connections: TaskTracker,
) {
    let seats = Arc::new(Seats::new());
    let mut told: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = door.stop.cancelled() => return,
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
        let Some(seat) = seats.take(peer.ip().to_canonical()) else {
            if told.is_none_or(|at| at.elapsed() >= SILENCE) {
                tracing::warn!(
                    "there may be {} connections: one from {} was closed",
                    seats.most(),
                    peer.ip()
                );
                told = Some(Instant::now());
            }
            continue;
        };
        let (door, cut) = (door.clone(), cut.clone());
        connections.spawn(async move {
            tokio::select! {
                () = welcome(stream, peer, door) => {}
                () = cut.cancelled() => {}
            }
            drop(seat);
        });
    }
}

/// Agrees on TLS where there is a certificate, then answers.
async fn welcome(stream: TcpStream, peer: SocketAddr, door: Door) {
    let stream = Patient::new(stream, door.limits.write);
    let Some(tls) = &door.tls else {
        return answer(stream, peer, door).await;
    };
    let agreed = tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream));
    let agreed = tokio::select! {
        agreed = agreed => agreed,
        () = door.stop.cancelled() => return,
    };
    match agreed {
        Ok(Ok(stream)) => answer(stream, peer, door).await,
        Ok(Err(error)) => tracing::debug!("no TLS with {peer}: {error}"),
        Err(_) => tracing::debug!("no TLS with {peer} within {} s", HANDSHAKE.as_secs()),
    }
}

/// Answers the requests of one connection until it ends.
async fn answer<S>(stream: S, peer: SocketAddr, door: Door)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Door {
        router,
        limits,
        stop,
        ..
    } = door;
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| Body::new(Timely::new(body, limits.read)));
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Some(limits.read).filter(|limit| !limit.is_zero()))
        .max_headers(FIELDS)
        .max_buf_size(HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), service);
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
