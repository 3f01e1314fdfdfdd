//! Writing a log into a file, and copying lines of it.

use super::{forms, logs, overlays, refused};
use crate::dashboard::app::clipboard;
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::form::{Field, Form, Purpose};
use crate::dashboard::app::format::count;
use crate::dashboard::app::geometry;
use crate::dashboard::app::log_query::LogPart;
use crate::dashboard::app::log_save::{LogSave, LogWriting, SavedFile, SavedLines};
use crate::dashboard::app::log_view::{LogView, Source, plain};
use crate::dashboard::app::overlay::Answer;
use crate::dashboard::app::request::Ticket;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::command::Refusal;
use crate::model::log::Level;

/// Asks where the log is written; while one is being written, whether that is given up.
pub fn ask(state: &mut State) -> Vec<Effect> {
    if let Some(saving) = &state.log_saving {
        let lines = vec![
            Line::of(&saving.path, Tone::Strong).and(
                format!(": {} lines so far.", count(saving.lines)),
                Tone::Plain,
            ),
            Line::plain("Given up, nothing is left of it; a file that it replaces stays."),
        ];
        let give_up = Answer::GiveUpLog(saving.ticket);
        let choices = [("go on", Answer::Nothing), ("give it up", give_up)];
        overlays::ask(state, "A log is being written", lines, &choices);
        return Vec::new();
    }
    let (whose, whole) = match &state.log_source {
        Source::Process => (
            "db-taxi",
            "Every line that is kept here. Older ones are in the log files (logging.directory).",
        ),
        Source::Job { config, .. } => (config.as_str(), "Every stored line of this job."),
    };
    let plain = |c: char| {
        if c.is_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = whose.chars().map(plain).collect();
    let at = state.clock.wall.format("%Y%m%d-%H%M%S");
    let fields = vec![
        Field::text("path", "File", &format!("{name}-{at}.log"))
            .required()
            .help("On the machine that runs db-taxi; ~ is your home. A file that exists is asked about."),
        Field::toggle("shown", "Only what fits", false).help(narrowing(state.log())),
    ];
    let mut form = Form::new(Purpose::SaveLog, "Save the log", fields);
    form.intro = vec![Line::plain(whole)];
    form.verb = "write it";
    forms::open(state, form);
    Vec::new()
}

/// The narrowing that is in force, in words.
fn narrowing(log: &LogView) -> String {
    let scope = log.scope();
    let mut words = vec![match scope.level {
        Level::Error => "level error".to_owned(),
        level => format!("level {} and above", level.as_str()),
    }];
    words.extend(scope.table.iter().map(|table| format!("table {table}")));
    words.extend(scope.names.first().cloned());
    if !scope.text.is_empty() {
        words.push(format!("with {:?}", scope.text));
    }
    format!("Only the lines that are shown: {}.", words.join(", "))
}

/// The form was sent, and nothing is wrong with its fields.
pub fn submitted(state: &mut State) -> Vec<Effect> {
    let Some(form) = forms::top(state) else {
        return Vec::new();
    };
    let (path, all) = (form.text("path"), !form.is_on("shown"));
    let effects = forms::discard(state);
    let lines = match logs::query(state, LogPart::Oldest) {
        None => SavedLines::Kept(state.log().taken(all)),
        Some(mut query) => {
            if all {
                query.level = Level::Trace;
                query.table = None;
                query.texts = Vec::new();
            }
            SavedLines::Stored(query)
        }
    };
    let save = LogSave {
        lines,
        path,
        overwrite: false,
    };
    [effects, begin(state, save)].concat()
}

/// Writes it.
pub fn begin(state: &mut State, save: LogSave) -> Vec<Effect> {
    let saving = LogWriting {
        ticket: state.ticket(),
        path: save.path.clone(),
        lines: 0,
    };
    let ticket = saving.ticket;
    state.log_saving = Some(saving);
    vec![Effect::SaveLog(ticket, Box::new(save))]
}

/// So many lines are written.
pub fn progressed(state: &mut State, ticket: Ticket, lines: u64) {
    let Some(saving) = state.log_saving.as_mut().filter(|s| s.ticket == ticket) else {
        return;
    };
    saving.lines = lines;
    state.dirty = true;
}

/// It is written, was given up, or why not.
pub fn ended(
    state: &mut State,
    ticket: Ticket,
    save: LogSave,
    result: Result<SavedFile, Refusal>,
) -> Vec<Effect> {
    if !forget(state, ticket) {
        return Vec::new();
    }
    match result {
        Ok(file) => state.say(
            format!("{} lines written to {}", count(file.lines), file.path),
            Tone::Good,
        ),
        Err(Refusal::Conflict {
            code: "file_exists",
            ..
        }) => {
            let lines = vec![
                Line::of(&save.path, Tone::Strong).and(" exists already.", Tone::Plain),
                Line::plain("Its content is replaced by the log."),
            ];
            let again = LogSave {
                overwrite: true,
                ..save
            };
            let choices = [
                ("leave it", Answer::Nothing),
                ("replace it", Answer::SaveLog(Box::new(again))),
            ];
            overlays::ask(state, "Replace the file?", lines, &choices);
        }
        Err(refusal) => refused(state, "The log was not written", &refusal),
    }
    Vec::new()
}

/// It is not waited for any more; says whether it was.
fn forget(state: &mut State, ticket: Ticket) -> bool {
    state.dirty = true;
    let saving = |saving: &mut LogWriting| saving.ticket == ticket;
    state.log_saving.take_if(saving).is_some()
}

/// The person gave it up.
pub fn given_up(state: &mut State, ticket: Ticket) -> Vec<Effect> {
    let path = state.log_saving.as_ref().map(|saving| saving.path.clone());
    // It may have been done while that was asked.
    if !forget(state, ticket) {
        return Vec::new();
    }
    state.say(
        format!("{} was not written", path.unwrap_or_default()),
        Tone::Plain,
    );
    vec![Effect::GiveUp(ticket)]
}

/// What would be lost by leaving.
pub fn unsaved(state: &State) -> Option<Line> {
    let saving = state.log_saving.as_ref()?;
    let words = format!(
        " is being written, {} lines so far, and would be given up.",
        count(saving.lines)
    );
    Some(Line::of(&saving.path, Tone::Strong).and(words, Tone::Plain))
}

/// Copies the marked line, or with `whole` or without a mark everything on the screen.
pub fn copy(state: &mut State, whole: bool) -> Vec<Effect> {
    let size = geometry::log(state);
    let marked = state.log().marked(size).filter(|_| !whole);
    let text = match marked {
        Some(line) => plain(line),
        None => {
            let lines = state.log().entries(size.0, size.1);
            let lines: Vec<String> = lines.into_iter().map(plain).collect();
            lines.join("\n")
        }
    };
    clipboard::copy_seen(state, &text)
}
