//! A source's table as a run found it, and in what it differs from how it is found later.

use serde::{Deserialize, Serialize};

/// What a run noted of its source's table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeenTable {
    /// Its columns, in order.
    pub columns: Vec<SeenColumn>,
    /// The columns of its primary key.
    pub key: Vec<String>,
}

/// One column of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenColumn {
    /// Its name.
    pub name: String,
    /// Type, character set and whether it may be NULL, as in a definition.
    pub definition: String,
}

/// One difference between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// A column came.
    New(String),
    /// A column went.
    Gone(String),
    /// A column was defined otherwise.
    Changed {
        /// Its name.
        column: String,
        /// Its definition before.
        was: String,
        /// Its definition later.
        is: String,
    },
    /// The primary key has other columns.
    Key {
        /// Before.
        was: Vec<String>,
        /// Later.
        is: Vec<String>,
    },
}

impl SeenTable {
    /// In what `now` differs. Columns of which `counts` says no are passed over, but where the key is
    /// concerned.
    #[must_use]
    pub fn drift(&self, now: &Self, counts: impl Fn(&str) -> bool) -> Vec<Drift> {
        let mut found = Vec::new();
        for before in self.columns.iter().filter(|c| counts(&c.name)) {
            match now.column(&before.name) {
                None => found.push(Drift::Gone(before.name.clone())),
                Some(later) if later.definition != before.definition => {
                    found.push(Drift::Changed {
                        column: before.name.clone(),
                        was: before.definition.clone(),
                        is: later.definition.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        let fresh = now.columns.iter().filter(|c| counts(&c.name));
        let fresh = fresh.filter(|c| self.column(&c.name).is_none());
        found.extend(fresh.map(|c| Drift::New(c.name.clone())));
        if !same_names(&self.key, &now.key) {
            found.push(Drift::Key {
                was: self.key.clone(),
                is: now.key.clone(),
            });
        }
        found
    }

    /// A column by its name, in whatever case.
    fn column(&self, name: &str) -> Option<&SeenColumn> {
        self.columns
            .iter()
            .find(|c| c.name.to_lowercase() == name.to_lowercase())
    }
}

fn same_names(a: &[String], b: &[String]) -> bool {
    let same = |(a, b): (&String, &String)| a.to_lowercase() == b.to_lowercase();
    a.len() == b.len() && a.iter().zip(b).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[(&str, &str)], key: &[&str]) -> SeenTable {
        SeenTable {
            columns: columns
                .iter()
                .map(|(name, definition)| SeenColumn {
                    name: (*name).to_owned(),
                    definition: (*definition).to_owned(),
                })
                .collect(),
            key: key.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn what_came_went_and_changed_is_told_once() {
        let before = table(&[("id", "int"), ("a", "int"), ("b", "text")], &["id"]);
        let after = table(
            &[("ID", "int"), ("a", "bigint"), ("c", "text")],
            &["ID", "a"],
        );
        assert_eq!(
            before.drift(&after, |_| true),
            [
                Drift::Changed {
                    column: "a".to_owned(),
                    was: "int".to_owned(),
                    is: "bigint".to_owned(),
                },
                Drift::Gone("b".to_owned()),
                Drift::New("c".to_owned()),
                Drift::Key {
                    was: vec!["id".to_owned()],
                    is: vec!["ID".to_owned(), "a".to_owned()],
                },
            ]
        );
        assert_eq!(before.drift(&before, |_| true), []);
    }

    #[test]
    fn columns_that_the_rule_leaves_out_do_not_count() {
        let before = table(&[("id", "int"), ("a", "int")], &["id"]);
        let after = table(&[("id", "int"), ("b", "int")], &["id"]);
        assert_eq!(before.drift(&after, |name| name == "id"), []);
    }
}
