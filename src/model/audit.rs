//! The audit log: who changed what, and from what to what.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::words::words;

/// How long entries are kept. Starts by schedules go with their jobs instead (`sync.cleanup_age`):
/// nobody decided them at that time.
pub const KEPT: Duration = Duration::from_secs(365 * 86_400);

/// Who starts jobs when they are due.
pub const SCHEDULE: &str = "schedule";

/// What a secret is shown as, and one that is new.
pub const MASKED: &str = "***";
/// What a secret that was set or replaced is shown as.
pub const MASKED_CHANGE: &str = "*** (set)";

words!(
    /// What was done.
    Action {
        /// A connection was made.
        #[default] ConnectionCreate = "connection.create",
        /// A connection was replaced.
        ConnectionUpdate = "connection.update",
        /// A connection was removed.
        ConnectionDelete = "connection.delete",
        /// A config was made.
        ConfigCreate = "config.create",
        /// A config was replaced.
        ConfigUpdate = "config.update",
        /// A config was removed.
        ConfigDelete = "config.delete",
        /// A job was put in the queue.
        JobStart = "job.start",
        /// What a job left was put in the queue again.
        JobRetry = "job.retry",
        /// Putting back what a job deleted was put in the queue.
        JobUndo = "job.undo",
        /// A job was asked to end.
        JobStop = "job.stop",
        /// A job was asked to be held.
        JobPause = "job.pause",
        /// A job was asked to go back into the queue.
        JobRelease = "job.release",
        /// A job that was held went back into the queue.
        JobResume = "job.resume",
        /// Limits or priority of a job were changed.
        JobChange = "job.change",
        /// A token of the REST API was made.
        TokenCreate = "token.create",
        /// A token of the REST API was revoked.
        TokenRevoke = "token.revoke",
    }
);

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Later ones are larger.
    pub id: u64,
    /// When, by the server's clock.
    #[serde(serialize_with = "written")]
    pub time: DateTime<Utc>,
    /// `token:NAME`, `user@host` or `schedule`.
    pub actor: String,
    /// A word of [`Action`], or of a later version.
    pub action: String,
    /// The name of what was changed; of a job that of its config.
    pub object: String,
    /// Its id.
    pub object_id: String,
    /// What was there, secrets masked; of a replaced object the fields that changed.
    pub before: Option<Value>,
    /// What is there instead.
    pub after: Option<Value>,
}

fn written<S: serde::Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&super::mapping::time_text(*time))
}

/// Which entries are asked for, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this actor.
    pub actor: Option<String>,
    /// This action, or every action of a kind (`job`).
    pub action: Option<String>,
    /// On what has this name.
    pub object: Option<String>,
    /// On what has this id.
    pub object_id: Option<String>,
    /// From this time on.
    pub since: Option<DateTime<Utc>>,
    /// Before this entry.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// Whether a text is an action, or a kind of actions.
#[must_use]
pub fn is_action(text: &str) -> bool {
    Action::WORDS
        .iter()
        .any(|word| *word == text || word.split_once('.').is_some_and(|(kind, _)| kind == text))
}

/// The fields of two objects that differ, each as it was and as it is. Of a list of tables only the
/// rules that are not in the other.
#[must_use]
pub fn differing(before: &Value, after: &Value) -> (Value, Value) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before.clone(), after.clone());
    };
    let (mut was, mut is) = (Map::new(), Map::new());
    let keys = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)));
    for key in keys {
        let (a, b) = (old.get(key), new.get(key));
        if a == b {
            continue;
        }
        let (a, b) = match (a, b) {
            (Some(Value::Array(a)), Some(Value::Array(b))) if key == "tables" => only_in(a, b),
            (a, b) => (
                a.cloned().unwrap_or_default(),
                b.cloned().unwrap_or_default(),
            ),
        };
        was.insert(key.clone(), a);
        is.insert(key.clone(), b);
    }
    (Value::Object(was), Value::Object(is))
}

/// An object without the fields that say nothing: `null`, empty lists and objects.
#[must_use]
pub fn pruned(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (name, pruned(field)))
            .filter(|(_, field)| {
                !field.is_null()
                    && !field.as_array().is_some_and(Vec::is_empty)
                    && !field.as_object().is_some_and(Map::is_empty)
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(pruned).collect::<Vec<_>>().into(),
        other => other,
    }
}

/// What only one of two lists has; a word where both have the same in another order.
fn only_in(a: &[Value], b: &[Value]) -> (Value, Value) {
    let rest = |list: &[Value], other: &[Value]| -> Vec<Value> {
        let other: std::collections::HashSet<String> =
            other.iter().map(ToString::to_string).collect();
        let kept = list
            .iter()
            .filter(|item| !other.contains(&item.to_string()));
        kept.cloned().collect()
    };
    let (was, is) = (rest(a, b), rest(b, a));
    if was.is_empty() && is.is_empty() {
        return (json!("the same rules"), json!("in another order"));
    }
    (was.into(), is.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_by_the_fields_that_differ() {
        let before = json!({"name": "a", "port": 1, "ssl": true, "tables": ["x", "y"]});
        let after = json!({"name": "a", "port": 2, "host": "h", "tables": ["y", {"match": "*"}]});
        let (was, is) = differing(&before, &after);
        assert_eq!(
            was,
            json!({"port": 1, "ssl": true, "tables": ["x"], "host": null})
        );
        assert_eq!(
            is,
            json!({"port": 2, "ssl": null, "tables": [{"match": "*"}], "host": "h"})
        );
        let (was, _) = differing(&json!({"tables": [1, 2]}), &json!({"tables": [2, 1]}));
        assert_eq!(was, json!({"tables": "the same rules"}));
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let whole = json!({"a": null, "b": [{"c": null, "d": 0}], "e": {"f": {}}, "g": false});
        assert_eq!(pruned(whole), json!({"b": [{"d": 0}], "g": false}));
    }

    #[test]
    fn actions_are_filtered_by_word_or_kind() {
        for good in ["job", "job.stop", "token", "connection.create"] {
            assert!(is_action(good), "{good}");
        }
        for wrong in ["", "jo", "job.", "job.sto", "stop"] {
            assert!(!is_action(wrong), "{wrong}");
        }
    }
}
