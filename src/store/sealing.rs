//! Which key seals the secrets of this control database.
//!
//! A key is made only while nothing is sealed, decided in the transaction that seals first; a key
//! that does not fit is an error, never a reason for another one.

use std::sync::Arc;

use secrecy::zeroize::Zeroizing;

use super::keys::{Key, NewKey};
use super::transaction::{transaction, values};
use super::{Store, StoreError};
use crate::mysql::{Row, Session};

impl Store {
    /// Whether the keys at hand open what is sealed; nothing sealed fits every key.
    pub(super) async fn check_key(&self) -> Result<(), StoreError> {
        if self.rows(SEALED, vec![]).await?.is_empty() {
            return Ok(());
        }
        let known = self.rows(KNOWN, vec![]).await?;
        if self.fitting(&known)?.is_empty() {
            return Err(self.wrong_key(&known));
        }
        Ok(())
    }

    /// What masks are keyed with where the settings name nothing: it follows from the key file.
    /// With `make`, a key is made where there is none.
    ///
    /// # Errors
    /// `WrongKey` when the keys at hand are not this database's; when a key can't be made.
    pub async fn mask_secret(&self, make: bool) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if self.keys().mask_secret().is_none() {
            self.keys().reload()?;
        }
        if self.keys().mask_secret().is_none() && make {
            transaction!(self, |session| {
                self.sealing_key(session).await.map(|_| ())
            })?;
        }
        Ok(self.keys().mask_secret())
    }

    /// The key to seal with, entered as this database's if it is the first. Called in the
    /// transaction that stores the sealed value.
    pub(super) async fn sealing_key(&self, session: &mut Session) -> Result<Arc<Key>, StoreError> {
        for _ in 0..TRIES {
            if let Some(key) = self.try_sealing_key(session).await? {
                return Ok(key);
            }
        }
        Err(StoreError::Setup(
            "other processes keep changing the key of the control database; try again".to_owned(),
        ))
    }

    /// `None`: another process changed the keys between our look and our row.
    async fn try_sealing_key(&self, session: &mut Session) -> Result<Option<Arc<Key>>, StoreError> {
        if self.keys().first().is_none() {
            // Another process of this host may have made the file since it was looked for.
            self.keys().reload()?;
        }
        let known = session.exec_rows(KNOWN, vec![]).await?;
        let fitting = self.fitting(&known)?;
        let ours = self.keys().first();
        if let Some(key) = &ours
            && fitting.iter().any(|id| id == key.id())
        {
            let used = session
                .exec(
                    "UPDATE secret_keys SET seals = seals + 1 WHERE key_id = ?",
                    values![key.id()],
                )
                .await?;
            return Ok((used.affected == 1).then(|| Arc::clone(key)));
        }
        if !fitting.is_empty() {
            // A rotation: the database's key is at hand, and another one is to seal from here on.
            let Some(key) = ours else { return Ok(None) };
            let number = known
                .last()
                .map(|row| row.u64("number"))
                .transpose()?
                .unwrap_or(0)
                + 1;
            return Ok(enter(session, number, &key).await?.then_some(key));
        }
        if !known.is_empty() {
            if anything_sealed(session).await? {
                return Err(self.wrong_key(&known));
            }
            // What the database's keys sealed is gone. A process that uses one of them at this
            // moment has raised its `seals`, and the row stays.
            for row in &known {
                let forgotten = session
                    .exec(
                        "DELETE FROM secret_keys WHERE number = ? AND key_id = ? AND seals = ?",
                        values![row.u64("number")?, row.text("key_id")?, row.u64("seals")?],
                    )
                    .await?;
                if forgotten.affected != 1 {
                    return Ok(None);
                }
            }
        }
        match ours {
            Some(key) => Ok(enter(session, 1, &key).await?.then_some(key)),
            None => self.make_key(session).await,
        }
    }

    /// Makes a key, enters it as the first, and writes its file while its row is locked: of two
    /// processes that get here, the second one waits for the row and then finds it taken.
    async fn make_key(&self, session: &mut Session) -> Result<Option<Arc<Key>>, StoreError> {
        let new = NewKey::generate()?;
        if !enter(session, 1, &new.key).await? {
            return Ok(None);
        }
        if self.keys().make(&new)? {
            return Ok(Some(new.key));
        }
        // A key file appeared meanwhile: its key is the one to use.
        let Some(key) = self.keys().first() else {
            return Ok(None);
        };
        session
            .exec(
                "UPDATE secret_keys SET key_id = ?, check_value = ? WHERE number = 1",
                values![key.id(), key.check_value()?],
            )
            .await?;
        Ok(Some(key))
    }

    /// Ids of the database's keys that are at hand and prove right. Where none is, the key file is
    /// read again: another process of this host may have made or changed it.
    fn fitting(&self, known: &[Row]) -> Result<Vec<String>, StoreError> {
        let fitting = self.at_hand(known)?;
        if fitting.is_empty() && !known.is_empty() {
            self.keys().reload()?;
            return self.at_hand(known);
        }
        Ok(fitting)
    }

    fn at_hand(&self, known: &[Row]) -> Result<Vec<String>, StoreError> {
        let mut ids = Vec::new();
        for row in known {
            let id = row.text("key_id")?;
            let check = row.opt_bytes("check_value")?.unwrap_or_default();
            if self.keys().find(&id).is_some_and(|key| key.matches(&check)) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn wrong_key(&self, known: &[Row]) -> StoreError {
        let ids: Vec<String> = known
            .iter()
            .filter_map(|row| row.text("key_id").ok())
            .collect();
        let sealed = format!(
            "the passwords in the control database {} are sealed with the key {}",
            self.database().raw(),
            ids.join(" or ")
        );
        StoreError::WrongKey(match self.keys().first() {
            Some(key) => format!(
                "{sealed}, but {} holds the key {}: use the key of the host that sealed them",
                self.keys().origin(),
                key.id()
            ),
            None => format!(
                "{sealed}, but there is no key file {}: copy it from the host that sealed them, or \
                 give the key in {}",
                self.keys().origin(),
                super::keys::KEY_VARIABLE
            ),
        })
    }
}

/// Tries to find or enter the key that seals.
const TRIES: u32 = 5;

const KNOWN: &str = "SELECT number, key_id, check_value, seals FROM secret_keys ORDER BY number";

/// Enters a key; `false` when the number or the key is there already.
async fn enter(session: &mut Session, number: u64, key: &Key) -> Result<bool, StoreError> {
    let entered = session
        .exec(
            "INSERT IGNORE INTO secret_keys (number, key_id, check_value, seals, created_at) \
             VALUES (?, ?, ?, 1, UTC_TIMESTAMP(3))",
            values![number, key.id(), key.check_value()?],
        )
        .await?;
    Ok(entered.affected == 1)
}

async fn anything_sealed(session: &mut Session) -> Result<bool, StoreError> {
    Ok(!session.exec_rows(SEALED, vec![]).await?.is_empty())
}

const SEALED: &str = "SELECT 1 FROM sync_connections WHERE password_sealed IS NOT NULL LIMIT 1";
