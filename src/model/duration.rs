//! Durations and sizes as people write them: `500ms`, `1h 30m`, `30d`, `16MiB`.

use std::time::Duration;

/// Parses `500ms 30s 5m 1h 30d 2w` and combinations; a unit is required.
///
/// # Errors
/// A sentence that says what is wrong with `text` and what is allowed.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const ALLOWED: &str = "a duration such as 500ms, 30s, 5m, 1h 30m, 30d or 2w";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("empty; expected {ALLOWED}"));
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        if digits == 0 {
            return Err(format!("{text:?} is not {ALLOWED}"));
        }
        let number: u64 = rest[..digits]
            .parse()
            .map_err(|_| format!("{text:?} is too large; expected {ALLOWED}"))?;
        rest = rest[digits..].trim_start();
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit_ms: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            "" => return Err(format!("{text:?} has no unit; expected {ALLOWED}")),
            other => {
                return Err(format!(
                    "unknown unit {other:?} in {text:?}; expected {ALLOWED}"
                ));
            }
        };
        let millis = number
            .checked_mul(unit_ms)
            .ok_or_else(|| format!("{text:?} is too large; expected {ALLOWED}"))?;
        total = total
            .checked_add(Duration::from_millis(millis))
            .ok_or_else(|| format!("{text:?} is too large; expected {ALLOWED}"))?;
        rest = rest[letters..].trim_start();
    }
    Ok(total)
}

/// The shortest text that [`parse_duration`] reads back as `duration` (whole milliseconds).
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut parts = Vec::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        let count = millis / size;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
            millis %= size;
        }
    }
    parts.join(" ")
}

/// Parses `64KiB 16MiB 1GiB` or a plain number of bytes.
///
/// # Errors
/// A sentence that says what is wrong with `text` and what is allowed.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const ALLOWED: &str = "a size such as 64KiB, 16MiB, 1GiB or a number of bytes";
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits]
        .parse()
        .map_err(|_| format!("{text:?} is not {ALLOWED}"))?;
    let factor: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => {
            return Err(format!(
                "unknown unit {other:?} in {text:?}; expected {ALLOWED}"
            ));
        }
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("{text:?} is too large; expected {ALLOWED}"))
}

/// `16MiB` where the bytes are a whole number of a unit, else plain bytes.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes != 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_combinations_add_up() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1h 30m", 5_400_000),
            ("30d", 2_592_000_000),
            ("2w", 1_209_600_000),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_number_without_a_unit_or_with_a_wrong_one_is_refused() {
        for text in ["30", "", "1.5h", "5y", "1M", "-5s", "99999999999999999999w"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn formatting_reads_back() {
        for ms in [0, 1, 999, 1_000, 61_001, 5_400_000, 2_592_000_000] {
            let d = Duration::from_millis(ms);
            assert_eq!(parse_duration(&format_duration(d)), Ok(d));
        }
    }

    #[test]
    fn sizes_read_back() {
        for bytes in [0, 1, 1024, 16 << 20, 3 << 30, 1025] {
            assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
        assert!(parse_size("16MB").is_err());
    }
}
