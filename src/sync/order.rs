//! The order of tables that foreign keys bind: parents before children when rows come, children
//! before parents when rows go.
//!
//! Each table passes two gates: *ready* when its inserts and updates are live, *clean* when its
//! deletes are. A child waits for its parents to be ready; a parent deletes when its children are
//! clean. A table that gives up passes both, so nobody waits for ever; in a cycle the later table
//! of the order does not wait.

use std::collections::{HashMap, HashSet};

use tokio::sync::watch;

/// Gates of the tables of a job.
pub struct Order {
    rank: HashMap<String, usize>,
    parents: HashMap<String, HashSet<String>>,
    children: HashMap<String, HashSet<String>>,
    gates: HashMap<String, Gates>,
}

struct Gates {
    ready: watch::Sender<bool>,
    clean: watch::Sender<bool>,
}

impl Order {
    /// The order of `tables`, given `(child, parent)` pairs.
    #[must_use]
    pub fn new(tables: &[String], references: &[(String, String)]) -> Self {
        let known: HashSet<&String> = tables.iter().collect();
        let mut parents: HashMap<String, HashSet<String>> = HashMap::new();
        let mut children: HashMap<String, HashSet<String>> = HashMap::new();
        for (child, parent) in references {
            if child != parent && known.contains(child) && known.contains(parent) {
                parents
                    .entry(child.clone())
                    .or_default()
                    .insert(parent.clone());
                children
                    .entry(parent.clone())
                    .or_default()
                    .insert(child.clone());
            }
        }
        let mut rank = HashMap::new();
        for table in tables {
            visit(table, &parents, &mut HashSet::new(), &mut rank);
        }
        let gates = tables
            .iter()
            .map(|table| {
                let gates = Gates {
                    ready: watch::Sender::new(false),
                    clean: watch::Sender::new(false),
                };
                (table.clone(), gates)
            })
            .collect();
        Self {
            rank,
            parents,
            children,
            gates,
        }
    }

    /// Place of a table: parents come before their children.
    #[must_use]
    pub fn rank(&self, table: &str) -> usize {
        self.rank.get(table).copied().unwrap_or(usize::MAX)
    }

    /// Whether it is a table of the job.
    #[must_use]
    pub fn knows(&self, table: &str) -> bool {
        self.rank.contains_key(table)
    }

    /// Whether it is in a ring of tables that refer to each other: one of its parents comes after
    /// it, or it is the parent of a child that comes before it.
    #[must_use]
    pub fn is_in_ring(&self, table: &str) -> bool {
        let rank = self.rank(table);
        let parents = self.parents.get(table).into_iter().flatten();
        let children = self.children.get(table).into_iter().flatten();
        parents.into_iter().any(|p| self.rank(p) > rank)
            || children.into_iter().any(|c| self.rank(c) < rank)
    }

    /// Whether a table of the job refers to it, or it to one.
    #[must_use]
    pub fn is_bound(&self, table: &str) -> bool {
        self.parents.contains_key(table) || self.children.contains_key(table)
    }

    /// Waits until the inserts and updates of its parents are live.
    pub async fn parents_ready(&self, table: &str) {
        for parent in self.parents.get(table).into_iter().flatten() {
            if self.rank(parent) < self.rank(table) {
                self.wait(parent, |gates| &gates.ready).await;
            }
        }
    }

    /// Waits until the deletes of its children are live.
    pub async fn children_clean(&self, table: &str) {
        for child in self.children.get(table).into_iter().flatten() {
            if self.rank(child) > self.rank(table) {
                self.wait(child, |gates| &gates.clean).await;
            }
        }
    }

    /// The table's inserts and updates are live.
    pub fn ready(&self, table: &str) {
        if let Some(gates) = self.gates.get(table) {
            gates.ready.send_replace(true);
        }
    }

    /// The table is done, or will never be.
    pub fn done(&self, table: &str) {
        if let Some(gates) = self.gates.get(table) {
            gates.ready.send_replace(true);
            gates.clean.send_replace(true);
        }
    }

    async fn wait(&self, table: &str, gate: impl Fn(&Gates) -> &watch::Sender<bool>) {
        if let Some(gates) = self.gates.get(table) {
            let mut opened = gate(gates).subscribe();
            // The sender lives as long as `self`, so an error can't come.
            let _open = opened.wait_for(|open| *open).await;
        }
    }
}

fn visit(
    table: &String,
    parents: &HashMap<String, HashSet<String>>,
    on_the_way: &mut HashSet<String>,
    rank: &mut HashMap<String, usize>,
) {
    if rank.contains_key(table) || !on_the_way.insert(table.clone()) {
        return;
    }
    let mut above: Vec<&String> = parents.get(table).into_iter().flatten().collect();
    above.sort();
    for parent in above {
        visit(parent, parents, on_the_way, rank);
    }
    rank.insert(table.clone(), rank.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn parents_come_first_and_cycles_end() {
        let order = Order::new(
            &names(&["items", "orders", "users", "a", "b"]),
            &pairs(&[
                ("items", "orders"),
                ("orders", "users"),
                ("a", "b"),
                ("b", "a"),
            ]),
        );
        assert!(order.rank("users") < order.rank("orders"));
        assert!(order.rank("orders") < order.rank("items"));
        assert_ne!(order.rank("a"), order.rank("b"));
        assert!(order.is_in_ring("a") && order.is_in_ring("b"));
        assert!(!order.is_in_ring("orders") && order.knows("orders") && !order.knows("x"));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_table_that_gave_up() {
        let order = Order::new(&names(&["c", "p"]), &pairs(&[("c", "p")]));
        order.done("p");
        order.done("c");
        order.parents_ready("c").await;
        order.children_clean("p").await;
    }

    #[tokio::test]
    async fn in_a_cycle_only_one_waits() {
        let order = Order::new(&names(&["a", "b"]), &pairs(&[("a", "b"), ("b", "a")]));
        let first = if order.rank("a") < order.rank("b") {
            "a"
        } else {
            "b"
        };
        order.parents_ready(first).await;
    }
}
