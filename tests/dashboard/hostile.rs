//! Names and messages that want to break out: never raw on the terminal, never over a border.

use db_taxi::dashboard::app::confirm::Confirm;
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::overlay::Answer;
use db_taxi::dashboard::app::text::Line;
use db_taxi::dashboard::app::update::ask_word;
use db_taxi::dashboard::app::{Load, Msg, State, clipboard, update};
use db_taxi::dashboard::ui::theme::Theme;
use db_taxi::model::error::ErrorInfo;
use ratatui::buffer::Buffer;

use crate::sample::{self, job_id, press};
use crate::screens::paint;

/// Names that servers allow, and messages that they can send.
fn names() -> Vec<String> {
    vec![
        "a\u{1b}[2J\u{1b}]0;owned\u{7}b".to_owned(),
        "c\u{9b}31m\u{90}d".to_owned(),
        "line\r\nbreak\tand\u{8}\u{8}back".to_owned(),
        "顧客データベース".repeat(8),
        "מסד נתונים راقب".repeat(4),
        "evil\u{202e}gnp.exe\u{2066}x".to_owned(),
        "👨\u{200d}👩\u{200d}👧\u{200d}👦❤\u{fe0f}".repeat(6),
        "z\u{300}\u{301}\u{302}\u{303}\u{304}".repeat(20),
        "w".repeat(64),
        "`; DROP TABLE x; --".to_owned(),
        String::new(),
        " ".to_owned(),
    ]
}

/// Everything that has a name or a message carries this one.
fn poisoned(name: &str, width: u16, height: u16) -> State {
    let mut state = sample::full(width, height);
    let mut overview = sample::overview();
    name.clone_into(&mut overview.instance);
    overview.database.server = Some(name.to_owned());
    let mut connections = sample::connections();
    for connection in &mut connections {
        name.clone_into(&mut connection.spec.name);
        name.clone_into(&mut connection.spec.host);
        name.clone_into(&mut connection.spec.database);
        connection.health.error = Some(name.to_owned());
        connection.health.server = Some(name.to_owned());
    }
    let mut configs = sample::configs();
    for config in &mut configs {
        name.clone_into(&mut config.spec.name);
        name.clone_into(&mut config.spec.connection);
    }
    let mut jobs = sample::jobs();
    let mut running = sample::running_job();
    for job in jobs.iter_mut().chain([&mut running]) {
        name.clone_into(&mut job.config);
        name.clone_into(&mut job.connection);
        job.instance = Some(name.to_owned());
        poison(&mut job.error, name);
        for run in &mut job.tables {
            name.clone_into(&mut run.source_table);
            name.clone_into(&mut run.target_table);
            poison(&mut run.error, name);
        }
    }
    let mut lines = sample::log_lines(60);
    for line in &mut lines {
        name.clone_into(&mut line.message);
        line.table = Some(name.to_owned());
    }
    for (load, loaded) in [
        (Load::Overview, Loaded::Overview(Box::new(overview))),
        (Load::Connections, Loaded::Connections(connections)),
        (Load::Configs, Loaded::Configs(configs)),
        (Load::Jobs, Loaded::Jobs(jobs)),
        (Load::Job(job_id(4)), Loaded::Job(Box::new(running))),
    ] {
        sample::load(&mut state, load, loaded);
    }
    update(&mut state, Msg::Logged(lines));
    state
}

fn poison(error: &mut Option<ErrorInfo>, name: &str) {
    if let Some(error) = error {
        name.clone_into(&mut error.message);
        error.hint = Some(name.to_owned());
    }
}

/// Nothing on it does anything to a terminal, and every border that should be there is.
fn assert_whole(buffer: &Buffer, what: &str) {
    let (width, height) = (buffer.area.width, buffer.area.height);
    for cell in &buffer.content {
        let bad = |c: char| {
            c.is_control()
                || ('\u{200b}'..='\u{200f}').contains(&c)
                || ('\u{2028}'..='\u{202e}').contains(&c)
        };
        assert!(!cell.symbol().contains(bad), "{what}: {:?}", cell.symbol());
    }
    let at = |x: u16, y: u16| buffer.cell((x, y)).unwrap().symbol().to_owned();
    for y in 2..height - 1 {
        let (left, right) = (at(0, y), at(width - 1, y));
        assert!(
            "│┌├└".contains(&left),
            "{what}, row {y}: {left:?} on the left"
        );
        assert!(
            "│┐┤┘".contains(&right),
            "{what}, row {y}: {right:?} on the right"
        );
    }
}

#[test]
fn hostile_names_stay_text_within_their_borders_on_every_screen() {
    let theme = Theme::embedded("default").unwrap();
    for name in names() {
        for (width, height) in [(60, 16), (80, 24), (120, 40)] {
            for keys in [
                "1",
                "1 enter",
                "2",
                "2 enter",
                "3",
                "3 enter",
                "3 enter j j enter",
                "3 l",
                "4",
                "4 w",
                "x",
                "q q",
                "?",
                "/",
                "> >",
                ":",
                "!",
            ] {
                let mut state = poisoned(&name, width, height);
                press(&mut state, keys);
                if keys == "/" {
                    update(&mut state, Msg::Pasted(name.clone()));
                }
                let buffer = paint(&state, &theme, width, height);
                assert_whole(
                    &buffer,
                    &format!("{name:?} at {width}x{height} after {keys:?}"),
                );
            }
        }
    }
}

#[test]
fn hostile_names_stay_text_in_questions_notices_and_copies() {
    let theme = Theme::embedded("default").unwrap();
    for name in names() {
        let mut state = poisoned(&name, 80, 24);
        state.say(
            format!("{name}: failed"),
            db_taxi::dashboard::app::text::Tone::Bad,
        );
        press(&mut state, "!");
        assert_whole(&paint(&state, &theme, 80, 24), &format!("notice {name:?}"));
        state.overlays.clear();
        clipboard::copy(&mut state, "name", &format!("{name}\n{name}"));
        assert_whole(&paint(&state, &theme, 80, 24), &format!("copy {name:?}"));
        state.overlays.clear();
        let lines = vec![Line::plain(&name)];
        let asked = Confirm::new(
            name.clone(),
            lines,
            name.clone(),
            "delete it",
            Answer::Nothing,
        );
        ask_word(&mut state, asked);
        state.clock.steady += std::time::Duration::from_secs(1);
        update(&mut state, Msg::Pasted(name.clone()));
        assert_whole(
            &paint(&state, &theme, 80, 24),
            &format!("question {name:?}"),
        );
    }
}

#[test]
fn half_of_a_wide_character_never_hides_the_border_of_what_lies_over_it() {
    let theme = Theme::embedded("default").unwrap();
    for blanks in 0..4 {
        let name = format!("{}{}", "x".repeat(blanks), "日本語".repeat(20));
        let mut state = poisoned(&name, 120, 40);
        press(&mut state, "1 :");
        let buffer = paint(&state, &theme, 120, 40);
        for y in 2..20 {
            let before = buffer.cell((13, y)).unwrap().symbol();
            assert!(unicode_width::UnicodeWidthStr::width(before) < 2, "row {y}");
            assert!(
                "│┌└".contains(buffer.cell((14, y)).unwrap().symbol()),
                "row {y}"
            );
        }
    }
}

#[test]
fn a_name_that_cannot_be_typed_can_still_be_confirmed_by_pasting_it() {
    for name in names().into_iter().filter(|name| !name.trim().is_empty()) {
        let mut state = sample::full(80, 24);
        let asked = Confirm::new(
            "Delete?",
            vec![],
            name.clone(),
            "delete it",
            Answer::Nothing,
        );
        ask_word(&mut state, asked);
        state.clock.steady += std::time::Duration::from_secs(1);
        update(&mut state, Msg::Pasted(name.clone()));
        press(&mut state, "enter");
        assert!(state.overlays.is_empty(), "{name:?}");
    }
}
