//! Panics, told plainly: where, and what to do. Never the message of one that was put together
//! while running: it could hold a row or a password.

use std::any::Any;
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};

/// Tells panics on stderr, one line each.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr(), "{}", told(info));
    }));
}

fn told(info: &PanicHookInfo<'_>) -> String {
    let place = info
        .location()
        .map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    let what = fixed_message(info.payload()).map_or_else(String::new, |what| format!(": {what}"));
    format!(
        "internal error{place}{what}; this is a fault of db-taxi {}, please report it",
        env!("CARGO_PKG_VERSION")
    )
}

/// The message, if it stands in the program's text and so can hold nothing of its data.
fn fixed_message(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_put_together_while_running_is_never_told() {
        let formatted: Box<dyn Any + Send> = Box::new(format!("password {}", "canary"));
        assert_eq!(fixed_message(&*formatted), None);
        let fixed: Box<dyn Any + Send> = Box::new("index out of bounds");
        assert_eq!(fixed_message(&*fixed), Some("index out of bounds"));
    }
}
