//! Jobs beyond the newest page, read when somebody goes down to them.

use chrono::Duration;
use db_taxi::dashboard::app::job_pages::PAGE;
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::{Effect, Load, State};
use db_taxi::model::job::{Job, JobState};

use crate::sample::{self, full, job_id, press};

/// So many jobs that have ended, newest first; the newest has the highest number.
pub fn many(count: usize) -> Vec<Job> {
    let one = sample::jobs().remove(2);
    let numbers = (0..count).rev();
    let job = |n: usize| Job {
        id: job_id(1000 + n as u32),
        config: format!("shop-{n:04}"),
        created_at: one.created_at - Duration::hours(9) + Duration::seconds(n as i64),
        ..one.clone()
    };
    numbers.map(job).collect()
}

fn newest(state: &mut State, jobs: Vec<Job>) {
    sample::load(state, Load::Jobs, Loaded::Jobs(jobs));
}

/// The page that is asked for, if one is.
fn asked(effects: &[Effect]) -> Option<Load> {
    effects.iter().find_map(|effect| match effect {
        Effect::Load(load @ Load::OlderJobs(_)) => Some(*load),
        _ => None,
    })
}

#[test]
fn every_job_is_reached_by_going_down_and_none_stands_twice() {
    let all = many(3 * PAGE + 50);
    let mut state = full(80, 24);
    newest(&mut state, all[..PAGE].to_vec());
    press(&mut state, "g");
    assert_eq!(asked(&press(&mut state, "j")), None, "the end is far");
    let mut read = PAGE;
    for _ in 0..3 {
        let effects = press(&mut state, "G");
        assert_eq!(asked(&effects), Some(Load::OlderJobs(all[read - 1].id)));
        assert_eq!(asked(&press(&mut state, "k G")), None, "it is being read");
        let page = all[read..(read + PAGE).min(all.len())].to_vec();
        read += page.len();
        sample::load(
            &mut state,
            asked(&effects).unwrap(),
            Loaded::OlderJobs(page),
        );
        // What is read again every other second loses nothing of it.
        newest(&mut state, all[..PAGE].to_vec());
        assert_eq!(state.jobs.all(), &all[..read]);
    }
    assert_eq!(
        asked(&press(&mut state, "G")),
        None,
        "that was the last page"
    );
    assert_eq!(
        state.jobs.selected().map(|job| job.id),
        all.last().map(|job| job.id)
    );
}

#[test]
fn new_jobs_push_none_out_of_a_list_that_was_read_further() {
    let all = many(2 * PAGE + 100);
    let mut state = full(80, 24);
    newest(&mut state, all[50..50 + PAGE].to_vec());
    let load = asked(&press(&mut state, "G")).unwrap();
    sample::load(
        &mut state,
        load,
        Loaded::OlderJobs(all[50 + PAGE..50 + 2 * PAGE].to_vec()),
    );
    newest(&mut state, all[..PAGE].to_vec());
    assert_eq!(state.jobs.all(), &all[..50 + 2 * PAGE]);
    // A page with nothing that is known: what lies between was not read, so it begins anew.
    let later = many(4 * PAGE);
    newest(&mut state, later[..PAGE].to_vec());
    assert_eq!(state.jobs.all().len(), PAGE);
}

#[test]
fn an_old_job_that_has_not_ended_is_listed_and_read_again_when_it_has() {
    let all = many(2 * PAGE);
    let mut state = full(80, 24);
    let mut paused = all[PAGE + 20].clone();
    paused.state = JobState::Paused;
    let mut page = all[..PAGE].to_vec();
    page.push(paused.clone());
    newest(&mut state, page);
    assert!(
        state.jobs.get(paused.id).is_some(),
        "it stands behind the page"
    );
    let load = asked(&press(&mut state, "G")).unwrap();
    assert_eq!(load, Load::OlderJobs(all[PAGE - 1].id));
    sample::load(&mut state, load, Loaded::OlderJobs(all[PAGE..].to_vec()));
    assert_eq!(state.jobs.all().len(), 2 * PAGE);
    // It ended elsewhere: it is no more among those that have not.
    let fresh = Loaded::Jobs(all[..PAGE].to_vec());
    let msg = db_taxi::dashboard::app::Msg::Loaded(Load::Jobs, Ok(fresh));
    let effects = db_taxi::dashboard::app::update(&mut state, msg);
    let known = state.jobs.get(paused.id).unwrap();
    if !known.state.is_final() {
        assert!(
            effects.contains(&Effect::Load(Load::Job(paused.id))),
            "{effects:?}"
        );
    }
}

#[test]
fn a_filter_says_what_it_covers_and_goes_on_to_older_jobs() {
    let all = many(2 * PAGE);
    let mut state = full(120, 40);
    state.detail = None;
    newest(&mut state, all[..PAGE].to_vec());
    press(&mut state, "/ 0 0 1 enter");
    let theme = db_taxi::dashboard::ui::theme::Theme::embedded("mono").unwrap();
    let picture =
        |state: &State| crate::screens::text(&crate::screens::paint(state, &theme, 120, 40));
    let shown = picture(&state);
    assert!(shown.contains("of the 200 newest"), "{shown}");
    let load = asked(&press(&mut state, "j")).unwrap();
    sample::load(&mut state, load, Loaded::OlderJobs(all[PAGE..].to_vec()));
    let load = asked(&press(&mut state, "j")).unwrap();
    sample::load(&mut state, load, Loaded::OlderJobs(Vec::new()));
    let shown = picture(&state);
    assert!(
        !shown.contains("newest") && shown.contains("shop-0010"),
        "{shown}"
    );
}
