//! Everything a key can do, in one table: it feeds key dispatch, footer, help and the key settings.
//!
//! Adding an action is one row here and one arm in `update`.

/// Where an action applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// Every place, dialogs too.
    Always,
    /// Every place but dialogs and sheets.
    Global,
    /// Whatever scrolls or has a selection.
    Move,
    /// Whatever can be filtered.
    Find,
    /// Whatever has columns.
    List,
    /// The tab of connections.
    Connections,
    /// The tab of sync configs.
    Configs,
    /// The list of jobs.
    Jobs,
    /// The tables of one job.
    Detail,
    /// One job, in the list or open.
    Job,
    /// The tab of logs.
    Logs,
    /// A sheet of text over the screen.
    Sheet,
    /// The sheet with a plan.
    Plan,
    /// What is shown before something is stored.
    Review,
    /// The text of a config.
    Editor,
    /// The rules of a config that is made or changed.
    Rules,
    /// A question.
    Dialog,
    /// A line of text.
    Typing,
    /// The fields of a form.
    Form,
    /// A form, whichever of its panes has the keys.
    FormSend,
    /// What lies beside a form.
    Side,
    /// A list to choose from.
    Picker,
    /// The page after a bad night.
    Night,
    /// What a job found to differ.
    Differences,
}

impl Context {
    /// Its heading in the help.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::Global => "Everywhere",
            Self::Move => "Moving",
            Self::Find => "Lists",
            Self::List => "Lists with columns",
            Self::Connections => "Connections",
            Self::Configs => "Sync configs",
            Self::Jobs => "Jobs",
            Self::Detail => "Tables of a job",
            Self::Job => "A job, in the list or open",
            Self::Logs => "Logs",
            Self::Sheet => "Sheets (help, report, plan)",
            Self::Plan => "Plan",
            Self::Review => "Before something is stored",
            Self::Editor => "Text of a config",
            Self::Rules => "Rules of a config",
            Self::Dialog => "Questions",
            Self::Typing => "Where text is typed",
            Self::Form => "Forms: fields",
            Self::FormSend => "Forms",
            Self::Side => "Forms: the report beside",
            Self::Picker => "Lists to choose from",
            Self::Night => "What failed",
            Self::Differences => "Differences",
        }
    }

    /// All, in the order of the help.
    pub const ALL: &'static [Self] = &[
        Self::Global,
        Self::Move,
        Self::Find,
        Self::List,
        Self::Connections,
        Self::Configs,
        Self::Jobs,
        Self::Detail,
        Self::Job,
        Self::Logs,
        Self::Sheet,
        Self::Plan,
        Self::Review,
        Self::Editor,
        Self::Rules,
        Self::Dialog,
        Self::Typing,
        Self::FormSend,
        Self::Form,
        Self::Side,
        Self::Picker,
        Self::Night,
        Self::Differences,
        Self::Always,
    ];
}

/// One row of the table.
#[derive(Debug)]
pub struct ActionInfo {
    /// The action.
    pub action: Action,
    /// Its name in the settings (`dashboard.keys`).
    pub id: &'static str,
    /// Where it applies.
    pub context: Context,
    /// Its keys, the first one shown in the footer.
    pub keys: &'static [&'static str],
    /// One or two words for the footer.
    pub short: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// Place in the footer, lowest first; 0 is not in the footer, from 90 on it is never left out.
    pub rank: u8,
    /// Whether it changes anything stored; refused in read-only mode.
    pub writes: bool,
    /// Whether it ends or removes something; asks first.
    pub destructive: bool,
}

/// Rows are `Variant "id" Context [keys] rank "short" "help"` and optional flags.
macro_rules! actions {
    ($($variant:ident $id:literal $context:ident [$($key:literal)*] $rank:literal $short:literal $help:literal $($flag:ident)*;)*) => {
        /// What a key can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is described by its row's help text")]
        pub enum Action { $($variant),* }

        /// Every action.
        pub const ACTIONS: &[ActionInfo] = &[$(ActionInfo {
            action: Action::$variant,
            id: $id,
            context: Context::$context,
            keys: &[$($key),*],
            rank: $rank,
            short: $short,
            help: $help,
            writes: flags!(writes $($flag)*),
            destructive: flags!(destructive $($flag)*),
        }),*];
    };
}

macro_rules! flags {
    (writes) => { false };
    (writes writes $($rest:ident)*) => { true };
    (writes $other:ident $($rest:ident)*) => { flags!(writes $($rest)*) };
    (destructive) => { false };
    (destructive destructive $($rest:ident)*) => { true };
    (destructive $other:ident $($rest:ident)*) => { flags!(destructive $($rest)*) };
}

actions! {
    ShowConnections "show_connections" Global ["1"] 0 "connections" "Show the connections";
    ShowConfigs "show_configs" Global ["2"] 0 "configs" "Show the sync configs";
    ShowJobs "show_jobs" Global ["3"] 0 "jobs" "Show the jobs";
    ShowLogs "show_logs" Global ["4"] 0 "logs" "Show the logs";
    NextTab "next_tab" Global ["tab"] 0 "next tab" "Go to the next tab";
    PreviousTab "previous_tab" Global ["backtab"] 0 "previous tab" "Go to the tab before";
    Refresh "refresh" Global ["r"] 0 "refresh" "Read what is shown again";
    Palette "palette" Global [":"] 92 "command" "Find what can be done here by typing its name";
    Messages "messages" Global ["!"] 0 "messages" "Show what was said in the footer, the newest first";
    ShowInstances "show_instances" Global ["@"] 0 "instances" "Show every db-taxi that shares the control database: state, roles, labels, what it works on";
    ShowFailures "show_failures" Global ["F"] 0 "failures" "Show what failed lately and was not made good: why, what to do, what is safe";
    ShowAudit "show_audit" Global ["A"] 0 "changes" "Show who changed what, from what to what, the newest first";
    Back "back" Global ["esc"] 0 "back" "Close, clear the filter, go back";
    Quit "quit" Global ["q"] 95 "quit" "Go back, or leave; asks while jobs run in this process";

    Up "up" Move ["k" "up"] 0 "up" "One line up";
    Down "down" Move ["j" "down"] 0 "down" "One line down";
    PageUp "page_up" Move ["ctrl-u" "pgup"] 0 "page up" "A page up";
    PageDown "page_down" Move ["ctrl-d" "pgdn"] 0 "page down" "A page down";
    First "first" Move ["g" "home"] 0 "first" "To the first line";
    Last "last" Move ["G" "end"] 0 "last" "To the last line; in the logs, follow again";

    Filter "filter" Find ["/"] 60 "filter" "Show only what contains a text; empty shows all";

    SortNext "sort_next" List [">"] 70 "sort" "Sort by the next column; behind the last as it was read";
    SortPrevious "sort_previous" List ["<"] 0 "sort" "Sort by the column before";
    SortReverse "sort_reverse" List ["R"] 0 "reverse" "Turn the order round";

    OpenConnection "open_connection" Connections ["enter"] 10 "details" "Show the selected connection";
    TestConnection "test_connection" Connections ["t"] 20 "test" "Test the selected connection: reach, login, privileges, binlog";

    NewConnection "new_connection" Connections ["n"] 30 "new" "Add a connection; on an empty installation, step by step to the first copy" writes;
    EditConnection "edit_connection" Connections ["e"] 35 "edit" "Change the selected connection" writes;
    DeleteConnection "delete_connection" Connections ["d"] 45 "delete…" "Delete the selected connection; asks for its name" writes destructive;
    BrowseTables "browse_tables" Connections ["b"] 40 "tables" "Tables of the selected source: sizes, rows, keys, columns";
    ConnectionLogs "connection_logs" Connections ["l"] 0 "log" "Show what this process wrote about the selected connection and its configs";

    OpenConfig "open_config" Configs ["enter"] 10 "details" "Show the selected config";
    StartConfig "start_config" Configs ["s"] 20 "start" "Start a job of the selected config" writes;
    PlanConfig "plan_config" Configs ["p"] 30 "plan" "Show what a run would do, exactly; writes nothing";

    NewConfig "new_config" Configs ["n"] 35 "new" "Make a config: connection, tables, settings, plan" writes;
    EditConfig "edit_config" Configs ["e"] 38 "edit" "Change rules and settings of the selected config; tries rules out on the source" writes;
    DeleteConfig "delete_config" Configs ["d"] 0 "remove…" "Remove the selected config; asks for its name, its target tables stay" writes destructive;
    ImportMapping "import_mapping" Configs ["I"] 0 "import…" "Read a mapping file; shows what it would change first" writes;
    ExportMapping "export_mapping" Configs ["X"] 0 "export…" "Write the selected config, or everything, into a mapping file";
    EditConfigText "edit_config_text" Configs ["E"] 40 "as YAML" "Edit the selected config as YAML; shows what changes before it is saved" writes;
    ToggleConfig "toggle_config" Configs ["t"] 50 "disable" "Let schedules and `run` start the selected config, or not" writes;

    OpenJob "open_job" Jobs ["enter"] 10 "tables" "Show the tables of the selected job";
    StartAgain "start_again" Jobs ["s"] 55 "start again" "Start the config of the selected job again" writes;

    TableLogs "table_logs" Detail ["L"] 0 "its log" "Show the log of the selected table only";
    OpenTable "open_table" Detail ["enter"] 10 "details" "Show everything about the selected table, its error too";

    PauseJob "pause_job" Job ["p"] 20 "pause" "Pause the job after its batch, or let a paused one go on" writes;
    StopJob "stop_job" Job ["x"] 25 "stop…" "Stop the job after its batch; asks first" writes destructive;
    RetryJob "retry_job" Job ["t"] 15 "try again" "Queue the tables that the job did not complete" writes;
    LimitJob "limit_job" Job ["c"] 30 "limits…" "Change workers and throttle of the job while it runs" writes;
    JobLogs "job_logs" Job ["l"] 40 "log" "Show the log of the job, at the error of a selected table that failed";
    VerifyJob "verify_job" Job ["v"] 45 "verify" "Compare what the job's config wrote with the source; writes no rows" writes;
    RepairJob "repair_job" Job ["f"] 38 "repair…" "Compare again and write the rows that differ; asks first" writes destructive;
    ShowDifferences "show_differences" Job ["d"] 36 "differences" "Show the rows that the job found to differ, with their values";
    UndoJob "undo_job" Job ["u"] 0 "undo…" "Put back rows that the job deleted and that are kept; asks first" writes destructive;

    Follow "follow" Logs ["f"] 10 "follow" "Follow new lines, or hold what is shown";
    Wrap "wrap" Logs ["w"] 20 "wrap" "Wrap long lines, or cut them";
    Search "search" Logs ["/"] 12 "search" "Search for a text; upwards first";
    FindNext "find_next" Logs ["n"] 14 "next" "To the next line below with what is searched for";
    FindPrevious "find_previous" Logs ["N"] 0 "previous" "To the next line above with what is searched for";
    FilterLog "filter_log" Logs ["&"] 25 "only" "Show only lines that contain a text; empty shows all";
    Times "times" Logs ["t"] 0 "times" "Show times, or leave them out";
    ScrollLeft "scroll_left" Logs ["left" "h"] 0 "left" "Scroll messages to the left";
    ScrollRight "scroll_right" Logs ["right" "l"] 0 "right" "Scroll messages to the right";
    SaveLog "save_log" Logs ["s"] 22 "save…" "Write the log into a file: all that is stored, or what is shown";
    CopyLine "copy_line" Logs ["y"] 24 "copy" "Copy the marked line; without a mark what is on the screen";
    CopyScreen "copy_screen" Logs ["Y"] 0 "copy all" "Copy every line that is on the screen";
    MoreLevels "more_levels" Logs ["+" "="] 30 "more" "Show finer levels too";
    FewerLevels "fewer_levels" Logs ["-"] 40 "fewer" "Show only what matters more";
    ProcessLogs "process_logs" Logs ["a"] 50 "this process" "Show the log of this process instead of one job's";

    CloseSheet "close_sheet" Sheet ["esc" "q" "enter"] 94 "close" "Close the sheet";
    FindInSheet "find_in_sheet" Sheet ["/"] 60 "find" "Show only the lines that contain a text";
    StartPlanned "start_planned" Plan ["s"] 20 "start" "Start a job as planned" writes;
    ToggleDdl "toggle_ddl" Plan ["d"] 25 "DDL" "Show the statements that define targets, or not";
    CountExactly "count_exactly" Plan ["e"] 30 "dry run" "Compare existing targets and count what a run would change; writes nothing";

    AcceptReview "accept_review" Review ["w"] 10 "save" "Store what is shown" writes;

    AddTables "add_tables" Rules ["+"] 30 "add tables" "Add rules for tables of the source";
    DraftSettings "draft_settings" Rules ["s"] 25 "settings" "Name, mode, schedule and options of the config";
    DraftPlan "draft_plan" Rules ["p"] 20 "plan" "Show what a run would do, before it is saved; writes nothing";
    RemoveRule "remove_rule" Rules ["d"] 40 "drop rule" "Take the rule out; nothing is stored before it is saved";
    DraftText "draft_text" Rules ["E"] 0 "as YAML" "Go on with the config as YAML";
    SaveDraft "save_draft" Rules ["w"] 10 "save…" "Show what changes, then save" writes;

    SaveText "save_text" Editor ["ctrl-s" "ctrl-o"] 10 "save…" "Show what changes, then save" writes;
    NextProblem "next_problem" Editor ["ctrl-g"] 20 "next problem" "Go to the next line with something wrong";
    UndoText "undo_text" Editor ["ctrl-u"] 30 "undo" "Undo the last change of the text";
    RedoText "redo_text" Editor ["ctrl-r"] 40 "redo" "Do again what was undone";
    LeaveEditor "leave_editor" Editor ["esc"] 94 "leave" "Leave the text; asks when it is not saved";

    NextChoice "next_choice" Dialog ["right" "tab" "l"] 20 "other choice" "To the next choice";
    PreviousChoice "previous_choice" Dialog ["left" "backtab" "h"] 0 "other choice" "To the choice before";
    Choose "choose" Dialog ["enter"] 10 "choose" "Take the marked choice";
    CloseDialog "close_dialog" Dialog ["esc" "q"] 94 "close" "Close the question, change nothing";

    AcceptTyped "accept_typed" Typing ["enter"] 10 "take it" "Take what was typed, or what is marked";
    CancelTyped "cancel_typed" Typing ["esc"] 20 "close" "Close, as it was before";
    NextMatch "next_match" Typing ["down" "ctrl-n" "tab"] 30 "next" "Mark the next one that fits";
    PreviousMatch "previous_match" Typing ["up" "ctrl-p" "backtab"] 0 "previous" "Mark the one before";
    SubmitForm "submit_form" FormSend ["ctrl-s" "ctrl-o"] 10 "save" "Save or send what is typed";
    TestTyped "test_typed" FormSend ["ctrl-t"] 20 "test" "Test the connection with what is typed, without saving it";
    EnterField "enter_field" Form ["enter"] 0 "next" "To the next field; at the last one, save; opens and closes a fold";
    NextField "next_field" Form ["tab" "down"] 30 "next field" "To the next field";
    PreviousField "previous_field" Form ["backtab" "up"] 0 "field before" "To the field before";
    ShowSide "show_side" Form ["ctrl-g"] 25 "report" "To the report beside the form";
    CloseForm "close_form" Form ["esc"] 94 "close" "Close the form; asks when something was changed";

    CopySide "copy_side" Side ["y"] 5 "copy" "Copy the statements that are shown";
    LeaveSide "leave_side" Side ["esc" "tab" "q"] 94 "back to the form" "Back to the fields; gives up what is waited for";

    PickMark "pick_mark" Picker ["space"] 10 "mark" "Mark the row, or take its mark away";
    PickDone "pick_done" Picker ["enter"] 20 "done" "Take what is marked, or open the row";
    PickFilter "pick_filter" Picker ["/"] 30 "filter" "Show only what fits a few letters; tab marks meanwhile";
    PickAll "pick_all" Picker ["a"] 40 "all" "Mark every row that is shown; again takes the marks away";
    PickNone "pick_none" Picker ["n"] 0 "none" "Take every mark away";
    PickPattern "pick_pattern" Picker ["*"] 45 "pattern" "Mark what fits a pattern: * any letters, ? one";
    PickOrder "pick_order" Picker ["o"] 48 "order" "Order by name, size or rows";
    PickInfo "pick_info" Picker ["i"] 35 "columns" "Show columns and keys of the row";
    ClosePicker "close_picker" Picker ["esc" "q"] 94 "back" "Show everything again, then close";

    NightRetry "night_retry" Night ["r"] 10 "retry" "Try again what the selected job left" writes;
    NightRetryAll "night_retry_all" Night ["R"] 15 "retry all" "Try again what each of the jobs left" writes;
    NightCopy "night_copy" Night ["y"] 20 "copy" "Copy what is to be done: the statements, or the advice";
    NightLog "night_log" Night ["l"] 30 "log" "Open the log at the error";
    NightOpen "night_open" Night ["enter"] 40 "job" "Open the job with all of its tables";
    NightLater "night_later" Night ["esc" "q"] 94 "later" "Leave it for later";

    DifferencesTable "differences_table" Differences ["t" "tab"] 20 "next table" "Show the differences of the next table only; behind the last those of all";
    SaveScript "save_script" Differences ["w"] 30 "as SQL…" "Compare once more and write the statements that repair it into a file; changes no row; again: gives up";
    CloseDifferences "close_differences" Differences ["esc" "q"] 94 "close" "Close the differences";

    Help "help" Always ["?"] 90 "help" "Show every key that works here";
    QuitRequest "quit_request" Always ["ctrl-c"] 0 "quit" "Ask to leave; again: hand running jobs back and leave";
    Redraw "redraw" Always ["ctrl-l"] 0 "redraw" "Paint the screen again";
    Suspend "suspend" Always ["ctrl-z"] 0 "suspend" "Suspend to the shell; jobs that run in this process are handed back first, which is asked";
}

impl Action {
    /// Its row.
    #[must_use]
    pub fn info(self) -> &'static ActionInfo {
        // The table is made from the same list as the enum, in the same order.
        &ACTIONS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_the_place_of_their_variant_and_ids_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for (i, row) in ACTIONS.iter().enumerate() {
            assert_eq!(row.action as usize, i);
            assert!(seen.insert(row.id), "{} twice", row.id);
        }
        assert!(Action::StopJob.info().destructive && Action::StopJob.info().writes);
        assert!(Action::StartConfig.info().writes && !Action::StartConfig.info().destructive);
        assert!(!Action::PlanConfig.info().writes);
    }
}
