//! Wishes to end one job, and what they do to it.

use std::sync::{Mutex, PoisonError};

use super::options::StopHow;
use super::outcome::Cut;
use crate::sync::StopSignal;

/// The wish to end one job: first after the batch in hand, then at once.
#[derive(Debug, Default)]
pub struct Stop {
    /// What the work listens to.
    pub signal: StopSignal,
    cut: Mutex<Option<Cut>>,
}

impl Stop {
    /// Wishes that the job ends after the batch in hand. What is worth more wins: a lost lease over
    /// everything, a person's wish over a hand-back, their stop over their pause.
    pub fn ask(&self, cut: Cut) {
        let mut known = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        let stronger = match (*known, cut) {
            (None | Some(Cut::Released), _)
            | (_, Cut::Lost)
            | (Some(Cut::Paused), Cut::Cancelled) => true,
            (Some(_), _) => false,
        };
        if stronger {
            *known = Some(cut);
        }
        drop(known);
        self.signal.soft.cancel();
    }

    /// Ends it at once, by rollback. Only after [`Self::ask`].
    pub fn at_once(&self) {
        self.signal.hard.cancel();
    }

    /// Whether somebody wished for an end.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.signal.soft.is_cancelled()
    }

    /// What was wished for.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<StopHow> for Cut {
    fn from(how: StopHow) -> Self {
        match how {
            StopHow::Cancel => Self::Cancelled,
            StopHow::Release => Self::Released,
            StopHow::Pause => Self::Paused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_more_wins() {
        for (wishes, expected) in [
            (&[Cut::Released, Cut::Cancelled][..], Cut::Cancelled),
            (&[Cut::Cancelled, Cut::Released][..], Cut::Cancelled),
            (&[Cut::TimedOut, Cut::Cancelled][..], Cut::TimedOut),
            (&[Cut::Released, Cut::Paused][..], Cut::Paused),
            (&[Cut::Paused, Cut::Released][..], Cut::Paused),
            (&[Cut::Paused, Cut::Cancelled][..], Cut::Cancelled),
            (&[Cut::Cancelled, Cut::Paused][..], Cut::Cancelled),
            (&[Cut::Cancelled, Cut::Lost][..], Cut::Lost),
            (&[Cut::Lost, Cut::Cancelled][..], Cut::Lost),
        ] {
            let stop = Stop::default();
            for wish in wishes {
                stop.ask(*wish);
            }
            assert_eq!(stop.cut(), Some(expected), "{wishes:?}");
            assert!(stop.is_asked());
        }
    }
}
