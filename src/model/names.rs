//! The rule for names of connections and configs.

use uuid::Uuid;

/// Checks a name of a connection or config: 1 to 100 characters, no control characters, no blank
/// at either end, not a UUID.
///
/// # Errors
/// A sentence that says which part of the rule `name` breaks.
pub fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 {
        return Err("a name is required".to_owned());
    }
    if length > 100 {
        return Err(format!(
            "a name has at most 100 characters; this one has {length}"
        ));
    }
    if name.chars().any(char::is_control) {
        return Err("a name can't contain control characters".to_owned());
    }
    if name.trim() != name {
        return Err("a name can't begin or end with a blank".to_owned());
    }
    if Uuid::parse_str(name).is_ok() {
        return Err("a name can't be a UUID, since it would be taken for an id".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn ordinary_names_pass_and_each_rule_is_held() {
        for good in [
            "production",
            "User Data Sync",
            "ünï",
            "a/b",
            &"x".repeat(100),
        ] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            " a",
            "a ",
            "a\tb",
            "0198f3a2-0000-7000-8000-000000000000",
            &"x".repeat(101),
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
