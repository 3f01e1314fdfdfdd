//! Tokens of the REST API: who may ask for what, and until when.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::TokenId;
use super::words::words;

words!(
    /// What the owner of a token may do; each word includes those before it.
    #[derive(Hash, PartialOrd, Ord)]
    Scope {
        /// See, test and plan.
        #[default] Read = "read",
        /// Also start, stop and change jobs.
        Operate = "operate",
        /// Also everything else.
        Admin = "admin",
    }
);

/// SHA-256 of a token's secret. The secret itself is shown once and kept nowhere.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, secret.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        Self(hash)
    }

    /// Whether both are the same; takes as long whether they are or not.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let differ = self
            .0
            .iter()
            .zip(&other.0)
            .fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differ) == 0
    }

    /// As it is stored: 64 digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The reverse of [`Self::to_hex`].
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, Serialize)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// Its name, unique.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[serde(serialize_with = "super::time::serialize")]
    pub created_at: DateTime<Utc>,
    /// Until when it holds; `None` for good.
    #[serde(serialize_with = "super::time::opt::serialize")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[serde(serialize_with = "super::time::opt::serialize")]
    pub last_used_at: Option<DateTime<Utc>>,
    /// What its secret hashes to.
    #[serde(skip)]
    pub hash: TokenHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_include_those_before_them() {
        assert!(Scope::Read < Scope::Operate && Scope::Operate < Scope::Admin);
    }

    #[test]
    fn a_hash_reads_back_and_shows_nothing() {
        let hash = TokenHash::of("dbt_x");
        let text = hash.to_hex();
        assert!(TokenHash::from_hex(&text).unwrap().is(&hash));
        assert!(!TokenHash::of("dbt_y").is(&hash));
        for wrong in ["", "zz", &text[1..], &format!("{}é", &text[2..])] {
            assert!(TokenHash::from_hex(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{hash:?}"), "TokenHash");
    }
}
