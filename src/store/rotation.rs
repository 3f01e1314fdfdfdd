//! The lines of a key file while the key changes.
//!
//! The first key seals, all of them open, and the last one is what masks follow from. A new key is
//! *staged* behind the one that seals, so that whoever reads the file can open what will be sealed
//! with it, and nobody seals with it yet: `old NEW old …`. That the sealing key is there twice says
//! that a change is under way, to this program and, since a key may stand twice, to no other. When
//! nothing is sealed with the old key any more, the new one comes first: `NEW old …`.

use secrecy::zeroize::Zeroizing;

/// The text of a key file, line by line; comments are kept.
pub(super) struct KeyFile {
    comments: Vec<String>,
    keys: Vec<Zeroizing<String>>,
}

impl KeyFile {
    /// Of this text.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (comments, keys): (Vec<&str>, Vec<&str>) =
            lines.partition(|line| line.starts_with('#'));
        Self {
            comments: comments.into_iter().map(str::to_owned).collect(),
            keys: keys
                .into_iter()
                .map(|key| Zeroizing::new(key.to_owned()))
                .collect(),
        }
    }

    /// The key that is staged.
    pub(super) fn staged(&self) -> Option<&str> {
        match self.keys.as_slice() {
            [first, new, again, ..] if first == again && first != new => Some(new.as_str()),
            _ => None,
        }
    }

    /// With `new` staged.
    pub(super) fn with_staged(mut self, new: &str) -> Self {
        if let Some(first) = self.keys.first().cloned() {
            self.keys.insert(0, Zeroizing::new(new.to_owned()));
            self.keys.insert(0, first);
        }
        self
    }

    /// With the staged key first.
    pub(super) fn with_staged_first(mut self) -> Self {
        if self.staged().is_some() {
            self.keys.remove(0);
        }
        self
    }

    /// As it is written.
    pub(super) fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        let comments = self.comments.iter().map(String::as_str);
        for line in comments.chain(self.keys.iter().map(|key| key.as_str())) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(text: &str) -> Option<String> {
        KeyFile::parse(text).staged().map(str::to_owned)
    }

    #[test]
    fn a_change_goes_from_staged_to_first_and_the_oldest_key_stays_last() {
        for (before, during, after) in [
            ("old\n", "old\nnew\nold\n", "new\nold\n"),
            ("b\na\n", "b\nnew\nb\na\n", "new\nb\na\n"),
        ] {
            assert_eq!(staged(before), None);
            let file = KeyFile::parse(before).with_staged("new");
            assert_eq!(file.text().as_str(), during);
            assert_eq!(staged(during).as_deref(), Some("new"));
            let file = KeyFile::parse(during).with_staged_first();
            assert_eq!(file.text().as_str(), after);
            assert_eq!(staged(after), None);
        }
    }

    #[test]
    fn comments_stay_and_a_file_without_keys_gets_none() {
        let file = KeyFile::parse("# of db1\n\nold\n").with_staged("new");
        assert_eq!(file.text().as_str(), "# of db1\nold\nnew\nold\n");
        assert_eq!(
            KeyFile::parse("# none\n")
                .with_staged("new")
                .text()
                .as_str(),
            "# none\n"
        );
        assert_eq!(
            KeyFile::parse("a\nb\n").with_staged_first().text().as_str(),
            "a\nb\n"
        );
    }
}
