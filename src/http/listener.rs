//! The listening socket and the server on it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, lookup_host};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server that answers until it is told to stop.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<io::Result<()>>,
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
    pub fn start(listener: TcpListener, router: Router) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            let router = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
        });
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// Takes no more connections; requests under way go on.
    pub fn stop_accepting(&self) {
        self.stop.cancel();
    }

    /// Waits for the requests under way, at most this long; `false`: some were cut off.
    pub async fn finish(mut self, patience: Duration) -> bool {
        self.stop.cancel();
        if tokio::time::timeout(patience, &mut self.task).await.is_ok() {
            return true;
        }
        self.task.abort();
        false
    }
}
