//! Another key for what is sealed.
//!
//! The file first, then the database, then the file: the new key is staged in the file, one
//! transaction seals everything anew and exchanges the key's row, and the new key comes first in
//! the file. Killed anywhere, both keys are in the file, and a second call goes on from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::key_file;
use super::keys::{KEY_VARIABLE, Key, NewKey};
use super::rotation::KeyFile;
use super::transaction::{transaction, values};
use super::{Store, StoreError};

/// What a change of the key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rekeyed {
    /// The key file.
    pub file: PathBuf,
    /// Id of the key that seals from here on, or that is staged.
    pub key_id: String,
    /// Secrets that were sealed anew.
    pub secrets: u64,
    /// An earlier change that had been cut off was brought to its end.
    pub resumed: bool,
    /// The key is in the file, and nothing is sealed with it yet.
    pub only_staged: bool,
}

impl Store {
    /// Changes the key that seals; `only_stage` puts the new key into the file and stops there.
    /// `None` where there is no key yet.
    ///
    /// # Errors
    /// `WrongKey` when the key is not in a file, the file can't be replaced, or its keys don't open
    /// what is sealed.
    pub async fn rekey(&self, only_stage: bool) -> Result<Option<Rekeyed>, StoreError> {
        let Some(path) = self.keys().file() else {
            return Err(StoreError::WrongKey(format!(
                "the key comes from {KEY_VARIABLE}, where it can't be replaced: write its value into a \
                 file of mode 0600, name that in security.key_file, take the variable away, and ask again"
            )));
        };
        self.keys().reload()?;
        let Some(text) = key_file::read(path)? else {
            return Ok(None);
        };
        self.check_key().await?;
        let mut file = KeyFile::parse(&text);
        let resumed = file.staged().is_some();
        if !resumed {
            file = file.with_staged(NewKey::generate()?.line());
            key_file::replace(path, &file.text())?;
        }
        let staged = file.staged().and_then(Key::of_line);
        let Some(new) = staged.transpose()?.map(Arc::new) else {
            return Err(StoreError::WrongKey(format!(
                "{} holds no key that could be staged",
                path.display()
            )));
        };
        let mut done = Rekeyed {
            file: path.to_owned(),
            key_id: new.id().to_owned(),
            secrets: 0,
            resumed,
            only_staged: only_stage,
        };
        if only_stage {
            return Ok(Some(done));
        }
        self.keys().reload()?;
        done.secrets = self.seal_anew(&new).await?;
        key_file::replace(path, &file.with_staged_first().text())?;
        self.keys().reload()?;
        // Whoever had read the file before may have sealed with the old key since.
        done.secrets += self.seal_anew(&new).await?;
        Ok(Some(done))
    }

    /// Seals everything with `new` that is sealed with another key, and makes it the only key of
    /// the database; the number of secrets.
    async fn seal_anew(&self, new: &Key) -> Result<u64, StoreError> {
        transaction!(self, |session| {
            // Who seals at this moment has changed one of these rows, and is waited for.
            session
                .exec_rows(
                    "SELECT number FROM secret_keys ORDER BY number FOR UPDATE",
                    vec![],
                )
                .await?;
            let rows = session
                .exec_rows(
                    "SELECT id, password_sealed FROM sync_connections \
                     WHERE password_sealed IS NOT NULL ORDER BY id FOR UPDATE",
                    vec![],
                )
                .await?;
            let mut changed = 0;
            for row in &rows {
                let id = row.text("id")?;
                let sealed = row.opt_bytes("password_sealed")?.unwrap_or_default();
                if new.sealed(&sealed) {
                    continue;
                }
                let secret = self.keys().open(&id, &sealed)?;
                session
                    .exec(
                        "UPDATE sync_connections SET password_sealed = ? WHERE id = ?",
                        values![new.seal(&id, secret.expose_secret())?, id.as_str()],
                    )
                    .await?;
                changed += 1;
            }
            session.exec("DELETE FROM secret_keys", vec![]).await?;
            session
                .exec(
                    "INSERT INTO secret_keys (number, key_id, check_value, seals, created_at) \
                     VALUES (1, ?, ?, 1, UTC_TIMESTAMP(3))",
                    values![new.id(), new.check_value()?],
                )
                .await?;
            Ok(changed)
        })
    }
}

/// What a person should know of a key file that has just been made.
#[must_use]
pub fn backup_advice(path: &Path) -> String {
    format!(
        "a key was made: {}. It seals the stored passwords: keep a copy of it apart from the \
         database's backups, since without it they are lost",
        path.display()
    )
}
