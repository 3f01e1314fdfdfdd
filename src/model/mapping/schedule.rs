//! `schedule` of a config: a cron expression, or an object that says more.

use serde_json::{Value, json};

use super::reader::{Found, Object};
use super::writer::{Fields, Form};
use crate::model::cron::{Cron, Zone};
use crate::model::duration::format_duration;
use crate::model::finding::Finding;
use crate::model::schedule::{Blackout, CatchUp, Schedule};

/// Reads it.
pub(super) fn read(object: &Object<'_>) -> Option<Schedule> {
    match object.get("schedule")? {
        Value::Object(_) => read_object(object.object("schedule")?),
        _ => read_cron(object, "schedule").map(Schedule::from),
    }
}

/// Reads one by itself, as a form gives it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_schedule(value: &Value) -> Result<Schedule, Vec<Finding>> {
    let found = Found::default();
    let around = json!({"schedule": value});
    let object = Object::open(&around, "", "a schedule", &found);
    let schedule = object.and_then(|object| read(&object));
    found.result(schedule)
}

fn read_cron(object: &Object<'_>, key: &'static str) -> Option<Cron> {
    let text = object.text(key)?;
    if text.trim() == "continuous" {
        object.problem(
            key,
            format!("{key}: continuous is not available in this version"),
            "give a cron expression such as \"*/15 * * * *\"",
        );
        return None;
    }
    if text.trim_start().starts_with('{') {
        object.problem(
            key,
            "the object can't be read",
            "write {cron: \"0 2 * * *\", timezone: Europe/Berlin}",
        );
        return None;
    }
    match Cron::parse(&text) {
        Ok(cron) => Some(cron),
        Err((message, remedy)) => {
            object.problem(key, message, remedy);
            None
        }
    }
}

fn read_object(object: Object<'_>) -> Option<Schedule> {
    if object.get("cron").is_none() {
        object.problem("cron", "cron is required", "say when: cron: \"0 2 * * *\"");
    }
    let cron = read_cron(&object, "cron");
    let timezone = read_zone(&object);
    let jitter = object.duration("jitter").unwrap_or_default();
    if jitter > Schedule::MOST_JITTER {
        object.problem("jitter", "jitter is at most 1d", "");
    }
    let catch_up = object.word("catch_up", CatchUp::WORDS, &[], CatchUp::parse);
    let blackout = read_blackout(&object);
    let schedule = cron.map(|cron| Schedule {
        cron,
        timezone,
        jitter,
        catch_up: catch_up.unwrap_or_default(),
        blackout,
    });
    if let Some(Err((key, why))) = schedule.as_ref().map(Schedule::check) {
        object.problem(key, why, "leave more of the day open, or change the times");
    }
    object.finish();
    schedule
}

fn read_zone(object: &Object<'_>) -> Option<Zone> {
    let name = object.filled("timezone")?;
    match Zone::parse(&name) {
        Ok(zone) => Some(zone),
        Err(message) => {
            let remedy = "give UTC or an IANA name such as Europe/Berlin";
            object.problem("timezone", message, remedy);
            None
        }
    }
}

fn read_blackout(object: &Object<'_>) -> Vec<Blackout> {
    let texts = object.texts("blackout").unwrap_or_default();
    if texts.len() > Schedule::MOST_WINDOWS {
        let message = format!("at most {} windows are taken", Schedule::MOST_WINDOWS);
        object.problem("blackout", message, "put those together that touch");
    }
    let mut windows = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match Blackout::parse(text) {
            Ok(window) => windows.push(window),
            Err((message, remedy)) => object.found().add(
                Finding::new(format!("{}[{index}]", object.path_of("blackout")), message)
                    .remedy(remedy),
            ),
        }
    }
    windows
}

/// Its shortest form: the expression alone where nothing else is said.
pub(super) fn print(schedule: &Schedule, form: Form) -> Value {
    if schedule.is_plain() {
        return schedule.cron.as_str().into();
    }
    let mut out = Fields::new(form);
    out.always("cron", schedule.cron.as_str());
    out.maybe("timezone", schedule.timezone.map(Zone::name));
    out.put(
        "jitter",
        format_duration(schedule.jitter),
        schedule.jitter.is_zero(),
    );
    out.put(
        "catch_up",
        schedule.catch_up.as_str(),
        schedule.catch_up == CatchUp::None,
    );
    let windows: Vec<String> = schedule.blackout.iter().map(ToString::to_string).collect();
    out.put("blackout", windows, schedule.blackout.is_empty());
    out.into_map().into()
}

/// The shortest form as one text: what tells whether a schedule was changed.
#[must_use]
pub fn schedule_text(schedule: &Schedule) -> String {
    match print(schedule, Form::Short) {
        Value::String(text) => text,
        object => object.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_config, spec_to_json};
    use super::*;
    use crate::model::config::ConfigSpec;
    use crate::model::mapping::Spec;

    fn read(schedule: Value) -> Result<ConfigSpec, Vec<String>> {
        let config = json!({"name": "c", "connection": "p", "tables": ["a"], "schedule": schedule});
        parse_config(&config).map_err(|all| all.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_object_reads_back_and_what_it_leaves_out_stays_out() {
        for (given, short) in [
            (json!("0 2 * * *"), json!("0 2 * * *")),
            (json!({"cron": "@daily"}), json!("@daily")),
            (
                json!({"cron": " 0  2 * * *", "jitter": "0s", "catch_up": "none", "blackout": []}),
                json!("0 2 * * *"),
            ),
            (
                json!({"cron": "0 * * * *", "timezone": "Europe/Berlin", "jitter": "90s", "catch_up": "once",
                       "blackout": ["8:00-9:00", "22:00-06:00"]}),
                json!({"cron": "0 * * * *", "timezone": "Europe/Berlin", "jitter": "1m 30s", "catch_up": "once",
                       "blackout": ["08:00-09:00", "22:00-06:00"]}),
            ),
            (
                json!({"cron": "@hourly", "catch_up": "once"}),
                json!({"cron": "@hourly", "catch_up": "once"}),
            ),
        ] {
            let spec = read(given).unwrap();
            assert_eq!(spec.to_short_json()["schedule"], short);
            let full = spec_to_json(&spec);
            assert_eq!(parse_config(&full).unwrap(), spec, "{full}");
        }
        let full = spec_to_json(&read(json!({"cron": "@daily", "jitter": "1h"})).unwrap());
        assert_eq!(
            full["schedule"],
            json!({"cron": "@daily", "timezone": null, "jitter": "1h", "catch_up": "none", "blackout": []})
        );
    }

    #[test]
    fn every_fault_of_the_object_is_told_with_its_path() {
        let faults = read(json!({
            "cron": "0 0 2 * * *", "timezone": "Mars/Olympus", "jitter": "2d", "catch_up": "twice",
            "blackout": ["22:00", "22:00-06:00"], "jiter": "1m"
        }))
        .unwrap_err();
        for expected in [
            "schedule.cron: six fields",
            "schedule.timezone: there is no time zone named \"Mars/Olympus\"",
            "schedule.jitter: jitter is at most 1d",
            "schedule.catch_up: catch_up has an unknown value",
            "schedule.blackout[0]: is no window of the day",
            "schedule.jiter: unknown field \"jiter\"",
        ] {
            assert!(
                faults.iter().any(|fault| fault.starts_with(expected)),
                "{expected} is not in {faults:#?}"
            );
        }
        for (given, expected) in [
            (
                json!({"timezone": "UTC"}),
                "schedule.cron: cron is required",
            ),
            (
                json!({"cron": "continuous"}),
                "schedule.cron: cron: continuous is not available",
            ),
            (
                json!("continuous"),
                "schedule: schedule: continuous is not available",
            ),
            (json!("{cron: x"), "schedule: the object can't be read"),
            (json!(5), "schedule: must be text, not a number"),
            (
                json!({"cron": "@daily", "jitter": 30}),
                "schedule.jitter: jitter is a duration",
            ),
            (
                json!({"cron": "@daily", "blackout": "22:00-06:00"}),
                "schedule.blackout: must be a list",
            ),
            (
                json!({"cron": "@daily", "blackout": ["22:00-12:00", "12:00-22:00"], "catch_up": "once"}),
                "schedule.blackout: the windows cover the whole day",
            ),
            (
                json!({"cron": "*/5 1-2 * * *", "blackout": ["01:00-03:00"]}),
                "schedule.blackout: every run falls into a window",
            ),
        ] {
            let faults = read(given).unwrap_err();
            assert!(faults[0].starts_with(expected), "{expected}: {faults:?}");
        }
        // With what is caught up, or a jitter that leads out, something is started.
        for schedule in [
            json!({"cron": "*/5 1-2 * * *", "blackout": ["01:00-03:00"], "catch_up": "once"}),
            json!({"cron": "0 2 * * *", "blackout": ["01:00-03:00"], "jitter": "2h"}),
            json!({"cron": "*/5 1-3 * * *", "blackout": ["01:00-03:00"]}),
        ] {
            read(schedule).unwrap();
        }
    }
}
