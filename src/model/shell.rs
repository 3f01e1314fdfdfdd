//! Names in commands that are told to be typed.

/// A name as one word of a command line.
#[must_use]
pub fn word(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.:".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_pasted_into_a_shell() {
        for (name, shown) in [
            ("user-data", "user-data"),
            ("User Data", "'User Data'"),
            ("it's; rm", "'it'\\''s; rm'"),
            ("", "''"),
        ] {
            assert_eq!(word(name), shown);
        }
    }
}
