//! Keys: looked up in the key map, then done.

use super::{
    configs, connections, forms, jobs, loads, logs, night, older, overlays, pickers, suspend,
    typing, wait_for,
};
use crate::dashboard::app::action::{Action, Context};
use crate::dashboard::app::detail::Detail;
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::geometry;
use crate::dashboard::app::key::Key;
use crate::dashboard::app::list::{List, Listed};
use crate::dashboard::app::log_view::Source;
use crate::dashboard::app::notices;
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::text::Tone;

/// A key was pressed.
pub fn pressed(state: &mut State, key: Key) -> Vec<Effect> {
    if let Some(effects) = forms::pressed(state, key).or_else(|| pickers::pressed(state, key)) {
        return effects;
    }
    if typing::takes(state) {
        return typing::pressed(state, key);
    }
    state.typing = None;
    if let Some(effects) = configs::typed(state, key) {
        return effects;
    }
    match state.setup.keymap.action(state.place(), key) {
        Some(action) => act(state, action),
        None => Vec::new(),
    }
}

/// Shows what fits the filter that is typed.
pub fn apply_filter(state: &mut State) {
    let Some(text) = state.typing.clone() else {
        return;
    };
    set_filter(state, &text);
}

fn set_filter(state: &mut State, text: &str) {
    match state.tab {
        Tab::Connections => state.connections.set_filter(text),
        Tab::Configs => state.configs.set_filter(text),
        Tab::Jobs => match &mut state.detail {
            Some(detail) => detail.set_filter(text),
            None => state.jobs.set_filter(text),
        },
        Tab::Logs => logs::typing(state, text),
    }
}

/// The filter of the tab that is shown.
fn filter(state: &State) -> String {
    match state.tab {
        Tab::Connections => state.connections.filter(),
        Tab::Configs => state.configs.filter(),
        Tab::Jobs => match &state.detail {
            Some(detail) => detail.filter(),
            None => state.jobs.filter(),
        },
        Tab::Logs if state.searching => state.log().searched_for(),
        Tab::Logs => state.log().filter(),
    }
    .to_owned()
}

/// Does what a key, or a name in the palette, stands for.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let info = action.info();
    if info.writes && state.setup.read_only {
        state.say(
            format!("read-only: {:?} is off", info.short.trim_end_matches('…')),
            Tone::Warn,
        );
        return Vec::new();
    }
    match action {
        Action::QuitRequest => return overlays::quit_request(state),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return suspend::asked(state),
        Action::Help => {
            if state.offers(Action::Help) {
                let sheet = sheets::help(state);
                overlays::open_sheet(state, sheet);
            }
            return Vec::new();
        }
        _ => {}
    }
    if !state.overlays.is_empty() {
        return overlays::act(state, action);
    }
    match action {
        Action::ShowConnections => show(state, Tab::Connections),
        Action::ShowConfigs => show(state, Tab::Configs),
        Action::ShowJobs => show(state, Tab::Jobs),
        Action::ShowLogs => show(state, Tab::Logs),
        Action::NextTab => turn(state, 1),
        Action::PreviousTab => turn(state, 3),
        Action::Refresh => {
            state.loads.asked_at.clear();
            loads::due(state)
        }
        Action::Messages => {
            let sheet = notices::sheet(state);
            overlays::open_sheet(state, sheet);
            Vec::new()
        }
        Action::ShowInstances => {
            let sheet = sheets::instances(state);
            overlays::open_sheet(state, sheet);
            loads::now(state, &[Load::Overview, Load::Jobs])
        }
        Action::ShowFailures => night::show(state),
        Action::ShowAudit => {
            super::wait_for(state, sheets::READING_CHANGES.to_owned());
            loads::now(state, &[Load::Audit])
        }
        Action::Palette => {
            typing::open_palette(state);
            Vec::new()
        }
        Action::Back => back(state).unwrap_or_default(),
        Action::Quit => match back(state) {
            Some(effects) => effects,
            None => overlays::leave(state),
        },
        Action::Filter | Action::Search | Action::FilterLog => {
            state.searching = action == Action::Search;
            state.typed_over = filter(state);
            state.typing = Some(state.typed_over.clone());
            Vec::new()
        }
        Action::SortNext | Action::SortPrevious | Action::SortReverse => {
            sort(state, action);
            Vec::new()
        }
        _ if info.context == Context::Job => jobs::act(state, action),
        _ if info.context == Context::Logs => logs::act(state, action),
        _ if info.context == Context::Move && state.tab == Tab::Logs => logs::act(state, action),
        _ if info.context == Context::Move => go(state, action),
        _ => on_selected(state, action),
    }
}

fn sort(state: &mut State, action: Action) {
    fn turn<T: Listed + PartialEq>(list: &mut List<T>, action: Action) {
        match action {
            Action::SortReverse => list.sort_reverse(),
            _ => list.sort_next(action == Action::SortNext),
        }
    }
    match state.tab {
        Tab::Connections => turn(&mut state.connections, action),
        Tab::Configs => turn(&mut state.configs, action),
        Tab::Jobs => match (&mut state.detail, action) {
            (None, _) => turn(&mut state.jobs, action),
            (Some(detail), Action::SortReverse) => detail.sort_reverse(),
            (Some(detail), _) => detail.sort_next(action == Action::SortNext),
        },
        Tab::Logs => {}
    }
}

fn show(state: &mut State, tab: Tab) -> Vec<Effect> {
    state.tab = tab;
    state.visit.left = None;
    loads::due(state)
}

fn turn(state: &mut State, by: usize) -> Vec<Effect> {
    let at = Tab::ALL.iter().position(|tab| *tab == state.tab);
    show(state, Tab::ALL[(at.unwrap_or(0) + by) % 4])
}

/// Goes one step back; `None` when there is none.
fn back(state: &mut State) -> Option<Vec<Effect>> {
    let had = state.has_way_back();
    if state.tab == Tab::Logs {
        if let Some(effects) = logs::widen(state) {
            return Some(effects);
        }
        if state.log_source != Source::Process {
            state.log_source = Source::Process;
            state.tab = Tab::Jobs;
            night::again(state);
        }
    } else if !filter(state).is_empty() {
        set_filter(state, "");
    } else if state.tab == Tab::Jobs && state.detail.is_some() {
        state.detail = None;
        night::again(state);
    }
    had.then(Vec::new)
}

/// Moves in a list.
fn go(state: &mut State, action: Action) -> Vec<Effect> {
    let rows = match &state.detail {
        Some(_) if state.tab == Tab::Jobs => geometry::table_rows(state),
        _ => geometry::list_rows(state),
    };
    let page = rows.saturating_sub(1).max(1) as isize;
    let far = isize::MAX / 2;
    let by = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::First => -far,
        Action::Last => far,
        _ => 0,
    };
    match (state.tab, &mut state.detail) {
        (Tab::Connections, _) => state.connections.step(by),
        (Tab::Configs, _) => state.configs.step(by),
        (Tab::Jobs, Some(detail)) => detail.step(by),
        (Tab::Jobs, None) => {
            state.jobs.step(by);
            if by > 0 {
                return older::wanted(state);
            }
        }
        (Tab::Logs, _) => {}
    }
    Vec::new()
}

/// Does something with what is selected.
fn on_selected(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::NewConnection => connections::add(state),
        Action::OpenConnection if state.nothing_is_set_up() && !state.setup.read_only => {
            connections::add(state)
        }
        Action::DeleteConnection => connections::delete(state),
        Action::EditConnection => connections::edit(state),
        Action::BrowseTables => pickers::browse(state),
        Action::OpenConnection => {
            if let Some(connection) = state.connections.selected() {
                let sheet = sheets::connection(connection, state.clock.wall);
                overlays::open_sheet(state, sheet);
            }
            Vec::new()
        }
        Action::TestConnection => match state.connections.selected() {
            Some(connection) => {
                let (id, name) = (connection.id, connection.spec.name.clone());
                wait_for(state, sheets::testing(&name));
                vec![Effect::TestConnection { id, name }]
            }
            None => Vec::new(),
        },
        Action::ConnectionLogs => match state.connections.selected() {
            Some(connection) => {
                let (id, name) = (connection.id, connection.spec.name.clone());
                let configs = state.configs.all().iter();
                let of_it = configs.filter(|config| config.connection_id == id);
                let mut names = vec![name];
                names.extend(of_it.map(|config| config.spec.name.clone()));
                logs::show_names(state, names)
            }
            None => Vec::new(),
        },
        Action::OpenConfig => {
            if let Some(config) = state.configs.selected() {
                let sheet = sheets::config(config, state.clock.wall);
                overlays::open_sheet(state, sheet);
            }
            Vec::new()
        }
        Action::StartConfig => start(state.configs.selected().map(|c| c.spec.name.clone())),
        Action::PlanConfig => match state.configs.selected() {
            Some(config) => {
                let config = config.spec.name.clone();
                wait_for(state, sheets::planning(&config, false));
                vec![Effect::Plan {
                    config,
                    exact: false,
                }]
            }
            None => Vec::new(),
        },
        Action::NewConfig => configs::draft::new(state),
        Action::EditConfig => configs::draft::edit(state),
        Action::DeleteConfig => configs::draft::delete(state),
        Action::ImportMapping => configs::draft::import(state),
        Action::ExportMapping => configs::draft::export(state),
        Action::EditConfigText | Action::ToggleConfig => configs::act(state, action),
        Action::OpenJob => open_selected_job(state),
        Action::StartAgain => start(state.jobs.selected().map(|job| job.config.clone())),
        Action::TableLogs => jobs::show_table_log(state),
        Action::OpenTable => {
            let sheet = state
                .detail
                .as_ref()
                .and_then(|d| Some(sheets::table(&d.job, d.selected_table()?, state.clock.wall)));
            if let Some(sheet) = sheet {
                overlays::open_sheet(state, sheet);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn start(config: Option<String>) -> Vec<Effect> {
    config
        .map(|config| Effect::StartJob { config })
        .into_iter()
        .collect()
}

/// Opens the selected job and reads its tables.
pub fn open_selected_job(state: &mut State) -> Vec<Effect> {
    let Some(job) = state.jobs.selected().cloned() else {
        return Vec::new();
    };
    let id = job.id;
    state.visit.left = None;
    if state.detail.as_ref().is_none_or(|d| d.job.id != id) {
        state.detail = Some(Detail::new(job));
    }
    loads::now(state, &[Load::Job(id)])
}
