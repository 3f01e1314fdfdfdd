//! Pictures of every screen, with their styles, and every size.

use db_taxi::dashboard::app::confirm::Confirm;
use db_taxi::dashboard::app::differences::DifferencePart;
use db_taxi::dashboard::app::job_command::{JobAnswer, JobQuestion};
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::night::LookBack;
use db_taxi::dashboard::app::overlay::{Answer, Overlay};
use db_taxi::dashboard::app::text::{Line, Tone};
use db_taxi::dashboard::app::update::ask_word;
use db_taxi::dashboard::app::{Load, Msg, State, update};
use db_taxi::dashboard::ui::{self, theme::Theme};
use db_taxi::model::command::Refusal;
use db_taxi::model::log::Difference;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use crate::sample::{self, job_id, press};

pub fn paint(state: &State, theme: &Theme, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| ui::render(state, theme, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

pub fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    buffer
        .content
        .chunks(width)
        .map(|row| {
            let line: String = row.iter().map(|cell| cell.symbol()).collect();
            line.trim_end().to_owned() + "\n"
        })
        .collect()
}

/// The text, then each row's styled runs.
pub fn styled(buffer: &Buffer) -> String {
    let mut out = text(buffer);
    out.push_str("---\n");
    let width = usize::from(buffer.area.width.max(1));
    for (y, row) in buffer.content.chunks(width).enumerate() {
        let mut runs: Vec<(usize, String, String)> = Vec::new();
        for (x, cell) in row.iter().enumerate() {
            let style = style_of(cell.fg, cell.bg, cell.modifier);
            if style.is_empty() || cell.symbol() == "│" {
                continue;
            }
            match runs.last_mut() {
                Some((start, known, run))
                    if *known == style && *start + run.chars().count() == x =>
                {
                    run.push_str(cell.symbol());
                }
                _ if cell.symbol().trim().is_empty() => {}
                _ => runs.push((x, style, cell.symbol().to_owned())),
            }
        }
        for (x, style, run) in runs {
            let run = run.trim_end();
            out.push_str(&format!("{y:>2}:{x:<3} {style:<18} {run}\n"));
        }
    }
    out
}

fn style_of(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut words = Vec::new();
    if fg != Color::Reset {
        words.push(format!("{fg}"));
    }
    if bg != Color::Reset {
        words.push(format!("on {bg}"));
    }
    for (name, _) in modifier.iter_names() {
        words.push(name.to_owned());
    }
    words.join(" ")
}

fn answer_differences(state: &mut State, result: Result<Vec<(u64, Difference)>, Refusal>) {
    let Some(Overlay::Differences(window)) = state.overlays.last() else {
        panic!("no differences");
    };
    let query = window.query(DifferencePart::First);
    update(state, Msg::DifferencesRead { query, result });
}

/// Every screen that has a picture.
pub fn screens(width: u16, height: u16) -> Vec<(&'static str, State)> {
    let with = |keys: &str| {
        let mut state = sample::full(width, height);
        // Opened by itself where there is room; these pictures show the list alone.
        state.detail = None;
        press(&mut state, keys);
        state
    };
    let mut detail = with("3 enter");
    sample::load(
        &mut detail,
        Load::Job(job_id(4)),
        Loaded::Job(Box::new(sample::running_job())),
    );
    for second in 10..60 {
        sample::tick(&mut detail, second);
        let rate = 60_000.0 + f64::from((second as u32 * 7919) % 40_000);
        if let Some(detail) = &mut detail.detail {
            detail.job.progress.rows_per_second = rate;
            detail.sample(std::time::Duration::from_secs(second));
            detail.job.progress.rows_per_second = 91_204.0;
        }
    }
    press(&mut detail, "j j j");
    let of_job = |job: db_taxi::model::job::Job| {
        let mut state = with("3");
        state.jobs.select(job.id);
        press(&mut state, "enter");
        sample::load(&mut state, Load::Job(job.id), Loaded::Job(Box::new(job)));
        state
    };
    let mut repair = of_job(sample::verify_job());
    press(&mut repair, "f");
    let mut limits = with("3");
    update(
        &mut limits,
        Msg::JobAnswered {
            id: job_id(4),
            config: "shop-nightly".to_owned(),
            question: JobQuestion::Limits,
            result: Ok(JobAnswer::Limits(sample::limits())),
        },
    );
    let bad_night = |night, keys: &str| {
        let mut state = with("3");
        sample::load(
            &mut state,
            Load::Night(LookBack::Visit),
            Loaded::Night(night),
        );
        sample::tick(&mut state, 9);
        press(&mut state, keys);
        state
    };
    let mut own_limits = limits.clone();
    press(
        &mut own_limits,
        "tab right right tab tab 9 9 9 9 9 9 9 9 9 9 9 tab",
    );
    let differing = |keys: &str| {
        let mut state = of_job(sample::verify_job());
        press(&mut state, "d");
        answer_differences(&mut state, Ok(sample::differences()));
        press(&mut state, keys);
        state
    };
    let mut nothing_kept = of_job(sample::verify_job());
    press(&mut nothing_kept, "d");
    let reading = nothing_kept.clone();
    answer_differences(&mut nothing_kept, Ok(Vec::new()));
    let mut unreadable = reading.clone();
    let down = Refusal::DatabaseUnavailable("127.0.0.1:3306: connection refused".to_owned());
    answer_differences(&mut unreadable, Err(down));
    let mut sorted_tables = of_job(sample::ended_job());
    press(&mut sorted_tables, "> > R / n o enter");
    let mut paged = with("3");
    sample::load(
        &mut paged,
        Load::Jobs,
        Loaded::Jobs(crate::older::many(250)),
    );
    press(&mut paged, "/ 1 2 enter");
    let mut report = with("1");
    update(
        &mut report,
        Msg::Tested {
            name: "production".to_owned(),
            result: Ok(Box::new(sample::test_report())),
        },
    );
    let mut plan = with("2");
    update(
        &mut plan,
        Msg::Planned {
            config: "shop-nightly".to_owned(),
            exact: false,
            result: Ok(Box::new(sample::plan())),
        },
    );
    let mut down = sample::empty(width, height);
    sample::load(
        &mut down,
        Load::Overview,
        Loaded::Overview(Box::new(sample::overview_down())),
    );
    let mut lost = sample::full(width, height);
    sample::load(
        &mut lost,
        Load::Overview,
        Loaded::Overview(Box::new(sample::overview_down())),
    );
    let mut messages = with("3");
    messages.say("users-15min: completed", Tone::Good);
    messages.say("crm-full: 1 of 7 tables failed", Tone::Bad);
    press(&mut messages, "!");
    let changes = |entries| {
        let mut state = with("3 A");
        sample::load(&mut state, Load::Audit, Loaded::Audit(entries));
        state
    };
    let mut confirm = with("1 j");
    let lines = vec![Line::plain(
        "2 configs use it and are deleted with it; the local tables stay as they are.",
    )];
    ask_word(
        &mut confirm,
        Confirm::new(
            "Delete this connection?",
            lines,
            "production",
            "delete it",
            Answer::Nothing,
        ),
    );
    confirm.clock.steady += std::time::Duration::from_secs(1);
    press(&mut confirm, "p r o d");
    let empty = |keys: &str| {
        let mut state = sample::installed(width, height);
        press(&mut state, keys);
        state
    };
    vec![
        ("connections", with("1 j")),
        ("connections_empty", empty("1")),
        ("configs", with("2 G")),
        ("configs_empty", empty("2")),
        ("jobs", with("3")),
        ("jobs_empty", empty("3")),
        ("job_detail", detail),
        ("job_result", of_job(sample::ended_job())),
        ("job_verified", of_job(sample::verify_job())),
        ("job_repair", repair),
        ("job_limits", limits),
        ("job_limits_own", own_limits),
        ("job_tables_sorted", sorted_tables),
        ("jobs_paged", paged),
        ("night", bad_night(sample::night(), "")),
        ("night_long", bad_night(sample::long_night(), "j j")),
        ("differences", differing("")),
        ("differences_reading", reading),
        ("differences_none", nothing_kept),
        ("differences_failed", unreadable),
        ("differences_file", differing("w")),
        ("logs_search", with("4 / d e a d l o c k enter N t")),
        ("logs", with("4")),
        ("logs_empty", empty("4")),
        ("logs_held", with("4 pgup w")),
        ("logs_save", with("4 s")),
        ("suspend", with("ctrl-z")),
        ("help", with("?")),
        ("stop", with("x")),
        ("quit", with("q")),
        ("test_report", report),
        ("plan", plan),
        ("config_details", with("2 G enter")),
        ("filter", with("/ c r m")),
        ("sorted", with("3 > > R")),
        ("palette", with("1 : t e s t")),
        ("help_search", with("? / s o r t")),
        ("messages", messages),
        ("changes", changes(sample::audit())),
        ("changes_none", changes(Vec::new())),
        ("confirm", confirm),
        ("connecting", sample::empty(width, height)),
        ("database_down", down),
        ("database_lost", lost),
    ]
}

#[test]
fn pictures() {
    for (theme_name, theme) in [
        ("default", Theme::embedded("default").unwrap()),
        ("light", Theme::embedded("light").unwrap()),
        ("mono", Theme::embedded("mono").unwrap()),
        ("light", Theme::embedded("light").unwrap()),
    ] {
        for (width, height) in [(80, 24), (120, 40)] {
            for (name, state) in screens(width, height) {
                let buffer = paint(&state, &theme, width, height);
                let name = format!("{name}_{width}x{height}_{theme_name}");
                insta::assert_snapshot!(name, styled(&buffer));
            }
        }
    }
}

#[test]
fn no_size_panics_and_every_small_one_says_so() {
    let theme = Theme::embedded("default").unwrap();
    for (i, (name, state)) in screens(120, 40).into_iter().enumerate() {
        // Between them the screens see every width and height, and each the edges of the layouts.
        let fine = name == "jobs";
        let widths = (1 + i % 13..=200).step_by(if fine { 3 } else { 13 });
        let widths = widths.chain([1, 59, 60, 99, 100, 200]);
        for width in widths.map(|width| width as u16) {
            let heights = (1 + i % 7..=60).step_by(if fine { 2 } else { 7 });
            let heights = heights.chain([1, 15, 16, 29, 30, 60]);
            for height in heights.map(|height| height as u16) {
                let mut state = state.clone();
                update(&mut state, Msg::Resized { width, height });
                press(&mut state, "j k");
                let picture = text(&paint(&state, &theme, width, height));
                if width < 60 || height < 16 {
                    let said = "too small".len().min(usize::from(width) - 1);
                    assert!(picture.starts_with(&"too small"[..said]), "{picture}");
                }
            }
        }
    }
}

#[test]
fn a_screen_that_changed_its_size_unheard_is_painted_all_the_same() {
    let theme = Theme::embedded("default").unwrap();
    for (_, state) in screens(120, 40) {
        for (width, height) in [(61, 17), (1, 1), (200, 60), (90, 16)] {
            paint(&state, &theme, width, height);
        }
    }
}

#[test]
fn in_ascii_every_cell_is_ascii() {
    let mut theme = Theme::embedded("default").unwrap();
    theme.ascii = true;
    for (name, state) in screens(100, 30) {
        let picture = text(&paint(&state, &theme, 100, 30));
        assert!(picture.is_ascii(), "{name}:\n{picture}");
    }
}

#[test]
fn a_name_with_an_escape_sequence_stays_text() {
    let mut state = sample::full(80, 24);
    let mut connections = sample::connections();
    connections[0].spec.name = "a\u{1b}[2Jb\nc".to_owned();
    connections[0].health.error = Some("x\u{1b}]0;title\u{7}".to_owned());
    sample::load(
        &mut state,
        Load::Connections,
        Loaded::Connections(connections),
    );
    press(&mut state, "1 g");
    let buffer = paint(&state, &Theme::embedded("default").unwrap(), 80, 24);
    assert!(!text(&buffer).contains(['\u{1b}', '\u{7}']));
    assert!(text(&buffer).contains("a [2Jb c"));
}

#[test]
fn states_are_told_by_a_word_too() {
    let state = sample::full(80, 24);
    let picture = text(&paint(&state, &Theme::embedded("mono").unwrap(), 80, 24));
    for word in ["queued", "running", "completed", "w/ errors", "failed"] {
        assert!(picture.contains(word), "{word} is missing:\n{picture}");
    }
}
