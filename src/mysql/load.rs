//! `LOAD DATA LOCAL` from memory.
//!
//! Without `REPLACE` the server turns errors of a local load into warnings; with it they stay
//! errors. Counts and warnings are the caller's to check all the same.

use bytes::Bytes;
use futures_util::StreamExt;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::error::MysqlError;
use super::ident::TableRef;
use super::session::{Done, Session};
use super::value::ColumnPair;

/// Appends one row in the format that [`load_sql`] reads; returns the bytes appended.
pub fn push_row<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = Option<&'a [u8]>>) -> usize {
    let before = out.len();
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        match value {
            None => out.extend_from_slice(b"\\N"),
            Some(bytes) => escape_into(out, bytes),
        }
    }
    out.push(b'\n');
    out.len() - before
}

fn escape_into(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest
        .iter()
        .position(|b| matches!(b, b'\\' | b'\t' | b'\n' | 0))
    {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(match rest[at] {
            b'\t' => b't',
            b'\n' => b'n',
            0 => b'0',
            other => other,
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// The statement that loads `pairs` into `table`.
#[must_use]
pub fn load_sql(table: &TableRef, pairs: &[ColumnPair]) -> String {
    let (mut names, mut sets) = (Vec::new(), Vec::new());
    for (index, pair) in pairs.iter().enumerate() {
        let (name, set) = pair.load_sql(index);
        names.push(name);
        sets.extend(set);
    }
    let sets = if sets.is_empty() {
        String::new()
    } else {
        format!(" SET {}", sets.join(", "))
    };
    format!(
        "LOAD DATA LOCAL INFILE 'rows' REPLACE INTO TABLE {table} CHARACTER SET binary \
         FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' \
         LINES TERMINATED BY '\\n' STARTING BY '' ({}){sets}",
        names.join(", ")
    )
}

/// `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0` → records, deleted, skipped.
#[must_use]
pub fn parse_info(info: &str) -> Option<(u64, u64, u64)> {
    let number = |word: &str| -> Option<u64> {
        let at = info.find(word)? + word.len();
        info[at..]
            .trim_start()
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    Some((
        number("Records:")?,
        number("Deleted:")?,
        number("Skipped:")?,
    ))
}

impl Session {
    /// Runs a `LOAD DATA LOCAL` whose rows are `pieces`.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn load(&mut self, sql: &str, pieces: Vec<Bytes>) -> Result<Done, MysqlError> {
        let sql = sql.to_owned();
        self.guarded(async move |conn: &mut Conn| {
            let rows = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
            conn.set_infile_handler(async move { Ok(rows.boxed()) });
            conn.query_drop(sql).await?;
            Ok(Self::done_of(conn))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_escaped_so_that_they_read_back() {
        let mut out = Vec::new();
        push_row(
            &mut out,
            [
                None,
                Some(&b"a\tb\\\n\0\r"[..]),
                Some(&b""[..]),
                Some(&b"\\N"[..]),
            ]
            .into_iter(),
        );
        assert_eq!(out, b"\\N\ta\\tb\\\\\\n\\0\r\t\t\\\\N\n");
    }

    #[test]
    fn the_summary_is_read() {
        assert_eq!(
            parse_info("Records: 3  Deleted: 1  Skipped: 2  Warnings: 0"),
            Some((3, 1, 2))
        );
        assert_eq!(parse_info(""), None);
    }
}
