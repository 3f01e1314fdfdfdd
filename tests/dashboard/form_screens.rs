//! Pictures of forms, reports beside them, lists to choose from, the first start.

use db_taxi::dashboard::app::request::{Answer, Ticket};
use db_taxi::dashboard::app::{Msg, State, update};
use db_taxi::dashboard::ui::theme::Theme;
use db_taxi::model::command::Refusal;

use crate::sample::{self, press, typed};
use crate::screens::{paint, styled, text};

/// Answers the request that was sent last.
fn answer(state: &mut State, answer: Result<Answer, Refusal>) {
    let next = state.ticket();
    update(state, Msg::Answered(Ticket(next.0 - 1), answer));
}

fn tables() -> Result<Answer, Refusal> {
    Ok(Answer::Tables(sample::source_tables()))
}

fn first(width: u16, height: u16) -> State {
    let mut state = sample::installed(width, height);
    press(&mut state, "n");
    typed(&mut state, "shop");
    press(&mut state, "tab tab");
    typed(&mut state, "db.example.com");
    press(&mut state, "tab tab");
    typed(&mut state, "sync_user");
    press(&mut state, "tab");
    typed(&mut state, "canary");
    press(&mut state, "tab");
    typed(&mut state, "shop");
    state
}

/// Every picture with forms in it.
pub fn screens(width: u16, height: u16) -> Vec<(&'static str, State)> {
    let with = |keys: &str| {
        let mut state = sample::full(width, height);
        press(&mut state, keys);
        state
    };
    let mut errors = with("1 n ctrl-s");
    typed(&mut errors, " ");
    press(&mut errors, "tab tab");
    typed(&mut errors, "a host");
    press(&mut errors, "tab");
    typed(&mut errors, "70000");
    press(&mut errors, "ctrl-s tab tab");
    let mut more = with("1 j e tab tab tab tab tab tab tab");
    press(&mut more, "right right tab tab space tab tab");
    let mut refused = with("1 j e end x ctrl-s");
    let down = Refusal::DatabaseUnavailable("127.0.0.1:3306: connection refused".to_owned());
    answer(&mut refused, Err(down));
    let mut testing = with("1 j e ctrl-t");
    sample::tick(&mut testing, 8);
    let mut report = with("1 j e ctrl-t");
    answer(
        &mut report,
        Ok(Answer::Report(Box::new(sample::test_report()))),
    );
    let mut guided = first(width, height);
    press(&mut guided, "ctrl-s");
    answer(
        &mut guided,
        Ok(Answer::Report(Box::new(sample::test_report()))),
    );
    press(&mut guided, "esc");
    let mut choosing = guided.clone();
    press(&mut choosing, "ctrl-s");
    answer(
        &mut choosing,
        Ok(Answer::Connection(Box::new(
            sample::connections()[1].clone(),
        ))),
    );
    // The request for the tables came before that for the health.
    let next = choosing.ticket();
    update(&mut choosing, Msg::Answered(Ticket(next.0 - 2), tables()));
    choosing.notice = None;
    press(&mut choosing, "space down space");
    let reading = with("1 j b");
    let mut browsing = with("1 j b");
    answer(&mut browsing, tables());
    press(&mut browsing, "o j");
    let mut filtering = with("1 j b");
    answer(&mut filtering, tables());
    press(&mut filtering, "/");
    typed(&mut filtering, "ord");
    let mut failed = with("1 j b");
    let refusal = "10.0.4.7:3306: connection refused".to_owned();
    answer(&mut failed, Err(Refusal::SourceUnavailable(refusal)));
    let mut columns = browsing.clone();
    press(&mut columns, "enter");
    answer(
        &mut columns,
        Ok(Answer::Table(Box::new(sample::table_info()))),
    );
    let mut delete = with("1 j d");
    answer(&mut delete, Ok(Answer::Names(Vec::new())));
    sample::tick(&mut delete, 10);
    typed(&mut delete, "produ");
    let mut in_use = with("1 j d");
    let names = vec!["config shop-nightly".to_owned()];
    answer(&mut in_use, Ok(Answer::Names(names)));
    vec![
        ("delete", delete),
        ("delete_in_use", in_use),
        ("form", with("1 j e")),
        ("form_errors", errors),
        ("form_more", more),
        ("form_refused", refused),
        ("form_testing", testing),
        ("form_report", report),
        ("form_discard", with("1 j e x esc")),
        ("first_form", guided),
        ("first_tables", choosing),
        ("browser_reading", reading),
        ("browser", browsing),
        ("browser_filter", filtering),
        ("browser_failed", failed),
        ("browser_columns", columns),
    ]
}

#[test]
fn form_pictures() {
    for theme_name in ["default", "light", "mono"] {
        let theme = Theme::embedded(theme_name).unwrap();
        for (width, height) in [(80, 24), (120, 40)] {
            for (name, state) in screens(width, height) {
                let buffer = paint(&state, &theme, width, height);
                let name = format!("{name}_{width}x{height}_{theme_name}");
                insta::assert_snapshot!(name, styled(&buffer));
            }
        }
    }
}

#[test]
fn forms_and_lists_are_painted_at_every_size() {
    let theme = Theme::embedded("default").unwrap();
    for (name, state) in screens(120, 40) {
        for width in (1..=200).step_by(13) {
            for height in (1..=60).step_by(7) {
                let mut state = state.clone();
                update(&mut state, Msg::Resized { width, height });
                press(&mut state, "down");
                let picture = text(&paint(&state, &theme, width, height));
                assert!(!picture.contains("canary"), "{name}");
            }
        }
    }
}

#[test]
fn forms_and_lists_can_be_painted_in_ascii() {
    let mut theme = Theme::embedded("default").unwrap();
    theme.ascii = true;
    for (name, mut state) in screens(100, 30) {
        // A name in another script has no ASCII.
        press(&mut state, "home");
        let picture = text(&paint(&state, &theme, 100, 30));
        assert!(picture.is_ascii(), "{name}:\n{picture}");
    }
}

#[test]
fn the_field_with_the_focus_is_on_every_screen() {
    let theme = Theme::embedded("mono").unwrap();
    for height in 16..40 {
        let mut state = sample::full(80, height);
        press(
            &mut state,
            "1 n tab tab tab tab tab tab tab tab space tab space tab tab tab tab",
        );
        for _ in 0..12 {
            press(&mut state, "tab");
            let picture = text(&paint(&state, &theme, 80, height));
            assert!(picture.contains('▌'), "{height}:\n{picture}");
        }
    }
}
