//! The certificate of the listener: read at the start, read again when its files change.
//!
//! A change reaches new connections only; those that are open go on with what they began with. What
//! can't be used is told once and leaves the certificate in force that was there.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::model::finding::Finding;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(5);

const CERT: &str = "server.tls_cert";
const KEY: &str = "server.tls_key";

/// The certificate that new connections are shown.
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
    seen: Mutex<Seen>,
}

/// What was last made of the files.
struct Seen {
    stamp: Option<Stamp>,
    /// What was wrong with them.
    told: Option<String>,
}

/// Tells one state of the files from another: modified, size and inode of each.
#[derive(PartialEq, Eq, Clone)]
struct Stamp([(Option<SystemTime>, u64, u64); 2]);

#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// What is wrong with which of them, by its setting.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, Finding> {
        let stamp = stamp(cert, key);
        let shown = Arc::new(Shown(RwLock::new(Arc::new(certified(cert, key)?))));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Finding::new(CERT, error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if fs::metadata(key).is_ok_and(|file| file.permissions().mode() & 0o007 != 0) {
            tracing::warn!(
                "{KEY}: everybody on this machine can read {}",
                key.display()
            );
        }
        Ok(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            shown,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            seen: Mutex::new(Seen { stamp, told: None }),
        })
    }

    /// Takes a connection over.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Reads the files again where they changed, or whatever they are where it is asked for.
    pub fn refresh(&self, asked: bool) {
        let stamp = stamp(&self.cert, &self.key);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Files that were wrong are looked at until they are right: the key may be written after the
        // certificate within the clock's grain.
        if !asked && stamp == seen.stamp && seen.told.is_none() {
            return;
        }
        match certified(&self.cert, &self.key) {
            Ok(fresh) => {
                let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
                let same = shown.cert == fresh.cert;
                *shown = Arc::new(fresh);
                *seen = Seen { stamp, told: None };
                if !same {
                    tracing::info!("the certificate in {} is in force", self.cert.display());
                }
            }
            Err(wrong) => {
                let wrong = format!("{}: {}", wrong.path, wrong.message);
                if asked || seen.told.as_ref() != Some(&wrong) {
                    tracing::error!("the certificate stays as it is: {wrong}");
                }
                seen.told = Some(wrong);
                seen.stamp = stamp;
            }
        }
    }

    /// Looks at the files until the service stops.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => self.refresh(false),
            }
        }
    }
}

fn stamp(cert: &Path, key: &Path) -> Option<Stamp> {
    let one = |path| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok(), file.len(), file.ino()))
    };
    Some(Stamp([one(cert)?, one(key)?]))
}

/// The chain and its key, if they belong together.
fn certified(cert: &Path, key: &Path) -> Result<CertifiedKey, Finding> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(CERT, cert, "certificate", error))?;
    if chain.is_empty() {
        return Err(unreadable(
            CERT,
            cert,
            "certificate",
            PemError::NoItemsFound,
        ));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable(KEY, key, "private key", error))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, private, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Finding::new(
            KEY,
            format!(
                "the key in {} is not that of the first certificate in {} ({CERT})",
                key.display(),
                cert.display()
            ),
        ),
        rustls::Error::InvalidCertificate(why) => {
            Finding::new(CERT, format!("{} can't be used: {why:?}", cert.display()))
        }
        other => Finding::new(KEY, format!("{} can't be used: {other}", key.display())),
    })
}

fn unreadable(setting: &str, path: &Path, what: &str, error: PemError) -> Finding {
    let path = path.display();
    Finding::new(
        setting,
        match error {
            PemError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                format!("there is no file {path}")
            }
            PemError::Io(error) => format!("can't read {path}: {error}"),
            PemError::NoItemsFound => format!("there is no {what} in PEM form in {path}"),
            other => format!("{path} is no {what} in PEM form: {other}"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    fn write(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let Made { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (at, key) = (folder.join("cert.pem"), folder.join(name));
        fs::write(&at, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        (at, key)
    }

    fn wrong(cert: &Path, key: &Path) -> Finding {
        Certificates::read(cert, key).err().unwrap()
    }

    #[test]
    fn what_is_wrong_with_which_file_is_told_by_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let (_, other_key) = write(folder.path(), "other.pem");
        let (cert, key) = write(folder.path(), "key.pem");
        assert!(Certificates::read(&cert, &key).is_ok());
        let missing = folder.path().join("none.pem");
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        for (cert, key, setting, says) in [
            (&missing, &key, CERT, "there is no file"),
            (&cert, &missing, KEY, "there is no file"),
            (&empty, &key, CERT, "no certificate in PEM form"),
            (&cert, &empty, KEY, "no private key in PEM form"),
            (&cert, &cert, KEY, "no private key in PEM form"),
            (&cert, &other_key, KEY, "is not that of the first"),
        ] {
            let told = wrong(cert, key);
            assert_eq!(told.path, setting);
            assert!(told.message.contains(says), "{}", told.message);
        }
    }

    #[test]
    fn a_changed_pair_is_taken_and_half_of_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = write(folder.path(), "key.pem");
        let certificates = Certificates::read(&cert, &key).unwrap();
        let shown = || certificates.shown.0.read().unwrap().cert.clone();
        let first = shown();
        // The certificate is new, the key is still the old one.
        write(folder.path(), "later.pem");
        certificates.refresh(false);
        assert!(shown() == first, "half a pair was taken");
        fs::rename(folder.path().join("later.pem"), &key).unwrap();
        certificates.refresh(false);
        let second = shown();
        assert!(second != first, "the new pair was not taken");
        fs::remove_file(&key).unwrap();
        certificates.refresh(true);
        assert!(shown() == second);
    }
}
