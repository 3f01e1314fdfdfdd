//! Lines in blocks, each with an index that is kept up with it: what is searched lies in one piece,
//! what a scope asks for in small numbers. So a filter or a search over a million lines looks at
//! contiguous memory alone, and no key works anything out that is known already.

use std::collections::VecDeque;
use std::sync::Arc;

use memchr::memchr;
use memchr::memmem::Finder;

use super::line;
use super::scope::{Facts, Names, Scope, Wanted};
use crate::model::log::LogEntry;

/// Lines of a full block.
const FULL: usize = 1024;

/// Place of a shown line: its block, and the line's place among those of the block that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    block: usize,
    row: usize,
}

/// Lines with what is known about them; never changed once the next block has begun.
#[derive(Debug, Default)]
pub(super) struct Body {
    lines: Vec<LogEntry>,
    facts: Vec<Facts>,
    /// What is searched, in lower case, a line each.
    text: String,
    /// Where each line of it ends, its line feed taken in.
    ends: Vec<u32>,
}

impl Body {
    fn push(&mut self, entry: LogEntry, names: &mut Names) {
        self.facts.push(names.facts(&entry));
        self.text.push_str(&line::searched(&entry));
        self.text.push('\n');
        self.ends
            .push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.lines.push(entry);
    }

    fn from(&self, at: usize) -> usize {
        at.checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |end| *end as usize)
    }

    fn searched(&self, at: usize) -> &[u8] {
        let to = self.ends.get(at).map_or(0, |end| *end as usize);
        self.text
            .as_bytes()
            .get(self.from(at)..to)
            .unwrap_or_default()
    }

    /// Places of the lines with a text, from above.
    fn lines_with(&self, text: &Finder<'_>) -> impl Iterator<Item = usize> {
        let mut next = 0;
        // One byte is in nearly every line, and found without being prepared for.
        let single = match text.needle() {
            [byte] => Some(*byte),
            _ => None,
        };
        std::iter::from_fn(move || {
            let from = self.from(next);
            let rest = self.text.as_bytes().get(from..)?;
            let at = from
                + match single {
                    Some(byte) => memchr(byte, rest)?,
                    None => text.find(rest)?,
                };
            if self.ends.get(next).is_some_and(|end| *end as usize <= at) {
                let rest = self.ends.get(next..).unwrap_or_default();
                next += rest.partition_point(|end| *end as usize <= at);
            }
            next += 1;
            Some(next - 1)
        })
    }
}

/// A run of lines with consecutive numbers.
#[derive(Debug, Clone)]
struct Block {
    first: i64,
    /// How many lines it stands for: more than it has where lines were not kept.
    stands_for: u64,
    body: Arc<Body>,
    /// Places of its lines that are in the scope.
    shown: Vec<u16>,
}

impl Block {
    fn new(first: i64) -> Self {
        Self {
            first,
            stands_for: 0,
            body: Arc::default(),
            shown: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.body.lines.len()
    }

    /// Number behind its last line's.
    fn end(&self) -> i64 {
        self.first + self.len() as i64
    }

    /// Adds a line; `false` when it is full or others hold its body.
    fn push(&mut self, entry: &mut Option<LogEntry>, wanted: &Wanted, names: &mut Names) -> bool {
        let Some(body) = Arc::get_mut(&mut self.body) else {
            return false;
        };
        let Some(entry) = entry.take() else {
            return true;
        };
        let at = body.lines.len();
        body.push(entry, names);
        self.stands_for += 1;
        if self.passes(at, wanted) {
            self.shown.push(at as u16);
        }
        true
    }

    fn passes(&self, at: usize, wanted: &Wanted) -> bool {
        self.body
            .facts
            .get(at)
            .is_some_and(|facts| wanted.fits(facts))
            && wanted
                .text()
                .is_none_or(|text| text.find(self.body.searched(at)).is_some())
    }

    /// Works out which of its lines are shown; with `narrower` only those that are can be.
    fn arrange(&mut self, wanted: &Wanted, narrower: bool) {
        let body = Arc::clone(&self.body);
        let fits = |at: &usize| body.facts.get(*at).is_some_and(|facts| wanted.fits(facts));
        let place = |at: usize| at as u16;
        if narrower && self.shown.len() * 8 < self.len() {
            let was = std::mem::take(&mut self.shown);
            let kept = was.into_iter();
            self.shown = kept
                .filter(|at| self.passes(usize::from(*at), wanted))
                .collect();
            return;
        }
        self.shown.clear();
        match wanted.text() {
            Some(text) => self
                .shown
                .extend(body.lines_with(text).filter(fits).map(place)),
            None => self.shown.extend((0..self.len()).filter(fits).map(place)),
        }
    }

    fn shows(&self, at: usize) -> bool {
        self.shown.len() == self.len() || self.shown.binary_search(&(at as u16)).is_ok()
    }

    /// Places of shown lines with a text, from above.
    fn found(&self, text: &Finder<'_>) -> impl Iterator<Item = usize> {
        let few = self.shown.len() * 8 < self.len();
        let (one_by_one, all) = if few {
            let has = |at: &usize| text.find(self.body.searched(*at)).is_some();
            (
                Some(self.shown.iter().map(|at| usize::from(*at)).filter(has)),
                None,
            )
        } else {
            let all = self.body.lines_with(text);
            (None, Some(all.filter(|at| self.shows(*at))))
        };
        one_by_one
            .into_iter()
            .flatten()
            .chain(all.into_iter().flatten())
    }

    /// How many shown lines have a number up to this one.
    fn shown_to(&self, number: i64) -> usize {
        self.shown
            .partition_point(|at| self.first + i64::from(*at) <= number)
    }
}

/// Every line that is kept.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    blocks: VecDeque<Block>,
    /// Lines of a block here: a small window has small ones, so that it can be trimmed.
    size: usize,
    kept: usize,
    /// Number of the next line.
    next: i64,
    names: Names,
    wanted: Wanted,
}

impl Blocks {
    /// None yet, for a window of `capacity` lines.
    pub fn new(capacity: usize, scope: &Scope) -> Self {
        let mut names = Names::default();
        let wanted = Wanted::new(scope, &mut names);
        Self {
            blocks: VecDeque::new(),
            size: (capacity / 16).clamp(1, FULL),
            kept: 0,
            next: 0,
            names,
            wanted,
        }
    }

    /// Lines that are kept.
    pub fn len(&self) -> usize {
        self.kept
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.kept = 0;
        self.next = 0;
    }

    /// Adds a newer line.
    pub fn push(&mut self, entry: LogEntry) {
        let (wanted, names) = (&self.wanted, &mut self.names);
        let mut entry = Some(entry);
        let room = (self.blocks.back_mut())
            .filter(|block| block.len() < self.size && block.end() == self.next);
        if !room.is_some_and(|block| block.push(&mut entry, wanted, names)) {
            let mut block = Block::new(self.next);
            block.push(&mut entry, wanted, names);
            self.blocks.push_back(block);
        }
        self.next += 1;
        self.kept += 1;
    }

    /// Adds older lines, oldest first.
    pub fn prepend(&mut self, entries: Vec<LogEntry>) {
        let count = entries.len();
        let end = self.blocks.front().map_or(self.next, |block| block.first);
        let mut blocks: Vec<Block> = Vec::new();
        for (number, entry) in (end - count as i64..).zip(entries) {
            let mut entry = Some(entry);
            let (wanted, names) = (&self.wanted, &mut self.names);
            let room = blocks.last_mut().filter(|block| block.len() < self.size);
            if !room.is_some_and(|block| block.push(&mut entry, wanted, names)) {
                let mut block = Block::new(number);
                block.push(&mut entry, wanted, names);
                blocks.push(block);
            }
        }
        for block in blocks.into_iter().rev() {
            self.blocks.push_front(block);
        }
        self.kept += count;
    }

    /// Shows other lines; with `narrower` none that is not shown already.
    pub fn arrange(&mut self, scope: &Scope, narrower: bool) {
        self.wanted = Wanted::new(scope, &mut self.names);
        for block in &mut self.blocks {
            block.arrange(&self.wanted, narrower);
        }
    }

    /// Gives the oldest lines up while more than `most` are left without them.
    pub fn drop_front(&mut self, most: usize) -> bool {
        let mut dropped = false;
        while let Some(block) = self.blocks.front()
            && self.kept - block.len() >= most
            && self.blocks.len() > 1
        {
            self.kept -= block.len();
            self.blocks.pop_front();
            dropped = true;
        }
        dropped
    }

    /// The same with the newest.
    pub fn drop_back(&mut self, most: usize) -> bool {
        let mut dropped = false;
        while let Some(block) = self.blocks.back()
            && self.kept - block.len() >= most
            && self.blocks.len() > 1
        {
            self.kept -= block.len();
            self.blocks.pop_back();
            dropped = true;
        }
        dropped
    }

    /// Puts one line in the place of about `count` lines behind the line `number`, whole blocks of
    /// them and never the newest; `gap` makes it of the last one and of how many it stands for.
    pub fn drop_behind(
        &mut self,
        number: i64,
        count: usize,
        gap: impl FnOnce(&LogEntry, u64) -> LogEntry,
    ) {
        let from = self.blocks.partition_point(|block| block.first <= number);
        let newest = self.blocks.len().saturating_sub(1);
        let mut to = from;
        let mut lines = 0;
        while to < newest && lines < count {
            lines += self.blocks[to].len();
            to += 1;
        }
        let Some(last) = to
            .checked_sub(1)
            .and_then(|last| self.blocks.get(last))
            .filter(|_| to > from)
        else {
            return;
        };
        let stands_for = self.blocks.range(from..to).map(|b| b.stands_for).sum();
        let Some(entry) = last.body.lines.last() else {
            return;
        };
        let mut entry = Some(gap(entry, stands_for));
        let mut block = Block::new(last.end() - 1);
        block.push(&mut entry, &self.wanted, &mut self.names);
        block.stands_for = stands_for;
        self.blocks.drain(from..to);
        self.blocks.insert(from, block);
        self.kept = self.kept + 1 - lines;
    }

    /// The oldest line.
    pub fn oldest(&self) -> Option<&LogEntry> {
        self.blocks.front()?.body.lines.first()
    }

    /// The newest line.
    pub fn newest(&self) -> Option<&LogEntry> {
        self.blocks.back()?.body.lines.last()
    }

    /// How many lines are ahead of the line `number`.
    pub fn ahead_of(&self, number: i64) -> usize {
        self.blocks
            .iter()
            .take_while(|block| block.first < number)
            .map(|block| block.len().min((number - block.first) as usize))
            .sum()
    }

    /// The first shown line.
    pub fn first(&self) -> Option<Place> {
        let block = self.blocks.iter().position(|b| !b.shown.is_empty())?;
        Some(Place { block, row: 0 })
    }

    /// The last shown line.
    pub fn last(&self) -> Option<Place> {
        let block = self.blocks.iter().rposition(|b| !b.shown.is_empty())?;
        let row = self.blocks[block].shown.len() - 1;
        Some(Place { block, row })
    }

    /// The shown line below.
    pub fn below(&self, at: Place) -> Option<Place> {
        if at.row + 1 < self.blocks.get(at.block)?.shown.len() {
            let row = at.row + 1;
            return Some(Place { row, ..at });
        }
        let mut rest = self.blocks.range(at.block + 1..);
        let more = rest.position(|block| !block.shown.is_empty())?;
        let block = at.block + 1 + more;
        Some(Place { block, row: 0 })
    }

    /// The shown line above.
    pub fn above(&self, at: Place) -> Option<Place> {
        if let Some(row) = at.row.checked_sub(1) {
            return Some(Place { row, ..at });
        }
        let mut rest = self.blocks.range(..at.block);
        let block = rest.rposition(|block| !block.shown.is_empty())?;
        let row = self.blocks[block].shown.len() - 1;
        Some(Place { block, row })
    }

    /// The last shown line up to the line `number`, else the first.
    pub fn up_to(&self, number: i64) -> Option<Place> {
        let behind = self.blocks.partition_point(|block| block.first <= number);
        let Some(block) = behind.checked_sub(1) else {
            return self.first();
        };
        let row = self.blocks[block].shown_to(number);
        self.above(Place { block, row }).or_else(|| self.first())
    }

    /// Place of the line `number`, if it is shown.
    pub fn place_of(&self, number: i64) -> Option<Place> {
        self.up_to(number).filter(|at| self.number(*at) == number)
    }

    /// Number of a shown line.
    pub fn number(&self, at: Place) -> i64 {
        let block = &self.blocks[at.block];
        let row = block.shown.get(at.row).copied().unwrap_or(0);
        block.first + i64::from(row)
    }

    /// A shown line.
    pub fn entry(&self, at: Place) -> &LogEntry {
        let block = &self.blocks[at.block];
        &block.body.lines[usize::from(block.shown[at.row])]
    }

    /// Number of the line with the stored id `id`, else of the one before it, else of the first;
    /// ids grow.
    pub fn number_of_id(&self, id: u64) -> Option<i64> {
        let first = |block: &Block| block.body.lines.first().map_or(0, |line| line.id);
        let behind = self.blocks.partition_point(|block| first(block) <= id);
        let block = self.blocks.get(behind.saturating_sub(1))?;
        let lines = &block.body.lines;
        let at = lines.partition_point(|line| line.id <= id);
        Some(block.first + at.saturating_sub(1) as i64)
    }

    /// How many shown lines are below the line `number`.
    pub fn shown_below(&self, number: i64) -> usize {
        let behind = self.blocks.partition_point(|block| block.first <= number);
        let later = self.blocks.range(behind..).map(|block| block.shown.len());
        let own = behind
            .checked_sub(1)
            .and_then(|at| self.blocks.get(at))
            .map_or(0, |block| block.shown.len() - block.shown_to(number));
        own + later.sum::<usize>()
    }

    /// The first shown line with a text below the line `number`.
    pub fn next_with(&self, text: &Finder<'_>, number: i64) -> Option<i64> {
        let from = self.blocks.partition_point(|block| block.end() <= number);
        self.blocks.range(from..).find_map(|block| {
            block
                .found(text)
                .map(|at| block.first + at as i64)
                .find(|found| *found > number)
        })
    }

    /// The last shown line with a text above the line `number`.
    pub fn previous_with(&self, text: &Finder<'_>, number: i64) -> Option<i64> {
        let to = self.blocks.partition_point(|block| block.first < number);
        self.blocks.range(..to).rev().find_map(|block| {
            block
                .found(text)
                .map(|at| block.first + at as i64)
                .take_while(|found| *found < number)
                .last()
        })
    }

    /// The lines as they are, `all` of them or those that are shown, however they change later.
    pub fn taken(&self, all: bool) -> Taken {
        let blocks = self.blocks.iter().map(|block| {
            let shown = (!all).then(|| block.shown.clone());
            (Arc::clone(&block.body), shown)
        });
        Taken {
            blocks: blocks.collect(),
        }
    }
}

/// Lines that were kept at a moment: to be written somewhere else while others come.
#[derive(Clone)]
pub struct Taken {
    blocks: Vec<(Arc<Body>, Option<Vec<u16>>)>,
}

impl Taken {
    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &LogEntry> {
        self.blocks.iter().flat_map(|(body, shown)| {
            let some = shown.iter().flatten();
            let some = some.filter_map(|at| body.lines.get(usize::from(*at)));
            let all = body.lines.iter().filter(|_| shown.is_none());
            some.chain(all)
        })
    }
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} lines", self.lines().count())
    }
}

impl PartialEq for Taken {
    fn eq(&self, other: &Self) -> bool {
        self.lines().eq(other.lines())
    }
}
