//! Statements with their values written into them.

use super::Value;

/// A statement with its values in the place of its placeholders: what a prepared one would do, in one
/// text. Placeholders in quotes or comments are none. Holds under sessions whose `sql_mode` gives
/// backslashes and double quotes their meaning, as every session of ours does.
///
/// # Panics
/// In debug builds, when there are not as many values as placeholders: a fault of the caller.
#[must_use]
pub fn filled(sql: &str, values: &[Value]) -> String {
    let mut text = String::with_capacity(sql.len() + values.len() * 16);
    let mut values = values.iter();
    let mut quote: Option<char> = None;
    let mut chars = sql.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '?') => {
                let value = values.next();
                debug_assert!(value.is_some(), "a placeholder has no value: {sql}");
                text.push_str(&value.map_or_else(|| "?".to_owned(), |value| value.as_sql(false)));
                continue;
            }
            (None, '\'' | '"' | '`') => quote = Some(c),
            (Some('\'' | '"'), '\\') => {
                text.push(c);
                text.extend(chars.next());
                continue;
            }
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        text.push(c);
    }
    debug_assert!(values.next().is_none(), "a value has no placeholder: {sql}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_placeholders_stood() {
        let values = [
            Value::from("it's \\ ?"),
            Value::from(7_u64),
            Value::NULL,
            Value::from(vec![0xff_u8, 0]),
        ];
        assert_eq!(
            filled(
                "UPDATE `a?` SET b = ?, c = '?''\\'?' WHERE d = ? AND e <=> ? AND f = ? AND \"?\"",
                &values
            ),
            "UPDATE `a?` SET b = 'it\\'s \\\\ ?', c = '?''\\'?' WHERE d = 7 AND e <=> NULL AND \
             f = 0xFF00 AND \"?\""
        );
    }
}
