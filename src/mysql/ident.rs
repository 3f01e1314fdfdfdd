//! Names of databases, tables and columns: raw text can't reach SQL unquoted.

use std::fmt;

/// A name that writes itself quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(String);

impl Ident {
    /// A name as the server stores it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name without quotes: for messages and comparison, never for SQL.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    /// In backticks, backticks doubled.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.replace('`', "``"))
    }
}

impl From<&str> for Ident {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Ident {
    fn from(name: String) -> Self {
        Self(name)
    }
}

/// A table with its database; writes itself quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableRef {
    /// Its database.
    pub database: Ident,
    /// Its name.
    pub table: Ident,
}

impl TableRef {
    /// `database`.`table`.
    pub fn new(database: impl Into<Ident>, table: impl Into<Ident>) -> Self {
        Self {
            database: database.into(),
            table: table.into(),
        }
    }

    /// `database.table` without quotes, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}.{}", self.database.raw(), self.table.raw())
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// `a`, `b`, `c`: for column lists.
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a Ident>) -> String {
    names
        .into_iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_are_doubled() {
        assert_eq!(TableRef::new("a`b", "c.d").to_string(), "`a``b`.`c.d`");
    }
}
