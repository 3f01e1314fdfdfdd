//! Keys that seal secrets.

use std::path::{Path, PathBuf};

use super::{StoreError, stub};

/// The keys at hand: the first seals, all of them open. Empty until the first secret is sealed.
#[derive(Clone)]
pub struct KeyRing {
    path: Option<PathBuf>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl KeyRing {
    /// The key of `DBT_SECRET_KEY` (32 bytes, base64), else those of the file at `path`. Without
    /// either the ring is empty: a key is made, and written there, when the first secret is sealed.
    ///
    /// # Errors
    /// `WrongKey` when the file can be read by others, or holds no key.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        let _ = path;
        Err(stub())
    }
}
