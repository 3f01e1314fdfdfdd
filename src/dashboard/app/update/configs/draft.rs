//! A config made or changed step by step: connection, tables, settings, rules, plan, save.

use super::ask;
use crate::dashboard::app::action::Action;
use crate::dashboard::app::configs::draft::{Draft, Wanted, preview, rule_form, settings_form};
use crate::dashboard::app::configs::plan_view::PlanView;
use crate::dashboard::app::configs::{ConfigAsk, Editor, review};
use crate::dashboard::app::confirm::Confirm;
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::form::{Field, Form, Problem, Purpose, Wait};
use crate::dashboard::app::format::plural;
use crate::dashboard::app::overlay::{Answer as Choice, Overlay};
use crate::dashboard::app::picker::{PickPurpose, PickRow, Picker};
use crate::dashboard::app::request::{Answer, Answered, Request, Ticket};
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::app::update::{
    ask_word, done_waiting, forms, overlays, pickers, refused, wait_for,
};
use crate::model::config::ConfigSpec;
use crate::model::connection::HealthState;
use crate::model::ids::ConnectionId;
use crate::model::mapping;
use crate::model::rule::TableRule;

/// After the last key a rule is tried out this much later.
const QUIET: std::time::Duration = std::time::Duration::from_millis(600);

/// Begins a new config: which connection, unless there is only one.
pub fn new(state: &mut State) -> Vec<Effect> {
    let mut known = state.connections.all().iter();
    match (known.next(), known.next()) {
        (None, _) => {
            state.say(
                "a config needs a connection: 1, then n adds one",
                Tone::Warn,
            );
            Vec::new()
        }
        (Some(only), None) => {
            let (id, name) = (only.id, only.spec.name.clone());
            choose_tables(state, id, name)
        }
        _ => {
            let rows = state.connections.all().iter().map(connection_row).collect();
            let title = "New config · which connection";
            let mut picker = Picker::new(PickPurpose::ConfigConnection, title, false);
            picker.set(rows);
            push(state, picker);
            Vec::new()
        }
    }
}

fn connection_row(connection: &crate::model::connection::Connection) -> PickRow {
    PickRow {
        name: connection.spec.name.clone(),
        kind: match connection.health.state {
            HealthState::Ok => "ok",
            HealthState::Failed => "failed",
            HealthState::Unknown => "-",
        }
        .to_owned(),
        note: format!(
            "{} → {} · {}",
            connection.spec.database,
            connection.spec.target_database(),
            sheets::address(&connection.spec)
        ),
        ..PickRow::default()
    }
}

fn choose_tables(state: &mut State, connection: ConnectionId, name: String) -> Vec<Effect> {
    let adds = state.draft.is_some();
    let title = if adds {
        format!("Tables of {name} · mark what to add")
    } else {
        format!("New config · which tables of {name}")
    };
    let purpose = PickPurpose::ConfigTables {
        connection,
        name: name.clone(),
    };
    pickers::open(state, Picker::new(purpose, title, true), &name)
}

fn push(state: &mut State, picker: Picker) {
    state.overlays.push(Overlay::Picker(Box::new(picker)));
    state.dirty = true;
}

/// Opens the rules of the selected config.
pub fn edit(state: &mut State) -> Vec<Effect> {
    let Some(config) = state.configs.selected() else {
        return Vec::new();
    };
    let (draft, connection) = (Draft::of(config), config.connection_id);
    state.draft = Some(Box::new(draft));
    open_rules(state);
    let ticket = state.ticket();
    state.drafting.insert(ticket, Wanted::Sizes);
    vec![Effect::Ask(ticket, Request::Tables(connection))]
}

fn open_rules(state: &mut State) {
    push(state, Picker::new(PickPurpose::Rules, "", false));
    show(state);
}

/// Shows the draft as it is in the list of its rules.
fn show(state: &mut State) {
    let Some(draft) = &state.draft else { return };
    let title = format!(
        "{} · {}{}",
        draft.spec.name,
        plural(draft.spec.tables.len(), "rule", "rules"),
        if draft.is_changed() {
            " · not saved"
        } else {
            ""
        }
    );
    let rows = draft.rows();
    for overlay in &mut state.overlays {
        if let Overlay::Picker(picker) = overlay
            && picker.purpose == PickPurpose::Rules
        {
            picker.title.clone_from(&title);
            picker.set(rows.clone());
        }
    }
    state.dirty = true;
}

/// A choice was made in one of the lists of a draft.
pub fn picked(state: &mut State) -> Vec<Effect> {
    let Some(picker) = pickers::top(state) else {
        return Vec::new();
    };
    match picker.purpose.clone() {
        PickPurpose::ConfigConnection => {
            let name = picker.current().map(|row| row.name.clone());
            let known = name.and_then(|name| {
                let mut all = state.connections.all().iter();
                all.find(|c| c.spec.name == name).map(|c| (c.id, name))
            });
            match known {
                Some((id, name)) => {
                    state.overlays.pop();
                    choose_tables(state, id, name)
                }
                None => Vec::new(),
            }
        }
        PickPurpose::ConfigTables { name, .. } => tables_chosen(state, &name),
        PickPurpose::Rules => open_rule(state),
        _ => Vec::new(),
    }
}

fn tables_chosen(state: &mut State, connection: &str) -> Vec<Effect> {
    let Some(picker) = pickers::top(state) else {
        return Vec::new();
    };
    let names = picker.marked_names();
    let all = picker.all_marked();
    if names.is_empty() {
        state.say("mark a table first: space marks one, a all", Tone::Warn);
        return Vec::new();
    }
    let sizes = picker.rows().iter().map(|row| {
        let size = (row.rows.unwrap_or(0), row.bytes.unwrap_or(0));
        (row.name.clone(), size)
    });
    let sizes = sizes.collect();
    state.overlays.pop();
    if let Some(draft) = &mut state.draft {
        let added = draft.add_tables(&names);
        draft.sizes = sizes;
        show(state);
        let told = plural(added, "table added", "tables added");
        state.say(told, Tone::Plain);
        return Vec::new();
    }
    // All of them means those that are made later as well.
    let rules = if all {
        vec![TableRule::of_pattern("*")]
    } else {
        names.iter().map(|name| TableRule::of_table(name)).collect()
    };
    let name = free_name(state, connection);
    let mut draft = Draft::new(ConfigSpec::new(&name, connection, rules));
    draft.sizes = sizes;
    state.draft = Some(Box::new(draft));
    open_rules(state);
    open_settings(state)
}

/// A name that no config has yet.
fn free_name(state: &State, connection: &str) -> String {
    let taken = |name: &str| state.configs.all().iter().any(|c| c.spec.name == name);
    if !taken(connection) {
        return connection.to_owned();
    }
    (2..)
        .map(|n| format!("{connection}-{n}"))
        .find(|name| !taken(name))
        .unwrap_or_default()
}

fn open_settings(state: &mut State) -> Vec<Effect> {
    if let Some(draft) = &state.draft {
        let form = settings_form::form(draft, state.clock.wall, state.setup.zone);
        forms::open(state, form);
    }
    Vec::new()
}

fn open_rule(state: &mut State) -> Vec<Effect> {
    let name = pickers::top(state).and_then(|p| p.current().map(|row| row.name.clone()));
    let Some((draft, name)) = state.draft.as_ref().zip(name) else {
        return Vec::new();
    };
    let Some(place) = draft.place(&name) else {
        return Vec::new();
    };
    let form = rule_form::form(place, &draft.spec.tables[place], draft.spec.sync_mode);
    forms::open(state, form);
    try_out(state)
}

/// An action in the list of rules; `None` leaves it to the list.
pub fn act(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let picker = pickers::top(state)?;
    if picker.purpose != PickPurpose::Rules {
        return None;
    }
    let filtered = !picker.filter.text().is_empty();
    let current = picker.current().map(|row| row.name.clone());
    Some(match action {
        Action::AddTables => {
            let name = state.draft.as_ref()?.spec.connection.clone();
            let known = state.connections.all().iter().find(|c| c.spec.name == name);
            match known.map(|c| c.id) {
                Some(id) => choose_tables(state, id, name),
                None => {
                    state.say(format!("there is no connection {name} any more"), Tone::Bad);
                    Vec::new()
                }
            }
        }
        Action::DraftSettings => open_settings(state),
        Action::RemoveRule => {
            let draft = state.draft.as_mut()?;
            let place = draft.place(&current?)?;
            if draft.remove(place) {
                show(state);
            } else {
                state.say("a config needs one rule at least", Tone::Warn);
            }
            Vec::new()
        }
        Action::DraftPlan => plan(state, true),
        Action::DraftText => {
            let draft = state.draft.as_ref()?;
            let mut editor = Editor::new(&draft.spec, draft.base);
            editor.opened.clone_from(&draft.opened);
            super::open_editor(state, editor);
            Vec::new()
        }
        Action::SaveDraft => {
            let draft = state.draft.as_ref()?;
            match review::of_save(&draft.opened, draft.saving()) {
                Some(sheet) => overlays::open_sheet(state, sheet),
                None => {
                    close(state);
                    state.say("nothing was changed", Tone::Plain);
                }
            }
            Vec::new()
        }
        Action::ClosePicker if filtered => return None,
        Action::ClosePicker => {
            if state.draft.as_ref().is_some_and(|draft| draft.is_changed()) {
                let lines = super::unsaved(state).into_iter().collect();
                let choices = [
                    ("keep editing", Choice::Nothing),
                    ("throw away", Choice::LeaveEditor),
                ];
                overlays::ask(state, "Leave without saving?", lines, &choices);
            } else {
                close(state);
            }
            Vec::new()
        }
        _ => return None,
    })
}

/// Throws the draft away, with everything that shows it.
pub fn close(state: &mut State) {
    state.draft = None;
    state.drafting.clear();
    state.preview_due = None;
    state.overlays.retain(|overlay| match overlay {
        Overlay::Picker(picker) => picker.purpose != PickPurpose::Rules,
        Overlay::Form(form) => !matches!(form.purpose, Purpose::Rule(_) | Purpose::Settings(_)),
        _ => true,
    });
    state.dirty = true;
}

/// Asks what a run of the draft would do.
fn plan(state: &mut State, shown: bool) -> Vec<Effect> {
    let Some(draft) = &state.draft else {
        return Vec::new();
    };
    let request = Request::PlanDraft {
        spec: Box::new(draft.spec.clone()),
        stored: draft.base.map(|base| base.id),
    };
    let name = draft.spec.name.clone();
    let ticket = state.ticket();
    state.drafting.insert(ticket, Wanted::Plan(shown));
    wait_for(state, sheets::planning(&name, false));
    vec![Effect::Ask(ticket, request)]
}

/// An answer for the draft itself; gives it back when it is for somebody else.
pub fn arrived(
    state: &mut State,
    ticket: Ticket,
    answered: Answered,
) -> Result<Vec<Effect>, Answered> {
    let Some(wanted) = state.drafting.remove(&ticket) else {
        return Err(answered);
    };
    let name = state.draft.as_ref().map(|draft| draft.spec.name.clone());
    match (wanted, answered) {
        (Wanted::Plan(shown), answered) => {
            if let Some(name) = &name {
                done_waiting(state, &sheets::planning(name, false));
            }
            match answered {
                Ok(Answer::Plan(plan)) => {
                    if shown {
                        let sheet = PlanView::of_draft((*plan).clone()).sheet();
                        overlays::arrived(state, sheet);
                    }
                    if let Some(draft) = &mut state.draft {
                        draft.plan = Some(*plan);
                    }
                    show(state);
                }
                Err(refusal) if shown => {
                    refused(state, "The config could not be planned", &refusal)
                }
                Err(refusal) => state.say(format!("no advice: {refusal}"), Tone::Warn),
                Ok(_) => {}
            }
        }
        (Wanted::Sizes, Ok(Answer::Tables(tables))) => {
            if let Some(draft) = &mut state.draft {
                draft.measure(&tables);
            }
            show(state);
        }
        (Wanted::Sizes, _) => {}
    }
    Ok(Vec::new())
}

/// Something was typed into the form of a rule.
pub fn typed(state: &mut State) {
    state.preview_due = Some(state.clock.steady + QUIET);
}

/// Tries the rule out when nobody has typed for a moment.
pub fn ticked(state: &mut State) -> Vec<Effect> {
    match state.preview_due {
        Some(due) if due <= state.clock.steady => try_out(state),
        _ => Vec::new(),
    }
}

/// Asks for a preview of the rule that the topmost form describes.
fn try_out(state: &mut State) -> Vec<Effect> {
    state.preview_due = None;
    let Some(draft) = state.draft.clone() else {
        return Vec::new();
    };
    let ticket = state.ticket();
    let since = state.clock.steady;
    let Some(form) = forms::top(state) else {
        return Vec::new();
    };
    let Purpose::Rule(of) = &form.purpose else {
        return Vec::new();
    };
    let place = of.place;
    let rule = rule_form::rule(form);
    let mut effects = Vec::new();
    if let Some(wait) = form.side.as_mut().and_then(|side| side.wait.take()) {
        effects.push(Effect::GiveUp(wait.ticket));
    }
    let Ok(rule) = rule else {
        if let Some(side) = &mut form.side {
            side.title = "Preview · not of what is typed just now".to_owned();
            side.tone = Tone::Warn;
        }
        return effects;
    };
    let wait = Wait {
        words: "reading the source".to_owned(),
        since,
        ticket,
    };
    if let Some(side) = &mut form.side {
        side.title = "Preview".to_owned();
        side.tone = Tone::Plain;
        side.wait = Some(wait);
    }
    let mut spec = draft.spec.clone();
    if let Some(known) = spec.tables.get_mut(place) {
        *known = rule;
    }
    let request = Request::Preview {
        spec: Box::new(spec),
        stored: draft.base.map(|base| base.id),
        rule: place,
    };
    state.dirty = true;
    effects.push(Effect::Ask(ticket, request));
    effects
}

/// A preview came back for the form at `place`, if it waits for it; gives it back otherwise.
pub fn previewed(
    state: &mut State,
    place: usize,
    ticket: Ticket,
    answered: Answered,
) -> Result<Vec<Effect>, Answered> {
    let Some(Overlay::Form(form)) = state.overlays.get_mut(place) else {
        return Err(answered);
    };
    let Some(side) = &mut form.side else {
        return Err(answered);
    };
    if side.wait.as_ref().is_none_or(|wait| wait.ticket != ticket) {
        return Err(answered);
    }
    side.wait = None;
    match answered {
        Ok(Answer::Preview(found)) => {
            side.lines = preview::lines(&found);
            side.copies = Some(found.sql.clone());
            side.tone = if found.plan.has_stop() {
                Tone::Bad
            } else {
                Tone::Plain
            };
        }
        Ok(_) => {}
        Err(refusal) => {
            side.lines = refusal.to_string().lines().map(Line::plain).collect();
            side.copies = None;
            side.tone = Tone::Bad;
        }
    }
    side.scroll = 0;
    Ok(Vec::new())
}

/// A form of a draft was sent, and nothing is wrong with its fields.
pub fn submitted(state: &mut State) -> Vec<Effect> {
    let Some(form) = forms::top(state) else {
        return Vec::new();
    };
    match form.purpose.clone() {
        Purpose::Rule(of) => match rule_form::rule(form) {
            Ok(rule) => take_rule(state, of.place, rule),
            Err(_) => Vec::new(),
        },
        Purpose::Settings(_) => match settings_form::spec(form) {
            Ok(spec) => take_settings(state, spec),
            Err(_) => Vec::new(),
        },
        Purpose::ImportFile => {
            let path = form.text("path");
            let effects = forms::discard(state);
            wait_for(state, sheets::reading(&path));
            [effects, ask(ConfigAsk::ReadFile { path })].concat()
        }
        Purpose::ExportFile(name) => {
            let path = form.text("path");
            let names = if form.is_on("all") {
                Vec::new()
            } else {
                vec![name]
            };
            let effects = forms::discard(state);
            let wanted = ConfigAsk::Export {
                names,
                path,
                overwrite: false,
            };
            [effects, ask(wanted)].concat()
        }
        _ => Vec::new(),
    }
}

/// Puts a rule into the draft, if the rules still go together.
fn take_rule(state: &mut State, place: usize, rule: TableRule) -> Vec<Effect> {
    let Some(mut spec) = state.draft.as_ref().map(|draft| draft.spec.clone()) else {
        return Vec::new();
    };
    if let Some(known) = spec.tables.get_mut(place) {
        *known = rule;
    }
    if let Err(findings) = mapping::parse_config(&mapping::spec_to_json(&spec)) {
        let own = format!("tables[{place}].");
        let problems = findings.iter().map(|finding| {
            let mut problem = Problem::of(finding);
            if let Some(field) = problem.id.strip_prefix(&own) {
                problem.id = field.to_owned();
            }
            problem
        });
        let problems = problems.collect();
        if let Some(form) = forms::top(state) {
            form.tell(problems);
        }
        return Vec::new();
    }
    let effects = forms::discard(state);
    if let Some(draft) = &mut state.draft {
        draft.plan = None;
        draft.spec = spec;
    }
    show(state);
    effects
}

fn take_settings(state: &mut State, spec: ConfigSpec) -> Vec<Effect> {
    let mut effects = forms::discard(state);
    let Some(draft) = &mut state.draft else {
        return effects;
    };
    let first = draft.base.is_none() && draft.plan.is_none();
    if draft.spec != spec {
        draft.plan = None;
        draft.spec = spec;
    }
    show(state);
    if first {
        effects.extend(plan(state, false));
    }
    effects
}

/// Asks where a mapping file is.
pub fn import(state: &mut State) -> Vec<Effect> {
    let fields =
        vec![Field::text("path", "File", "").required().help(
            "A mapping file, YAML or JSON, on the machine that runs db-taxi. ~ is your home.",
        )];
    let mut form = Form::new(Purpose::ImportFile, "Import a mapping file", fields);
    form.intro = vec![Line::plain(
        "What it would change is shown first. Connections and configs are made or changed by name; nothing is removed.",
    )];
    form.verb = "read it";
    forms::open(state, form);
    Vec::new()
}

/// Asks where the selected config is written.
pub fn export(state: &mut State) -> Vec<Effect> {
    let Some(config) = state.configs.selected() else {
        return Vec::new();
    };
    let name = config.spec.name.clone();
    let plain = |c: char| {
        if c.is_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let file: String = name.chars().map(plain).collect();
    let fields = vec![
        Field::text("path", "File", &format!("{file}.yaml"))
            .required()
            .help("On the machine that runs db-taxi; .json writes JSON. A file that exists is asked about."),
        Field::toggle("all", "Everything", false)
            .help("All connections and configs instead of this one with its connection."),
    ];
    let mut form = Form::new(
        Purpose::ExportFile(name.clone()),
        format!("Export {name}"),
        fields,
    );
    form.intro = vec![Line::plain(
        "Passwords that are text are left out; references are written.",
    )];
    form.verb = "write it";
    forms::open(state, form);
    Vec::new()
}

/// Asks for a config's name before it is removed.
pub fn delete(state: &mut State) -> Vec<Effect> {
    let Some(config) = state.configs.selected() else {
        return Vec::new();
    };
    let spec = &config.spec;
    let (id, name) = (config.id, spec.name.clone());
    let target = state
        .connections
        .get(config.connection_id)
        .map_or(String::new(), |c| {
            format!(" in {}", c.spec.target_database())
        });
    let active = state
        .jobs
        .all()
        .iter()
        .find(|job| job.config_id == id && !job.state.is_final());
    let mut lines = vec![
        Line::of(&name, Tone::Strong).and(
            format!(
                ", {}, and the checkpoints of its tables are removed.",
                plural(spec.tables.len(), "rule", "rules")
            ),
            Tone::Plain,
        ),
        Line::empty(),
        Line::plain(format!(
            "Its target tables{target} stay as they are, with all rows."
        ))
        .hanging(2),
        Line::plain("Its past jobs and their logs stay until they are old.").hanging(2),
        Line::plain("A config of the same tables would begin by comparing them whole.").hanging(2),
    ];
    if let Some(job) = active {
        lines.push(
            Line::of(
                format!(
                    "! a job of it is {}: stop it first, or this is refused",
                    job.state.as_str()
                ),
                Tone::Warn,
            )
            .hanging(2),
        );
    }
    let wanted = ConfigAsk::Delete {
        id,
        name: name.clone(),
    };
    let answer = Choice::Do(Effect::Config(wanted));
    let confirm = Confirm::new("Remove this config?", lines, name, "remove it", answer);
    ask_word(state, confirm);
    Vec::new()
}
