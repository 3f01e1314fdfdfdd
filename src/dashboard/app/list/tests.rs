//! Selection, filter and order of a list.

use super::*;

#[derive(Debug, Clone, PartialEq)]
struct Word(u32, &'static str);
impl Listed for Word {
    type Id = u32;
    const COLUMNS: &'static [SortColumn<Self>] = &[
        SortColumn {
            title: "N",
            key: |word| SortKey::count(u64::from(word.0)),
        },
        SortColumn {
            title: "WORD",
            key: |word| SortKey::text(word.1),
        },
    ];
    fn id(&self) -> u32 {
        self.0
    }
    fn searched(&self) -> String {
        self.1.to_owned()
    }
}

fn list() -> List<Word> {
    let mut list = List::default();
    list.set(vec![Word(1, "Alpha"), Word(2, "beta"), Word(3, "gamma")]);
    list
}

#[test]
fn the_selection_stays_on_its_row_when_rows_come_and_go() {
    let mut list = list();
    list.step(1);
    list.put(Word(9, "new"));
    assert_eq!(list.selected().unwrap().0, 2);
    list.set(vec![Word(9, "new"), Word(3, "gamma"), Word(1, "Alpha")]);
    assert_eq!(list.selected().unwrap().0, 1, "the row in its place");
    list.set(vec![]);
    assert!(list.selected().is_none());
}

#[test]
fn the_same_rows_again_are_no_change() {
    let mut list = list();
    assert!(!list.set(list.all().to_vec()));
    assert!(list.set(vec![]));
}

#[test]
fn a_filter_hides_rows_and_selects_among_the_rest() {
    let mut list = list();
    list.step(2);
    list.set_filter("ALPH");
    assert_eq!(list.shown().len(), 1);
    assert_eq!(list.selected().unwrap().0, 1);
    list.set_filter("nothing");
    assert!(list.selected().is_none());
    list.set_filter("");
    assert_eq!(list.shown().len(), 3);
    assert!(list.selected().is_some());
}

#[test]
fn scrolling_follows_the_selection_and_stops_at_the_ends() {
    let mut list = list();
    list.step(50);
    list.keep_visible(2);
    assert_eq!((list.place(), list.offset()), (2, 1));
    list.step(-50);
    list.keep_visible(2);
    assert_eq!((list.place(), list.offset()), (0, 0));
    list.keep_visible(0);
}

fn order(list: &List<Word>) -> Vec<u32> {
    list.shown().map(|word| word.0).collect()
}

#[test]
fn a_list_is_sorted_by_any_column_either_way_and_as_it_was_read() {
    let mut list = List::default();
    list.set(vec![Word(2, "alpha"), Word(3, "Gamma"), Word(1, "beta")]);
    assert_eq!((order(&list), list.sorted()), (vec![2, 3, 1], None));
    list.sort_next(true);
    assert_eq!(
        (order(&list), list.sorted()),
        (vec![1, 2, 3], Some(("N", false)))
    );
    list.sort_next(true);
    list.sort_reverse();
    assert_eq!(
        (order(&list), list.sorted()),
        (vec![3, 1, 2], Some(("WORD", true)))
    );
    list.sort_next(true);
    assert_eq!((order(&list), list.sorted()), (vec![2, 3, 1], None));
    list.sort_next(false);
    assert_eq!(list.sorted(), Some(("WORD", false)));
}

#[test]
fn in_a_new_order_an_untouched_selection_stays_at_the_top_and_a_chosen_one_on_its_row() {
    let mut list = List::default();
    list.set(vec![Word(2, "alpha"), Word(3, "Gamma"), Word(1, "beta")]);
    list.sort_next(true);
    assert_eq!(list.selected().unwrap().0, 1);
    list.step(1);
    list.sort_reverse();
    list.sort_next(true);
    assert_eq!(list.selected().unwrap().0, 2);
}

#[test]
fn the_order_holds_when_rows_come_and_is_not_lost_by_filtering() {
    let mut list = List::default();
    list.set(vec![Word(2, "alpha"), Word(3, "Gamma"), Word(1, "beta")]);
    list.sort_next(true);
    list.put(Word(0, "omega"));
    assert_eq!(order(&list), [0, 1, 2, 3]);
    list.set_filter("a");
    list.put(Word(2, "x"));
    assert_eq!(order(&list), [0, 1, 3], "changed so that it passes no more");
    list.set_filter("");
    assert_eq!(order(&list), [0, 1, 2, 3]);
    list.get_mut(3).unwrap().1 = "delta";
    assert_eq!(list.get(3).unwrap().1, "delta");
}
