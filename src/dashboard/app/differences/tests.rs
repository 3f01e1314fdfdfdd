//! The window on differences.

use super::*;
use chrono::{DateTime, Utc};

fn page(range: std::ops::Range<u64>) -> Vec<(u64, Difference)> {
    let one = |n: u64| Difference {
        table: "users".to_owned(),
        kind: DifferenceKind::Changed,
        key: [("id".to_owned(), Some(ShownValue::Text(n.to_string())))].into(),
        columns: Vec::new(),
        stable: true,
        first_seen_at: DateTime::<Utc>::UNIX_EPOCH,
    };
    range.map(|n| (n, one(n))).collect()
}

/// One row, so that the last difference can be at the top.
const SCREEN: (usize, usize) = (80, 1);

fn window() -> Differences {
    Differences {
        job: JobId::generate(),
        config_id: ConfigId::generate(),
        config: "shop".to_owned(),
        tables: vec![("users".to_owned(), 5), ("logins".to_owned(), 2)],
        table: None,
        found: VecDeque::new(),
        top: 0,
        at_start: true,
        at_end: false,
        reading: Some(DifferencePart::First),
        problem: None,
    }
}

fn top(window: &Differences) -> String {
    window.rows(80, 1)[0].text()
}

#[test]
fn a_hundred_thousand_differences_are_walked_both_ways_in_bounded_memory() {
    const ALL: u64 = 100_000;
    let mut window = window();
    window.take(DifferencePart::First, page(0..250));
    let answer = |window: &mut Differences, part| match part {
        DifferencePart::After(n) => {
            window.take(part, page(n + 1..(n + 251).min(ALL)));
        }
        DifferencePart::Before(n) => {
            window.take(part, page(n.saturating_sub(250)..n));
        }
        DifferencePart::First => window.take(part, page(0..250)),
    };
    for wanted in (100..ALL).step_by(100) {
        if let Some(part) = window.step(100, SCREEN) {
            answer(&mut window, part);
        }
        assert!(
            top(&window).contains(&format!("id={wanted} ")),
            "{}",
            top(&window)
        );
        assert!(window.kept().0 <= MOST + PAGE);
    }
    for wanted in (0..(ALL - 100) as u32).step_by(100).rev().map(u64::from) {
        if let Some(part) = window.step(-100, SCREEN) {
            answer(&mut window, part);
        }
        assert!(
            top(&window).contains(&format!("id={wanted} ")),
            "{}",
            top(&window)
        );
        assert!(window.kept().0 <= MOST + PAGE);
    }
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    let mut window = window();
    window.take(DifferencePart::First, page(0..3));
    window.take(DifferencePart::After(2), page(3..9));
    assert_eq!(window.kept(), (3, 0));
    assert_eq!(window.step(50, SCREEN), None, "all of them are there");
    assert!(top(&window).contains("id=2"));
}

#[test]
fn tables_are_shown_one_by_one_and_then_all_of_them() {
    let mut window = window();
    let mut seen = Vec::new();
    for _ in 0..3 {
        assert!(window.next_table());
        let part = window.query(DifferencePart::First);
        seen.push((part.table, window.rows_differing()));
    }
    let wanted = [
        (Some("users".to_owned()), 5),
        (Some("logins".to_owned()), 2),
        (None, 7),
    ];
    assert_eq!(seen, wanted);
    window.tables.pop();
    assert!(!window.next_table(), "there is one only");
}

#[test]
fn the_last_differences_fill_the_screen() {
    let mut window = window();
    window.take(DifferencePart::First, page(0..30));
    assert_eq!(window.step(isize::MAX / 2, (80, 10)), None);
    assert_eq!(window.kept(), (30, 20));
    assert_eq!(window.rows(80, 10).len(), 10);
    window.step(-3, (80, 10));
    assert_eq!(window.kept(), (30, 17));
}
