//! How long keys take with very much on the screen. A report, not a test:
//!
//! ```sh
//! cargo test --release --test dashboard -- --ignored --nocapture keys_with_very_much
//! ```
//!
//! 10,000 connections, configs and jobs, a million log lines. What counts is the release build;
//! every key should be answered within 50 ms.

use std::time::{Duration, Instant};

use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::state::Setup;
use db_taxi::dashboard::app::{Load, Msg, State, update};
use db_taxi::dashboard::ui::{self, theme::Theme};
use db_taxi::model::ids::{ConfigId, ConnectionId, JobId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::sample;

const MANY: usize = 10_000;
const LINES: u64 = 1_000_000;

/// What is pressed: first where to go, then the keys that are measured, one by one.
const KEYS: &[&str] = &[
    "1 j k G g pgdn > > > > > > > R / c u s t 9 9 enter esc enter esc : t e s t esc ? / a esc esc",
    "2 j k G g pgdn > > > > R / s h o p 7 enter esc enter esc",
    "3 j k G g pgdn > > > > > > > > R / f a i l enter esc enter j k G g esc",
    "4 j k G g pgup pgdn w pgup w - - + + / 9 9 9 enter pgup pgup g G esc f f",
    "1 2 3 4 tab backtab ! esc",
];

fn state() -> State {
    let mut state = State::new(Setup {
        log_lines: LINES as usize,
        ..Setup::default()
    });
    update(
        &mut state,
        Msg::Resized {
            width: 120,
            height: 40,
        },
    );
    let connections = sample::connections();
    let connections = (0..MANY).map(|n| {
        let mut one = connections[n % connections.len()].clone();
        one.id = ConnectionId::generate();
        one.spec.name = format!("customer-{:05}", n * 7919 % MANY);
        one
    });
    let configs = sample::configs();
    let configs = (0..MANY).map(|n| {
        let mut one = configs[n % configs.len()].clone();
        one.id = ConfigId::generate();
        one.spec.name = format!("shop-{:05}", n * 7919 % MANY);
        one
    });
    let jobs = sample::jobs();
    let jobs = (0..MANY).map(|n| {
        let mut one = jobs[n % jobs.len()].clone();
        one.id = JobId::generate();
        one.config = format!("shop-{:05}", n * 7919 % MANY);
        one
    });
    for (load, loaded) in [
        (
            Load::Overview,
            Loaded::Overview(Box::new(sample::overview())),
        ),
        (
            Load::Connections,
            Loaded::Connections(connections.collect()),
        ),
        (Load::Configs, Loaded::Configs(configs.collect())),
        (Load::Jobs, Loaded::Jobs(jobs.collect())),
    ] {
        sample::load(&mut state, load, loaded);
    }
    let lines = sample::log_lines(200);
    let lines = (0..LINES).map(|n| {
        let mut line = lines[n as usize % lines.len()].clone();
        line.id = n;
        line.message = format!("{} ({n})", line.message);
        line
    });
    update(&mut state, Msg::Logged(lines.collect()));
    state
}

#[test]
#[ignore = "a report; see above"]
fn keys_with_very_much() {
    let theme = Theme::embedded("default").unwrap();
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let mut state = state();
    let mut taken: Vec<(Duration, String)> = Vec::new();
    for script in KEYS {
        let mut pressed = String::new();
        for key in script.split_whitespace() {
            state.clock.steady += Duration::from_secs(1);
            let before = Instant::now();
            update(&mut state, Msg::Key(key.parse().unwrap()));
            terminal
                .draw(|frame| ui::render(&state, &theme, frame))
                .unwrap();
            pressed = format!("{pressed} {key}");
            taken.push((before.elapsed(), pressed.clone()));
        }
        state.overlays.clear();
        state.typing = None;
    }
    taken.sort();
    let all: Duration = taken.iter().map(|(time, _)| *time).sum();
    println!(
        "{} keys, {:?} each on average; the slowest:",
        taken.len(),
        all / taken.len() as u32
    );
    for (time, pressed) in taken.iter().rev().take(15) {
        println!("{:>9.2} ms {pressed}", time.as_secs_f64() * 1000.0);
    }
}
