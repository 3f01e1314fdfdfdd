//! A whole config as text: edited, read back, with what is wrong on its lines.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::ask::{Base, Saving};
use super::diff::text_of;
use crate::dashboard::app::form::lines_edit::LinesEdit;
use crate::dashboard::app::text::clean;
use crate::model::config::{Config, ConfigSpec};
use crate::model::finding::Finding;
use crate::model::mapping::{self, Format};

/// After the last key the text is read this much later, so that nothing is told half way through a
/// word.
const QUIET: Duration = Duration::from_millis(700);

/// The text of a config.
#[derive(Debug, Clone)]
pub struct Editor {
    /// Name of the config when it was opened.
    pub name: String,
    /// What is typed.
    pub text: LinesEdit,
    /// What it replaces.
    pub base: Option<Base>,
    /// The config as it was opened, as text.
    pub opened: String,
    /// What is wrong, with lines.
    pub problems: Vec<Finding>,
    /// First line on the screen.
    pub top: usize,
    /// First column on the screen.
    pub left: usize,
    /// When the last key was pressed that has not been read back.
    changed_at: Option<Duration>,
    /// Whether it is being stored.
    pub saving: bool,
}

impl Editor {
    /// A stored config.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let base = Base {
            id: config.id,
            version: config.version,
        };
        Self::new(&config.spec, Some(base))
    }

    /// A config that replaces `base`, or a new one.
    #[must_use]
    pub fn new(spec: &ConfigSpec, base: Option<Base>) -> Self {
        let opened = text_of(spec);
        Self {
            name: spec.name.clone(),
            text: LinesEdit::new(&opened),
            base,
            opened,
            problems: Vec::new(),
            top: 0,
            left: 0,
            changed_at: None,
            saving: false,
        }
    }

    /// Notes that the text may have changed.
    pub fn touched(&mut self, now: Duration) {
        self.changed_at = Some(now);
    }

    /// Reads the text back when nobody has typed for a moment; says whether what is wrong changed.
    pub fn settle(&mut self, now: Duration) -> bool {
        match self.changed_at {
            Some(at) if at + QUIET <= now => {
                let before = std::mem::take(&mut self.problems);
                // What is wrong is kept in the editor.
                let _spec = self.read();
                self.problems != before
            }
            _ => false,
        }
    }

    /// Reads the text as a config; what is wrong is marked on its lines.
    pub fn read(&mut self) -> Option<ConfigSpec> {
        self.changed_at = None;
        let read = mapping::parse_object::<ConfigSpec>(&self.text.text(), Format::Yaml);
        let (spec, problems) = match read {
            Ok(spec) => (Some(spec), Vec::new()),
            Err(problems) => (None, problems),
        };
        self.take_problems(problems);
        spec
    }

    /// What is to be stored.
    #[must_use]
    pub fn saving(&self, spec: ConfigSpec) -> Saving {
        Saving {
            base: self.base,
            spec,
        }
    }

    /// Takes what was found wrong; paths without a line get that of their field.
    pub fn take_problems(&mut self, mut problems: Vec<Finding>) {
        if problems.iter().any(|problem| problem.line.is_none()) {
            let text = self.text.text();
            let source = mapping::Source {
                text: &text,
                format: Format::Yaml,
            };
            source.add_lines(&mut problems);
        }
        self.text.marks = problems
            .iter()
            .filter_map(|problem| Some((problem.line?.saturating_sub(1), problem.message.clone())))
            .collect();
        self.problems = problems;
    }

    /// The problem that is told in full: that of the cursor's line, else the first.
    #[must_use]
    pub fn told(&self) -> Option<&Finding> {
        let line = self.text.cursor().0 + 1;
        self.problems
            .iter()
            .find(|problem| problem.line == Some(line))
            .or(self.problems.first())
    }

    /// Goes to the next line with something wrong, round about; `false` when there is none.
    pub fn next_problem(&mut self) -> bool {
        let here = self.text.cursor().0 + 1;
        let mut lines: Vec<usize> = self.problems.iter().filter_map(|p| p.line).collect();
        lines.sort_unstable();
        let next = lines.iter().find(|line| **line > here).or(lines.first());
        match next {
            Some(line) => {
                self.text.go_to(line - 1);
                true
            }
            None => false,
        }
    }

    /// Columns before the cursor in its line.
    #[must_use]
    pub fn cursor_column(&self) -> usize {
        let (line, at) = self.text.cursor();
        let text = self.text.lines().get(line).map_or("", String::as_str);
        text.chars().take(at).map(columns).sum()
    }

    /// Scrolls so that the cursor is among `rows` and `width` columns.
    pub fn keep_visible(&mut self, rows: usize, width: usize) {
        let (line, _) = self.text.cursor();
        if line < self.top {
            self.top = line;
        } else if rows > 0 && line >= self.top + rows {
            self.top = line + 1 - rows;
        }
        let column = self.cursor_column();
        if column < self.left {
            self.left = column.saturating_sub(width / 4);
        } else if width > 0 && column >= self.left + width {
            self.left = column + 1 + width / 4 - width;
        }
        if column < width.saturating_sub(1) {
            self.left = 0;
        }
    }
}

/// Columns of a character as it is shown: control characters are shown as a blank.
#[must_use]
pub fn columns(c: char) -> usize {
    if c.is_control() {
        1
    } else {
        c.width().unwrap_or(0)
    }
}

/// The part of a line that is shown from column `left` on; a wide character that is cut in two gives
/// a blank.
#[must_use]
pub fn part(text: &str, left: usize, width: usize) -> String {
    let mut out = String::new();
    let (mut at, mut used) = (0, 0);
    for c in text.chars() {
        let own = columns(c);
        let (begin, end) = (at, at + own);
        at = end;
        if end <= left && own > 0 || begin < left && own == 0 {
            continue;
        }
        let visible = end - begin.max(left);
        if used + visible > width {
            break;
        }
        if begin < left {
            out.push_str(&" ".repeat(visible));
        } else {
            out.push(if c.is_control() { ' ' } else { c });
        }
        used += visible;
    }
    // What has no place on a screen goes out the way of all text.
    clean(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rule::TableRule;

    fn editor() -> Editor {
        let spec = ConfigSpec::new("shop", "production", vec![TableRule::of_table("orders")]);
        Editor::new(&spec, None)
    }

    fn keys(editor: &mut Editor, keys: &str) {
        for key in keys.split_whitespace() {
            editor.text.key(key.parse().unwrap());
        }
        editor.touched(Duration::from_secs(1));
    }

    #[test]
    fn what_is_typed_is_read_back_after_a_moment_and_mistakes_stand_on_their_lines() {
        let mut editor = editor();
        assert!(editor.read().is_some());
        keys(&mut editor, "end enter s y n c _ m o d e : space f u l");
        assert!(!editor.settle(Duration::from_millis(1500)));
        assert!(editor.settle(Duration::from_millis(1800)));
        assert_eq!(editor.problems[0].line, Some(2), "{:?}", editor.problems);
        assert_eq!(editor.text.marks[0].0, 1);
        keys(&mut editor, "l");
        assert!(editor.settle(Duration::from_secs(9)));
        assert_eq!(editor.problems, []);
    }

    #[test]
    fn problems_are_visited_round_about() {
        let mut editor = editor();
        keys(&mut editor, "end enter x : space 1 enter y : space 2");
        assert!(editor.read().is_none());
        assert!(editor.next_problem());
        let first = editor.text.cursor().0;
        assert!(editor.next_problem());
        assert_ne!(editor.text.cursor().0, first);
        assert!(editor.next_problem());
        assert_eq!(editor.text.cursor().0, first);
    }

    #[test]
    fn a_line_is_cut_by_columns_and_shows_no_control_character() {
        assert_eq!(part("abcdef", 2, 3), "cde");
        assert_eq!(part("日本語", 1, 4), " 本");
        assert_eq!(part("a\u{1b}[2J", 0, 9), "a [2J");
        assert_eq!(part("abc", 9, 3), "");
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        let mut editor = editor();
        editor.text.paste(&"x".repeat(200));
        editor.keep_visible(3, 40);
        let column = editor.cursor_column();
        assert!((editor.left..editor.left + 40).contains(&column));
        keys(&mut editor, "home");
        editor.keep_visible(3, 40);
        assert_eq!(editor.left, 0);
        keys(&mut editor, "down down down down");
        editor.keep_visible(2, 40);
        let line = editor.text.cursor().0;
        assert!((editor.top..editor.top + 2).contains(&line));
    }
}
