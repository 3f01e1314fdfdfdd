//! How long keys take with very much on the screen. A report, not a test:
//!
//! ```sh
//! cargo test --release --test dashboard -- --ignored --nocapture keys_with_very_much
//! ```
//!
//! 10,000 connections, configs, jobs, tables of a job, of a source, of a plan and of a config; a
//! million log lines. In every place every key of its actions is pressed, and what is typed there is
//! typed; messages that lists and logs are changed by are measured too, since a key waits for them.
//! What counts is the release build; every key should be answered within 50 ms.

use std::time::{Duration, Instant};

use db_taxi::dashboard::app::action::ACTIONS;
use db_taxi::dashboard::app::detail::Detail;
use db_taxi::dashboard::app::log_query::{LogPart, LogQuery};
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::night::LookBack;
use db_taxi::dashboard::app::request::Answer;
use db_taxi::dashboard::app::state::Setup;
use db_taxi::dashboard::app::{Effect, Key, Load, Msg, State, update};
use db_taxi::dashboard::ui::{self, theme::Theme};
use db_taxi::model::error::{ErrorCode, ErrorInfo};
use db_taxi::model::event::{Event, What};
use db_taxi::model::ids::{ConfigId, ConnectionId, JobId};
use db_taxi::model::job::{Job, JobState};
use db_taxi::model::log::{Level, LogEntry};
use db_taxi::model::night::{BadNight, FailedJob};
use db_taxi::model::table_run::TableState;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::sample::{self, job_id, press};

const MANY: usize = 10_000;
const LINES: u64 = 1_000_000;
/// What a key may take.
const ALLOWED: Duration = Duration::from_millis(50);
/// How many of the slowest are told.
const TOLD: usize = 25;

/// Names that come in no order.
fn name(of: &str, n: usize) -> String {
    format!("{of}-{:05}", n * 7919 % MANY)
}

fn connections() -> Loaded {
    let some = sample::connections();
    let all = (0..MANY).map(|n| {
        let mut one = some[n % some.len()].clone();
        one.id = ConnectionId::generate();
        one.spec.name = name("customer", n);
        one
    });
    Loaded::Connections(all.collect())
}

fn configs() -> Loaded {
    let some = sample::configs();
    let all = (0..MANY).map(|n| {
        let mut one = some[n % some.len()].clone();
        one.id = ConfigId::generate();
        one.spec.name = name("shop", n);
        one
    });
    Loaded::Configs(all.collect())
}

fn jobs() -> Vec<Job> {
    let some = sample::jobs();
    let all = (0..MANY).map(|n| {
        let mut one = some[n % some.len()].clone();
        one.id = JobId::generate();
        one.config = name("shop", n);
        one
    });
    all.collect()
}

fn log_lines(from: u64, count: u64) -> Vec<LogEntry> {
    let some = sample::log_lines(200);
    let all = (from..from + count).map(|n| {
        let mut line = some[n as usize % some.len()].clone();
        line.id = n;
        line.message = format!("{} ({n})", line.message);
        line
    });
    all.collect()
}

/// Everything is there, the first tab is shown.
fn full() -> State {
    let mut state = State::new(Setup {
        log_lines: LINES as usize,
        ..Setup::default()
    });
    let (width, height) = (120, 40);
    update(&mut state, Msg::Resized { width, height });
    for (load, loaded) in [
        (
            Load::Overview,
            Loaded::Overview(Box::new(sample::overview())),
        ),
        (Load::Connections, connections()),
        (Load::Configs, configs()),
        (Load::Jobs, Loaded::Jobs(jobs())),
    ] {
        sample::load(&mut state, load, loaded);
    }
    update(&mut state, Msg::Logged(log_lines(0, LINES)));
    state
}

/// A job with very many tables.
fn job_of_many(id: JobId) -> Job {
    let mut job = sample::running_job();
    let some = job.tables.clone();
    job.id = id;
    job.tables = (0..MANY)
        .map(|n| {
            let mut one = some[n % some.len()].clone();
            one.target_table = name("table", n);
            one.source_table.clone_from(&one.target_table);
            one
        })
        .collect();
    job
}

/// The same, ended; every table failed and differs.
fn failed_job(id: JobId) -> Job {
    let mut job = job_of_many(id);
    job.state = JobState::CompletedWithErrors;
    for (n, run) in job.tables.iter_mut().enumerate() {
        run.state = TableState::Failed;
        run.verified.differences = n as u64;
        let grant = format!("GRANT SELECT ON `shop`.`table_{n}` TO 'sync'@'%';");
        let denied = "the account may not read it (1142)";
        run.error = Some(ErrorInfo::new(ErrorCode::AccessDenied, denied).hint(grant));
    }
    job
}

/// Answers what was asked for with very many tables.
fn answer_tables(state: &mut State, effects: &[Effect]) {
    let some = sample::source_tables();
    for effect in effects {
        if let Effect::Ask(ticket, _) = effect {
            let tables = (0..MANY).map(|n| {
                let mut one = some[n % some.len()].clone();
                one.name = name("table", n);
                one
            });
            let answer = Answer::Tables(tables.collect());
            update(state, Msg::Answered(*ticket, Ok(answer)));
        }
    }
}

/// The places, each with what is typed there after its own keys.
fn scenes() -> Vec<(&'static str, State, &'static str)> {
    let base = full();
    let with = |keys: &str| {
        let mut state = base.clone();
        press(&mut state, keys);
        state
    };
    let mut detail = with("3 G k k enter");
    let open = detail.detail.as_ref().unwrap().job.id;
    let many = Box::new(job_of_many(open));
    sample::load(&mut detail, Load::Job(open), Loaded::Job(many));
    let mut ended = with("3");
    ended.detail = Some(Detail::new(failed_job(open)));
    let mut night = with("3");
    let failed = FailedJob {
        job: failed_job(open),
        standing: Vec::new(),
        again: false,
    };
    let found = BadNight {
        jobs: vec![failed],
        ..BadNight::default()
    };
    let look = LookBack::Visit;
    sample::load(&mut night, Load::Night(look), Loaded::Night(found));
    night.clock.steady += Duration::from_secs(1);
    let mut differences = ended.clone();
    for effect in press(&mut differences, "d") {
        if let Effect::ReadDifferences(query) = effect {
            let some = sample::differences();
            let all = (0..1000).map(|n| (n, some[n as usize % some.len()].1.clone()));
            let result = Ok(all.collect());
            update(&mut differences, Msg::DifferencesRead { query, result });
        }
    }
    let mut browse = with("1");
    let asked = press(&mut browse, "b");
    answer_tables(&mut browse, &asked);
    let mut tables = with("2 n enter");
    let asked = press(&mut tables, "enter");
    answer_tables(&mut tables, &asked);
    let mut plan = with("2");
    let mut of_many = sample::plan();
    let some = of_many.tables.clone();
    of_many.tables = (0..MANY)
        .map(|n| {
            let mut one = some[n % some.len()].clone();
            one.target_table = name("table", n);
            one
        })
        .collect();
    update(
        &mut plan,
        Msg::Planned {
            config: "shop-00000".to_owned(),
            exact: false,
            result: Ok(Box::new(of_many)),
        },
    );
    let mut with_rules = base.clone();
    let Loaded::Configs(mut configs) = configs() else {
        return Vec::new();
    };
    let rule = configs[0].spec.tables[0].clone();
    configs[0].spec.tables = (0..MANY)
        .map(|n| {
            let mut one = rule.clone();
            one.select = db_taxi::model::rule::TableSelect::Source(name("table", n));
            one
        })
        .collect();
    let first = configs[0].id;
    sample::load(&mut with_rules, Load::Configs, Loaded::Configs(configs));
    press(&mut with_rules, "2");
    with_rules.configs.select(first);
    let (mut rules, mut text) = (with_rules.clone(), with_rules);
    press(&mut rules, "e");
    press(&mut text, "E");
    let mut job_log = with("3 l");
    let stored = |part| LogQuery {
        job: job_log_id(&base),
        part,
        level: Level::Info,
        table: None,
        texts: Vec::new(),
    };
    update(
        &mut job_log,
        Msg::LogRead {
            query: stored(LogPart::Newest),
            result: Ok(log_lines(0, LINES)),
        },
    );
    vec![
        (
            "connections",
            with("1 G k"),
            "j k G g pgdn pgup > > > > > > > R < / c u s t 9 9 backspace backspace enter esc",
        ),
        (
            "configs",
            with("2 G k"),
            "j k G g pgdn pgup > > > > > R < / s h o p 7 backspace enter esc",
        ),
        (
            "jobs",
            with("3 G k"),
            "j k G g pgdn pgup > > > > > > > > R < / f a i l backspace enter esc",
        ),
        (
            "tables of a job",
            detail,
            "j k G g pgdn pgup > > > > R < / t a b 9 9 backspace enter esc",
        ),
        (
            "tables of a job that ended",
            ended,
            "j k G g > > > R < / t a b 9 9 backspace enter esc",
        ),
        ("what failed", night, "j k G k pgdn pgup y"),
        ("differences", differences, "j pgdn G k pgup g t t"),
        (
            "log of this process",
            with("4"),
            "pgup k j w pgup k j pgdn w - - - + + + / d e a d l o c k enter n n N N N esc & 9 9 9 9 backspace backspace enter g G esc & n o s u c h esc / n o s u c h enter N n esc t left right f G y Y",
        ),
        (
            "log of a job",
            job_log,
            "pgup k j w pgup w - + / d e a d l o c k enter N N n esc & 9 9 enter esc g G",
        ),
        ("palette", with("1 :"), "t e s t backspace down up"),
        ("help", with("1 ?"), "j G g / s t o p enter"),
        (
            "form of a connection",
            with("1 n"),
            "a b c tab a b tab tab up",
        ),
        ("form of a log", with("4 s"), "a b tab space"),
        (
            "tables of a source",
            browse,
            "j G g o o o / t a b 9 9 backspace enter G",
        ),
        (
            "tables for a config",
            tables,
            "j space a n G g o o / t a b 9 9 tab backspace enter a",
        ),
        ("connections for a config", with("2 n"), "j G / 9 9 enter"),
        ("plan", plan, "j G g pgdn d G g / t a b 9 enter"),
        ("rules", rules, "j G g pgdn / t a b 9 enter enter esc d"),
        (
            "text of a config",
            text,
            "down down a b backspace pgdn ctrl-u",
        ),
        ("question", with("3 x"), "right left"),
    ]
}

/// The job whose log is opened from the list of jobs.
fn job_log_id(state: &State) -> JobId {
    state.jobs.selected().map_or(job_id(4), |job| job.id)
}

struct Watch {
    terminal: Terminal<TestBackend>,
    theme: Theme,
    taken: Vec<(Duration, String)>,
}

impl Watch {
    /// Takes a message and paints, as the loop does.
    fn take(&mut self, state: &mut State, msg: Msg, what: String) {
        state.clock.steady += Duration::from_secs(1);
        let before = Instant::now();
        update(state, msg);
        let theme = &self.theme;
        self.terminal
            .draw(|frame| ui::render(state, theme, frame))
            .unwrap();
        self.taken.push((before.elapsed(), what));
    }

    /// What was slowest since the last call.
    fn report(&mut self, title: &str) -> String {
        let mut taken = std::mem::take(&mut self.taken);
        taken.sort();
        let all: Duration = taken.iter().map(|(time, _)| *time).sum();
        let slow = taken.iter().filter(|(time, _)| *time > ALLOWED).count();
        let mut told = format!(
            "\n{title}: {}, {:.2} ms each on average, {slow} took more than {ALLOWED:?}; the slowest:\n",
            taken.len(),
            all.as_secs_f64() * 1000.0 / taken.len().max(1) as f64,
        );
        for (time, what) in taken.iter().rev().take(TOLD) {
            told.push_str(&format!(
                "{:>9.2} ms  {what}\n",
                time.as_secs_f64() * 1000.0
            ));
        }
        told
    }
}

#[test]
#[ignore = "a report; see above"]
fn keys_with_very_much() {
    let mut watch = Watch {
        terminal: Terminal::new(TestBackend::new(120, 40)).unwrap(),
        theme: Theme::embedded("default").unwrap(),
        taken: Vec::new(),
    };
    let scenes = scenes();
    for (place, state, typed) in &scenes {
        let here = state.place();
        for row in ACTIONS.iter().filter(|row| here.contains(&row.context)) {
            for key in row.keys {
                let mut state = state.clone();
                let what = format!("{place}: {key} ({})", row.id);
                watch.take(&mut state, Msg::Key(key.parse().unwrap()), what);
            }
        }
        let mut state = state.clone();
        let mut pressed = String::new();
        for key in typed.split_whitespace() {
            pressed = format!("{pressed} {key}");
            let what = format!("{place}:{pressed}");
            watch.take(&mut state, Msg::Key(key.parse::<Key>().unwrap()), what);
        }
    }
    println!("{}", watch.report("keys"));
    for (place, state, _) in &scenes {
        let mut state = state.clone();
        let job = state.jobs.all()[1].clone();
        let finished = Event {
            v: 1,
            seq: 1,
            time: sample::now(),
            job_id: job.id,
            config: job.config.clone(),
            table: None,
            what: What::JobFinished(Box::new(job)),
        };
        for (what, msg) in [
            ("a second", Msg::Ticked),
            ("a job ended", Msg::Happened(Box::new(finished))),
            ("1,000 log lines", Msg::Logged(log_lines(LINES, 1000))),
            (
                "connections were read",
                Msg::Loaded(Load::Connections, Ok(connections())),
            ),
            (
                "configs were read",
                Msg::Loaded(Load::Configs, Ok(configs())),
            ),
            (
                "jobs were read",
                Msg::Loaded(Load::Jobs, Ok(Loaded::Jobs(jobs()))),
            ),
        ] {
            watch.take(&mut state, msg, format!("{place}: {what}"));
        }
    }
    println!("{}", watch.report("facts that a key may wait for"));
}
