//! Names the row and column of an error of the target, from what the server says and the source has.

use super::rest::rest_of;
use crate::model::error::ErrorCode;
use crate::mysql::kind::Kind;
use crate::store::ranges::RangeRow;
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::shared::TableShared;

/// Names the row and column of an error that names them only by number.
pub(super) async fn locate(error: SyncError, table: &TableShared, range: &RangeRow) -> SyncError {
    let SyncError::Failed(mut failure) = error else {
        return error;
    };
    let info = &mut failure.info;
    if info.column.is_none() {
        info.column = column_in(&info.message);
    }
    let (Some(key), Ok(rest)) = (
        table.plan.key.as_ref().filter(|k| k.is_chunkable()),
        rest_of(range),
    ) else {
        return SyncError::Failed(failure);
    };
    let condition = key.range_sql(&rest);
    let from = table.plan.source_from_sql(&condition);
    let list = key.list_sql();
    let sql = match info.code {
        ErrorCode::ValueRejected => row_in(&info.message).map(|row| {
            format!(
                "SELECT {list} {from} ORDER BY {list} LIMIT 1 OFFSET {}",
                row.saturating_sub(1)
            )
        }),
        ErrorCode::PacketTooLarge => {
            let size: Vec<String> = table
                .plan
                .pairs
                .iter()
                .filter(|p| Kind::may_be_large(&p.source))
                .map(|p| format!("COALESCE(LENGTH({}), 0)", p.source.name))
                .collect();
            (!size.is_empty()).then(|| {
                format!(
                    "SELECT {list} {from} ORDER BY {} DESC LIMIT 1",
                    size.join(" + ")
                )
            })
        }
        _ => None,
    };
    let Some(sql) = sql else {
        return SyncError::Failed(failure);
    };
    // Without the key the error is still the error.
    let Ok(mut reader) = table.snapshots.reader().await else {
        return SyncError::Failed(failure);
    };
    let positions: Vec<usize> = (0..key.columns.len()).collect();
    let mut found = None;
    let looked = async {
        let mut rows = reader.session().stream(&sql).await?;
        while let Some(row) = rows.next().await? {
            found = KeyTuple::of_row(&row, &positions).ok();
        }
        Ok::<_, SyncError>(())
    }
    .await;
    match looked {
        Ok(()) => failure.info.key = found.map(|k| key.shown(&k)),
        Err(error) => reader.failed(&error),
    }
    SyncError::Failed(failure)
}

/// `… for column 'x' at row 5`, or with the table before the column.
pub(super) fn column_in(message: &str) -> Option<String> {
    let at = message.find("for column ")? + "for column ".len();
    let rest = &message[at..];
    let end = rest.find(" at row").unwrap_or(rest.len());
    let name = rest[..end].rsplit('.').next()?;
    Some(name.trim_matches(|c| c == '\'' || c == '`').to_owned())
}

fn row_in(message: &str) -> Option<u64> {
    let at = message.rfind("at row ")? + "at row ".len();
    message[at..]
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_read_from_messages() {
        let message = "Data too long for column 'note' at row 17 (1406)";
        assert_eq!(column_in(message).as_deref(), Some("note"));
        assert_eq!(row_in(message), Some(17));
        let message = "Incorrect value: 'x' for column `d`.`t`.`c` at row 1";
        assert_eq!(column_in(message).as_deref(), Some("c"));
        assert_eq!(row_in("no row"), None);
    }
}
