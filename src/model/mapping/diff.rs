//! What differs between two texts of one object, for people.

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// The unified diff from `old` to `new`, headed by their names; empty when they are the same.
#[must_use]
pub fn diff(old: (&str, &str), new: (&str, &str)) -> String {
    similar::TextDiff::from_lines(old.1, new.1)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(old.0, new.0)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_has_no_diff_and_what_changed_is_told_by_line() {
        assert_eq!(diff(("a", "x: 1\n"), ("b", "x: 1\n")), "");
        let told = diff(("stored", "x: 1\ny: 2\n"), ("yours", "x: 1\ny: 3\nz: 4\n"));
        assert!(told.starts_with("--- stored\n+++ yours\n"), "{told}");
        assert!(told.contains("\n-y: 2\n+y: 3\n+z: 4\n"), "{told}");
    }
}
