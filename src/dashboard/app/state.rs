//! Everything the dashboard remembers.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::action::{Action, Context};
use super::configs::Saving;
use super::configs::draft::{Draft, Wanted};
use super::detail::Detail;
use super::effect::Load;
use super::form::Form;
use super::job_pages::JobPages;
use super::keymap::{self, Keymap};
use super::list::List;
use super::log_query::LogQuery;
use super::log_save::LogWriting;
use super::log_view::{LogView, Source};
use super::night::{NightPage, Visit};
use super::notices::{Notice, Said};
use super::overlay::{Overlay, Sheet, SheetKind};
use super::overview::Overview;
use super::pace::Pace;
use super::picker::{PickPurpose, Picker};
use super::request::Ticket;
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::cron::Zone;
use crate::model::freshness::ConfigFreshness;
use crate::model::ids::{ConfigId, JobId};
use crate::model::job::{Job, JobState};
use crate::model::labels::{carries, nobody_carries};

/// The tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// Sources.
    Connections,
    /// What is synced, and how.
    Configs,
    /// What runs and what ran.
    #[default]
    Jobs,
    /// What was written about it.
    Logs,
}

impl Tab {
    /// All, from left to right.
    pub const ALL: [Self; 4] = [Self::Connections, Self::Configs, Self::Jobs, Self::Logs];

    /// Its name.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Connections => "Connections",
            Self::Configs => "Sync configs",
            Self::Jobs => "Jobs",
            Self::Logs => "Logs",
        }
    }

    /// The action that shows it.
    #[must_use]
    pub fn action(self) -> Action {
        match self {
            Self::Connections => Action::ShowConnections,
            Self::Configs => Action::ShowConfigs,
            Self::Jobs => Action::ShowJobs,
            Self::Logs => Action::ShowLogs,
        }
    }
}

/// The time, as the runtime tells it before each message.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Clock {
    /// For people.
    pub wall: DateTime<Utc>,
    /// For waits: grows evenly from an arbitrary start.
    pub steady: Duration,
}

/// What the runtime decides once.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Keys.
    pub keymap: Keymap,
    /// Nothing may be started, stopped or changed.
    pub read_only: bool,
    /// Lines of the live log that are kept.
    pub log_lines: usize,
    /// The zone of schedules that name none.
    pub zone: Zone,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            keymap: Keymap::default(),
            read_only: false,
            log_lines: 10_000,
            zone: Zone::UTC,
        }
    }
}

/// What a request was for that no form and no picker waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// The health of a connection, which the list shows.
    Health,
    /// What depends on a connection that is to be deleted.
    Dependents(Box<Connection>),
    /// A connection of this name is deleted.
    Deleted(String),
    /// Columns and keys of a table, to be shown in a sheet; the words that are waited with.
    Columns(String),
    /// The first config; its plan comes next; the words that are waited with.
    FirstConfig(String),
    /// Statements that repair tables, to be written; the words that are waited with.
    Script(String),
}

impl Asked {
    fn is_script(&self) -> bool {
        matches!(self, Self::Script(_))
    }
}

/// When something was last read, and what is being read.
#[derive(Debug, Clone, Default)]
pub struct Loads {
    /// Asked for and not there yet.
    pub under_way: BTreeSet<Load>,
    /// When it was last asked for, by the steady clock.
    pub asked_at: BTreeMap<Load, Duration>,
    /// Why reading failed the last time.
    pub failed: BTreeMap<Load, String>,
}

/// Everything.
#[derive(Debug, Clone)]
pub struct State {
    /// The time of the message in hand.
    pub clock: Clock,
    /// Columns of the screen.
    pub width: u16,
    /// Rows of the screen.
    pub height: u16,
    /// What the runtime decided.
    pub setup: Setup,
    /// The tab that is shown.
    pub tab: Tab,
    /// Header; `None` until it has been read.
    pub overview: Option<Overview>,
    /// Connections.
    pub connections: List<Connection>,
    /// Configs.
    pub configs: List<Config>,
    /// Jobs, newest first.
    pub jobs: List<Job>,
    /// How far they have been read.
    pub job_pages: JobPages,
    /// The job that is open.
    pub detail: Option<Detail>,
    /// Lines of this process.
    pub process_log: LogView,
    /// Lines of one job.
    pub job_log: LogView,
    /// Whose lines the tab of logs shows.
    pub log_source: Source,
    /// What is being read of the job's log, and since when.
    pub log_reading: Option<(LogQuery, Duration)>,
    /// When newer lines of the job's log were last asked for.
    pub log_asked_at: Option<Duration>,
    /// Whether the job has ended and its last line was read.
    pub log_settled: bool,
    /// The log that is being written into a file.
    pub log_saving: Option<LogWriting>,
    /// Whether jobs are handed back so that this process can be suspended.
    pub parking: bool,
    /// Whether what is typed is searched for in the log, not filtered by.
    pub searching: bool,
    /// Log lines that could not be kept for the screen.
    pub dropped: u64,
    /// What lies over the screen, topmost last.
    pub overlays: Vec<Overlay>,
    /// The filter as it is typed; keys go to it alone.
    pub typing: Option<String>,
    /// The filter before typing began, for Esc.
    pub typed_over: String,
    /// A short word.
    pub notice: Option<Notice>,
    /// Words that were said, the newest last.
    pub said: VecDeque<Said>,
    /// Something that a person waits for: its words.
    pub waiting: Vec<String>,
    /// The config that is made or changed.
    pub draft: Option<Box<Draft>>,
    /// Requests that its list of rules waits for.
    pub drafting: BTreeMap<Ticket, Wanted>,
    /// When the rule that is typed is tried out.
    pub preview_due: Option<Duration>,
    /// The minute that was last shown: times until the next run count in minutes.
    pub minute: i64,
    /// A config that was not saved since somebody else had changed it.
    pub conflicted: Option<Box<Saving>>,
    /// Reading.
    pub loads: Loads,
    /// How old the copies of each config are.
    pub freshness: HashMap<ConfigId, ConfigFreshness>,
    /// Times left of running jobs.
    pub paces: HashMap<JobId, Pace>,
    /// When an event last told about a job; what is stored may be older.
    pub heard: HashMap<JobId, Duration>,
    /// When somebody was there, and whether what failed meanwhile was shown.
    pub visit: Visit,
    /// Requests that no form and no picker waits for.
    pub asked: BTreeMap<Ticket, Asked>,
    /// Tickets given so far.
    pub(super) tickets: u64,
    pub(super) dirty: bool,
}

impl State {
    /// Nothing known yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let log_lines = setup.log_lines;
        Self {
            clock: Clock::default(),
            width: 80,
            height: 24,
            setup,
            tab: Tab::Jobs,
            overview: None,
            connections: List::default(),
            configs: List::default(),
            jobs: List::default(),
            job_pages: JobPages::default(),
            detail: None,
            process_log: LogView::new(log_lines),
            job_log: LogView::new(log_lines).stored(),
            log_source: Source::Process,
            log_reading: None,
            log_asked_at: None,
            log_settled: false,
            log_saving: None,
            parking: false,
            searching: false,
            dropped: 0,
            overlays: Vec::new(),
            typing: None,
            typed_over: String::new(),
            notice: None,
            said: VecDeque::new(),
            waiting: Vec::new(),
            draft: None,
            drafting: BTreeMap::new(),
            preview_due: None,
            minute: 0,
            conflicted: None,
            loads: Loads::default(),
            freshness: HashMap::new(),
            paces: HashMap::new(),
            heard: HashMap::new(),
            visit: Visit::default(),
            asked: BTreeMap::new(),
            tickets: 0,
            dirty: true,
        }
    }

    /// Whether something visible changed since the last call.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Where keys are looked up.
    #[must_use]
    pub fn place(&self) -> &'static [Context] {
        use super::keymap::{PLACES, TYPING};
        match self.overlays.last() {
            Some(Overlay::Dialog(_)) => PLACES[7],
            Some(Overlay::Editor(_)) => super::keymap::EDITOR,
            Some(Overlay::Picker(picker)) if picker.typing.is_some() => TYPING,
            Some(Overlay::Confirm(_) | Overlay::Palette(_)) => TYPING,
            Some(Overlay::Sheet(sheet)) if sheet.typing => TYPING,
            Some(Overlay::Form(form)) if form.on_side() => keymap::SIDE,
            Some(Overlay::Form(_)) => keymap::FORM,
            Some(Overlay::Picker(picker)) if picker.purpose == PickPurpose::Rules => keymap::RULES,
            Some(Overlay::Picker(_)) => keymap::PICKER,
            Some(Overlay::Night(_)) => keymap::NIGHT,
            Some(Overlay::Differences(_)) => keymap::DIFFERENCES,
            Some(Overlay::Sheet(sheet)) => match sheet.kind {
                SheetKind::Plan(_) => PLACES[6],
                SheetKind::Review(_) => super::keymap::REVIEW,
                _ => PLACES[5],
            },
            None => self.place_below(),
        }
    }

    /// Where keys are looked up without overlays.
    #[must_use]
    pub fn place_below(&self) -> &'static [Context] {
        use super::keymap::PLACES;
        // With nothing set up, every tab says how to begin.
        let nothing =
            self.nothing_is_set_up() && self.configs.all().is_empty() && self.jobs.all().is_empty();
        match self.tab {
            Tab::Configs | Tab::Jobs if nothing => PLACES[0],
            Tab::Connections => PLACES[0],
            Tab::Configs => PLACES[1],
            Tab::Jobs if self.detail.is_none() => PLACES[2],
            Tab::Jobs => PLACES[3],
            Tab::Logs => PLACES[4],
        }
    }

    /// The log that is shown.
    #[must_use]
    pub fn log(&self) -> &LogView {
        match self.log_source {
            Source::Process => &self.process_log,
            Source::Job { .. } => &self.job_log,
        }
    }

    /// The log that is shown, to be moved.
    pub fn log_mut(&mut self) -> &mut LogView {
        match self.log_source {
            Source::Process => &mut self.process_log,
            Source::Job { .. } => &mut self.job_log,
        }
    }

    /// Whether the control database is known to be down.
    #[must_use]
    pub fn database_down(&self) -> bool {
        self.overview
            .as_ref()
            .is_some_and(|o| !o.database.connected && o.database.error.is_some())
    }

    /// Whether the control database has neither answered nor failed yet.
    #[must_use]
    pub fn database_unknown(&self) -> bool {
        self.overview
            .as_ref()
            .is_none_or(|o| !o.database.connected && o.database.error.is_none())
    }

    /// Whether the rows of the tab that is shown have ever been read.
    #[must_use]
    pub fn tab_is_loaded(&self) -> bool {
        match self.tab {
            Tab::Connections => self.connections.is_loaded(),
            Tab::Configs => self.configs.is_loaded(),
            Tab::Jobs => self.jobs.is_loaded(),
            Tab::Logs => true,
        }
    }

    /// One line about why what is shown may be old.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if self.tab == Tab::Logs || self.database_unknown() {
            return None;
        }
        if self.database_down() {
            return self.tab_is_loaded().then(|| {
                format!(
                    "control database lost; shown as it was{}",
                    self.retry_words()
                        .map_or(String::new(), |w| format!("; {w}"))
                )
            });
        }
        let load = match self.tab {
            Tab::Connections => Load::Connections,
            Tab::Configs => Load::Configs,
            Tab::Jobs | Tab::Logs => Load::Jobs,
        };
        self.loads.failed.get(&load).cloned()
    }

    /// When the control database is tried next, in words.
    #[must_use]
    pub fn retry_words(&self) -> Option<String> {
        let at = self.overview.as_ref()?.database.retry_at?;
        let seconds = (at - self.clock.wall).num_seconds();
        Some(if seconds <= 0 {
            "it is tried again just now".to_owned()
        } else {
            format!("it is tried again in {seconds} s")
        })
    }

    /// Jobs that run in this process.
    #[must_use]
    pub fn running_here(&self) -> Vec<&Job> {
        let here = self.overview.as_ref().map(|o| o.instance.as_str());
        self.jobs
            .all()
            .iter()
            .filter(|job| {
                job.state == JobState::Running && here.is_some() && job.instance.as_deref() == here
            })
            .collect()
    }

    /// Why nobody who lives may take a job that waits: the labels of its config, and the sentence.
    #[must_use]
    pub fn waits_for_labels(&self, job: &Job) -> Option<(String, String)> {
        let overview = self.overview.as_ref()?;
        let config = self.configs.get(job.config_id)?;
        if job.state != JobState::Pending || overview.instances.is_empty() {
            return None;
        }
        let wanted = &config.spec.labels;
        // This process takes what nobody else may, where it carries them.
        let own = overview
            .instances
            .iter()
            .find(|one| one.name == overview.instance);
        if own.is_some_and(|own| carries(&own.labels, wanted)) {
            return None;
        }
        let why = nobody_carries(&overview.instances, wanted)?;
        Some((wanted.join(", "), why))
    }

    /// Whether there is a step to go back before the dashboard would be left.
    #[must_use]
    pub fn has_way_back(&self) -> bool {
        let filter = match self.tab {
            Tab::Connections => self.connections.filter(),
            Tab::Configs => self.configs.filter(),
            Tab::Jobs => self.jobs.filter(),
            Tab::Logs => "",
        };
        !filter.is_empty()
            || self.tab == Tab::Logs && super::update::log_is_narrowed(self)
            || self.tab == Tab::Jobs && self.detail.is_some()
            || self.tab == Tab::Logs && self.log_source != Source::Process
    }

    /// Whether this installation is known to be empty.
    #[must_use]
    pub fn nothing_is_set_up(&self) -> bool {
        self.connections.is_loaded() && self.connections.all().is_empty()
    }

    /// The form that lies on top.
    #[must_use]
    pub fn form(&self) -> Option<&Form> {
        match self.overlays.last() {
            Some(Overlay::Form(form)) => Some(form),
            _ => None,
        }
    }

    /// The picker that lies on top.
    #[must_use]
    pub fn picker(&self) -> Option<&Picker> {
        match self.overlays.last() {
            Some(Overlay::Picker(picker)) => Some(picker),
            _ => None,
        }
    }

    /// The page after a bad night, if it lies on top.
    #[must_use]
    pub fn night(&self) -> Option<&NightPage> {
        match self.overlays.last() {
            Some(Overlay::Night(page)) => Some(page),
            _ => None,
        }
    }

    /// A ticket that no other request has.
    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Whether an action has something to act on; the footer shows no others.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        let row = action.info();
        if row.writes && self.setup.read_only {
            return false;
        }
        match action {
            Action::Help => self.explains_itself(),
            Action::StartPlanned | Action::CountExactly => !matches!(
                self.overlays.last(),
                Some(Overlay::Sheet(Sheet { kind: SheetKind::Plan(view), .. })) if view.draft
            ),
            Action::NewConfig | Action::ImportMapping => !self.connections.all().is_empty(),
            Action::DifferencesTable => matches!(
                self.overlays.last(),
                Some(Overlay::Differences(window)) if window.tables.len() > 1
            ),
            Action::OpenTable => self
                .detail
                .as_ref()
                .is_some_and(|detail| detail.selected_table().is_some()),
            _ if row.context == Context::Job => self.offers_for_job(action),
            _ if row.context == Context::Night => {
                self.night().is_some_and(|page| page.offers(action))
            }
            _ if row.context == Context::Picker => {
                self.picker().is_some_and(|picker| picker.offers(action))
            }
            _ if matches!(
                row.context,
                Context::Form | Context::FormSend | Context::Side
            ) =>
            {
                self.form().is_some_and(|form| form.offers(action))
            }
            Action::SaveLog | Action::CopyLine | Action::CopyScreen => !self.log().is_empty(),
            Action::FindNext | Action::FindPrevious => !self.log().searched_for().is_empty(),
            Action::NewConnection => true,
            _ => match row.context {
                Context::Connections => self.connections.selected().is_some(),
                Context::Configs => self.configs.selected().is_some(),
                Context::Jobs => self.jobs.selected().is_some(),
                Context::Find | Context::List => match self.tab {
                    Tab::Connections => !self.connections.all().is_empty(),
                    Tab::Configs => !self.configs.all().is_empty(),
                    Tab::Jobs => match &self.detail {
                        Some(detail) => !detail.job.tables.is_empty(),
                        None => !self.jobs.all().is_empty(),
                    },
                    Tab::Logs => !self.log().is_empty(),
                },
                _ => true,
            },
        }
    }

    /// Whether the help can be asked for: where its key would be typed, or answer a question, it
    /// can't.
    fn explains_itself(&self) -> bool {
        match self.overlays.last() {
            None => self.typing.is_none(),
            Some(Overlay::Sheet(sheet)) => !sheet.typing && sheet.kind != SheetKind::Help,
            Some(Overlay::Picker(picker)) => picker.typing.is_none(),
            Some(Overlay::Form(form)) => form.on_side(),
            Some(Overlay::Night(_) | Overlay::Differences(_)) => true,
            Some(_) => false,
        }
    }

    /// What a key does here, where that depends on what it is about.
    #[must_use]
    pub fn word(&self, action: Action) -> &'static str {
        match (action, self.overlays.last()) {
            (Action::ToggleConfig, _)
                if self.configs.selected().is_some_and(|c| !c.spec.enabled) =>
            {
                "enable"
            }
            (Action::PauseJob, _)
                if self
                    .looked_at()
                    .is_some_and(|job| job.state == JobState::Paused) =>
            {
                "resume"
            }
            (Action::SaveScript, _) if self.asked.values().any(Asked::is_script) => "stop writing",
            (Action::ShowSide, Some(Overlay::Form(form)))
                if matches!(form.purpose, super::purpose::Purpose::Rule(_)) =>
            {
                "preview"
            }
            (Action::AcceptReview, Some(Overlay::Sheet(sheet))) => match &sheet.kind {
                SheetKind::Review(review) => review.words,
                _ => action.info().short,
            },
            _ => action.info().short,
        }
    }

    /// The job that is open, else the selected one.
    #[must_use]
    pub fn looked_at(&self) -> Option<&Job> {
        let open = self.detail.as_ref().map(|detail| &detail.job);
        open.or_else(|| self.jobs.selected())
    }

    /// Whether an action has something to do for the job that is looked at.
    fn offers_for_job(&self, action: Action) -> bool {
        let Some(job) = self.looked_at() else {
            return false;
        };
        let ended = job.state.is_final();
        let differs = job.tables.iter().any(|run| run.verified.differences > 0);
        match action {
            Action::PauseJob => matches!(job.state, JobState::Running | JobState::Paused),
            Action::StopJob | Action::LimitJob => !ended,
            Action::RetryJob => ended && job.state != JobState::Completed,
            Action::VerifyJob | Action::UndoJob => ended,
            Action::RepairJob | Action::ShowDifferences => ended && differs,
            _ => true,
        }
    }

    /// Seconds left of a running job, as they are shown.
    #[must_use]
    pub fn eta(&self, job: &Job) -> Option<f64> {
        match self.paces.get(&job.id) {
            Some(pace) => pace.eta(),
            None => job.progress.eta_seconds,
        }
    }
}
