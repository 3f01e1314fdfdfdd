//! Copies that are older than they may be, and those that are not any more.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::jobs;
use super::target::outgoing;
use crate::model::config::Config;
use crate::model::ids::ConfigId;
use crate::model::notification::{Notification, NotificationRule, NotifyOn, Told, text};
use crate::store::{Store, StoreError};

/// How old the copy of a config is: by the table that is furthest behind, of those that were ever
/// compared.
struct Age {
    as_of: DateTime<Utc>,
    age: Duration,
}

/// Writes down what is to be told of lags that began or are gone.
///
/// # Errors
/// When the control database does not answer.
pub async fn tell(store: &Store, rules: &[NotificationRule]) -> Result<(), StoreError> {
    let told = store.told_lags().await?;
    if told.is_empty() && !rules.iter().any(|rule| rule.on.contains(&NotifyOn::Lag)) {
        return Ok(());
    }
    let now = store.now().await?;
    let configs: HashMap<ConfigId, Config> = store
        .list_configs(None)
        .await?
        .into_iter()
        .filter(|config| config.spec.enabled)
        .map(|config| (config.id, config))
        .collect();
    let ages = ages(store, now).await?;
    for config in configs.values() {
        let Some(age) = ages.get(&config.id) else {
            continue;
        };
        for above in limits(rules, &config.spec.name) {
            if age.age > above && !told.contains(&(config.id, above)) {
                began(store, rules, config, age, above, now).await?;
            }
        }
    }
    for (id, above) in told {
        match (configs.get(&id), ages.get(&id)) {
            (Some(config), Some(age)) if age.age <= above => {
                gone(store, rules, config, age, above, now).await?;
            }
            (Some(_), Some(_)) => {}
            // Nobody waits for a config that is gone or disabled.
            _ => {
                store.lag_ended(id, above, &[]).await?;
            }
        }
    }
    Ok(())
}

async fn ages(store: &Store, now: DateTime<Utc>) -> Result<HashMap<ConfigId, Age>, StoreError> {
    let verified = store.verified_tables().await?;
    let aged = verified.into_iter().filter_map(|(config, tables)| {
        let times = tables.iter().filter_map(|(_, one)| one.as_of.time);
        let as_of = times.min()?;
        // A source's clock may be ahead.
        let age = (now - as_of).to_std().unwrap_or_default();
        Some((config, Age { as_of, age }))
    });
    Ok(aged.collect())
}

/// From which ages on somebody is told of a config.
fn limits(rules: &[NotificationRule], config: &str) -> Vec<Duration> {
    let mut limits: Vec<Duration> = rules
        .iter()
        .filter(|rule| rule.tells(NotifyOn::Lag, config))
        .map(|rule| rule.lag_above)
        .collect();
    limits.sort_unstable();
    limits.dedup();
    limits
}

async fn began(
    store: &Store,
    rules: &[NotificationRule],
    config: &Config,
    age: &Age,
    above: Duration,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let name = &config.spec.name;
    let told = Told::Lags {
        config: name,
        as_of: age.as_of,
        age: age.age,
        limit: above,
    };
    let mut what = Notification::new(NotifyOn::Lag, name, now, text(told));
    if let Some(last) = &config.last_job
        && let Some(job) = store.job(last.id).await?
    {
        what = what.about(&job);
    }
    let event = format!("lag:{}:{}", config.id, what.id);
    let of_limit: Vec<NotificationRule> = rules
        .iter()
        .filter(|rule| rule.lag_above == above)
        .cloned()
        .collect();
    let all = outgoing(&what, &event, config.id, &of_limit);
    store.lag_began(config.id, above, &all).await?;
    Ok(())
}

async fn gone(
    store: &Store,
    rules: &[NotificationRule],
    config: &Config,
    age: &Age,
    above: Duration,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let name = &config.spec.name;
    let told = Told::LagIsGone {
        config: name,
        age: age.age,
    };
    let what = Notification::new(NotifyOn::Recovered, name, now, text(told));
    // The run that ended the lag may be told of as the first one that went well again: once.
    let (what, event) = match store.last_completed(config.id).await? {
        Some(job) => {
            let event = jobs::event(NotifyOn::Recovered, &job);
            (what.about(&job), event)
        }
        None => {
            let event = format!("lag-gone:{}", what.id);
            (what, event)
        }
    };
    let all = outgoing(&what, &event, config.id, rules);
    store.lag_ended(config.id, above, &all).await?;
    Ok(())
}
