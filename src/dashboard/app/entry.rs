//! One line of text that is being typed, and the keys that change it. Plain letters are always
//! text here, never a command.

use super::key::{Code, Key};
use super::text::clean;

/// Most characters of a line; pasted text is cut there.
const MOST: usize = 300;

/// Changes `text` by a key; says whether the key was one for it.
pub fn edit(text: &mut String, key: Key) -> bool {
    match (key.code, key.ctrl) {
        (Code::Backspace, _) | (Code::Char('h'), true) => {
            text.pop();
        }
        (Code::Char('u'), true) => text.clear(),
        (Code::Char('w'), true) => {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        (Code::Char(c), false) => {
            if text.chars().count() < MOST {
                text.push(c);
            }
        }
        _ => return false,
    }
    true
}

/// Adds pasted text.
pub fn paste(text: &mut String, pasted: &str) {
    let room = MOST.saturating_sub(text.chars().count());
    text.extend(clean(pasted).trim().chars().take(room));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_text_and_a_few_chords_correct_it() {
        let mut text = String::new();
        for key in ["q", "space", "a", "b", "ctrl-w", "x", "backspace"] {
            assert!(edit(&mut text, key.parse().unwrap()));
        }
        assert_eq!(text, "q ");
        assert!(!edit(&mut text, Key::plain(Code::Up)));
        assert!(!edit(&mut text, Key::ctrl('n')));
        paste(&mut text, "a\u{1b}b\n");
        assert_eq!(text, "q a b");
        paste(&mut text, &"x".repeat(1000));
        assert_eq!(text.chars().count(), MOST);
    }
}
