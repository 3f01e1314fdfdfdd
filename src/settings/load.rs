//! From what the process was given to settings in force: reads the layers and merges them.
//!
//! Every value of every layer is checked, also those that a higher layer covers; all errors are
//! collected before anything is refused.

use super::build;
use super::document::{Document, Node};
use super::errors::SettingsErrors;
use super::file;
use super::given::{LoadOptions, Loaded, Values};
use super::layers::{read_env, read_file, read_flags};
use super::origin::Origin;

/// Reads the settings: flags over environment over file over defaults, key by key.
///
/// # Errors
/// Everything that is wrong in any layer.
pub fn load(options: &LoadOptions) -> Result<Loaded, SettingsErrors> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    let mut path = None;
    let from_file = file::locate(options)
        .and_then(|found| {
            path = found;
            path.as_deref().map(file::read).transpose()
        })
        .map(|text| {
            text.zip(path.as_deref())
                .map(|(text, path)| read_file(&text, path, &mut errors))
        })
        .unwrap_or_else(|error| {
            errors.push(error);
            None
        });
    let from_env = read_env(&options.env, &mut errors, &mut warnings);
    let from_flags = read_flags(&options.sets, &mut errors);
    let mut values = merge([
        build::defaults(&options.env),
        from_file.unwrap_or_default(),
        from_env,
        from_flags,
    ]);
    if errors.is_empty() {
        build::check(&mut values, &options.env, &mut errors);
    }
    if !errors.is_empty() {
        return Err(SettingsErrors(errors));
    }
    Ok(Loaded {
        settings: build::settings(&values),
        origins: values
            .iter()
            .map(|(key, (_, origin))| (*key, origin.clone()))
            .collect(),
        warnings,
        file: path,
        values,
    })
}

impl Loaded {
    /// Where the entry `name` of the object `key` came from: its own line, where there is a file.
    #[must_use]
    pub fn origin_of(&self, key: &str, name: &str) -> Origin {
        let origin = self.origins.get(key).cloned().unwrap_or(Origin::Default);
        let Origin::File { path, .. } = &origin else {
            return origin;
        };
        let line = file::read(path).ok().and_then(|text| {
            let document = Document::parse(&text).ok()?;
            let mut node = &document.root;
            let mut places = Vec::new();
            for step in key.split('.').chain([name]) {
                let Node::Map(entries) = node else {
                    return None;
                };
                let place = entries.iter().position(|(known, _)| known == step)?;
                node = &entries.get(place)?.1;
                places.push(place);
            }
            document.line(&places)
        });
        match line {
            Some(line) => Origin::File {
                path: path.clone(),
                line: Some(line),
            },
            None => origin,
        }
    }
}

/// Later layers cover earlier ones, key by key.
fn merge(layers: [Values; 4]) -> Values {
    layers.into_iter().flatten().collect()
}
