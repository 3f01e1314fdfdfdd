//! The shape of a `where` condition: one expression that ends where it says it ends.
//!
//! A condition is put into parentheses inside our statements. One that closes them, starts a
//! comment or a second statement would change what the statement around it does.

/// Checks that `text` is closed: quotes and parentheses balanced, no `;`, no comment.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn check_condition(text: &str) -> Result<(), String> {
    let mut depth = 0_usize;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' | '`' => {
                // A doubled quote is an end and a beginning: no case of its own.
                loop {
                    match chars.next() {
                        Some('\\') if c != '`' => {
                            chars.next();
                        }
                        Some(end) if end == c => break,
                        Some(_) => {}
                        None => return Err(format!("a quote {c} is not closed")),
                    }
                }
            }
            '(' => depth += 1,
            ')' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or("a parenthesis is closed that was not opened")?;
            }
            ';' => return Err("a condition is one expression; it can't hold a ;".to_owned()),
            '#' => return Err("a condition can't hold a comment".to_owned()),
            '-' if chars.peek() == Some(&'-') => {
                return Err("a condition can't hold a comment (--)".to_owned());
            }
            '/' if chars.peek() == Some(&'*') => {
                return Err("a condition can't hold a comment (/*)".to_owned());
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a parenthesis is not closed".to_owned());
    }
    Ok(())
}

/// The text without what stands in quotes, which must be closed.
pub(super) fn outside_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if !matches!(c, '\'' | '"' | '`') {
            continue;
        }
        while let Some(inner) = chars.next() {
            if inner == c {
                break;
            }
            if inner == '\\' && c != '`' {
                chars.next();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::check_condition;

    #[test]
    fn closed_expressions_pass() {
        for text in [
            "created_at > '2024-01-01'",
            "a = 'it''s; -- (' and (b or c)",
            r"a like '\';%' and `odd;)name` = 1",
            "a - -1 > 0",
        ] {
            assert_eq!(check_condition(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn whatever_would_reach_past_its_parentheses_is_refused() {
        for text in [
            "1); drop table t; (",
            "1) or (1",
            "1; select 2",
            "1 -- rest",
            "1 # rest",
            "1 /* rest",
            "a = 'open",
            "(a",
            "`a",
        ] {
            assert!(check_condition(text).is_err(), "{text}");
        }
    }
}
