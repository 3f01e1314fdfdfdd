//! Counts, sizes, rates and times as people read them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 table`, `2 tables`.
#[must_use]
pub fn plural(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number))
}

/// `812 B`, `80.0 MB`: decimal units, as the rates are.
#[must_use]
pub fn bytes(number: u64) -> String {
    scaled(
        number as f64,
        &[" B", " kB", " MB", " GB", " TB", " PB"],
        number < 1000,
    )
}

/// `90.2k rows/s, 17.5 MB/s`.
#[must_use]
pub fn rates(rows_per_second: f64, bytes_per_second: f64) -> String {
    format!(
        "{} rows/s, {:.1} MB/s",
        scaled(
            rows_per_second,
            &["", "k", "M", "G"],
            rows_per_second < 1000.0
        ),
        bytes_per_second / 1e6
    )
}

fn scaled(mut value: f64, units: &[&str], whole: bool) -> String {
    if whole {
        return format!("{value:.0}{}", units[0]);
    }
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1}{}", units[unit])
}

/// `7s`, `3m 12s`, `2h 05m`, `3d 04h`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".to_owned();
    }
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    let s = Duration::from_secs_f64(seconds.min(1e12)).as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m {:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h {:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d {:02}h", s / 86_400, s / 3600 % 24),
    }
}

/// RFC 3339 in UTC, whole seconds; empty for none.
#[must_use]
pub fn time(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |time| {
        time.to_rfc3339_opts(SecondsFormat::Secs, true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(80_000_000), "80.0 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(rates(90_210.0, 17_500_000.0), "90.2k rows/s, 17.5 MB/s");
        assert_eq!(plural(1, "table"), "1 table");
    }

    #[test]
    fn times_read_well() {
        for (value, text) in [
            (0.25, "0.2s"),
            (59.0, "59s"),
            (192.0, "3m 12s"),
            (7500.0, "2h 05m"),
            (273_600.0, "3d 04h"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(seconds(value), text);
        }
    }
}
