//! Exit codes: what each means and which wins when several apply.
//!
//! Public, since scripts and service managers act on them: `main` returns one.

use std::process::ExitCode;

/// How a command ended. The order is the precedence: of two, the greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Exit {
    /// Done; nothing different, nothing failed.
    #[default]
    Done,
    /// Finished, but a table failed, differences were found, or a plan has a risk `stop`.
    Findings,
    /// Refused: already running, disabled, held by another instance, confirmation missing.
    Refused,
    /// Usage, settings, unknown name or invalid input; nothing was done.
    Invalid,
    /// A database can't be reached or refuses the login.
    Unreachable,
    /// Ended by a signal, after a checkpoint.
    Signal(Signal),
}

/// A signal that ends the program in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// The terminal is gone.
    Hangup,
    /// A service manager or `kill`.
    Terminate,
    /// Ctrl-C.
    Interrupt,
}

impl Signal {
    /// As `kill -l` calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }
}

impl Exit {
    /// Of two ends of parts of a command, the one that the whole ends with.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// How a front that gives a number ended: 128 and a signal, or 0; anything else is a fault.
    #[must_use]
    pub fn of_code(code: i32) -> Self {
        match code {
            0 => Self::Done,
            130 => Self::Signal(Signal::Interrupt),
            143 => Self::Signal(Signal::Terminate),
            129 => Self::Signal(Signal::Hangup),
            _ => Self::Findings,
        }
    }

    /// The number that the process returns.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Invalid => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::Signal(Signal::Interrupt) => 130,
            Self::Signal(Signal::Terminate) => 143,
            Self::Signal(Signal::Hangup) => 129,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_wins_then_3_then_2_then_4_then_1() {
        let order = [
            Exit::Signal(Signal::Interrupt),
            Exit::Unreachable,
            Exit::Invalid,
            Exit::Refused,
            Exit::Findings,
            Exit::Done,
        ];
        for (rank, winner) in order.iter().enumerate() {
            for loser in &order[rank..] {
                assert_eq!(winner.and(*loser), *winner);
                assert_eq!(loser.and(*winner), *winner);
            }
        }
    }

    #[test]
    fn codes_are_those_of_the_documentation() {
        let codes = [
            (Exit::Done, 0),
            (Exit::Findings, 1),
            (Exit::Invalid, 2),
            (Exit::Unreachable, 3),
            (Exit::Refused, 4),
            (Exit::Signal(Signal::Interrupt), 130),
            (Exit::Signal(Signal::Terminate), 143),
            (Exit::Signal(Signal::Hangup), 129),
        ];
        for (exit, code) in codes {
            assert_eq!(exit.code(), code);
        }
    }
}
