//! Values as SQL text, safe under every `sql_mode` (no backslash rules are relied on).

/// Text as a utf8mb4 literal in hex: no quoting rules apply to it.
#[must_use]
pub fn text(value: &str) -> String {
    format!("_utf8mb4 X'{}'", hex(value.as_bytes()))
}

/// Bytes as a binary literal in hex.
#[must_use]
pub fn bytes(value: &[u8]) -> String {
    format!("X'{}'", hex(value))
}

/// Bytes in `charset` as a literal in hex.
#[must_use]
pub fn in_charset(charset: &str, value: &[u8]) -> String {
    format!("_{charset} X'{}'", hex(value))
}

/// Lower-case hex digits.
#[must_use]
pub fn hex(value: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(value.len() * 2);
    for byte in value {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
    out
}

/// The reverse of [`hex`]; `None` for anything that is not pairs of hex digits.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(text("a'b"), "_utf8mb4 X'612762'");
    }
}
