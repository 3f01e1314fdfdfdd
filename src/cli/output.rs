//! Where results, progress and errors go: results to stdout, everything else to stderr.
//!
//! The only place of the command line that writes to the two; a closed stdout ends it quietly.

pub mod number;
pub mod table;

use std::env;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::args::{ColorWord, GlobalArgs};
use super::failure::Failure;

/// Where a command writes, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Results as JSON.
    pub json: bool,
    /// Nothing on success.
    pub quiet: bool,
    /// Characters beyond ASCII may be drawn.
    pub unicode: bool,
    /// Colours may be used on stderr.
    pub color: bool,
    /// stderr is a terminal.
    pub live: bool,
}

impl Output {
    /// What the flags and the terminal ask for.
    #[must_use]
    pub fn new(global: &GlobalArgs) -> Self {
        let live = io::stderr().is_terminal();
        Self {
            json: global.json,
            quiet: global.quiet,
            unicode: is_utf8_locale(&|name| env::var(name).ok()),
            color: match global.color {
                ColorWord::Always => true,
                ColorWord::Never => false,
                ColorWord::Auto => {
                    live && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                }
            },
            live,
        }
    }

    /// Writes a result: the JSON body where that is asked for, else the text.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn result<T: Serialize>(
        &self,
        body: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.json(body);
        }
        self.text(&text())
    }

    /// Writes a body as JSON.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn json<T: Serialize>(&self, body: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(body)
            .map_err(|error| Failure::internal(format!("can't write JSON: {error}")))?;
        text.push('\n');
        raw(&text)
    }

    /// Writes a list as the REST API gives it, or as text.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn list(&self, items: Vec<Value>, text: impl FnOnce() -> String) -> Result<(), Failure> {
        self.result(&json!({"items": items, "next_cursor": null}), text)
    }

    /// Writes text to stdout, ended by a newline.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        let safe = self.printable(text);
        raw(safe.trim_end_matches('\n'))?;
        raw("\n")
    }

    /// Tells a person that a thing was done; not with `--quiet` or `--json`.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn done(&self, text: &str) -> Result<(), Failure> {
        if self.quiet || self.json {
            return Ok(());
        }
        self.text(text)
    }

    /// Tells a person something on the way, on stderr; not with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Tells a person something on stderr, always.
    pub fn warn(&self, text: &str) {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr(), "{}", self.printable(text));
    }

    /// Tells a failure: to a person on stderr, and with `--json` its body on stdout.
    pub fn failure(&self, failure: &Failure) {
        for line in failure.lines() {
            self.warn(&line);
        }
        if self.json && !failure.message.is_empty() {
            let _ = self.json(&failure.to_json());
        }
    }

    /// `text` without control characters that could move the cursor, and without what this
    /// terminal can't show.
    #[must_use]
    pub fn printable(&self, text: &str) -> String {
        text.chars()
            .map(|c| match c {
                '\n' | '\t' => c,
                c if c.is_control() => '?',
                c if c.is_ascii() || self.unicode => c,
                '\u{2026}' => '.',
                '\u{2192}' => '>',
                _ => '?',
            })
            .collect()
    }
}

/// Writes to stdout as it is.
///
/// # Errors
/// When stdout can't be written.
pub fn raw(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Whether the locale is one of UTF-8: `LC_ALL`, else `LC_CTYPE`, else `LANG`.
fn is_utf8_locale(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Output = Output {
        json: false,
        quiet: false,
        unicode: false,
        color: false,
        live: false,
    };

    #[test]
    fn the_first_set_variable_decides_about_utf8() {
        let of = |set: &[(&str, &str)]| {
            is_utf8_locale(&|name| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(of(&[("LANG", "de_DE.UTF-8")]));
        assert!(of(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!of(&[]));
    }

    #[test]
    fn names_can_not_steer_the_terminal() {
        assert_eq!(ASCII.printable("a\u{1b}[2Jb\u{fc}"), "a?[2Jb?");
        let unicode = Output {
            unicode: true,
            ..ASCII
        };
        assert_eq!(unicode.printable("\u{fc}\u{9b}"), "\u{fc}?");
    }
}
