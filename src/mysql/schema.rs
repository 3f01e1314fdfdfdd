//! Definitions of tables as the server's own dictionary gives them.

mod constraints;
mod info;
mod noted;

pub use constraints::{constraint_names, constraint_names_elsewhere};

use super::column::Column;
use super::error::MysqlError;
use super::ident::{Ident, TableRef};
use super::literal;
use super::row::Row;
use super::session::Session;

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Its column; `None` for an expression.
    pub column: Option<Ident>,
    /// Whether it can't identify rows: only the beginning of the column is in the key, or only a
    /// hash of it.
    pub prefix: bool,
    /// How much of the column is in the key, in its characters or bytes; `None` for all of it.
    pub length: Option<u64>,
    /// What the server computes, where the part is no column.
    pub expression: Option<String>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name; `PRIMARY` for the primary key.
    pub name: Ident,
    /// Whether no two rows agree on it.
    pub unique: bool,
    /// Its parts, in order.
    pub parts: Vec<KeyPart>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name.
    pub name: Ident,
    /// The table that has it.
    pub table: TableRef,
    /// Its columns.
    pub columns: Vec<Ident>,
    /// The parent.
    pub parent: TableRef,
    /// The parent's columns.
    pub parent_columns: Vec<Ident>,
    /// What a delete of a parent does.
    pub on_delete: String,
    /// What a change of a parent's key does.
    pub on_update: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    /// Its name.
    pub table: TableRef,
    /// `BASE TABLE`, `VIEW`, `SYSTEM VERSIONED` …
    pub table_type: String,
    /// Its engine, as the server writes it.
    pub engine: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Its keys, the primary one first.
    pub keys: Vec<Key>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Names of its triggers.
    pub triggers: Vec<String>,
    /// The statement that makes it.
    pub create_sql: String,
    /// Rows, as the server guesses.
    pub rows_estimate: u64,
    /// Bytes of its rows, as the server guesses.
    pub data_bytes: u64,
}

impl TableSchema {
    /// Reads a table's definition; `None` where there is no such table.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn read(session: &mut Session, table: &TableRef) -> Result<Option<Self>, MysqlError> {
        let statements = statements(table);
        let sets = match session.batch(&statements).await {
            Ok(sets) => sets,
            // One of them was refused: which one says what it means.
            Err(error) if error.number.is_some() => match one_by_one(session, &statements).await? {
                Some(sets) => sets,
                None => return Ok(None),
            },
            Err(error) => return Err(error),
        };
        let [head, create, columns, keys, foreign, triggers] = sets.as_slice() else {
            return Err(MysqlError::lost(
                "not every question about a table was answered",
            ));
        };
        let (Some(head), Some(create)) = (head.first(), create.first()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            table: table.clone(),
            table_type: head.text("TABLE_TYPE")?,
            engine: head.opt_text("ENGINE")?.unwrap_or_default(),
            columns: columns.iter().map(column_of).collect::<Result<_, _>>()?,
            keys: keys_of(keys)?,
            foreign_keys: foreign_keys_of(foreign)?,
            triggers: triggers
                .iter()
                .map(|row| row.text("name"))
                .collect::<Result<_, _>>()?,
            create_sql: String::from_utf8_lossy(&create.bytes_at(1).unwrap_or_default())
                .into_owned(),
            rows_estimate: head.opt_u64("TABLE_ROWS")?.unwrap_or(0),
            data_bytes: head.opt_u64("DATA_LENGTH")?.unwrap_or(0),
        }))
    }

    /// The column named `name`, compared as servers compare column names.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| same_name(c.name.raw(), name))
    }

    /// The unique key over exactly `columns`, in any order of theirs, without prefixes.
    #[must_use]
    pub fn unique_key_on(&self, columns: &[Ident]) -> Option<&Key> {
        self.keys.iter().find(|key| {
            key.unique
                && key.parts.len() == columns.len()
                && key.parts.iter().zip(columns).all(|(part, column)| {
                    !part.prefix
                        && part
                            .column
                            .as_ref()
                            .is_some_and(|c| same_name(c.raw(), column.raw()))
                })
        })
    }

    /// The definition without what changes by itself, for noticing changes.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = ring::digest::digest(
            &ring::digest::SHA256,
            without_auto_increment(&self.create_sql).as_bytes(),
        );
        literal::hex(&digest.as_ref()[..16])
    }

    /// Whether it takes part in transactions.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.engine.eq_ignore_ascii_case("innodb")
    }
}

/// Whether two column names are the same to a server (letter case does not count).
#[must_use]
pub fn same_name(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

/// `CREATE TABLE` without its counter.
#[must_use]
pub fn without_auto_increment(create_sql: &str) -> String {
    match create_sql.rfind("\n)") {
        Some(end) => {
            let (body, options) = create_sql.split_at(end);
            let options = match options.find(" AUTO_INCREMENT=") {
                Some(at) => {
                    let rest = &options[at + " AUTO_INCREMENT=".len()..];
                    let digits = rest
                        .find(|c: char| !c.is_ascii_digit())
                        .unwrap_or(rest.len());
                    format!("{}{}", &options[..at], &rest[digits..])
                }
                None => options.to_owned(),
            };
            format!("{body}{options}")
        }
        None => create_sql.to_owned(),
    }
}

fn where_table(table: &TableRef) -> String {
    format!(
        "TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal::text(table.database.raw()),
        literal::text(table.table.raw())
    )
}

/// What is asked about a table: its head, its definition, its columns, its keys, its foreign keys,
/// its triggers.
fn statements(table: &TableRef) -> [String; 6] {
    let at = where_table(table);
    [
        format!(
            "SELECT TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH \
             FROM information_schema.TABLES WHERE {at}"
        ),
        format!("SHOW CREATE TABLE {table}"),
        format!(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, \
             COLLATION_NAME, EXTRA, COLUMN_DEFAULT, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, \
             NUMERIC_SCALE, DATETIME_PRECISION, GENERATION_EXPRESSION \
             FROM information_schema.COLUMNS WHERE {at} ORDER BY ORDINAL_POSITION"
        ),
        format!("SHOW INDEX FROM {table}"),
        foreign_keys_sql(&own_foreign_keys(table)),
        format!(
            "SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS \
             WHERE EVENT_OBJECT_SCHEMA = {} AND EVENT_OBJECT_TABLE = {}",
            literal::text(table.database.raw()),
            literal::text(table.table.raw())
        ),
    ]
}

/// The answers to `statements`, asked one by one; `None` where there is no such table.
async fn one_by_one(
    session: &mut Session,
    statements: &[String],
) -> Result<Option<Vec<Vec<Row>>>, MysqlError> {
    let mut sets = Vec::with_capacity(statements.len());
    for sql in statements {
        let rows = match session.rows(sql).await {
            // It went since the first question.
            Err(error) if error.number == Some(1146) => return Ok(None),
            rows => rows?,
        };
        if sets.is_empty() && rows.is_empty() {
            return Ok(None);
        }
        sets.push(rows);
    }
    Ok(Some(sets))
}

fn column_of(row: &Row) -> Result<Column, MysqlError> {
    let extra = row
        .opt_text("EXTRA")?
        .unwrap_or_default()
        .to_ascii_uppercase();
    let nullable = row.text("IS_NULLABLE")? == "YES";
    let generation = row.opt_bytes("GENERATION_EXPRESSION")?.unwrap_or_default();
    Ok(Column {
        name: Ident::new(row.text("COLUMN_NAME")?),
        data_type: row.text("DATA_TYPE")?.to_ascii_lowercase(),
        column_type: row.text("COLUMN_TYPE")?,
        nullable,
        charset: row.opt_text("CHARACTER_SET_NAME")?,
        collation: row.opt_text("COLLATION_NAME")?,
        generated: !generation.is_empty()
            || extra.contains("VIRTUAL GENERATED")
            || extra.contains("STORED GENERATED"),
        has_default: nullable
            || row.opt_bytes("COLUMN_DEFAULT")?.is_some()
            || extra.contains("AUTO_INCREMENT"),
        auto_increment: extra.contains("AUTO_INCREMENT"),
        on_update_now: extra.contains("ON UPDATE CURRENT_TIMESTAMP"),
        max_length: row.opt_u64("CHARACTER_MAXIMUM_LENGTH")?,
        precision: row.opt_u64("NUMERIC_PRECISION")?,
        scale: row.opt_u64("NUMERIC_SCALE")?,
        fraction: row.opt_u64("DATETIME_PRECISION")?,
    })
}

fn keys_of(rows: &[Row]) -> Result<Vec<Key>, MysqlError> {
    let mut keys: Vec<Key> = Vec::new();
    for row in rows {
        let kind = row
            .opt_text("Index_type")?
            .unwrap_or_default()
            .to_ascii_uppercase();
        let name = Ident::new(row.text("Key_name")?);
        let length = row.opt_u64("Sub_part")?;
        let part = KeyPart {
            column: row.opt_text("Column_name")?.map(Ident::new),
            length,
            // Only newer MySQL has it; printed with its quotes escaped.
            expression: if row.has("Expression") {
                row.opt_text("Expression")?.map(|text| unescaped(&text))
            } else {
                None
            },
            // Only trees over whole columns can be walked and identify rows.
            prefix: length.is_some()
                || matches!(kind.as_str(), "FULLTEXT" | "SPATIAL" | "RTREE" | "HASH"),
        };
        match keys.last_mut() {
            Some(key) if key.name == name => key.parts.push(part),
            _ => keys.push(Key {
                name,
                unique: row.u64("Non_unique")? == 0,
                parts: vec![part],
            }),
        }
    }
    keys.sort_by_key(|key| key.name.raw() != "PRIMARY");
    Ok(keys)
}

/// A text without the backslashes before its quotes and backslashes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next @ ('\'' | '\\')) if c == '\\' => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// The foreign keys of every database whose parent is `table`.
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn inbound_foreign_keys(
    session: &mut Session,
    table: &TableRef,
) -> Result<Vec<ForeignKey>, MysqlError> {
    foreign_keys(
        session,
        &format!(
            "k.REFERENCED_TABLE_SCHEMA = {} AND k.REFERENCED_TABLE_NAME = {}",
            literal::text(table.database.raw()),
            literal::text(table.table.raw())
        ),
    )
    .await
}

/// Names and parents of a table's own foreign keys.
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn foreign_key_parents(
    session: &mut Session,
    table: &TableRef,
) -> Result<Vec<(Ident, TableRef)>, MysqlError> {
    let keys = foreign_keys(session, &own_foreign_keys(table)).await?;
    Ok(keys.into_iter().map(|key| (key.name, key.parent)).collect())
}

fn own_foreign_keys(table: &TableRef) -> String {
    format!(
        "k.TABLE_SCHEMA = {} AND k.TABLE_NAME = {}",
        literal::text(table.database.raw()),
        literal::text(table.table.raw())
    )
}

async fn foreign_keys(session: &mut Session, at: &str) -> Result<Vec<ForeignKey>, MysqlError> {
    foreign_keys_of(&session.rows(&foreign_keys_sql(at)).await?)
}

fn foreign_keys_sql(at: &str) -> String {
    format!(
        "SELECT k.CONSTRAINT_NAME AS name, k.TABLE_SCHEMA AS db, k.TABLE_NAME AS tbl, \
         k.COLUMN_NAME AS col, k.REFERENCED_TABLE_SCHEMA AS pdb, \
         k.REFERENCED_TABLE_NAME AS ptbl, k.REFERENCED_COLUMN_NAME AS pcol, \
         r.DELETE_RULE AS on_delete, r.UPDATE_RULE AS on_update \
         FROM information_schema.KEY_COLUMN_USAGE k \
         JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
           ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA \
          AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME \
         WHERE {at} AND k.REFERENCED_TABLE_NAME IS NOT NULL \
         ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION"
    )
}

fn foreign_keys_of(rows: &[Row]) -> Result<Vec<ForeignKey>, MysqlError> {
    let mut keys: Vec<ForeignKey> = Vec::new();
    for row in rows {
        let name = Ident::new(row.text("name")?);
        let table = TableRef::new(row.text("db")?, row.text("tbl")?);
        let column = Ident::new(row.text("col")?);
        let parent_column = Ident::new(row.text("pcol")?);
        match keys.last_mut() {
            Some(key) if key.name == name && key.table == table => {
                key.columns.push(column);
                key.parent_columns.push(parent_column);
            }
            _ => keys.push(ForeignKey {
                name,
                table,
                columns: vec![column],
                parent: TableRef::new(row.text("pdb")?, row.text("ptbl")?),
                parent_columns: vec![parent_column],
                on_delete: row.text("on_delete")?,
                on_update: row.text("on_update")?,
            }),
        }
    }
    Ok(keys)
}

/// Names and types of the tables of a database.
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn list_tables(
    session: &mut Session,
    database: &Ident,
) -> Result<Vec<(String, String)>, MysqlError> {
    session
        .rows(&format!(
            "SELECT TABLE_NAME AS name, TABLE_TYPE AS kind FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = {} ORDER BY TABLE_NAME",
            literal::text(database.raw())
        ))
        .await?
        .iter()
        .map(|row| Ok((row.text("name")?, row.text("kind")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_taken_out_of_the_options_only() {
        let sql = "CREATE TABLE `t` (\n  `a` int COMMENT ' AUTO_INCREMENT=5'\n) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=latin1";
        assert_eq!(
            without_auto_increment(sql),
            "CREATE TABLE `t` (\n  `a` int COMMENT ' AUTO_INCREMENT=5'\n) ENGINE=InnoDB DEFAULT CHARSET=latin1"
        );
    }
}
