//! The form of a config's settings: everything but its rules.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fields::{Kind, put, shown};
use super::{Draft, timing};
use crate::dashboard::app::form::{Field, Form, Problem, Purpose};
use crate::dashboard::app::text::Line;
use crate::model::config::{ConfigSpec, Consistency};
use crate::model::cron::Zone;
use crate::model::finding::Finding;
use crate::model::ids::ConfigId;
use crate::model::mapping;
use crate::model::rule::{ConflictResolution, FullStrategy, SyncMode, Verify};

const FIELDS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("sync_mode", Kind::Text),
    ("enabled", Kind::Flag),
    ("exclude", Kind::List),
    ("labels", Kind::List),
    ("options.max_concurrency", Kind::Number),
    ("options.consistency", Kind::Text),
    ("options.full_strategy", Kind::Text),
    ("options.conflict_resolution", Kind::Text),
    ("options.verify", Kind::Text),
    ("options.quarantine", Kind::Text),
    ("options.max_delete_percent", Kind::Number),
    ("options.max_delete_rows", Kind::Number),
    ("options.job_timeout", Kind::Text),
    ("options.enable_compression", Kind::Flag),
];

/// The config whose settings are changed, and what its next starts are worked out by.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsDraft {
    /// The config as it was.
    pub spec: ConfigSpec,
    /// Which one; a new one has the jitter of any.
    pub config: ConfigId,
    /// When the form was opened.
    pub now: DateTime<Utc>,
    /// The zone of schedules that name none.
    pub zone: Zone,
}

/// The form for a draft's settings. `now` and `zone`: what next starts are worked out by.
#[must_use]
pub fn form(draft: &Draft, now: DateTime<Utc>, zone: Zone) -> Form {
    // There may be thousands of rules, and none of them is shown here.
    let mut without_rules = draft.spec.clone();
    without_rules.tables.clear();
    let object = mapping::spec_to_json(&without_rules);
    let text = |id: &str| {
        let value = id.split('.').fold(&object, |at, step| &at[step]);
        shown(value)
    };
    let words = |words: &'static [&'static str]| -> Vec<(&str, &str)> {
        words.iter().map(|word| (*word, *word)).collect()
    };
    let mut fields = vec![
        name_field(draft),
        Field::choice(
            "sync_mode",
            "Mode",
            &words(SyncMode::WORDS),
            &text("sync_mode"),
        )
        .help("full: the whole tables each run. incremental: what changed. Rules may differ."),
        timing::cron_field(&draft.spec),
        Field::toggle("enabled", "Enabled", draft.spec.enabled)
            .help("Off: schedules and run don't start it. space switches."),
        Field::text("exclude", "Leave out", &text("exclude"))
            .placeholder("none")
            .help("Patterns by commas that no match rule reaches."),
        Field::fold("More: workers, strategies, limits of deletes")
            .help("space or enter shows and hides them."),
        Field::text("labels", "Runs only on", &text("labels"))
            .rare()
            .placeholder("any instance")
            .help("Instances that carry all of these labels, by commas (instance.labels)."),
    ];
    fields.extend(timing::rare_fields(&draft.spec));
    fields.extend([
        Field::text(
            "options.max_concurrency",
            "Workers",
            &text("options.max_concurrency"),
        )
        .rare()
        .help("Of one job, over its tables and ranges."),
        Field::choice(
            "options.consistency",
            "Consistency",
            &words(Consistency::WORDS),
            &text("options.consistency"),
        )
        .rare()
        .help("snapshot: one point in time for the job; table: one each; chunk: none."),
        Field::choice(
            "options.full_strategy",
            "Full by",
            &words(FullStrategy::WORDS),
            &text("options.full_strategy"),
        )
        .rare()
        .help("swap: load beside it and rename. in_place: change rows where they are."),
        Field::choice(
            "options.conflict_resolution",
            "Conflicts",
            &words(ConflictResolution::WORDS),
            &text("options.conflict_resolution"),
        )
        .rare()
        .help("What becomes of target rows that differ."),
        Field::choice(
            "options.verify",
            "Compare",
            &words(Verify::WORDS),
            &text("options.verify"),
        )
        .rare()
        .help("What is compared after writing."),
        Field::text(
            "options.quarantine",
            "Quarantine",
            &text("options.quarantine"),
        )
        .rare()
        .help("none, or how long deleted rows are kept: 7d"),
        Field::text(
            "options.max_delete_percent",
            "Most deletes, %",
            &text("options.max_delete_percent"),
        )
        .rare()
        .help("A table whose run would delete more of its target stops first."),
        Field::text(
            "options.max_delete_rows",
            "  in rows",
            &text("options.max_delete_rows"),
        )
        .rare()
        .placeholder("no limit")
        .help("The same in rows."),
        Field::text(
            "options.job_timeout",
            "Time limit",
            &text("options.job_timeout"),
        )
        .rare()
        .placeholder("as the settings")
        .help("Running time of a job: 2h; pauses don't count."),
        Field::toggle(
            "options.enable_compression",
            "Compression",
            draft.spec.options.enable_compression,
        )
        .rare()
        .help("Compressed protocol to the source."),
    ]);
    let title = match draft.base {
        Some(_) => format!("Settings of {}", draft.spec.name),
        None => "New config: name, mode, schedule".to_owned(),
    };
    let purpose = Purpose::Settings(Box::new(SettingsDraft {
        spec: draft.spec.clone(),
        config: draft
            .base
            .map_or(ConfigId::from_u64_pair(0, 0), |base| base.id),
        now,
        zone,
    }));
    let mut form = Form::new(purpose, title, fields)
        .ruled(rules)
        .adapting(timing::foresee);
    form.intro = vec![Line::plain(format!(
        "From {}, {}.",
        draft.spec.connection,
        crate::dashboard::app::format::plural(draft.spec.tables.len(), "rule", "rules")
    ))];
    form.verb = "take it";
    form
}

/// A new config is called like its connection until somebody says otherwise.
fn name_field(draft: &Draft) -> Field {
    let name = &draft.spec.name;
    let field = Field::text("name", "Name", name)
        .name()
        .help("What jobs, logs and the command line call it.");
    if draft.base.is_none() && name.starts_with(&draft.spec.connection) {
        field.proposed()
    } else {
        field
    }
}

fn rules(form: &Form) -> Vec<Problem> {
    match spec(form) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(Problem::of).collect(),
    }
}

/// The config that the fields describe; its rules and rarer options are those of the draft.
///
/// # Errors
/// Everything that is wrong with it.
pub fn spec(form: &Form) -> Result<ConfigSpec, Vec<Finding>> {
    let Purpose::Settings(before) = &form.purpose else {
        return Err(Vec::new());
    };
    let mut object: Value = mapping::spec_to_json(&before.spec);
    object["schedule"] = timing::value(form);
    put(form, &mut object, FIELDS).map_err(|(id, why)| vec![Finding::new(id, why)])?;
    mapping::parse_config(&object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rule::TableRule;

    #[test]
    fn an_untouched_form_describes_the_config_it_was_made_from() {
        let mut whole = ConfigSpec::new("shop", "production", vec![TableRule::of_table("orders")]);
        whole.exclude = vec!["tmp_*".to_owned(), "log".to_owned()];
        whole.labels = vec!["eu".to_owned(), "big disk".to_owned()];
        whole.enabled = false;
        whole.options.max_concurrency = 9;
        whole.options.shadow_in = crate::model::config::ShadowIn::Target;
        whole.options.table.max_delete_rows = Some(3);
        let schedule = serde_json::json!({"cron": "@daily", "timezone": "Asia/Kolkata",
            "jitter": "5m", "catch_up": "once", "blackout": ["08:00-09:00", "22:00-23:30"]});
        whole.schedule = mapping::parse_schedule(&schedule).ok();
        for wanted in [
            ConfigSpec::new("c", "p", vec![TableRule::of_pattern("*")]),
            whole,
        ] {
            let form = form(&Draft::new(wanted.clone()), DateTime::UNIX_EPOCH, Zone::UTC);
            assert_eq!(spec(&form), Ok(wanted));
        }
    }

    #[test]
    fn typing_replaces_a_proposed_name_and_changes_one_of_its_own() {
        let typed = |spec: ConfigSpec| {
            let mut form = form(&Draft::new(spec), DateTime::UNIX_EPOCH, Zone::UTC);
            for c in "ab".chars() {
                form.key(crate::dashboard::app::key::Key::char(c));
            }
            form.text("name")
        };
        let rules = || vec![TableRule::of_pattern("*")];
        assert_eq!(typed(ConfigSpec::new("shop", "shop", rules())), "ab");
        assert_eq!(
            typed(ConfigSpec::new("nightly", "shop", rules())),
            "nightlyab"
        );
    }

    #[test]
    fn a_wrong_schedule_is_told_at_its_field() {
        let spec = ConfigSpec::new("shop", "production", vec![TableRule::of_table("orders")]);
        let mut form = form(&Draft::new(spec), DateTime::UNIX_EPOCH, Zone::UTC);
        if let Some(field) = form.field_mut("schedule") {
            field.paste("every day");
        }
        assert!(!form.check());
        assert!(form.field("schedule").unwrap().error.is_some());
    }

    #[test]
    fn the_next_starts_stand_below_the_schedule_as_it_is_typed() {
        let spec = ConfigSpec::new("shop", "production", vec![TableRule::of_table("orders")]);
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut form = form(
            &Draft::new(spec),
            now,
            Zone::parse("Europe/Berlin").unwrap(),
        );
        let help = |form: &Form| form.field("schedule").unwrap().help.clone();
        assert!(help(&form).contains("@daily"));
        form.turn(true);
        form.turn(true);
        assert_eq!(form.focused().unwrap().id, "schedule");
        form.paste("30 2 * * *");
        assert_eq!(
            help(&form),
            "Next: 11-23 02:30, 11-24 02:30, 11-25 02:30, 11-26 02:30, 11-27 02:30 Europe/Berlin"
        );
        form.field_mut("schedule.timezone").unwrap().paste("UTC");
        form.field_mut("schedule.blackout").unwrap().paste("nights");
        form.paste(" ");
        assert!(
            help(&form).contains("@daily"),
            "what is wrong has no next start"
        );
        assert!(!form.check());
        let error = form.field("schedule.blackout").unwrap().error.clone();
        assert!(error.unwrap().contains("22:00-06:00"));
    }
}
