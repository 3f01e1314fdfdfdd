//! States of a job and the transitions between them.

use serde::{Deserialize, Serialize};

use super::words::words;

words!(
    /// State of a job.
    JobState {
        /// In the queue.
        #[default] Pending = "pending",
        /// An instance works on it.
        Running = "running",
        /// Held by a person.
        Paused = "paused",
        /// Every table ended well.
        Completed = "completed",
        /// Some tables did not.
        CompletedWithErrors = "completed_with_errors",
        /// Nothing completed, or the job could not run.
        Failed = "failed",
        /// Stopped by a person.
        Cancelled = "cancelled",
    }
);

impl JobState {
    /// Whether the job has ended; final states never change.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::CompletedWithErrors | Self::Failed | Self::Cancelled
        )
    }

    /// Whether `self → next` is a transition that exists.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use JobState::{
            Cancelled, Completed, CompletedWithErrors, Failed, Paused, Pending, Running,
        };
        match self {
            Pending => matches!(next, Running | Cancelled),
            Running => matches!(
                next,
                Pending | Paused | Completed | CompletedWithErrors | Failed | Cancelled
            ),
            Paused => matches!(next, Pending | Cancelled),
            Completed | CompletedWithErrors | Failed | Cancelled => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [JobState; 7] = [
        JobState::Pending,
        JobState::Running,
        JobState::Paused,
        JobState::Completed,
        JobState::CompletedWithErrors,
        JobState::Failed,
        JobState::Cancelled,
    ];

    #[test]
    fn final_states_never_change_and_every_other_can_be_cancelled() {
        for from in ALL {
            assert_eq!(
                from.is_final(),
                !ALL.iter().any(|to| from.may_become(*to)),
                "{from:?}"
            );
            assert_eq!(
                !from.is_final(),
                from.may_become(JobState::Cancelled),
                "{from:?}"
            );
        }
    }

    #[test]
    fn words_read_back() {
        for state in ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
    }
}
