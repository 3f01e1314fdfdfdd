//! Questions: yes or no, and passwords. Without a terminal nobody is asked.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

use super::args::{GlobalArgs, PasswordArgs};
use super::failure::Failure;
use super::output::Output;
use crate::model::secret::Secret;

/// Asks whether to go on; the default is no.
///
/// # Errors
/// `Refused` when the answer is no, or nobody can be asked and `--yes` is not given.
pub async fn confirm(global: &GlobalArgs, output: &Output, question: &str) -> Result<(), Failure> {
    if global.yes {
        return Ok(());
    }
    if !has_terminal() {
        return Err(Failure::refused(
            "confirmation_missing",
            format!("{question} Nobody can be asked without a terminal; nothing was done"),
        )
        .hint("give --yes to go on without being asked"));
    }
    write!(io::stderr(), "{} [y/N] ", output.printable(question))?;
    let answer = on_terminal(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer)
    })
    .await?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::refused(
        "confirmation_missing",
        "answered no; nothing was done",
    ))
}

/// The password that the flags name; `None` when none does.
///
/// # Errors
/// When stdin can't be read.
pub fn password(args: &PasswordArgs) -> Result<Option<Secret>, Failure> {
    if args.password_stdin {
        let mut text = String::new();
        io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(|error| Failure::file("read the password from", "stdin", &error))?;
        return Ok(Some(Secret::Text(SecretString::from(without_newline(
            text,
        )))));
    }
    if let Some(name) = &args.password_env {
        return Ok(Some(Secret::Env(name.clone())));
    }
    if let Some(path) = &args.password_file {
        // The reference is used later, from another folder.
        let path = std::path::absolute(path)
            .map_err(|error| Failure::file("find", &path.display().to_string(), &error))?;
        return Ok(Some(Secret::File(utf8(path)?)));
    }
    Ok(None)
}

/// Asks for a password on the terminal, unseen; `None` without a terminal.
///
/// # Errors
/// When the terminal can't be read.
pub async fn prompt_password(prompt: String) -> Result<Option<Secret>, Failure> {
    if !has_terminal() {
        return Ok(None);
    }
    let text = on_terminal(move || rpassword::prompt_password(prompt)).await?;
    Ok(Some(Secret::Text(SecretString::from(text))))
}

fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Reads from the terminal on a thread of its own, so that a signal ends the wait; the terminal gets
/// its state back also then.
async fn on_terminal(
    read: impl FnOnce() -> io::Result<String> + Send + 'static,
) -> Result<String, Failure> {
    let _restored = Terminal(tcgetattr(io::stdin()).ok());
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(io::Error::other)
        .and_then(|text| text)
        .map_err(|error| Failure::file("read from", "the terminal", &error))
}

/// The terminal's state, given back when dropped.
struct Terminal(Option<Termios>);

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            // A terminal that is gone needs no state.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, state);
        }
    }
}

/// `text` without its one trailing newline.
fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

fn utf8(path: PathBuf) -> Result<String, Failure> {
    path.into_os_string().into_string().map_err(|path| {
        Failure::invalid(format!("the path {} is not UTF-8", path.to_string_lossy()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::cli::args::Cli;

    #[tokio::test]
    async fn without_a_terminal_only_yes_goes_on() {
        async fn ask(args: &[&str]) -> Result<(), Failure> {
            let typed = Cli::parse_from(args);
            let output = Output::new(&typed.global);
            confirm(&typed.global, &output, "Remove it?").await
        }
        assert_eq!(ask(&["db-taxi", "-y", "status"]).await, Ok(()));
        if !io::stdin().is_terminal() {
            let refused = ask(&["db-taxi", "status"]).await.unwrap_err();
            assert_eq!(refused.exit.code(), 4);
        }
    }

    #[test]
    fn references_are_stored_as_references() {
        let args = PasswordArgs {
            password_env: Some("PROD".into()),
            ..PasswordArgs::default()
        };
        assert_eq!(password(&args), Ok(Some(Secret::Env("PROD".into()))));
        let args = PasswordArgs {
            password_file: Some("/run/secret".into()),
            ..PasswordArgs::default()
        };
        assert_eq!(
            password(&args),
            Ok(Some(Secret::File("/run/secret".into())))
        );
    }

    #[test]
    fn one_newline_is_cut() {
        assert_eq!(without_newline("a\n".into()), "a");
        assert_eq!(without_newline("a\n\n".into()), "a\n");
        assert_eq!(without_newline(" a ".into()), " a ");
    }
}
