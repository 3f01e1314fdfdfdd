//! The register of helper databases and of every table in them.
//!
//! A table is ours only if it is listed here: it is listed before it is made, while its number is
//! in use, and struck out after it is dropped. A name of the right form alone proves nothing.

use super::transaction::transaction;
use super::{Store, StoreError};
use crate::model::ids::ConfigId;
use crate::mysql::{Ident, Value};

/// What a helper table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A shadow.
    Stage,
    /// A replaced target.
    Old,
    /// Rows that a run deleted.
    Quarantine,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Old => "old",
            Self::Quarantine => "quarantine",
        }
    }
}

/// One listed table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperTable {
    /// Number of its target database.
    pub number: u32,
    /// Its name.
    pub table: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The config that made it.
    pub config_id: Option<ConfigId>,
    /// The target table it belongs to.
    pub target_table: Option<String>,
}

impl Store {
    /// The number that is in use for a target database, if there is one.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn target_number(&self, database: &Ident) -> Result<Option<u32>, StoreError> {
        let sql = format!(
            "SELECT number FROM {}.target_databases \
             WHERE name = ? AND retired_at IS NULL ORDER BY number DESC LIMIT 1",
            self.database()
        );
        let rows = self.rows(&sql, vec![database.raw().into()]).await?;
        rows.first()
            .map(|row| Ok(number(row.u64("number")?)))
            .transpose()
    }

    /// The number in use for a target database, given when there is none.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn assign_target_number(&self, database: &Ident) -> Result<u32, StoreError> {
        if let Some(number) = self.target_number(database).await? {
            return Ok(number);
        }
        let sql = format!(
            "INSERT INTO {}.target_databases (name) VALUES (?)",
            self.database()
        );
        self.exec(&sql, vec![database.raw().into()]).await?;
        // Two processes may both have given one: both use the greatest, the other stays empty.
        self.target_number(database)
            .await?
            .ok_or_else(|| StoreError::Corrupt("target_databases".to_owned()))
    }

    /// Lists a table before it is made; `false` when the number was retired meanwhile.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn list_helper(&self, helper: &HelperTable) -> Result<bool, StoreError> {
        let db = self.database();
        let sql = format!(
            "INSERT INTO {db}.helper_tables (number, table_name, purpose, config_id, target_table, created_at) \
             SELECT number, ?, ?, ?, ?, UTC_TIMESTAMP(3) FROM {db}.target_databases \
             WHERE number = ? AND retired_at IS NULL LOCK IN SHARE MODE \
             ON DUPLICATE KEY UPDATE table_name = VALUES(table_name)"
        );
        let mut session = self.pool().get().await?;
        session
            .exec(
                &sql,
                vec![
                    helper.table.as_str().into(),
                    helper.purpose.as_str().into(),
                    helper
                        .config_id
                        .map_or(Value::NULL, |id| id.to_string().into()),
                    helper
                        .target_table
                        .as_deref()
                        .map_or(Value::NULL, Value::from),
                    helper.number.into(),
                ],
            )
            .await?;
        let check = format!(
            "SELECT COUNT(*) AS n FROM {db}.helper_tables h JOIN {db}.target_databases t \
             ON t.number = h.number WHERE h.number = ? AND h.table_name = ? AND h.purpose = ? \
             AND t.retired_at IS NULL"
        );
        let rows = session
            .exec_rows(
                &check,
                vec![
                    helper.number.into(),
                    helper.table.as_str().into(),
                    helper.purpose.as_str().into(),
                ],
            )
            .await?;
        Ok(rows
            .first()
            .map(|row| row.u64("n"))
            .transpose()?
            .unwrap_or(0)
            > 0)
    }

    /// Notes that the helper databases of a number were made by us: another installation on the
    /// same server counts its own numbers, and a name alone proves nothing.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn own_helper_databases(&self, number: u32) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT IGNORE INTO {}.helper_tables (number, table_name, purpose, created_at) \
             VALUES (?, '', 'database', UTC_TIMESTAMP(3))",
            self.database()
        );
        self.exec(&sql, vec![number.into()]).await?;
        Ok(())
    }

    /// Notes that we are about to make the helper databases of a number; `false` when that was
    /// noted before.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn intend_helper_databases(&self, number: u32) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT IGNORE INTO {}.helper_tables (number, table_name, purpose, created_at) \
             VALUES (?, 'intended', 'database', UTC_TIMESTAMP(3))",
            self.database()
        );
        Ok(self.exec(&sql, vec![number.into()]).await?.affected == 1)
    }

    /// Forgets the intention: the databases are somebody else's, or can't be made.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn forget_intention(&self, number: u32) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM {}.helper_tables \
             WHERE number = ? AND table_name = 'intended' AND purpose = 'database'",
            self.database()
        );
        self.exec(&sql, vec![number.into()]).await?;
        Ok(())
    }

    /// Whether the helper databases of a number were made by us.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn owns_helper_databases(&self, number: u32) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT 1 AS one FROM {}.helper_tables WHERE number = ? AND table_name = '' AND purpose = 'database'",
            self.database()
        );
        Ok(!self.rows(&sql, vec![number.into()]).await?.is_empty())
    }

    /// Strikes a table out after it was dropped or renamed away.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn unlist_helper(
        &self,
        number: u32,
        table: &str,
        purpose: Purpose,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM {}.helper_tables WHERE number = ? AND table_name = ? AND purpose = ?",
            self.database()
        );
        self.exec(
            &sql,
            vec![number.into(), table.into(), purpose.as_str().into()],
        )
        .await?;
        Ok(())
    }

    /// The listed tables of a number.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn helpers(&self, number: u32) -> Result<Vec<HelperTable>, StoreError> {
        let sql = format!(
            "SELECT table_name, purpose, config_id, target_table FROM {}.helper_tables \
             WHERE number = ? AND purpose <> 'database' ORDER BY table_name",
            self.database()
        );
        let rows = self.rows(&sql, vec![number.into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(HelperTable {
                    number,
                    table: row.text("table_name")?,
                    purpose: match row.text("purpose")?.as_str() {
                        "old" => Purpose::Old,
                        "quarantine" => Purpose::Quarantine,
                        _ => Purpose::Stage,
                    },
                    config_id: row.opt_text("config_id")?.and_then(|id| id.parse().ok()),
                    target_table: row.opt_text("target_table")?,
                })
            })
            .collect()
    }

    /// Numbers in use, with the target databases they stand for.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn target_numbers(&self) -> Result<Vec<(u32, Ident)>, StoreError> {
        let sql = format!(
            "SELECT number, name FROM {}.target_databases WHERE retired_at IS NULL ORDER BY number",
            self.database()
        );
        let rows = self.rows(&sql, Vec::new()).await?;
        rows.iter()
            .map(|row| Ok((number(row.u64("number")?), Ident::new(row.text("name")?))))
            .collect()
    }

    /// Retired numbers whose helper databases were made by us and not dropped yet.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn retired_helper_databases(&self) -> Result<Vec<u32>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT h.number FROM {db}.helper_tables h JOIN {db}.target_databases t \
             ON t.number = h.number WHERE h.purpose = 'database' AND t.retired_at IS NOT NULL",
            db = self.database()
        );
        let rows = self.rows(&sql, Vec::new()).await?;
        rows.iter()
            .map(|row| Ok(number(row.u64("number")?)))
            .collect()
    }

    /// Forgets helper databases after they were dropped.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn disown_helper_databases(&self, number: u32) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM {}.helper_tables WHERE number = ? AND purpose = 'database'",
            self.database()
        );
        self.exec(&sql, vec![number.into()]).await?;
        Ok(())
    }

    /// Retires a number for good, if no table is listed under it; `false` when one is.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn retire_target_number(&self, number: u32) -> Result<bool, StoreError> {
        let db = self.database();
        let sql = format!(
            "UPDATE {db}.target_databases SET retired_at = UTC_TIMESTAMP(3) \
             WHERE number = ? AND retired_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM {db}.helper_tables h \
                             WHERE h.number = ? AND h.purpose <> 'database')"
        );
        let lock = format!("SELECT number FROM {db}.target_databases WHERE number = ? FOR UPDATE");
        let done: Result<_, StoreError> = transaction!(self, |session| {
            // Waits for whoever is listing a table; the next statement then sees it.
            session.exec_rows(&lock, vec![number.into()]).await?;
            Ok(session
                .exec(&sql, vec![number.into(), number.into()])
                .await?)
        });
        let done = done?;
        Ok(done.affected == 1)
    }
}

fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
