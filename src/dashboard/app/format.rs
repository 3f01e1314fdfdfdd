//! Numbers as people read them. Rounded to what fits, so that cells don't flap.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// An estimate: `850`, `50 k`, `1.0 M`, `2.4 G`.
#[must_use]
pub fn about(n: u64) -> String {
    match n {
        0..10_000 => count(n),
        10_000..1_000_000 => format!("{} k", n / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} M", n as f64 / 1e6),
        _ => format!("{:.1} G", n as f64 / 1e9),
    }
}

/// Bytes: `412 B`, `17.4 MB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    match n {
        0..1000 => format!("{n} B"),
        1000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// Rows a second; `-` for none. Three significant figures are all that a rate is worth.
#[must_use]
pub fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second < 0.5 {
        return "-".to_owned();
    }
    let step = match per_second {
        ..1e3 => 1.0,
        ..1e5 => 100.0,
        _ => 1000.0,
    };
    count(((per_second / step).round() * step) as u64)
}

/// Megabytes a second; `-` for none.
#[must_use]
pub fn megabytes(bytes_per_second: f64) -> String {
    let mb = bytes_per_second / 1e6;
    if !mb.is_finite() || mb < 0.05 {
        "-".to_owned()
    } else if mb < 100.0 {
        format!("{mb:.1}")
    } else {
        format!("{mb:.0}")
    }
}

/// Milliseconds with a tenth: `3.1`, `<0.1`.
#[must_use]
pub fn milliseconds(ms: f64) -> String {
    if ms < 0.05 {
        "<0.1".to_owned()
    } else {
        format!("{ms:.1}")
    }
}

/// A span of time: `8s`, `1m 12s`, `2h 05m`, `3d 4h`.
#[must_use]
pub fn span(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".to_owned();
    }
    let s = seconds.round() as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m {:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d {}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// A time left: minutes are enough beyond ten of them, so that it changes rarely.
#[must_use]
pub fn eta(seconds: f64) -> String {
    match seconds {
        ..600.0 => span(seconds),
        ..3600.0 => format!("{:.0}m", seconds / 60.0),
        _ => span(seconds),
    }
}

/// `as of 02:14, 6h ago`.
#[must_use]
pub fn as_of(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("as of {}, {}", when(time, now), ago(time, now))
}

/// The hour and minute of a time of today, the date too of another day.
#[must_use]
pub fn moment(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if time.date_naive() == now.date_naive() {
        time.format("%H:%M").to_string()
    } else {
        time.format("%m-%d %H:%M").to_string()
    }
}

/// A short age with a tenth: `0.8 s`, `42 s`, `3m 10s`.
#[must_use]
pub fn age(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{:.1} s", seconds.max(0.0)),
        ..60.0 => format!("{seconds:.0} s"),
        _ => span(seconds),
    }
}

/// A duration as [`span`].
#[must_use]
pub fn duration(d: Duration) -> String {
    span(d.as_secs_f64())
}

/// The hour of a time of today, the date too of another day.
#[must_use]
pub fn when(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if time.date_naive() == now.date_naive() {
        time.format("%H:%M:%S").to_string()
    } else {
        time.format("%m-%d %H:%M").to_string()
    }
}

/// How long ago, coarsely, so that it changes rarely: `just now`, `4m ago`, `3h ago`, `2d ago`.
#[must_use]
pub fn ago(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds();
    match seconds {
        ..60 => "just now".to_owned(),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// `1 job`, `2 jobs`.
#[must_use]
pub fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_rounded() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(about(50_400), "50 k");
        assert_eq!(about(1_000_000), "1.0 M");
        assert_eq!(rate(91_234.0), "91,200");
        assert_eq!(rate(0.2), "-");
        assert_eq!(rate(f64::NAN), "-");
        assert_eq!(megabytes(17_440_000.0), "17.4");
        assert_eq!(span(72.4), "1m 12s");
        assert_eq!(span(7500.0), "2h 05m");
        assert_eq!(age(0.84), "0.8 s");
        assert_eq!(bytes(2_100_000_000), "2.1 GB");
    }
}
