//! Which rows and columns belong to what, so that paging and painting agree.

use super::confirm::Confirm;
use super::form::Form;
use super::form::rows::FOOT;
use super::overlay::{Dialog, Overlay, Sheet, SheetKind};
use super::state::{State, Tab};
use super::text::Line;
use unicode_width::UnicodeWidthStr;

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it all")]
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Area {
    /// What is left inside a border.
    #[must_use]
    pub fn inner(self) -> Self {
        Self {
            x: self.x + 1.min(self.width),
            y: self.y + 1.min(self.height),
            width: self.width.saturating_sub(2),
            height: self.height.saturating_sub(2),
        }
    }

    /// What is left inside a border and a blank column beside it.
    #[must_use]
    pub fn padded(self) -> Self {
        let inner = self.inner();
        Self {
            x: inner.x + 1.min(inner.width),
            width: inner.width.saturating_sub(2),
            ..inner
        }
    }

    /// The upper `rows` and the rest.
    #[must_use]
    pub fn split(self, rows: u16) -> (Self, Self) {
        let upper = rows.min(self.height);
        (
            Self {
                height: upper,
                ..self
            },
            Self {
                y: self.y + upper,
                height: self.height - upper,
                ..self
            },
        )
    }
}

/// Smallest screen that is painted in full.
pub const LEAST: (u16, u16) = (60, 16);
/// Rows of header and tabs.
const TOP: u16 = 2;
/// Lines of the strip that tells about the selected connection or config.
pub const ABOUT: u16 = 2;
/// Lines of the strip under the tables of a job.
pub const PACE: u16 = 5;

/// Whether the screen is too small for anything but one line.
#[must_use]
pub fn too_small(state: &State) -> bool {
    state.width < LEAST.0 || state.height < LEAST.1
}

/// The part between tabs and footer.
#[must_use]
pub fn body(state: &State) -> Area {
    Area {
        x: 0,
        y: TOP,
        width: state.width,
        height: state.height.saturating_sub(TOP + 1),
    }
}

/// Where each tab's name stands: its first column and its text.
#[must_use]
pub fn tabs(state: &State) -> Vec<(Tab, u16, String)> {
    let mut x = 1;
    Tab::ALL
        .into_iter()
        .map(|tab| {
            let key = (state.setup.keymap.shown(tab.action()))
                .map_or(String::new(), |key| format!("{key} "));
            let text = format!(" {key}{} ", tab.title());
            let at = x;
            x += text.width() as u16 + 1;
            (tab, at, text)
        })
        .collect()
}

/// The tab whose name is in this cell.
#[must_use]
pub fn tab_at(state: &State, x: u16, y: u16) -> Option<Tab> {
    let tabs = tabs(state).into_iter();
    let mut hit = tabs.filter(|(_, from, text)| (*from..*from + text.width() as u16).contains(&x));
    hit.next().filter(|_| y == TOP - 1).map(|(tab, ..)| tab)
}

/// The row of the shown list at this row of the screen, counted from its first on the screen.
#[must_use]
pub fn list_row_at(state: &State, y: u16) -> Option<usize> {
    let area = match state.tab {
        Tab::Connections | Tab::Configs => list(body(state), ABOUT).0,
        Tab::Jobs => jobs(state).0?.inner(),
        Tab::Logs => return None,
    };
    let heading = 1 + u16::from(state.trouble().is_some());
    let row = usize::from(y.checked_sub(area.y + heading)?);
    (row < list_rows(state)).then_some(row)
}

/// Whether a job's tables share the screen with the list of jobs.
#[must_use]
pub fn shares(state: &State) -> bool {
    state.width >= 100 && state.height >= 30
}

/// The pane of the jobs' list and the pane of the job that is open, whichever are shown.
#[must_use]
pub fn jobs(state: &State) -> (Option<Area>, Option<Area>) {
    let body = body(state);
    match &state.detail {
        None => (Some(body), None),
        Some(_) if !shares(state) => (None, Some(body)),
        Some(_) => {
            let trouble = usize::from(state.trouble().is_some());
            let wanted =
                (state.jobs.shown().len() + trouble + 3).min(usize::from(body.height)) as u16;
            let (list, detail) = body.split(wanted.clamp(6, body.height / 3));
            (Some(list), Some(detail))
        }
    }
}

/// Parts of a pane with a list: its rows, and the strip of `lines` under a rule.
#[must_use]
pub fn list(pane: Area, lines: u16) -> (Area, Option<Area>) {
    let inner = pane.inner();
    if inner.height < lines + 6 {
        return (inner, None);
    }
    let (rows, strip) = inner.split(inner.height - lines - 1);
    (rows, Some(strip))
}

/// Rows of the list under its heading in the tab that is shown.
#[must_use]
pub fn list_rows(state: &State) -> usize {
    let area = match state.tab {
        Tab::Connections | Tab::Configs => list(body(state), ABOUT).0,
        Tab::Jobs => jobs(state).0.map_or(Area::default(), Area::inner),
        Tab::Logs => body(state).inner(),
    };
    // One for the heading, one for a line that tells of trouble.
    let trouble = u16::from(state.trouble().is_some());
    usize::from(area.height.saturating_sub(1 + trouble))
}

/// Rows of the open job's tables under their heading.
#[must_use]
pub fn table_rows(state: &State) -> usize {
    jobs(state).1.map_or(0, |pane| {
        usize::from(list(pane, PACE).0.height.saturating_sub(1))
    })
}

/// Columns and rows of the log.
#[must_use]
pub fn log(state: &State) -> (usize, usize) {
    let inner = body(state).inner();
    (usize::from(inner.width), usize::from(inner.height))
}

/// Columns of the line numbers of a text that is edited, with the mark behind them.
pub const GUTTER: u16 = 6;
/// Rows below a text that is edited, for what is wrong with it.
pub const PROBLEM: u16 = 2;

/// The pane of a text that is edited: its text, and the rows below it.
#[must_use]
pub fn editor(state: &State) -> (Area, Area) {
    let inner = body(state).inner();
    inner.split(inner.height.saturating_sub(PROBLEM + 1))
}

/// Columns and rows of a text that is edited.
#[must_use]
pub fn editor_text(state: &State) -> (usize, usize) {
    let area = editor(state).0;
    (
        usize::from(area.width.saturating_sub(GUTTER)),
        usize::from(area.height),
    )
}

/// Columns and rows of differences, without the line below them.
#[must_use]
pub fn differences(state: &State) -> (usize, usize) {
    let area = body(state).padded();
    let rows = area.height.saturating_sub(1);
    (usize::from(area.width), usize::from(rows))
}

/// Columns of a sheet with its frame: the help's columns are narrow, a plan's are not.
fn sheet_width(columns: u16, kind: &SheetKind) -> u16 {
    let most = match kind {
        SheetKind::Help => 84,
        SheetKind::Text | SheetKind::Instances => 92,
        SheetKind::Plan(_) | SheetKind::Review(_) => 110,
    };
    most.min(columns.saturating_sub(4))
}

/// Works out the rows of every sheet, unless they are known.
pub fn lay_sheets(state: &mut State) {
    let columns = state.width;
    for overlay in &mut state.overlays {
        if let Overlay::Sheet(sheet) = overlay {
            let width = sheet_width(columns, &sheet.kind);
            sheet.lay(usize::from(width.saturating_sub(4)));
        }
    }
}

/// Where a sheet lies.
#[must_use]
pub fn sheet(state: &State, sheet: &Sheet) -> Area {
    let width = sheet_width(state.width, &sheet.kind);
    let rows = sheet.all_rows(usize::from(width.saturating_sub(4)));
    let height = (rows.min(1000) as u16 + 2).min(state.height.saturating_sub(TOP + 1));
    let area = centred(state, width, height);
    // The way to it stays in sight above.
    Area {
        y: area.y.max(TOP),
        ..area
    }
}

/// Rows of text that a sheet shows at once, and rows that it has.
#[must_use]
pub fn sheet_rows(state: &State, text: &Sheet) -> (usize, usize) {
    let area = sheet(state, text);
    let width = usize::from(area.width.saturating_sub(4));
    (
        usize::from(area.height.saturating_sub(2)),
        text.row_count(width),
    )
}

/// Where a question lies.
#[must_use]
pub fn dialog(state: &State, dialog: &Dialog) -> Area {
    let choices: usize = dialog.choices.iter().map(|c| c.label.len() + 6).sum();
    question(state, &dialog.lines, choices, 2)
}

/// Where a question lies that wants a word.
#[must_use]
pub fn confirm(state: &State, confirm: &Confirm) -> Area {
    question(state, &confirm.text(), 50, 0)
}

/// A box for `lines` and `more` rows below them, at least `least` columns wide.
fn question(state: &State, lines: &[Line], least: usize, more: u16) -> Area {
    let widest = lines.iter().map(Line::width).max();
    let wanted = widest.unwrap_or(0).max(least).max(40) as u16 + 4;
    let width = wanted.min(state.width.saturating_sub(4)).min(90);
    let text: usize = lines
        .iter()
        .map(|l| l.wrap(usize::from(width.saturating_sub(4))).len())
        .sum();
    centred(
        state,
        width,
        (text as u16 + 2 + more).min(state.height.saturating_sub(2)),
    )
}

/// Where the palette lies: its height stays while less and less fits.
#[must_use]
pub fn palette(state: &State) -> Area {
    let width = 92.min(state.width.saturating_sub(4));
    let height = 18.min(state.height.saturating_sub(3));
    Area {
        y: 2,
        ..centred(state, width, height)
    }
}

/// Narrowest screen on which a pane stands beside a form instead of over it.
const BESIDE: u16 = 110;
/// Columns of a form with something beside it, and of one without.
const FORM: (u16, u16) = (68, 78);

/// Where a form lies, and what is beside or over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormAreas {
    /// The form.
    pub form: Area,
    /// What lies beside it; over it where there is no room, then only while it has the keys.
    pub side: Option<Area>,
}

/// Where a form lies.
#[must_use]
pub fn form(state: &State, form: &Form) -> FormAreas {
    let body = body(state);
    let beside = form.side.is_some() && state.width >= BESIDE;
    let width = if form.fills() && !beside {
        state.width.saturating_sub(4)
    } else if beside {
        FORM.0
    } else {
        FORM.1.min(state.width.saturating_sub(2))
    };
    let rows = form.rows(usize::from(width.saturating_sub(4))).len() as u16;
    let height = if form.fills() {
        body.height
    } else {
        (rows + 2 + FOOT).min(body.height)
    };
    let x = if beside {
        1
    } else {
        (state.width - width.min(state.width)) / 2
    };
    let area = Area {
        x,
        y: body.y,
        width,
        height,
    };
    let side = match &form.side {
        Some(_) if beside => Some(Area {
            x: x + width,
            y: body.y,
            width: state.width.saturating_sub(x + width + 1),
            height: body.height,
        }),
        Some(side) if side.focused => Some(Area {
            height: body.height,
            ..area
        }),
        _ => None,
    };
    FormAreas { form: area, side }
}

/// Rows of what lies beside the topmost form that are shown at once, and rows that it has.
#[must_use]
pub fn side_rows(state: &State) -> Option<(usize, usize)> {
    let top = state.form()?;
    let inner = form(state, top).side?.padded();
    let rows = top.side.as_ref()?.rows(usize::from(inner.width)).len();
    Some((usize::from(inner.height), rows))
}

/// Where a list to choose from lies.
#[must_use]
pub fn picker(state: &State) -> Area {
    body(state)
}

/// Its rows with their heading, and the line below them.
#[must_use]
pub fn picker_parts(state: &State) -> (Area, Area) {
    let inner = picker(state).inner();
    inner.split(inner.height.saturating_sub(1))
}

/// Rows under its heading.
#[must_use]
pub fn picker_rows(state: &State) -> usize {
    usize::from(picker_parts(state).0.height.saturating_sub(1))
}

fn centred(state: &State, width: u16, height: u16) -> Area {
    Area {
        x: (state.width - width.min(state.width)) / 2,
        y: (state.height - height.min(state.height)) / 2,
        width,
        height,
    }
}
