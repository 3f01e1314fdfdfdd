//! Sync configs: switched, edited as text, imported, stored; what came of it.

pub mod draft;

use super::{loads, overlays};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::configs::{ConfigAsk, ConfigTold, Editor, Saving, review};
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::geometry;
use crate::dashboard::app::key::{Code, Key};
use crate::dashboard::app::overlay::{Answer, Overlay, SheetKind};
use crate::dashboard::app::picker::PickPurpose;
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::command::Refusal;
use crate::model::config::Config;

fn ask(ask: ConfigAsk) -> Vec<Effect> {
    vec![Effect::Config(ask)]
}

/// An action on the selected config.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(config) = state.configs.selected().cloned() else {
        return Vec::new();
    };
    match action {
        Action::ToggleConfig => ask(ConfigAsk::SetEnabled {
            id: config.id,
            name: config.spec.name,
            enabled: !config.spec.enabled,
        }),
        Action::EditConfigText => {
            open_editor(state, Editor::of(&config));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Opens the text of a config.
pub fn open_editor(state: &mut State, editor: Editor) {
    state.overlays.push(Overlay::Editor(Box::new(editor)));
    state.dirty = true;
}

/// The editor, when keys go to it.
fn editor(state: &mut State) -> Option<&mut Editor> {
    match state.overlays.last_mut() {
        Some(Overlay::Editor(editor)) => Some(editor),
        _ => None,
    }
}

/// The editor, also below what was opened from it.
fn editor_below(state: &mut State) -> Option<&mut Editor> {
    state.overlays.iter_mut().rev().find_map(|o| match o {
        Overlay::Editor(editor) => Some(&mut **editor),
        _ => None,
    })
}

/// A key while a text is edited; `None` when it is for the key map. What can be typed is typed.
pub fn typed(state: &mut State, key: Key) -> Option<Vec<Effect>> {
    let place = state.place();
    let bound = state.setup.keymap.action(place, key).is_some();
    let now = state.clock.steady;
    let text = matches!(key.code, Code::Char(_)) && !key.ctrl;
    let editor = editor(state)?;
    if bound && !text {
        return None;
    }
    match key.code {
        Code::Tab => editor.text.paste("  "),
        _ => {
            editor.text.key(key);
        }
    }
    editor.touched(now);
    Some(Vec::new())
}

/// Text pasted while a text is edited; says whether it was taken.
pub fn pasted(state: &mut State, text: &str) -> bool {
    let now = state.clock.steady;
    let Some(editor) = editor(state) else {
        return false;
    };
    editor.text.paste(text);
    editor.touched(now);
    state.dirty = true;
    true
}

/// A second passed.
pub fn ticked(state: &mut State) -> Vec<Effect> {
    let now = state.clock.steady;
    let minute = state.clock.wall.timestamp() / 60;
    state.dirty |= state.minute != minute && state.tab == Tab::Configs;
    state.minute = minute;
    if let Some(editor) = editor_below(state) {
        state.dirty |= editor.settle(now);
    }
    draft::ticked(state)
}

/// Keeps the cursor on the screen.
pub fn settle(state: &mut State) {
    let (width, height) = geometry::editor_text(state);
    if let Some(editor) = editor(state) {
        editor.keep_visible(height, width);
    }
}

/// An action while a text is edited.
pub fn act_in_editor(state: &mut State, action: Action) -> Vec<Effect> {
    let now = state.clock.steady;
    let Some(editor) = editor(state) else {
        return Vec::new();
    };
    match action {
        Action::SaveText => save(state),
        Action::NextProblem => {
            // What was typed just now counts, too.
            let _spec = editor.read();
            if !editor.next_problem() {
                state.say("nothing is wrong with the text", Tone::Good);
            }
            Vec::new()
        }
        Action::UndoText => {
            editor.text.key(Key::ctrl('u'));
            editor.touched(now);
            Vec::new()
        }
        Action::RedoText => {
            editor.text.key(Key::ctrl('r'));
            editor.touched(now);
            Vec::new()
        }
        Action::LeaveEditor if editor.text.is_changed() => {
            ask_leave(state);
            Vec::new()
        }
        Action::LeaveEditor => {
            state.overlays.pop();
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Shows what saving would change; what is wrong is gone to instead.
fn save(state: &mut State) -> Vec<Effect> {
    let Some(editor) = editor(state) else {
        return Vec::new();
    };
    if editor.saving {
        return Vec::new();
    }
    let Some(spec) = editor.read() else {
        editor.text.go_to(usize::MAX);
        editor.next_problem();
        let count = editor.problems.len();
        let told = crate::dashboard::app::format::plural(count, "problem", "problems");
        state.say(format!("not saved: {told} in the text"), Tone::Bad);
        return Vec::new();
    };
    let sheet = review::of_save(&editor.opened.clone(), editor.saving(spec));
    match sheet {
        Some(sheet) => overlays::open_sheet(state, sheet),
        None => {
            state.overlays.pop();
            state.say("nothing was changed", Tone::Plain);
        }
    }
    Vec::new()
}

fn ask_leave(state: &mut State) {
    let lines = unsaved(state).into_iter().collect();
    overlays::ask(
        state,
        "Leave without saving?",
        lines,
        &[
            ("keep editing", Answer::Nothing),
            ("throw away", Answer::LeaveEditor),
        ],
    );
}

/// What would be lost by leaving now.
pub fn unsaved(state: &State) -> Option<Line> {
    state.overlays.iter().find_map(|overlay| match overlay {
        Overlay::Editor(editor) if editor.text.is_changed() => Some(
            Line::of(&editor.name, Tone::Strong)
                .and(" has been edited and is not saved.", Tone::Plain),
        ),
        Overlay::Picker(picker) if picker.purpose == PickPurpose::Rules => {
            let draft = state.draft.as_ref().filter(|draft| draft.is_changed())?;
            Some(
                Line::of(&draft.spec.name, Tone::Strong)
                    .and(" has been changed and is not saved.", Tone::Plain),
            )
        }
        _ => None,
    })
}

/// Throws away what is edited: the text, else the draft.
pub fn throw_away(state: &mut State) {
    if editor_below(state).is_some() {
        leave_editor(state);
    } else {
        draft::close(state);
    }
}

/// Closes the text.
fn leave_editor(state: &mut State) {
    state
        .overlays
        .retain(|overlay| !matches!(overlay, Overlay::Editor(_)));
}

/// Does what a review showed.
pub fn accept_review(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Sheet(sheet)) = state.overlays.last() else {
        return Vec::new();
    };
    let SheetKind::Review(review) = &sheet.kind else {
        return Vec::new();
    };
    let wanted = review.ask.clone();
    state.overlays.pop();
    if matches!(wanted, ConfigAsk::Save(_))
        && let Some(editor) = editor_below(state)
    {
        editor.saving = true;
    }
    ask(wanted)
}

/// Something asked for came back.
pub fn told(state: &mut State, told: ConfigTold) -> Vec<Effect> {
    state.dirty = true;
    match told {
        ConfigTold::Enabled { name, result } => match result {
            Ok(config) => {
                let told = if config.spec.enabled {
                    format!("{name} is enabled")
                } else {
                    format!("{name} is disabled: schedules don't start it, jobs that run go on")
                };
                state.say(told, Tone::Good);
                put(state, *config)
            }
            Err(refusal) => {
                super::refused(state, &format!("{name} was not changed"), &refusal);
                loads::now(state, &[Load::Configs])
            }
        },
        ConfigTold::Deleted { id, name, result } => match result {
            Ok(()) => {
                state.say(
                    format!("{name} is removed; its target tables stay"),
                    Tone::Good,
                );
                let left = state.configs.all().iter().filter(|c| c.id != id).cloned();
                let left = left.collect();
                state.configs.set(left);
                loads::now(state, &[Load::Configs, Load::Overview])
            }
            Err(refusal) => {
                super::refused(state, &format!("{name} was not removed"), &refusal);
                loads::now(state, &[Load::Configs])
            }
        },
        ConfigTold::Saved { saving, result } => saved(state, *saving, result),
        ConfigTold::Read { id, result } => read_again(state, id, result),
        ConfigTold::FileRead { path, result } => {
            super::done_waiting(state, &sheets::reading(&path));
            match result {
                Ok((file, outcome)) => {
                    let sheet = review::of_import(&path, file, &outcome);
                    overlays::open_sheet(state, sheet);
                }
                Err(refusal) => super::refused(state, &format!("Import of {path}"), &refusal),
            }
            Vec::new()
        }
        ConfigTold::Imported { path, result } => match result {
            Ok(outcome) => {
                let told = format!("{path} is imported: {}", review::imported(&outcome));
                state.say(told, Tone::Good);
                loads::now(state, &[Load::Connections, Load::Configs, Load::Overview])
            }
            Err(refusal) => {
                super::refused(state, &format!("{path} was not imported"), &refusal);
                Vec::new()
            }
        },
        ConfigTold::Exported {
            names,
            path,
            result,
        } => {
            match result {
                Ok(written) => state.say(format!("written to {written}"), Tone::Good),
                Err(Refusal::Conflict {
                    code: "file_exists",
                    ..
                }) => {
                    ask_overwrite(state, names, path);
                }
                Err(refusal) => super::refused(state, "Nothing was exported", &refusal),
            }
            Vec::new()
        }
    }
}

/// Shows a config as it is now.
fn put(state: &mut State, config: Config) -> Vec<Effect> {
    state.configs.put(config);
    loads::now(state, &[Load::Configs, Load::Overview])
}

fn saved(state: &mut State, saving: Saving, result: Result<Box<Config>, Refusal>) -> Vec<Effect> {
    if let Some(editor) = editor_below(state) {
        editor.saving = false;
    }
    let name = saving.spec.name.clone();
    match result {
        Ok(config) => {
            leave_editor(state);
            draft::close(state);
            let word = if saving.base.is_some() {
                "saved"
            } else {
                "made"
            };
            state.say(format!("{name} is {word}"), Tone::Good);
            let id = config.id;
            state.tab = Tab::Configs;
            state.configs.set_filter("");
            let effects = put(state, *config);
            state.configs.select(id);
            effects
        }
        Err(refusal) => not_saved(state, saving, refusal),
    }
}

fn not_saved(state: &mut State, saving: Saving, refusal: Refusal) -> Vec<Effect> {
    let name = saving.spec.name.clone();
    match (refusal, saving.base) {
        (
            Refusal::Conflict {
                code: "precondition_failed",
                ..
            },
            Some(base),
        ) => {
            state.conflicted = Some(Box::new(saving));
            ask(ConfigAsk::Read { id: base.id })
        }
        (Refusal::NotFound { kind: "config", .. }, Some(_)) => {
            overlays::open_sheet(state, review::of_removed(saving));
            Vec::new()
        }
        (refusal, _) => {
            if let (Refusal::Invalid(findings), Some(editor)) = (&refusal, editor_below(state)) {
                editor.take_problems(findings.clone());
            }
            super::refused(state, &format!("{name} was not saved"), &refusal);
            Vec::new()
        }
    }
}

/// What is stored after a refused save: shown against what was to be saved.
fn read_again(
    state: &mut State,
    id: crate::model::ids::ConfigId,
    result: Result<Box<Config>, Refusal>,
) -> Vec<Effect> {
    let Some(saving) = state
        .conflicted
        .take()
        .filter(|s| s.base.is_some_and(|b| b.id == id))
    else {
        return Vec::new();
    };
    let opened = match editor_below(state) {
        Some(editor) => editor.opened.clone(),
        None => state
            .draft
            .as_ref()
            .map_or(String::new(), |draft| draft.opened.clone()),
    };
    match result {
        Ok(theirs) => {
            let sheet = review::of_conflict(&theirs, &opened, *saving);
            overlays::open_sheet(state, sheet);
            state.configs.put(*theirs);
            Vec::new()
        }
        Err(Refusal::NotFound { .. }) => {
            overlays::open_sheet(state, review::of_removed(*saving));
            Vec::new()
        }
        Err(refusal) => {
            super::refused(
                state,
                &format!("{} was not saved", saving.spec.name),
                &refusal,
            );
            Vec::new()
        }
    }
}

fn ask_overwrite(state: &mut State, names: Vec<String>, path: String) {
    let lines = vec![
        Line::of(&path, Tone::Strong).and(" exists already.", Tone::Plain),
        Line::plain("Its content is replaced by the export."),
    ];
    let wanted = ConfigAsk::Export {
        names,
        path,
        overwrite: true,
    };
    overlays::ask(
        state,
        "Replace the file?",
        lines,
        &[
            ("leave it", Answer::Nothing),
            ("replace it", Answer::Do(Effect::Config(wanted))),
        ],
    );
}
