//! How often something took how long.

/// Counts of values by upper bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One for each bound, and one for what is above all of them.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// Nothing seen yet; `bounds` grow.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    /// Takes a value; one that is no number counts as zero.
    pub fn observe(&mut self, value: f64) {
        let value = if value.is_finite() {
            value.max(0.0)
        } else {
            0.0
        };
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Adds another one of the same bounds.
    pub fn add(&mut self, other: &Self) {
        debug_assert_eq!(self.bounds, other.bounds, "histograms of two kinds");
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// The values' sum.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each upper bound with the values up to it and above the one before; the last bound is infinite.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[f64] = &[1.0, 10.0];

    #[test]
    fn a_value_is_in_the_first_bucket_that_holds_it() {
        let mut seen = Histogram::new(BOUNDS);
        for value in [0.5, 1.0, 2.0, 100.0, f64::NAN, -3.0] {
            seen.observe(value);
        }
        assert_eq!(seen.buckets(), [(1.0, 4), (10.0, 1), (f64::INFINITY, 1)]);
        assert_eq!(seen.count(), 6);
        assert!((seen.sum() - 103.5).abs() < 1e-9);
        let mut both = seen.clone();
        both.add(&seen);
        assert_eq!(both.count(), 12);
    }
}
