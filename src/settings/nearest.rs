//! Typing errors: the known name that was probably meant.

/// What to say about a name nobody knows: the nearest, or all where there are few.
pub(super) fn unknown(name: &str, known: impl Iterator<Item = &'static str> + Clone) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean {near}?");
    }
    let all: Vec<_> = known.collect();
    if all.len() > 20 {
        "`db-taxi config template` prints every key".to_owned()
    } else {
        format!("expected one of {}", all.join(", "))
    }
}

/// The known name that differs in the fewest letters, if those are few.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    const MOST: usize = 3;
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= MOST)
        .map(|(_, candidate)| candidate)
}

/// Letters to add, drop or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    // Longer names are no typing errors.
    for (i, from) in a.chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
