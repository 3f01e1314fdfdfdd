//! Putting back what a job deleted: rows go from its quarantine tables to their target.
//!
//! Needs no source: it must work when the source is what went wrong. Each batch is one transaction
//! under the table's lease; the rows leave the quarantine with it, so that it can be gone on with. A
//! row whose key, or unique value, is there again stays in quarantine and is counted as kept.

mod back;

use std::sync::Arc;

use super::claim::claim;
use super::commit::Again;
use super::context::{JobContext, TableLease, TableOutcome, TableTask};
use super::error::SyncError;
use super::meter::{TableMeter, TableObserver};
use super::orphans;
use super::place::sweep;
use super::stop::StopSignal;
use crate::model::config::ConfigSpec;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::Level;
use crate::model::pattern;
use crate::model::plan::{PlannedDeletes, TablePlan};
use crate::model::rule::{SyncMode, TableOptions, TableSelect, TargetTriggers};
use crate::model::table_run::{Phase, Verified};
use crate::mysql::schema::TableSchema;
use crate::mysql::{Session, SessionKind};
use crate::store::quarantine::Deleted;
use back::Return;

/// One job that puts rows back.
pub struct UndoRun {
    context: JobContext,
    stop: StopSignal,
    deleted: Vec<Deleted>,
}

impl UndoRun {
    /// Looks up what is to be put back.
    ///
    /// # Errors
    /// When the control database does not answer, or there is nothing to put back.
    pub async fn prepare(
        context: JobContext,
        stop: StopSignal,
    ) -> Result<(Arc<Self>, Vec<TableTask>), SyncError> {
        let Some(job) = context.request.undo_of else {
            return Err(SyncError::stop(
                ErrorCode::RuleInvalid,
                "the job does not say which one it undoes",
            ));
        };
        let wanted = &context.request.tables;
        let mut deleted = context.store.deleted_by(job).await?;
        deleted.retain(|d| {
            let name = d.target.table.raw();
            // Without rows too: an earlier process may have moved the last of them.
            d.undone_at.is_none()
                && !d.is_expired
                && (wanted.is_empty() || wanted.iter().any(|w| w == name))
        });
        let runs = context.store.job(job).await?.map(|job| job.tables);
        let mut tasks: Vec<TableTask> = Vec::new();
        for one in &deleted {
            let name = one.target.table.raw();
            if tasks.iter().any(|task| task.target_table == name) {
                continue;
            }
            let run = runs.iter().flatten().find(|run| run.target_table == name);
            let source_table = run.map_or(name, |run| run.source_table.as_str()).to_owned();
            tasks.push(TableTask {
                expected: None,
                plan: plan_of(&source_table, one),
                source_table,
                target_table: name.to_owned(),
            });
        }
        if tasks.is_empty() {
            return Err(SyncError::stop(
                ErrorCode::RuleInvalid,
                format!("nothing that the job {job} deleted is kept any more"),
            ));
        }
        let run = Self {
            context,
            stop,
            deleted,
        };
        Ok((Arc::new(run), tasks))
    }

    /// Puts the rows of one table back.
    ///
    /// # Errors
    /// `Stopped` when the stop signal was seen, else why it failed; what was committed is back.
    pub async fn sync_table(
        &self,
        task: &TableTask,
        lease: &TableLease,
        meter: &Arc<TableMeter>,
        observer: &Arc<dyn TableObserver>,
    ) -> Result<TableOutcome, SyncError> {
        let nothing = TableOutcome {
            verified: Verified::default(),
        };
        observer.phase(Phase::Reconcile);
        // An earlier try may have counted them.
        TableMeter::set(&meter.kept, 0);
        let of_table: Vec<&Deleted> = self
            .deleted
            .iter()
            .filter(|d| d.target.table.raw() == task.target_table)
            .collect();
        let Some(first) = of_table.first() else {
            return Ok(nothing);
        };
        let checkpoint = claim(&self.context, lease, &first.target).await?;
        let store = &self.context.store;
        let fence =
            store.checkpoint_fence(self.context.config.id, &task.target_table, checkpoint.fence);
        let mut session = self.session(lease).await?;
        let schema = self.target(&mut session, first).await?;
        let mut again = Again::default();
        for deleted in of_table.iter().filter(|deleted| deleted.rows > 0) {
            let back = Return::new(&mut session, deleted, &schema).await?;
            loop {
                if lease.lost.is_cancelled() {
                    return Err(SyncError::lease_lost());
                }
                if self.stop.soft.is_cancelled() {
                    return Err(SyncError::Stopped);
                }
                if !session.is_usable() {
                    session = self.session(lease).await?;
                }
                let done = match back.next(&mut session, store, &fence).await {
                    Ok(Some(done)) => done,
                    Ok(None) => break,
                    Err(error) if again.allows(&error) => {
                        session.abandon();
                        session = self.session(lease).await?;
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                TableMeter::add(&meter.inserted, done.returned);
                TableMeter::add(&meter.kept, done.kept);
                TableMeter::add(&meter.rows_done, done.returned + done.kept);
                meter.committed();
            }
        }
        if !session.is_usable() {
            session = self.session(lease).await?;
        }
        tell_orphans(&mut session, &schema, meter, observer).await?;
        session.close().await;
        if let Some(job) = self.context.request.undo_of {
            store.mark_undone(job, &task.target_table).await?;
        }
        let kept = TableMeter::get(&meter.kept);
        if kept > 0 {
            let line = format!(
                "{kept} rows stay in quarantine until {}: their keys or unique values are there again",
                first.expires_at.to_rfc3339()
            );
            observer.log(Level::Warn, &line);
        }
        Ok(nothing)
    }

    /// Drops helper tables that nobody needs.
    pub async fn finish(&self) {
        if let Err(error) = sweep(&self.context.store, &self.context.local).await {
            tracing::warn!(target: "db_taxi::sync", %error, "helper tables were not looked at");
        }
    }

    /// A session that writes rows back, recorded under the lease.
    async fn session(&self, lease: &TableLease) -> Result<Session, SyncError> {
        let context = &self.context;
        let mut session = Session::open(&context.local, SessionKind::Apply, context.lease_ttl)
            .await?
            .with_cancel(self.stop.hard.clone());
        context
            .store
            .record_connections(&lease.lease, &[session.id()])
            .await?;
        // Rows may refer to each other, or to rows that other tables get back later.
        session.run("SET SESSION foreign_key_checks = 0").await?;
        Ok(session)
    }

    async fn target(
        &self,
        session: &mut Session,
        deleted: &Deleted,
    ) -> Result<TableSchema, SyncError> {
        let target = &deleted.target;
        let Some(schema) = TableSchema::read(session, target).await? else {
            return Err(SyncError::stop(
                ErrorCode::Unsupported,
                format!("the target {} is not there any more", target.shown()),
            ));
        };
        let options = options_of(&self.context.config.spec, target.table.raw());
        if !schema.triggers.is_empty() && options.target_triggers == TargetTriggers::Refuse {
            return Err(ErrorInfo::new(
                ErrorCode::Unsupported,
                format!(
                    "the target has triggers ({}), which would fire on our writes",
                    schema.triggers.join(", ")
                ),
            )
            .hint("target_triggers: fire lets them; or drop them")
            .into());
        }
        Ok(schema)
    }
}

async fn tell_orphans(
    session: &mut Session,
    schema: &TableSchema,
    meter: &TableMeter,
    observer: &Arc<dyn TableObserver>,
) -> Result<(), SyncError> {
    for key in &schema.foreign_keys {
        let lost = orphans::count(session, &schema.table, key, None).await?;
        if lost > 0 {
            TableMeter::add(&meter.warnings, 1);
            let message = format!(
                "{lost} rows have no parent in {} (foreign key {})",
                key.parent.shown(),
                key.name.raw()
            );
            observer.warning("orphans", &message, None);
        }
    }
    Ok(())
}

/// The options in force for a target table.
fn options_of(spec: &ConfigSpec, target: &str) -> TableOptions {
    let named = spec.tables.iter().find(|rule| match &rule.select {
        TableSelect::Source(source) => {
            rule.target_table.as_deref().unwrap_or(source.as_str()) == target
        }
        TableSelect::Match(_) => false,
    });
    let rule = named.or_else(|| {
        spec.tables.iter().find(|rule| {
            matches!(&rule.select, TableSelect::Match(text) if pattern::matches(text, target))
        })
    });
    rule.map_or_else(
        || spec.options.table.clone(),
        |rule| rule.options.over(&spec.options.table),
    )
}

fn plan_of(source_table: &str, deleted: &Deleted) -> TablePlan {
    TablePlan {
        source_table: source_table.to_owned(),
        target_table: deleted.target.table.raw().to_owned(),
        sync_mode: SyncMode::Full,
        strategy: None,
        reason: "deleted rows are put back".to_owned(),
        full_strategy: None,
        writer: None,
        key: deleted.key_columns.clone(),
        chunks: 1,
        rows_estimate: deleted.rows,
        bytes_estimate: 0,
        eta_seconds: None,
        ddl: Vec::new(),
        deletes: PlannedDeletes {
            rows: Some(0),
            exact: true,
        },
        risks: Vec::new(),
    }
}
