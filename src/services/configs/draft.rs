//! Configs that are not stored yet, or not as they are: planned and tried out.

use std::time::Duration;

use chrono::Utc;
use tokio::time::timeout;

use super::{Configs, refuse_sync};
use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::Connection;
use crate::model::finding::Finding;
use crate::model::ids::ConfigId;
use crate::model::plan::Plan;
use crate::model::preview::RulePreview;
use crate::services::refusal::invalid;
use crate::sync::{JobRun, preview_rule};

/// A person waits for a preview; what takes longer is not worth it.
const PATIENCE: Duration = Duration::from_secs(20);

impl Configs {
    /// What a run of `spec` would do, whether it is stored or not; `stored` is the config that it
    /// is to replace, whose history tells what it would go on with. Writes nothing anywhere.
    ///
    /// # Errors
    /// `Invalid` when the config is wrong, or source and target are the same; `SourceUnavailable`.
    pub async fn plan_draft(
        &self,
        spec: ConfigSpec,
        stored: Option<ConfigId>,
        exact: bool,
    ) -> Result<Plan, Refusal> {
        let (config, connection) = self.drafted(spec, stored).await?;
        let context = self.context(&config, &connection, &[]).await?;
        self.0.refuse_itself(&connection, &context.source).await?;
        JobRun::plan(context, exact).await.map_err(refuse_sync)
    }

    /// What the rule at `rule` of `spec` would read: the statement, the columns, and up to five rows
    /// of the source, masked ones as they would arrive. Rows are read in a read-only session with a
    /// limit of time. Writes nothing anywhere.
    ///
    /// # Errors
    /// `Invalid` when the config is wrong or the rule takes no table; `SourceUnavailable`.
    pub async fn preview(
        &self,
        spec: ConfigSpec,
        stored: Option<ConfigId>,
        rule: usize,
    ) -> Result<RulePreview, Refusal> {
        let (config, connection) = self.drafted(spec, stored).await?;
        let context = self.context(&config, &connection, &[]).await?;
        match timeout(PATIENCE, preview_rule(&context, rule)).await {
            Ok(Ok(Some(preview))) => Ok(preview),
            Ok(Ok(None)) => Err(invalid(
                Finding::new(
                    format!("tables[{rule}]"),
                    "no table of the source falls under this rule",
                )
                .remedy("look whether another rule takes it, or whether it is excluded"),
            )),
            Ok(Err(error)) => Err(refuse_sync(error)),
            Err(_) => Err(Refusal::SourceUnavailable(format!(
                "{}: no preview within {} s",
                connection.spec.name,
                PATIENCE.as_secs()
            ))),
        }
    }

    /// The config as it would be stored.
    async fn drafted(
        &self,
        spec: ConfigSpec,
        stored: Option<ConfigId>,
    ) -> Result<(Config, Connection), Refusal> {
        let spec = self.checked(spec).await?;
        let connection = self.0.connection(&spec.connection).await?;
        let config = Config {
            id: stored.unwrap_or_else(ConfigId::generate),
            connection_id: connection.id,
            spec,
            version: 0,
            last_job: None,
            next_runs: Vec::new(),
            zone: None,
            created_at: Utc::now(),
            updated_at: Utc::now(),
        };
        Ok((config, connection))
    }
}
