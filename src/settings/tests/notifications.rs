//! `notifications`: read from the file, each fault with its place, and shown without secrets.

use super::*;
use crate::model::notification::{Destination, NotifyOn};

const RULES: &str = "\
sync:
  batch_size: 7
notifications:
  - on: [failed, lag]
    lag_above: 1h
    webhook: https://hooks.example.com/services/canary
    secret: canary-2
    format: slack
  - {on: [recovered], configs: [shop], command: [/bin/tell, --token, canary-3]}
";

#[test]
fn rules_are_read_and_shown_without_their_secrets() {
    let loaded = loaded(RULES, &[], &[]);
    let rules = &loaded.settings.notifications;
    assert_eq!(rules.len(), 2);
    assert!(rules[0].tells(NotifyOn::Lag, "any") && !rules[0].tells(NotifyOn::Recovered, "any"));
    assert!(matches!(&rules[1].to, Destination::Command(argv) if argv.len() == 3));
    let shown = show(&loaded);
    let shown = shown.iter().find(|one| one.key == "notifications").unwrap();
    assert_eq!(
        shown.value,
        "[{on: [failed, lag], lag_above: 1h, webhook: https://hooks.example.com/…, secret: ***, format: slack}, \
         {on: [recovered], configs: [shop], command: [/bin/tell, …]}]"
    );
    assert!(
        shown.origin.to_string().ends_with("config.yaml:3"),
        "{}",
        shown.origin
    );
    assert!(!format!("{:?}", loaded.settings).contains("canary-2"));
    let none = super::loaded("notifications: []\n", &[], &[]);
    assert_eq!(none.settings.notifications, []);
    let absent = super::loaded("notifications:\n", &[], &[]);
    assert_eq!(absent.settings.notifications, []);
}

#[test]
fn every_fault_has_its_place_and_its_line() {
    let file = "\
notifications:
  - on: [failed,
      faild]
    webhook: canary
  - on: [lag]
    on: [lag]
    command: []
  - {on: [lag], webhook: 'https://h', lag_above: 5}
";
    let refused = refused(file, &[], &[]).join("\n");
    for expected in [
        "config.yaml:3: notifications[0].on[1]: is not known; did you mean failed?",
        "config.yaml:4: notifications[0].webhook: is no address of the web",
        "config.yaml:6: notifications[1].on: is there twice",
        "config.yaml:7: notifications[1].command: names no program",
        "config.yaml:8: notifications[2].lag_above: lag_above is a duration",
    ] {
        assert!(
            refused.contains(expected),
            "{expected} is not in\n{refused}"
        );
    }
    assert!(!refused.contains("canary"), "{refused}");
    let refused = refusal("notifications: {on: [failed]}\n", &[], &[]);
    assert!(
        refused.starts_with("config.yaml:1: notifications: must be a list"),
        "{refused}"
    );
    let refused = refusal("", &[("DBT_NOTIFICATIONS", "canary")], &[]);
    assert!(
        refused.starts_with("DBT_NOTIFICATIONS: notifications: can be set in the file only"),
        "{refused}"
    );
}
