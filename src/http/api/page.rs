//! Lists, page by page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::input::Query;
use crate::http::problem::Problem;

/// Items of a page where nobody says how many.
const USUAL: u32 = 50;
/// Most items of a page.
const MOST: u32 = 500;

/// Which page is asked for.
#[derive(Debug)]
pub struct Page {
    /// Most items.
    pub limit: u32,
    /// Where the page before ended.
    pub after: Option<String>,
}

impl Page {
    /// `limit` and `cursor` of a query.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn of(query: &mut Query) -> Result<Self, Problem> {
        let limit = query.number("limit", 1, MOST.into())?;
        let after = match query.take("cursor").filter(|cursor| !cursor.is_empty()) {
            None => None,
            Some(cursor) => Some(
                URL_SAFE_NO_PAD
                    .decode(&cursor)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| {
                        Problem::bad_parameter("cursor", "it is no next_cursor of a list")
                    })?,
            ),
        };
        Ok(Self {
            limit: limit.map_or(USUAL, |limit| u32::try_from(limit).unwrap_or(MOST)),
            after,
        })
    }

    /// The place that the cursor names, where it has to be of another type.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn place<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        self.after
            .as_deref()
            .map(|text| {
                text.parse().map_err(|_| {
                    Problem::bad_parameter("cursor", "it is no next_cursor of this list")
                })
            })
            .transpose()
    }

    /// How many items are to be read to know whether there is a next page.
    pub fn look(&self) -> u32 {
        self.limit + 1
    }

    /// The page of items that were read with one more than it may have.
    pub fn of_items<T>(
        &self,
        mut items: Vec<T>,
        place: impl Fn(&T) -> String,
        shown: impl Fn(T) -> Value,
    ) -> Value {
        let limit = self.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| URL_SAFE_NO_PAD.encode(place(last)));
        let items: Vec<Value> = items.into_iter().map(shown).collect();
        json!({"items": items, "next_cursor": next})
    }

    /// The page of a whole list, in the order of its places.
    pub fn of_all<T>(
        &self,
        items: impl Iterator<Item = T>,
        place: impl Fn(&T) -> String,
        shown: impl Fn(T) -> Value,
    ) -> Value {
        let rest: Vec<T> = items
            .filter(|item| self.after.as_ref().is_none_or(|after| place(item) > *after))
            .take(self.look() as usize)
            .collect();
        self.of_items(rest, place, shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Page {
        let mut query = Query::parse(query).unwrap();
        Page::of(&mut query).unwrap()
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        let all: Vec<String> = (0..7).map(|n| format!("n{n}")).collect();
        let mut seen = Vec::new();
        let mut cursor = String::new();
        for round in 0.. {
            let page = page(&format!("limit=3{cursor}"));
            let body = page.of_all(all.iter().cloned(), Clone::clone, Value::from);
            seen.extend(
                body["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|v| v.as_str().unwrap().to_owned()),
            );
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(round < 5);
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_limit_out_of_range_and_a_cursor_of_nothing_are_told() {
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=x", "limit"),
            ("cursor=%21", "cursor"),
        ] {
            let mut query = Query::parse(query).unwrap();
            let problem = Page::of(&mut query).unwrap_err();
            assert!(format!("{problem:?}").contains(name));
        }
    }
}
