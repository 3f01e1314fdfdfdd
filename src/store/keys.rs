//! Keys that seal secrets, and how a secret is sealed.
//!
//! A sealed secret is a version byte, the id of its key, a nonce, and the ciphertext; the id of the
//! row that it belongs to is authenticated with it, so a value that was moved to another row does
//! not open. Must not know: the tables. Called by `store` alone; [`KeyRing::load`] by `system`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::StoreError;
use super::key_file;
use crate::mysql::literal::hex;

pub use super::key_file::KEY_VARIABLE;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 32;
const FORMAT: u8 = 1;
const ID_LEN: usize = 8;

/// The keys at hand: the first seals, all of them open. Empty until the first secret is sealed
/// where neither a key file nor the environment has one. Clones share it.
#[derive(Clone)]
pub struct KeyRing(Arc<Ring>);

struct Ring {
    /// Where a key is looked for and made; `None` when it came from elsewhere.
    file: Option<PathBuf>,
    keys: RwLock<Vec<Arc<Key>>>,
}

/// One key.
pub(super) struct Key {
    id: String,
    mask_secret: Zeroizing<Vec<u8>>,
    aead: LessSafeKey,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("file", &self.0.file)
            .finish_non_exhaustive()
    }
}

impl KeyRing {
    /// The key of `DBT_SECRET_KEY` (32 bytes, base64), else those of the file at `path`. Without
    /// either the ring is empty: a key is made, and written there, when the first secret is sealed.
    ///
    /// # Errors
    /// `WrongKey` when the file can be read by others, or what is given is no key.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        match std::env::var(KEY_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => Self::from_base64(&Zeroizing::new(text)),
            Err(std::env::VarError::NotUnicode(_)) => Err(StoreError::WrongKey(format!(
                "{KEY_VARIABLE} is not 32 bytes in base64"
            ))),
            _ => Self::from_file(path),
        }
    }

    /// The one key in `text`.
    ///
    /// # Errors
    /// `WrongKey` when it is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, StoreError> {
        let key = decoded(text).ok_or_else(|| {
            StoreError::WrongKey(format!("{KEY_VARIABLE} is not 32 bytes in base64"))
        })?;
        Ok(Self(Arc::new(Ring {
            file: None,
            keys: RwLock::new(vec![Arc::new(Key::new(&key)?)]),
        })))
    }

    /// The keys of the file at `path`, one a line; none when there is no such file.
    ///
    /// # Errors
    /// `WrongKey` when the file can be read by others, or holds no key.
    pub fn from_file(path: &Path) -> Result<Self, StoreError> {
        let ring = Self(Arc::new(Ring {
            file: Some(path.to_owned()),
            keys: RwLock::default(),
        }));
        ring.reload()?;
        Ok(ring)
    }

    /// Reads the file again: another process may have made it meanwhile.
    pub(super) fn reload(&self) -> Result<(), StoreError> {
        let Some(path) = &self.0.file else {
            return Ok(());
        };
        let mut keys = Vec::new();
        for line in key_file::read(path)?.unwrap_or_default().lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = decoded(line).ok_or_else(|| {
                StoreError::WrongKey(format!(
                    "{}: a line is not a key of 32 bytes in base64",
                    path.display()
                ))
            })?;
            keys.push(Arc::new(Key::new(&key)?));
        }
        // A file that is gone takes no key from a process that runs.
        if !keys.is_empty() {
            self.replace(keys);
        }
        Ok(())
    }

    /// Makes a key, writes it where keys are looked for, and holds it. `false`: another process
    /// was first, and its key is held.
    pub(super) fn make(&self, key: &NewKey) -> Result<bool, StoreError> {
        let Some(path) = &self.0.file else {
            return Err(StoreError::WrongKey(format!("{KEY_VARIABLE} holds no key")));
        };
        if !key_file::create(path, &key.text)? {
            self.reload()?;
            return Ok(false);
        }
        self.replace(vec![Arc::clone(&key.key)]);
        tracing::warn!(target: "db_taxi::store", "{}", super::backup_advice(path));
        Ok(true)
    }

    /// The key that seals.
    pub(super) fn first(&self) -> Option<Arc<Key>> {
        self.read().first().cloned()
    }

    /// What masks are keyed with where the settings name nothing. It follows from the oldest key,
    /// so that a rotation of keys does not change what masks give.
    pub(super) fn mask_secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.read().last().map(|key| key.mask_secret.clone())
    }

    /// The key with this id.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Key>> {
        self.read().iter().find(|key| key.id == id).cloned()
    }

    /// The key file; `None` when the key came from elsewhere.
    pub(super) fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Where the keys came from, for messages.
    pub(super) fn origin(&self) -> String {
        match &self.0.file {
            Some(path) => path.display().to_string(),
            None => KEY_VARIABLE.to_owned(),
        }
    }

    /// Opens what [`Key::seal`] made for the row `owner`.
    pub(super) fn open(&self, owner: &str, sealed: &[u8]) -> Result<SecretString, StoreError> {
        let (id, rest) = split(sealed)?;
        if self.find(&id).is_none() {
            self.reload()?;
        }
        let key = self.find(&id).ok_or_else(|| {
            StoreError::WrongKey(format!(
                "a secret is sealed with the key {id}, which {} does not hold",
                self.origin()
            ))
        })?;
        key.open(owner, rest)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Arc<Key>>> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, keys: Vec<Arc<Key>>) {
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

/// A key that no file holds yet.
pub(super) struct NewKey {
    pub(super) key: Arc<Key>,
    text: Zeroizing<String>,
}

impl NewKey {
    /// As it stands in a key file.
    pub(super) fn line(&self) -> &str {
        self.text.trim_end()
    }

    /// A key by the system's random numbers.
    pub(super) fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        fill(&mut bytes[..])?;
        Ok(Self {
            key: Arc::new(Key::new(&bytes)?),
            text: Zeroizing::new(BASE64.encode(&bytes[..]) + "\n"),
        })
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_LEN]) -> Result<Self, StoreError> {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(b"db-taxi key id");
        context.update(bytes);
        let id = hex(&context.finish().as_ref()[..ID_LEN]);
        let aead = UnboundKey::new(&CHACHA20_POLY1305, bytes)
            .map_err(|_| StoreError::WrongKey("the key has a wrong length".to_owned()))?;
        let derive = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, bytes);
        let tag = ring::hmac::sign(&derive, b"db-taxi mask secret");
        Ok(Self {
            id,
            mask_secret: Zeroizing::new(tag.as_ref().to_vec()),
            aead: LessSafeKey::new(aead),
        })
    }

    /// The key of a line of a key file; `None` when it is none.
    pub(super) fn of_line(line: &str) -> Option<Result<Self, StoreError>> {
        decoded(line).map(|bytes| Self::new(&bytes))
    }

    /// Whether this key sealed it.
    pub(super) fn sealed(&self, sealed: &[u8]) -> bool {
        split(sealed).is_ok_and(|(id, _)| id == self.id)
    }

    /// Names the key without telling it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Seals `secret` for the row `owner`.
    pub(super) fn seal(&self, owner: &str, secret: &str) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let mut out = vec![FORMAT];
        out.extend(crate::mysql::literal::unhex(&self.id).unwrap_or_default());
        out.extend(nonce);
        let mut text = secret.as_bytes().to_vec();
        self.aead
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner.as_bytes()),
                &mut text,
            )
            .map_err(|_| StoreError::WrongKey("a secret can't be sealed".to_owned()))?;
        out.extend(text);
        Ok(out)
    }

    /// Opens nonce and ciphertext.
    fn open(&self, owner: &str, rest: &[u8]) -> Result<SecretString, StoreError> {
        let broken = || {
            StoreError::WrongKey(format!(
                "a secret does not open with the key {}: it was changed or belongs to another row; \
                 enter the password again",
                self.id
            ))
        };
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut text = Zeroizing::new(text.to_vec());
        let plain = self
            .aead
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut text)
            .map_err(|_| broken())?;
        std::str::from_utf8(plain)
            .map(SecretString::from)
            .map_err(|_| broken())
    }

    /// Text that tells whether a key is this one.
    pub(super) fn check_value(&self) -> Result<Vec<u8>, StoreError> {
        self.seal(CHECK_OWNER, CHECK_TEXT)
    }

    /// Whether [`Self::check_value`] of this key is `value`.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        split(value).is_ok_and(|(id, rest)| {
            id == self.id
                && self
                    .open(CHECK_OWNER, rest)
                    .is_ok_and(|text| text.expose_secret() == CHECK_TEXT)
        })
    }
}

const CHECK_OWNER: &str = "secret_keys";
const CHECK_TEXT: &str = "db-taxi";

/// Key id, and what follows it.
fn split(sealed: &[u8]) -> Result<(String, &[u8]), StoreError> {
    match sealed {
        [FORMAT, rest @ ..] if rest.len() > ID_LEN => {
            let (id, rest) = rest.split_at(ID_LEN);
            Ok((hex(id), rest))
        }
        _ => Err(StoreError::Corrupt(
            "a sealed secret has an unknown form".to_owned(),
        )),
    }
}

fn decoded(text: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let bytes = Zeroizing::new(BASE64.decode(text.trim()).ok()?);
    let mut key = Zeroizing::new([0; KEY_LEN]);
    if bytes.len() != KEY_LEN {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|_| StoreError::Setup("the system gives no random numbers".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::from_base64(&BASE64.encode([7; KEY_LEN])).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_for_its_own_row_only() {
        let ring = ring();
        let sealed = ring.first().unwrap().seal("row a", "pass wörd").unwrap();
        assert_eq!(
            ring.open("row a", &sealed).unwrap().expose_secret(),
            "pass wörd"
        );
        assert!(matches!(
            ring.open("row b", &sealed),
            Err(StoreError::WrongKey(_))
        ));
    }

    #[test]
    fn the_same_secret_never_looks_the_same_and_is_not_in_it() {
        let key = ring().first().unwrap();
        let (one, two) = (
            key.seal("r", "canary").unwrap(),
            key.seal("r", "canary").unwrap(),
        );
        assert_ne!(one, two);
        assert!(!one.windows(6).any(|w| w == b"canary"));
        assert!(!format!("{:?}", ring()).contains(&BASE64.encode([7; KEY_LEN])));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let ring = ring();
        let sealed = ring.first().unwrap().seal("r", "secret").unwrap();
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(ring.open("r", &changed).is_err(), "byte {i}");
        }
        for length in 0..sealed.len() {
            assert!(
                ring.open("r", &sealed[..length]).is_err(),
                "length {length}"
            );
        }
    }

    #[test]
    fn another_key_is_told_by_its_id() {
        let sealed = ring().first().unwrap().seal("r", "secret").unwrap();
        let other = KeyRing::from_base64(&BASE64.encode([8; KEY_LEN])).unwrap();
        let error = other.open("r", &sealed).unwrap_err().to_string();
        assert!(error.contains(ring().first().unwrap().id()), "{error}");
        let check = ring().first().unwrap().check_value().unwrap();
        assert!(ring().first().unwrap().matches(&check));
        assert!(!other.first().unwrap().matches(&check));
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_told() {
        for text in ["canary", "", "Y2FuYXJ5", &BASE64.encode([1; 33])] {
            let error = KeyRing::from_base64(text).unwrap_err().to_string();
            assert!(
                !error.contains("canary") && !error.contains("Y2Fu"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_first_key_of_a_file_seals_and_all_of_them_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let old = ring().first().unwrap().seal("r", "old").unwrap();
        let text = format!(
            "# rotated\n{}\n{}\n",
            BASE64.encode([9; 32]),
            BASE64.encode([7; 32])
        );
        assert!(key_file::create(&path, &text).unwrap());
        let ring = KeyRing::from_file(&path).unwrap();
        assert_eq!(ring.open("r", &old).unwrap().expose_secret(), "old");
        let fresh = ring.first().unwrap().seal("r", "new").unwrap();
        assert_eq!(ring.open("r", &fresh).unwrap().expose_secret(), "new");
        assert_ne!(old[1..9], fresh[1..9]);
    }

    #[test]
    fn a_key_is_made_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/secret.key");
        let (a, b) = (
            KeyRing::from_file(&path).unwrap(),
            KeyRing::from_file(&path).unwrap(),
        );
        assert!(a.first().is_none());
        assert!(a.make(&NewKey::generate().unwrap()).unwrap());
        assert!(!b.make(&NewKey::generate().unwrap()).unwrap());
        assert_eq!(a.first().unwrap().id(), b.first().unwrap().id());
        let again = KeyRing::from_file(&path).unwrap();
        assert_eq!(a.first().unwrap().id(), again.first().unwrap().id());
    }
}
