//! One field of a form: its words, what is typed into it, and what is wrong with it.

use std::ops::RangeInclusive;

use super::line_edit::LineEdit;
use super::lines_edit::LinesEdit;
use super::secret_edit::{SecretEdit, Stored};
use crate::dashboard::app::key::{Code, Key};
use crate::model::duration::parse_duration;
use crate::model::names::check_name;

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its path in the object that the form describes (`ssl.ca`); findings are told by it.
    pub id: String,
    /// Its name for people.
    pub label: String,
    /// One line about it, shown while it has the focus.
    pub help: String,
    /// Shown dim while nothing is typed: what empty means.
    pub placeholder: String,
    /// A heading above it.
    pub heading: Option<String>,
    /// What is typed or chosen.
    pub input: Input,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Whether it applies; what does not is neither shown nor checked.
    pub shown: bool,
    /// Whether it is one of the rare ones behind the fold above it.
    pub folded: bool,
    /// Whether its text is a proposal that nobody has touched: the first letter replaces it.
    proposed: bool,
    /// What a text must be.
    check: Check,
    /// Whether it may be empty.
    required: bool,
    before: Value,
}

/// What is typed or chosen.
#[derive(Debug, Clone)]
pub enum Input {
    /// One line.
    Text(LineEdit),
    /// A secret.
    Secret(SecretEdit),
    /// One of a few.
    Choice {
        /// Value and label of each.
        options: Vec<(String, String)>,
        /// Place of the chosen one.
        at: usize,
    },
    /// Yes or no.
    Toggle(bool),
    /// Several lines.
    Lines(Box<LinesEdit>),
    /// Shows or hides the folded fields that follow.
    Fold(bool),
}

/// What a text must be, beside required.
#[derive(Debug, Clone)]
enum Check {
    Anything,
    Name,
    Number(RangeInclusive<u64>),
    Duration,
    Own(fn(&str) -> Result<(), String>),
}

/// The value of a field, to tell whether it changed. Secrets tell that by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Place(usize),
    Own,
}

impl Field {
    fn new(id: impl Into<String>, label: impl Into<String>, input: Input) -> Self {
        let mut field = Self {
            id: id.into(),
            label: label.into(),
            help: String::new(),
            placeholder: String::new(),
            heading: None,
            input,
            error: None,
            shown: true,
            folded: false,
            proposed: false,
            check: Check::Anything,
            required: false,
            before: Value::Own,
        };
        field.before = field.value();
        field
    }

    /// One line of text; a path too.
    #[must_use]
    pub fn text(id: impl Into<String>, label: impl Into<String>, value: &str) -> Self {
        Self::new(id, label, Input::Text(LineEdit::new(value)))
    }

    /// A password.
    #[must_use]
    pub fn secret(id: impl Into<String>, label: impl Into<String>, stored: Stored) -> Self {
        Self::new(id, label, Input::Secret(SecretEdit::new(stored)))
    }

    /// One of `options` (value and label each); an unknown `value` chooses the first.
    #[must_use]
    pub fn choice(
        id: impl Into<String>,
        label: impl Into<String>,
        options: &[(&str, &str)],
        value: &str,
    ) -> Self {
        let at = options.iter().position(|(v, _)| *v == value).unwrap_or(0);
        let options = options
            .iter()
            .map(|(value, label)| ((*value).to_owned(), (*label).to_owned()))
            .collect();
        Self::new(id, label, Input::Choice { options, at })
    }

    /// Yes or no.
    #[must_use]
    pub fn toggle(id: impl Into<String>, label: impl Into<String>, on: bool) -> Self {
        Self::new(id, label, Input::Toggle(on))
    }

    /// Several lines; takes the room that is left.
    #[must_use]
    pub fn lines(id: impl Into<String>, label: impl Into<String>, text: &str) -> Self {
        Self::new(id, label, Input::Lines(Box::new(LinesEdit::new(text))))
    }

    /// The fold before rare fields.
    #[must_use]
    pub fn fold(label: impl Into<String>) -> Self {
        Self::new("fold", label, Input::Fold(false))
    }

    /// The same with a line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The same with what empty means.
    #[must_use]
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = placeholder.into();
        self
    }

    /// The same under a heading.
    #[must_use]
    pub fn under(mut self, heading: impl Into<String>) -> Self {
        self.heading = Some(heading.into());
        self
    }

    /// The same with a text that is a proposal: typing or pasting replaces it.
    #[must_use]
    pub fn proposed(mut self) -> Self {
        self.proposed = true;
        self
    }

    /// The same, never empty.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same behind the fold above it.
    #[must_use]
    pub fn rare(mut self) -> Self {
        self.folded = true;
        self
    }

    /// The same, taking only a name of a connection or config.
    #[must_use]
    pub fn name(mut self) -> Self {
        self.check = Check::Name;
        self.required()
    }

    /// The same, taking only a number; empty is none.
    #[must_use]
    pub fn number(mut self, range: RangeInclusive<u64>) -> Self {
        self.check = Check::Number(range);
        self
    }

    /// The same, taking only a duration; empty is none.
    #[must_use]
    pub fn duration(mut self) -> Self {
        self.check = Check::Duration;
        self
    }

    /// The same with a check of its own for what is not empty.
    #[must_use]
    pub fn checked(mut self, check: fn(&str) -> Result<(), String>) -> Self {
        self.check = Check::Own(check);
        self
    }

    /// Its text without blanks at the ends: of a choice the value, of a toggle `true` or `false`.
    /// A secret has none.
    #[must_use]
    pub fn value_text(&self) -> String {
        match &self.input {
            Input::Text(line) => line.text().trim().to_owned(),
            Input::Choice { options, at } => {
                options.get(*at).map_or(String::new(), |(v, _)| v.clone())
            }
            Input::Toggle(on) => on.to_string(),
            Input::Lines(lines) => lines.text(),
            Input::Secret(_) | Input::Fold(_) => String::new(),
        }
    }

    /// Its text as typed, with blanks at its ends.
    #[must_use]
    pub fn raw_text(&self) -> String {
        match &self.input {
            Input::Text(line) => line.text().to_owned(),
            _ => self.value_text(),
        }
    }

    /// Whether it was changed since the form was opened.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        match &self.input {
            Input::Secret(secret) => secret.is_changed(),
            Input::Lines(lines) => lines.is_changed(),
            _ => self.value() != self.before,
        }
    }

    /// Whether printable keys are typed into it.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        matches!(
            self.input,
            Input::Text(_) | Input::Secret(_) | Input::Lines(_)
        )
    }

    /// Whether it has several lines.
    #[must_use]
    pub fn has_lines(&self) -> bool {
        matches!(self.input, Input::Lines(_))
    }

    /// Takes a key; says whether it had a meaning here.
    pub fn key(&mut self, key: Key) -> bool {
        match &mut self.input {
            Input::Text(line) => {
                if self.proposed && matches!((key.code, key.ctrl), (Code::Char(_), false)) {
                    line.set("");
                }
                let taken = line.key(key);
                self.proposed &= !taken;
                taken
            }
            Input::Secret(secret) => secret.key(key),
            Input::Lines(lines) => lines.key(key),
            Input::Toggle(on) | Input::Fold(on) => match key.code {
                Code::Char(' ') => {
                    *on = !*on;
                    true
                }
                _ => false,
            },
            Input::Choice { options, at } => choose(options, at, key),
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        match &mut self.input {
            Input::Text(line) => {
                if std::mem::take(&mut self.proposed) {
                    line.set("");
                }
                line.paste(text);
            }
            Input::Secret(secret) => {
                self.error = secret.paste(text).err();
            }
            Input::Lines(lines) => lines.paste(text),
            Input::Choice { .. } | Input::Toggle(_) | Input::Fold(_) => {}
        }
    }

    /// What is wrong with it by itself.
    ///
    /// # Errors
    /// A sentence.
    pub fn checked_now(&self) -> Result<(), String> {
        let Input::Text(line) = &self.input else {
            return Ok(());
        };
        // A name keeps its blanks, so that one at an end is told and not cut off unseen.
        let text = match self.check {
            Check::Name => line.text(),
            _ => line.text().trim(),
        };
        if text.is_empty() {
            return if self.required {
                Err(format!("{} is needed", self.label))
            } else {
                Ok(())
            };
        }
        match &self.check {
            Check::Anything => Ok(()),
            Check::Name => check_name(text),
            Check::Number(range) => match text.parse::<u64>() {
                Ok(number) if range.contains(&number) => Ok(()),
                _ if *range.end() >= u64::from(u32::MAX) => {
                    Err(format!("a number of at least {}", range.start()))
                }
                _ => Err(format!(
                    "a number from {} to {}",
                    range.start(),
                    range.end()
                )),
            },
            Check::Duration => parse_duration(text).map(|_| ()).map_err(|e| e.to_string()),
            Check::Own(check) => check(text),
        }
    }

    fn value(&self) -> Value {
        match &self.input {
            Input::Text(line) => Value::Text(line.text().to_owned()),
            Input::Choice { at, .. } => Value::Place(*at),
            Input::Toggle(on) => Value::Place(usize::from(*on)),
            Input::Secret(_) | Input::Lines(_) | Input::Fold(_) => Value::Own,
        }
    }
}

/// Left, right and space go round about; a letter goes to the next option that begins with it.
fn choose(options: &[(String, String)], at: &mut usize, key: Key) -> bool {
    let count = options.len().max(1);
    match (key.code, key.ctrl) {
        (Code::Right | Code::Char(' '), _) => *at = (*at + 1) % count,
        (Code::Left, _) => *at = (*at + count - 1) % count,
        (Code::Home, _) => *at = 0,
        (Code::End, _) => *at = count - 1,
        (Code::Char(c), false) => {
            let begins = |place: &usize| {
                let label = options.get(*place).map(|(_, label)| label.to_lowercase());
                label.is_some_and(|label| label.starts_with(c.to_ascii_lowercase()))
            };
            let mut round = (1..=count).map(|step| (*at + step) % count);
            if let Some(found) = round.find(begins) {
                *at = found;
            }
        }
        _ => return false,
    }
    true
}
