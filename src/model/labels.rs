//! Labels: what pins configs to instances.

use super::status::{Instance, InstanceState};

/// Checks a label: 1 to 100 characters, no comma, no control characters, no blank at either end.
///
/// # Errors
/// A sentence that says which part of the rule `label` breaks.
pub fn check_label(label: &str) -> Result<(), String> {
    let length = label.chars().count();
    if length == 0 || length > 100 {
        return Err(format!(
            "a label has 1 to 100 characters; this one has {length}"
        ));
    }
    if label.chars().any(|c| c == ',' || c.is_control()) {
        return Err("a label can't contain commas or control characters".to_owned());
    }
    if label.trim() != label {
        return Err("a label can't begin or end with a blank".to_owned());
    }
    Ok(())
}

/// Whether an instance with the labels `own` carries all that a config asks for.
#[must_use]
pub fn carries(own: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|label| own.contains(label))
}

impl Instance {
    /// Whether it lives and has this role.
    #[must_use]
    pub fn plays(&self, role: &str) -> bool {
        self.state == InstanceState::Alive && self.roles.iter().any(|own| own == role)
    }

    /// Whether it lives and takes jobs of configs that ask for these labels.
    #[must_use]
    pub fn takes(&self, wanted: &[String]) -> bool {
        self.plays(WORKER) && carries(&self.labels, wanted)
    }
}

/// The role of instances that take jobs.
pub const WORKER: &str = "worker";
/// The role of instances that serve HTTP and start schedules.
pub const API: &str = "api";

/// Why a job of a config with these labels waits: nobody of `instances` may take it. `None`: somebody
/// may, or it asks for no label.
#[must_use]
pub fn nobody_carries(instances: &[Instance], wanted: &[String]) -> Option<String> {
    if wanted.is_empty() || instances.iter().any(|one| one.takes(wanted)) {
        return None;
    }
    let shown = wanted.join(", ");
    Some(if wanted.len() == 1 {
        format!("no live instance that takes jobs carries the label {shown}")
    } else {
        format!("no live instance that takes jobs carries all of the labels {shown}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|&label| label.to_owned()).collect()
    }

    #[test]
    fn all_labels_are_asked_for_and_no_label_fits_everywhere() {
        let own = texts(&["eu", "gpu"]);
        assert!(carries(&own, &[]) && carries(&[], &[]));
        assert!(carries(&own, &texts(&["gpu"])) && carries(&own, &texts(&["gpu", "eu"])));
        assert!(!carries(&own, &texts(&["gpu", "us"])) && !carries(&[], &texts(&["eu"])));
    }

    #[test]
    fn a_label_is_one_word_of_a_list() {
        for good in ["eu", "rack 7", "zone=a", "ü"] {
            assert_eq!(check_label(good), Ok(()), "{good}");
        }
        for bad in ["", " a", "a ", "a,b", "a\tb", &"x".repeat(101)] {
            assert!(check_label(bad).is_err(), "{bad:?}");
        }
    }
}
