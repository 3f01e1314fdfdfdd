//! What the dashboard costs on the line.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::state::Setup;
use db_taxi::dashboard::app::{Load, State};
use db_taxi::dashboard::runtime::backend::News;
use db_taxi::dashboard::runtime::event_loop::EventLoop;
use db_taxi::dashboard::runtime::frames::Frames;
use db_taxi::dashboard::runtime::input::Input;
use db_taxi::dashboard::runtime::screen::Screen;
use db_taxi::dashboard::ui::{self, theme::Theme};
use futures_util::stream;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::mpsc;

use crate::looping::FakeHost;
use crate::sample::{self, job_id};
use crate::show::progress;
use crate::world::World;

/// Counts writes and their bytes.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<Vec<usize>>>);

impl Counting {
    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.len());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The real backend's bytes for a screen of a fixed size.
struct Sized120x40(CrosstermBackend<Frames<Counting>>);

impl Backend for Sized120x40 {
    type Error = io::Error;
    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.0.draw(content)
    }
    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }
    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        panic!("the terminal was asked for its cursor");
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }
    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }
    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.0.clear_region(clear_type)
    }
    fn size(&self) -> io::Result<Size> {
        Ok(Size::new(120, 40))
    }
    fn window_size(&mut self) -> io::Result<WindowSize> {
        panic!("the terminal was asked for its pixels");
    }
    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

fn screen(counting: &Counting) -> Screen<Sized120x40> {
    let frames = Frames::new(counting.clone());
    let backend = Sized120x40(CrosstermBackend::new(frames.clone()));
    Screen::framed(backend, frames).unwrap()
}

fn detail() -> State {
    let mut state = sample::full(120, 40);
    let mut job = sample::running_job();
    let orders = job.tables[1].clone();
    for n in 0..9 {
        let mut more = orders.clone();
        more.target_table = format!("orders_{n}");
        job.tables.push(more);
    }
    sample::load(&mut state, Load::Job(job_id(4)), Loaded::Job(Box::new(job)));
    state
}

#[test]
fn a_frame_is_one_write_and_moving_gauges_cost_little() {
    let counting = Counting::default();
    let mut screen = screen(&counting);
    let theme = Theme::embedded("default").unwrap();
    let mut state = detail();
    screen
        .paint(|frame| ui::render(&state, &theme, frame))
        .unwrap();
    let first = counting.take();
    assert_eq!(first.len(), 1);
    assert!(first[0] < 12_000, "the first frame has {} bytes", first[0]);
    let mut most = 0;
    for step in 0..40 {
        let detail = state.detail.as_mut().unwrap();
        for run in detail.job.tables.iter_mut().skip(1) {
            run.progress.percent = (run.progress.percent + 0.7).min(99.0);
        }
        detail.job.progress.percent += 0.5;
        let _ = step;
        screen
            .paint(|frame| ui::render(&state, &theme, frame))
            .unwrap();
        let written = counting.take();
        assert_eq!(written.len(), 1);
        most = most.max(written[0]);
    }
    assert!(most <= 600, "12 moving gauges took {most} bytes");
}

#[tokio::test(start_paused = true)]
async fn idle_costs_nothing() {
    let counting = Counting::default();
    let mut screen = screen(&counting);
    let mut host = FakeHost::default();
    let world = World::shop();
    // Nothing runs: no time on the screen moves.
    world.facts().jobs.drain(..2);
    let (to, mut from) = mpsc::channel(16);
    let watched = counting.clone();
    let script = tokio::spawn(async move {
        for tab in ["1", "2", "3", "4"] {
            to.send(Input::Key(tab.parse().unwrap())).await.unwrap();
            tokio::time::sleep(Duration::from_secs(10)).await;
            watched.take();
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(
                watched.take(),
                [0usize; 0],
                "tab {tab} was idle for a minute"
            );
        }
    });
    let event_loop = EventLoop {
        world,
        screen: &mut screen,
        host: &mut host,
        state: State::new(Setup::default()),
        theme: Theme::embedded("default").unwrap(),
        max_fps: 10,
    };
    event_loop
        .run(stream::poll_fn(move |context| from.poll_recv(context)))
        .await;
    script.await.unwrap();
}

/// Runs the loop while `tell` makes things happen for `SECONDS`; the bytes a second.
async fn cost<F>(
    keys: &'static [&'static str],
    max_fps: u32,
    tell: impl FnOnce(Arc<World>) -> F,
) -> usize
where
    F: Future<Output = ()> + Send + 'static,
{
    const SECONDS: usize = 10;
    let counting = Counting::default();
    let mut screen = screen(&counting);
    let mut host = FakeHost::default();
    let world = World::shop();
    let (to, mut from) = mpsc::channel(16);
    let telling = tokio::spawn(tell(Arc::clone(&world)));
    let watched = counting.clone();
    let script = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        for key in keys {
            to.send(Input::Key(key.parse().unwrap())).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        watched.take();
        tokio::time::sleep(Duration::from_secs(SECONDS as u64)).await;
        watched.take().iter().sum::<usize>() / SECONDS
    });
    let event_loop = EventLoop {
        world,
        screen: &mut screen,
        host: &mut host,
        state: State::new(Setup::default()),
        theme: Theme::embedded("default").unwrap(),
        max_fps,
    };
    event_loop
        .run(stream::poll_fn(move |context| from.poll_recv(context)))
        .await;
    telling.abort();
    script.await.unwrap()
}

/// Twelve tables move on, ten times a second.
async fn move_twelve(world: Arc<World>) {
    let mut job = sample::running_job();
    let orders = job.tables[1].clone();
    for n in 0..10 {
        let mut more = orders.clone();
        more.target_table = format!("orders_{n}");
        job.tables.push(more);
    }
    world.facts().jobs[1] = job.clone();
    for seq in 0.. {
        for i in 1..job.tables.len() {
            let run = &mut job.tables[i];
            let step = f64::from((seq as u32 * 7919 + i as u32 * 104_729) % 97) / 97.0;
            run.progress.percent = (run.progress.percent + step).min(99.0);
            run.progress.rows_done += (step * 9_000.0) as u64;
            run.progress.rows_per_second = 30_000.0 + step * 60_000.0;
            run.progress.bytes_per_second = run.progress.rows_per_second * 191.0;
            world.tell(progress(&job, Some(i), seq)).await;
        }
        job.progress.percent += 0.1;
        job.progress.rows_per_second = 90_000.0 + f64::from((seq as u32 * 7919) % 40_000);
        world.tell(progress(&job, None, seq)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The log gets fifty lines a second.
async fn write_log(world: Arc<World>) {
    for n in 0u64.. {
        let mut line = sample::log_lines(n % 200 + 1).pop().unwrap();
        line.id = 1000 + n;
        world.tell(News::Log(vec![line])).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Both.
async fn move_and_write(world: Arc<World>) {
    tokio::join!(move_twelve(Arc::clone(&world)), write_log(world));
}

/// Frames a second as they are set by default, and by `--low-bandwidth`.
const USUAL: u32 = 10;
const LOW: u32 = 4;

#[tokio::test(start_paused = true)]
async fn twelve_moving_gauges_and_a_log_take_less_than_20_kilobytes_a_second() {
    for keys in [&["3", "enter"][..], &["4"]] {
        let bytes = cost(keys, USUAL, move_and_write).await;
        assert!(
            (100..20_000).contains(&bytes),
            "{keys:?}: {bytes} bytes a second"
        );
        let low = cost(keys, LOW, move_and_write).await;
        assert!(
            (100..bytes * 2 / 3).contains(&low),
            "{keys:?}: {low} bytes a second, {bytes} without --low-bandwidth"
        );
        println!("{keys:?}: {bytes} bytes a second, {low} with --low-bandwidth");
    }
}

#[test]
fn a_copied_text_is_one_write_of_its_own() {
    let written = Kept::default();
    let frames = Frames::new(written.clone());
    let backend = CrosstermBackend::new(frames.clone());
    let mut screen = Screen::framed(backend, frames).unwrap();
    screen.copy("GRANT\u{1b}[2J").unwrap();
    let writes = written.0.lock().unwrap();
    assert_eq!(writes.len(), 1);
    let told = String::from_utf8(writes[0].clone()).unwrap();
    // Nothing of the text is there raw, escape sequences least of all.
    assert!(told.contains("\u{1b}]52;c;R1JBTlQbWzJK"), "{told:?}");
    assert!(!told.contains("GRANT"));
}

/// Keeps what was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Vec<u8>>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn painting_everything_again_asks_the_terminal_nothing() {
    let counting = Counting::default();
    let mut screen = screen(&counting);
    let theme = Theme::embedded("default").unwrap();
    let state = detail();
    screen
        .paint(|frame| ui::render(&state, &theme, frame))
        .unwrap();
    let first = counting.take();
    screen.forget().unwrap();
    screen
        .paint(|frame| ui::render(&state, &theme, frame))
        .unwrap();
    let again = counting.take();
    assert_eq!(again.len(), 1);
    assert!(again[0] + 100 > first[0], "{again:?} after {first:?}");
}
