//! Forms, and what lies beside them.

use ratatui::style::{Modifier, Style};

use crate::dashboard::app::form::rows::{FOOT, FormRow, LABEL, LEAST_LINES};
use crate::dashboard::app::form::{Field, Form, Input, Side};
use crate::dashboard::app::geometry::{self, Area};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;

/// Paints a form and what lies beside it.
pub fn render(state: &State, form: &Form, canvas: &mut Canvas<'_>) {
    // Nothing of the tab below stands beside it.
    canvas.clear_area(geometry::body(state));
    let areas = geometry::form(state, form);
    render_form(state, form, canvas, areas.form);
    if let (Some(area), Some(side)) = (areas.side, &form.side) {
        render_side(state, side, canvas, area);
    }
}

fn render_form(state: &State, form: &Form, canvas: &mut Canvas<'_>, area: Area) {
    canvas.clear_area(area);
    let focused = !form.on_side();
    let title = Line::of(&form.title, Tone::Strong);
    let right = if form.is_changed() {
        Line::of("not saved", Tone::Warn)
    } else {
        Line::empty()
    };
    canvas.frame(area, &title, &right, focused);
    let inner = area.padded();
    let (upper, foot) = inner.split(inner.height.saturating_sub(FOOT));
    let rows = form.rows(usize::from(inner.width));
    let height = usize::from(upper.height);
    let first = form.first_row(&rows, height);
    let spare = upper.height.saturating_sub(rows.len() as u16 - 1);
    let mut y = upper.y;
    for row in rows.iter().skip(first) {
        let left = (upper.y + upper.height).saturating_sub(y);
        if left == 0 {
            break;
        }
        y += match row {
            FormRow::Lines(place) => {
                let height = spare.max(LEAST_LINES).min(left);
                let area = Area { y, height, ..upper };
                super::lines::render(
                    canvas,
                    area,
                    &form.fields[*place],
                    focused && form.focus() == *place,
                );
                height
            }
            other => {
                render_row(
                    form,
                    other,
                    canvas,
                    Area {
                        y,
                        height: 1,
                        ..upper
                    },
                    focused,
                );
                1
            }
        };
    }
    if foot.height == FOOT {
        let style = if focused {
            canvas.theme.focus
        } else {
            canvas.theme.border
        };
        canvas.rule(area, foot.y - area.y, '├', '┤', style);
        let lines = form.foot(state.clock.steady).wrap(usize::from(foot.width));
        for (i, line) in lines.iter().take(2).enumerate() {
            canvas.put_line(foot.x, foot.y + 1 + i as u16, foot.width, line);
        }
    }
}

fn render_row(form: &Form, row: &FormRow, canvas: &mut Canvas<'_>, area: Area, focused: bool) {
    match row {
        FormRow::Intro(line) => {
            canvas.put_line(area.x, area.y, area.width, line);
        }
        FormRow::Heading(text) => {
            let line = Line::of(text, Tone::Dim);
            canvas.put_line(area.x, area.y, area.width, &line);
        }
        FormRow::Field(place) => {
            let has_focus = focused && *place == form.focus();
            render_field(&form.fields[*place], canvas, area, has_focus);
        }
        FormRow::Error(place, line) => {
            let indent = if form.fields[*place].has_lines() {
                0
            } else {
                LABEL as u16 + 2
            };
            canvas.put_line(
                area.x + indent,
                area.y,
                area.width.saturating_sub(indent),
                line,
            );
        }
        FormRow::Lines(_) => {}
    }
}

fn render_field(field: &Field, canvas: &mut Canvas<'_>, area: Area, focused: bool) {
    let theme = canvas.theme;
    if focused {
        canvas.put(area.x, area.y, 1, "▌", theme.accent);
    }
    let label = if focused { theme.accent } else { theme.text };
    if let Input::Fold(open) = field.input {
        let mark = if open { "▼" } else { "▶" };
        let text = format!("{mark} {}", field.label);
        canvas.put(
            area.x + 2,
            area.y,
            area.width.saturating_sub(2),
            &text,
            label,
        );
        return;
    }
    canvas.put(area.x + 2, area.y, LABEL as u16 - 1, &field.label, label);
    let x = area.x + 2 + LABEL as u16;
    let width = (area.x + area.width).saturating_sub(x);
    let area = Area { x, width, ..area };
    match &field.input {
        Input::Text(line) => {
            let (text, column) = line.view(usize::from(width));
            if text.is_empty() {
                canvas.put(x, area.y, width, &field.placeholder, theme.dim);
            }
            canvas.put(x, area.y, width, &text, theme.text);
            if focused {
                cursor(canvas, x + column as u16, area.y);
            }
        }
        Input::Secret(secret) => {
            let (text, column) = secret.view(usize::from(width));
            let style = if secret.shows_words() {
                theme.dim
            } else {
                theme.text
            };
            canvas.put(x, area.y, width, &text, style);
            if focused {
                cursor(canvas, x + column as u16, area.y);
            }
        }
        Input::Toggle(on) => {
            let text = if *on { "[x] yes" } else { "[ ] no" };
            canvas.put(x, area.y, width, text, theme.text);
        }
        Input::Choice { options, at } => choice(canvas, area, options, *at, focused),
        Input::Lines(_) | Input::Fold(_) => {}
    }
}

/// All options in a row where there is room, else the chosen one between arrows.
fn choice(
    canvas: &mut Canvas<'_>,
    area: Area,
    options: &[(String, String)],
    at: usize,
    focused: bool,
) {
    let theme = canvas.theme;
    let bare: usize = options.iter().map(|(_, l)| l.chars().count() + 4).sum();
    let gaps = options.len().saturating_sub(1);
    let room = usize::from(area.width);
    let chosen = if focused { theme.accent } else { theme.strong };
    if bare + gaps > room {
        let label = options.get(at).map_or("", |(_, label)| label.as_str());
        let text = format!("◀ {label} ▶  {} of {}", at + 1, options.len());
        canvas.put(area.x, area.y, area.width, &text, chosen);
        return;
    }
    let gap = if bare + 2 * gaps > room { 1 } else { 2 };
    let mut x = area.x;
    for (i, (_, label)) in options.iter().enumerate() {
        let (mark, style) = if i == at {
            ("(•)", chosen)
        } else {
            ("( )", theme.dim)
        };
        let room = (area.x + area.width).saturating_sub(x);
        x += canvas.put(x, area.y, room, &format!("{mark} {label}"), style) + gap;
    }
}

/// The cell where the next character goes.
pub fn cursor(canvas: &mut Canvas<'_>, x: u16, y: u16) {
    canvas.restyle(x, y, 1, Style::new().add_modifier(Modifier::REVERSED));
}

fn render_side(state: &State, side: &Side, canvas: &mut Canvas<'_>, area: Area) {
    canvas.clear_area(area);
    let tone = match side.tone {
        Tone::Plain => Tone::Strong,
        tone => tone,
    };
    let mark = if side.tone == Tone::Bad { "! " } else { "" };
    let title = Line::of(format!("{mark}{}", side.title), tone);
    let inner = area.padded();
    let height = usize::from(inner.height);
    let rows = side.rows(usize::from(inner.width));
    let scroll = side.scroll.min(rows.len().saturating_sub(height));
    let right = if rows.len() > height {
        let last = (scroll + height).min(rows.len());
        Line::of(
            format!("{}-{last} of {}", scroll + 1, rows.len()),
            Tone::Dim,
        )
    } else {
        Line::empty()
    };
    canvas.frame(area, &title, &right, side.focused);
    if let Some(wait) = &side.wait {
        for (i, line) in wait
            .shown(state.clock.steady)
            .wrap(usize::from(inner.width))
            .iter()
            .enumerate()
        {
            canvas.put_line(inner.x, inner.y + i as u16, inner.width, line);
        }
        return;
    }
    for (i, row) in rows.iter().skip(scroll).take(height).enumerate() {
        canvas.put_line(inner.x, inner.y + i as u16, inner.width, row);
    }
}
