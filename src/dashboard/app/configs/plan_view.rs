//! A plan as it is looked at: risks first, worst on top, then table by table.

use crate::dashboard::app::format;
use crate::dashboard::app::overlay::{Sheet, SheetKind};
use crate::dashboard::app::sheets::{field, warned};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::plan::{Plan, Risk, Severity, TablePlan};

/// Names of tables that are told at one risk.
const NAMED: usize = 3;

/// A plan and what is shown of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanView {
    /// The plan.
    pub plan: Plan,
    /// Whether existing targets were compared and what changes was counted.
    pub exact: bool,
    /// Whether the statements that define targets are shown.
    pub ddl: bool,
    /// Whether the config is not stored as it was planned: then nothing can be started.
    pub draft: bool,
}

impl PlanView {
    /// A plan without its statements.
    #[must_use]
    pub fn new(plan: Plan, exact: bool) -> Self {
        Self {
            plan,
            exact,
            ddl: false,
            draft: false,
        }
    }

    /// The plan of a config that is not stored as it was planned.
    #[must_use]
    pub fn of_draft(plan: Plan) -> Self {
        Self {
            draft: true,
            ..Self::new(plan, false)
        }
    }

    /// Whether there are statements to show.
    #[must_use]
    pub fn has_ddl(&self) -> bool {
        self.plan.tables.iter().any(|table| !table.ddl.is_empty())
    }

    /// As a sheet.
    #[must_use]
    pub fn sheet(self) -> Sheet {
        let plan = &self.plan;
        let how = if self.exact { "Dry run" } else { "Plan" };
        let title = format!("{how} of {}", plan.config);
        let tone = if plan.has_stop() {
            Tone::Bad
        } else {
            Tone::Plain
        };
        let lines = self.lines();
        Sheet {
            kind: SheetKind::Plan(Box::new(self)),
            ..Sheet::text(title, lines).tone(tone)
        }
    }

    fn lines(&self) -> Vec<Line> {
        let plan = &self.plan;
        let mut lines = vec![Line::plain(self.whole()), self.deletes()];
        let stopped = plan.tables.iter().filter(|t| t.has_stop()).count();
        if stopped > 0 {
            let all = plan.tables.len();
            let tables = format::plural(all, "table", "tables");
            let told = match (stopped, all) {
                (1, 1) => "!    The table can't run as it is.".to_owned(),
                (n, all) if n == all => format!("!    None of {tables} can run as they are."),
                (n, _) => {
                    format!("!    {n} of {tables} can't run as things are; the others would.")
                }
            };
            lines.push(Line::of(told, Tone::Bad).hanging(5));
        }
        lines.extend(plan.warnings.iter().map(warned));
        let risks = self.risks();
        if !risks.is_empty() {
            lines.push(Line::empty());
            lines.push(Line::of("Risks, worst first", Tone::Strong));
            lines.extend(risks);
        }
        for table in &plan.tables {
            lines.push(Line::empty());
            lines.extend(self.table(table));
        }
        lines
    }

    /// How much, how long.
    fn whole(&self) -> String {
        let tables = &self.plan.tables;
        let rows: u64 = tables.iter().map(|t| t.rows_estimate).sum();
        let bytes: u64 = tables.iter().map(|t| t.bytes_estimate).sum();
        let seconds: f64 = tables.iter().filter_map(|t| t.eta_seconds).sum();
        let long = if seconds > 0.0 {
            format!(", about {}", format::span(seconds))
        } else {
            String::new()
        };
        format!(
            "{} of {}: about {} rows, {}{long}. Nothing has been written.",
            format::plural(tables.len(), "table", "tables"),
            self.plan.connection,
            format::about(rows),
            format::bytes(bytes),
        )
    }

    /// What would be deleted.
    fn deletes(&self) -> Line {
        let tables = &self.plan.tables;
        let rows: u64 = tables.iter().filter_map(|t| t.deletes.rows).sum();
        let losing = tables
            .iter()
            .filter(|t| t.deletes.rows.is_some_and(|rows| rows > 0))
            .count();
        let unknown = tables.iter().filter(|t| t.deletes.rows.is_none()).count();
        let uncertain = tables.iter().any(|t| !t.deletes.exact) && losing > 0;
        let up_to = if uncertain { "up to " } else { "" };
        let mut line = if losing > 0 {
            Line::of(
                format!(
                    "!    Deletes {up_to}{} rows of {}.",
                    format::count(rows),
                    format::plural(losing, "target table", "target tables")
                ),
                Tone::Warn,
            )
        } else if unknown == 0 {
            Line::plain("Deletes no row of a target.")
        } else if self.draft {
            Line::plain("What would be deleted is not counted before it is saved.")
        } else {
            Line::plain("What would be deleted is not counted yet: ")
                .and("e", Tone::Accent)
                .and(" compares and counts.", Tone::Plain)
        };
        if losing > 0 && unknown > 0 {
            line = line.and(
                format!(
                    " {} not counted yet.",
                    format::plural(unknown, "table is", "tables are")
                ),
                Tone::Plain,
            );
        }
        line.hanging(5)
    }

    /// Every risk once, with the tables that have it.
    fn risks(&self) -> Vec<Line> {
        let mut found: Vec<(&Risk, Vec<&str>)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for table in &self.plan.tables {
            for risk in &table.risks {
                let key = (risk.severity.as_str(), &risk.message, &risk.remedy);
                let place = *places.entry(key).or_insert(found.len());
                if place == found.len() {
                    found.push((risk, Vec::new()));
                }
                found[place].1.push(&table.target_table);
            }
        }
        found.sort_by_key(|(risk, _)| std::cmp::Reverse(risk.severity as u8));
        found
            .iter()
            .flat_map(|(risk, tables)| risk_lines(risk, tables))
            .collect()
    }

    fn table(&self, table: &TablePlan) -> Vec<Line> {
        let mut ways = vec![table.sync_mode.as_str().to_owned()];
        ways.extend(table.strategy.clone());
        ways.extend(table.full_strategy.as_ref().map(|s| s.replace('_', " ")));
        ways.extend(table.writer.as_ref().map(|w| w.replace('_', " ")));
        if let Some(eta) = table.eta_seconds {
            ways.push(format!("about {}", format::span(eta)));
        }
        let name = if table.source_table == table.target_table {
            table.source_table.clone()
        } else {
            format!("{} → {}", table.source_table, table.target_table)
        };
        let mut head = Line::of(name, Tone::Strong);
        if table.has_stop() {
            head = head.and("   ! can't run as it is", Tone::Bad);
        }
        let mut lines = vec![head.and(format!("   {}", ways.join(", ")), Tone::Plain)];
        let key = if table.key.is_empty() {
            "no key".to_owned()
        } else {
            format!("key {}", table.key.join(", "))
        };
        lines.push(field(
            "  size",
            format!(
                "about {} rows, {}; {key}; {}",
                format::about(table.rows_estimate),
                format::bytes(table.bytes_estimate),
                format::plural(table.chunks as usize, "range", "ranges"),
            ),
        ));
        if !table.reason.is_empty() {
            lines.push(field("  why", &table.reason));
        }
        if let Some(rows) = table.deletes.rows {
            let how = if table.deletes.exact { "" } else { "up to " };
            lines.push(field(
                "  deletes",
                format!("{how}{} rows of the target", format::count(rows)),
            ));
        }
        lines.extend(self.statements(table));
        lines
    }

    fn statements(&self, table: &TablePlan) -> Vec<Line> {
        if table.ddl.is_empty() {
            return Vec::new();
        }
        if !self.ddl {
            let count = format::plural(table.ddl.len(), "statement", "statements");
            return vec![
                field("  DDL", format!("{count}; "))
                    .and("d", Tone::Accent)
                    .and(" shows them", Tone::Plain),
            ];
        }
        let mut lines = Vec::new();
        for ddl in &table.ddl {
            for (i, text) in ddl.lines().enumerate() {
                let name = if i == 0 { "  DDL" } else { "" };
                lines.push(field(name, text));
            }
        }
        lines
    }
}

fn risk_lines(risk: &Risk, tables: &[&str]) -> Vec<Line> {
    let (word, tone) = match risk.severity {
        Severity::Stop => ("  ! stop", Tone::Bad),
        Severity::Warning => ("  ! warning", Tone::Warn),
        Severity::Info => ("  note", Tone::Dim),
    };
    let more = tables.len().saturating_sub(NAMED);
    let mut named = tables[..tables.len().min(NAMED)].join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    let mut lines = vec![
        Line::of(format!("{word:<16}"), tone)
            .and(format!("{named}: "), Tone::Strong)
            .and(&risk.message, Tone::Plain)
            .hanging(16),
    ];
    if let Some(remedy) = &risk.remedy {
        lines.push(field("    to do", remedy));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::PlannedDeletes;
    use crate::model::rule::SyncMode;

    fn table(name: &str, deletes: PlannedDeletes, risks: Vec<Risk>) -> TablePlan {
        TablePlan {
            source_table: name.to_owned(),
            target_table: name.to_owned(),
            sync_mode: SyncMode::Full,
            strategy: None,
            reason: String::new(),
            full_strategy: None,
            writer: None,
            key: Vec::new(),
            chunks: 1,
            rows_estimate: 10,
            bytes_estimate: 10,
            eta_seconds: Some(30.0),
            ddl: vec!["CREATE TABLE `x` (\n  `id` int\n)".to_owned()],
            deletes,
            risks,
        }
    }

    fn shown(tables: Vec<TablePlan>, ddl: bool) -> String {
        let plan = Plan {
            config: "c".to_owned(),
            connection: "p".to_owned(),
            warnings: Vec::new(),
            tables,
        };
        let view = PlanView {
            ddl,
            ..PlanView::new(plan, false)
        };
        let lines: Vec<String> = view.lines().iter().map(Line::text).collect();
        lines.join("\n")
    }

    fn deletes(rows: Option<u64>, exact: bool) -> PlannedDeletes {
        PlannedDeletes { rows, exact }
    }

    #[test]
    fn risks_stand_first_worst_on_top_each_once_with_its_tables() {
        let note = Risk::new("left_out", Severity::Info, "a check is left out");
        let stop =
            Risk::new("no_key", Severity::Stop, "nothing identifies a row").remedy("set key");
        let text = shown(
            vec![
                table("a", deletes(Some(0), true), vec![note.clone()]),
                table("b", deletes(Some(0), true), vec![note, stop]),
            ],
            false,
        );
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}:\n{text}"));
        assert!(at("! stop") < at("set key"));
        assert!(at("set key") < at("a, b: a check is left out"));
        assert!(text.contains("1 of 2 tables can't run"));
        assert!(text.contains("about 1m 00s"), "{text}");
    }

    #[test]
    fn deletes_are_told_by_how_surely_they_are_known() {
        let one = |d| shown(vec![table("a", d, Vec::new())], false);
        assert!(one(deletes(Some(0), true)).contains("Deletes no row"));
        assert!(one(deletes(Some(7), true)).contains("Deletes 7 rows of 1 target table."));
        assert!(one(deletes(Some(7), false)).contains("Deletes up to 7 rows"));
        assert!(one(deletes(None, false)).contains("not counted yet"));
    }

    #[test]
    fn statements_are_shown_when_asked_for_and_whole() {
        let one = |ddl| shown(vec![table("a", deletes(None, false), Vec::new())], ddl);
        assert!(!one(false).contains("CREATE TABLE"));
        assert!(one(true).contains("CREATE TABLE `x` ("));
        assert!(one(true).contains("`id` int"));
    }
}
