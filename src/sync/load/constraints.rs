//! Names of a shadow's constraints: a database holds each name once.
//!
//! A name that another table bears already, where the shadow is or where it goes, is told apart by
//! the target's number: a source table may be copied twice into one database, and tables of two
//! sources may bear the same names.

use super::Load;
use crate::mysql::schema::constraint_names_elsewhere;
use crate::mysql::{Ident, MysqlError, Session};

/// Most characters of a name.
const LONGEST: usize = 64;

/// The names that a shadow's constraints get.
pub(super) struct Names {
    generation: Option<u64>,
    number: u64,
    wished: Vec<Ident>,
    taken: Vec<Ident>,
}

impl Names {
    /// Runs a statement that gives the names; again with all of them told apart, where another load
    /// took one since the look.
    pub(super) async fn run(
        &mut self,
        session: &mut Session,
        sql: impl Fn(&Self) -> String,
    ) -> Result<(), MysqlError> {
        match session.run(&sql(self)).await {
            Err(error) if is_taken(&error) => {
                self.taken.clone_from(&self.wished);
                session.run(&sql(self)).await?;
            }
            done => {
                done?;
            }
        }
        Ok(())
    }

    /// The name on the shadow.
    pub(super) fn of(&self, name: &Ident) -> Ident {
        if self.taken.contains(name) {
            self.marked(name)
        } else {
            self.plain(name)
        }
    }

    /// Both names that it can have got, here or by whoever began the load.
    pub(super) fn both(&self, name: &Ident) -> [Ident; 2] {
        [self.plain(name), self.marked(name)]
    }

    fn plain(&self, name: &Ident) -> Ident {
        with_mark(name, &self.replacing())
    }

    fn marked(&self, name: &Ident) -> Ident {
        with_mark(name, &format!("_{}{}", self.number, self.replacing()))
    }

    /// The table that it replaces may be in the same database.
    fn replacing(&self) -> String {
        self.generation
            .map_or_else(String::new, |n| format!("_{n}"))
    }
}

fn with_mark(name: &Ident, mark: &str) -> Ident {
    let room = LONGEST.saturating_sub(mark.len());
    let cut: String = name.raw().chars().take(room).collect();
    Ident::new(format!("{cut}{mark}"))
}

impl Load {
    /// The names that constraints get which are called so on the source.
    pub(super) fn constraint_names(&self, wished: Vec<Ident>) -> Names {
        Names {
            generation: self.place.is_inside().then_some(self.checkpoint.generation),
            number: self.checkpoint.number,
            wished,
            taken: Vec::new(),
        }
    }

    /// Looks which of the names are taken.
    pub(super) async fn look_at_names(
        &self,
        session: &mut Session,
        names: &mut Names,
    ) -> Result<(), MysqlError> {
        let plain: Vec<Ident> = names.wished.iter().map(|name| names.plain(name)).collect();
        let ours = [&self.table.plan.target, &self.shadow()];
        let found = constraint_names_elsewhere(session, &plain, &ours).await?;
        let is_taken = |plain: &Ident| found.iter().any(|(name, _)| same(name, plain));
        names.taken = names
            .wished
            .iter()
            .zip(&plain)
            .filter(|(_, plain)| is_taken(plain))
            .map(|(name, _)| name.clone())
            .collect();
        Ok(())
    }
}

/// Servers compare these names without case.
fn same(one: &Ident, other: &Ident) -> bool {
    one.raw().to_lowercase() == other.raw().to_lowercase()
}

/// Whether a server refused a constraint because its name is taken.
fn is_taken(error: &MysqlError) -> bool {
    // MariaDB tells InnoDB's 121, a duplicate in its dictionary, in the text of 1005, and by 1823
    // where two statements add it at once.
    matches!(error.number, Some(1823 | 1826 | 3822))
        || (error.number == Some(1005) && error.message.contains("errno: 121"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_name_is_no_longer_than_the_server_takes() {
        let long = Ident::new("ü".repeat(64));
        let mut names = Names {
            generation: Some(3),
            number: 12,
            wished: vec![long.clone()],
            taken: Vec::new(),
        };
        assert!(names.of(&long).raw().ends_with("ü_3"));
        names.taken.clone_from(&names.wished);
        assert_eq!(names.of(&long).raw().chars().count(), 64);
        assert!(names.of(&long).raw().ends_with("ü_12_3"));
        names.generation = None;
        assert_eq!(names.both(&long)[0], long);
    }
}
