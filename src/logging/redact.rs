//! The last net: texts of known secrets are replaced in every line, whatever led them there.
//!
//! The first rule stays not to log them. This net catches a server or a library that repeats one in
//! an error. It knows a secret as it is, and as it looks escaped in JSON, in `Debug` and in a URL.

use std::borrow::Cow;
use std::io;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::fmt::MakeWriter;

const REPLACEMENT: &str = "***";

/// Shorter secrets would be found everywhere by chance, which would both spoil the lines and give
/// the secret away.
const LEAST_CHARS: usize = 4;

/// Every form of every secret, longest first, so that a secret within another leaves no rest.
static FORMS: RwLock<Vec<SecretString>> = RwLock::new(Vec::new());

/// From here on this secret is replaced in every line. Secrets of less than 4 characters are not.
pub fn register_secret(secret: &SecretString) {
    if secret.expose_secret().chars().count() < LEAST_CHARS {
        return;
    }
    let known = |forms: &[SecretString], form: &str| {
        forms.iter().any(|known| known.expose_secret() == form)
    };
    {
        let forms = FORMS.read().unwrap_or_else(PoisonError::into_inner);
        if known(&forms, secret.expose_secret()) {
            return;
        }
    }
    let mut forms = FORMS.write().unwrap_or_else(PoisonError::into_inner);
    for form in forms_of(secret.expose_secret()) {
        if !known(&forms, &form) {
            forms.push(SecretString::from(form));
        }
    }
    forms.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
}

/// `text` with every known secret replaced.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let forms = FORMS.read().unwrap_or_else(PoisonError::into_inner);
    let mut clean = Cow::Borrowed(text);
    for form in forms.iter() {
        if clean.contains(form.expose_secret()) {
            clean = Cow::Owned(clean.replace(form.expose_secret(), REPLACEMENT));
        }
    }
    clean
}

fn forms_of(secret: &str) -> Vec<String> {
    let debug = inner(format!("{secret:?}"));
    vec![
        secret.to_owned(),
        json(secret),
        json(&debug),
        debug,
        percent_encoded(secret),
    ]
}

fn json(text: &str) -> String {
    inner(serde_json::Value::from(text).to_string())
}

/// Without the quotes around it.
fn inner(quoted: String) -> String {
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .map_or(quoted.clone(), str::to_owned)
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// Writers that redact; each write is a whole line.
pub(super) struct Redacting<M>(pub(super) M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Redacting<M> {
    type Writer = RedactingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter(self.0.make_writer())
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        RedactingWriter(self.0.make_writer_for(meta))
    }
}

pub(super) struct RedactingWriter<W>(W);

impl<W: io::Write> io::Write for RedactingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(redacted(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_replaced() {
        let secret = "rd-canary\"1\\é:/@";
        register_secret(&SecretString::from(secret));
        for line in [
            format!("plain {secret} end"),
            format!("debug {secret:?} end"),
            serde_json::json!({ "message": secret }).to_string(),
            serde_json::json!({ "message": format!("{secret:?}") }).to_string(),
            format!("mysql://root:{}@host/db", percent_encoded(secret)),
        ] {
            let clean = redacted(&line);
            assert!(!clean.contains("rd-canary"), "{clean}");
            assert!(clean.contains(REPLACEMENT), "{clean}");
        }
    }

    #[test]
    fn a_secret_within_another_leaves_no_rest() {
        register_secret(&SecretString::from("inner-canary"));
        register_secret(&SecretString::from("outer-inner-canary-outer"));
        assert_eq!(redacted("<outer-inner-canary-outer>"), "<***>");
    }

    #[test]
    fn secrets_too_short_to_tell_apart_are_left() {
        register_secret(&SecretString::from("abc"));
        register_secret(&SecretString::from(""));
        assert_eq!(redacted("abc abacus"), "abc abacus");
    }
}
