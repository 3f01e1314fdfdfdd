//! Leases kept alive: claimed, renewed together, and disbelieved in time.
//!
//! A lease is believed for two thirds of its time since the last renewal that succeeded *began*,
//! by the monotonic clock. So a process that was frozen disbelieves its leases when it wakes up,
//! before it asks anybody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use crate::model::ids::InstanceId;
use crate::store::StoreError;
use crate::store::leases::{BATCH, Lease, PreviousHolder, Resource};
use crate::sync::TableLease;

/// Claims under way at once. A job claims each of its tables; were all sent together, the time that
/// one waits for the others would count as time of its lease.
const CLAIMS: usize = 2;

/// Until when a lease is believed.
#[derive(Debug, Clone)]
pub struct LeaseClock {
    believed_for: Duration,
    renewed: Instant,
}

impl LeaseClock {
    /// Of a lease that lasts `ttl`, whose claim began at `began`.
    #[must_use]
    pub fn new(ttl: Duration, began: Instant) -> Self {
        Self {
            believed_for: ttl * 2 / 3,
            renewed: began,
        }
    }

    /// A renewal that began at `began` succeeded.
    pub fn renewed(&mut self, began: Instant) {
        self.renewed = self.renewed.max(began);
    }

    /// When it is not believed any more.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.renewed + self.believed_for
    }

    /// Whether it is not believed any more.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.deadline()
    }
}

/// Keeps the leases of this process; clones share it.
#[derive(Clone)]
pub struct LeaseKeeper(Arc<Inner>);

struct Inner {
    ledger: Arc<dyn Ledger>,
    holder: InstanceId,
    ttl: Duration,
    held: Mutex<Vec<Held>>,
    /// Leases that were lost or disbelieved since the process began.
    lost: AtomicU64,
    /// The set of held leases, or a deadline, changed.
    changed: Notify,
    claims: Semaphore,
}

struct Held {
    lease: Lease,
    clock: LeaseClock,
    lost: CancellationToken,
}

/// A lease that is kept alive until it is released. Dropped without that, it is disbelieved at
/// once and runs out by itself: whatever dropped it may not have ended all work under it.
pub struct HeldLease {
    keeper: LeaseKeeper,
    lease: Lease,
    previous: Option<PreviousHolder>,
    lost: CancellationToken,
}

impl LeaseKeeper {
    /// A keeper of leases that last `ttl`; it keeps them while [`Self::keep`] runs.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, holder: InstanceId, ttl: Duration) -> Self {
        Self(Arc::new(Inner {
            ledger,
            holder,
            ttl,
            held: Mutex::default(),
            lost: AtomicU64::new(0),
            changed: Notify::new(),
            claims: Semaphore::new(CLAIMS),
        }))
    }

    /// How long a lease lasts.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.0.ttl
    }

    /// How many leases are held, and how many were lost since the process began.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let held = self.lock().len() as u64;
        (held, self.0.lost.load(Ordering::Relaxed))
    }

    /// Claims a resource; `None` when somebody living holds it.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn claim(&self, resource: &Resource) -> Result<Option<HeldLease>, StoreError> {
        // Closed by nobody.
        let _turn = self.0.claims.acquire().await;
        let began = Instant::now();
        let claim = self.0.ledger.claim(resource, self.0.holder).await?;
        let Some((lease, previous)) = claim else {
            return Ok(None);
        };
        let lost = CancellationToken::new();
        self.lock().push(Held {
            lease: lease.clone(),
            clock: LeaseClock::new(self.0.ttl, began),
            lost: lost.clone(),
        });
        self.0.changed.notify_one();
        Ok(Some(HeldLease {
            keeper: self.clone(),
            lease,
            previous,
            lost,
        }))
    }

    /// Renews and watches until `until`.
    pub async fn keep(&self, until: CancellationToken) {
        tokio::select! {
            () = until.cancelled() => {}
            () = self.renew_each_third() => {}
            () = self.watch_deadlines() => {}
        }
    }

    async fn renew_each_third(&self) {
        let mut pause = self.0.ttl / 3;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.renew_all().await {
                Ok(()) => self.0.ttl / 3,
                Err(why) => {
                    tracing::warn!(target: "db_taxi::jobs", "leases were not renewed: {why}");
                    self.0.ttl / 12
                }
            };
        }
    }

    /// Batch by batch: what one of them learned holds, whatever becomes of the others.
    async fn renew_all(&self) -> Result<(), String> {
        self.disbelieve(Instant::now());
        let leases: Vec<Lease> = self.lock().iter().map(|held| held.lease.clone()).collect();
        let mut result = Ok(());
        for batch in leases.chunks(BATCH) {
            match tokio::time::timeout(self.0.ttl / 3, self.renew_batch(batch)).await {
                Ok(Ok((began, renewed))) => self.renewed(batch, began, &renewed),
                Ok(Err(error)) => result = Err(error.to_string()),
                // The others would wait as long.
                Err(_) => return Err("the control database does not answer".to_owned()),
            }
        }
        result
    }

    /// Renews leases; when that begin. Asks a second time, by another session, where the first one
    /// says nothing: one that died without a word would cost the leases.
    async fn renew_batch(&self, batch: &[Lease]) -> Result<(Instant, Vec<bool>), StoreError> {
        let ask = async || {
            let began = Instant::now();
            self.0.ledger.renew(batch).await.map(|held| (began, held))
        };
        let first = ask();
        tokio::pin!(first);
        tokio::select! {
            answer = &mut first => return answer,
            () = tokio::time::sleep(self.0.ttl / 6) => {}
        }
        let second = ask();
        tokio::pin!(second);
        tokio::select! {
            answer = &mut first => match answer {
                Err(_) => second.await,
                answer => answer,
            },
            answer = &mut second => match answer {
                Err(_) => first.await,
                answer => answer,
            },
        }
    }

    fn renewed(&self, leases: &[Lease], began: Instant, renewed: &[bool]) {
        let mut all = self.lock();
        for (lease, renewed) in leases.iter().zip(renewed) {
            let Some(held) = all.iter_mut().find(|held| held.lease == *lease) else {
                continue;
            };
            if *renewed {
                held.clock.renewed(began);
            } else {
                held.lost.cancel();
                self.0.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        all.retain(|held| !held.lost.is_cancelled());
        drop(all);
        self.0.changed.notify_one();
    }

    async fn watch_deadlines(&self) {
        loop {
            let earliest = self.lock().iter().map(|held| held.clock.deadline()).min();
            match earliest {
                Some(deadline) => tokio::select! {
                    () = tokio::time::sleep_until(deadline) => self.disbelieve(Instant::now()),
                    () = self.0.changed.notified() => {}
                },
                None => self.0.changed.notified().await,
            }
        }
    }

    /// Gives up what was not renewed in time.
    fn disbelieve(&self, now: Instant) {
        self.lock().retain(|held| {
            let over = held.clock.is_over(now);
            if over {
                held.lost.cancel();
                self.0.lost.fetch_add(1, Ordering::Relaxed);
            }
            !over
        });
    }

    fn forget(&self, lease: &Lease) {
        self.lock().retain(|held| held.lease != *lease);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldLease {
    /// Cancelled when the lease can't be believed any more.
    #[must_use]
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// The lease as a table's work is given it.
    #[must_use]
    pub fn table(&self) -> TableLease {
        TableLease {
            lease: self.lease.clone(),
            previous: self.previous.clone(),
            lost: self.lost.clone(),
        }
    }

    /// Gives the lease up, after all work under it has ended. Where the control database does not
    /// answer, the lease runs out by itself.
    pub async fn release(self) {
        self.keeper.forget(&self.lease);
        if self.lost.is_cancelled() {
            return;
        }
        let release = self.keeper.0.ledger.release(&self.lease);
        let told = match tokio::time::timeout(self.keeper.0.ttl / 3, release).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the control database does not answer".to_owned(),
        };
        tracing::warn!(
            target: "db_taxi::jobs",
            "a lease was not released and runs out by itself: {told}"
        );
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.keeper.forget(&self.lease);
        self.lost.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::FakeLedger;
    use crate::model::ids::JobId;

    const TTL: Duration = Duration::from_secs(15);

    fn keeper(ledger: &Arc<FakeLedger>) -> LeaseKeeper {
        let ledger: Arc<dyn Ledger> = Arc::<FakeLedger>::clone(ledger);
        LeaseKeeper::new(ledger, InstanceId::generate(), TTL)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_believed_for_two_thirds_since_the_renewal_began() {
        let began = Instant::now();
        let mut clock = LeaseClock::new(TTL, began);
        assert!(!clock.is_over(began + Duration::from_millis(9_999)));
        assert!(clock.is_over(began + Duration::from_secs(10)));
        clock.renewed(began + Duration::from_secs(5));
        assert!(!clock.is_over(began + Duration::from_millis(14_999)));
        clock.renewed(began);
        assert_eq!(clock.deadline(), began + Duration::from_secs(15));
    }

    #[tokio::test(start_paused = true)]
    async fn leases_are_kept_while_renewals_succeed() {
        let ledger = FakeLedger::new();
        let keeper = keeper(&ledger);
        let stop = CancellationToken::new();
        let keeping = tokio::spawn({
            let (keeper, stop) = (keeper.clone(), stop.clone());
            async move { keeper.keep(stop).await }
        });
        let one = keeper.claim(&Resource::Job(JobId::generate())).await;
        let two = keeper.claim(&Resource::Job(JobId::generate())).await;
        let (one, two) = (one.unwrap().unwrap(), two.unwrap().unwrap());
        tokio::time::sleep(TTL * 10).await;
        assert!(!one.lost().is_cancelled() && !two.lost().is_cancelled());

        ledger.steal(&two.lease);
        two.lost().cancelled().await;
        assert!(!one.lost().is_cancelled());

        ledger.unreachable(true);
        let before = Instant::now();
        one.lost().cancelled().await;
        let after = before.elapsed();
        assert!(
            after <= TTL * 2 / 3 && after >= TTL / 3,
            "renewed at most a third ago: {after:?}"
        );
        stop.cancel();
        keeping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_process_disbelieves_before_it_renews() {
        let ledger = FakeLedger::new();
        let keeper = keeper(&ledger);
        let held = keeper
            .claim(&Resource::Job(JobId::generate()))
            .await
            .unwrap()
            .unwrap();
        tokio::time::advance(TTL * 4).await;
        keeper.renew_all().await.unwrap();
        assert!(held.lost().is_cancelled());
        assert_eq!(ledger.renewals(), 0, "nothing was asked");
    }

    /// A control database that answers few at a time, and six hundred tables in one job.
    #[tokio::test(start_paused = true)]
    async fn many_leases_claimed_at_once_are_all_believed_and_kept() {
        let ledger = FakeLedger::new();
        ledger.slow(5, Duration::from_millis(100));
        let keeper = keeper(&ledger);
        let stop = CancellationToken::new();
        let keeping = tokio::spawn({
            let (keeper, stop) = (keeper.clone(), stop.clone());
            async move { keeper.keep(stop).await }
        });
        let claims = (0..600).map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.claim(&Resource::Job(JobId::generate())).await })
        });
        let claims: Vec<_> = claims.collect();
        let mut held = Vec::new();
        for claim in claims {
            held.push(claim.await.unwrap().unwrap().unwrap());
        }
        tokio::time::sleep(TTL * 5).await;
        let lost = held.iter().filter(|one| one.lost().is_cancelled()).count();
        assert_eq!(lost, 0, "of {}", held.len());
        stop.cancel();
        keeping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_is_never_answered_is_asked_again_in_time() {
        let ledger = FakeLedger::new();
        let keeper = keeper(&ledger);
        let stop = CancellationToken::new();
        let keeping = tokio::spawn({
            let (keeper, stop) = (keeper.clone(), stop.clone());
            async move { keeper.keep(stop).await }
        });
        let resource = Resource::Job(JobId::generate());
        let held = keeper.claim(&resource).await.unwrap().unwrap();
        for _ in 0..5 {
            ledger.lose_next_answer();
            tokio::time::sleep(TTL).await;
            assert!(!held.lost().is_cancelled());
        }
        stop.cancel();
        keeping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_lease_is_disbelieved_and_a_released_one_is_free() {
        let ledger = FakeLedger::new();
        let keeper = keeper(&ledger);
        let resource = Resource::Job(JobId::generate());
        let held = keeper.claim(&resource).await.unwrap().unwrap();
        assert!(keeper.claim(&resource).await.unwrap().is_none());
        held.release().await;
        let again = keeper.claim(&resource).await.unwrap().unwrap();
        assert!(again.previous.is_none());
        let lost = again.lost().clone();
        drop(again);
        assert!(lost.is_cancelled());
        assert!(keeper.lock().is_empty());
    }
}
