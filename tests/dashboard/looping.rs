//! The real loop over scripted input and a made-up world.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use db_taxi::dashboard::app::keymap::Keymap;
use db_taxi::dashboard::app::state::Setup;
use db_taxi::dashboard::app::{Key, QuitHow, State};
use db_taxi::dashboard::runtime::backend::News;
use db_taxi::dashboard::runtime::event_loop::{Ended, EventLoop, Host, Live};
use db_taxi::dashboard::runtime::input::{Input, Signal};
use db_taxi::dashboard::runtime::screen::Screen;
use db_taxi::dashboard::ui::theme::Theme;
use db_taxi::model::event::{Event, What};
use db_taxi::model::job::JobState;
use futures_util::stream;
use ratatui::backend::TestBackend;
use tokio::sync::mpsc;

use crate::sample;
use crate::screens::text;
use crate::world::{Facts, World};

/// A process around the loop that only counts, and gives settings once.
#[derive(Default)]
pub struct FakeHost {
    pub suspended: usize,
    pub settings: Option<Result<Live, String>>,
}

impl Host for FakeHost {
    fn suspend(&mut self) -> io::Result<()> {
        self.suspended += 1;
        Ok(())
    }

    fn continued(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn settings(&mut self) -> Option<Result<Live, String>> {
        self.settings.take()
    }

    fn now(&self) -> DateTime<Utc> {
        sample::now()
    }
}

/// What a script saw.
pub struct Seen {
    pub ended: Ended,
    pub screen: String,
    pub suspended: usize,
}

pub fn key(text: &str) -> Input {
    Input::Key(text.parse::<Key>().unwrap())
}

/// Runs the loop; `script` gives the input and may wait in between.
pub async fn run<F>(world: Arc<World>, script: impl FnOnce(mpsc::Sender<Input>) -> F) -> Seen
where
    F: Future<Output = ()> + Send + 'static,
{
    run_in(FakeHost::default(), world, script).await
}

/// The same in a process that the test has made up.
pub async fn run_in<F>(
    mut host: FakeHost,
    world: Arc<World>,
    script: impl FnOnce(mpsc::Sender<Input>) -> F,
) -> Seen
where
    F: Future<Output = ()> + Send + 'static,
{
    let (to, mut from) = mpsc::channel(256);
    let script = tokio::spawn(script(to));
    let mut screen = Screen::new(TestBackend::new(100, 30)).unwrap();
    let event_loop = EventLoop {
        world,
        screen: &mut screen,
        host: &mut host,
        state: State::new(Setup::default()),
        theme: Theme::embedded("default").unwrap(),
        max_fps: 10,
    };
    let input = stream::poll_fn(move |context| from.poll_recv(context));
    let ended = tokio::time::timeout(Duration::from_secs(600), event_loop.run(input))
        .await
        .unwrap();
    script.abort();
    let screen = text(screen.terminal().backend().buffer());
    Seen {
        ended,
        screen,
        suspended: host.suspended,
    }
}

/// Sends keys with a second between them, so that results arrive, then loses the terminal.
pub async fn press(world: Arc<World>, keys: &'static str) -> Seen {
    run(world, |to| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        for text in keys.split_whitespace() {
            to.send(key(text)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let _ = to.send(Input::Lost).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn it_opens_with_what_is_stored() {
    let seen = press(World::shop(), "").await;
    assert_eq!(seen.ended, Ended::Lost);
    for word in ["db1", "local ok", "shop-nightly", "52 %", "crm-full"] {
        assert!(seen.screen.contains(word), "{word}:\n{}", seen.screen);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_started_from_its_config_and_shown() {
    let world = World::shop();
    let seen = press(Arc::clone(&world), "2 G s").await;
    assert_eq!(world.facts().asked, ["start shop-nightly"]);
    assert!(
        seen.screen.contains("in the queue; it begins"),
        "{}",
        seen.screen
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_is_stopped_only_after_the_question() {
    let world = World::shop();
    press(Arc::clone(&world), "x enter").await;
    assert!(world.facts().asked.is_empty());
    press(Arc::clone(&world), "x right enter").await;
    assert_eq!(world.facts().asked, [format!("stop {}", sample::job_id(4))]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_tested_and_its_report_shown() {
    let world = World::shop();
    let seen = press(Arc::clone(&world), "1 t").await;
    assert!(
        seen.screen.contains("GRANT PROCESS ON *.*"),
        "{}",
        seen.screen
    );
    assert_eq!(world.facts().asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn leaving_goes_through_the_question_and_hands_back() {
    let seen = press(World::shop(), "q q right enter").await;
    assert_eq!(seen.ended, Ended::Quit(QuitHow::Release));
    let seen = press(World::shop(), "q q right right enter").await;
    assert_eq!(seen.ended, Ended::Quit(QuitHow::Stop));
    let seen = press(World::shop(), "q q enter").await;
    assert_eq!(seen.ended, Ended::Lost, "kept watching");
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_it_without_a_question() {
    let seen = run(World::shop(), |to| async move {
        to.send(Input::Signal(Signal::Terminate)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    assert_eq!(seen.ended, Ended::Signal(Signal::Terminate));
}

#[tokio::test(start_paused = true)]
async fn it_opens_without_the_control_database_and_comes_up_by_itself() {
    let world = World::shop();
    world.facts().overview = sample::overview_down();
    let seen = press(Arc::clone(&world), "").await;
    for word in [
        "can't be reached",
        "Connection refused",
        "it is tried again in 4 s",
    ] {
        assert!(seen.screen.contains(word), "{word}:\n{}", seen.screen);
    }
    let later = Arc::clone(&world);
    let seen = run(world, |to| async move {
        tokio::time::sleep(Duration::from_secs(8)).await;
        later.facts().overview = sample::overview();
        tokio::time::sleep(Duration::from_secs(8)).await;
        let _ = to.send(Input::Lost).await;
    })
    .await;
    assert!(seen.screen.contains("shop-nightly"), "{}", seen.screen);
}

#[tokio::test(start_paused = true)]
async fn suspending_parks_the_engine_calls_the_host_and_repaints() {
    let world = World::new(Facts {
        overview: sample::overview(),
        ..Facts::default()
    });
    let seen = press(Arc::clone(&world), "ctrl-z").await;
    assert_eq!(seen.suspended, 1);
    assert_eq!(world.facts().asked, ["park", "unpark"]);
    assert!(
        seen.screen.contains("Nothing is set up yet"),
        "{}",
        seen.screen
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_that_run_here_are_handed_back_before_it_is_suspended() {
    let world = World::shop();
    let seen = press(Arc::clone(&world), "ctrl-z enter").await;
    assert_eq!(seen.suspended, 0, "the marked answer is the harmless one");
    assert!(world.facts().asked.is_empty());
    let seen = press(Arc::clone(&world), "ctrl-z right enter").await;
    assert_eq!(seen.suspended, 1);
    assert_eq!(world.facts().asked, ["park", "unpark"]);
}

#[tokio::test(start_paused = true)]
async fn settings_that_are_read_again_are_in_force_at_once() {
    let overrides = BTreeMap::from([("show_logs".to_owned(), vec!["W".to_owned()])]);
    let live = |settings| FakeHost {
        settings: Some(settings),
        ..FakeHost::default()
    };
    let setup = Setup {
        keymap: Keymap::with(&overrides).unwrap(),
        read_only: true,
        ..Setup::default()
    };
    let changed = live(Ok(Live {
        theme: Theme::embedded("mono").unwrap(),
        setup,
        max_fps: 4,
    }));
    let script = |to: mpsc::Sender<Input>| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        to.send(key("W")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = to.send(Input::Lost).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    };
    let seen = run_in(changed, World::shop(), script).await;
    for word in [
        "read-only",
        "Logs · this process",
        "settings were read again",
    ] {
        assert!(seen.screen.contains(word), "{word}:\n{}", seen.screen);
    }
    let wrong = live(Err("line 3: no such theme".to_owned()));
    let seen = run_in(wrong, World::shop(), script).await;
    assert!(
        seen.screen.contains("stay as they are: line 3"),
        "{}",
        seen.screen
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_is_written_with_progress_and_asks_before_it_replaces_a_file() {
    let world = World::shop();
    let saved = "4 s ctrl-u t h e r e . l o g enter enter";
    press(Arc::clone(&world), saved).await;
    assert_eq!(world.facts().asked, ["save there.log false"]);
    let seen = press(Arc::clone(&world), saved).await;
    assert!(seen.screen.contains("Replace the file?"), "{}", seen.screen);
    world.facts().asked.clear();
    let replaced = "4 s ctrl-u t h e r e . l o g enter enter right enter";
    let seen = press(Arc::clone(&world), replaced).await;
    let asked = ["save there.log false", "save there.log true"];
    assert_eq!(world.facts().asked, asked);
    assert!(
        seen.screen.contains("lines written to /tmp/there.log"),
        "{}",
        seen.screen
    );
    let slow = "3 l s ctrl-u s l o w enter enter l";
    let seen = press(Arc::clone(&world), slow).await;
    assert!(
        seen.screen.contains("… log: 20 lines written"),
        "{}",
        seen.screen
    );
    let given_up = "3 l s ctrl-u s l o w enter enter s right enter 1 2 3 4 1 2 3 4 1 2 3 4";
    let seen = press(world, given_up).await;
    assert!(!seen.screen.contains("lines written"), "{}", seen.screen);
    assert!(!seen.screen.contains("lines written"), "{}", seen.screen);
}

#[tokio::test(start_paused = true)]
async fn news_arrive_while_keys_are_pressed_and_neither_is_lost() {
    let world = World::shop();
    let teller = Arc::clone(&world);
    let seen = run(world, |to| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        for n in 0..300u64 {
            teller
                .tell(News::Log(vec![sample::log_lines(n + 1).remove(n as usize)]))
                .await;
            to.send(key(if n % 2 == 0 { "j" } else { "k" }))
                .await
                .unwrap();
        }
        let mut ended = sample::running_job();
        ended.state = JobState::Completed;
        teller
            .tell(News::Job(Box::new(Event {
                v: 1,
                seq: 9,
                time: sample::now(),
                job_id: ended.id,
                config: ended.config.clone(),
                table: None,
                what: What::JobFinished(Box::new(ended)),
            })))
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        to.send(key("4")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = to.send(Input::Lost).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    assert!(
        seen.screen.contains("shop-nightly: completed"),
        "{}",
        seen.screen
    );
    assert!(seen.screen.contains("range 298 of 260"), "{}", seen.screen);
}

#[tokio::test(start_paused = true)]
async fn a_resize_is_taken_up() {
    let seen = run(World::shop(), |to| async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        to.send(Input::Resize(40, 10)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = to.send(Input::Lost).await;
    })
    .await;
    // The test's terminal keeps its size; the state believes what it is told until it is painted.
    assert!(seen.screen.contains("shop-nightly"), "{}", seen.screen);
}
