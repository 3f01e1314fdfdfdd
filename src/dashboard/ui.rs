//! Paints a state: `render(&State, &Theme, Frame)`, nothing else.
//!
//! Owns where things stand and how they look. Must not know: the services, the terminal, the time;
//! never changes the state. Called by `runtime` for each frame.

mod ascii;
mod canvas;
mod differences;
mod editor;
mod fresh;
mod marks;
mod night;
mod overlays;
mod shell;
mod tabs;
pub mod theme;
mod widgets;

use ratatui::Frame;

use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::{geometry, text::Tone};
use canvas::Canvas;
use theme::Theme;

/// Paints one frame.
pub fn render(state: &State, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut canvas = Canvas::new(frame.buffer_mut(), theme);
    if area.width == 0 || area.height == 0 {
        return;
    }
    canvas.clear(area);
    // The screen may have changed its size since the state heard of it.
    let sized;
    let state = if (state.width, state.height) == (area.width, area.height) {
        state
    } else {
        let mut copy = state.clone();
        (copy.width, copy.height) = (area.width, area.height);
        sized = copy;
        &sized
    };
    if geometry::too_small(state) {
        too_small(state, &mut canvas);
    } else {
        shell::header(state, &mut canvas);
        shell::tabs(state, &mut canvas);
        match state.tab {
            Tab::Connections => tabs::connections::render(state, &mut canvas),
            Tab::Configs => tabs::configs::render(state, &mut canvas),
            Tab::Jobs => tabs::jobs::render(state, &mut canvas),
            Tab::Logs => tabs::logs::render(state, &mut canvas),
        }
        shell::footer(state, &mut canvas);
        for overlay in &state.overlays {
            overlays::render(state, overlay, &mut canvas);
        }
    }
    if theme.ascii {
        ascii::reduce(frame.buffer_mut());
    }
}

fn too_small(state: &State, canvas: &mut Canvas<'_>) {
    let (width, height) = (state.width, state.height);
    let (need_width, need_height) = geometry::LEAST;
    let running = state.running_here().len();
    let jobs = match running {
        0 => String::new(),
        n => format!(
            " · {} on",
            crate::dashboard::app::format::plural(n, "job runs", "jobs run")
        ),
    };
    let text =
        format!("too small: {width}x{height}, needs {need_width}x{need_height}{jobs} · q quits");
    canvas.put(0, 0, width, &text, canvas.theme.tone(Tone::Plain));
}
