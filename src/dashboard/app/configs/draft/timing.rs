//! The fields of a config's schedule, and its next starts while it is typed.

use serde_json::{Map, Value};

use crate::dashboard::app::configs::words;
use crate::dashboard::app::form::{Field, Form, Purpose};
use crate::model::config::ConfigSpec;
use crate::model::mapping;
use crate::model::schedule::{CatchUp, Timetable};

/// Starts that are shown.
const SHOWN: usize = 5;
const HELP: &str = "Five fields such as */15 * * * *, or @hourly, @daily, @weekly, @monthly.";

/// The times.
#[must_use]
pub fn cron_field(spec: &ConfigSpec) -> Field {
    let cron = spec.schedule.as_ref().map_or("", |one| one.as_str());
    Field::text("schedule", "Schedule", cron)
        .placeholder("started by hand")
        .help(HELP)
}

/// What else a schedule says.
#[must_use]
pub fn rare_fields(spec: &ConfigSpec) -> Vec<Field> {
    let schedule = spec.schedule.as_ref().map(|one| {
        let whole = mapping::spec_to_json(spec);
        (one, whole["schedule"].clone())
    });
    let text = |key: &str| match &schedule {
        Some((_, object)) => super::fields::shown(&object[key]),
        None => String::new(),
    };
    let words: Vec<(&str, &str)> = CatchUp::WORDS.iter().map(|word| (*word, *word)).collect();
    let catch_up = schedule
        .as_ref()
        .map_or(CatchUp::None, |(one, _)| one.catch_up);
    vec![
        Field::text("schedule.timezone", "Time zone", &text("timezone"))
            .rare()
            .placeholder("as the settings")
            .help("In which the schedule is read: UTC or an IANA name such as Europe/Berlin."),
        Field::text("schedule.jitter", "Jitter", &jitter(&text("jitter")))
            .rare()
            .placeholder("none")
            .help("Starts are late by a part of this, always the same for one time: 5m"),
        Field::choice(
            "schedule.catch_up",
            "Missed runs",
            &words,
            catch_up.as_str(),
        )
        .rare()
        .help("none: left out. once: one run makes up for all that were missed."),
        Field::text("schedule.blackout", "Not between", &text("blackout"))
            .rare()
            .placeholder("any time will do")
            .help("Windows of the day by commas in which nothing is started: 22:00-06:00"),
    ]
}

fn jitter(text: &str) -> String {
    if text == "0s" {
        String::new()
    } else {
        text.to_owned()
    }
}

/// `schedule` as the fields describe it: text where nothing but the times is given.
#[must_use]
pub fn value(form: &Form) -> Value {
    let cron = form.text("schedule");
    if cron.is_empty() {
        return Value::Null;
    }
    let mut object = Map::new();
    for key in ["timezone", "jitter"] {
        let text = form.text(&format!("schedule.{key}"));
        if !text.is_empty() {
            object.insert(key.to_owned(), text.into());
        }
    }
    let catch_up = form.text("schedule.catch_up");
    if !catch_up.is_empty() && catch_up != CatchUp::None.as_str() {
        object.insert("catch_up".to_owned(), catch_up.into());
    }
    let windows: Vec<Value> = form
        .text("schedule.blackout")
        .split(',')
        .map(str::trim)
        .filter(|window| !window.is_empty())
        .map(Value::from)
        .collect();
    if !windows.is_empty() {
        object.insert("blackout".to_owned(), windows.into());
    }
    if object.is_empty() {
        return cron.into();
    }
    object.insert("cron".to_owned(), cron.into());
    object.into()
}

/// Tells the next starts of what is typed, where that is a schedule.
pub fn foresee(form: &mut Form) {
    let Purpose::Settings(draft) = &form.purpose else {
        return;
    };
    let next = mapping::parse_schedule(&value(form)).ok().map(|schedule| {
        let table = Timetable::new(&schedule, draft.zone, draft.config);
        let starts = table.upcoming(draft.now, SHOWN);
        format!("Next: {}", words::runs(&starts, table.zone()))
    });
    if let Some(field) = form.field_mut("schedule") {
        field.help = next.unwrap_or_else(|| HELP.to_owned());
    }
}
