//! Progress of running jobs on stderr: bars on a terminal, else a line at most every ten seconds.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use super::output::number::{count, rates, seconds};
use crate::logging::StderrHandle;
use crate::model::event::{Event, What};
use crate::model::ids::JobId;
use crate::model::progress::Progress;
use crate::model::table_run::Phase;

/// How often a line may be written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Bars count in whole percent, so that none shows 100 before the end.
const WHOLE: u64 = 100;
/// Columns of a bar's name; the rest of 80 is for the bar, its phase, the rates and the time left.
const NAME: usize = 16;

/// Shows events of jobs as they come.
pub struct Board {
    output: Output,
    form: Form,
    log: StderrHandle,
    logged: bool,
}

enum Form {
    /// Nothing.
    Silent,
    /// One bar per job and per table at work.
    Bars(Bars),
    /// Lines.
    Lines {
        /// When the last one was written.
        last: Option<Instant>,
    },
}

struct Bars {
    all: MultiProgress,
    style: ProgressStyle,
    shown: HashMap<(JobId, Option<String>), Bar>,
}

struct Bar {
    bar: ProgressBar,
    phase: Phase,
}

impl Board {
    /// A board in the form that the output asks for; lines of the log go above the bars. `logged`:
    /// warnings and failures are in those lines already.
    #[must_use]
    pub fn new(output: Output, log: &StderrHandle, logged: bool) -> Self {
        let form = if output.quiet {
            Form::Silent
        } else if output.live {
            let bars = Bars::new(output.unicode);
            if logged {
                let all = bars.all.clone();
                log.through(move |line| {
                    all.suspend(|| {
                        // Nobody is left to tell when stderr is closed.
                        let _ = io::stderr().write_all(line.as_bytes());
                    });
                });
            }
            Form::Bars(bars)
        } else {
            Form::Lines { last: None }
        };
        Self {
            output,
            form,
            log: log.clone(),
            logged,
        }
    }

    /// Takes the screen back before results are written.
    pub fn clear(&mut self) {
        if let Form::Bars(bars) = &mut self.form {
            bars.shown.clear();
            // A terminal that is gone needs no clearing.
            let _ = bars.all.clear();
            if self.logged {
                self.log.direct();
            }
        }
    }

    /// Writes a line above the bars.
    pub fn note(&self, text: &str) {
        match &self.form {
            Form::Bars(bars) => bars.all.suspend(|| self.output.note(text)),
            _ => self.output.note(text),
        }
    }

    /// Shows what happened.
    pub fn event(&mut self, event: &Event) {
        if !self.logged
            && let Some(told) = told(&event.what)
        {
            self.note(&format!("{}: {told}", subject(event)));
        }
        match &mut self.form {
            Form::Silent => {}
            Form::Bars(bars) => bars.event(event, &self.output),
            Form::Lines { last } => {
                let What::Progress { progress, .. } = &event.what else {
                    return;
                };
                // The first line waits until there is something to say.
                let too_soon =
                    last.map_or(progress.rows_total == 0, |at| at.elapsed() < LINE_EVERY);
                if event.table.is_some() || too_soon {
                    return;
                }
                *last = Some(Instant::now());
                let line = format!(
                    "{}: {:.1}%, {}",
                    event.config,
                    progress.percent,
                    numbers(progress)
                );
                self.output.note(&line);
            }
        }
    }
}

impl Bars {
    fn new(unicode: bool) -> Self {
        // Not more often: each frame is bytes over somebody's slow line.
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        let style = ProgressStyle::with_template("{prefix:16} [{bar:12}] {percent:>3}% {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars(if unicode { "█▓░" } else { "=> " });
        Self {
            all,
            style,
            shown: HashMap::new(),
        }
    }

    fn event(&mut self, event: &Event, output: &Output) {
        let key = (event.job_id, event.table.clone());
        match &event.what {
            What::JobStarted(_) | What::JobResumed(_) => {
                self.bar(key, &event.config, output);
            }
            What::JobFinished(_) | What::JobReleased(_) | What::JobPaused(_) => {
                self.shown.retain(|(job, _), bar| {
                    let other = *job != event.job_id;
                    if !other {
                        bar.bar.finish_and_clear();
                    }
                    other
                });
            }
            What::TableStarted(run) | What::TablePhaseChanged(run) => {
                let name = format!("  {}", run.target_table);
                let bar = self.bar(key, &name, output);
                bar.phase = run.phase;
                bar.show(&run.progress, true, output);
            }
            What::TableFinished(_) | What::TableFailed(_) | What::TableSkipped(_) => {
                if let Some(bar) = self.shown.remove(&key) {
                    bar.bar.finish_and_clear();
                }
            }
            What::Progress { progress, .. } => {
                if let Some(bar) = self.shown.get(&key) {
                    bar.show(progress, event.table.is_some(), output);
                }
            }
            _ => {}
        }
    }

    fn bar(&mut self, key: (JobId, Option<String>), name: &str, output: &Output) -> &mut Bar {
        let Self { all, style, shown } = self;
        shown.entry(key).or_insert_with(|| {
            let bar = all.add(ProgressBar::new(WHOLE).with_style(style.clone()));
            bar.set_prefix(output.printable(&shortened(name, NAME)));
            Bar {
                bar,
                phase: Phase::Plan,
            }
        })
    }
}

impl Bar {
    fn show(&self, progress: &Progress, of_table: bool, output: &Output) {
        let done = progress.percent.clamp(0.0, 100.0) as u64;
        self.bar.set_position(done);
        let phase = if of_table {
            format!("{} ", self.phase.as_str().replace('_', " "))
        } else {
            String::new()
        };
        let text = format!("{phase}{}", numbers(progress));
        self.bar.set_message(output.printable(&text));
    }
}

/// `90.2k rows/s, 17.5 MB/s, ETA 17s, 412,000 of 1,000,000 rows`: what is cut first comes last.
fn numbers(progress: &Progress) -> String {
    let mut text = rates(progress.rows_per_second, progress.bytes_per_second);
    if let Some(eta) = progress.eta_seconds {
        text.push_str(&format!(", ETA {}", seconds(eta)));
    }
    if let Some(reason) = &progress.throttled {
        text.push_str(&format!(", waits: {reason}"));
    }
    text.push_str(&format!(
        ", {} of {} rows",
        count(progress.rows_done),
        count(progress.rows_total)
    ));
    text
}

/// What a person should hear of even where logs are not shown.
fn told(what: &What) -> Option<String> {
    match what {
        What::RetryScheduled {
            attempt,
            wait_seconds,
            error,
        } => Some(format!(
            "{error}; try {} in {}",
            attempt + 1,
            seconds(*wait_seconds)
        )),
        What::Warning { message, hint, .. } => Some(match hint {
            Some(hint) => format!("warning: {message}; {hint}"),
            None => format!("warning: {message}"),
        }),
        What::Throttled { reason, .. } => Some(format!("work waits: {reason}")),
        What::Unthrottled { side, .. } => Some(format!(
            "work goes on: the {} has room again",
            side.server()
        )),
        What::TableFailed(run) => Some(format!("failed: {}", run.error.as_ref()?)),
        What::JobPaused(job) => Some(format!(
            "paused; go on with `db-taxi jobs resume {}`",
            job.id
        )),
        What::JobResumed(_) => Some("goes on after the pause".to_owned()),
        _ => None,
    }
}

fn subject(event: &Event) -> String {
    match &event.table {
        Some(table) => format!("{}: {table}", event.config),
        None => event.config.clone(),
    }
}

fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let mut out: String = name.chars().take(most - 1).collect();
    out.push('\u{2026}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_shows_rows_rates_and_time_left() {
        let progress = Progress {
            rows_done: 412_000,
            rows_total: 1_000_000,
            rows_per_second: 90_210.0,
            bytes_per_second: 17_500_000.0,
            eta_seconds: Some(17.0),
            ..Progress::default()
        };
        assert_eq!(
            numbers(&progress),
            "90.2k rows/s, 17.5 MB/s, ETA 17s, 412,000 of 1,000,000 rows"
        );
    }

    #[test]
    fn long_names_are_cut_to_their_column() {
        assert_eq!(shortened("orders", NAME), "orders");
        assert_eq!(shortened(&"x".repeat(30), NAME).chars().count(), NAME);
    }
}
