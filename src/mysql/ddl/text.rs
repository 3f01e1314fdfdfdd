//! Names and string literals in a line of a definition.

use crate::mysql::ident::Ident;

/// Whether one of `names` is named in `text`, outside of string literals.
pub(super) fn names_one_of(text: &str, names: &[Ident]) -> bool {
    let plain = outside_strings(text);
    names.iter().any(|name| plain.contains(&name.to_string()))
}

/// The text without its string literals.
pub(super) fn outside_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '`'
            && let Some((name, after)) = quoted(rest)
        {
            out.push_str(&name.to_string());
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c != '\'' {
            out.push(c);
            continue;
        }
        let mut escaped = false;
        let end = rest.find(|c| {
            let is_end = c == '\'' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end
        });
        rest = end.map_or("", |at| &rest[at + 1..]);
    }
    out
}

/// A column's definition without its counter and without its check, which comes last.
pub(super) fn plain_column(rest: &str) -> String {
    const COUNTER: &str = " AUTO_INCREMENT";
    let mut out = String::with_capacity(rest.len());
    let mut left = rest;
    while let Some(c) = left.chars().next() {
        if c == '`'
            && let Some((name, after)) = quoted(left)
        {
            out.push_str(&name.to_string());
            left = after;
            continue;
        }
        if c == '\'' {
            let end = string_end(left);
            out.push_str(&left[..end]);
            left = &left[end..];
            continue;
        }
        if left.starts_with(" CHECK (") {
            break;
        }
        if let Some(after) = left.strip_prefix(COUNTER) {
            left = after;
            continue;
        }
        out.push(c);
        left = &left[c.len_utf8()..];
    }
    out
}

/// Where the string literal ends that `text` begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    let inner = &text[1..];
    let end = inner.find(|c| {
        let is_end = c == '\'' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |at| at + 2)
}

/// The quoted names directly in the first pair of brackets of `text`.
pub(super) fn bracketed_names(text: &str) -> Vec<Ident> {
    let mut names = Vec::new();
    let mut depth = 0_u32;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            '`' => {
                if let Some((name, after)) = quoted(rest) {
                    if depth == 1 {
                        names.push(name);
                    }
                    rest = after;
                    continue;
                }
            }
            _ => {}
        }
        rest = &rest[c.len_utf8()..];
    }
    names
}

/// A backtick-quoted name at the start of `text`, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(Ident, &str)> {
    let inner = text.strip_prefix('`')?;
    let mut name = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '`' {
            if chars.peek().is_some_and(|(_, next)| *next == '`') {
                chars.next();
            } else {
                return Some((Ident::new(name), &inner[at + 1..]));
            }
        }
        name.push(c);
    }
    None
}

pub(super) fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    (text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word))
        .then(|| &text[word.len()..])
}

/// Replaces quoted names, outside of string literals.
pub(super) fn rename_quoted(text: &str, renames: &[(Ident, Ident)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if in_string {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            if c == '\\' {
                if let Some(next) = rest.chars().next() {
                    out.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            } else if c == '\'' {
                in_string = false;
            }
            continue;
        }
        if c == '`'
            && let Some((name, after)) = quoted(rest)
        {
            let name = renames
                .iter()
                .find(|(from, _)| *from == name)
                .map_or(name, |(_, to)| to.clone());
            out.push_str(&name.to_string());
            rest = after;
            continue;
        }
        in_string = c == '\'';
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}
