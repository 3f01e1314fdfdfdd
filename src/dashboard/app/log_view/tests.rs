//! The window over a log: what is read stays where it is, memory stays bounded, searches arrive.

use super::*;
use chrono::{DateTime, Duration, Utc};

const SIZE: (usize, usize) = (80, 5);

fn entry(n: u64, level: Level) -> LogEntry {
    LogEntry {
        id: n,
        time: DateTime::<Utc>::UNIX_EPOCH + Duration::milliseconds(n as i64),
        level,
        job_id: None,
        table: Some("orders".to_owned()),
        instance: "a".to_owned(),
        message: format!("line {n}."),
        fields: serde_json::Map::new(),
    }
}

fn lines(range: std::ops::Range<u64>) -> Vec<LogEntry> {
    range.map(|n| entry(n, Level::Info)).collect()
}

fn filled(n: u64, capacity: usize) -> LogView {
    let mut view = LogView::new(capacity);
    view.append(lines(0..n));
    view
}

fn shown(view: &LogView, height: usize) -> Vec<u64> {
    view.entries(80, height)
        .iter()
        .map(|entry| entry.id)
        .collect()
}

fn scoped(view: &mut LogView, change: impl FnOnce(&mut Scope)) {
    let mut scope = view.scope().clone();
    change(&mut scope);
    view.set_scope(scope);
}

#[test]
fn following_shows_the_newest_lines() {
    let mut view = filled(50, 100);
    assert_eq!(shown(&view, 3), [47, 48, 49]);
    view.append(lines(50..51));
    assert_eq!(shown(&view, 3), [48, 49, 50]);
    assert_eq!(view.rows(80, 3).len(), 3);
}

#[test]
fn what_is_read_does_not_move_when_lines_come_and_the_ring_wraps_many_times() {
    let mut view = filled(100, 100);
    view.step(-20, SIZE);
    let before = view.rows(80, 5);
    assert_eq!(shown(&view, 5), [75, 76, 77, 78, 79]);
    for i in 100..5_000 {
        view.append(lines(i..i + 1));
        assert_eq!(view.rows(80, 5), before, "after line {i}");
        assert!(view.kept() <= 210, "{} lines are kept", view.kept());
    }
    assert!(view.newer() > 100);
    let taken = view.taken(false);
    let gap = taken.lines().find(|line| line.message.contains("not kept"));
    let count = gap.and_then(|gap| gap.fields.get(GAP)?.as_u64()).unwrap();
    let first = taken.lines().next().unwrap().id;
    let kept = taken.lines().count() as u64 - 1;
    assert_eq!(
        first + kept + count,
        5_000,
        "every line is there or counted"
    );
    view.follow();
    assert_eq!(shown(&view, 5), [4995, 4996, 4997, 4998, 4999]);
    assert!(view.kept() <= 110, "the ring is back at its size");
}

#[test]
fn scrolling_stops_at_the_first_line_and_follows_again_at_the_last() {
    let mut view = filled(10, 100);
    let size = (80, 4);
    for _ in 0..30 {
        view.step(-1, size);
    }
    assert_eq!(shown(&view, 4), [0, 1, 2, 3]);
    assert_eq!(view.step(-1, size), Edge::Top, "asks for older lines");
    view.step(1, size);
    assert_eq!(shown(&view, 4), [1, 2, 3, 4], "one step back is one line");
    view.step(100, size);
    assert!(view.follows());
    view.step(-100, size);
    assert_eq!(shown(&view, 4), [0, 1, 2, 3], "no empty rows below");
    view.to_first(size);
    assert_eq!(shown(&view, 4), [0, 1, 2, 3]);
}

#[test]
fn older_lines_come_in_above_without_moving_what_is_read() {
    let mut view = LogView::new(100).stored();
    view.append(lines(10..20));
    view.to_first((80, 3));
    assert_eq!(shown(&view, 3), [10, 11, 12]);
    view.prepend(lines(0..10));
    assert_eq!(shown(&view, 3), [10, 11, 12]);
    view.step(-1, (80, 3));
    assert_eq!(shown(&view, 3), [9, 10, 11]);
}

/// By pages of 500, up to the first and down again.
#[test]
fn a_long_stored_log_is_walked_both_ways_in_bounded_memory() {
    const ALL: u64 = 100_000;
    let mut view = LogView::new(1000).stored();
    view.append(lines(ALL - 500..ALL));
    let mut seen = shown(&view, 5)[0];
    loop {
        let edge = view.step(-300, SIZE);
        let top = shown(&view, 5)[0];
        assert!(top <= seen && seen - top <= 305, "from {seen} to {top}");
        seen = top;
        assert!(view.kept() <= 2100);
        if edge == Edge::Top {
            let oldest = view.oldest_id().unwrap();
            if oldest == 0 {
                break;
            }
            view.prepend(lines(oldest.saturating_sub(500)..oldest));
            assert_eq!(shown(&view, 5)[0], seen);
        }
    }
    assert_eq!(seen, 0);
    assert!(!view.is_at_end());
    while !view.follows() {
        let edge = view.step(300, SIZE);
        assert!(view.kept() <= 2100);
        if edge == Edge::Bottom {
            let newest = view.newest_id().unwrap();
            let to = (newest + 501).min(ALL);
            view.set_at_end(to == ALL);
            view.append(lines(newest + 1..to));
        }
    }
    assert_eq!(shown(&view, 5)[4], ALL - 1);
}

#[test]
fn level_table_and_text_hide_lines_and_holding_survives_them() {
    let mut view = LogView::new(100);
    for i in 0..20 {
        let level = if i % 5 == 0 { Level::Warn } else { Level::Info };
        view.append(vec![entry(i, level)]);
    }
    let less = view.threshold_by(false);
    scoped(&mut view, |scope| scope.level = less);
    assert_eq!(shown(&view, 10), [0, 5, 10, 15]);
    let more = view.threshold_by(true);
    scoped(&mut view, |scope| {
        scope.level = more;
        scope.text = "LINE 1".to_owned();
    });
    assert_eq!(shown(&view, 3), [17, 18, 19]);
    view.hold();
    view.append(lines(100..101));
    assert_eq!(shown(&view, 3), [17, 18, 19]);
    scoped(&mut view, |scope| scope.text = "no such text".to_owned());
    assert!(view.rows(80, 3).is_empty());
    view.step(-1, (80, 3));
    view.step(1, (80, 3));
    scoped(&mut view, |scope| {
        scope.text.clear();
        scope.table = Some("items".to_owned());
    });
    assert!(view.rows(80, 3).is_empty());
}

#[test]
fn lines_of_a_connection_are_told_by_their_fields() {
    let mut view = LogView::new(100);
    for (n, name) in [(0, "shop"), (1, "crm"), (2, "shop-nightly")] {
        let mut one = entry(n, Level::Info);
        one.fields.insert("config".to_owned(), name.into());
        view.append(vec![one]);
    }
    scoped(&mut view, |scope| {
        scope.names = vec!["shop".to_owned(), "shop-nightly".to_owned()];
    });
    assert_eq!(shown(&view, 5), [0, 2]);
}

#[test]
fn wrapped_lines_are_scrolled_by_rows_so_that_each_can_be_read() {
    let mut view = LogView::new(100);
    let mut long = entry(1, Level::Info);
    long.message = (0..100).map(|n| format!("word{n} ")).collect();
    view.append(vec![entry(0, Level::Info), long, entry(2, Level::Info)]);
    view.toggle_wrap();
    for row in view.rows(60, 7) {
        assert!(row.line.width() <= 60);
    }
    let text = |row: &Row| row.line.text() + " ";
    let mut words: String = view.rows(60, 4).iter().map(text).collect();
    while view.step(-1, (60, 4)) != Edge::Top {
        words.push_str(&text(&view.rows(60, 4)[0]));
    }
    for n in 0..100 {
        assert!(words.contains(&format!("word{n} ")), "{n}: {words}");
    }
    assert!(view.rows(60, 4)[0].line.text().contains("line 0"));
    view.step(1, (60, 4));
    assert!(!view.rows(60, 4)[0].line.text().contains("line 0"));
    assert_eq!(view.rows(1, 7).len(), 7, "also where nothing fits");
}

#[test]
fn searching_goes_up_first_then_both_ways_and_stops_at_the_ends() {
    let mut view = filled(100, 200);
    assert_eq!(view.search(true, SIZE), Search::Idle);
    view.set_search("LINE 2");
    assert_eq!(view.search(false, SIZE), Search::Found);
    let ids = shown(&view, 5);
    assert!(ids.contains(&29), "{ids:?}");
    assert!(!view.follows());
    let before = shown(&view, 5);
    let marked = view.marked(SIZE).unwrap().id;
    view.search(false, SIZE);
    assert_eq!(
        shown(&view, 5),
        before,
        "it is on the screen: nothing moves"
    );
    assert_eq!(view.marked(SIZE).unwrap().id, marked - 1, "but the mark");
    let marks = view.rows(80, 5).iter().filter(|row| row.marked).count();
    assert_eq!(marks, 1);
    for _ in 0..9 {
        assert_eq!(view.search(false, SIZE), Search::Found);
    }
    assert_eq!(view.search(false, SIZE), Search::Nowhere);
    assert!(shown(&view, 5).contains(&2));
    assert_eq!(view.search(true, SIZE), Search::Found);
    assert!(shown(&view, 5).contains(&20));
}

#[test]
fn a_search_beyond_what_is_kept_of_a_stored_log_says_so() {
    let mut view = LogView::new(100).stored();
    view.append(lines(50..100));
    view.set_search("line 7.");
    assert_eq!(view.search(false, SIZE), Search::Beyond);
    assert_eq!(view.search_from(false), Some(50));
    view.replace_around(lines(0..20), 7, SIZE);
    assert!(shown(&view, 5).contains(&7));
    assert!(!view.is_at_end());
    assert_eq!(
        view.search(true, SIZE),
        Search::Beyond,
        "more is stored below"
    );
    view.set_at_start();
    assert_eq!(view.search(false, SIZE), Search::Nowhere);
}

#[test]
fn filters_and_searches_agree_with_a_look_at_every_line() {
    let mut view = LogView::new(5000);
    let words = ["deadlock", "range", "swap", "Range end", "throttled"];
    for n in 0..3000 {
        let level = [Level::Info, Level::Warn, Level::Error][n as usize % 3];
        let mut one = entry(n, level);
        one.table = Some(["orders", "items"][n as usize % 2].to_owned());
        one.message = format!("{} {}", words[n as usize % 5], n * 7919 % 1000);
        view.append(vec![one]);
    }
    let all: Vec<LogEntry> = view.taken(true).lines().cloned().collect();
    let texts = [
        "", "r", "ra", "range", "range e", "range", "9", "99", "nothing", "",
    ];
    for (i, text) in texts.into_iter().enumerate() {
        for level in [Level::Trace, Level::Warn, Level::Error] {
            for table in [None, Some("items".to_owned())] {
                scoped(&mut view, |scope| {
                    scope.text = text.to_uppercase();
                    (scope.level, scope.table) = (level, table.clone());
                });
                let fits = |line: &&LogEntry| {
                    line.level.passes(level)
                        && (table.is_none() || line.table == table)
                        && line::searched(line).contains(text)
                };
                let wanted: Vec<u64> = all.iter().filter(fits).map(|line| line.id).collect();
                let taken = view.taken(false);
                let got: Vec<u64> = taken.lines().map(|line| line.id).collect();
                assert_eq!(got, wanted, "{i}: {text:?} {level:?} {table:?}");
            }
        }
    }
    scoped(&mut view, |scope| scope.table = None);
    scoped(&mut view, |scope| scope.level = Level::Warn);
    view.set_search("Range End");
    let mut found = Vec::new();
    while view.search(false, SIZE) == Search::Found {
        found.push(view.marked(SIZE).unwrap().id);
    }
    let has = |line: &&LogEntry| line.level.passes(Level::Warn) && line.id % 5 == 3;
    let mut wanted: Vec<u64> = all.iter().filter(has).map(|line| line.id).collect();
    wanted.reverse();
    assert_eq!(found, wanted);
    found.truncate(1);
    while view.search(true, SIZE) == Search::Found {
        found.push(view.marked(SIZE).unwrap().id);
    }
    wanted.reverse();
    assert_eq!(found[1..], wanted[1..]);
}

#[test]
fn what_was_taken_stays_as_it_was_while_lines_come_and_go() {
    let mut view = filled(100, 100);
    scoped(&mut view, |scope| scope.text = "line 9".to_owned());
    let (some, all) = (view.taken(false), view.taken(true));
    scoped(&mut view, |scope| scope.text.clear());
    view.append(lines(100..1000));
    let ids = |taken: &Taken| taken.lines().map(|line| line.id).collect::<Vec<_>>();
    assert_eq!(ids(&all), (0..100).collect::<Vec<_>>());
    assert_eq!(ids(&some), [9, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    assert_eq!(shown(&view, 3), [997, 998, 999]);
}
