//! Jobs: one active for each config, moved by the holder of their lease, kept until they are old.

use super::*;

both_flavours! {
    async fn a_config_has_one_active_job(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let makers: Vec<_> = (0..8)
            .map(|_| {
                let (store, connection, config) = (store.clone(), connection.clone(), config.clone());
                tokio::spawn(async move { new_job(&store, &connection, &config).await })
            })
            .collect();
        let mut made = Vec::new();
        let mut refused = Vec::new();
        for maker in makers {
            match maker.await.unwrap() {
                Ok(job) => made.push(job),
                refusal => refused.push(conflict(refusal)),
            }
        }
        assert_eq!((made.len(), refused.len()), (1, 7));
        let job = made.remove(0);
        assert!(refused.iter().all(|(code, text)| *code == "config_busy" && text.contains(&job.id.to_string())));
        assert_eq!(conflict(store.delete_config(config.id).await).0, "config_busy");
        assert!(conflict(store.delete_connection(connection.id).await).1.contains("config users"));
        let me = InstanceId::generate();
        assert!(store.set_job_state(job.id, JobState::Pending, JobState::Cancelled, me, None).await.unwrap());
        new_job(&store, &connection, &config).await.unwrap();
    }

    async fn only_the_holder_of_its_lease_moves_a_running_job(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let job = new_job(&store, &connection, &config).await.unwrap();
        let (me, other) = (store.register_instance(&instance("here")).await.unwrap(), InstanceId::generate());
        let start = async |who| store.set_job_state(job.id, JobState::Pending, JobState::Running, who, None).await.unwrap();
        assert!(!start(me.id).await, "without the lease");
        let resource = Resource::Job(job.id);
        store.claim(&resource, me.id).await.unwrap().unwrap();
        assert!(!start(other).await);
        assert!(start(me.id).await);
        assert!(!start(me.id).await, "it runs already");
        let running = store.job(job.id).await.unwrap().unwrap();
        assert_eq!((running.state, running.instance.as_deref()), (JobState::Running, Some("here")));
        assert!(running.started_at.is_some());
        assert!(store.orphaned_jobs(&[]).await.unwrap().is_empty());

        control(&pair, "UPDATE sync_leases SET expires_at = '2000-01-01'");
        let orphans = store.orphaned_jobs(&[]).await.unwrap();
        assert_eq!(orphans.iter().map(|j| j.id).collect::<Vec<_>>(), [job.id]);
        store.claim(&resource, other).await.unwrap().unwrap();
        let failed = ErrorInfo::new(ErrorCode::Internal, "too late");
        let late = store.set_job_state(job.id, JobState::Running, JobState::Failed, me.id, Some(&failed)).await;
        assert!(!late.unwrap(), "a process that wakes up late changes nothing");
        assert!(store.set_job_state(job.id, JobState::Running, JobState::Pending, other, None).await.unwrap());
        let none = store.set_job_state(job.id, JobState::Completed, JobState::Running, other, None).await;
        assert_eq!(conflict(none).0, "invalid_state");
    }

    async fn a_wish_reaches_the_job_and_stopping_outweighs_releasing(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let job = new_job(&store, &connection, &config).await.unwrap();
        let me = InstanceId::generate();
        assert_eq!(store.job_wish(job.id).await.unwrap(), JobWish::None);
        store.set_job_wish(job.id, JobWish::Release).await.unwrap();
        store.claim(&Resource::Job(job.id), me).await.unwrap().unwrap();
        for (from, to) in [(JobState::Pending, JobState::Running), (JobState::Running, JobState::Pending)] {
            assert!(store.set_job_state(job.id, from, to, me, None).await.unwrap());
        }
        assert_eq!(store.job_wish(job.id).await.unwrap(), JobWish::None, "obeyed");
        store.set_job_wish(job.id, JobWish::Stop).await.unwrap();
        store.set_job_wish(job.id, JobWish::Stop).await.unwrap();
        store.set_job_wish(job.id, JobWish::Release).await.unwrap();
        assert_eq!(store.job_wish(job.id).await.unwrap(), JobWish::Stop);
        store.set_job_state(job.id, JobState::Pending, JobState::Cancelled, me, None).await.unwrap();
        assert_eq!(conflict(store.set_job_wish(job.id, JobWish::Stop).await).0, "invalid_state");
        let missing = store.set_job_wish(JobId::generate(), JobWish::Stop).await;
        assert!(matches!(missing, Err(StoreError::NotFound { kind: "job", .. })));
    }

    async fn the_queue_gives_the_highest_priority_then_the_oldest(pair: Pair) {
        let store = open(&pair).await;
        let connection = store.create_connection(&connection_spec("prod", "copy")).await.unwrap();
        let mut ids = Vec::new();
        for (i, priority) in [0, 5, 0, -5, 5].into_iter().enumerate() {
            let spec = config_spec(&format!("c{i}"), "prod", &[&format!("t{i}")]);
            let config = store.create_config(&spec).await.unwrap();
            let request = JobRequest { priority, tables: vec![format!("t{i}")], ..JobRequest::default() };
            let new = NewJob { config: &config, connection: &connection, request: &request, retry_of: None };
            let job = store.create_job(&new).await.unwrap();
            assert_eq!(store.job_request(job.id).await.unwrap(), request);
            ids.push(job.id);
            control(&pair, &format!("UPDATE sync_jobs SET created_at = '2020-01-01 00:00:0{i}' WHERE id = '{}'", job.id));
        }
        let order = |jobs: Vec<Job>| jobs.iter().map(|j| ids.iter().position(|id| *id == j.id).unwrap()).collect::<Vec<_>>();
        assert_eq!(order(store.pending_jobs(&[], 10).await.unwrap()), [1, 4, 0, 2, 3]);
        let page = |before, limit| JobFilter { limit: Some(limit), before, ..JobFilter::default() };
        assert_eq!(order(store.list_jobs(&page(None, 2)).await.unwrap()), [4, 3]);
        assert_eq!(order(store.list_jobs(&page(Some(ids[3].into()), 9)).await.unwrap()), [2, 1, 0]);
        let since = JobFilter { since: Some("2020-01-01T00:00:03Z".parse().unwrap()), ..JobFilter::default() };
        assert_eq!(order(store.list_jobs(&since).await.unwrap()), [4, 3]);
        let running = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
        assert!(store.list_jobs(&running).await.unwrap().is_empty());
    }

    async fn the_queue_gives_only_what_the_labels_fit(pair: Pair) {
        let store = open(&pair).await;
        let connection = store.create_connection(&connection_spec("prod", "copy")).await.unwrap();
        let texts = |labels: &[&str]| labels.iter().map(|&l| l.to_owned()).collect::<Vec<_>>();
        let mut names = Vec::new();
        for (i, labels) in [&[][..], &["eu"], &["eu", "big \"disk\" ü"]].into_iter().enumerate() {
            let mut spec = config_spec(&format!("c{i}"), "prod", &[&format!("t{i}")]);
            spec.labels = texts(labels);
            let config = store.create_config(&spec).await.unwrap();
            assert_eq!(config.spec.labels, spec.labels);
            let job = new_job(&store, &connection, &config).await.unwrap();
            names.push(job.config);
        }
        let fitting = async |labels: &[&str]| {
            let jobs = store.pending_jobs(&texts(labels), 10).await.unwrap();
            jobs.into_iter().map(|job| job.config).collect::<Vec<_>>()
        };
        assert_eq!(fitting(&[]).await, names[..1]);
        assert_eq!(fitting(&["EU", "us"]).await, names[..1]);
        assert_eq!(fitting(&["us", "eu"]).await, names[..2]);
        assert_eq!(fitting(&["big \"disk\" ü", "eu"]).await, names[..]);
        control(&pair, "UPDATE sync_jobs SET state = 'running'");
        assert_eq!(store.orphaned_jobs(&texts(&["eu"])).await.unwrap().len(), 2);
        assert_eq!(store.all_orphaned_jobs().await.unwrap().len(), 3);
    }

    async fn a_job_keeps_what_it_did_and_old_ones_go_but_the_newest(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let me = InstanceId::generate();
        let mut ids = Vec::new();
        for round in 0..3_u64 {
            let mut job = new_job(&store, &connection, &config).await.unwrap();
            store.claim(&Resource::Job(job.id), me).await.unwrap().unwrap();
            store.set_job_state(job.id, JobState::Pending, JobState::Running, me, None).await.unwrap();
            let mut run = TableRun::new("users", "users");
            store.save_table_run(job.id, &run, me).await.unwrap();
            run.state = TableState::Failed;
            run.error = Some(ErrorInfo::new(ErrorCode::DiskFull, "full").hint("free space"));
            store.save_table_run(job.id, &run, me).await.unwrap();
            job.progress.rows_done = 10 + round;
            job.counts.inserted = 7;
            (job.tables_total, job.tables_failed) = (1, 1);
            store.save_job_summary(&job, me).await.unwrap();
            // Somebody who was overtaken writes nothing.
            let (mut late, mut old) = (job.clone(), run.clone());
            (late.counts.inserted, old.state) = (1, TableState::Running);
            store.save_job_summary(&late, InstanceId::generate()).await.unwrap();
            store.save_table_run(job.id, &old, InstanceId::generate()).await.unwrap();
            let error = ErrorInfo::new(ErrorCode::Internal, "nothing completed");
            store.set_job_state(job.id, JobState::Running, JobState::Failed, me, Some(&error)).await.unwrap();
            store.append_logs(&[line(Some(job.id), Level::Info, "began")]).await.unwrap();
            let stored = store.job(job.id).await.unwrap().unwrap();
            assert_eq!((stored.state, stored.error), (JobState::Failed, Some(error)));
            assert_eq!((stored.counts.inserted, stored.progress.rows_done, stored.tables_failed), (7, 10 + round, 1));
            assert_eq!(stored.tables, [run]);
            assert!(stored.finished_at.is_some());
            ids.push(job.id);
        }
        assert_eq!(store.last_job(config.id).await.unwrap().unwrap().id, ids[2]);
        assert_eq!(store.config(config.id).await.unwrap().unwrap().last_job.unwrap().id, ids[2]);
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.total_jobs, stats.failed_jobs, stats.rows_synced), (3, 3, 33));
        assert_eq!(store.delete_old_jobs(Duration::from_secs(3600)).await.unwrap(), 0);
        control(&pair, "UPDATE sync_jobs SET finished_at = '2000-01-01'");
        let jobs_of_leases = "SELECT COUNT(*) FROM sync_leases WHERE resource LIKE 'job:%'";
        control(&pair, "UPDATE sync_leases SET holder_instance_id = NULL");
        assert_eq!(control(&pair, jobs_of_leases).trim(), "3");
        control(&pair, "INSERT INTO target_databases (name, retired_at) VALUES ('a', '2000-01-01'), ('b', NULL), ('c', '2000-01-01'); INSERT INTO helper_tables (number, table_name, purpose, created_at) SELECT number, 't', 'old', UTC_TIMESTAMP(3) FROM target_databases WHERE name = 'c'; INSERT INTO target_databases (name, retired_at) VALUES ('d', UTC_TIMESTAMP(3)), ('e', '2000-01-01')");
        assert_eq!(store.delete_old_jobs(Duration::from_secs(3600)).await.unwrap(), 2);
        assert_eq!(control(&pair, jobs_of_leases).trim(), "1", "a lease goes with its job");
        assert_eq!(control(&pair, "SELECT GROUP_CONCAT(name ORDER BY name) FROM target_databases WHERE name IN ('a', 'b', 'c', 'd', 'e')").trim(), "b,c,d,e", "in use, listed, young, the highest");
        assert!(store.job(ids[2]).await.unwrap().is_some());
        assert_eq!(control(&pair, "SELECT COUNT(*) FROM sync_logs; SELECT COUNT(*) FROM sync_table_runs").split_whitespace().collect::<Vec<_>>(), ["1", "1"]);
        store.delete_config(config.id).await.unwrap();
        assert_eq!(store.delete_old_jobs(Duration::from_secs(3600)).await.unwrap(), 1);
    }

    async fn logs_are_paged_forwards_and_backwards(pair: Pair) {
        let store = open(&pair).await;
        let (job, other) = (JobId::generate(), JobId::generate());
        let mut lines: Vec<LogEntry> = (0..450)
            .map(|i| line(Some(job), if i % 10 == 0 { Level::Warn } else { Level::Debug }, &format!("line {i} ☂")))
            .collect();
        lines[7].table = Some("users".to_owned());
        lines[7].fields.insert("rows".to_owned(), 3.into());
        lines.push(line(Some(other), Level::Error, "not ours"));
        lines.push(line(None, Level::Error, "nobody's"));
        store.append_logs(&lines).await.unwrap();
        let logs = async |filter: LogFilter| store.job_logs(job, &filter).await.unwrap();
        let last = logs(LogFilter { limit: Some(3), ..LogFilter::default() }).await;
        assert_eq!(messages(&last), ["line 447 ☂", "line 448 ☂", "line 449 ☂"]);
        let ahead = logs(LogFilter { limit: Some(2), before: Some(last[0].id), ..LogFilter::default() }).await;
        assert_eq!(messages(&ahead), ["line 445 ☂", "line 446 ☂"]);
        let behind = logs(LogFilter { limit: Some(2), after: Some(ahead[0].id), ..LogFilter::default() }).await;
        assert_eq!(messages(&behind), ["line 446 ☂", "line 447 ☂"]);
        assert!(logs(LogFilter { after: Some(last[2].id), ..LogFilter::default() }).await.is_empty());
        assert_eq!(logs(LogFilter { level: Some(Level::Warn), ..LogFilter::default() }).await.len(), 45);
        let of_table = logs(LogFilter { table: Some("users".to_owned()), ..LogFilter::default() }).await;
        assert_eq!(of_table.len(), 1);
        assert_eq!((&of_table[0].fields, of_table[0].time), (&lines[7].fields, lines[7].time));
    }

    async fn differences_read_back_as_they_were(pair: Pair) {
        let store = open(&pair).await;
        let job = JobId::generate();
        let found: Vec<Difference> = (0..3)
            .map(|i| Difference {
                table: "users".to_owned(),
                kind: DifferenceKind::Changed,
                key: [(format!("k{i}"), None)].into(),
                columns: vec![],
                stable: i == 1,
                first_seen_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            })
            .collect();
        store.save_differences(job, &found).await.unwrap();
        let page = async |page: DifferencePage| store.job_differences(job, page).await.unwrap();
        let all = page(DifferencePage::default()).await;
        assert_eq!(all.iter().map(|(_, d)| d.clone()).collect::<Vec<_>>(), found);
        let limit = 2;
        assert_eq!(page(DifferencePage { limit, ..DifferencePage::default() }).await, all[..2]);
        assert_eq!(page(DifferencePage { limit, after: Some(all[0].0), ..DifferencePage::default() }).await, all[1..]);
        assert_eq!(page(DifferencePage { limit: 1, before: Some(all[2].0), ..DifferencePage::default() }).await, all[1..2]);
        assert!(store.job_differences(JobId::generate(), DifferencePage::default()).await.unwrap().is_empty());
    }
}
