//! What happened is told outside: once over all services, also when one dies over it.

use std::time::Duration;

use db_taxi::model::job::{JobKind, JobState};
use db_taxi::model::notification::{BodyFormat, Destination, NotificationRule, NotifyOn};
use db_taxi::model::secret::Secret;
use serde_json::Value;

use super::{House, describe, fill, queue};
use crate::both_flavours;
use crate::jobs::{Role, StopHow};
use crate::support::hook::{Answer, Hook};
use crate::support::{DbTaxi, Pair, eventually, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

fn rule(on: &[NotifyOn], to: Destination) -> NotificationRule {
    NotificationRule {
        on: on.to_vec(),
        configs: vec!["*".to_owned()],
        lag_above: Duration::from_secs(3_600),
        to,
    }
}

fn webhook(hook: &Hook, format: BodyFormat) -> Destination {
    Destination::Webhook {
        url: Secret::parse(&hook.url()),
        secret: Some(Secret::parse("signing-canary")),
        format,
    }
}

fn count(pair: &Pair, condition: &str) -> u64 {
    pair.local.count(&format!(
        "SELECT COUNT(*) FROM {}.notifications WHERE {condition}",
        pair.control_db()
    ))
}

both_flavours! {
    /// The first try is refused; two services look on.
    async fn a_failed_job_is_told_once_over_two_services_and_so_is_its_recovery(pair: Pair) {
        let (hook, slack) = (Hook::start(&[Answer::Status(500)]), Hook::start(&[]));
        let mut house = House::new(&pair);
        let both = [NotifyOn::Failed, NotifyOn::Recovered];
        house.settings.notifications = vec![
            rule(&both, webhook(&hook, BodyFormat::Json)),
            rule(&[NotifyOn::Failed], webhook(&slack, BodyFormat::Slack)),
        ];
        let first = house.start(Role::Headless).await;
        let second = house.start(Role::Headless).await;
        describe(&first, &pair, &["a"]).await;
        let known = || pair.local.count(&format!("SELECT COUNT(*) FROM {}.notification_targets", pair.control_db()));
        eventually(LIMIT, "the targets to be known", async || known() == 2).await;
        let failed = queue(&first, JobKind::Sync).await;
        eventually(LIMIT, "both to be told", async || count(&pair, "state = 'sent'") == 2).await;
        let got = hook.got();
        assert_eq!(got.len(), 2, "one was refused");
        assert!(got.iter().all(|one| one.is_signed("signing-canary")), "{got:?}");
        assert!(got[0].head.starts_with("post /hook/canary "), "{got:?}");
        let body = got[0].json();
        assert_eq!(body, got[1].json(), "with one id");
        assert_eq!((&body["v"], &body["on"], &body["config"]), (&1.into(), &"failed".into(), &"all".into()));
        assert_eq!((&body["job"]["id"], &body["job"]["state"]), (&failed.to_string().into(), &"failed".into()));
        let text = body["text"].as_str().unwrap();
        assert!(text.contains(&format!("db-taxi jobs show {failed}")), "{text}");
        let told = slack.got();
        assert_eq!(told.len(), 1);
        assert!(told[0].is_signed("signing-canary"));
        let told = told[0].json();
        assert!(told["text"].as_str().unwrap().contains("failed") && told.get("v").is_none(), "{told}");

        fill(&pair, "a", 10);
        queue(&first, JobKind::Sync).await;
        eventually(LIMIT, "the recovery to be told", async || count(&pair, "state = 'sent'") == 3).await;
        let last = hook.got().pop().unwrap().json();
        assert_eq!((&last["on"], &last["job"]["state"]), (&"recovered".into(), &"completed".into()));
        // All is well, and that is no news.
        let well = queue(&first, JobKind::Sync).await;
        eventually(LIMIT, "the third job", async || {
            let job = first.services().unwrap().jobs.get(&well.to_string()).await.unwrap();
            job.state == JobState::Completed
        })
        .await;
        first.shutdown(StopHow::Release).await;
        second.shutdown(StopHow::Release).await;
        assert_eq!((count(&pair, "TRUE"), hook.got().len(), slack.got().len()), (3, 3, 1));
    }

    async fn a_copy_that_lags_and_differences_are_told_to_a_command(pair: Pair) {
        fill(&pair, "a", 50);
        let mut house = House::new(&pair);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let script = format!("cat >> {0}; echo >> {0}; echo heard", file.display());
        let command = Destination::Command(["/bin/sh", "-c", &script].map(str::to_owned).to_vec());
        let all = [NotifyOn::Lag, NotifyOn::Recovered, NotifyOn::Differences];
        house.settings.notifications = vec![rule(&all, command)];
        let told = || -> Vec<Value> {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let setup = house.start(Role::OneShot).await;
        describe(&setup, &pair, &["a"]).await;
        let id = queue(&setup, JobKind::Sync).await;
        setup.engine().unwrap().run_job(id).await.unwrap();
        pair.local.sql(&format!(
            "UPDATE {}.sync_checkpoints SET verified = JSON_SET(verified, '$.as_of.time', '2026-01-01T00:00:00.000Z')",
            pair.control_db()
        ));
        let first = house.start(Role::Headless).await;
        let second = house.start(Role::Headless).await;
        eventually(LIMIT, "the lag to be told", async || count(&pair, "state = 'sent'") == 1).await;
        let lag = told().pop().unwrap();
        assert_eq!(lag["on"], "lag");
        assert!(lag["text"].as_str().unwrap().contains("as of 2026-01-01 00:00:00 UTC"), "{lag}");
        queue(&first, JobKind::Sync).await;
        eventually(LIMIT, "its end to be told", async || count(&pair, "state = 'sent'") == 2).await;
        assert_eq!(told()[1]["on"], "recovered");
        pair.local.sql(&format!("DELETE FROM {} WHERE id IN (7, 8)", pair.target_table("a")));
        let verify = queue(&first, JobKind::Verify).await;
        eventually(LIMIT, "differences to be told", async || count(&pair, "state = 'sent'") == 3).await;
        let found = told().pop().unwrap();
        assert_eq!((&found["on"], &found["job"]["id"]), (&"differences".into(), &verify.to_string().into()));
        assert!(found["text"].as_str().unwrap().contains("found 2 rows that differ in 1 of 1 tables"), "{found}");
        for system in [first, second, setup] {
            system.shutdown(StopHow::Release).await;
        }
        assert_eq!((told().len(), count(&pair, "TRUE")), (3, 3));
    }

    /// It dies while the receiver holds its request: somebody else tells it, with the same id.
    async fn what_a_killed_service_was_telling_is_told_by_another(pair: Pair) {
        let hook = Hook::start(&[Answer::Silence]);
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[missing]", "{}");
        let mut settings = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
        settings += &format!(
            "notifications:\n- on: [failed]\n  configs: ['every*']\n  webhook: {}\n  secret: signing-canary\n",
            hook.url()
        );
        taxi.write("config.yaml", &settings);
        let other = taxi.sibling();
        let serve = ["--headless", "--listen", "127.0.0.1:0"];
        let first = taxi.start(&serve);
        let known = || pair.local.count(&format!("SELECT COUNT(*) FROM {}.notification_targets", pair.control_db()));
        wait_until(LIMIT, "the target to be known", || known() == 1);
        taxi.run(&["jobs", "start", "everything"]).expect_code(0);
        wait_until(LIMIT, "the first try", || hook.got().len() == 1);
        first.crash();
        let second = other.start(&serve);
        wait_until(LIMIT, "the other's try", || count(&pair, "state = 'sent' AND attempt = 2") == 1);
        let got = hook.got();
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].json()["id"], got[1].json()["id"]);
        let said = second.stderr();
        assert!(said.contains("notification") && !said.contains("canary"), "{said}");
        let checks = taxi.run(&["status", "--json"]).json();
        let checks = checks["sync"]["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "notifications").unwrap();
        assert_eq!(check["message"], "in the last day 1 were sent, 0 wait");
        let shown = taxi.run(&["config", "show"]).expect_code(0).stdout;
        assert!(shown.contains("webhook: http://127.0.0.1") && !shown.contains("canary"), "{shown}");
    }
}
