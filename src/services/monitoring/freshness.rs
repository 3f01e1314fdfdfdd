//! How old the copies are, judged by the schedules of their configs.

use chrono::Utc;

use super::Monitoring;
use crate::model::command::Refusal;
use crate::model::config::Config;
use crate::model::freshness::{ConfigFreshness, freshness};
use crate::model::schedule::Timetable;
use crate::model::table_run::Verified;
use crate::services::refusal::refuse;

impl Monitoring {
    /// How old the copies of each config are, by what its last finished runs compared.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn freshness(&self) -> Result<Vec<ConfigFreshness>, Refusal> {
        let store = &self.0.store;
        let configs = store.list_configs(None).await.map_err(refuse)?;
        let verified = store.verified_tables().await.map_err(refuse)?;
        let active = store.active_configs().await.map_err(refuse)?;
        let judged = configs.iter().map(|config| {
            let tables = verified.get(&config.id).map_or(&[][..], Vec::as_slice);
            self.judge(config, tables, active.contains(&config.id))
        });
        Ok(judged.collect())
    }

    fn judge(
        &self,
        config: &Config,
        tables: &[(String, Verified)],
        active: bool,
    ) -> ConfigFreshness {
        let known = tables
            .iter()
            .filter_map(|(table, verified)| Some((verified.as_of.time?, table)));
        let oldest = known.min();
        let at = oldest.map(|(at, _)| at);
        let schedule = config
            .spec
            .schedule
            .as_ref()
            .filter(|_| config.spec.enabled)
            .map(|schedule| Timetable::new(schedule, self.0.defaults.get().timezone, config.id));
        let differing = tables.iter().filter(|(_, v)| v.differences > 0).count();
        ConfigFreshness {
            config_id: config.id,
            at,
            oldest: oldest.map(|(_, table)| table.clone()),
            tables: u32::try_from(tables.len()).unwrap_or(u32::MAX),
            differing: u32::try_from(differing).unwrap_or(u32::MAX),
            verdict: freshness(at, schedule, active, Utc::now()),
        }
    }
}
