//! The audit log: written in the transaction of the change that it tells of.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::transaction::{at, json, micros, parsed, values};
use super::{Store, StoreError};
use crate::model::audit::{
    Action, AuditEntry, AuditFilter, KEPT, MASKED, MASKED_CHANGE, SCHEDULE, differing, pruned,
};
use crate::model::connection::ConnectionSpec;
use crate::model::mapping;
use crate::model::secret::Secret;
use crate::mysql::{Row, Session, Value};
use secrecy::ExposeSecret;

/// Entries of one page where no limit is given.
const PAGE: u32 = 50;
/// Entries of one INSERT, and bytes.
const BATCH: usize = 200;
const BYTES: usize = 1 << 20;
/// Longest object that is written down whole.
const LONGEST: usize = 256 << 10;
/// Rows removed in one transaction.
const SWEPT_AT_ONCE: u64 = 5_000;

/// Changes of one transaction, to be told at its end.
pub(super) struct Changes {
    actor: Option<Arc<str>>,
    list: Vec<Change>,
}

struct Change {
    action: Action,
    object: String,
    id: String,
    before: Option<Json>,
    after: Option<Json>,
}

impl Changes {
    /// In the name of `actor`; nobody's changes are not told.
    pub(super) fn by(actor: Option<&str>) -> Self {
        Self {
            actor: actor.map(Arc::from),
            list: Vec::new(),
        }
    }

    /// Whether anybody wants to know.
    pub(super) fn are_told(&self) -> bool {
        self.actor.is_some()
    }

    /// Notes one. Of what was replaced only the fields that differ are kept.
    pub(super) fn note(
        &mut self,
        action: Action,
        (object, id): (&str, impl ToString),
        before: Option<Json>,
        after: Option<Json>,
    ) {
        if self.actor.is_none() {
            return;
        }
        let (before, after) = match (before.map(pruned), after.map(pruned)) {
            (Some(before), Some(after)) => {
                let (was, is) = differing(&before, &after);
                (Some(was), Some(is))
            }
            other => other,
        };
        self.list.push(Change {
            action,
            object: object.chars().take(255).collect(),
            id: id.to_string(),
            before: before.map(bounded),
            after: after.map(bounded),
        });
    }

    /// Writes them down, within the transaction of `session`.
    pub(super) async fn tell(&self, session: &mut Session) -> Result<(), StoreError> {
        let Some(actor) = &self.actor else {
            return Ok(());
        };
        let actor: String = actor.chars().take(255).collect();
        let (mut params, mut rows, mut bytes) = (Vec::new(), 0, 0);
        for change in &self.list {
            let before = change.before.as_ref().map(json).transpose()?;
            let after = change.after.as_ref().map(json).transpose()?;
            let size =
                before.as_ref().map_or(0, String::len) + after.as_ref().map_or(0, String::len);
            if rows == BATCH || (rows > 0 && bytes + size > BYTES) {
                insert(session, rows, std::mem::take(&mut params)).await?;
                (rows, bytes) = (0, 0);
            }
            params.extend(values![
                actor.as_str(),
                change.action.as_str(),
                change.object.as_str(),
                change.id.as_str(),
                before,
                after,
            ]);
            rows += 1;
            bytes += size;
        }
        if rows > 0 {
            insert(session, rows, params).await?;
        }
        Ok(())
    }
}

async fn insert(session: &mut Session, rows: usize, params: Vec<Value>) -> Result<(), StoreError> {
    let row = "(UTC_TIMESTAMP(3), ?, ?, ?, ?, ?, ?)";
    let sql = format!(
        "INSERT INTO audit_log (changed_at, actor, action, object, object_id, before_change, \
         after_change) VALUES {}",
        vec![row; rows].join(", ")
    );
    session.exec(&sql, params).await?;
    Ok(())
}

/// An object that is too large is told by its fields that are not.
fn bounded(value: Json) -> Json {
    let size = |value: &Json| value.to_string().len();
    if size(&value) <= LONGEST {
        return value;
    }
    let Json::Object(mut fields) = value else {
        return "too large to be kept".into();
    };
    for field in fields.values_mut() {
        let bytes = size(field);
        if bytes > LONGEST / 16 {
            *field = match field.as_array() {
                Some(items) => {
                    format!("{} items, {bytes} bytes: too large to be kept", items.len())
                }
                None => format!("{bytes} bytes: too large to be kept"),
            }
            .into();
        }
    }
    let fields = Json::Object(fields);
    if size(&fields) <= LONGEST {
        fields
    } else {
        "too large to be kept".into()
    }
}

/// A stored connection as the log shows it.
pub(super) fn stored_connection(mut spec: Json, sealed: bool) -> Json {
    if let (Json::Object(fields), true) = (&mut spec, sealed) {
        fields.insert("password".to_owned(), MASKED.into());
    }
    spec
}

/// A given connection as the log shows it: text passwords masked; without one it keeps that of
/// `before`.
pub(super) fn given_connection(spec: &ConnectionSpec, before: Option<&Json>) -> Json {
    let mut bare = spec.clone();
    let password = bare.password.take();
    let mut shown = mapping::spec_to_json(&bare);
    let password: Option<Json> = match &password {
        Some(Secret::Text(text)) if text.expose_secret().is_empty() => None,
        Some(Secret::Text(_)) => Some(MASKED_CHANGE.into()),
        Some(reference) => reference.reference().map(Into::into),
        None => before.and_then(|before| before.get("password")).cloned(),
    };
    if let (Json::Object(fields), Some(password)) = (&mut shown, password) {
        fields.insert("password".to_owned(), password);
    }
    shown
}

impl Store {
    /// Changes of a transaction, in the name that this was taken for.
    pub(super) fn changes(&self) -> Changes {
        Changes::by(self.actor())
    }

    /// Entries, newest first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        // The servers refuse to compare such a text with the column's.
        if filter.object_id.as_ref().is_some_and(|id| !id.is_ascii()) {
            return Ok(Vec::new());
        }
        let mut sql = "SELECT id, changed_at, actor, action, object, object_id, before_change, \
                       after_change FROM audit_log WHERE TRUE"
            .to_owned();
        let mut params = Vec::new();
        let mut narrow = |condition: &str, value: Option<Value>| {
            if let Some(value) = value {
                sql.push_str(condition);
                params.push(value);
            }
        };
        narrow(" AND actor = ?", filter.actor.as_deref().map(Value::from));
        match filter.action.as_deref() {
            Some(action) if action.contains('.') => {
                narrow(" AND action = ?", Some(action.into()));
            }
            // Kinds are words of ours, without a wildcard.
            Some(kind) => narrow(" AND action LIKE ?", Some(format!("{kind}.%").into())),
            None => {}
        }
        narrow(" AND object = ?", filter.object.as_deref().map(Value::from));
        narrow(
            " AND object_id = ?",
            filter.object_id.as_deref().map(Value::from),
        );
        narrow(
            " AND changed_at >= ?",
            filter.since.map(|since| at(since).into()),
        );
        narrow(" AND id < ?", filter.before.map(Value::from));
        sql.push_str(" ORDER BY id DESC LIMIT ?");
        params.push(filter.limit.unwrap_or(PAGE).into());
        self.rows(&sql, params).await?.iter().map(read).collect()
    }

    /// Removes entries that were kept long enough, starts by schedules with jobs of their age.
    /// Returns how many.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn delete_old_audit(&self, jobs_older_than: Duration) -> Result<u64, StoreError> {
        let old = format!(
            "DELETE FROM audit_log WHERE changed_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND \
             LIMIT {SWEPT_AT_ONCE}"
        );
        let scheduled = format!(
            "DELETE FROM audit_log WHERE actor = '{SCHEDULE}' \
             AND changed_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND LIMIT {SWEPT_AT_ONCE}"
        );
        let mut gone = 0;
        for (sql, age) in [(&old, KEPT), (&scheduled, jobs_older_than.min(KEPT))] {
            loop {
                let removed = self.exec(sql, values![micros(age)]).await?.affected;
                gone += removed;
                if removed < SWEPT_AT_ONCE {
                    break;
                }
            }
        }
        Ok(gone)
    }
}

fn read(row: &Row) -> Result<AuditEntry, StoreError> {
    let object = |column: &str| -> Result<Option<Json>, StoreError> {
        row.opt_text(column)?
            .map(|text| parsed(&text, "audit_log"))
            .transpose()
    };
    Ok(AuditEntry {
        id: row.u64("id")?,
        time: row.time("changed_at")?,
        actor: row.text("actor")?,
        action: row.text("action")?,
        object: row.text("object")?,
        object_id: row.text("object_id")?,
        before: object("before_change")?,
        after: object("after_change")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(password: Option<&str>) -> ConnectionSpec {
        let mut spec = ConnectionSpec::new("shop", "reader", "shop");
        spec.password = password.map(Secret::parse);
        spec
    }

    #[test]
    fn passwords_are_masked_whichever_way_they_change() {
        let sealed = stored_connection(mapping::spec_to_json(&spec(None)), true);
        for (given, before, shown) in [
            (Some("canary"), Some(&sealed), Json::from(MASKED_CHANGE)),
            (Some("canary"), None, MASKED_CHANGE.into()),
            (Some("${env:PW}"), Some(&sealed), "${env:PW}".into()),
            (Some(""), Some(&sealed), Json::Null),
            (None, Some(&sealed), MASKED.into()),
            (None, None, Json::Null),
        ] {
            let after = given_connection(&spec(given), before);
            assert_eq!(after["password"], shown, "{given:?}");
            assert!(!after.to_string().contains("canary"));
        }
        let unchanged = given_connection(&spec(None), Some(&sealed));
        let (was, is) = differing(&sealed, &unchanged);
        assert_eq!((was, is), (serde_json::json!({}), serde_json::json!({})));
    }

    #[test]
    fn what_is_too_large_is_told_by_the_rest() {
        let tables: Vec<String> = (0..50_000).map(|n| format!("table_{n}")).collect();
        let kept = bounded(serde_json::json!({"name": "all", "tables": tables}));
        assert_eq!(kept["name"], "all");
        let said = kept["tables"].as_str().unwrap();
        assert!(said.starts_with("50000 items"), "{said}");
    }
}
