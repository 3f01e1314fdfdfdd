//! Several lines of text as they are typed. The editing is the text area's of the library; how it
//! looks is for `ui`, which reads lines and cursor.

use tui_textarea::{CursorMove, Input, Key as AreaKey, TextArea};

use crate::dashboard::app::key::{Code, Key};

/// Largest text that is kept, in bytes.
const LARGEST: usize = 1 << 20;

/// A text, its cursor, and what can be undone.
#[derive(Debug, Clone)]
pub struct LinesEdit {
    area: TextArea<'static>,
    before: String,
    /// Lines with something wrong, counted from 0, and what.
    pub marks: Vec<(usize, String)>,
}

impl LinesEdit {
    /// A text with the cursor at its beginning.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut area = TextArea::new(text.lines().map(str::to_owned).collect());
        area.set_tab_length(2);
        area.set_max_histories(500);
        Self {
            area,
            before: text.trim_end().to_owned(),
            marks: Vec::new(),
        }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join("\n") + "\n"
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Line and character of the cursor, counted from 0.
    #[must_use]
    pub fn cursor(&self) -> (usize, usize) {
        let at = self.area.cursor();
        (at.0, at.1)
    }

    /// Whether it differs from what it began with.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.area.lines().join("\n").trim_end() != self.before
    }

    /// Goes to a line, counted from 0.
    pub fn go_to(&mut self, line: usize) {
        let line = u16::try_from(line).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(line, 0));
    }

    /// Takes a key; says whether it had a meaning here.
    pub fn key(&mut self, key: Key) -> bool {
        let key_of = match key.code {
            Code::Char(c) => AreaKey::Char(c),
            Code::Enter => AreaKey::Enter,
            Code::Backspace => AreaKey::Backspace,
            Code::Delete => AreaKey::Delete,
            Code::Up => AreaKey::Up,
            Code::Down => AreaKey::Down,
            Code::Left => AreaKey::Left,
            Code::Right => AreaKey::Right,
            Code::Home => AreaKey::Home,
            Code::End => AreaKey::End,
            Code::PageUp => return self.page(false),
            Code::PageDown => return self.page(true),
            Code::Esc | Code::Tab | Code::BackTab => return false,
        };
        self.area.input(Input {
            key: key_of,
            ctrl: key.ctrl,
            alt: false,
            shift: false,
        });
        true
    }

    /// Takes pasted text with its line breaks; other control characters become blanks.
    pub fn paste(&mut self, text: &str) {
        let room = LARGEST.saturating_sub(self.area.lines().iter().map(|l| l.len() + 1).sum());
        let mut kept = String::new();
        for c in text.replace("\r\n", "\n").replace('\r', "\n").chars() {
            if kept.len() + c.len_utf8() > room {
                break;
            }
            kept.push(match c {
                '\n' => '\n',
                c if c.is_control() => ' ',
                c => c,
            });
        }
        self.area.insert_str(kept);
    }

    /// The library pages by what it has painted, and here it paints nothing.
    fn page(&mut self, down: bool) -> bool {
        const PAGE: usize = 10;
        let (line, _) = self.cursor();
        self.go_to(if down {
            line + PAGE
        } else {
            line.saturating_sub(PAGE)
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(edit: &mut LinesEdit, keys: &str) {
        for key in keys.split_whitespace() {
            edit.key(key.parse().unwrap());
        }
    }

    #[test]
    fn keys_edit_lines_and_can_be_undone() {
        let mut edit = LinesEdit::new("a: 1\nb: 2\n");
        assert!(!edit.is_changed());
        press(&mut edit, "end 5 enter c");
        assert_eq!(edit.text(), "a: 15\nc\nb: 2\n");
        assert_eq!(edit.cursor(), (1, 1));
        assert!(edit.is_changed());
        for _ in 0..5 {
            press(&mut edit, "ctrl-u");
        }
        assert!(!edit.is_changed(), "{}", edit.text());
    }

    #[test]
    fn a_paste_keeps_its_lines_and_loses_its_escapes() {
        let mut edit = LinesEdit::new("");
        edit.paste("a\r\nb\u{1b}[2Jc\td");
        assert_eq!(edit.lines(), ["a", "b [2Jc d"]);
        edit.paste(&"x".repeat(2 * LARGEST));
        assert!(edit.text().len() <= LARGEST + 1);
    }

    #[test]
    fn pages_and_jumps_end_at_the_ends() {
        let mut edit = LinesEdit::new(&"line\n".repeat(15));
        press(&mut edit, "pgdn pgdn pgdn");
        assert_eq!(edit.cursor().0, 14);
        press(&mut edit, "pgup pgup");
        assert_eq!(edit.cursor().0, 0);
    }
}
