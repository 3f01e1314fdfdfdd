//! The text of a config: line numbers, marks on lines with something wrong, the cursor, and below it
//! what is wrong.

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::canvas::Canvas;
use crate::dashboard::app::configs::editor::{Editor, part};
use crate::dashboard::app::format::plural;
use crate::dashboard::app::geometry::{self, Area, GUTTER};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};

/// Paints it.
pub fn render(state: &State, editor: &Editor, canvas: &mut Canvas<'_>) {
    let pane = geometry::body(state);
    canvas.clear(Rect::new(pane.x, pane.y, pane.width, pane.height));
    let (line, column) = editor.text.cursor();
    let changed = if editor.saving {
        Line::of("saving …", Tone::Accent)
    } else if editor.text.is_changed() {
        Line::of("changed", Tone::Warn)
    } else {
        Line::of("as stored", Tone::Dim)
    };
    let right = changed.and(format!("  {}:{}", line + 1, column + 1), Tone::Dim);
    let title = Line::of(format!("{} as YAML", editor.name), Tone::Strong);
    canvas.frame(pane, &title, &right, true);
    let (area, below) = geometry::editor(state);
    text(editor, canvas, area);
    canvas.rule(pane, below.y - pane.y, '├', '┤', canvas.theme.border);
    problem(editor, canvas, below.split(1).1);
}

fn text(editor: &Editor, canvas: &mut Canvas<'_>, area: Area) {
    let width = area.width.saturating_sub(GUTTER);
    let (line, _) = editor.text.cursor();
    let lines = editor.text.lines();
    for (row, y) in (area.y..area.y + area.height).enumerate() {
        let at = editor.top + row;
        let Some(text) = lines.get(at) else { break };
        let wrong = editor.text.marks.iter().find(|(marked, _)| *marked == at);
        let (mark, tone) = match wrong {
            Some(_) => ("!", Tone::Bad),
            None if at == line => (" ", Tone::Plain),
            None => (" ", Tone::Dim),
        };
        let style = canvas.theme.tone(tone);
        let number = format!("{:>4}{mark}", (at + 1) % 10_000);
        canvas.put(area.x, y, GUTTER, &number, style);
        let x = area.x + GUTTER;
        let shown = part(text, editor.left, usize::from(width));
        let used = canvas.put(x, y, width, &shown, canvas.theme.text);
        if let Some((_, message)) = wrong {
            let told = Line::of(format!("  ! {message}"), Tone::Bad);
            canvas.put_line(x + used, y, width.saturating_sub(used), &told);
        }
        if at == line {
            cursor(editor, canvas, (x, y), width);
        }
    }
}

/// The cell of the cursor, reversed: the terminal's own cursor is hidden.
fn cursor(editor: &Editor, canvas: &mut Canvas<'_>, (x, y): (u16, u16), width: u16) {
    let column = editor.cursor_column().saturating_sub(editor.left);
    if column < usize::from(width) {
        let style = canvas.theme.text.add_modifier(Modifier::REVERSED);
        canvas.restyle(x + column as u16, y, 1, style);
    }
}

fn problem(editor: &Editor, canvas: &mut Canvas<'_>, area: Area) {
    let width = area.width.saturating_sub(2);
    let line = match editor.told() {
        None => Line::of("Nothing is wrong with it. ", Tone::Dim).and(
            "Stored is the text in its shortest form; notes behind # are not kept.",
            Tone::Dim,
        ),
        Some(found) => {
            let at = found.line.map_or(String::new(), |n| format!("line {n}: "));
            let more = match editor.problems.len() {
                0 | 1 => String::new(),
                n => format!("{}: ", plural(n, "problem", "problems")),
            };
            let remedy = found
                .remedy
                .as_ref()
                .map_or(String::new(), |remedy| format!(" · {remedy}"));
            Line::of(format!("! {more}{at}"), Tone::Bad)
                .and(&found.message, Tone::Plain)
                .and(remedy, Tone::Accent)
                .hanging(2)
        }
    };
    for (y, row) in (area.y..area.y + area.height).zip(line.wrap(usize::from(width))) {
        canvas.put_line(area.x + 1, y, width, &row);
    }
}
