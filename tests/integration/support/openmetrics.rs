//! A strict reader of OpenMetrics 1.0 text, by its specification and not by our writer.

use std::collections::{BTreeMap, BTreeSet};

/// Names and values.
type Labels = Vec<(String, String)>;

/// What a page holds.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Type of each family.
    pub types: BTreeMap<String, String>,
    /// Value of each sample; labels sorted by name.
    samples: BTreeMap<(String, Labels), f64>,
}

impl Metrics {
    /// Reads a page; panics at whatever the specification forbids.
    pub fn parse(text: &str) -> Self {
        let body = text
            .strip_suffix("# EOF\n")
            .unwrap_or_else(|| panic!("no # EOF at the end: {text:?}"));
        let mut all = Self::default();
        let mut family = String::new();
        for line in body.lines() {
            assert!(!line.is_empty(), "an empty line");
            if let Some(rest) = line.strip_prefix("# ") {
                let (what, rest) = rest.split_once(' ').unwrap();
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                assert!(is_name(name), "{line}");
                if family != name {
                    let seen = all.types.contains_key(name);
                    assert!(!seen, "{name} comes a second time");
                    name.clone_into(&mut family);
                    all.types.insert(family.clone(), "unknown".to_owned());
                }
                match what {
                    "TYPE" => {
                        let known = ["counter", "gauge", "histogram", "info"];
                        assert!(known.contains(&rest), "{line}");
                        all.types.insert(family.clone(), rest.to_owned());
                    }
                    "HELP" => assert!(!rest.is_empty(), "{line}"),
                    "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (name, labels, value) = sample(line);
            all.check_name(&family, &name, &labels);
            if all.types[&family] != "gauge" {
                assert!(value >= 0.0, "{line}");
            }
            let before = all.samples.insert((name, labels), value);
            assert_eq!(before, None, "a second time: {line}");
        }
        all.check_histograms();
        all
    }

    /// The value of a sample.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut labels: Labels = labels
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        labels.sort();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }

    /// Every value of a label of a sample.
    pub fn values(&self, name: &str, label: &str) -> BTreeSet<&str> {
        self.samples
            .keys()
            .filter(|(of, _)| of == name)
            .flat_map(|(_, labels)| labels)
            .filter(|(at, _)| at == label)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn check_name(&self, family: &str, name: &str, labels: &[(String, String)]) {
        let kind = self.types[family].as_str();
        let ending = name
            .strip_prefix(family)
            .unwrap_or_else(|| panic!("{name} stands under {family}"));
        let good: &[&str] = match kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            _ => &["_bucket", "_count", "_sum"],
        };
        assert!(good.contains(&ending), "{name} of a {kind}");
        let has_bound = labels.iter().any(|(name, _)| name == "le");
        assert_eq!(has_bound, ending == "_bucket", "{name} {labels:?}");
    }

    /// Bounds grow, counts do not fall, and the last is all.
    fn check_histograms(&self) {
        for (family, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut by_labels: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for ((name, labels), count) in &self.samples {
                if name != &format!("{family}_bucket") {
                    continue;
                }
                let (bound, rest): (Labels, Labels) =
                    labels.iter().cloned().partition(|(name, _)| name == "le");
                let bound = number(&bound[0].1);
                by_labels.entry(rest).or_default().push((bound, *count));
            }
            for (labels, mut buckets) in by_labels {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                assert!(
                    buckets.windows(2).all(|two| two[0].1 <= two[1].1),
                    "{family}"
                );
                let (last, all) = *buckets.last().unwrap();
                assert!(last.is_infinite(), "{family}");
                let labels: Vec<(&str, &str)> = labels
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                assert_eq!(self.get(&format!("{family}_count"), &labels), Some(all));
                assert!(self.get(&format!("{family}_sum"), &labels).is_some());
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        other => {
            let plain = other
                .chars()
                .all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
            assert!(plain, "{other}");
            other.parse().unwrap()
        }
    }
}

/// `name{label="value",…} number`
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(is_name(label), "{line}");
            let mut read = String::new();
            let mut chars = value.char_indices();
            let end = loop {
                match chars.next() {
                    Some((at, '"')) => break at,
                    Some((_, '\\')) => match chars.next() {
                        Some((_, 'n')) => read.push('\n'),
                        Some((_, c @ ('"' | '\\'))) => read.push(c),
                        other => panic!("{other:?} after a backslash: {line}"),
                    },
                    Some((_, c)) => read.push(c),
                    None => panic!("{line}"),
                }
            };
            labels.push((label.to_owned(), read));
            rest = &value[end + 1..];
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("{line}"));
    }
    labels.sort();
    let twice = labels.windows(2).any(|two| two[0].0 == two[1].0);
    assert!(!twice, "{line}");
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    (name.to_owned(), labels, number(value))
}
