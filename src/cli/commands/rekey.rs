//! `config rekey`.

use serde_json::json;

use super::Context;
use crate::cli::args::RekeyArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::number::count;
use crate::model::status::InstanceState;

/// Changes the key that seals stored secrets.
pub async fn rekey(context: &Context<'_>, args: &RekeyArgs) -> Result<Exit, Failure> {
    let others: Vec<String> = context
        .services
        .monitoring
        .instances()
        .await?
        .into_iter()
        .filter(|instance| instance.state == InstanceState::Alive)
        .map(|instance| instance.name)
        .collect();
    let file = context.settings.security.key_file.display().to_string();
    if !others.is_empty() && !args.stage {
        context.output.note(&format!(
            "These instances are alive: {}. Each has to be able to read the new key. Those that use this \
             very file are; for the others put the new key into it by `db-taxi config rekey --stage` first, \
             and copy {file} to them.",
            others.join(", ")
        ));
        context
            .confirm("Can each of them read the new key in its key file?")
            .await?;
    }
    let Some(done) = context.services.secrets.rekey(args.stage).await? else {
        let message = "there is no key yet; one is made when the first secret is stored";
        if context.output.json {
            context.output.json(&json!({"key_id": null}))?;
        } else {
            context.output.done(message)?;
        }
        return Ok(Exit::Done);
    };
    if context.output.json {
        context.output.json(&json!({
            "key_id": done.key_id,
            "key_file": done.file,
            "secrets": done.secrets,
            "resumed": done.resumed,
            "staged": done.only_staged,
        }))?;
        return Ok(Exit::Done);
    }
    if done.only_staged {
        context.output.done(&format!(
            "the new key {} is in {file} and seals nothing yet: copy the file to the other instances, \
             then run db-taxi config rekey",
            done.key_id
        ))?;
        return Ok(Exit::Done);
    }
    if done.resumed {
        context
            .output
            .note("a change of the key that had been begun was brought to its end");
    }
    context.output.done(&format!(
        "{} stored secrets are sealed with the key {}",
        count(done.secrets),
        done.key_id
    ))?;
    context.output.note(&format!(
        "Keep a copy of {file} apart from the database's backups: without it they are lost. The older keys stay in \
         it: they open backups of the control database, and masks that hash follow from the oldest."
    ));
    Ok(Exit::Done)
}
