//! Named points at which tests stop or kill the process; nothing in release builds.
//!
//! `DB_TAXI_HOOKS=swap.rename=stop,copy.commit@3=kill` stops (SIGSTOP) or kills (SIGKILL) the
//! process when it reaches the point, the third time with `@3`. `panic:TEXT` panics there with TEXT.
//! A number is a limit of that name, for what no test can wait for.

/// What a test sets a limit to (`guard.undo=2000`); the limit itself in release builds.
#[must_use]
pub fn limit(name: &str, default: u64) -> u64 {
    #[cfg(debug_assertions)]
    if let Some(set) = live::limit(name) {
        return set;
    }
    let _ = name;
    default
}

/// Reaches a named point.
pub fn reach(point: &str) {
    #[cfg(debug_assertions)]
    live::reach(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(debug_assertions)]
mod live {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    struct Hook {
        at: u32,
        action: String,
        seen: u32,
    }

    static HOOKS: LazyLock<Mutex<HashMap<String, Hook>>> = LazyLock::new(|| {
        let text = std::env::var("DB_TAXI_HOOKS").unwrap_or_default();
        let hooks = text
            .split(',')
            .filter_map(|entry| entry.split_once('='))
            .map(|(point, action)| {
                let (name, at) = match point.split_once('@') {
                    Some((name, at)) => (name, at.parse().unwrap_or(1)),
                    None => (point, 1),
                };
                (
                    name.to_owned(),
                    Hook {
                        at,
                        action: action.to_owned(),
                        seen: 0,
                    },
                )
            })
            .collect();
        Mutex::new(hooks)
    });

    pub(super) fn limit(name: &str) -> Option<u64> {
        let hooks = HOOKS.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.get(name)?.action.parse().ok()
    }

    pub(super) fn reach(point: &str) {
        let action = {
            let mut hooks = HOOKS.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(hook) = hooks.get_mut(point) else {
                return;
            };
            hook.seen += 1;
            if hook.seen != hook.at {
                return;
            }
            hook.action.clone()
        };
        if let Some(text) = action.strip_prefix("panic:") {
            panics(text);
        }
        tracing::warn!(target: "db_taxi::sync", point, action, "test hook reached");
        let signal = match action.as_str() {
            "stop" => rustix::process::Signal::STOP,
            "term" => rustix::process::Signal::TERM,
            "int" => rustix::process::Signal::INT,
            _ => rustix::process::Signal::KILL,
        };
        // A failed signal leaves the process running, which the test then notices.
        let _sent = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
    #[expect(clippy::panic, reason = "it is what the test asked for")]
    fn panics(text: &str) -> ! {
        panic!("{text}")
    }
}
