//! Where shadows and replaced tables live, and what they are called.
//!
//! Two helper databases per target database: a shadow and the table it replaces may bear the same
//! constraint names, which one database can't hold. Where they can't be created, both live in the
//! target's database under names of ours.

use super::error::SyncError;
use super::shared::TableShared;
use crate::model::config::ShadowIn;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::{Ident, Session, SessionKind, TableRef, literal};
use crate::store::helpers::{HelperTable, Purpose};

/// Where the helper tables of a target database live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The number of the target database.
    pub number: u32,
    target: Ident,
    inside: bool,
}

impl Place {
    /// The place of a table's helpers; made when there is none.
    ///
    /// # Errors
    /// When the server refuses both ways, or the control database can't be written.
    pub async fn open(table: &TableShared) -> Result<Self, SyncError> {
        let context = &table.job.context;
        let target = table.plan.target.database.clone();
        let mut session = table.session(SessionKind::Ddl).await?;
        create_database(&mut session, &target, None).await?;
        loop {
            let number = context.store.assign_target_number(&target).await?;
            let mut place = Self {
                number,
                target: target.clone(),
                inside: context.config.spec.options.shadow_in == ShadowIn::Target,
            };
            if !place.inside {
                match place.make_databases(table, &mut session).await {
                    Ok(true) => {}
                    Ok(false) => {
                        // Somebody else's: another installation on this server.
                        context.store.retire_target_number(number).await?;
                        continue;
                    }
                    Err(error) if is_denied(&error) => place.inside = true,
                    Err(error) => return Err(error),
                }
            }
            if place.inside && table.plan.target.table.raw().chars().count() > 40 {
                return Err(ErrorInfo::new(
                    ErrorCode::Unsupported,
                    "the helper databases can't be created, and the table's name is too long (over 40 characters) for a shadow beside it",
                )
                .hint(format!("GRANT ALL ON `\\_dbtaxi\\_%`.* TO {}", super::table::account(&mut session).await.unwrap_or_default()))
                .into());
            }
            // Retired meanwhile: the databases may be gone; take the next number.
            if context.store.target_number(&target).await? == Some(number) {
                return Ok(place);
            }
        }
    }

    /// Makes the pair of helper databases, or finds that we made them earlier; `false` where they
    /// are there and not ours. Creating is the test: of two installations only one succeeds.
    async fn make_databases(
        &self,
        table: &TableShared,
        session: &mut Session,
    ) -> Result<bool, SyncError> {
        let store = &table.job.context.store;
        let (stage, old) = (self.stage_database(), self.old_database());
        if !store.owns_helper_databases(self.number).await? {
            let options = options_like(session, &self.target).await?;
            // Noted first: a process that dies between the two leaves an empty database behind
            // that the next sweep knows.
            let first = store.intend_helper_databases(self.number).await?;
            match session
                .run(&format!("CREATE DATABASE {stage}{options}"))
                .await
            {
                Ok(_) => {
                    super::hooks::reach("place.created");
                    store.own_helper_databases(self.number).await?;
                }
                Err(error) if error.number == Some(1007) => {
                    // Another process of ours may be between its two statements.
                    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
                    while !store.owns_helper_databases(self.number).await? {
                        if std::time::Instant::now() < deadline {
                            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        } else if !first && is_empty(session, &stage).await? {
                            // One that died there; nobody else notes our intention.
                            store.own_helper_databases(self.number).await?;
                        } else {
                            store.forget_intention(self.number).await?;
                            return Ok(false);
                        }
                    }
                }
                Err(error) => {
                    store.forget_intention(self.number).await?;
                    return Err(error.into());
                }
            }
        }
        create_database(session, &stage, Some(&self.target)).await?;
        create_database(session, &old, Some(&self.target)).await?;
        Ok(true)
    }

    /// Whether helpers live in the target's own database.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.inside
    }

    fn stage_database(&self) -> Ident {
        Ident::new(format!("_dbtaxi_stage_{}", self.number))
    }

    fn old_database(&self) -> Ident {
        Ident::new(format!("_dbtaxi_old_{}", self.number))
    }

    /// The name of a shadow: generation, table and fence.
    #[must_use]
    pub fn shadow_name(&self, generation: u64, number: u64, fence: u64) -> String {
        let name = format!("r{generation}_{number}_{fence}");
        if self.inside {
            format!("_dbtaxi_{name}")
        } else {
            name
        }
    }

    /// The name of the quarantine of a run: table and fence.
    #[must_use]
    pub fn quarantine_name(&self, number: u64, fence: u64) -> String {
        let name = format!("q{number}_{fence}");
        if self.inside {
            format!("_dbtaxi_{name}")
        } else {
            name
        }
    }

    /// A quarantine table by its name.
    #[must_use]
    pub fn quarantine(&self, name: &str) -> TableRef {
        quarantine_table(self.number, &self.target, name)
    }

    /// A shadow by its name.
    #[must_use]
    pub fn shadow(&self, name: &str) -> TableRef {
        let database = if self.inside {
            self.target.clone()
        } else {
            self.stage_database()
        };
        TableRef::new(database, name)
    }

    /// A replaced table by its shadow's name.
    #[must_use]
    pub fn old(&self, name: &str) -> TableRef {
        if self.inside {
            TableRef::new(self.target.clone(), format!("{name}_old"))
        } else {
            TableRef::new(self.old_database(), name)
        }
    }

    /// Lists a helper table before it is made.
    ///
    /// # Errors
    /// When the number was retired, or the control database can't be written.
    pub async fn list(
        &self,
        table: &TableShared,
        name: &str,
        purpose: Purpose,
    ) -> Result<(), SyncError> {
        let helper = HelperTable {
            number: self.number,
            table: name.to_owned(),
            purpose,
            config_id: Some(table.job.context.config.id),
            target_table: Some(table.plan.target.table.raw().to_owned()),
        };
        if table.job.context.store.list_helper(&helper).await? {
            return Ok(());
        }
        Err(ErrorInfo::new(
            ErrorCode::Internal,
            "the helper databases were given up meanwhile",
        )
        .transient()
        .into())
    }

    /// Strikes a helper table out after it is gone.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn unlist(
        &self,
        table: &TableShared,
        name: &str,
        purpose: Purpose,
    ) -> Result<(), SyncError> {
        Ok(table
            .job
            .context
            .store
            .unlist_helper(self.number, name, purpose)
            .await?)
    }
}

/// A quarantine table by the number of its target database and its name, which says where it is.
#[must_use]
pub fn quarantine_table(number: u32, target: &Ident, name: &str) -> TableRef {
    let inside = name.starts_with("_dbtaxi_");
    let place = Place {
        number,
        target: target.clone(),
        inside,
    };
    let database = if inside {
        target.clone()
    } else {
        place.old_database()
    };
    TableRef::new(database, name)
}

/// Creates a database, with the charset and encryption of `like` where given.
async fn create_database(
    session: &mut Session,
    name: &Ident,
    like: Option<&Ident>,
) -> Result<(), SyncError> {
    if database_exists(session, name).await? {
        return Ok(());
    }
    let options = match like {
        Some(like) => options_like(session, like).await?,
        None => String::new(),
    };
    session
        .run(&format!("CREATE DATABASE IF NOT EXISTS {name}{options}"))
        .await?;
    Ok(())
}

/// Charset and encryption of a database, as a new one takes them over.
async fn options_like(session: &mut Session, like: &Ident) -> Result<String, SyncError> {
    let at = format!(
        "FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        literal::text(like.raw())
    );
    let sql = format!("SELECT DEFAULT_CHARACTER_SET_NAME AS cs, DEFAULT_COLLATION_NAME AS co {at}");
    let Some(row) = session.first(&sql).await? else {
        return Ok(String::new());
    };
    let mut options = format!(
        " CHARACTER SET {} COLLATE {}",
        row.text("cs")?,
        row.text("co")?
    );
    if !session.server().is_mariadb() {
        let row = session
            .first(&format!("SELECT DEFAULT_ENCRYPTION AS e {at}"))
            .await?;
        if row
            .map(|r| r.opt_text("e"))
            .transpose()?
            .flatten()
            .as_deref()
            == Some("YES")
        {
            options.push_str(" DEFAULT ENCRYPTION = 'Y'");
        }
    }
    Ok(options)
}

fn is_denied(error: &SyncError) -> bool {
    error
        .info()
        .is_some_and(|info| info.code == ErrorCode::AccessDenied)
}

/// Whether a database is there.
///
/// # Errors
/// When the server can't be asked.
pub async fn database_exists(session: &mut Session, name: &Ident) -> Result<bool, SyncError> {
    let sql = format!(
        "SELECT 1 AS one FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        literal::text(name.raw())
    );
    Ok(session.first(&sql).await?.is_some())
}

async fn is_empty(session: &mut Session, database: &Ident) -> Result<bool, SyncError> {
    let sql = format!(
        "SELECT 1 AS one FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} LIMIT 1",
        literal::text(database.raw())
    );
    Ok(session.first(&sql).await?.is_none())
}

/// Whether a table is there, and which type it has.
///
/// # Errors
/// When the server can't be asked.
pub async fn table_type(
    session: &mut Session,
    table: &TableRef,
) -> Result<Option<String>, SyncError> {
    let sql = format!(
        "SELECT TABLE_TYPE AS kind FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal::text(table.database.raw()),
        literal::text(table.table.raw())
    );
    Ok(session
        .first(&sql)
        .await?
        .map(|row| row.text("kind"))
        .transpose()?)
}

/// Drops listed tables that no unfinished run needs, retires numbers without any, and drops their
/// databases when they are empty. Returns what could not be cleaned up.
///
/// # Errors
/// When a server can't be reached.
pub async fn sweep(
    store: &crate::store::Store,
    local: &std::sync::Arc<crate::mysql::Endpoint>,
) -> Result<Vec<String>, SyncError> {
    let mut left = Vec::new();
    let numbers = store.target_numbers().await?;
    if numbers.is_empty() && store.retired_helper_databases().await?.is_empty() {
        return Ok(left);
    }
    let mut session =
        Session::open(local, SessionKind::Ddl, std::time::Duration::from_secs(60)).await?;
    for (number, target) in numbers {
        for helper in store.helpers(number).await? {
            let kept = helper.purpose == Purpose::Quarantine
                && store.needs_quarantine(number, &helper.table).await?;
            let needed = match (&helper.config_id, &helper.target_table) {
                _ if kept => true,
                // What it is for is noted before it is listed.
                _ if helper.purpose == Purpose::Quarantine => false,
                (Some(config), Some(name)) => {
                    let checkpoint = store.checkpoint(*config, name).await?;
                    checkpoint.is_some_and(|c| {
                        c.table_run_id.is_some() || c.shadow_table.as_deref() == Some(&helper.table)
                    })
                }
                _ => false,
            };
            if needed {
                continue;
            }
            super::hooks::reach("sweep.table");
            let outside = Place {
                number,
                target: target.clone(),
                inside: false,
            };
            let inside = Place {
                number,
                target: target.clone(),
                inside: true,
            };
            let place = if helper.table.starts_with("_dbtaxi_") {
                inside
            } else {
                outside
            };
            let table = match helper.purpose {
                Purpose::Stage => place.shadow(&helper.table),
                Purpose::Old => place.old(&helper.table),
                Purpose::Quarantine => place.quarantine(&helper.table),
            };
            match session.run(&format!("DROP TABLE IF EXISTS {table}")).await {
                Ok(_) => {
                    store
                        .unlist_helper(number, &helper.table, helper.purpose)
                        .await?;
                    if helper.purpose == Purpose::Quarantine {
                        store.close_quarantine(number, &helper.table).await?;
                    }
                }
                Err(error) if error.is_connection_lost() => return Err(error.into()),
                Err(error) => left.push(format!("{}: {error}", table.shown())),
            }
        }
        if store.helpers(number).await?.is_empty() && store.retire_target_number(number).await? {
            super::hooks::reach("sweep.retired");
        }
    }
    for number in store.retired_helper_databases().await? {
        drop_databases(store, &mut session, number, &mut left).await?;
    }
    session.close().await;
    Ok(left)
}

/// Drops the databases of a retired number, if they are empty.
async fn drop_databases(
    store: &crate::store::Store,
    session: &mut Session,
    number: u32,
    left: &mut Vec<String>,
) -> Result<(), SyncError> {
    let place = Place {
        number,
        target: Ident::new(""),
        inside: false,
    };
    for name in [place.old_database(), place.stage_database()] {
        if !database_exists(session, &name).await? {
            continue;
        }
        if !is_empty(session, &name).await? {
            left.push(format!(
                "the database {} holds tables that are not ours",
                name.raw()
            ));
            return Ok(());
        }
        if let Err(error) = session
            .run(&format!("DROP DATABASE IF EXISTS {name}"))
            .await
        {
            left.push(format!("the database {}: {error}", name.raw()));
            return Ok(());
        }
    }
    Ok(store.disown_helper_databases(number).await?)
}
