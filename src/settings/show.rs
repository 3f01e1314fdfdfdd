//! The merged settings for people, and the template of the file.

use serde::{Serialize, Serializer};

use super::given::Loaded;
use super::keys::KEYS;
use super::origin::Origin;
use super::value::Value;

/// One key as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownKey {
    /// Its name.
    pub key: &'static str,
    /// Its value; secrets masked.
    pub value: String,
    /// Where the value came from.
    #[serde(serialize_with = "as_text")]
    pub origin: Origin,
}

fn as_text<S: Serializer>(origin: &Origin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(origin)
}

/// Every key in the order of the file.
#[must_use]
pub fn show(loaded: &Loaded) -> Vec<ShownKey> {
    KEYS.iter()
        .map(|key| {
            let (value, origin) = loaded
                .values
                .get(key.name)
                .cloned()
                .unwrap_or((Value::Unset, Origin::Default));
            ShownKey {
                key: key.name,
                value: value.shown(),
                origin,
            }
        })
        .collect()
}

/// A settings file with every key at its default: `config.example.yaml`.
#[must_use]
pub fn template() -> String {
    include_str!("../../config.example.yaml").to_owned()
}
