//! What the made-up world answers about configs.

use db_taxi::dashboard::app::configs::{ConfigAsk, ConfigTold};
use db_taxi::model::command::Refusal;
use db_taxi::model::config::Config;
use db_taxi::model::ids::ConfigId;

use super::World;

impl World {
    fn config_of(&self, id: ConfigId) -> Result<Box<Config>, Refusal> {
        let found = self.up()?.configs.iter().find(|c| c.id == id).cloned();
        found.map(Box::new).ok_or_else(|| Refusal::NotFound {
            kind: "config",
            name: id.to_string(),
        })
    }

    fn change(
        &self,
        id: ConfigId,
        change: impl FnOnce(&mut Config),
    ) -> Result<Box<Config>, Refusal> {
        if let Some(config) = self.up()?.configs.iter_mut().find(|c| c.id == id) {
            change(config);
            config.version += 1;
        }
        self.config_of(id)
    }

    pub fn config_answer(&self, ask: ConfigAsk) -> ConfigTold {
        match ask {
            ConfigAsk::SetEnabled { id, name, enabled } => {
                self.asked(format!("enabled {name} {enabled}"));
                ConfigTold::Enabled {
                    name,
                    result: self.change(id, |config| config.spec.enabled = enabled),
                }
            }
            ConfigAsk::Delete { id, name } => {
                self.asked(format!("delete {name}"));
                self.facts().configs.retain(|c| c.id != id);
                let result = Ok(());
                ConfigTold::Deleted { id, name, result }
            }
            ConfigAsk::Save(saving) => {
                self.asked(format!("save {}", saving.spec.name));
                let result = match saving.base {
                    Some(base) => match self.config_of(base.id) {
                        Ok(config) if config.version == base.version => {
                            let spec = saving.spec.clone();
                            self.change(base.id, |config| config.spec = spec)
                        }
                        Ok(_) => Err(Refusal::Conflict {
                            code: "precondition_failed",
                            message: "somebody else changed it".to_owned(),
                        }),
                        Err(refusal) => Err(refusal),
                    },
                    None => {
                        let mut config = crate::sample::configs()[0].clone();
                        config.id = ConfigId::generate();
                        config.spec = saving.spec.clone();
                        self.facts().configs.push(config.clone());
                        Ok(Box::new(config))
                    }
                };
                ConfigTold::Saved { saving, result }
            }
            ConfigAsk::Read { id } => ConfigTold::Read {
                id,
                result: self.config_of(id),
            },
            ConfigAsk::ReadFile { path } => ConfigTold::FileRead {
                result: Err(Refusal::Internal("there are no files here".to_owned())),
                path,
            },
            ConfigAsk::Import { path, .. } => ConfigTold::Imported {
                result: Err(Refusal::Internal("there are no files here".to_owned())),
                path,
            },
            ConfigAsk::Export { names, path, .. } => ConfigTold::Exported {
                result: Ok(path.clone()),
                names,
                path,
            },
        }
    }
}
