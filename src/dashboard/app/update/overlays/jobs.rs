//! Questions about jobs: what a repair would write, what an undo would put back.

use super::{choice, push};
use crate::dashboard::app::confirm::Confirm;
use crate::dashboard::app::effect::Effect;
use crate::dashboard::app::format::{count, plural, when};
use crate::dashboard::app::job_command::JobCommand;
use crate::dashboard::app::overlay::{Answer, Dialog};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::app::update::ask_word;
use crate::model::ids::JobId;
use crate::model::job::Job;
use crate::model::table_run::VerifiedScope;

/// Tables that a question names.
const NAMED: usize = 8;

/// Asks before rows that differ are written.
pub fn ask_repair(state: &mut State, job: &Job) {
    let with_tables = state
        .detail
        .as_ref()
        .map(|detail| &detail.job)
        .filter(|known| known.id == job.id)
        .unwrap_or(job);
    let found: Vec<(String, u64)> = with_tables
        .tables
        .iter()
        .filter(|run| run.verified.scope != VerifiedScope::None && run.verified.differences > 0)
        .map(|run| (run.target_table.clone(), run.verified.differences))
        .collect();
    let rows: u64 = found.iter().map(|(_, rows)| rows).sum();
    let send = |command| {
        Answer::Do(Effect::CommandJob {
            id: job.id,
            config: job.config.clone(),
            command,
        })
    };
    if found.is_empty() {
        let lines = vec![Line::of(&job.config, Tone::Strong).and(
            ": which rows differ is not known from this job. Verify tells how many, and \
                 writes nothing; what it finds can be repaired then.",
            Tone::Plain,
        )];
        push(
            state,
            Dialog {
                title: "Nothing to repair is known".to_owned(),
                lines,
                choices: vec![
                    choice("change nothing", Answer::Nothing),
                    choice("verify first", send(JobCommand::Verify)),
                ],
                marked: 0,
                opened_at: state.clock.steady,
                quits: false,
            },
        );
        return;
    }
    let at = with_tables.as_of().map_or(String::new(), |at| {
        format!(" as of {}", when(at, state.clock.wall))
    });
    let differ = if rows == 1 {
        "1 row differs".to_owned()
    } else {
        format!("{} rows differ", count(rows))
    };
    let tables = plural(found.len(), "table", "tables");
    let mut lines = vec![
        Line::of(&job.config, Tone::Strong).and(format!(": {differ} in {tables}{at}"), Tone::Plain),
    ];
    lines.extend(named(&found));
    lines.push(Line::empty());
    lines.push(Line::plain(
        "They are compared once more, and what still differs is written into the local tables: \
         missing rows are inserted, changed ones overwritten, and rows that the source does not \
         have are deleted.",
    ));
    let tables = found.into_iter().map(|(table, _)| table).collect();
    let answer = send(JobCommand::Repair { tables });
    ask_word(
        state,
        Confirm::new(
            "Repair the local tables?",
            lines,
            &job.config,
            "repair them",
            answer,
        ),
    );
}

/// Asks before deleted rows are put back.
pub fn ask_undo(state: &mut State, job: JobId, config: &str, tables: &[(String, u64)]) {
    let rows: u64 = tables.iter().map(|(_, rows)| rows).sum();
    let mut lines = vec![Line::of(config, Tone::Strong).and(
        format!(
            ": {} that this job deleted can be put back",
            if rows == 1 {
                "1 row".to_owned()
            } else {
                format!("{} rows", count(rows))
            }
        ),
        Tone::Plain,
    )];
    lines.extend(named(tables));
    lines.push(Line::empty());
    lines.push(Line::plain(
        "A key that exists again stays as it is. The next run deletes them again if the source \
         still does not have them.",
    ));
    push(
        state,
        Dialog {
            title: "Put deleted rows back?".to_owned(),
            lines,
            choices: vec![
                choice("change nothing", Answer::Nothing),
                choice(
                    "put them back",
                    Answer::Do(Effect::CommandJob {
                        id: job,
                        config: config.to_owned(),
                        command: JobCommand::Undo,
                    }),
                ),
            ],
            marked: 0,
            opened_at: state.clock.steady,
            quits: false,
        },
    );
}

fn named(tables: &[(String, u64)]) -> Vec<Line> {
    let mut lines: Vec<Line> = tables
        .iter()
        .take(NAMED)
        .map(|(table, rows)| {
            Line::of(format!("  {table}"), Tone::Strong)
                .and(format!("  {}", count(*rows)), Tone::Plain)
        })
        .collect();
    if tables.len() > NAMED {
        lines.push(Line::plain(format!("  and {} more", tables.len() - NAMED)));
    }
    lines
}
