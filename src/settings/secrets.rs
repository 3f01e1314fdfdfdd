//! Following references to secrets: `${env:NAME}` and `${file:PATH}`, read at each use.

use std::io::Read;

use secrecy::SecretString;

use crate::model::secret::Secret;

/// No password is longer; a path that names a device or a dump ends here.
const MOST_BYTES: u64 = 64 * 1024;

/// The secret itself: text as it is, a reference as its variable or file reads at this moment.
///
/// # Errors
/// A sentence that names the variable or file and what to do; never any of its content.
pub fn resolve(secret: &Secret) -> Result<SecretString, String> {
    match secret {
        Secret::Text(text) => Ok(text.clone()),
        Secret::Env(name) => match std::env::var(name) {
            Ok(value) => Ok(SecretString::from(value)),
            Err(std::env::VarError::NotPresent) => Err(format!(
                "the environment variable {name} is not set; set it for this process, or change the reference ${{env:{name}}}"
            )),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!(
                "the environment variable {name} is not valid UTF-8"
            )),
        },
        Secret::File(path) => read(path),
    }
}

fn read(path: &str) -> Result<SecretString, String> {
    let failed = |error: std::io::Error| format!("the secret file {path} can't be read: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                format!("the secret file {path} is not valid UTF-8")
            }
            _ => failed(error),
        })?;
    if text.len() as u64 > MOST_BYTES {
        return Err(format!(
            "the secret file {path} is larger than {MOST_BYTES} bytes; it should hold nothing but the secret"
        ));
    }
    let cut = text
        .strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
        .map_or(text.len(), str::len);
    text.truncate(cut);
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn file(content: &[u8]) -> (tempfile::TempDir, Secret) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, content).unwrap();
        let secret = Secret::File(path.to_str().unwrap().to_owned());
        (dir, secret)
    }

    #[test]
    fn one_trailing_newline_of_a_file_is_cut_and_no_more() {
        for (content, expected) in [
            ("canary", "canary"),
            ("canary\n", "canary"),
            ("canary\r\n", "canary"),
            ("canary\n\n", "canary\n"),
            (" canary ", " canary "),
            ("\n", ""),
        ] {
            let (_dir, secret) = file(content.as_bytes());
            assert_eq!(
                resolve(&secret).unwrap().expose_secret(),
                expected,
                "{content:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named_and_content_is_not_repeated() {
        let error = resolve(&Secret::Env("DBT_NO_SUCH_VARIABLE".into())).unwrap_err();
        assert!(error.contains("DBT_NO_SUCH_VARIABLE"), "{error}");
        let error = resolve(&Secret::File("/no/such/file".into())).unwrap_err();
        assert!(error.contains("/no/such/file"), "{error}");
        let (_dir, secret) = file(b"canary\xff");
        let error = resolve(&secret).unwrap_err();
        assert!(
            error.contains("UTF-8") && !error.contains("canary"),
            "{error}"
        );
        let (_dir, secret) = file(&vec![b'x'; 70_000]);
        assert!(resolve(&secret).unwrap_err().contains("larger"));
    }

    #[test]
    fn variables_are_read_verbatim() {
        // PATH is the one variable every test process has.
        let path = std::env::var("PATH").unwrap();
        let resolved = resolve(&Secret::Env("PATH".into())).unwrap();
        assert_eq!(resolved.expose_secret(), path);
    }
}
