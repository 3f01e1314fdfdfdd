//! Leases: one holder, a fence that grows, and what a dead holder left behind.

use super::*;

both_flavours! {
    async fn of_many_that_claim_one_wins_and_the_fence_grows_by_one(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Table(TableRef::new("copy", "users"));
        for round in 1..=20 {
            let racers: Vec<_> = (0..8)
                .map(|_| {
                    let (store, resource) = (store.clone(), resource.clone());
                    tokio::spawn(async move { store.claim(&resource, InstanceId::generate()).await.unwrap() })
                })
                .collect();
            let mut winners = Vec::new();
            for racer in racers {
                winners.extend(racer.await.unwrap());
            }
            assert_eq!(winners.len(), 1, "round {round}");
            let (lease, previous) = winners.remove(0);
            assert_eq!((lease.fence, previous), (round, None));
            assert_eq!(store.renew(std::slice::from_ref(&lease)).await.unwrap(), [true]);
            store.release(&lease).await.unwrap();
            assert_eq!(store.renew(&[lease]).await.unwrap(), [false]);
        }
    }

    async fn an_expired_lease_is_taken_over_with_the_next_fence(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Table(TableRef::new("copy", "users"));
        let (first, second) = (InstanceId::generate(), InstanceId::generate());
        let (old, _) = store.claim(&resource, first).await.unwrap().unwrap();
        assert!(store.claim(&resource, second).await.unwrap().is_none(), "it lives");
        assert!(store.claim(&resource, first).await.unwrap().is_none(), "not even by its holder");
        let mut session = Session::open(&pair.local.endpoint(), SessionKind::Apply, Duration::from_secs(60)).await.unwrap();
        let mut stranger = pair.local.session().await;
        store.record_connections(&old, &[session.id(), 4_000_000_000]).await.unwrap();
        control(&pair, "UPDATE sync_leases SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");

        let racers: Vec<_> = (0..8)
            .map(|_| {
                let (store, resource) = (store.clone(), resource.clone());
                tokio::spawn(async move { store.claim(&resource, second).await.unwrap() })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            winners.extend(racer.await.unwrap());
        }
        assert_eq!(winners.len(), 1);
        let (new, previous) = winners.remove(0);
        let previous = previous.unwrap();
        assert_eq!((new.fence, previous.holder), (old.fence + 1, first));
        assert!(previous.connections.contains(&session.id()));

        assert_eq!(store.kill_previous(&previous).await.unwrap(), 1);
        assert!(session.run("SELECT 1").await.is_err());
        stranger.run("DO 1").await.unwrap();
        assert_eq!(store.kill_previous(&previous).await.unwrap(), 0);

        assert_eq!(store.renew(&[old.clone(), new.clone()]).await.unwrap(), [false, true]);
        assert!(matches!(store.record_connections(&old, &[1]).await, Err(StoreError::LeaseLost)));
        store.release(&old).await.unwrap();
        assert_eq!(store.renew(&[new]).await.unwrap(), [true], "the old holder can't release it");
    }

    async fn connections_recorded_before_a_restart_are_left_alone(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Job(JobId::generate());
        let (lease, _) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        let mut session = pair.local.session().await;
        store.record_connections(&lease, &[session.id()]).await.unwrap();
        control(&pair, "UPDATE sync_leases SET expires_at = '2000-01-01'");
        let (_, previous) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        let mut previous = previous.unwrap();
        previous.server_started.push_str("000");
        assert_eq!(store.kill_previous(&previous).await.unwrap(), 0);
        session.run("DO 1").await.unwrap();
    }

    async fn a_holder_that_dies_before_it_killed_its_predecessor_hands_on_both(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Table(TableRef::new("copy", "users"));
        let mut sessions = Vec::new();
        for _ in 0..2 {
            let (lease, _) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
            let session = pair.local.session().await;
            store.record_connections(&lease, &[session.id()]).await.unwrap();
            sessions.push(session);
            control(&pair, "UPDATE sync_leases SET expires_at = '2000-01-01'");
        }
        let (lease, previous) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        assert_eq!(store.kill_previous(&previous.unwrap()).await.unwrap(), 2);
        store.release(&lease).await.unwrap();
        let (_, previous) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        assert_eq!(previous, None);
    }

    async fn many_leases_are_renewed_at_once(pair: Pair) {
        let store = open(&pair).await;
        let holder = InstanceId::generate();
        let mut leases = Vec::new();
        for i in 0..230 {
            let resource = Resource::Table(TableRef::new("copy", format!("täble.{i}")));
            leases.push(store.claim(&resource, holder).await.unwrap().unwrap().0);
        }
        control(&pair, "UPDATE sync_leases SET fence = fence + 1 WHERE resource = 'table:copy.täble.117'");
        let held = store.renew(&leases).await.unwrap();
        let lost: Vec<usize> = (0..leases.len()).filter(|i| !held[*i]).collect();
        assert_eq!(lost, [117]);
    }
}
