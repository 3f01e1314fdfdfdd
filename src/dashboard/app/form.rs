//! A form: fields in their order, which one has the focus, what is wrong, what lies beside it.
//!
//! Owns typing, moving and checking. What a form is about and what becomes of it when it is sent is
//! its [`Purpose`], carried out in `update`. Must not know: how it looks (`ui`), the services.

pub mod field;
pub mod line_edit;
pub mod lines_edit;
pub mod rows;
pub mod secret_edit;
pub mod side;

use super::action::Action;
use super::key::{Code, Key};
use super::text::Line;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::secret::Secret;
pub use field::{Field, Input};
pub use secret_edit::Stored;
pub use side::{Side, Wait};

pub use super::purpose::Purpose;

/// What is wrong with a field, by its id; an id that no field has is told at the form's foot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub id: String,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl Problem {
    /// A problem of the field `id`.
    #[must_use]
    pub fn new(id: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            message: message.into(),
        }
    }

    /// A finding of the services or of the rules of an object.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        let remedy = finding
            .remedy
            .as_ref()
            .map_or(String::new(), |remedy| format!(": {remedy}"));
        Self::new(&finding.path, format!("{}{remedy}", finding.message))
    }
}

/// A form.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is about.
    pub purpose: Purpose,
    /// Its heading.
    pub title: String,
    /// Text above the fields.
    pub intro: Vec<Line>,
    /// The word in the footer for sending it.
    pub verb: &'static str,
    /// Its fields, in their order.
    pub fields: Vec<Field>,
    /// What lies beside it: a report, a preview.
    pub side: Option<Side>,
    /// What is wrong with it as a whole.
    pub problem: Option<String>,
    /// What it waits for after it was sent; no key changes it meanwhile.
    pub busy: Option<Wait>,
    focus: usize,
    /// What is wrong beyond single fields; asked on leaving a field and on sending.
    rules: fn(&Self) -> Vec<Problem>,
    /// Shows the fields that apply; called after each change.
    adapt: fn(&mut Self),
}

impl Form {
    /// A form with the focus on its first field.
    #[must_use]
    pub fn new(purpose: Purpose, title: impl Into<String>, fields: Vec<Field>) -> Self {
        Self {
            purpose,
            title: title.into(),
            intro: Vec::new(),
            verb: "save",
            fields,
            side: None,
            problem: None,
            busy: None,
            focus: 0,
            rules: |_| Vec::new(),
            adapt: |_| {},
        }
    }

    /// The same with rules over several fields.
    #[must_use]
    pub fn ruled(mut self, rules: fn(&Self) -> Vec<Problem>) -> Self {
        self.rules = rules;
        self
    }

    /// The same with fields that apply or not, depending on others.
    #[must_use]
    pub fn adapting(mut self, adapt: fn(&mut Self)) -> Self {
        self.adapt = adapt;
        adapt(&mut self);
        self
    }

    /// The field `id`.
    #[must_use]
    pub fn field(&self, id: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The field `id`, to be changed.
    pub fn field_mut(&mut self, id: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.id == id)
    }

    /// The text of the field `id` without blanks at its ends; empty where it does not apply.
    #[must_use]
    pub fn text(&self, id: &str) -> String {
        self.field(id)
            .filter(|field| field.shown)
            .map_or(String::new(), Field::value_text)
    }

    /// Whether the toggle `id` is on.
    #[must_use]
    pub fn is_on(&self, id: &str) -> bool {
        self.text(id) == "true"
    }

    /// The secret typed into `id`; `None` keeps what is stored.
    #[must_use]
    pub fn secret(&self, id: &str) -> Option<Secret> {
        match &self.field(id)?.input {
            Input::Secret(secret) => secret.secret(),
            _ => None,
        }
    }

    /// Place of the field with the focus.
    #[must_use]
    pub fn focus(&self) -> usize {
        self.focus
    }

    /// The field with the focus.
    #[must_use]
    pub fn focused(&self) -> Option<&Field> {
        self.fields.get(self.focus)
    }

    /// Whether anything was changed since it was opened.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.fields.iter().any(Field::is_changed)
    }

    /// Whether the field at `place` is on the screen: it applies and its fold is open.
    #[must_use]
    pub fn is_visible(&self, place: usize) -> bool {
        let Some(field) = self.fields.get(place) else {
            return false;
        };
        field.shown
            && (!field.folded
                || self.fields[..place]
                    .iter()
                    .rev()
                    .find_map(|before| match before.input {
                        Input::Fold(open) => Some(open),
                        _ => None,
                    })
                    .unwrap_or(true))
    }

    /// Whether keys go to what lies beside it.
    #[must_use]
    pub fn on_side(&self) -> bool {
        self.side.as_ref().is_some_and(|side| side.focused)
    }

    /// Takes a key for the field with the focus; says whether it had a meaning there.
    pub fn key(&mut self, key: Key) -> bool {
        let Some(field) = self.fields.get_mut(self.focus) else {
            return false;
        };
        let taken = field.key(key);
        if taken {
            self.changed();
        }
        taken
    }

    /// Takes pasted text for the field with the focus.
    pub fn paste(&mut self, text: &str) {
        let Some(field) = self.fields.get_mut(self.focus) else {
            return;
        };
        field.paste(text);
        let refused = field.error.clone();
        self.changed();
        if let (Some(refused), Some(field)) = (refused, self.fields.get_mut(self.focus)) {
            field.error = Some(refused);
        }
    }

    /// Whether the field with the focus wants this key before any action may have it.
    #[must_use]
    pub fn wants(&self, key: Key) -> bool {
        let Some(field) = self.focused() else {
            return false;
        };
        if field.has_lines() {
            return matches!(
                key.code,
                Code::Enter | Code::Up | Code::Down | Code::PageUp | Code::PageDown
            ) || matches!(key.code, Code::Char(_)) && !key.ctrl;
        }
        matches!(key.code, Code::Char(_)) && !key.ctrl
    }

    /// Moves the focus to the next field that is there, or the one before; checks the one it
    /// leaves. Says whether there was one.
    pub fn step(&mut self, forward: bool) -> bool {
        self.check_focused();
        let count = self.fields.len();
        let mut places: Box<dyn Iterator<Item = usize>> = if forward {
            Box::new(self.focus + 1..count)
        } else {
            Box::new((0..self.focus).rev())
        };
        let next = places.find(|place| self.is_visible(*place));
        drop(places);
        if let Some(next) = next {
            self.focus = next;
        }
        next.is_some()
    }

    /// The same, from the last field to the first and back.
    pub fn turn(&mut self, forward: bool) {
        if self.step(forward) {
            return;
        }
        let places = 0..self.fields.len();
        let end = if forward {
            places.clone().find(|place| self.is_visible(*place))
        } else {
            places.clone().rev().find(|place| self.is_visible(*place))
        };
        self.focus = end.unwrap_or(0);
    }

    /// Checks everything; the first field with something wrong gets the focus.
    pub fn check(&mut self) -> bool {
        let problems: Vec<Problem> = (self.rules)(self);
        self.problem = None;
        for field in &mut self.fields {
            field.error = None;
            if field.shown {
                field.error = field.checked_now().err();
            }
        }
        self.tell(problems);
        self.is_well()
    }

    /// Shows what is wrong, and goes to the first field of it.
    pub fn tell(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            match self.field_of(&problem.id) {
                Some(place) => {
                    let error = &mut self.fields[place].error;
                    error.get_or_insert(problem.message);
                }
                None => {
                    let path = if problem.id.is_empty() {
                        String::new()
                    } else {
                        format!("{}: ", problem.id)
                    };
                    self.problem
                        .get_or_insert(format!("{path}{}", problem.message));
                }
            }
        }
        let first = self.fields.iter().position(|field| field.error.is_some());
        if let Some(first) = first {
            self.unfold(first);
            self.focus = first;
            if let Some(side) = &mut self.side {
                side.focused = false;
            }
        }
    }

    /// Shows why it was refused.
    pub fn refused(&mut self, refusal: &Refusal) {
        self.busy = None;
        match refusal {
            Refusal::Invalid(findings) => self.tell(findings.iter().map(Problem::of).collect()),
            Refusal::Conflict {
                code: "name_taken",
                message,
            } => self.tell(vec![Problem::new("name", message)]),
            other => self.problem = Some(other.to_string()),
        }
    }

    /// Whether an action has something to act on.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        match action {
            Action::SubmitForm => self.busy.is_none(),
            Action::TestTyped => self.busy.is_none() && self.purpose.can_be_tested(),
            Action::CopySide => self.side.as_ref().is_some_and(|s| s.copies.is_some()),
            Action::ShowSide => self.side.as_ref().is_some_and(|side| !side.hint),
            _ => true,
        }
    }

    fn is_well(&self) -> bool {
        self.problem.is_none() && self.fields.iter().all(|field| field.error.is_none())
    }

    /// The shown field of a path, or of the nearest path around it.
    fn field_of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            let found = self
                .fields
                .iter()
                .position(|field| field.shown && field.id == path);
            if found.is_some() {
                return found;
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    fn unfold(&mut self, place: usize) {
        if self.is_visible(place) {
            return;
        }
        for field in self.fields[..place].iter_mut().rev() {
            if let Input::Fold(open) = &mut field.input {
                *open = true;
                return;
            }
        }
    }

    /// After a change: fields come and go, what was told about the form is told no more, and an
    /// error goes away once it is mended.
    fn changed(&mut self) {
        (self.adapt)(self);
        self.problem = None;
        let told = self.focused().is_some_and(|field| field.error.is_some());
        if told {
            self.check_focused();
        }
    }

    fn check_focused(&mut self) {
        let rules = (self.rules)(self);
        let Some(field) = self.fields.get_mut(self.focus) else {
            return;
        };
        let own = rules.into_iter().find(|problem| problem.id == field.id);
        field.error = match field.checked_now() {
            // An empty field that was only passed by is told on sending.
            Err(_) if field.value_text().is_empty() && !field.is_changed() => None,
            Err(message) => Some(message),
            Ok(()) => own.map(|problem| problem.message),
        };
    }
}
