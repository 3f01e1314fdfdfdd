//! What is shown before something is stored: what changes, line by line, and the key that does it.

use super::ask::{ConfigAsk, Saving};
use super::diff;
use crate::dashboard::app::format::plural;
use crate::dashboard::app::overlay::{Sheet, SheetKind};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::config::Config;
use crate::model::mapping::{self, ImportOutcome, MappingFile};

/// What is done when it is accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// What is asked for then.
    pub ask: ConfigAsk,
    /// One or two words for the footer.
    pub words: &'static str,
}

fn sheet(title: String, lines: Vec<Line>, review: Review, tone: Tone) -> Sheet {
    Sheet {
        kind: SheetKind::Review(Box::new(review)),
        ..Sheet::text(title, lines).tone(tone)
    }
}

/// What saving a changed config would change; `None` when it changes nothing.
#[must_use]
pub fn of_save(before: &str, saving: Saving) -> Option<Sheet> {
    let after = diff::text_of(&saving.spec);
    let (told, words) = match saving.base {
        Some(_) => ("stored", "save"),
        None => ("nothing", "make it"),
    };
    let before = if saving.base.is_some() { before } else { "" };
    let diff = mapping::diff((told, before), ("yours", &after));
    if diff.is_empty() {
        return None;
    }
    let mut lines = vec![
        Line::plain(format!("{}.", diff::summary(&diff))).and(
            " Notes behind # are not kept: stored is what stands here.",
            Tone::Dim,
        ),
        Line::plain("A job that runs goes on with what it began with."),
        Line::empty(),
    ];
    lines.extend(diff::lines(&diff));
    let title = format!("Save {}?", saving.spec.name);
    let ask = ConfigAsk::Save(Box::new(saving));
    Some(sheet(title, lines, Review { ask, words }, Tone::Plain))
}

/// Somebody else changed the config meanwhile: what they have, what is to be saved over it.
#[must_use]
pub fn of_conflict(theirs: &Config, opened: &str, mut saving: Saving) -> Sheet {
    let stored = diff::text_of(&theirs.spec);
    let changed = mapping::diff(("when you opened it", opened), ("stored now", &stored));
    let over = mapping::diff(
        ("stored now", &stored),
        ("yours", &diff::text_of(&saving.spec)),
    );
    let name = saving.spec.name.clone();
    saving.base = Some(super::Base {
        id: theirs.id,
        version: theirs.version,
    });
    let mut lines = vec![
        Line::plain("It was stored by somebody else after you had opened it. ")
            .and("Nothing of yours is lost: ", Tone::Strong)
            .and("esc goes back to it.", Tone::Plain),
        Line::empty(),
        Line::of("What they changed", Tone::Strong),
    ];
    lines.extend(diff::lines(&changed));
    lines.push(Line::empty());
    lines.push(Line::of("What saving yours would change", Tone::Strong));
    lines.extend(diff::lines(&over));
    let review = Review {
        ask: ConfigAsk::Save(Box::new(saving)),
        words: "save over it",
    };
    let title = format!("{name} has changed meanwhile");
    sheet(title, lines, review, Tone::Warn)
}

/// The config was removed meanwhile.
#[must_use]
pub fn of_removed(mut saving: Saving) -> Sheet {
    saving.base = None;
    let lines = vec![
        Line::plain("It was removed by somebody else after you had opened it. ")
            .and("Nothing of yours is lost: ", Tone::Strong)
            .and("esc goes back to it.", Tone::Plain),
        Line::empty(),
        Line::plain(
            "It can be stored as a new config; its tables are then compared from the start.",
        ),
    ];
    let title = format!("{} was removed meanwhile", saving.spec.name);
    let review = Review {
        ask: ConfigAsk::Save(Box::new(saving)),
        words: "store anew",
    };
    sheet(title, lines, review, Tone::Warn)
}

/// What an import would change.
#[must_use]
pub fn of_import(path: &str, file: MappingFile, outcome: &ImportOutcome) -> Sheet {
    let mut lines = vec![Line::plain(format!(
        "{} made, {} changed, {} the same. Nothing is removed.",
        outcome.created.len(),
        outcome.updated.len(),
        outcome.unchanged.len()
    ))];
    for (word, names, tone) in [
        ("makes   ", &outcome.created, Tone::Good),
        ("changes ", &outcome.updated, Tone::Warn),
    ] {
        for name in names {
            lines.push(Line::of(word, tone).and(name, Tone::Plain).hanging(8));
        }
    }
    let title = format!("Import {path}?");
    if outcome.diff.is_empty() {
        lines.push(Line::plain("Everything in it is stored already."));
        return Sheet::text(title, lines);
    }
    lines.push(Line::empty());
    lines.extend(diff::lines(&outcome.diff));
    let review = Review {
        ask: ConfigAsk::Import {
            path: path.to_owned(),
            file,
        },
        words: "import",
    };
    sheet(title, lines, review, Tone::Plain)
}

/// What an import did, in a few words.
#[must_use]
pub fn imported(outcome: &ImportOutcome) -> String {
    format!(
        "{} made, {} changed",
        plural(outcome.created.len(), "object", "objects"),
        outcome.updated.len()
    )
}
