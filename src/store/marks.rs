//! Watermarks: up to which value of a column a config's table has been synced.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::model::ids::ConfigId;
use crate::model::table_run::TableRun;

/// The largest number of a column at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Microseconds since 1970, UTC, by the source's clock.
    pub at: i64,
    /// The number.
    pub value: i128,
}

/// Up to where a table has been synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// Rows stamped up to this moment: microseconds since 1970, UTC, by the source's clock.
    Time(i64),
    /// Rows with numbers up to this one.
    Number(i128),
    /// None for sure: a transaction older than every sample was open.
    Nothing,
}

/// The watermark of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Up to where.
    pub mark: Mark,
    /// Fingerprint of the source's definition and of the rule that the rows were read by: with
    /// another one the watermark says nothing.
    pub fingerprint: String,
    /// Samples of a column of whole numbers that may become the next mark, oldest first.
    pub samples: Vec<Sample>,
    /// Runs by watermark since the whole table was compared.
    pub runs: u64,
    /// When a run last compared the whole table.
    pub compared_at: DateTime<Utc>,
}

/// Values of the watermark that a run reads, as literals of the source; `None` is open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Window {
    /// From this one on.
    pub lower: Option<String>,
    /// Up to this one; `None` reads no value at all, only rows without one.
    pub upper: Option<String>,
}

/// Most samples that are kept.
const SAMPLES: usize = 64;

impl Watermark {
    /// Notes a sample. Of too many one from the middle goes: the oldest serve long transactions.
    pub fn note(&mut self, sample: Sample) {
        self.samples.push(sample);
        if let Mark::Number(passed) = self.mark {
            self.samples.retain(|sample| sample.value > passed);
        }
        if self.samples.len() > SAMPLES {
            self.samples.remove(SAMPLES / 2);
        }
    }
}

/// The watermark in force, and the one that the run in hand will leave.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// In force; `None`: the next run begins from the start.
    pub current: Option<Watermark>,
    /// Of the run in hand.
    pub next: Option<Watermark>,
}

impl Marks {
    /// The run in hand has made the target equal: its watermark is in force, or none is.
    pub fn accept(&mut self) {
        self.current = self.next.take();
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.next.is_none()
    }
}

impl Store {
    /// When a job that only compares last compared the whole of a config's table.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn last_verified(
        &self,
        config: ConfigId,
        target_table: &str,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let db = self.database();
        let sql = format!(
            "SELECT r.summary FROM {db}.sync_jobs j JOIN {db}.sync_table_runs r ON r.job_id = j.id \
             WHERE j.config_id = ? AND j.kind = 'verify' AND r.target_table = ? \
             AND r.state = 'completed' ORDER BY j.created_at DESC LIMIT 1"
        );
        let rows = self
            .rows(&sql, vec![config.to_string().into(), target_table.into()])
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let run: TableRun = serde_json::from_str(&row.text("summary")?)
            .map_err(|_| StoreError::Corrupt("sync_table_runs.summary".to_owned()))?;
        Ok(run.verified.whole_table_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: i64) -> Sample {
        Sample {
            at: n,
            value: n.into(),
        }
    }

    #[test]
    fn samples_behind_the_mark_go_and_the_oldest_stay() {
        let mut watermark = Watermark {
            mark: Mark::Number(3),
            fingerprint: String::new(),
            samples: Vec::new(),
            runs: 0,
            compared_at: DateTime::<Utc>::UNIX_EPOCH,
        };
        for n in 1..200 {
            watermark.note(sample(n));
        }
        assert_eq!(watermark.samples.len(), SAMPLES);
        assert_eq!(watermark.samples[0], sample(4));
        assert_eq!(watermark.samples.last(), Some(&sample(199)));
    }

    #[test]
    fn a_watermark_reads_back() {
        let marks = Marks {
            current: Some(Watermark {
                mark: Mark::Number(i128::from(u64::MAX)),
                fingerprint: "f".to_owned(),
                samples: vec![sample(-5)],
                runs: 2,
                compared_at: DateTime::<Utc>::UNIX_EPOCH,
            }),
            next: None,
        };
        let text = serde_json::to_string(&marks).unwrap();
        assert_eq!(serde_json::from_str::<Marks>(&text).unwrap(), marks);
    }
}
