//! Why a server could not be used, in words that say what to do.

use crate::model::connection::SslMode;
use crate::model::error::ErrorCode;
use crate::mysql::{Endpoint, MysqlError};

/// What to do about an error of connecting or logging in; `None` when nothing is known.
pub(super) fn advice(endpoint: &Endpoint, error: &MysqlError) -> Option<String> {
    let user = &endpoint.username;
    let advice = match error.number {
        Some(1045 | 1698) if endpoint.ssl.mode == SslMode::Disabled => format!(
            "check the username {user} and the password, and whether the account requires TLS \
             (then set ssl to true)"
        ),
        Some(1045 | 1698) => format!(
            "check the username {user} and the password, and whether the account asks for a client \
             certificate"
        ),
        Some(1130) => format!(
            "the server lets no account in from this machine: create {user} for its address"
        ),
        Some(1129) => {
            "too many failed connections from this machine: run FLUSH HOSTS on the server"
                .to_owned()
        }
        Some(1040 | 1203 | 1226) => error
            .hint
            .clone()
            .unwrap_or_else(|| "the server has no connection free: try later".to_owned()),
        Some(1820 | 1862) => format!("the password of {user} has expired: set another"),
        Some(3118) => format!("the account {user} is locked: ALTER USER … ACCOUNT UNLOCK"),
        Some(3159) => "the server only takes encrypted connections: set ssl to true".to_owned(),
        Some(1524) => format!(
            "the account {user} uses an authentication plugin that the server has not loaded"
        ),
        _ => match &error.hint {
            Some(hint) => hint.clone(),
            None => by_message(endpoint, error),
        },
    };
    (!advice.is_empty()).then_some(advice)
}

fn by_message(endpoint: &Endpoint, error: &MysqlError) -> String {
    let message = error.message.to_lowercase();
    if message.starts_with("ssl.") {
        return "check the path, and that the account that runs db-taxi may read it".to_owned();
    }
    if message.contains("unknown authentication plugin") {
        // MySQL answers so for names it does not know, so that nobody can find out which exist.
        return format!(
            "check the username {}: the server answers so when it does not know it; if it is \
             right, give the account a plugin that is known here: ALTER USER … IDENTIFIED WITH \
             caching_sha2_password BY …",
            endpoint.username
        );
    }
    if message.contains("look up _") {
        return "check the SRV name in host, and that this machine's name servers know it"
            .to_owned();
    }
    let tls = message.contains("tls:") || message.contains("certificate");
    if message.contains("offers no tls") {
        return "set up TLS on the server, or set ssl to false".to_owned();
    }
    if tls && message.contains("unknownissuer") {
        return "the certificate is by an authority that is not trusted: set ssl.ca to its PEM file"
            .to_owned();
    }
    if tls && message.contains("not valid for") {
        return match endpoint.ssl.mode {
            // With a name in it, it would have been asked for.
            SslMode::VerifyCa => {
                "the certificate has no subjectAltName, which is needed to check \
                                  it: give the server one that has, or use ssl mode required, \
                                  which checks nothing"
            }
            _ => {
                "connect by a name that the certificate has in its subjectAltName, or give the \
                 server a certificate for its name (ssl mode verify_ca believes the authority \
                 whatever the name)"
            }
        }
        .to_owned();
    }
    if tls && message.contains("expired") {
        return "the server's certificate has expired: renew it".to_owned();
    }
    if tls && message.contains("not valid yet") {
        return "the server's certificate is not valid yet: check the clocks of both machines"
            .to_owned();
    }
    if tls && (message.contains("certversion") || message.contains("badencoding")) {
        return "the server's certificate is of the old version 1, or damaged: give it one of \
                version 3, with a subjectAltName"
            .to_owned();
    }
    if tls && message.contains("alert") {
        return "the server refused our certificate: check ssl.cert and ssl.key, and that the \
                server trusts the authority that signed it (its ssl_ca)"
            .to_owned();
    }
    if tls && message.contains("mismatch") {
        return "ssl.key is not the key of ssl.cert: give the two that belong together".to_owned();
    }
    if tls {
        return "check the ssl settings of the connection and the server's certificate".to_owned();
    }
    if message.contains("lookup") || message.contains("resolve") || message.contains("not known") {
        return "the host's name can't be resolved: check host".to_owned();
    }
    if message.contains("refused") {
        return "nothing listens there: check host and port, and that the server runs and listens \
                on that address"
            .to_owned();
    }
    if message.contains("did not answer within") {
        return "check host, port and firewalls, or raise connect_timeout".to_owned();
    }
    if message.contains("no such file") {
        return "check socket: the server runs elsewhere, or not at all".to_owned();
    }
    if matches!(
        error.code,
        ErrorCode::Unreachable | ErrorCode::ConnectionLost
    ) && endpoint.addresses.is_empty()
    {
        return "give host or socket".to_owned();
    }
    match error.code {
        ErrorCode::Unreachable | ErrorCode::ConnectionLost => {
            "check host, port and firewalls".to_owned()
        }
        _ => String::new(),
    }
}
