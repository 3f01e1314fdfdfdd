//! What others see of this process, as it is entered in the control database: its name, which may
//! get a number, and its labels, which may change while it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::labels::carries;
use crate::model::status::Instance;

/// What others see of this process.
pub struct Standing(Mutex<Inner>);

struct Inner {
    name: String,
    labels: Vec<String>,
    entered: bool,
}

impl Standing {
    /// Not entered yet.
    #[must_use]
    pub fn new(description: &Instance) -> Self {
        Self(Mutex::new(Inner {
            name: description.name.clone(),
            labels: description.labels.clone(),
            entered: false,
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.lock().name.clone()
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.lock().labels.clone()
    }

    /// Takes other labels; `false` when they are what they were.
    pub fn set_labels(&self, labels: &[String]) -> bool {
        let mut inner = self.lock();
        if inner.labels == labels {
            return false;
        }
        inner.labels = labels.to_vec();
        true
    }

    /// Whether jobs of configs that ask for these labels may be run here.
    #[must_use]
    pub fn carries(&self, wanted: &[String]) -> bool {
        carries(&self.lock().labels, wanted)
    }

    /// Whether it has been entered.
    #[must_use]
    pub fn is_entered(&self) -> bool {
        self.lock().entered
    }

    /// It was entered under this name; the one before, where that was another.
    pub fn entered_as(&self, name: &str) -> Option<String> {
        let mut inner = self.lock();
        let was = inner.entered.then(|| inner.name.clone());
        inner.entered = true;
        name.clone_into(&mut inner.name);
        was.filter(|was| was != name)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
