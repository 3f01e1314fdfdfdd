//! What a job found to differ: read page by page, written as statements.

use super::{done_waiting, forms, wait_for};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::differences::{
    DifferencePart, DifferenceQuery, Differences, ScriptDraft,
};
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::form::{Field, Form, Purpose};
use crate::dashboard::app::geometry;
use crate::dashboard::app::overlay::Overlay;
use crate::dashboard::app::request::Request;
use crate::dashboard::app::state::{Asked, State};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::command::Refusal;
use crate::model::job::Job;
use crate::model::log::Difference;
use crate::model::table_run::TableRun;

/// Shows the differences of a job; those of the selected table first, where its tables are open.
pub fn show(state: &mut State, job: &Job) -> Vec<Effect> {
    let open = state
        .detail
        .as_ref()
        .filter(|detail| detail.job.id == job.id);
    let found = |run: &TableRun| run.verified.differences > 0;
    let why = match open {
        _ if !job.state.is_final() => Some("what differs is known when the job has ended"),
        Some(detail) if detail.loaded && !detail.job.tables.iter().any(found) => {
            Some("this job found no differences")
        }
        _ => None,
    };
    if let Some(why) = why {
        state.say(format!("{}: {why}", job.config), Tone::Plain);
        return Vec::new();
    }
    let table = open.and_then(|detail| detail.selected_table());
    let window = Differences::new(job, table.map(|run| run.target_table.as_str()));
    let query = window.query(DifferencePart::First);
    state.overlays.push(Overlay::Differences(Box::new(window)));
    state.dirty = true;
    vec![Effect::ReadDifferences(query)]
}

fn window(state: &mut State) -> Option<&mut Differences> {
    state
        .overlays
        .iter_mut()
        .rev()
        .find_map(|overlay| match overlay {
            Overlay::Differences(window) => Some(&mut **window),
            _ => None,
        })
}

/// A page was read, or why not. It may be of what is not shown any more.
pub fn read(
    state: &mut State,
    asked: &DifferenceQuery,
    result: Result<Vec<(u64, Difference)>, Refusal>,
) {
    let Some(window) = window(state).filter(|window| window.query(asked.part) == *asked) else {
        return;
    };
    match result {
        Ok(page) => window.take(asked.part, page),
        Err(refusal) => window.refuse(asked.part, refusal.to_string()),
    }
    state.dirty = true;
}

/// An action on them.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let size = geometry::differences(state);
    let Some(window) = window(state) else {
        return Vec::new();
    };
    let page = window.fitting(size.0, size.1) as isize;
    let part = match action {
        Action::Up => window.step(-1, size),
        Action::Down => window.step(1, size),
        Action::PageUp => window.step(-page, size),
        Action::PageDown => window.step(page, size),
        Action::First => window.to_first(),
        Action::Last => window.step(isize::MAX / 2, size),
        Action::DifferencesTable => {
            if !window.next_table() {
                return Vec::new();
            }
            window.reading
        }
        Action::SaveScript => return save(state),
        Action::CloseDifferences => {
            state.overlays.pop();
            return Vec::new();
        }
        _ => None,
    };
    let query = part.map(|part| window.query(part));
    query.map(Effect::ReadDifferences).into_iter().collect()
}

/// Asks where statements go, or gives up those that are being written: a comparison may be long,
/// and waits for a throttled source.
fn save(state: &mut State) -> Vec<Effect> {
    let writing = state.asked.iter().find_map(|(ticket, asked)| match asked {
        Asked::Script(words) => Some((*ticket, words.clone())),
        _ => None,
    });
    let Some((ticket, words)) = writing else {
        ask_file(state);
        return Vec::new();
    };
    state.asked.remove(&ticket);
    done_waiting(state, &words);
    state.say("given up; nothing is left of the file", Tone::Plain);
    vec![Effect::GiveUp(ticket)]
}

/// Asks where the statements go.
fn ask_file(state: &mut State) {
    let Some(window) = window(state) else {
        return;
    };
    let tables: Vec<String> = match window.shown_table() {
        Some(table) => vec![table.to_owned()],
        None => window.tables.iter().map(|(name, _)| name.clone()).collect(),
    };
    let plain = |c: char| c.is_alphanumeric() || ".-_".contains(c);
    let name: String = window
        .config
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let field = Field::text("path", "File", &format!("repair-{name}.sql"))
        .required()
        .help("A new file that only you can read. ~ is your home folder.");
    let told = match tables.as_slice() {
        [] => "All tables of the config".to_owned(),
        tables => tables.join(", "),
    };
    let draft = ScriptDraft {
        config: window.config_id,
        name: window.config.clone(),
        tables,
    };
    let purpose = Purpose::Script(Box::new(draft));
    let mut form = Form::new(purpose, "Statements that repair", vec![field]);
    form.intro = vec![
        Line::of(told, Tone::Strong),
        Line::plain(
            "Source and local tables are compared as they are now, which may take a while. \
             Nothing is changed: the statements are written down for you to run.",
        ),
        Line::empty(),
    ];
    form.verb = "write";
    forms::open(state, form);
}

/// The file was named.
pub fn file_named(state: &mut State) -> Vec<Effect> {
    let ticket = state.ticket();
    let Some(form) = forms::top(state) else {
        return Vec::new();
    };
    let Purpose::Script(of) = form.purpose.clone() else {
        return Vec::new();
    };
    let path = form.text("path");
    let mut effects = forms::discard(state);
    let key = state.setup.keymap.shown(Action::SaveScript);
    let stop = key.map_or(String::new(), |key| format!("; {key} gives up"));
    let words = format!("comparing {} and writing {path}{stop}", of.name);
    wait_for(state, words.clone());
    state.asked.insert(ticket, Asked::Script(words));
    effects.push(Effect::Ask(ticket, Request::RepairScript { of, path }));
    effects
}
