//! Gives the service manager signs of life, and says how the service stands.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::health::Readiness;
use super::service::Service;
use super::service_manager::ServiceManager;

/// Between two looks at how the service stands.
const LOOK: Duration = Duration::from_secs(5);

/// Gives signs of life while `service` lives, until `ended`.
pub async fn give(manager: Arc<ServiceManager>, service: Arc<Service>, ended: CancellationToken) {
    let status = || stands(&service);
    let alive = || service.is_alive();
    give_while(&manager, alive, status, ended).await;
}

async fn give_while(
    manager: &ServiceManager,
    alive: impl Fn() -> bool,
    status: impl Fn() -> String,
    ended: CancellationToken,
) {
    if !manager.is_there() {
        return;
    }
    let every = manager.sign_of_life_every();
    let mut was_alive = true;
    loop {
        manager.status(&status());
        let alive = alive();
        if alive && every.is_some() {
            manager.sign_of_life();
        }
        if was_alive && !alive {
            tracing::error!(
                "the job engine is stuck; the service manager gets no more signs of life"
            );
        }
        was_alive = alive;
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(every.map_or(LOOK, |every| every.min(LOOK))) => {}
        }
    }
}

/// How it stands, in a line.
fn stands(service: &Service) -> String {
    let system = service.system.get();
    match service.readiness() {
        Readiness::Ready => {
            let jobs = system
                .and_then(crate::system::System::engine)
                .map_or(0, |engine| engine.active_jobs().len());
            match jobs {
                0 => "ready; no job is running here".to_owned(),
                1 => "ready; 1 job is running here".to_owned(),
                many => format!("ready; {many} jobs are running here"),
            }
        }
        Readiness::NotReady("database_unavailable") => {
            let error = system.and_then(|system| system.database().error);
            let why = error.unwrap_or_else(|| "no answer yet".to_owned());
            format!("waiting for the control database: {why}")
        }
        Readiness::NotReady(reason) => reason.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn an_engine_that_is_stuck_gives_no_more_signs_of_life() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let manager = ServiceManager::with_socket(&path, Duration::from_millis(20));
        let alive = AtomicBool::new(true);
        let signs = || {
            let mut bytes = [0; 512];
            let mut count = 0;
            while let Ok(length) = socket.recv(&mut bytes) {
                count += usize::from(&bytes[..length] == b"WATCHDOG=1");
            }
            count
        };
        let ended = CancellationToken::new();
        let status = || alive.load(Ordering::Relaxed).to_string();
        let give = give_while(
            &manager,
            || alive.load(Ordering::Relaxed),
            status,
            ended.clone(),
        );
        let look = async {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
            let mut seen = 0;
            while seen < 3 {
                assert!(tokio::time::Instant::now() < deadline);
                tokio::time::sleep(Duration::from_millis(10)).await;
                seen += signs();
            }
            alive.store(false, Ordering::Relaxed);
            // One round may have been under way.
            tokio::time::sleep(Duration::from_millis(50)).await;
            signs();
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(signs(), 0);
            ended.cancel();
        };
        tokio::join!(give, look);
    }
}
