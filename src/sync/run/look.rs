//! What a job begins with: both servers looked at, rules expanded, every table planned.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::config::ShadowIn;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::job::JobKind;
use crate::model::plan::{Risk, Severity};
use crate::model::rule::TableRule;
use crate::mysql::probe::missing_on_target;
use crate::mysql::{Endpoint, Ident, Session, SessionKind, TableRef};
use crate::sync::bound::{BoundWish, Counted, Sight};
use crate::sync::context::{JobContext, TableTask};
use crate::sync::error::SyncError;
use crate::sync::history;
use crate::sync::report::table_plan;
use crate::sync::rules::{self, Chosen, base_tables, choose};
use crate::sync::servers::Servers;
use crate::sync::table::{PlannedTable, plan_table};
use crate::sync::throttle::check_lag;
use crate::sync::watermark::why_full;

/// What was seen and planned.
pub(super) struct Looked {
    pub(super) servers: Servers,
    /// What is told of targets whose source is not there any more.
    pub(super) gone: Vec<String>,
    /// Tables with their rules, in the order of `plans`.
    pub(super) chosen: Vec<Chosen>,
    pub(super) plans: Vec<PlannedTable>,
}

/// A session that looks at a server.
pub(super) async fn probe(endpoint: &Arc<Endpoint>) -> Result<Session, SyncError> {
    Ok(Session::open(endpoint, SessionKind::Probe, Duration::from_secs(60)).await?)
}

impl Looked {
    /// Target table by source table.
    pub(super) fn targets(&self) -> HashMap<String, String> {
        let names = |plan: &PlannedTable| (source_name(plan), target_name(plan));
        self.plans.iter().map(names).collect()
    }

    /// Rule by source table.
    pub(super) fn rules(&self) -> HashMap<String, TableRule> {
        self.chosen
            .iter()
            .map(|c| (c.source_table.clone(), c.rule.clone()))
            .collect()
    }

    /// What a person should know of the job as a whole; of how rows are written only where some are.
    pub(super) fn warnings(&self, kind: JobKind) -> Vec<String> {
        let written = (kind != JobKind::Verify).then_some(&self.servers.warnings);
        let all = self.gone.iter().chain(written.into_iter().flatten());
        all.cloned().collect()
    }

    /// Target tables, in the order of `plans`.
    pub(super) fn names(&self) -> Vec<String> {
        self.plans.iter().map(target_name).collect()
    }

    /// A task for every table, with what its history tells.
    pub(super) async fn tasks(
        &self,
        context: &JobContext,
        workers: usize,
    ) -> Result<Vec<TableTask>, SyncError> {
        let task = |plan: &PlannedTable| TableTask {
            source_table: source_name(plan),
            target_table: target_name(plan),
            plan: table_plan(plan, &self.servers, workers, context.request.full),
            expected: None,
        };
        let mut tasks: Vec<TableTask> = self.plans.iter().map(task).collect();
        if context.request.kind == JobKind::Sync {
            let plans = tasks.iter_mut().map(|task| &mut task.plan);
            let expected = history::expect(&context.store, context.config.id, plans).await?;
            for task in &mut tasks {
                task.expected = expected.get(&task.target_table).copied();
            }
        }
        Ok(tasks)
    }

    /// What is looked at before each snapshot of the job.
    pub(super) fn bounds(&self, context: &JobContext) -> Option<Arc<BoundWish>> {
        if context.request.kind == JobKind::Verify {
            return None;
        }
        let mut wish = None::<BoundWish>;
        for plan in &self.plans {
            let Some(by) = plan.mode.watermark() else {
                continue;
            };
            let wish = wish.get_or_insert_default();
            if !by.is_time() {
                wish.counted.push(Counted {
                    table: plan.source.clone(),
                    column: by.column.name.clone(),
                });
            }
        }
        wish.map(Arc::new)
    }

    /// Which target tables of the job refer to which, by their own foreign keys or by those that they
    /// will get.
    pub(super) fn references(&self, targets: &HashMap<String, String>) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for plan in &self.plans {
            let child = plan.target.table.raw().to_owned();
            for key in plan.create.iter().flat_map(|create| &create.foreign_keys) {
                let Some(parent) = key.parent.last() else {
                    continue;
                };
                let parent = if plan.target_schema.is_some() {
                    parent.raw().to_owned()
                } else {
                    targets
                        .get(parent.raw())
                        .cloned()
                        .unwrap_or_else(|| parent.raw().to_owned())
                };
                out.push((child.clone(), parent));
            }
            for key in &plan.inbound {
                if key.table.database == plan.target.database {
                    out.push((key.table.table.raw().to_owned(), child.clone()));
                }
            }
        }
        out
    }
}

fn source_name(plan: &PlannedTable) -> String {
    plan.source.table.raw().to_owned()
}

fn target_name(plan: &PlannedTable) -> String {
    plan.target.table.raw().to_owned()
}

/// Looks at both servers and plans every table that the job is about.
///
/// # Errors
/// When a server can't be reached, or the job as a whole can't be run.
pub(super) async fn look(context: &JobContext) -> Result<Looked, SyncError> {
    let mut source = probe(&context.source).await?;
    let mut local = probe(&context.local).await?;
    let spec = &context.config.spec;
    let mut servers = Servers::look(
        &mut source,
        &mut local,
        Ident::new(context.connection.spec.database.as_str()),
        Ident::new(context.connection.spec.target_database()),
        spec.options.writer,
    )
    .await?;
    for (throttle, endpoint, session) in [
        (
            &context.connection.spec.throttle,
            &context.source,
            &mut source,
        ),
        (&context.throttles.local_spec(), &context.local, &mut local),
    ] {
        servers
            .warnings
            .extend(check_lag(throttle, endpoint, session).await?);
    }
    let helpers = spec.options.shadow_in == ShadowIn::Auto;
    let target = servers.target_database.raw().to_owned();
    servers
        .warnings
        .extend(missing_on_target(&mut local, &target, helpers).await?);
    let base = base_tables(&mut source, &servers.source_database).await?;
    let chosen = wanted(context, choose(spec, &base))?;
    let gone = if context.request.tables.is_empty() {
        targets_without_source(context, &mut local, &servers, &base).await?
    } else {
        Vec::new()
    };
    if chosen.is_empty() {
        servers
            .warnings
            .push("no table of the source fits a rule of the config".to_owned());
    }
    let mut plans = Vec::new();
    for table in &chosen {
        plans.push(plan_table(table, &spec.options, &servers, &mut source, &mut local).await?);
    }
    tell_twins(&mut plans, servers.folds_names);
    look_at_marks(context, &mut plans, &mut source).await?;
    source.close().await;
    local.close().await;
    Ok(Looked {
        servers,
        gone,
        chosen,
        plans,
    })
}

/// What is told of targets whose source is not there any more: they stay as they are.
async fn targets_without_source(
    context: &JobContext,
    local: &mut Session,
    servers: &Servers,
    base: &[String],
) -> Result<Vec<String>, SyncError> {
    let seen = context.store.seen_tables(context.config.id).await?;
    let mut known: Vec<String> = seen.into_keys().collect();
    known.sort();
    let gone = rules::gone(&context.config.spec, &known, base);
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let there = base_tables(local, &servers.target_database).await?;
    Ok(gone
        .into_iter()
        .filter(|name| there.contains(name))
        .map(|name| {
            let source = TableRef::new(servers.source_database.clone(), name.as_str());
            let target = TableRef::new(servers.target_database.clone(), name.as_str());
            format!(
                "{source} is gone from the source, or the account may not see it any more: {target} \
                 stays as it was (grant SELECT on it, or name it in exclude, or drop the copy)",
                source = source.shown(),
                target = target.shown()
            )
        })
        .collect())
}

/// The tables that the job is asked for; all, where it names none.
fn wanted(context: &JobContext, mut chosen: Vec<Chosen>) -> Result<Vec<Chosen>, SyncError> {
    let wanted = &context.request.tables;
    let is = |c: &Chosen, name: &String| c.target_table == *name || c.source_table == *name;
    for name in wanted {
        if !chosen.iter().any(|c| is(c, name)) {
            return Err(ErrorInfo::new(
                ErrorCode::RuleInvalid,
                format!(
                    "the config {:?} has no table {name}",
                    context.config.spec.name
                ),
            )
            .into());
        }
    }
    if !wanted.is_empty() {
        chosen.retain(|c| wanted.iter().any(|name| is(c, name)));
    }
    Ok(chosen)
}

/// Two tables that would be written to the same one are not written at all.
fn tell_twins(plans: &mut [PlannedTable], folds_names: bool) {
    let mut seen = HashMap::new();
    for plan in plans {
        let (source, target) = (source_name(plan), target_name(plan));
        let folded = if folds_names {
            target.to_lowercase()
        } else {
            target
        };
        if let Some(first) = seen.insert(folded, source.clone()) {
            plan.risks.push(Risk::new(
                ErrorCode::RuleInvalid.as_str(),
                Severity::Stop,
                format!("{source} and {first} go to the same target table"),
            ));
        }
    }
}

/// Says of tables with a watermark what can't be seen of the source, and why a run has to begin
/// from the start.
async fn look_at_marks(
    context: &JobContext,
    plans: &mut [PlannedTable],
    source: &mut Session,
) -> Result<(), SyncError> {
    let mut sight = None;
    for plan in plans {
        if plan.mode.watermark().is_none() {
            continue;
        }
        let sight = match sight {
            Some(sight) => sight,
            None => *sight.insert(Sight::of(source).await?),
        };
        plan.tell_sight(sight);
        let stored = context
            .store
            .checkpoint(context.config.id, plan.target.table.raw())
            .await?;
        let marks = stored
            .map(|checkpoint| checkpoint.marks)
            .unwrap_or_default();
        plan.full_because = why_full(plan, &context.request, &marks);
    }
    Ok(())
}
