//! The order of rows that wait for each other's unique values: pure.

use std::collections::{HashMap, HashSet};

use crate::sync::compare::RowDifference;
use crate::sync::key::KeyTuple;

/// The rows that wait for one which will not move, or for one of these. What is waited for and does
/// not wait itself stays as it is.
pub(in crate::sync::apply) fn held_for_good(
    waits: &HashMap<KeyTuple, HashSet<KeyTuple>>,
) -> HashSet<KeyTuple> {
    let mut held: HashSet<KeyTuple> = HashSet::new();
    loop {
        let before = held.len();
        for (key, others) in waits {
            if others
                .iter()
                .any(|other| held.contains(other) || !waits.contains_key(other))
            {
                held.insert(key.clone());
            }
        }
        if held.len() == before {
            return held;
        }
    }
}

/// Each row after those that it waits for; apart, the rows that wait in circles or for those.
pub(in crate::sync::apply) fn in_order(
    all: Vec<RowDifference>,
    mut waits: HashMap<KeyTuple, HashSet<KeyTuple>>,
) -> (Vec<RowDifference>, Vec<RowDifference>) {
    let mut waited_for: HashMap<KeyTuple, Vec<KeyTuple>> = HashMap::new();
    for (key, others) in &waits {
        for other in others {
            waited_for
                .entry(other.clone())
                .or_default()
                .push(key.clone());
        }
    }
    let mut rows: HashMap<KeyTuple, RowDifference> =
        all.into_iter().map(|d| (d.key.clone(), d)).collect();
    let mut free: Vec<KeyTuple> = waits
        .iter()
        .filter(|(_, others)| others.is_empty())
        .map(|(key, _)| key.clone())
        .collect();
    let mut ordered = Vec::new();
    while let Some(key) = free.pop() {
        ordered.extend(rows.remove(&key));
        for waiting in waited_for.remove(&key).unwrap_or_default() {
            if let Some(others) = waits.get_mut(&waiting) {
                others.remove(&key);
                if others.is_empty() {
                    free.push(waiting);
                }
            }
        }
    }
    (ordered, rows.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log::DifferenceKind;

    fn key(n: u8) -> KeyTuple {
        KeyTuple(vec![vec![n]])
    }

    fn row(n: u8) -> RowDifference {
        RowDifference {
            kind: DifferenceKind::Changed,
            source_key: key(n),
            key: key(n),
            source: None,
            target: None,
        }
    }

    #[test]
    fn chains_are_put_in_order_and_circles_apart() {
        let waits = [
            (1, vec![2]),
            (2, vec![3]),
            (3, vec![]),
            (4, vec![5]),
            (5, vec![4]),
            (6, vec![5]),
        ];
        let waits = waits
            .into_iter()
            .map(|(n, others)| (key(n), others.into_iter().map(key).collect()))
            .collect();
        let (ordered, circles) = in_order((1..=6).map(row).collect(), waits);
        let numbers: Vec<u8> = ordered.iter().map(|d| d.key.0[0][0]).collect();
        assert_eq!(numbers, [3, 2, 1]);
        assert_eq!(circles.len(), 3);
    }

    #[test]
    fn who_waits_for_a_row_that_stays_is_held_for_good() {
        let waits = [
            (1, vec![2]),
            (2, vec![9]),
            (3, vec![4]),
            (4, vec![3]),
            (5, vec![]),
        ];
        let waits = waits
            .into_iter()
            .map(|(n, others): (u8, Vec<u8>)| (key(n), others.into_iter().map(key).collect()))
            .collect();
        let held = held_for_good(&waits);
        assert_eq!(held, [key(1), key(2)].into_iter().collect());
    }
}
