//! How old copies are, in a cell: coloured by what the schedule promises, with a mark beside it.

use crate::dashboard::app::format;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::Tone;
use crate::dashboard::ui::widgets::table::Cell;
use crate::model::freshness::{ConfigFreshness, Freshness};
use crate::model::ids::ConfigId;
use crate::model::job::Job;

/// The tone of a verdict.
pub fn tone(verdict: Freshness) -> Tone {
    match verdict {
        Freshness::Fresh => Tone::Good,
        Freshness::Due | Freshness::Unpromised => Tone::Plain,
        Freshness::Late => Tone::Warn,
        Freshness::Unknown => Tone::Dim,
    }
}

/// What is to be said beside the time.
pub fn words(verdict: Freshness) -> &'static str {
    match verdict {
        Freshness::Fresh => "as its schedule promises",
        Freshness::Due => "a run is due",
        Freshness::Late => "older than its schedule promises",
        Freshness::Unknown | Freshness::Unpromised => "",
    }
}

/// `! 02:14` of a config.
pub fn of_config(state: &State, id: ConfigId) -> Cell {
    let Some(known) = state.freshness.get(&id) else {
        return Cell::plain("");
    };
    let Some(at) = known.at else {
        return Cell::of("never", Tone::Dim);
    };
    let now = state.clock.wall;
    if known.differing > 0 {
        let text = format!(
            "! {} differ",
            format::plural(known.differing as usize, "table", "tables")
        );
        return Cell::of(text, Tone::Bad);
    }
    let text = format!("{}{}", mark(known.verdict), format::moment(at, now));
    Cell::of(text, tone(known.verdict))
}

/// The same of the newest comparison that a job made; plain in jobs that later ones have overtaken.
pub fn of_job(state: &State, job: &Job) -> Cell {
    let Some(at) = job.as_of() else {
        return Cell::of("-", Tone::Dim);
    };
    let verdict = current(state, job).map(|known| known.verdict);
    let text = format!(
        "{}{}",
        verdict.map_or("", mark),
        format::moment(at, state.clock.wall)
    );
    Cell::of(text, verdict.map_or(Tone::Dim, tone))
}

/// What is known of the job's config, where nothing newer than this job has been compared.
pub fn current<'a>(state: &'a State, job: &Job) -> Option<&'a ConfigFreshness> {
    let known = state.freshness.get(&job.config_id)?;
    (job.as_of()? >= known.at?).then_some(known)
}

fn mark(verdict: Freshness) -> &'static str {
    match verdict {
        Freshness::Late => "! ",
        _ => "",
    }
}
