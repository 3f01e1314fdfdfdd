//! Names inside of a definition's lines.

use crate::mysql::Ident;

/// The name in `UNIQUE KEY `a` (…)`.
pub(super) fn key_name(text: &str) -> Option<String> {
    let open = text.find('`')?;
    if text.find('(').is_some_and(|bracket| bracket < open) {
        return None;
    }
    let mut name = String::new();
    let mut chars = text[open + 1..].chars().peekable();
    while let Some(c) = chars.next() {
        if c == '`' {
            if chars.peek() != Some(&'`') {
                return Some(name);
            }
            chars.next();
        }
        name.push(c);
    }
    None
}

/// A check under another name.
pub(super) fn rename_check(check: &str, rename: impl Fn(&Ident) -> Ident) -> String {
    match (check.strip_prefix("CONSTRAINT "), key_name(check)) {
        (Some(rest), Some(name)) => {
            let quoted = Ident::new(name);
            let text = quoted.to_string();
            match rest.strip_prefix(&text) {
                Some(tail) => format!("CONSTRAINT {}{tail}", rename(&quoted)),
                None => check.to_owned(),
            }
        }
        _ => check.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_are_read() {
        assert_eq!(key_name("UNIQUE KEY `a``b` (`x`)").as_deref(), Some("a`b"));
        assert_eq!(key_name("PRIMARY KEY (`x`)"), None);
        assert_eq!(
            rename_check("CONSTRAINT `c` CHECK (`a` > 0)", |n| Ident::new(format!(
                "{}_1",
                n.raw()
            ))),
            "CONSTRAINT `c_1` CHECK (`a` > 0)"
        );
    }
}
