//! Differences between two texts of a config, as lines with a meaning.

use crate::dashboard::app::text::{Line, Tone};
use crate::model::config::ConfigSpec;
use crate::model::mapping::{self, Format};

/// The canonical text of a config: what is edited, compared and stored.
#[must_use]
pub fn text_of(spec: &ConfigSpec) -> String {
    mapping::print_object(spec, Format::Yaml)
}

/// The lines of a unified diff; each tells by its first character what it means, not by colour alone.
#[must_use]
pub fn lines(diff: &str) -> Vec<Line> {
    diff.lines()
        .map(|line| {
            let tone = match line.chars().next() {
                _ if line.starts_with("---") || line.starts_with("+++") => Tone::Dim,
                Some('+') => Tone::Good,
                Some('-') => Tone::Bad,
                Some('@') => Tone::Accent,
                _ => Tone::Plain,
            };
            Line::of(line, tone).hanging(2)
        })
        .collect()
}

/// How many lines a diff adds and removes, in words.
#[must_use]
pub fn summary(diff: &str) -> String {
    let count = |sign: char, header: &str| {
        diff.lines()
            .filter(|line| line.starts_with(sign) && !line.starts_with(header))
            .count()
    };
    let (added, removed) = (count('+', "+++"), count('-', "---"));
    let lines = |n| crate::dashboard::app::format::plural(n, "line", "lines");
    match (added, removed) {
        (added, 0) => format!("{} added", lines(added)),
        (0, removed) => format!("{} removed", lines(removed)),
        (added, removed) => format!("{} added, {} removed", lines(added), lines(removed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_told_by_signs_and_counted() {
        let diff = mapping::diff(("stored", "a: 1\nb: 2\n"), ("yours", "a: 1\nb: 3\nc: 4\n"));
        assert_eq!(summary(&diff), "2 lines added, 1 line removed");
        let shown = lines(&diff);
        assert_eq!(shown[0].pieces[0].tone, Tone::Dim);
        assert!(
            shown
                .iter()
                .any(|l| l.text() == "+b: 3" && l.pieces[0].tone == Tone::Good)
        );
        assert!(
            shown
                .iter()
                .any(|l| l.text() == "-b: 2" && l.pieces[0].tone == Tone::Bad)
        );
    }
}
