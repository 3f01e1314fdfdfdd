//! The loop: waits for input, news, results and time; updates; paints when something changed.
//!
//! Generic over terminal, world and input, so that tests run this very loop.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::stream::{BoxStream, Stream, StreamExt};
use ratatui::backend::Backend as TerminalBackend;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

use super::backend::{Backend, News};
use super::effects;
use super::input::{Input, Signal};
use super::limiter::Limiter;
use super::screen::Screen;
use crate::dashboard::app::effect::{Effect, QuitHow};
use crate::dashboard::app::request::Ticket;
use crate::dashboard::app::state::{Clock, Setup};
use crate::dashboard::app::text::Tone;
use crate::dashboard::app::{Msg, State, update};
use crate::dashboard::ui::{self, theme::Theme};
use crate::model::log::LogEntry;

/// Most messages taken between two frames.
const DRAIN: usize = 256;
/// Most words about progress that wait; more are left out.
const TOLD: usize = 16;
/// Log lines are shown in batches, on slow lines in larger ones: scrolling text is what costs most
/// bytes.
const LOG_BATCH: Duration = Duration::from_millis(300);

/// How the dashboard came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A person left.
    Quit(QuitHow),
    /// The terminal is gone.
    Lost,
    /// Somebody asked this process to end.
    Signal(Signal),
    /// The same, while the terminal took no bytes; the loop was left behind.
    Frozen(Signal),
}

/// What of the settings changes while the dashboard is shown.
#[derive(Debug, Clone)]
pub struct Live {
    /// How it looks.
    pub theme: Theme,
    /// How it listens, and what it keeps.
    pub setup: Setup,
    /// Most frames a second that facts cause.
    pub max_fps: u32,
}

/// What the loop needs from the process around it.
pub trait Host {
    /// Gives the terminal back, stops the process until it is continued, takes the terminal again.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn suspend(&mut self) -> io::Result<()>;

    /// Takes the terminal again after the process was stopped from outside.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn continued(&mut self) -> io::Result<()>;

    /// The theme, when it was read again.
    fn theme(&mut self) -> Option<Result<Theme, String>> {
        None
    }

    /// What the settings say, when they were read again.
    fn settings(&mut self) -> Option<Result<Live, String>> {
        None
    }

    /// The time for people.
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Everything the loop works with.
pub struct EventLoop<'a, T: TerminalBackend, W, H> {
    /// The world.
    pub world: Arc<W>,
    /// Where it paints.
    pub screen: &'a mut Screen<T>,
    /// The process around it.
    pub host: &'a mut H,
    /// What it remembers.
    pub state: State,
    /// How it looks.
    pub theme: Theme,
    /// Most frames a second that facts cause.
    pub max_fps: u32,
}

/// One thing that the loop waited for.
enum Woken {
    Input(Option<Input>),
    News(Option<News>),
    Result(Msg),
    Tick,
    Deadline,
}

/// What is under way while the loop runs.
struct Running {
    tasks: JoinSet<Msg>,
    /// What tasks tell before they end.
    told_to: mpsc::Sender<Msg>,
    told: mpsc::Receiver<Msg>,
    /// Tasks that can be given up.
    asked: HashMap<Ticket, AbortHandle>,
    news: BoxStream<'static, News>,
    news_ended: bool,
    ticks: Interval,
    limiter: Limiter,
    began: tokio::time::Instant,
    /// Lines for the next batch, and when it is due.
    lines: Vec<LogEntry>,
    lines_due: Option<Duration>,
    dirty: bool,
    urgent: bool,
}

impl Running {
    fn steady(&self) -> Duration {
        self.began.elapsed()
    }

    /// When the loop has something to do without being told.
    fn deadline(&self) -> Option<Duration> {
        let paint = self.dirty.then(|| self.limiter.ready_at(self.urgent));
        [paint, self.lines_due].into_iter().flatten().min()
    }
}

impl<T, W, H> EventLoop<'_, T, W, H>
where
    T: TerminalBackend,
    T::Error: std::error::Error + Send + Sync + 'static,
    W: Backend,
    H: Host,
{
    /// Runs until somebody leaves or the terminal is gone.
    pub async fn run(mut self, mut input: impl Stream<Item = Input> + Unpin) -> Ended {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (told_to, told) = mpsc::channel(TOLD);
        let mut running = Running {
            tasks: JoinSet::new(),
            told_to,
            told,
            asked: HashMap::new(),
            news: self.world.news(),
            news_ended: false,
            ticks,
            limiter: Limiter::new(self.max_fps),
            began: tokio::time::Instant::now(),
            lines: Vec::new(),
            lines_due: None,
            dirty: true,
            urgent: true,
        };
        (self.state.width, self.state.height) = self.screen.size();
        loop {
            let mut woken = wait(&mut running, &mut input).await;
            for _ in 0..DRAIN {
                if let Some(ended) = self.take(&mut running, woken) {
                    return ended;
                }
                match ready(&mut running, &mut input) {
                    Some(next) => woken = next,
                    None => break,
                }
            }
            if self.paint(&mut running).is_err() {
                return Ended::Lost;
            }
        }
    }

    fn take(&mut self, running: &mut Running, woken: Woken) -> Option<Ended> {
        let steady = running.steady();
        self.state.clock = Clock {
            wall: self.host.now(),
            steady,
        };
        let msg = match woken {
            Woken::Input(None | Some(Input::Lost)) => return Some(Ended::Lost),
            Woken::Input(Some(Input::Signal(signal))) => return Some(Ended::Signal(signal)),
            Woken::Input(Some(Input::Continued)) => {
                let again = self.host.continued().and_then(|()| self.screen.forget());
                running.dirty = true;
                running.urgent = true;
                return again.is_err().then_some(Ended::Lost);
            }
            Woken::Input(Some(Input::Key(key))) => {
                running.urgent = true;
                Msg::Key(key)
            }
            Woken::Input(Some(Input::Paste(text))) => {
                running.urgent = true;
                Msg::Pasted(text)
            }
            Woken::Input(Some(Input::Mouse(mouse))) => {
                running.urgent = true;
                Msg::Mouse(mouse)
            }
            Woken::Input(Some(Input::Resize(width, height))) => {
                running.urgent = true;
                Msg::Resized { width, height }
            }
            Woken::News(Some(News::Job(event))) => Msg::Happened(event),
            Woken::News(Some(News::Dropped(count))) => Msg::Dropped(count),
            Woken::News(Some(News::Log(mut lines))) => {
                running.lines.append(&mut lines);
                let batch = LOG_BATCH.max(running.limiter.interval() * 3);
                running.lines_due.get_or_insert(steady + batch);
                return None;
            }
            Woken::News(None) => {
                running.news_ended = true;
                return None;
            }
            Woken::Result(msg) => msg,
            Woken::Tick => {
                self.take_theme(running);
                self.take_settings(running);
                Msg::Ticked
            }
            Woken::Deadline if running.lines_due.is_some_and(|due| due <= steady) => {
                running.lines_due = None;
                Msg::Logged(std::mem::take(&mut running.lines))
            }
            Woken::Deadline => return None,
        };
        let effects = update(&mut self.state, msg);
        running.dirty |= self.state.take_dirty();
        for effect in effects {
            if let Some(ended) = self.carry_out(running, effect) {
                return Some(ended);
            }
        }
        None
    }

    /// Shows a theme that was changed meanwhile, or says why it can't.
    fn take_theme(&mut self, running: &mut Running) {
        match self.host.theme() {
            Some(Ok(theme)) => {
                self.theme = theme;
                running.dirty = true;
            }
            Some(Err(error)) => self.state.say(format!("theme: {error}"), Tone::Warn),
            None => {}
        }
    }

    /// Goes by settings that were changed meanwhile, or says what is wrong with them.
    fn take_settings(&mut self, running: &mut Running) {
        let Some(settings) = self.host.settings() else {
            return;
        };
        let setup = settings.map(|live| {
            self.theme = live.theme;
            running.limiter.set_fps(live.max_fps);
            Box::new(live.setup)
        });
        update(&mut self.state, Msg::Settings(setup));
        running.dirty = true;
    }

    fn carry_out(&mut self, running: &mut Running, effect: Effect) -> Option<Ended> {
        let failed = match effect {
            Effect::Quit(how) => return Some(Ended::Quit(how)),
            Effect::Copy(text) => {
                return self.screen.copy(&text).is_err().then_some(Ended::Lost);
            }
            Effect::Redraw => self.screen.forget(),
            Effect::Suspend => self
                .host
                .suspend()
                .and_then(|()| self.screen.forget())
                .inspect(|()| {
                    self.world.unpark();
                    (self.state.width, self.state.height) = self.screen.size();
                }),
            Effect::GiveUp(ticket) => {
                if let Some(task) = running.asked.remove(&ticket) {
                    task.abort();
                }
                return None;
            }
            other => {
                let ticket = match &other {
                    Effect::Ask(ticket, _) | Effect::SaveLog(ticket, _) => Some(*ticket),
                    _ => None,
                };
                let (tasks, told) = (&mut running.tasks, &running.told_to);
                let task = effects::spawn(tasks, &self.world, told, other);
                running.asked.retain(|_, task| !task.is_finished());
                running.asked.extend(ticket.zip(task));
                return None;
            }
        };
        running.dirty = true;
        running.urgent = true;
        failed.is_err().then_some(Ended::Lost)
    }

    fn paint(&mut self, running: &mut Running) -> io::Result<()> {
        let now = running.steady();
        if !running.dirty || running.limiter.ready_at(running.urgent) > now {
            return Ok(());
        }
        running.dirty = false;
        running.urgent = false;
        let (width, height) = self.screen.size();
        if (width, height) != (self.state.width, self.state.height) {
            // Unheard so far; painting for another size would copy the whole state.
            update(&mut self.state, Msg::Resized { width, height });
            self.state.take_dirty();
        }
        let began = Instant::now();
        let (state, theme) = (&self.state, &self.theme);
        self.screen.paint(|frame| ui::render(state, theme, frame))?;
        running.limiter.painted(now, began.elapsed());
        Ok(())
    }
}

/// Waits for the next thing. Input comes first: a flood of news never makes a key wait.
async fn wait(running: &mut Running, input: &mut (impl Stream<Item = Input> + Unpin)) -> Woken {
    let deadline = running.deadline().map(|at| running.began + at);
    let news_ended = running.news_ended;
    tokio::select! {
        biased;
        input = input.next() => Woken::Input(input),
        Some(done) = running.tasks.join_next() => result(done),
        Some(told) = running.told.recv() => Woken::Result(told),
        () = async {
            match deadline {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        } => Woken::Deadline,
        _ = running.ticks.tick() => Woken::Tick,
        news = running.news.next(), if !news_ended => Woken::News(news),
    }
}

/// The next thing, if it is there already.
fn ready(running: &mut Running, input: &mut (impl Stream<Item = Input> + Unpin)) -> Option<Woken> {
    if let Some(next) = input.next().now_or_never() {
        return Some(Woken::Input(next));
    }
    if let Some(done) = running.tasks.try_join_next() {
        return Some(result(done));
    }
    if let Ok(told) = running.told.try_recv() {
        return Some(Woken::Result(told));
    }
    if running.news_ended {
        return None;
    }
    running.news.next().now_or_never().map(Woken::News)
}

fn result(done: Result<Msg, tokio::task::JoinError>) -> Woken {
    match done {
        Ok(msg) => Woken::Result(msg),
        Err(error) if error.is_cancelled() => Woken::Deadline,
        Err(error) => {
            // What it was to read is asked for again after a while.
            tracing::error!("a request of the dashboard ended badly: {error}");
            Woken::Deadline
        }
    }
}
