//! `notifications` of the settings: whom to tell of what. Read here since it is an object like those
//! of a mapping file, with the same words for what is wrong.

use serde_json::Value;

use super::reader::{Found, Object, suggestion};
use crate::model::finding::Finding;
use crate::model::notification::{BodyFormat, Destination, NotificationRule, NotifyOn, split_url};
use crate::model::pattern;
use crate::model::secret::Secret;

/// Most arguments of a command.
const MOST_ARGUMENTS: usize = 100;

/// Reads the list; `None` is an empty one.
///
/// # Errors
/// Everything that is wrong with it; paths begin with `notifications`.
pub fn parse_notifications(value: &Value) -> Result<Vec<NotificationRule>, Vec<Finding>> {
    let found = Found::default();
    let rules = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .filter_map(|(index, item)| read(item, &format!("notifications[{index}]"), &found))
            .collect(),
        _ => {
            let why = "must be a list of objects with on, and webhook or command";
            found.add(Finding::new("notifications", why));
            Vec::new()
        }
    };
    found.result(Some(rules))
}

fn read(value: &Value, path: &str, found: &Found) -> Option<NotificationRule> {
    let object = Object::open(value, path, "a notification", found)?;
    let on = read_on(&object);
    let configs = read_configs(&object);
    let lag_above = object.duration("lag_above");
    if lag_above.is_some_and(|lag| lag.is_zero()) {
        object.problem("lag_above", "lag_above is at least 1s", "write 15m or 1h");
    }
    let to = read_destination(&object);
    object.finish();
    Some(NotificationRule {
        on,
        configs: configs.unwrap_or_else(|| vec!["*".to_owned()]),
        lag_above: lag_above.unwrap_or(NotificationRule::DEFAULT_LAG),
        to: to?,
    })
}

fn read_on(object: &Object<'_>) -> Vec<NotifyOn> {
    let allowed = || format!("allowed: {}", NotifyOn::WORDS.join(", "));
    let Some(texts) = object.texts("on") else {
        if object.get("on").is_none() {
            object.problem("on", "on is required", allowed());
        }
        return Vec::new();
    };
    if texts.is_empty() {
        object.problem("on", "the list of on is empty", allowed());
    }
    let mut all = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match NotifyOn::parse(text) {
            Some(on) => all.push(on),
            None => {
                let near = suggestion(text, NotifyOn::WORDS.iter().copied())
                    .map(|near| format!("did you mean {near}? "))
                    .unwrap_or_default();
                let path = format!("{}[{index}]", object.path_of("on"));
                let finding = Finding::new(path, "is not known");
                object
                    .found()
                    .add(finding.remedy(format!("{near}{}", allowed())));
            }
        }
    }
    all
}

fn read_configs(object: &Object<'_>) -> Option<Vec<String>> {
    let patterns = object.texts("configs")?;
    if patterns.is_empty() {
        object.problem(
            "configs",
            "the list of configs is empty",
            "leave it out for all of them",
        );
    }
    for (index, text) in patterns.iter().enumerate() {
        if let Err(message) = pattern::check(text) {
            let path = format!("{}[{index}]", object.path_of("configs"));
            object.found().add(Finding::new(path, message));
        }
    }
    Some(patterns)
}

fn read_destination(object: &Object<'_>) -> Option<Destination> {
    let webhook = object.filled("webhook");
    let secret = object.filled("secret");
    let format = object.word("format", BodyFormat::WORDS, &[], BodyFormat::parse);
    let command = read_command(object);
    let both = object.get("webhook").is_some() && object.get("command").is_some();
    let neither = object.get("webhook").is_none() && object.get("command").is_none();
    if both || neither {
        let why = if both {
            "webhook and command exclude each other"
        } else {
            "webhook or command is required"
        };
        object.problem("webhook", why, "give one of the two");
        return None;
    }
    if object.get("webhook").is_none() {
        for key in ["secret", "format"] {
            if object.get(key).is_some() {
                let why = format!("{key} goes with webhook only");
                object.problem(key, why, "remove it");
            }
        }
        return command.map(Destination::Command);
    }
    let url = Secret::parse(&webhook?);
    if let Secret::Text(text) = &url {
        use secrecy::ExposeSecret;
        if split_url(text.expose_secret()).is_none() {
            object.problem(
                "webhook",
                "is no address of the web",
                "write https://host/path, or ${env:NAME} or ${file:PATH} where that is secret",
            );
        }
    }
    Some(Destination::Webhook {
        url,
        secret: secret.map(|text| Secret::parse(&text)),
        format: format.unwrap_or_default(),
    })
}

/// A program and its arguments. These may be there twice, or be empty.
fn read_command(object: &Object<'_>) -> Option<Vec<String>> {
    let list = object.list("command")?;
    let mut argv = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        match item {
            Value::String(text) if !text.contains('\0') => argv.push(text.clone()),
            _ => {
                let path = format!("{}[{index}]", object.path_of("command"));
                let finding = Finding::new(path, "must be text");
                object.found().add(finding.remedy("put it in quotes"));
            }
        }
    }
    if list.is_empty() || list.len() > MOST_ARGUMENTS || argv.first().is_some_and(String::is_empty)
    {
        object.problem(
            "command",
            "names no program",
            "write [/usr/local/bin/tell, its, arguments]; there is no shell",
        );
        return None;
    }
    Some(argv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn rules_are_read_with_their_defaults() {
        let rules = parse_notifications(&json!([
            {"on": ["failed", "lag"], "webhook": "https://h/x"},
            {"on": ["recovered"], "configs": ["shop*"], "lag_above": "1h", "webhook": "${env:U}",
             "secret": "${file:/s}", "format": "slack"},
            {"on": ["differences"], "command": ["/bin/tell", "", "", "-v"]},
        ]))
        .unwrap();
        assert_eq!(rules[0].configs, ["*"]);
        assert_eq!(rules[0].lag_above, Duration::from_secs(900));
        assert!(
            rules[0].tells(NotifyOn::Lag, "any") && !rules[0].tells(NotifyOn::Recovered, "any")
        );
        assert!(
            rules[1].tells(NotifyOn::Recovered, "shop-2")
                && !rules[1].tells(NotifyOn::Recovered, "crm")
        );
        assert!(matches!(
            &rules[1].to,
            Destination::Webhook {
                secret: Some(Secret::File(_)),
                format: BodyFormat::Slack,
                ..
            }
        ));
        let argv = ["/bin/tell", "", "", "-v"].map(str::to_owned).to_vec();
        assert_eq!(rules[2].to, Destination::Command(argv));
        assert_eq!(parse_notifications(&Value::Null).unwrap(), []);
    }

    #[test]
    fn every_fault_is_named_with_its_place_and_no_secret_is_repeated() {
        let faults = parse_notifications(&json!([
            {"on": ["failed", "faild"], "webhook": "canary", "secret": 5},
            {"on": [], "webhook": "https://h", "command": ["x"]},
            {"webhook": "https://h", "lag_above": "0s", "configs": []},
            {"on": ["lag"], "command": [], "format": "slack"},
            {"on": ["lag"], "command": ["a", 5], "colour": "red"},
            {"on": ["lag"]},
            "failed",
        ]))
        .unwrap_err();
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        for expected in [
            "notifications[0].on[1]: is not known",
            "notifications[0].webhook: is no address",
            "notifications[0].secret: must be text",
            "notifications[1].on: the list of on is empty",
            "notifications[1].webhook: webhook and command exclude",
            "notifications[2].on: on is required",
            "notifications[2].lag_above: lag_above is at least",
            "notifications[2].configs: the list of configs is empty",
            "notifications[3].command: names no program",
            "notifications[3].format: format goes with webhook",
            "notifications[4].command[1]: must be text",
            "notifications[4].colour: unknown field",
            "notifications[5].webhook: webhook or command is required",
            "notifications[6]: a notification is an object",
        ] {
            assert!(
                shown.iter().any(|line| line.starts_with(expected)),
                "{expected} is not in {shown:#?}"
            );
        }
        assert!(!shown.join("\n").contains("canary"));
        let all = parse_notifications(&json!({"on": []})).unwrap_err();
        assert_eq!(all[0].path, "notifications");
    }
}
