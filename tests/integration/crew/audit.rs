//! What the local server's own binlog says of who wrote what: none of our code takes part in it.
//!
//! Each transaction that changed rows of a target or of a shadow must also have changed one row of
//! `sync_ranges` or `sync_checkpoints`, whose fence is the greatest that this row ever had. So nobody
//! wrote after another one had taken over.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::Pair;
use crate::support::servers::Servers;

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Transactions that changed rows of targets or shadows.
    pub written: u64,
    /// Times that a row's fence was raised: takeovers of tables, and new runs.
    pub raised: u64,
    /// Claims of leases.
    pub claims: u64,
    /// Everything that must not be.
    pub faults: Vec<String>,
    fences: HashMap<String, u64>,
}

/// Columns of a row by their number, before and after.
#[derive(Debug, Default, Clone)]
struct Change {
    table: String,
    old: BTreeMap<usize, String>,
    new: BTreeMap<usize, String>,
}

impl Audit {
    /// Reads the binlog of a server from its beginning.
    pub fn of(pair: &Pair) -> Self {
        let program = Servers::get().unwrap().program(pair.flavour, "BINLOG");
        let mut child = Command::new(program)
            .arg("--no-defaults")
            .args(["-h127.0.0.1", "-uroot", "--read-from-remote-server"])
            .args(["--base64-output=DECODE-ROWS", "--verbose", "--to-last-log"])
            .arg(format!("-P{}", pair.local.port))
            .arg("binlog.000001")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut audit = Self::default();
        let control = pair.control_db();
        let mut changes: Vec<Change> = Vec::new();
        let mut now: Option<Change> = None;
        let mut after = false;
        let mut data = false;
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = Vec::new();
        while {
            line.clear();
            lines.read_until(b'\n', &mut line).unwrap() > 0
        } {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if let Some(rest) = text.strip_prefix("### ") {
                let verb = ["UPDATE ", "INSERT INTO ", "DELETE FROM "];
                if let Some(name) = verb.iter().find_map(|verb| rest.strip_prefix(verb)) {
                    changes.extend(now.take());
                    let name = name.replace('`', "");
                    let (database, table) = name.split_once('.').unwrap_or_default();
                    if database == control {
                        now = Some(Change {
                            table: table.to_owned(),
                            ..Change::default()
                        });
                    } else if database == pair.target_db() || database.starts_with("_dbtaxi_") {
                        data = true;
                    }
                } else if rest == "WHERE" || rest == "SET" {
                    after = rest == "SET";
                } else if let (Some(change), Some((number, value))) = (
                    &mut now,
                    rest.trim_start()
                        .strip_prefix('@')
                        .and_then(|r| r.split_once('=')),
                ) {
                    let side = if after {
                        &mut change.new
                    } else {
                        &mut change.old
                    };
                    side.insert(number.parse().unwrap(), value.to_owned());
                }
            } else if text.starts_with("COMMIT") {
                changes.extend(now.take());
                audit.transaction(&changes, data);
                changes.clear();
                data = false;
            } else if text.starts_with("ROLLBACK/") {
                now = None;
                changes.clear();
                data = false;
            }
        }
        assert!(child.wait().unwrap().success());
        audit
    }

    fn transaction(&mut self, changes: &[Change], data: bool) {
        let mut fenced = 0;
        for change in changes {
            let (key, fence) = match change.table.as_str() {
                "sync_ranges" => (vec![1, 2], 7),
                "sync_checkpoints" => (vec![1], 14),
                "sync_leases" => {
                    self.lease(change);
                    continue;
                }
                _ => continue,
            };
            let side = if change.new.is_empty() {
                &change.old
            } else {
                &change.new
            };
            let name = key
                .iter()
                .filter_map(|n| side.get(n))
                .fold(change.table.clone(), |name, part| format!("{name} {part}"));
            let number = |side: &BTreeMap<usize, String>| side.get(&fence).map(|text| value(text));
            let last = self.fences.get(&name).copied().unwrap_or(0);
            if let Some(new) = number(&change.new) {
                if new < last {
                    self.faults
                        .push(format!("{name}: fence {new} after {last}"));
                }
                self.raised += u64::from(new > last && last > 0);
                self.fences.insert(name.clone(), new);
                fenced += 1;
                if data && number(&change.old).is_some_and(|old| old != new) {
                    self.faults
                        .push(format!("{name}: rows were written while it was taken over"));
                }
            } else if !change.old.is_empty() {
                fenced += 1;
            }
        }
        if data {
            self.written += 1;
            if fenced == 0 {
                self.faults
                    .push("rows were written without a fence".to_owned());
            }
        }
    }

    /// Another holder has another fence.
    fn lease(&mut self, change: &Change) {
        let (Some(old), Some(new)) = (change.old.get(&3), change.new.get(&3)) else {
            return;
        };
        let (old, new) = (value(old), value(new));
        let holder = |side: &BTreeMap<usize, String>| side.get(&2).cloned().unwrap_or_default();
        let (was, is) = (holder(&change.old), holder(&change.new));
        self.claims += u64::from(new > old);
        if new < old || (was != is && is != "NULL" && new != old + 1) {
            let resource = change.new.get(&1).cloned().unwrap_or_default();
            self.faults
                .push(format!("lease {resource}: {was} {old}, then {is} {new}"));
        }
    }
}

/// A number as the program prints it: some with their unsigned form behind.
fn value(text: &str) -> u64 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
