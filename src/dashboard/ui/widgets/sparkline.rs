//! A line of small bars.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The newest `width` samples as bars, highest one full.
pub fn text<'a>(samples: impl DoubleEndedIterator<Item = &'a f64>, width: usize) -> String {
    let mut newest: Vec<f64> = samples.rev().take(width).copied().collect();
    newest.reverse();
    let most = newest.iter().copied().fold(0.0, f64::max);
    newest
        .into_iter()
        .map(|sample| {
            if most <= 0.0 || !sample.is_finite() {
                return BARS[0];
            }
            let step = (sample.max(0.0) / most * 7.0).round() as usize;
            BARS[step.min(7)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_samples_are_shown_and_the_highest_is_full() {
        assert_eq!(text([9.0, 0.0, 50.0, 100.0].iter(), 3), "▁▅█");
        assert_eq!(text([0.0, 0.0].iter(), 5), "▁▁");
        assert_eq!(text([].iter(), 5), "");
        assert_eq!(text([f64::NAN, 1.0].iter(), 5), "▁█");
    }
}
