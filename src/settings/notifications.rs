//! `notifications`: a list of objects at the top of the file, each fault with its place and line.

use super::document::{Document, Node};
use super::errors::key_shown;
use super::value::{Refused, Value, plain};
use crate::model::mapping::parse_notifications;
use crate::model::notification::{Destination, NotificationRule};

/// What a key of this kind is called.
pub(super) const KEY: &str = "notifications";

/// Reads the list at `path`.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read(
    document: &Document<'_>,
    node: &Node,
    path: &[usize],
) -> Result<Value, Vec<Refused>> {
    let mut faults = twice(node);
    let (value, _) = plain(document, node, path);
    match parse_notifications(&value) {
        Ok(rules) if faults.is_empty() => return Ok(Value::Notifications(rules)),
        Ok(_) => {}
        Err(findings) => faults.extend(findings.into_iter().map(|finding| {
            let below = finding.path.strip_prefix(KEY).unwrap_or_default();
            Refused {
                path: place(node, below),
                below: below.to_owned(),
                message: match finding.remedy {
                    Some(remedy) => format!("{}; {remedy}", finding.message),
                    None => finding.message,
                },
            }
        })),
    }
    Err(faults)
}

/// Fields that are given twice.
fn twice(node: &Node) -> Vec<Refused> {
    let Node::List(rules) = node else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let Node::Map(fields) = rule else { continue };
        for (at, (name, _)) in fields.iter().enumerate() {
            if fields[..at].iter().any(|(earlier, _)| earlier == name) {
                faults.push(Refused {
                    path: vec![index, at],
                    below: format!("[{index}].{}", key_shown(name)),
                    message: "is there twice; remove one".to_owned(),
                });
            }
        }
    }
    faults
}

/// Positions of `[0].on[1]` below `node`, as far as there is something.
fn place(node: &Node, below: &str) -> Vec<usize> {
    let mut path = Vec::new();
    let mut at = node;
    for step in below.split(['.', '[']).filter(|step| !step.is_empty()) {
        let found = match (at, step.strip_suffix(']')) {
            (Node::List(items), Some(index)) => index
                .parse::<usize>()
                .ok()
                .and_then(|index| Some((index, items.get(index)?))),
            (Node::Map(fields), None) => fields
                .iter()
                .enumerate()
                .find(|(_, (name, _))| name == step)
                .map(|(index, (_, inner))| (index, inner)),
            _ => None,
        };
        let Some((index, inner)) = found else { break };
        path.push(index);
        at = inner;
    }
    path
}

/// As it may be shown to anyone.
pub(super) fn shown(rules: &[NotificationRule]) -> String {
    let each: Vec<String> = rules.iter().map(shown_rule).collect();
    format!("[{}]", each.join(", "))
}

fn shown_rule(rule: &NotificationRule) -> String {
    let on: Vec<&str> = rule.on.iter().map(|on| on.as_str()).collect();
    let mut parts = vec![format!("on: [{}]", on.join(", "))];
    if rule.configs != ["*"] {
        parts.push(format!("configs: [{}]", rule.configs.join(", ")));
    }
    if rule.lag_above != NotificationRule::DEFAULT_LAG {
        let above = crate::model::duration::format_duration(rule.lag_above);
        parts.push(format!("lag_above: {above}"));
    }
    match &rule.to {
        Destination::Webhook { secret, format, .. } => {
            parts.push(format!("webhook: {}", rule.to.shown()));
            if let Some(secret) = secret {
                parts.push(format!("secret: {}", secret.masked()));
            }
            parts.push(format!("format: {}", format.as_str()));
        }
        // Arguments may hold secrets.
        Destination::Command(argv) if argv.len() > 1 => {
            parts.push(format!("command: [{}, …]", rule.to.shown()));
        }
        Destination::Command(_) => parts.push(format!("command: [{}]", rule.to.shown())),
    }
    format!("{{{}}}", parts.join(", "))
}
