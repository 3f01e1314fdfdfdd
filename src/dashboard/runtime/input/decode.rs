//! Bytes of a terminal as keys and pastes.
//!
//! Knows what xterm and its descendants send without any extension being switched on. Alt is not
//! used here: it arrives as Esc and a key, and so do the two keys when a slow line joins them.

use super::Input;
use crate::dashboard::app::key::{Code, Key};
use crate::dashboard::app::mouse::{Did, Mouse};

/// Begin and end of pasted text.
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// Most bytes of one paste that are kept: a large mapping file.
const MOST_PASTED: usize = 1024 * 1024;
/// Longest sequence that is waited for; more is no key.
const LONGEST: usize = 32;

/// Takes bytes as they are read, however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    pasting: Option<Vec<u8>>,
}

/// What the beginning of the pending bytes is.
enum Head {
    /// A key, or nothing of meaning, in so many bytes.
    Done(Option<Key>, usize),
    /// The mouse did something, in so many bytes.
    Pointed(Mouse, usize),
    /// A paste begins behind so many bytes.
    Paste(usize),
    /// More bytes are needed.
    Short,
}

impl Decoder {
    /// Takes `bytes` and gives what they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.pending.extend_from_slice(bytes);
        let mut found = Vec::new();
        while self.step(&mut found) {}
        found
    }

    /// Whether an Esc could be one, or the beginning of something: to be told by time.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.pasting.is_none() && !self.pending.is_empty()
    }

    /// No more bytes came in time: what waits is an Esc by itself, or nothing.
    pub fn idle(&mut self) -> Option<Input> {
        if !self.waits() {
            return None;
        }
        let was = std::mem::take(&mut self.pending);
        (was == b"\x1b").then(|| Input::Key(Key::plain(Code::Esc)))
    }

    /// Takes one thing off the pending bytes; `false` when more are needed.
    fn step(&mut self, found: &mut Vec<Input>) -> bool {
        if let Some(pasted) = &mut self.pasting {
            let end = find(&self.pending, PASTE_END);
            // The end may be cut in two.
            let safe = end.unwrap_or(self.pending.len().saturating_sub(PASTE_END.len() - 1));
            let room = MOST_PASTED.saturating_sub(pasted.len());
            pasted.extend(self.pending[..safe].iter().take(room));
            self.pending.drain(..safe);
            if end.is_none() {
                return false;
            }
            self.pending.drain(..PASTE_END.len());
            let text = String::from_utf8_lossy(pasted).into_owned();
            self.pasting = None;
            found.push(Input::Paste(text));
            return true;
        }
        if self.pending.is_empty() {
            return false;
        }
        match head(&self.pending) {
            Head::Done(key, used) => {
                found.extend(key.map(Input::Key));
                self.pending.drain(..used);
                true
            }
            Head::Pointed(mouse, used) => {
                found.push(Input::Mouse(mouse));
                self.pending.drain(..used);
                true
            }
            Head::Paste(used) => {
                self.pending.drain(..used);
                self.pasting = Some(Vec::new());
                true
            }
            Head::Short => false,
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|w| w == wanted)
}

fn head(bytes: &[u8]) -> Head {
    match bytes[0] {
        0x1b => escape(bytes),
        b'\r' | b'\n' => done(Code::Enter),
        b'\t' => done(Code::Tab),
        0x7f | 0x08 => done(Code::Backspace),
        0 => Head::Done(None, 1),
        c @ 1..=26 => Head::Done(Some(Key::ctrl(char::from(c + b'a' - 1))), 1),
        0x1c..=0x1f => Head::Done(None, 1),
        _ => character(bytes),
    }
}

fn done(code: Code) -> Head {
    Head::Done(Some(Key::plain(code)), 1)
}

/// One character of UTF-8; bytes that are none are passed over.
fn character(bytes: &[u8]) -> Head {
    let length = match bytes[0] {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Head::Done(None, 1),
    };
    let Some(bytes) = bytes.get(..length) else {
        return Head::Short;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Head::Done(text.chars().next().map(Key::char), length),
        Err(_) => Head::Done(None, 1),
    }
}

fn escape(bytes: &[u8]) -> Head {
    match bytes.get(1) {
        None => Head::Short,
        Some(b'[') => control_sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Head::Short,
            Some(last) => Head::Done(letter(*last).map(Key::plain), 3),
        },
        // Esc, then a key of its own.
        Some(_) => done(Code::Esc),
    }
}

/// `ESC [ parameters final`.
fn control_sequence(bytes: &[u8]) -> Head {
    let body = &bytes[2..];
    let Some(length) = body.iter().position(|b| (0x40..=0x7e).contains(b)) else {
        return if bytes.len() < LONGEST {
            Head::Short
        } else {
            Head::Done(None, bytes.len())
        };
    };
    let used = 2 + length + 1;
    if bytes[..used] == *PASTE_BEGIN {
        return Head::Paste(used);
    }
    let (mouse, parameters) = match body[..length].strip_prefix(b"<") {
        Some(rest) => (true, rest),
        None => (false, &body[..length]),
    };
    let parameters: Vec<u32> = parameters
        .split(|b| *b == b';')
        .map(|p| {
            std::str::from_utf8(p)
                .ok()
                .and_then(|p| p.parse().ok())
                .unwrap_or(0)
        })
        .collect();
    if mouse {
        return match pointed(&parameters, body[length]) {
            Some(mouse) => Head::Pointed(mouse, used),
            None => Head::Done(None, used),
        };
    }
    let code = match body[length] {
        b'~' => numbered(parameters.first().copied().unwrap_or(0)),
        last => letter(last),
    };
    // 1 and a bit each for Shift, Alt, Ctrl.
    let held = parameters.get(1).copied().unwrap_or(1).saturating_sub(1);
    let ctrl = held & 4 != 0;
    Head::Done(code.map(|code| Key { code, ctrl }), used)
}

/// What the mouse did, in the form that mode 1006 asks for: button, column, row, `M` for pressed.
fn pointed(parameters: &[u32], last: u8) -> Option<Mouse> {
    let &[button, column, row] = parameters else {
        return None;
    };
    let did = match (button, last) {
        (0, b'M') => Did::Click,
        (64, b'M') => Did::WheelUp,
        (65, b'M') => Did::WheelDown,
        _ => return None,
    };
    let cell = |n: u32| u16::try_from(n.saturating_sub(1)).ok();
    Some(Mouse {
        did,
        x: cell(column)?,
        y: cell(row)?,
    })
}

fn letter(last: u8) -> Option<Code> {
    Some(match last {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'Z' => Code::BackTab,
        b'M' => Code::Enter,
        _ => return None,
    })
}

fn numbered(number: u32) -> Option<Code> {
    Some(match number {
        1 | 7 => Code::Home,
        4 | 8 => Code::End,
        3 => Code::Delete,
        5 => Code::PageUp,
        6 => Code::PageDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut found = decoder.feed(bytes);
        found.extend(decoder.idle());
        found
            .into_iter()
            .map(|input| match input {
                Input::Key(key) => key.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn keys_are_what_terminals_send_for_them() {
        for (bytes, wanted) in [
            (&b"a"[..], "a"),
            (b"G", "G"),
            ("é".as_bytes(), "é"),
            ("日".as_bytes(), "日"),
            (b"\r", "enter"),
            (b"\t", "tab"),
            (b" ", "space"),
            (b"\x7f", "backspace"),
            (b"\x03", "ctrl-c"),
            (b"\x1a", "ctrl-z"),
            (b"\x1b", "esc"),
            (b"\x1b[A", "up"),
            (b"\x1bOB", "down"),
            (b"\x1b[1;5C", "ctrl-right"),
            (b"\x1b[Z", "backtab"),
            (b"\x1b[H", "home"),
            (b"\x1b[4~", "end"),
            (b"\x1b[3~", "delete"),
            (b"\x1b[5~", "pgup"),
            (b"\x1b[6~", "pgdn"),
        ] {
            assert_eq!(keys(bytes), [wanted], "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_key_of_ours_is_passed_over_and_what_follows_is_not() {
        assert_eq!(keys(b"\x1b[15~a"), ["a"]);
        assert_eq!(keys(b"\x1b[?1;2ca"), ["a"]);
        assert_eq!(keys(b"\x1bOPa"), ["a"]);
        assert_eq!(keys(b"\xff\xfea"), ["a"]);
        assert_eq!(keys(b"\x00\x1ca"), ["a"]);
        let endless = [b"\x1b[".as_slice(), &[b'1'; 64]].concat();
        assert!(keys(&endless).iter().all(|key| key == "1"));
    }

    #[test]
    fn the_mouse_is_never_taken_for_keys() {
        assert_eq!(
            Decoder::default().feed(b"\x1b[<0;5;2M\x1b[<0;5;2m\x1b[<65;1;1Mq"),
            [
                Input::Mouse(Mouse {
                    did: Did::Click,
                    x: 4,
                    y: 1
                }),
                Input::Mouse(Mouse {
                    did: Did::WheelDown,
                    x: 0,
                    y: 0
                }),
                Input::Key(Key::char('q')),
            ]
        );
        assert_eq!(keys(b"\x1b[<2;1Ma\x1b[<35;70000;1Mb"), ["a", "b"]);
    }

    #[test]
    fn esc_joined_with_a_key_by_a_slow_line_is_both() {
        assert_eq!(keys(b"\x1bq"), ["esc", "q"]);
        assert_eq!(keys(b"\x1b\x1b"), ["esc", "esc"]);
        assert_eq!(keys(b"\x1b\x1b[A"), ["esc", "up"]);
    }

    #[test]
    fn sequences_may_be_cut_anywhere() {
        let all = "a\u{1b}[Aé\u{1b}[200~x\u{1b}[31my日\u{1b}[201~b".as_bytes();
        let whole = Decoder::default().feed(all);
        assert_eq!(whole.len(), 5);
        for cut in 0..all.len() {
            let mut decoder = Decoder::default();
            let mut found = decoder.feed(&all[..cut]);
            found.extend(decoder.feed(&all[cut..]));
            assert_eq!(found, whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_paste_is_text_and_never_keys() {
        let mut decoder = Decoder::default();
        let found = decoder.feed(b"\x1b[200~q\x03x\r\x1b[201~");
        assert_eq!(found, [Input::Paste("q\u{3}x\r".to_owned())]);
        assert_eq!(decoder.feed(b"\x1b[200~half"), []);
        assert!(!decoder.waits(), "a paste is waited for without limit");
        assert_eq!(decoder.idle(), None);
        let many = vec![b'y'; 2 * MOST_PASTED];
        decoder.feed(&many);
        let Some(Input::Paste(text)) = decoder.feed(PASTE_END).pop() else {
            panic!("no paste");
        };
        assert_eq!(text.len(), MOST_PASTED);
    }
}
