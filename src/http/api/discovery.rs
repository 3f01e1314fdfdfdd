//! `/api/discovery/prometheus`: where the living instances are, for Prometheus' HTTP service discovery.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;

use super::Api;
use super::answer::{self, Answer};
use crate::model::status::{Instance, InstanceState};

/// An error keeps Prometheus on the targets that it knows.
pub async fn prometheus(State(api): State<Arc<Api>>) -> Answer {
    let instances = api.open_services()?.monitoring.instances().await?;
    let targets = targets(&instances);
    if targets.is_empty() {
        return answer::ok(json!([]));
    }
    answer::ok(json!([{"targets": targets, "labels": {}}]))
}

/// Addresses of the living that serve HTTP.
fn targets(instances: &[Instance]) -> Vec<&str> {
    let mut targets: Vec<&str> = instances
        .iter()
        .filter(|one| one.state == InstanceState::Alive)
        .filter_map(|one| one.address.as_deref())
        .collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::InstanceId;
    use chrono::Utc;

    #[test]
    fn only_the_living_that_listen_are_told_each_address_once() {
        let instance = |state, address: Option<&str>| Instance {
            name: "n".to_owned(),
            id: InstanceId::generate(),
            version: "1".to_owned(),
            roles: Vec::new(),
            labels: Vec::new(),
            address: address.map(str::to_owned),
            state,
            started_at: Utc::now(),
            seen_at: Utc::now(),
            jobs: Vec::new(),
        };
        let all = [
            instance(InstanceState::Alive, Some("b:8080")),
            instance(InstanceState::Alive, Some("a:8080")),
            instance(InstanceState::Alive, Some("b:8080")),
            instance(InstanceState::Alive, None),
            instance(InstanceState::Lost, Some("c:8080")),
            instance(InstanceState::Stopped, Some("d:8080")),
        ];
        assert_eq!(targets(&all), ["a:8080", "b:8080"]);
    }
}
