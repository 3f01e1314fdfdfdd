//! What can lie over the screen: a sheet of text, or a question.

mod laid;

use std::borrow::Cow;
use std::time::Duration;

use super::configs::plan_view::PlanView;
use super::configs::{Editor, Review};
use super::confirm::Confirm;
use super::differences::Differences;
use super::effect::{Effect, QuitHow};
use super::form::Form;
use super::log_save::LogSave;
use super::night::NightPage;
use super::palette::Palette;
use super::picker::Picker;
use super::request::Ticket;
use super::text::{Line, Tone};
use crate::model::ids::JobId;
use laid::Laid;

/// Something over the screen; keys go to it alone.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Text to read.
    Sheet(Sheet),
    /// A question.
    Dialog(Dialog),
    /// The text of a config.
    Editor(Box<Editor>),
    /// A question that wants a word.
    Confirm(Confirm),
    /// What can be done here.
    Palette(Palette),
    /// A form.
    Form(Box<Form>),
    /// A list to choose from.
    Picker(Box<Picker>),
    /// The page after a bad night.
    Night(Box<NightPage>),
    /// What a job found to differ.
    Differences(Box<Differences>),
}

/// What a sheet is about; decides its keys.
#[derive(Debug, Clone, PartialEq)]
pub enum SheetKind {
    /// Keys of the place that it was opened from.
    Help,
    /// A report, details, a message.
    Text,
    /// The processes that share the control database; told anew whenever they are read.
    Instances,
    /// A plan, which can be started from it.
    Plan(Box<PlanView>),
    /// What is done when it is accepted.
    Review(Box<Review>),
}

/// A scrollable text.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// What it is about.
    pub kind: SheetKind,
    /// Its heading.
    pub title: String,
    /// Its tone: failures stand out.
    pub tone: Tone,
    /// The text.
    pub lines: Vec<Line>,
    /// Rows scrolled away.
    pub scroll: usize,
    /// Only lines with this text are shown.
    pub search: String,
    /// Whether the search is being typed.
    pub typing: bool,
    /// Its rows as they were last laid out.
    pub(in crate::dashboard::app) laid: Laid,
}

impl Sheet {
    /// A text.
    #[must_use]
    pub fn text(title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self {
            kind: SheetKind::Text,
            title: title.into(),
            tone: Tone::Plain,
            lines,
            scroll: 0,
            search: String::new(),
            typing: false,
            laid: Laid::default(),
        }
    }

    /// The same about something else.
    #[must_use]
    pub fn of_kind(mut self, kind: SheetKind) -> Self {
        self.kind = kind;
        self
    }

    /// Shows every line again.
    pub fn forget_search(&mut self) {
        self.search.clear();
        self.typing = false;
        self.scroll = 0;
    }

    /// The same in another tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Works out its rows at `width` columns, unless they are known.
    pub fn lay(&mut self, width: usize) {
        self.laid.lay(&self.lines, width, &self.search);
    }

    /// How many rows it has at `width` columns, whatever is searched for.
    #[must_use]
    pub fn all_rows(&self, width: usize) -> usize {
        self.laid_at(width).all()
    }

    /// How many rows it has at `width` columns.
    #[must_use]
    pub fn row_count(&self, width: usize) -> usize {
        self.laid_at(width).count()
    }

    /// `count` of its rows at `width` columns, behind the first `from`.
    #[must_use]
    pub fn rows(&self, width: usize, from: usize, count: usize) -> Vec<Line> {
        self.laid_at(width).rows(&self.lines, from, count)
    }

    /// Its rows; worked out anew where [`Self::lay`] was not asked before.
    fn laid_at(&self, width: usize) -> Cow<'_, Laid> {
        if self.laid.holds(&self.lines, width, &self.search) {
            return Cow::Borrowed(&self.laid);
        }
        let mut laid = Laid::default();
        laid.lay(&self.lines, width, &self.search);
        Cow::Owned(laid)
    }
}

/// A question with its choices. The first choice is harmless and marked.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// Its heading.
    pub title: String,
    /// What it is about, by name and number.
    pub lines: Vec<Line>,
    /// The choices.
    pub choices: Vec<Choice>,
    /// Place of the marked choice.
    pub marked: usize,
    /// When it was opened; keys typed ahead are not taken for an answer.
    pub opened_at: Duration,
    /// Whether it asks about leaving, so that a second Ctrl-C answers it.
    pub quits: bool,
}

/// One choice of a question.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its words.
    pub label: String,
    /// What it does.
    pub answer: Answer,
}

/// What a choice does.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing.
    Nothing,
    /// Asks the runtime for something.
    Do(Effect),
    /// Throws away the text of a config.
    LeaveEditor,
    /// Stops a job.
    StopJob(JobId),
    /// Leaves.
    Quit(QuitHow),
    /// Closes the form below without saving it.
    DiscardForm,
    /// Writes a log over a file that exists.
    SaveLog(Box<LogSave>),
    /// Gives a log up that is being written.
    GiveUpLog(Ticket),
    /// Hands this process's jobs back, then suspends it.
    Suspend,
}

impl Dialog {
    /// How long a fresh question takes no answer.
    pub const DEAF: Duration = Duration::from_millis(300);

    /// The marked choice's answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        self.choices
            .get(self.marked)
            .map_or(Answer::Nothing, |choice| choice.answer.clone())
    }

    /// Marks another choice, round about.
    pub fn step(&mut self, forward: bool) {
        let n = self.choices.len().max(1);
        self.marked = (self.marked + if forward { 1 } else { n - 1 }) % n;
    }
}
