//! `configs`.

use serde_json::{Value, json};

use super::Context;
use crate::cli::args::{ConfigAddArgs, ConfigEditArgs, ConfigFields, ConfigsCommand};
use crate::cli::editor;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::show;
use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::mapping::{config_to_json, parse_config};

/// Carries out a command of `configs`.
pub async fn run(context: &Context<'_>, command: &ConfigsCommand) -> Result<Exit, Failure> {
    let output = context.output;
    let configs = &context.services.configs;
    match command {
        ConfigsCommand::List => {
            let all = configs.list(None).await?;
            output.list(all.iter().map(config_to_json).collect(), || {
                show::connection::configs(&all)
            })?;
        }
        ConfigsCommand::Show(args) => {
            let body = config_to_json(&configs.get(&args.name).await?);
            output.result(&body, || show::connection::object(&body))?;
        }
        ConfigsCommand::Add(args) => add(context, args).await?,
        ConfigsCommand::Edit(args) => edit(context, args).await?,
        ConfigsCommand::Remove(args) => {
            let config = configs.get(&args.name).await?;
            let name = &config.spec.name;
            context
                .confirm(&format!(
                    "Remove the config {name}? Its target tables stay."
                ))
                .await?;
            configs.delete(config.id).await?;
            output.done(&format!(
                "removed the config {name}; its target tables stay"
            ))?;
        }
        ConfigsCommand::Enable(args) => set_enabled(context, &args.name, true).await?,
        ConfigsCommand::Disable(args) => set_enabled(context, &args.name, false).await?,
    }
    Ok(Exit::Done)
}

async fn add(context: &Context<'_>, args: &ConfigAddArgs) -> Result<(), Failure> {
    let mut body = json!({"name": args.name});
    apply(&mut body, &args.fields);
    let config = context.services.configs.create(parse(&body)?).await?;
    shown(context, &config, "added")
}

async fn edit(context: &Context<'_>, args: &ConfigEditArgs) -> Result<(), Failure> {
    let configs = &context.services.configs;
    let stored = configs.get(&args.name).await?;
    let mut body = config_to_json(&stored);
    let spec = if args.fields != ConfigFields::default() || args.rename.is_some() {
        if let Some(object) = body.as_object_mut() {
            // The name of the connection stands for it, also when it is changed.
            object.remove("connection_id");
            if let Some(name) = &args.rename {
                object.insert("name".to_owned(), name.as_str().into());
            }
        }
        apply(&mut body, &args.fields);
        parse(&body)?
    } else {
        match editor::edit(&body, &context.editing, parse).await? {
            Some(spec) => spec,
            None => return context.output.done("nothing changed"),
        }
    };
    let config = configs
        .update(stored.id, spec, Some(stored.version))
        .await?;
    shown(context, &config, "changed")
}

async fn set_enabled(context: &Context<'_>, name: &str, enabled: bool) -> Result<(), Failure> {
    let configs = &context.services.configs;
    let config = configs.get(name).await?;
    let config = configs.set_enabled(config.id, enabled).await?;
    shown(
        context,
        &config,
        if enabled { "enabled" } else { "disabled" },
    )
}

fn parse(body: &Value) -> Result<ConfigSpec, Failure> {
    Ok(parse_config(body).map_err(Refusal::Invalid)?)
}

fn shown(context: &Context<'_>, config: &Config, what: &str) -> Result<(), Failure> {
    if context.output.json {
        return context.output.json(&config_to_json(config));
    }
    let name = &config.spec.name;
    context.output.done(&format!("{what} the config {name}"))
}

/// Puts the fields that were given into the object.
fn apply(body: &mut Value, fields: &ConfigFields) {
    let Some(object) = body.as_object_mut() else {
        return;
    };
    if let Some(connection) = &fields.connection {
        object.insert("connection".to_owned(), connection.as_str().into());
    }
    if let Some(mode) = &fields.sync_mode {
        object.insert("sync_mode".to_owned(), mode.as_str().into());
    }
    if let Some(tables) = &fields.tables {
        object.insert("tables".to_owned(), rules(tables));
    }
    if let Some(schedule) = &fields.schedule {
        object.insert("schedule".to_owned(), timing(schedule));
    }
    if !fields.exclude.is_empty() {
        object.insert("exclude".to_owned(), fields.exclude.clone().into());
    }
    if !fields.labels.is_empty() {
        let labels = fields.labels.iter().filter(|label| !label.is_empty());
        object.insert("labels".to_owned(), labels.cloned().collect());
    }
    if !fields.options.is_empty() {
        let options = object
            .entry("options")
            .or_insert_with(|| json!({}))
            .as_object_mut();
        if let Some(options) = options {
            for (name, value) in &fields.options {
                options.insert(name.clone(), scalar(value));
            }
        }
    }
}

/// A cron expression, or an object in braces as YAML or JSON; empty is none. What can't be read stays
/// text, so that the object's own rules refuse it.
fn timing(text: &str) -> Value {
    let text = text.trim();
    if text.is_empty() {
        return Value::Null;
    }
    let object = text.starts_with('{').then(|| serde_yaml::from_str(text));
    object.and_then(Result::ok).unwrap_or_else(|| text.into())
}

/// `a,b` as rules; what has a wildcard is a pattern.
fn rules(tables: &str) -> Value {
    tables
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| {
            if name.contains(['*', '?']) {
                json!({"match": name})
            } else {
                json!({"source_table": name})
            }
        })
        .collect()
}

/// A value as YAML would read it where it stands alone: number, boolean, null or text.
fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::Null)) => value,
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_fields() {
        let mut body = json!({"name": "a", "options": {"writer": "insert"}});
        let fields = ConfigFields {
            tables: Some("users, log_*".into()),
            exclude: vec!["log_old".into()],
            labels: vec!["eu".into(), String::new()],
            schedule: Some("@daily".into()),
            options: vec![
                ("max_concurrency".into(), "8".into()),
                ("swap_timeout".into(), "5m".into()),
            ],
            ..ConfigFields::default()
        };
        apply(&mut body, &fields);
        assert_eq!(
            body,
            json!({"name": "a",
                   "options": {"writer": "insert", "max_concurrency": 8, "swap_timeout": "5m"},
                   "tables": [{"source_table": "users"}, {"match": "log_*"}],
                   "schedule": "@daily",
                   "labels": ["eu"],
                   "exclude": ["log_old"]})
        );
    }

    #[test]
    fn a_schedule_is_an_expression_an_object_or_none() {
        assert_eq!(timing(" 0 2 * * * "), json!("0 2 * * *"));
        assert_eq!(timing(""), Value::Null);
        for text in [
            "{cron: 0 2 * * *, jitter: 5m, blackout: [22:00-06:00]}",
            r#"{"cron": "0 2 * * *", "jitter": "5m", "blackout": ["22:00-06:00"]}"#,
        ] {
            let object = json!({"cron": "0 2 * * *", "jitter": "5m", "blackout": ["22:00-06:00"]});
            assert_eq!(timing(text), object);
        }
        assert_eq!(timing("{cron: ["), json!("{cron: ["));
    }
}
