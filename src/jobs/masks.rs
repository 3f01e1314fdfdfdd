//! Gives a source's sessions what the masks of a config need.
//!
//! Owns which secret the hash is keyed with. Must not know: how masks are written in SQL. Called by
//! whoever connects to the source of a config: the runner, and `services` for plans.

use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

use super::options::Endpoints;
use crate::model::config::ConfigSpec;
use crate::model::mask::MaskMethod;
use crate::mysql::{Endpoint, MaskKey};
use crate::store::Store;

/// The source of a config that masks columns: errors are told without values, and sessions have
/// the key of `hash`. A plan (`writes` false) makes no key: where there is none, no hash was ever
/// written, and any key plans the same.
///
/// # Errors
/// A sentence, when the secret can't be had.
pub async fn with_masks(
    mut source: Arc<Endpoint>,
    config: &ConfigSpec,
    store: &Store,
    endpoints: &dyn Endpoints,
    writes: bool,
) -> Result<Arc<Endpoint>, String> {
    let mut masks = config.tables.iter().flat_map(|rule| rule.mask.values());
    if config.tables.iter().all(|rule| rule.mask.is_empty()) {
        return Ok(source);
    }
    let hashes = masks.any(|mask| mask.method() == MaskMethod::Hash);
    let endpoint = Arc::make_mut(&mut source);
    endpoint.hides_values = true;
    if hashes {
        let key = mask_key(store, endpoints, writes).await?;
        for secret in key.secrets() {
            endpoints.conceal(&secret);
            // As a server that repeats a statement may spell it.
            endpoints.conceal(&SecretString::from(secret.expose_secret().to_uppercase()));
        }
        endpoint.mask_key = Some(key);
    }
    Ok(source)
}

async fn mask_key(
    store: &Store,
    endpoints: &dyn Endpoints,
    writes: bool,
) -> Result<MaskKey, String> {
    if let Some(secret) = endpoints.mask_secret()? {
        return Ok(MaskKey::derive(secret.expose_secret().as_bytes()));
    }
    let derived = store
        .mask_secret(writes)
        .await
        .map_err(|error| error.to_string())?;
    match derived {
        Some(secret) => Ok(MaskKey::derive(&secret)),
        None => {
            let mut any = [0; 32];
            SystemRandom::new()
                .fill(&mut any)
                .map_err(|_| "the system gives no random numbers".to_owned())?;
            Ok(MaskKey::derive(&any))
        }
    }
}
