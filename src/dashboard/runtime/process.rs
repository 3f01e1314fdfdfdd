//! The dashboard as part of a process: its thread, signals, and what comes after it.
//!
//! The loop has a thread of its own, so that a terminal that takes no bytes blocks nothing else:
//! signals are heard here, and a thread that doesn't end is left behind.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossterm::style::force_color_output;
use futures_util::stream::poll_fn;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal as OsSignal, kill_current_process_group};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::DashboardError;
use super::backend::Backend;
use super::event_loop::{Ended, EventLoop, Host, Live};
use super::frames::Frames;
use super::input::{Input, InputThread, Signal};
use super::live::{self, LiveSettings};
use super::options::DashboardOptions;
use super::screen::Screen;
use super::system_world::SystemWorld;
use super::terminal::{self, PanicGuard};
use super::theme_watch;
use crate::dashboard::app::State;
use crate::dashboard::app::effect::QuitHow;
use crate::dashboard::app::keymap::Keymap;
use crate::dashboard::app::text::Tone;
use crate::dashboard::ui::theme::Theme;
use crate::settings::OnDisconnect;
use crate::system::System;

/// Inputs that wait while a frame is painted.
const INPUTS: usize = 256;
/// How long the loop has to end after a signal; after that its terminal is frozen.
const GRACE: Duration = Duration::from_secs(2);
/// A stop that was asked for has come by then, or won't.
const STOPPED_BY: Duration = Duration::from_secs(1);

/// Shows the dashboard over a started system until it ends, then shuts the system down. Returns the
/// exit code: 0, or 128 and the signal that ended it.
///
/// # Errors
/// Without a terminal, with a theme that can't be used, and after a fault of this program.
pub async fn run(system: System, mut options: DashboardOptions) -> Result<i32, DashboardError> {
    let world =
        SystemWorld::new(system, options.logs.clone()).remembering(options.visit_file.clone());
    let world = Arc::new(world);
    let system = world.system();
    let reload = options.reload.take();
    options.reload = reload.map(|reload| reload.and(move |settings| system.reload(settings)));
    run_with(world, options).await
}

/// Says whether the dashboard could be shown, before anything is started for it.
///
/// # Errors
/// Without a terminal, with a theme that can't be used.
pub fn check(options: &DashboardOptions) -> Result<(), DashboardError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(DashboardError::NoTerminal);
    }
    keymap(options)?;
    theme(options).map(drop)
}

fn keymap(options: &DashboardOptions) -> Result<Keymap, DashboardError> {
    Keymap::with(&options.keys).map_err(|mistakes| DashboardError::Keys(mistakes.to_string()))
}

/// Shows the dashboard over `world` until it ends, then shuts the world down, also when it could
/// not be shown. Returns the exit code.
///
/// # Errors
/// As [`run`].
pub async fn run_with<W: Backend>(
    world: Arc<W>,
    options: DashboardOptions,
) -> Result<i32, DashboardError> {
    let mut signals = Signals::new()?;
    let policy = Arc::new(Mutex::new(options.on_disconnect));
    let ended = show(&world, &options, &policy, &mut signals).await;
    let policy = *policy.lock().unwrap_or_else(PoisonError::into_inner);
    after(&*world, policy, &mut signals, ended).await
}

fn theme(options: &DashboardOptions) -> Result<Theme, DashboardError> {
    theme_watch::load(options).map_err(DashboardError::Theme)
}

/// Runs the loop on its own thread until it ends.
async fn show<W: Backend>(
    world: &Arc<W>,
    options: &DashboardOptions,
    policy: &Arc<Mutex<OnDisconnect>>,
    signals: &mut Signals,
) -> Result<Ended, DashboardError> {
    check(options)?;
    let (input_to, input_from) = mpsc::channel(INPUTS);
    let painter = Painter {
        world: Arc::clone(world),
        theme: theme(options)?,
        keymap: keymap(options)?,
        options: options.clone(),
        policy: Arc::clone(policy),
        input_to: input_to.clone(),
        input_from,
    };
    let (continued_to, continued) = sync_channel(1);
    let (done_to, done) = oneshot::channel();
    let handle = Handle::current();
    let thread = thread::Builder::new()
        .name("dashboard".to_owned())
        .spawn(move || {
            let guard = PanicGuard::set(thread::current().id());
            let ended = handle.block_on(painter.paint(continued));
            terminal::leave();
            drop(guard);
            // Nobody waits for it only after a signal that this thread was too slow for.
            let _ = done_to.send(ended);
        })?;
    match until_ended(signals, &input_to, &continued_to, done).await {
        Some(ended) => ended.map_err(DashboardError::Terminal),
        // The sender was dropped without a word: the thread panicked.
        None => {
            let _ = thread.join();
            Err(DashboardError::Panicked)
        }
    }
}

/// Passes signals on until the loop ends; `None` when it panicked.
async fn until_ended(
    signals: &mut Signals,
    input: &mpsc::Sender<Input>,
    continued: &SyncSender<()>,
    mut done: oneshot::Receiver<io::Result<Ended>>,
) -> Option<io::Result<Ended>> {
    loop {
        let signal = tokio::select! {
            ended = &mut done => return ended.ok(),
            signal = signals.next() => signal,
        };
        match signal {
            Heard::Resized => {
                if let Ok((width, height)) = crossterm::terminal::size() {
                    // A full channel holds other reasons to paint; the painter asks for the size.
                    let _ = input.try_send(Input::Resize(width, height));
                }
            }
            Heard::Continued => {
                // Full: it is known already.
                let _ = continued.try_send(());
                let _ = input.try_send(Input::Continued);
            }
            Heard::End(signal) => {
                let told = async {
                    let _ = input.send(Input::Signal(signal)).await;
                    (&mut done).await
                };
                match timeout(GRACE, told).await {
                    Ok(ended) => return ended.ok(),
                    Err(_) => {
                        terminal::forget();
                        return Some(Ok(Ended::Frozen(signal)));
                    }
                }
            }
        }
    }
}

/// Shuts the world down as the end of the dashboard asks for.
async fn after<W: Backend>(
    world: &W,
    policy: OnDisconnect,
    signals: &mut Signals,
    ended: Result<Ended, DashboardError>,
) -> Result<i32, DashboardError> {
    let lost = matches!(
        ended,
        Ok(Ended::Lost | Ended::Signal(Signal::HangUp) | Ended::Frozen(Signal::HangUp))
    );
    if lost && policy == OnDisconnect::KeepRunning {
        tracing::warn!("the terminal is gone; the jobs of this process go on to their end");
        finish_jobs(world, signals).await;
    } else if lost {
        tracing::warn!("the terminal is gone; the jobs of this process go back to the queue");
    }
    let how = match ended {
        Ok(Ended::Quit(how)) => how,
        Ok(Ended::Signal(Signal::Interrupt) | Ended::Frozen(Signal::Interrupt)) => QuitHow::Stop,
        _ => QuitHow::Release,
    };
    // A terminal that takes no bytes would hold up the end, too.
    if !lost && !matches!(ended, Ok(Ended::Frozen(_))) {
        tell_wait(world);
    }
    let shutdown = world.shutdown(how);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            heard = signals.next() => {
                if let Heard::End(_) = heard {
                    world.shutdown(how).await;
                    break;
                }
            }
        }
    }
    Ok(match ended? {
        Ended::Quit(_) => 0,
        Ended::Lost => 129,
        Ended::Signal(signal) | Ended::Frozen(signal) => match signal {
            Signal::HangUp => 129,
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        },
    })
}

/// Waits until the jobs that run at this moment have ended here, or somebody asks to end at once.
async fn finish_jobs<W: Backend>(world: &W, signals: &mut Signals) {
    const LOOK_AGAIN: Duration = Duration::from_millis(500);
    let jobs: Vec<_> = world.working_on().into_iter().map(|(id, _)| id).collect();
    loop {
        let left = world.working_on();
        if !left.iter().any(|(id, _)| jobs.contains(id)) {
            return;
        }
        tokio::select! {
            () = sleep(LOOK_AGAIN) => {}
            heard = signals.next() => {
                if heard == Heard::End(Signal::Terminate) {
                    return;
                }
            }
        }
    }
}

/// Says what the shell waits for, so that it isn't silent.
fn tell_wait<W: Backend>(world: &W) {
    let mut names: Vec<String> = world
        .working_on()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    if names.is_empty() {
        return;
    }
    names.sort();
    let _ = writeln!(
        io::stderr(),
        "db-taxi: waiting for the batch in hand of {} (Ctrl-C: at once)",
        names.join(", ")
    );
}

/// What the loop's thread takes with it.
struct Painter<W> {
    world: Arc<W>,
    theme: Theme,
    keymap: Keymap,
    options: DashboardOptions,
    /// What becomes of jobs when the terminal goes away, as the settings say by then.
    policy: Arc<Mutex<OnDisconnect>>,
    input_to: mpsc::Sender<Input>,
    input_from: mpsc::Receiver<Input>,
}

impl<W: Backend> Painter<W> {
    async fn paint(self, continued: Receiver<()>) -> io::Result<Ended> {
        let mut input_from = self.input_from;
        terminal::use_mouse(self.options.mouse);
        terminal::enter()?;
        // Colours are decided by the theme. The library's own NO_COLOR handling writes an empty
        // colour, which terminals read as a reset of bold and reverse too.
        force_color_output(true);
        let frames = Frames::new(io::stdout());
        let backend = CrosstermBackend::new(frames.clone());
        let mut screen = Screen::framed(backend, frames)?;
        screen.forget()?;
        let mut host = TerminalHost {
            input: Some(InputThread::start(self.input_to.clone())?),
            input_to: self.input_to,
            continued,
            settings: LiveSettings::new(&self.options, self.policy),
        };
        let mut state = State::new(live::setup(&self.options, self.keymap));
        if let Some(hint) = disconnect_hint(self.options.on_disconnect) {
            state.say(hint, Tone::Plain);
        }
        let ended = EventLoop {
            world: self.world,
            screen: &mut screen,
            host: &mut host,
            state,
            theme: self.theme,
            max_fps: self.options.frame_rate(),
        }
        .run(poll_fn(move |context| input_from.poll_recv(context)))
        .await;
        if ended == Ended::Lost {
            terminal::forget();
        }
        Ok(ended)
    }
}

/// A word for who works over a line that can drop.
fn disconnect_hint(policy: OnDisconnect) -> Option<&'static str> {
    let set = |name: &str| std::env::var_os(name).is_some();
    if !set("SSH_CONNECTION") || set("TMUX") || set("STY") {
        return None;
    }
    Some(match policy {
        OnDisconnect::Release => {
            "over SSH: if the line drops, jobs go back to the queue (tmux keeps them)"
        }
        OnDisconnect::KeepRunning => "over SSH: if the line drops, running jobs finish first",
    })
}

struct TerminalHost {
    input: Option<InputThread>,
    input_to: mpsc::Sender<Input>,
    /// Says that the process goes on after it was stopped.
    continued: Receiver<()>,
    settings: LiveSettings,
}

impl Host for TerminalHost {
    fn suspend(&mut self) -> io::Result<()> {
        // Nobody may read the terminal while the shell has it.
        self.input = None;
        terminal::leave();
        while self.continued.try_recv().is_ok() {}
        // The whole group, as the key would: a script that started this process stops with it, or
        // its shell would wait without a prompt.
        kill_current_process_group(OsSignal::TSTP)?;
        // This thread may run on for a moment before the stop reaches it, and must not take the
        // terminal back then. Where nothing stops the process (no shell to continue it) the wait
        // is short.
        let _ = self.continued.recv_timeout(STOPPED_BY);
        terminal::enter()?;
        self.input = Some(InputThread::start(self.input_to.clone())?);
        Ok(())
    }

    fn continued(&mut self) -> io::Result<()> {
        terminal::retake()
    }

    fn theme(&mut self) -> Option<Result<Theme, String>> {
        self.settings.theme()
    }

    fn settings(&mut self) -> Option<Result<Live, String>> {
        self.settings.take()
    }
}

/// What a signal means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Resized,
    Continued,
    End(Signal),
}

struct Signals {
    terminate: Listener,
    interrupt: Listener,
    hang_up: Listener,
    window: Listener,
    go_on: Listener,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            window: signal(SignalKind::window_change())?,
            go_on: signal(SignalKind::from_raw(OsSignal::CONT.as_raw()))?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::End(Signal::Terminate),
            _ = self.interrupt.recv() => Heard::End(Signal::Interrupt),
            _ = self.hang_up.recv() => Heard::End(Signal::HangUp),
            _ = self.window.recv() => Heard::Resized,
            _ = self.go_on.recv() => Heard::Continued,
        }
    }
}
