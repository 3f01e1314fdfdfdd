//! Jobs commanded: paused, resumed, tried again, limited, compared, repaired, undone.

use super::{differences, done_waiting, forms, loads, logs, night, overlays, refused, wait_for};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::detail::Detail;
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::form::{Problem, Purpose};
use crate::dashboard::app::job_command::{JobAnswer, JobCommand, JobQuestion};
use crate::dashboard::app::limits_form;
use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::text::Tone;
use crate::model::command::Refusal;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobChange, JobState};
use crate::model::log::Level;
use crate::model::table_run::TableState;

/// Does something with the job that is looked at.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(job) = state.looked_at().cloned() else {
        return Vec::new();
    };
    match action {
        Action::PauseJob => pause(state, &job),
        Action::StopJob => {
            if job.state.is_final() {
                ended_already(state, &job);
            } else {
                overlays::ask_stop(state, &job);
            }
            Vec::new()
        }
        Action::RetryJob => retry(state, &job),
        Action::LimitJob if job.state.is_final() => {
            ended_already(state, &job);
            Vec::new()
        }
        Action::LimitJob => ask(state, &job, JobQuestion::Limits),
        Action::VerifyJob => vec![command(&job, JobCommand::Verify)],
        Action::RepairJob => {
            overlays::jobs::ask_repair(state, &job);
            Vec::new()
        }
        Action::UndoJob => ask(state, &job, JobQuestion::Undoable),
        Action::ShowDifferences => differences::show(state, &job),
        Action::JobLogs => show_log(state, &job),
        _ => Vec::new(),
    }
}

/// A command about a job.
pub fn command(job: &Job, command: JobCommand) -> Effect {
    Effect::CommandJob {
        id: job.id,
        config: job.config.clone(),
        command,
    }
}

fn ended_already(state: &mut State, job: &Job) {
    state.say(
        format!("{}: the job has ended already", job.config),
        Tone::Plain,
    );
}

fn pause(state: &mut State, job: &Job) -> Vec<Effect> {
    match job.state {
        JobState::Running => vec![command(job, JobCommand::Pause)],
        JobState::Paused => vec![command(job, JobCommand::Resume)],
        JobState::Pending => {
            state.say(
                format!(
                    "{}: it waits in the queue; only a running job is paused",
                    job.config
                ),
                Tone::Plain,
            );
            Vec::new()
        }
        _ => {
            ended_already(state, job);
            Vec::new()
        }
    }
}

fn retry(state: &mut State, job: &Job) -> Vec<Effect> {
    let why = match job.state {
        JobState::Completed => "all of its tables completed: nothing is left to try again",
        state if !state.is_final() => "the job has not ended",
        _ => return vec![command(job, JobCommand::Retry)],
    };
    state.say(format!("{}: {why}", job.config), Tone::Plain);
    Vec::new()
}

fn ask(state: &mut State, job: &Job, question: JobQuestion) -> Vec<Effect> {
    wait_for(state, question.waiting(&job.config));
    vec![Effect::AskJob {
        id: job.id,
        config: job.config.clone(),
        question,
    }]
}

/// The log of the job; at the line of the selected table's error, where it failed.
fn show_log(state: &mut State, job: &Job) -> Vec<Effect> {
    let failed = state
        .detail
        .as_ref()
        .filter(|detail| detail.job.id == job.id)
        .and_then(Detail::selected_table)
        .filter(|run| run.state == TableState::Failed)
        .map(|run| run.target_table.clone());
    let mut effects = logs::show_job(state, job.id, job.config.clone(), None);
    if let Some(table) = failed {
        effects.extend(logs::find_table(state, table, Level::Error));
    }
    effects
}

/// The log of the selected table.
pub fn show_table_log(state: &mut State) -> Vec<Effect> {
    let Some(detail) = &state.detail else {
        return Vec::new();
    };
    let Some(table) = detail.selected_table().map(|run| run.target_table.clone()) else {
        return Vec::new();
    };
    let (id, config) = (detail.job.id, detail.job.config.clone());
    logs::show_job(state, id, config, Some(table))
}

/// A command was taken, or refused.
pub fn commanded(
    state: &mut State,
    config: &str,
    command: &JobCommand,
    result: Result<Box<Job>, Refusal>,
) -> Vec<Effect> {
    match result {
        Ok(job) => {
            state.say(command.taken(config), Tone::Good);
            if *command == JobCommand::Retry {
                night::retried(state);
            }
            if command.makes_job() {
                return show_new(state, *job);
            }
            loads::now(state, &[Load::Jobs, Load::Job(job.id), Load::Overview])
        }
        Err(refusal) => {
            if *command == JobCommand::Retry {
                night::retry_refused(state, config);
            }
            refused(state, &command.refused(config), &refusal);
            loads::now(state, &[Load::Jobs])
        }
    }
}

/// What was to be known before a question is known.
pub fn answered(
    state: &mut State,
    id: JobId,
    config: &str,
    question: JobQuestion,
    result: Result<JobAnswer, Refusal>,
) -> Vec<Effect> {
    done_waiting(state, &question.waiting(config));
    match result {
        Ok(JobAnswer::Limits(limits)) => {
            let open = state.detail.as_ref().map(|detail| &detail.job);
            let known = open.filter(|job| job.id == id).or(state.jobs.get(id));
            if let Some(form) = known.map(|job| limits_form::form(job, &limits)) {
                forms::open(state, form);
            }
        }
        Ok(JobAnswer::Undoable(tables)) => {
            overlays::jobs::ask_undo(state, id, config, &tables);
        }
        Err(refusal) => refused(state, &format!("{config}: it can't be done"), &refusal),
    }
    Vec::new()
}

/// New limits were typed.
pub fn limits_typed(state: &mut State) -> Vec<Effect> {
    let Some(form) = forms::top(state) else {
        return Vec::new();
    };
    let Purpose::Limits(before) = form.purpose.clone() else {
        return Vec::new();
    };
    let change = match limits_form::change(form, &before) {
        Ok(change) => change,
        Err(findings) => {
            form.tell(findings.iter().map(Problem::of).collect());
            return Vec::new();
        }
    };
    let mut effects = forms::discard(state);
    if change == JobChange::default() {
        let text = format!("{}: nothing was changed", before.config);
        state.say(text, Tone::Plain);
        return effects;
    }
    effects.push(Effect::CommandJob {
        id: before.job,
        config: before.config,
        command: JobCommand::Set(change),
    });
    effects
}

/// Opens a job, whether the list has it or not.
pub fn open(state: &mut State, job: Job) -> Vec<Effect> {
    let id = job.id;
    if state.jobs.get(id).is_some() {
        state.jobs.set_filter("");
        state.jobs.select(id);
    }
    state.tab = Tab::Jobs;
    state.detail = Some(Detail::new(job));
    loads::now(state, &[Load::Job(id)])
}

/// Shows a job that was just queued.
pub fn show_new(state: &mut State, job: Job) -> Vec<Effect> {
    let id = job.id;
    if state.jobs.get(id).is_none() {
        state.jobs.put(job);
    }
    state.jobs.set_filter("");
    state.jobs.select(id);
    state.tab = Tab::Jobs;
    let mut effects = super::keys::open_selected_job(state);
    effects.extend(loads::now(state, &[Load::Jobs, Load::Overview]));
    effects
}
