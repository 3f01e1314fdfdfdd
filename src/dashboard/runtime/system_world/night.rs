//! What ended badly while nobody looked, and the memory of when somebody did. Times are those of the
//! control database's clock, as the jobs' are.

use std::time::Duration;

use chrono::TimeDelta;

use crate::dashboard::app::night::LookBack;
use crate::dashboard::runtime::visit_file::VisitFile;
use crate::model::command::Refusal;
use crate::model::night::BadNight;
use crate::services::Jobs;

/// How far is looked back where no visit is remembered.
const FIRST_LOOK: TimeDelta = TimeDelta::hours(24);
/// How far is looked back when somebody asks.
const LATELY: TimeDelta = TimeDelta::days(7);

/// What ended badly.
pub async fn find(
    jobs: &Jobs,
    visits: Option<&VisitFile>,
    look: LookBack,
) -> Result<BadNight, Refusal> {
    let now = jobs.clock().await?;
    let (since, visited) = match look {
        LookBack::Since(at) => (at, true),
        LookBack::Lately => (now - LATELY, false),
        // A time to come was not written by this server's clock.
        LookBack::Visit => match visits.and_then(VisitFile::read).filter(|at| *at <= now) {
            Some(at) => (at, true),
            None => (now - FIRST_LOOK, false),
        },
    };
    Ok(BadNight {
        since,
        visited,
        jobs: jobs.bad_night(since).await?,
    })
}

/// Remembers that somebody was here so long ago.
pub async fn remember(jobs: &Jobs, file: &VisitFile, ago: Duration) -> Result<(), String> {
    let now = jobs.clock().await.map_err(|refusal| refusal.to_string())?;
    let at = now - TimeDelta::from_std(ago).unwrap_or_default();
    let file = file.clone();
    tokio::task::spawn_blocking(move || file.write(at))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}
