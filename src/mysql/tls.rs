//! Transport security: from the settings of a connection to the driver's options, and which
//! errors are the other side's certificate.
//!
//! `verify_ca` believes the authority and not the name. The driver's switch for that has no effect
//! with the TLS library that is used here, so the name is taken from the certificate: once the
//! chain has been verified, the refusal for the name tells which names the certificate has, and
//! the connection is made again for one of them, chain and name verified anew.

pub(super) mod refusal;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use mysql_async::{ClientIdentity, SslOpts};
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::address::Address;
use super::error::MysqlError;
use crate::model::connection::{Ssl, SslMode};

/// The driver's options; `name` is the one that the certificate must have instead of the host's.
///
/// # Errors
/// When a file can't be read.
pub(super) fn opts(ssl: &Ssl, name: Option<String>) -> Result<SslOpts, MysqlError> {
    install_crypto();
    let mut opts = SslOpts::default();
    if let Some(ca) = &ssl.ca {
        readable(ca, "ca")?;
        holds_certificate(ca)?;
        opts = opts
            .with_root_certs(vec![std::path::PathBuf::from(ca).into()])
            .with_disable_built_in_roots(true);
    }
    if let (Some(cert), Some(key)) = (&ssl.cert, &ssl.key) {
        readable(cert, "cert")?;
        readable(key, "key")?;
        opts = opts.with_client_identity(Some(ClientIdentity::new(
            std::path::PathBuf::from(cert).into(),
            std::path::PathBuf::from(key).into(),
        )));
    }
    Ok(match ssl.mode {
        SslMode::Disabled | SslMode::VerifyIdentity => opts,
        SslMode::Required => opts.with_danger_accept_invalid_certs(true),
        SslMode::VerifyCa => opts.with_danger_tls_hostname_override(name),
    })
}

fn readable(path: &str, field: &str) -> Result<(), MysqlError> {
    std::fs::File::open(path)
        .map(|_| ())
        .map_err(|e| MysqlError::setup(format!("ssl.{field}: can't read {path}: {e}")))
}

/// The driver takes whatever is not PEM for one binary certificate, and its refusal then sounds as
/// if the server's were damaged.
fn holds_certificate(path: &str) -> Result<(), MysqlError> {
    const BINARY: u8 = 0x30;
    let is_binary = std::fs::read(path).is_ok_and(|bytes| bytes.first() == Some(&BINARY));
    let found = is_binary
        || CertificateDer::pem_file_iter(path)
            .is_ok_and(|mut found| found.next().is_some_and(|first| first.is_ok()));
    if found {
        return Ok(());
    }
    Err(MysqlError::setup(format!(
        "TLS: ssl.ca: {path} holds no certificate: give the authority's, in PEM form"
    )))
}

/// Installs the process's TLS provider once.
fn install_crypto() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // An error means that one is installed already, which is as good.
        let _already = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Names that verified certificates were found to have, so that only the first connection is made
/// twice. A server whose certificate has other names since is asked again.
static NAMES: LazyLock<Mutex<HashMap<Address, String>>> = LazyLock::new(Mutex::default);

fn names() -> MutexGuard<'static, HashMap<Address, String>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name that the certificate at this address had.
pub(super) fn known_name(address: &Address) -> Option<String> {
    names().get(address).cloned()
}

/// Notes a name that the certificate at this address has.
pub(super) fn learn_name(address: &Address, name: String) {
    names().insert(address.clone(), name);
}

/// What the TLS library refused, if the error is its.
fn refused(error: &mysql_async::Error) -> Option<&rustls::Error> {
    match error {
        mysql_async::Error::Io(mysql_async::IoError::Io(io)) => io.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// A name to ask for, from a certificate whose chain was verified and whose names were not those
/// asked for. The library verifies the chain first.
pub(super) fn name_of_verified(error: &mysql_async::Error) -> Option<String> {
    let rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
        presented,
        ..
    }) = refused(error)?
    else {
        return None;
    };
    presented.iter().find_map(|shown| asked_as(shown))
}

/// `DnsName("*.example.com")` and `IpAddress(10.0.0.1)` as a name that one can ask for.
fn asked_as(shown: &str) -> Option<String> {
    let within = |start, end| shown.strip_prefix(start)?.strip_suffix(end);
    if let Some(name) = within("DnsName(\"", "\")") {
        return Some(match name.strip_prefix("*.") {
            Some(domain) => format!("any.{domain}"),
            None => name.to_owned(),
        });
    }
    within("IpAddress(", ")").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(presented: &[&str]) -> mysql_async::Error {
        let name = rustls::pki_types::ServerName::try_from("db.example.com").unwrap();
        let error = rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected: name,
            presented: presented.iter().map(|&name| name.to_owned()).collect(),
        });
        std::io::Error::new(std::io::ErrorKind::InvalidData, error).into()
    }

    #[test]
    fn a_verified_certificate_tells_a_name_to_ask_for() {
        for (presented, name) in [
            (
                &["DnsName(\"a.example\")", "DnsName(\"b\")"][..],
                Some("a.example"),
            ),
            (&["DirectoryName", "IpAddress(10.0.0.1)"], Some("10.0.0.1")),
            (&["IpAddress(::1)"], Some("::1")),
            (&["DnsName(\"*.example.org\")"], Some("any.example.org")),
            (&["DirectoryName"], None),
            (&[], None),
        ] {
            assert_eq!(name_of_verified(&refusal(presented)).as_deref(), name);
        }
    }

    #[test]
    fn an_unknown_authority_tells_no_name() {
        let error = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error: mysql_async::Error =
            std::io::Error::new(std::io::ErrorKind::InvalidData, error).into();
        assert_eq!(name_of_verified(&error), None);
    }
}
