//! `tokens`.

use chrono::Utc;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::Context;
use crate::cli::args::TokensCommand;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::number::time;
use crate::cli::output::table::Table;
use crate::model::token::ApiToken;
use crate::system::requested_by;

/// Carries out a command of `tokens`.
pub async fn run(context: &Context<'_>, command: &TokensCommand) -> Result<Exit, Failure> {
    let output = context.output;
    let tokens = &context.services.tokens;
    match command {
        TokensCommand::List => {
            let all = tokens.list().await?;
            let items = all
                .iter()
                .filter_map(|token| serde_json::to_value(token).ok())
                .collect();
            output.list(items, || listed(&all))?;
        }
        TokensCommand::Create(args) => {
            let scope = args.scope.into();
            let (token, secret) = tokens
                .create(&args.name, scope, args.expires, &requested_by())
                .await?;
            let secret = secret.expose_secret();
            if output.json {
                let mut body = serde_json::to_value(&token).unwrap_or_default();
                body["token"] = Value::from(secret);
                output.json(&body)?;
            } else {
                output.text(secret)?;
                output.note("keep it now: it is stored nowhere and not shown again");
            }
        }
        TokensCommand::Revoke(args) => {
            context
                .confirm(&format!("Revoke the token {}?", args.name))
                .await?;
            tokens.revoke(&args.name).await?;
            output.done(&format!("revoked the token {}", args.name))?;
        }
    }
    Ok(Exit::Done)
}

fn listed(all: &[ApiToken]) -> String {
    if all.is_empty() {
        return "no tokens; db-taxi tokens create NAME --scope read makes one".to_owned();
    }
    let mut table = Table::new(&["NAME", "SCOPE", "CREATED", "BY", "EXPIRES", "LAST USED"]);
    for token in all {
        let expires = match token.expires_at {
            None => "never".to_owned(),
            Some(end) if end <= Utc::now() => format!("{}, expired", time(Some(end))),
            end => time(end),
        };
        table.row([
            token.name.clone(),
            token.scope.as_str().to_owned(),
            time(Some(token.created_at)),
            token.created_by.clone(),
            expires,
            match token.last_used_at {
                None => "never".to_owned(),
                used => time(used),
            },
        ]);
    }
    table.render()
}
