//! Single objects as the control database keeps them and as REST bodies give them.

use serde_json::Value;

use super::reader::Found;
use super::writer::{Form, Passwords};
use super::{config, connection, rule};
use crate::model::config::ConfigSpec;
use crate::model::connection::ConnectionSpec;
use crate::model::finding::Finding;
use crate::model::rule::TableRule;

/// Reads one connection, as a REST body or an edited object gives it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_connection(value: &Value) -> Result<ConnectionSpec, Vec<Finding>> {
    let found = Found::default();
    let spec = connection::read(value, "", &found);
    found.result(spec)
}

/// Reads one config. `connection` is a name; where it is absent, `connection_id` stands in for it
/// (an id is never a name, so the services can tell them apart).
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_config(value: &Value) -> Result<ConfigSpec, Vec<Finding>> {
    let found = Found::default();
    let spec = config::read(value, "", true, &found);
    found.result(spec)
}

/// An object of the mapping file that the control database keeps as JSON.
pub trait Spec: Sized {
    /// Every field but a password.
    fn to_spec_json(&self) -> Value;
    /// The reverse.
    ///
    /// # Errors
    /// Everything that is wrong with it; a field of a later version is, since leaving it out could
    /// copy what it should hold back.
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>>;
    /// The canonical short form, passwords only where they are references.
    fn to_short_json(&self) -> Value;
}

impl Spec for ConnectionSpec {
    fn to_spec_json(&self) -> Value {
        connection::print(self, Form::Full, Passwords::Hidden).into()
    }
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>> {
        parse_connection(value)
    }
    fn to_short_json(&self) -> Value {
        connection::print(self, Form::Short, Passwords::References).into()
    }
}

impl Spec for ConfigSpec {
    fn to_spec_json(&self) -> Value {
        config::print(self, Form::Full).into()
    }
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>> {
        parse_config(value)
    }
    fn to_short_json(&self) -> Value {
        config::print(self, Form::Short).into()
    }
}

impl Spec for TableRule {
    fn to_spec_json(&self) -> Value {
        rule::print(self, Form::Full)
    }
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>> {
        let found = Found::default();
        let rule = rule::read(value, "", &found);
        found.result(rule)
    }
    fn to_short_json(&self) -> Value {
        rule::print(self, Form::Short)
    }
}

/// The JSON of a `spec` column: every field, never a password.
#[must_use]
pub fn spec_to_json<S: Spec>(spec: &S) -> Value {
    spec.to_spec_json()
}

/// The reverse of [`spec_to_json`].
///
/// # Errors
/// Everything that is wrong with it.
pub fn spec_from_json<S: Spec>(value: &Value) -> Result<S, Vec<Finding>> {
    S::from_spec_json(value)
}
