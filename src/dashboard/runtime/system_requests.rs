//! Requests of forms and pickers, answered by the services.

use crate::dashboard::app::request::{Answer, Answered, Request};
use crate::services::Services;

/// Answers one request.
///
/// # Errors
/// As the services refuse it.
pub async fn answer(services: &Services, request: Request) -> Answered {
    let connections = &services.connections;
    Ok(match request {
        Request::SaveConnection { id, version, spec } => Answer::Connection(Box::new(match id {
            Some(id) => connections.update(id, *spec, version).await?,
            None => connections.create(*spec).await?,
        })),
        Request::TestTyped { id, spec } => {
            Answer::Report(Box::new(connections.test_spec(&spec, id).await?))
        }
        Request::DeleteConnection(id) => {
            connections.delete(id).await?;
            Answer::Done
        }
        Request::Dependents(id) => Answer::Names(connections.dependents(id).await?),
        Request::CheckHealth(id) => Answer::Report(Box::new(connections.test(id).await?)),
        Request::Tables(id) => Answer::Tables(connections.tables(id).await?),
        Request::Table { connection, table } => {
            Answer::Table(Box::new(connections.table(connection, &table).await?))
        }
        Request::PlanDraft { spec, stored } => Answer::Plan(Box::new(
            services.configs.plan_draft(*spec, stored, false).await?,
        )),
        Request::Preview { spec, stored, rule } => Answer::Preview(Box::new(
            services.configs.preview(*spec, stored, rule).await?,
        )),
        Request::RepairScript { of, path } => Answer::Script(Box::new(
            services
                .configs
                .repair_file(of.config, &of.tables, &path)
                .await?,
        )),
        Request::AddConfig(spec) => Answer::Config(Box::new(services.configs.create(*spec).await?)),
    })
}
