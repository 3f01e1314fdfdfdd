//! Certificates made for a test, and a server that presents them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::version_one;
use crate::support::{Flavour, PrivateServer, wait_until};

/// An authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Certificate and key for these names, both as PEM, valid in these years.
    pub fn sign(&self, names: &[&str], years: (i32, i32)) -> (String, String) {
        self.sign_with(names, |params| {
            params.not_before = date_time_ymd(years.0, 1, 1);
            params.not_after = date_time_ymd(years.1, 1, 1);
        })
    }

    fn sign_with(
        &self,
        names: &[&str],
        set: impl FnOnce(&mut CertificateParams),
    ) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "of a test");
        set(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        (cert.pem(), key.serialize_pem())
    }
}

/// Years in which everything is valid.
pub const NOW: (i32, i32) = (2000, 2090);

/// A folder of PEM files, and the authority that the server trusts and is signed by.
pub struct Certificates {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Certificates {
    pub fn new() -> Self {
        let made = Self {
            folder: tempfile::tempdir().unwrap(),
            authority: Authority::new("authority of the server"),
        };
        made.write("ca", &made.authority.pem);
        made.write("other-ca", &Authority::new("another authority").pem);
        made.write("no-pem", "nothing of that kind");
        for (name, authority) in [
            ("client", &made.authority),
            ("stranger", &Authority::new("unknown to the server")),
        ] {
            let (cert, key) = authority.sign(&["client"], NOW);
            made.write(&format!("{name}-cert"), &cert);
            made.write(&format!("{name}-key"), &key);
        }
        made.present(&["localhost", "127.0.0.1"], NOW);
        made
    }

    /// Makes these the names of the server's certificate; a running server is to be told.
    pub fn present(&self, names: &[&str], years: (i32, i32)) {
        let (cert, key) = self.authority.sign(names, years);
        self.write("server-cert", &cert);
        self.write("server-key", &key);
    }

    /// The same with a certificate of version 1, which has no names.
    pub fn present_version_one(&self) {
        let (cert, key) = self.authority.sign(&[], NOW);
        let cert = version_one::of(&cert, self.authority.issuer.key());
        self.write("server-cert", &cert);
        self.write("server-key", &key);
    }

    /// Path of one of the files.
    pub fn path(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(format!("{name}.pem"));
        path.display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(Path::new(&self.path(name)), text).unwrap();
    }

    /// A server that presents them.
    pub fn server(&self, flavour: Flavour) -> Option<PrivateServer> {
        let options = [("ca", "ca"), ("cert", "server-cert"), ("key", "server-key")]
            .map(|(option, file)| format!("--ssl-{option}={}", self.path(file)));
        PrivateServer::start(flavour, &options.each_ref().map(String::as_str))
    }

    /// Has the server present another certificate.
    pub fn change(&self, server: &PrivateServer, names: &[&str], years: (i32, i32)) {
        self.present(names, years);
        self.reload(server).unwrap();
    }

    /// Has the server present what is there; its refusal as the error.
    pub fn reload(&self, server: &PrivateServer) -> Result<String, String> {
        server.server.try_sql(match server.server.flavour {
            Flavour::Mariadb => "FLUSH SSL",
            Flavour::Mysql => "ALTER INSTANCE RELOAD TLS",
        })
    }

    /// Has the server present a certificate that is valid for a moment, and waits until it is over:
    /// MySQL takes none that has expired.
    pub fn change_to_expired(&self, server: &PrivateServer, names: &[&str]) {
        for seconds in [5, 15, 45] {
            let end = SystemTime::now() + Duration::from_secs(seconds);
            let (cert, key) = self.authority.sign_with(names, |params| {
                params.not_before = date_time_ymd(NOW.0, 1, 1);
                params.not_after = end.into();
            });
            self.write("server-cert", &cert);
            self.write("server-key", &key);
            // A slow machine may be too late for it.
            if self.reload(server).is_ok() {
                let over = end + Duration::from_secs(2);
                wait_until(Duration::from_secs(60), "the certificate to expire", || {
                    SystemTime::now() > over
                });
                return;
            }
        }
        panic!("the server took no certificate before it had expired");
    }
}
