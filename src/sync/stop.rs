//! The wish to end.

use tokio_util::sync::CancellationToken;

/// Two wishes to end: soft after the batch in hand, hard at once by rollback.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    /// End after the batch in hand, checkpointed.
    pub soft: CancellationToken,
    /// End at once: connections are dropped.
    pub hard: CancellationToken,
}
