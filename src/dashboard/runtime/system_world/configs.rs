//! What the dashboard asks for about configs, carried out by the services.

use crate::dashboard::app::configs::{ConfigAsk, ConfigTold, Saving};
use crate::model::command::Refusal;
use crate::model::config::Config;
use crate::services::Services;

/// Does it, or says why not.
pub(super) async fn carry_out(services: Result<Services, Refusal>, ask: ConfigAsk) -> ConfigTold {
    match ask {
        ConfigAsk::SetEnabled { id, name, enabled } => ConfigTold::Enabled {
            name,
            result: match services {
                Ok(s) => s.configs.set_enabled(id, enabled).await.map(Box::new),
                Err(refusal) => Err(refusal),
            },
        },
        ConfigAsk::Delete { id, name } => ConfigTold::Deleted {
            id,
            name,
            result: match services {
                Ok(s) => s.configs.delete(id).await,
                Err(refusal) => Err(refusal),
            },
        },
        ConfigAsk::Save(saving) => ConfigTold::Saved {
            result: match services {
                Ok(s) => save(&s, &saving).await.map(Box::new),
                Err(refusal) => Err(refusal),
            },
            saving,
        },
        ConfigAsk::Read { id } => ConfigTold::Read {
            id,
            result: match services {
                Ok(s) => s.configs.get(&id.to_string()).await.map(Box::new),
                Err(refusal) => Err(refusal),
            },
        },
        ConfigAsk::ReadFile { path } => ConfigTold::FileRead {
            result: match services {
                Ok(s) => s.mappings.read_file(&path).await,
                Err(refusal) => Err(refusal),
            },
            path,
        },
        ConfigAsk::Import { path, file } => ConfigTold::Imported {
            path,
            result: match services {
                Ok(s) => s.mappings.import(&file.text, file.format, false).await,
                Err(refusal) => Err(refusal),
            },
        },
        ConfigAsk::Export {
            names,
            path,
            overwrite,
        } => ConfigTold::Exported {
            result: match services {
                Ok(s) => s
                    .mappings
                    .write_file(&names, &path, overwrite)
                    .await
                    .map(|path| path.display().to_string()),
                Err(refusal) => Err(refusal),
            },
            names,
            path,
        },
    }
}

async fn save(services: &Services, saving: &Saving) -> Result<Config, Refusal> {
    let spec = saving.spec.clone();
    match saving.base {
        Some(base) => {
            let version = Some(base.version);
            services.configs.update(base.id, spec, version).await
        }
        None => services.configs.create(spec).await,
    }
}
