//! Copying: the text goes to the terminal's clipboard (OSC 52), and is shown as well.
//!
//! No tool of this machine could reach the clipboard of the person at the other end of an SSH
//! line; the terminal can. Whether it does is never told, so the text stays readable too.

use super::effect::Effect;
use super::overlay::{Overlay, Sheet};
use super::state::State;
use super::text::{Line, Tone};

/// Most bytes that are copied: about what terminals take once it is encoded.
pub const MOST: usize = 74_000;
/// Longest text that the footer shows whole.
const SHORT: usize = 60;

/// Copies `text`, which is `what` in a word or two: "statement", "log line".
pub fn copy(state: &mut State, what: &str, text: &str) -> Vec<Effect> {
    if text.is_empty() {
        state.say(format!("{what}: nothing to copy"), Tone::Plain);
        return Vec::new();
    }
    if text.len() > MOST {
        let long = super::format::count(text.len() as u64);
        state.say(
            format!("{what} not copied: {long} bytes are more than terminals take"),
            Tone::Warn,
        );
        return Vec::new();
    }
    if text.contains('\n') || text.chars().count() > SHORT {
        show(state, what, text);
    } else {
        state.say(format!("copied: {text}"), Tone::Plain);
    }
    vec![Effect::Copy(text.to_owned())]
}

/// Copies `text`, which is on the screen already: so many lines.
pub fn copy_seen(state: &mut State, text: &str) -> Vec<Effect> {
    let lines = text.lines().count();
    let what = if lines == 1 { "line" } else { "lines" };
    if text.is_empty() || text.len() > MOST {
        return copy(state, what, text);
    }
    let copied = super::format::plural(lines, "line", "lines");
    state.say(format!("copied: {copied}"), Tone::Plain);
    vec![Effect::Copy(text.to_owned())]
}

/// Shows a text that the footer has no room for, unless a sheet shows it already.
fn show(state: &mut State, what: &str, text: &str) {
    if state.overlays.is_empty() {
        let mut lines: Vec<Line> = text.lines().map(Line::plain).collect();
        lines.push(Line::empty());
        lines.push(Line::of(
            "If your terminal takes no OSC 52, select the text above.",
            Tone::Dim,
        ));
        let sheet = Sheet::text(format!("Copied {what}"), lines);
        state.overlays.push(Overlay::Sheet(sheet));
        state.dirty = true;
    } else {
        state.say(format!("{what} copied"), Tone::Plain);
    }
}
