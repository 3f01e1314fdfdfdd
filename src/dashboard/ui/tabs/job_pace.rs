//! How a job that has not ended goes: how far, how fast, what limits it.

use crate::dashboard::app::detail::Detail;
use crate::dashboard::app::format::{self, about, count, plural};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::widgets::{gauge, sparkline};
use crate::model::job::{Job, JobState};
use crate::model::table_run::Timing;

/// The gauge of the whole job, its rates lately, what limits it.
pub fn lines(state: &State, detail: &Detail, width: usize) -> [Line; 3] {
    let job = &detail.job;
    [far(state, job, width), fast(detail, width), limit(job)]
}

fn far(state: &State, job: &Job, width: usize) -> Line {
    let p = &job.progress;
    let percent = if p.percent.is_finite() {
        p.percent.clamp(0.0, 100.0)
    } else {
        0.0
    };
    let (full, rest) = gauge::bar_text(percent, (width / 5).clamp(8, 30) as u16);
    let mut line = Line::of(full, Tone::Accent)
        .and(rest, Tone::Dim)
        .and(format!(" {:.0} %", percent.floor()), Tone::Strong)
        .and(
            format!(
                "  {} of about {} rows",
                count(p.rows_done),
                about(p.rows_total)
            ),
            Tone::Plain,
        );
    if let Some(eta) = state.eta(job).filter(|_| job.state == JobState::Running) {
        line = line.and(format!("  ETA {}", format::eta(eta)), Tone::Strong);
    }
    if p.chunks_total > 0 {
        let ranges = format!(
            "  {} of {} ranges",
            count(p.chunks_done),
            count(p.chunks_total)
        );
        line = line.and(ranges, Tone::Dim);
    }
    line
}

fn fast(detail: &Detail, width: usize) -> Line {
    let job = &detail.job;
    match job.state {
        JobState::Running => {}
        JobState::Paused => {
            return Line::of(
                "■ paused: it holds no snapshot and no lock, and goes on from its checkpoint",
                Tone::Warn,
            );
        }
        _ => return Line::of("in the queue; it begins when a slot is free", Tone::Dim),
    }
    let p = &job.progress;
    let bars = (width / 5).clamp(6, 40);
    Line::of("rows/s ", Tone::Dim)
        .and(sparkline::text(detail.rates.iter(), bars), Tone::Accent)
        .and(
            format!(" {:<9}", format::rate(p.rows_per_second)),
            Tone::Plain,
        )
        .and("MB/s ", Tone::Dim)
        .and(
            sparkline::text(detail.byte_rates.iter(), bars),
            Tone::Accent,
        )
        .and(
            format!(" {}", format::megabytes(p.bytes_per_second)),
            Tone::Plain,
        )
}

fn limit(job: &Job) -> Line {
    if job.state != JobState::Running {
        return Line::empty();
    }
    let p = &job.progress;
    let mut line = match (&p.throttled, side(job)) {
        (Some(reason), _) => Line::of(format!("! throttled: {reason}"), Tone::Warn),
        (None, Some(words)) => Line::of(words, Tone::Plain),
        (None, None) => Line::empty(),
    };
    let gap = if line.pieces.is_empty() { "" } else { "  " };
    let workers = plural(p.workers as usize, "worker", "workers");
    line = line.and(format!("{gap}{workers}"), Tone::Dim);
    if job.counts.retries > 0 {
        let retries = plural(job.counts.retries as usize, "retry", "retries");
        line = line.and(format!("  {retries}"), Tone::Dim);
    }
    line
}

/// Which side limits the job, with its share of the workers' time, and what would help.
fn side(job: &Job) -> Option<String> {
    let side = job.progress.bottleneck.as_deref()?;
    let share = share(job, side).map_or(String::new(), |share| format!(" ({share:.0} %)"));
    Some(match side {
        "source" => format!("reading the source limits this job{share}"),
        "network" => format!("the network limits this job{share}: compression may help"),
        "client" => format!("this machine limits this job{share}"),
        "target" => format!("target writes limit this job{share}: more workers won't help"),
        "lock" => format!("waiting for locks limits this job{share}"),
        "throttle" => format!("a throttle limits this job{share}"),
        "ddl" => format!("keys are being built{share}"),
        _ => return None,
    })
}

fn share(job: &Job, side: &str) -> Option<f64> {
    let of = |t: &Timing| match side {
        "source" => t.source,
        "network" => t.network,
        "target" => t.target,
        "client" => t.client,
        "lock" => t.lock,
        "throttle" => t.throttle,
        "ddl" => t.ddl,
        _ => 0.0,
    };
    let all = |t: &Timing| t.source + t.target + t.client + t.lock + t.throttle + t.ddl;
    let (mut own, mut sum) = (0.0, 0.0);
    for run in &job.tables {
        own += of(&run.timing);
        sum += all(&run.timing);
    }
    (sum > 1.0 && own / sum >= 0.4).then(|| own / sum * 100.0)
}
