//! A secret as it is typed: never shown, not by `Debug` either.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::dashboard::app::key::{Code, Key};
use crate::model::secret::Secret;

/// Longest secret, in bytes.
const LONGEST: usize = 4096;

/// A secret that is typed over a stored one, or over none.
#[derive(Clone)]
pub struct SecretEdit {
    /// What was typed; `None` leaves what is stored.
    typed: Option<SecretString>,
    stored: Stored,
}

/// What is stored before anything is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Nothing.
    None,
    /// A sealed text.
    Sealed,
    /// A reference, which is no secret.
    Reference(String),
}

impl fmt::Debug for SecretEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretEdit").finish_non_exhaustive()
    }
}

impl SecretEdit {
    /// Nothing typed yet.
    #[must_use]
    pub fn new(stored: Stored) -> Self {
        Self {
            typed: None,
            stored,
        }
    }

    /// What was typed: `None` keeps what is stored.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        let typed = self.typed.as_ref()?;
        Some(Secret::parse(typed.expose_secret()))
    }

    /// Whether anything was typed.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.typed.is_some()
    }

    /// Takes a key; says whether it had a meaning here. The cursor stays at the end: nobody edits
    /// what can't be seen.
    pub fn key(&mut self, key: Key) -> bool {
        match (key.code, key.ctrl) {
            (Code::Char(c), false) => self.change(|text| text.push(c)),
            (Code::Backspace, _) | (Code::Char('h'), true) => {
                self.change(|text| {
                    text.pop();
                });
                self.forget_empty();
            }
            (Code::Char('u'), true) => self.clear(),
            (Code::Char('w'), true) => self.typed = None,
            (Code::Left | Code::Right | Code::Home | Code::End | Code::Delete, _) => {}
            _ => return false,
        }
        true
    }

    /// Takes pasted text: line breaks at its end are cut.
    ///
    /// # Errors
    /// A sentence when there is something in it that no password has.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.chars().any(char::is_control) {
            return Err("the pasted text has line breaks or control characters in it".to_owned());
        }
        self.change(|typed| typed.push_str(text));
        self.forget_empty();
        Ok(())
    }

    /// What is shown, and the column behind it.
    #[must_use]
    pub fn view(&self, width: usize) -> (String, usize) {
        let Some(typed) = &self.typed else {
            return (self.stored_words(), 0);
        };
        let count = typed.expose_secret().chars().count();
        if count == 0 {
            return ("(no password)".to_owned(), 0);
        }
        let shown = count.min(width.saturating_sub(1));
        ("•".repeat(shown), shown)
    }

    /// Whether [`SecretEdit::view`] tells about what is stored, instead of what was typed.
    #[must_use]
    pub fn shows_words(&self) -> bool {
        self.typed
            .as_ref()
            .is_none_or(|typed| typed.expose_secret().is_empty())
    }

    fn stored_words(&self) -> String {
        match &self.stored {
            Stored::None => String::new(),
            Stored::Sealed => "(stored, sealed)".to_owned(),
            Stored::Reference(reference) => format!("(stored: {reference})"),
        }
    }

    /// Removes what was typed; from what is stored, removes that.
    fn clear(&mut self) {
        self.typed = match (&self.typed, &self.stored) {
            (None, Stored::Sealed | Stored::Reference(_)) => {
                Some(SecretString::from(String::new()))
            }
            _ => None,
        };
    }

    /// Nothing left of what was typed means: as stored.
    fn forget_empty(&mut self) {
        if self.shows_words() {
            self.typed = None;
        }
    }

    /// The text before a change is wiped when it is dropped.
    fn change(&mut self, change: impl FnOnce(&mut String)) {
        let mut text = String::with_capacity(64);
        if let Some(typed) = &self.typed {
            text.push_str(typed.expose_secret());
        }
        change(&mut text);
        if text.len() <= LONGEST {
            self.typed = Some(SecretString::from(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(mut edit: SecretEdit) -> SecretEdit {
        edit.paste("canary\r\n").unwrap();
        edit
    }

    #[test]
    fn nothing_of_it_is_ever_shown() {
        let edit = canary(SecretEdit::new(Stored::None));
        assert_eq!(edit.view(20), ("••••••".to_owned(), 6));
        assert!(!format!("{edit:?}").contains("canary"));
        assert_eq!(edit.secret(), Some(Secret::parse("canary")));
        let many = "•".repeat(3);
        assert_eq!(edit.view(4), (many, 3), "cut where there is no room");
    }

    #[test]
    fn untouched_it_keeps_what_is_stored_and_can_remove_it() {
        let mut edit = SecretEdit::new(Stored::Sealed);
        assert_eq!(edit.secret(), None);
        assert_eq!(edit.view(30).0, "(stored, sealed)");
        edit.key("ctrl-u".parse().unwrap());
        assert_eq!(edit.secret(), Some(Secret::parse("")));
        assert_eq!(edit.view(30).0, "(no password)");
        edit.key("ctrl-u".parse().unwrap());
        assert!(!edit.is_changed());
        edit.key("x".parse().unwrap());
        edit.key("backspace".parse().unwrap());
        assert!(!edit.is_changed(), "typed and taken back");
    }

    #[test]
    fn a_paste_of_several_lines_is_refused_and_its_text_is_not_told() {
        let mut edit = SecretEdit::new(Stored::None);
        let e = edit.paste("canary\nsecond").unwrap_err();
        assert!(!e.contains("canary"), "{e}");
        assert!(!edit.is_changed());
    }
}
