//! From what the process was given to settings in force: reads the layers and merges them.
//!
//! Every value of every layer is checked, also those that a higher layer covers; all errors are
//! collected before anything is refused.

use super::build;
use super::errors::SettingsErrors;
use super::file;
use super::given::{LoadOptions, Loaded, Values};
use super::layers::{read_env, read_file, read_flags};

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

/// Later layers cover earlier ones, key by key.
fn merge(layers: [Values; 4]) -> Values {
    layers.into_iter().flatten().collect()
}
