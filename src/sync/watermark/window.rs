//! From where to where a run by watermark reads, in the column's own values.
//!
//! A TIMESTAMP is a moment. DATE and DATETIME are taken for times of the source's own zone, which
//! may be set back: then the values since the last run begin earlier than that run's end.

use chrono::{DateTime, NaiveDateTime};

use crate::model::error::ErrorCode;
use crate::model::incremental::LagWindow;
use crate::mysql::{Session, literal};
use crate::store::marks::{Mark, Watermark, Window};
use crate::sync::bound::Bound;
use crate::sync::error::SyncError;
use crate::sync::table::ByWatermark;

/// The mark that a run leaves which reads up to `bound`; `last` has samples of earlier runs.
#[must_use]
pub fn next_mark(
    by: &ByWatermark,
    source_table: &str,
    bound: &Bound,
    last: Option<&Watermark>,
) -> Mark {
    match by.lag {
        LagWindow::Time(lag) => Mark::Time(bound.time(lag)),
        LagWindow::Units(_) => {
            let earlier = last.map(|last| last.samples.as_slice()).unwrap_or_default();
            let fresh = bound.samples.get(source_table);
            match bound.number(earlier.iter().chain(fresh)) {
                Some(sample) => Mark::Number(sample.value),
                // No sample is old enough, or the column was empty: what was sure stays so.
                None => last.map_or(Mark::Nothing, |last| last.mark.clone()),
            }
        }
    }
}

/// What is to be read after `last` up to `next`.
///
/// # Errors
/// When the source can't be asked for its zone.
pub async fn window(
    session: &mut Session,
    by: &ByWatermark,
    last: &Mark,
    next: &Mark,
) -> Result<Window, SyncError> {
    match (last, next, by.lag) {
        (last, Mark::Number(upper), LagWindow::Units(lag)) => {
            let lower = match last {
                // A counter that was set back begins earlier than the last run ended.
                Mark::Number(last) => Some(last.min(upper) - i128::from(lag)),
                _ => None,
            };
            Ok(Window {
                lower: lower.map(|lower| lower.to_string()),
                upper: Some(upper.to_string()),
            })
        }
        (last, Mark::Time(upper), LagWindow::Time(lag)) => {
            let lag = i64::try_from(lag.as_micros()).unwrap_or(i64::MAX);
            let lower = match last {
                // So does a clock.
                Mark::Time(last) => Some((*last).min(*upper).saturating_sub(lag)),
                _ => None,
            };
            times(session, by, lower, *upper).await
        }
        _ => Ok(Window::default()),
    }
}

async fn times(
    session: &mut Session,
    by: &ByWatermark,
    lower: Option<i64>,
    upper: i64,
) -> Result<Window, SyncError> {
    let is_moment = by.column.data_type == "timestamp";
    let end = local(session, upper, is_moment).await?;
    let begin = match lower {
        None => None,
        Some(lower) => {
            let begin = local(session, lower, is_moment).await?;
            let by_distance = end - chrono::Duration::microseconds(upper.saturating_sub(lower));
            Some(begin.min(by_distance))
        }
    };
    let shown = |time: NaiveDateTime| shown(time, &by.column.data_type, by.column.fraction);
    Ok(Window {
        lower: begin.map(shown),
        upper: Some(shown(end)),
    })
}

/// A moment as the source's own clock on the wall shows it, or in UTC.
async fn local(
    session: &mut Session,
    micros: i64,
    in_utc: bool,
) -> Result<NaiveDateTime, SyncError> {
    let unknown = || SyncError::stop(ErrorCode::Internal, "the source's clock can't be read");
    let utc = DateTime::from_timestamp_micros(micros)
        .ok_or_else(unknown)?
        .naive_utc();
    if in_utc {
        return Ok(utc);
    }
    let sql = format!(
        "SELECT CONVERT_TZ({}, '+00:00', @@GLOBAL.time_zone) AS wall",
        literal::text(&utc.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
    );
    let row = session.first(&sql).await?;
    let wall = row.map(|row| row.opt_text("wall")).transpose()?.flatten();
    wall.and_then(|text| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok())
        .ok_or_else(unknown)
}

/// A literal cut to what the column can hold: its values are cut the same way.
fn shown(time: NaiveDateTime, data_type: &str, fraction: Option<u64>) -> String {
    if data_type == "date" {
        return format!("'{}'", time.format("%Y-%m-%d"));
    }
    let text = time.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let digits = usize::try_from(fraction.unwrap_or(0)).unwrap_or(0).min(6);
    let keep = if digits == 0 { 19 } else { 20 + digits };
    format!("'{}'", text.get(..keep).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_have_the_precision_of_the_column() {
        let time = DateTime::from_timestamp_micros(1_709_208_000_123_456)
            .unwrap()
            .naive_utc();
        for (data_type, fraction, expected) in [
            ("date", None, "'2024-02-29'"),
            ("datetime", Some(0), "'2024-02-29 12:00:00'"),
            ("timestamp", Some(3), "'2024-02-29 12:00:00.123'"),
            ("datetime", Some(6), "'2024-02-29 12:00:00.123456'"),
        ] {
            assert_eq!(shown(time, data_type, fraction), expected);
        }
    }
}
