//! Sheets and questions.

pub mod jobs;
mod plans;

use super::{configs, differences, forms, log_save, night, pickers, suspend};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::effect::{Effect, QuitHow};
use crate::dashboard::app::format::plural;
use crate::dashboard::app::geometry;
use crate::dashboard::app::overlay::{Answer, Choice, Dialog, Overlay, Sheet, SheetKind};
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::job::Job;

/// Lays a sheet over the screen; a question that is open stays on top.
pub fn open_sheet(state: &mut State, sheet: Sheet) {
    let at = match state.overlays.last() {
        Some(Overlay::Dialog(_) | Overlay::Confirm(_)) => state.overlays.len() - 1,
        _ => state.overlays.len(),
    };
    state.overlays.insert(at, Overlay::Sheet(sheet));
    state.dirty = true;
}

/// A sheet that somebody asked for a while ago: it takes no keys from a text that is edited meanwhile.
pub fn arrived(state: &mut State, sheet: Sheet) {
    let typing = |overlay: &Overlay| matches!(overlay, Overlay::Editor(_) | Overlay::Form(_));
    match state.overlays.iter().position(typing) {
        Some(at) => {
            state.say(format!("{} lies below", sheet.title), Tone::Plain);
            state.overlays.insert(at, Overlay::Sheet(sheet));
        }
        None => open_sheet(state, sheet),
    }
}

/// Asks before what was typed is lost.
pub fn ask_discard(state: &mut State) {
    push(
        state,
        Dialog {
            title: "Close without saving?".to_owned(),
            lines: vec![Line::plain("What was changed in the form is not saved.")],
            choices: vec![
                choice("keep editing", Answer::Nothing),
                choice("throw it away", Answer::DiscardForm),
            ],
            marked: 0,
            opened_at: state.clock.steady,
            quits: false,
        },
    );
}

/// Asks before a job is stopped.
pub fn ask_stop(state: &mut State, job: &Job) {
    let done = format!(
        "{} of {} tables done, {} rows",
        job.tables_completed,
        job.tables_total,
        crate::dashboard::app::format::count(job.progress.rows_done)
    );
    let here = job.instance.as_deref().unwrap_or("no instance yet");
    let lines = vec![
        Line::of(&job.config, Tone::Strong).and(format!(" on {here}: {done}"), Tone::Plain),
        Line::empty(),
        Line::plain(
            "It ends as cancelled after the batch in hand. Tables that are not done keep their \
             old rows; the next run goes on from the checkpoint.",
        ),
    ];
    let keep = if job.started_at.is_some() {
        "keep it running"
    } else {
        "keep it queued"
    };
    push(
        state,
        Dialog {
            title: "Stop this job?".to_owned(),
            lines,
            choices: vec![
                choice(keep, Answer::Nothing),
                choice("stop it", Answer::StopJob(job.id)),
            ],
            marked: 0,
            opened_at: state.clock.steady,
            quits: false,
        },
    );
}

/// Leaves, or asks first while jobs run in this process.
pub fn leave(state: &mut State) -> Vec<Effect> {
    let running: Vec<Job> = state.running_here().into_iter().cloned().collect();
    let unsaved = configs::unsaved(state)
        .or_else(|| forms::unsaved(state))
        .or_else(|| log_save::unsaved(state));
    if running.is_empty() {
        return match unsaved {
            None => vec![Effect::Quit(QuitHow::Release)],
            Some(line) => {
                let title = "Leave without saving?";
                let go = Answer::Quit(QuitHow::Release);
                let choices = [
                    ("keep editing", Answer::Nothing),
                    ("throw away and quit", go),
                ];
                ask(state, title, vec![line], &choices);
                Vec::new()
            }
        };
    }
    let mut lines: Vec<Line> = unsaved.into_iter().collect();
    lines.extend(named(&running));
    lines.push(Line::empty());
    lines.push(handed_back(state));
    let mut choices = vec![choice("keep watching", Answer::Nothing)];
    choices.push(choice("hand back and quit", Answer::Quit(QuitHow::Release)));
    if !state.setup.read_only {
        choices.push(choice("stop and quit", Answer::Quit(QuitHow::Stop)));
    }
    push(
        state,
        Dialog {
            title: "Leave?".to_owned(),
            lines,
            choices,
            marked: 0,
            opened_at: state.clock.steady,
            quits: true,
        },
    );
    Vec::new()
}

/// Tells a sheet of instances that is open by what is known now.
pub fn retell_instances(state: &mut State) {
    let at = state.overlays.iter().position(
        |overlay| matches!(overlay, Overlay::Sheet(sheet) if sheet.kind == SheetKind::Instances),
    );
    let Some(at) = at else { return };
    let told = sheets::instances(state).lines;
    if let Some(Overlay::Sheet(sheet)) = state.overlays.get_mut(at)
        && sheet.lines != told
    {
        sheet.lines = told;
        state.dirty = true;
    }
}

/// The jobs that run in this process, by name.
pub fn named(running: &[Job]) -> Vec<Line> {
    let mut lines = vec![Line::plain(format!(
        "{} in this process:",
        plural(running.len(), "job runs", "jobs run")
    ))];
    for job in running.iter().take(6) {
        lines.push(
            Line::of(format!("  {}", job.config), Tone::Strong)
                .and(format!("  {:.0} %", job.progress.percent), Tone::Plain),
        );
    }
    if running.len() > 6 {
        lines.push(Line::plain(format!("  and {} more", running.len() - 6)));
    }
    lines
}

/// What becomes of jobs that are handed back.
pub fn handed_back(state: &State) -> Line {
    let takers = state.overview.as_ref().and_then(|o| o.takers.as_deref());
    if let Some(alone) = takes_nobody(state).filter(|_| takers.is_some_and(|all| !all.is_empty())) {
        return Line::of(
            format!(
                "! No other db-taxi that is alive carries the labels of {alone}: handed back, it \
                 waits in the queue until one does."
            ),
            Tone::Warn,
        );
    }
    match takers {
        Some([]) => Line::of(
            "! No other db-taxi that takes jobs is alive: handed back, they wait in the queue \
             until one is started (db-taxi --headless, or this dashboard).",
            Tone::Warn,
        ),
        Some(names) => Line::plain(format!(
            "Handed back, they go on from their checkpoint with {}.",
            names.join(" or ")
        )),
        None => Line::plain(
            "Handed back, they go on from their checkpoint with the next db-taxi that takes jobs.",
        ),
    }
}

/// A config whose job runs here, and that asks for labels which no other process carries.
fn takes_nobody(state: &State) -> Option<String> {
    let overview = state.overview.as_ref()?;
    let others: Vec<_> = overview
        .instances
        .iter()
        .filter(|one| one.name != overview.instance)
        .collect();
    state.running_here().into_iter().find_map(|job| {
        let wanted = &state.configs.get(job.config_id)?.spec.labels;
        let taken = wanted.is_empty() || others.iter().any(|one| one.takes(wanted));
        (!taken).then(|| job.config.clone())
    })
}

fn choice(label: &str, answer: Answer) -> Choice {
    Choice {
        label: label.to_owned(),
        answer,
    }
}

/// Asks; the first choice is the harmless one.
pub fn ask(state: &mut State, title: &str, lines: Vec<Line>, choices: &[(&str, Answer)]) {
    let dialog = Dialog {
        title: title.to_owned(),
        lines,
        choices: choices
            .iter()
            .map(|(label, answer)| choice(label, answer.clone()))
            .collect(),
        marked: 0,
        opened_at: state.clock.steady,
        quits: false,
    };
    push(state, dialog);
}

fn push(state: &mut State, dialog: Dialog) {
    state.overlays.push(Overlay::Dialog(dialog));
    state.dirty = true;
}

/// Ctrl-C: asks to leave; while that is asked, hands jobs back and leaves.
pub fn quit_request(state: &mut State) -> Vec<Effect> {
    match state.overlays.last() {
        Some(Overlay::Dialog(dialog)) if dialog.quits => {
            vec![Effect::Quit(QuitHow::Release)]
        }
        _ => leave(state),
    }
}

/// An action while something lies over the screen.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let now = state.clock.steady;
    match state.overlays.last_mut() {
        Some(Overlay::Dialog(dialog)) => {
            let deaf = now < dialog.opened_at + Dialog::DEAF;
            match action {
                Action::CloseDialog => {
                    state.overlays.pop();
                }
                _ if deaf => {}
                Action::NextChoice => dialog.step(true),
                Action::PreviousChoice => dialog.step(false),
                Action::Choose => {
                    let answer = dialog.answer();
                    state.overlays.pop();
                    return answered(state, answer);
                }
                _ => {}
            }
        }
        Some(Overlay::Sheet(_)) => return act_on_sheet(state, action),
        Some(Overlay::Editor(_)) => return configs::act_in_editor(state, action),
        Some(Overlay::Form(_)) => return forms::act(state, action),
        Some(Overlay::Picker(_)) => {
            return configs::draft::act(state, action)
                .unwrap_or_else(|| pickers::act(state, action));
        }
        Some(Overlay::Night(_)) => return night::act(state, action),
        Some(Overlay::Differences(_)) => return differences::act(state, action),
        // Where text is typed, keys don't come this way.
        Some(Overlay::Confirm(_) | Overlay::Palette(_)) | None => {}
    }
    Vec::new()
}

/// Does what a choice or a typed word stands for.
pub fn answered(state: &mut State, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Nothing => Vec::new(),
        Answer::Do(effect) => vec![effect],
        Answer::LeaveEditor => {
            configs::throw_away(state);
            Vec::new()
        }
        Answer::StopJob(id) => vec![Effect::StopJob(id)],
        Answer::Quit(how) => vec![Effect::Quit(how)],
        Answer::DiscardForm => forms::discard(state),
        Answer::SaveLog(save) => log_save::begin(state, *save),
        Answer::GiveUpLog(ticket) => log_save::given_up(state, ticket),
        Answer::Suspend => suspend::park(state),
    }
}

fn act_on_sheet(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(Overlay::Sheet(sheet)) = state.overlays.last() else {
        return Vec::new();
    };
    let (height, rows) = geometry::sheet_rows(state, sheet);
    let most = rows.saturating_sub(height);
    let page = height.saturating_sub(1).max(1);
    let at = sheet.scroll.min(most);
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => at + page,
        Action::First => 0,
        Action::Last => most,
        Action::FindInSheet => {
            if let Some(Overlay::Sheet(sheet)) = state.overlays.last_mut() {
                sheet.typing = true;
            }
            return Vec::new();
        }
        Action::CloseSheet if !sheet.search.is_empty() => {
            if let Some(Overlay::Sheet(sheet)) = state.overlays.last_mut() {
                sheet.forget_search();
            }
            return Vec::new();
        }
        Action::CloseSheet => {
            state.overlays.pop();
            return Vec::new();
        }
        Action::StartPlanned | Action::ToggleDdl | Action::CountExactly => {
            return plans::act(state, action);
        }
        Action::AcceptReview => return configs::accept_review(state),
        _ => at,
    };
    if let Some(Overlay::Sheet(sheet)) = state.overlays.last_mut() {
        sheet.scroll = to.min(most);
    }
    Vec::new()
}
