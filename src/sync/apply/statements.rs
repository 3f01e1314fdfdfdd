//! The statements that change rows, one by one or many at once, with what they must report.

use super::{KEYS, Rows};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::mysql::WRITE_SQL_MODE;
use crate::mysql::rows::{insert_head_sql, tuple_sql};
use crate::mysql::value::ENUM_ZERO;
use crate::mysql::{Ident, MysqlError, Session};
use crate::sync::compare::{Comparer, RowDifference};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;

/// Bytes of literals per INSERT.
const STATEMENT: usize = 1 << 20;

/// Whether a unique key is in the way.
pub(super) fn is_duplicate(error: &SyncError) -> bool {
    error
        .info()
        .is_some_and(|info| info.code == ErrorCode::DuplicateKey)
}

/// Deletes rows that must be there.
pub(super) async fn delete(
    comparer: &Comparer<'_>,
    session: &mut Session,
    rows: &[RowDifference],
) -> Result<(), SyncError> {
    let keys: Vec<KeyTuple> = rows.iter().map(|d| d.key.clone()).collect();
    let deleted = delete_keys(comparer, session, &keys).await?;
    if deleted == rows.len() as u64 {
        return Ok(());
    }
    Err(SyncError::stop(
        ErrorCode::Internal,
        format!("{} rows were to be deleted, {deleted} were", rows.len()),
    ))
}

/// Deletes rows by their keys; says how many were there.
pub(super) async fn delete_keys(
    comparer: &Comparer<'_>,
    session: &mut Session,
    keys: &[KeyTuple],
) -> Result<u64, SyncError> {
    let mut deleted = 0;
    for batch in keys.chunks(KEYS) {
        if let Some(sql) = delete_sql(comparer, &batch.iter().collect::<Vec<_>>()) {
            let done = session.run(&sql).await?;
            expect_warnings(session, done.warnings, 0).await?;
            deleted += done.affected;
        }
    }
    Ok(deleted)
}

/// The statement that deletes rows; none without a key.
pub(super) fn delete_sql(comparer: &Comparer<'_>, keys: &[&KeyTuple]) -> Option<String> {
    let target_key = comparer.plan.target_key.as_ref()?;
    (!keys.is_empty()).then(|| {
        format!(
            "DELETE FROM {} WHERE {}",
            comparer.other,
            target_key.any_of_sql(keys)
        )
    })
}

/// Gives a row the source's values, its key aside.
pub(super) async fn update(
    comparer: &Comparer<'_>,
    session: &mut Session,
    difference: &RowDifference,
    rows: &Rows,
) -> Result<(), SyncError> {
    let Some((sql, zeros)) = update_sql(comparer, difference, rows)? else {
        return Ok(());
    };
    check_packet(comparer, session, difference, sql.len())?;
    let affected = run(session, &sql, zeros).await?;
    // None: the server takes the values for the same; what is read back decides.
    if affected <= 1 {
        return Ok(());
    }
    Err(SyncError::stop(
        ErrorCode::VerifyFailed,
        format!("an update changed {affected} rows, not one"),
    ))
}

/// The statement that does so, and how many of its values are no ENUM member; none where the key is
/// all there is.
pub(super) fn update_sql(
    comparer: &Comparer<'_>,
    difference: &RowDifference,
    rows: &Rows,
) -> Result<Option<(String, usize)>, SyncError> {
    let Some(target_key) = &comparer.plan.target_key else {
        return Ok(None);
    };
    let row = row_of(rows, difference)?;
    let is_key = |name: &Ident| target_key.columns.iter().any(|c| c.name == *name);
    let (mut sets, mut written) = (Vec::new(), Vec::new());
    for (pair, value) in comparer.plan.pairs.iter().zip(row) {
        if !is_key(&pair.target.name) {
            let literal = pair.literal_sql(value.as_deref());
            sets.push(format!("{} = {literal}", pair.target.name));
            written.push(value.clone());
        }
    }
    if sets.is_empty() {
        return Ok(None);
    }
    let sql = format!(
        "UPDATE {} SET {} WHERE {}",
        comparer.other,
        sets.join(", "),
        target_key.any_of_sql(&[&difference.key])
    );
    Ok(Some((sql, zeros(&written))))
}

/// One INSERT with the differences whose rows it carries.
pub(super) struct Insert<'a> {
    pub(super) rows: Vec<&'a RowDifference>,
    sql: String,
    zeros: usize,
}

/// The statements that insert the source's rows.
pub(super) fn inserts<'a>(
    comparer: &Comparer<'_>,
    session: &Session,
    differences: &[&'a RowDifference],
    rows: &Rows,
) -> Result<Vec<Insert<'a>>, SyncError> {
    let head = insert_head_sql(&comparer.other, &comparer.plan.pairs);
    let packet = usize::try_from(session.server().max_allowed_packet).unwrap_or(usize::MAX);
    let most = STATEMENT.min(packet / 2);
    let mut out: Vec<Insert<'a>> = Vec::new();
    for difference in differences {
        let row = row_of(rows, difference)?;
        let tuple = tuple_sql(&comparer.plan.pairs, row.iter().map(Option::as_deref));
        let zeros = zeros(row);
        match out.last_mut() {
            // Warnings are counted by statement: a row that must draw some goes alone.
            Some(last) if zeros == 0 && last.zeros == 0 && last.sql.len() + tuple.len() <= most => {
                last.sql.push_str(", ");
                last.sql.push_str(&tuple);
                last.rows.push(difference);
            }
            _ => out.push(Insert {
                rows: vec![difference],
                sql: format!("{head}{tuple}"),
                zeros,
            }),
        }
    }
    Ok(out)
}

impl Insert<'_> {
    /// The statement.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// How many of its values are no ENUM member.
    pub(super) fn zeros(&self) -> usize {
        self.zeros
    }

    /// Inserts the rows; all of them, or none with an error.
    pub(super) async fn send(
        &self,
        comparer: &Comparer<'_>,
        session: &mut Session,
    ) -> Result<(), SyncError> {
        if let [only] = self.rows.as_slice() {
            check_packet(comparer, session, only, self.sql.len())?;
        }
        let affected = run(session, &self.sql, self.zeros).await?;
        if affected == self.rows.len() as u64 {
            return Ok(());
        }
        Err(SyncError::stop(
            ErrorCode::Internal,
            format!(
                "{} rows were to be inserted, {affected} were",
                self.rows.len()
            ),
        ))
    }
}

/// A row that needs a larger statement than the server takes is named, before anything is sent:
/// the server would close the connection.
fn check_packet(
    comparer: &Comparer<'_>,
    session: &Session,
    row: &RowDifference,
    bytes: usize,
) -> Result<(), SyncError> {
    let most = session.server().max_allowed_packet;
    if (bytes as u64) < most {
        return Ok(());
    }
    let mut info = ErrorInfo::new(
        ErrorCode::PacketTooLarge,
        format!(
            "a row needs a statement of {bytes} bytes; the local server's max_allowed_packet is {most}"
        ),
    )
    .hint("raise max_allowed_packet on the local server, then run again");
    let key = comparer.plan.target_key.as_ref();
    info.key = key.map(|k| k.shown(&row.key));
    Err(info.into())
}

/// The source's row of a difference.
pub(super) fn row_of<'a>(
    rows: &'a Rows,
    difference: &RowDifference,
) -> Result<&'a [Option<Vec<u8>>], SyncError> {
    rows.get(&difference.source_key)
        .map(Vec::as_slice)
        .ok_or_else(|| {
            SyncError::stop(
                ErrorCode::Internal,
                "a row of the snapshot was found once and not again",
            )
        })
}

/// Differences of one kind.
pub(super) fn of_kind(differences: &[RowDifference], kind: DifferenceKind) -> Vec<RowDifference> {
    differences
        .iter()
        .filter(|d| d.kind == kind)
        .cloned()
        .collect()
}

/// How many values of a row are no ENUM member.
pub(super) fn zeros(row: &[Option<Vec<u8>>]) -> usize {
    row.iter()
        .flatten()
        .filter(|value| value.as_slice() == ENUM_ZERO)
        .count()
}

/// Runs a statement that must draw a warning for each of its `zeros` ENUM values without a member,
/// which strictness would not let in, and no other. Strict again afterwards, however it went.
pub(super) async fn run(session: &mut Session, sql: &str, zeros: usize) -> Result<u64, SyncError> {
    if zeros == 0 {
        let done = session.run(sql).await?;
        expect_warnings(session, done.warnings, 0).await?;
        return Ok(done.affected);
    }
    let mode = WRITE_SQL_MODE.replace("STRICT_ALL_TABLES,", "");
    session
        .run(&format!("SET SESSION sql_mode = '{mode}'"))
        .await?;
    let ran = match session.run(sql).await {
        Ok(done) => expect_warnings(session, done.warnings, zeros)
            .await
            .map(|()| done.affected),
        Err(error) => Err(error.into()),
    };
    session
        .run(&format!("SET SESSION sql_mode = '{WRITE_SQL_MODE}'"))
        .await?;
    ran
}

/// Exactly `zeros` warnings about values that are no ENUM member, and no other about values.
async fn expect_warnings(
    session: &mut Session,
    warnings: u16,
    zeros: usize,
) -> Result<(), SyncError> {
    if warnings == 0 && zeros == 0 {
        return Ok(());
    }
    let mut found = session.warnings().await?;
    // Charsets that a later version of the server will not have; no value is changed.
    found.retain(|w| !matches!(w.number, 1287 | 1681 | 3719 | 3778));
    let other = found.iter().find(|w| w.number != 1265 || zeros == 0);
    match other {
        None if found.len() == zeros => Ok(()),
        None => Err(SyncError::stop(
            ErrorCode::ValueRejected,
            "an ENUM value could not be carried over",
        )),
        Some(warning) => {
            let as_error = MysqlError::from_server(warning.number, warning.message.clone());
            let mut info = as_error.info();
            info.code = match info.code {
                ErrorCode::Internal => ErrorCode::ValueRejected,
                code => code,
            };
            info.transient = false;
            info.message = format!("the target would change a value: {}", info.message);
            Err(info.into())
        }
    }
}
