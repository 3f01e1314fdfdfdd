//! How well a text fits what somebody typed: every word's letters in order, best at the beginnings
//! of words and side by side. Pure; for lists of some thousand short texts.

/// How well `text` fits `wanted`, higher is better; `None` when it doesn't. Blanks separate words
/// that fit in any order; case does not matter.
#[must_use]
pub fn score(wanted: &str, text: &str) -> Option<i64> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut total = 0;
    for word in wanted.split_whitespace() {
        let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        total += best(&word, &text)?;
    }
    Some(total)
}

/// The best of the fits that begin at each place of the first letter.
fn best(word: &[char], text: &[char]) -> Option<i64> {
    let first = word.first()?;
    (0..text.len())
        .filter(|at| text[*at] == *first)
        .filter_map(|at| from(word, text, at))
        .max()
}

/// The fit that takes the first letter at `start` and each other one as soon as it comes.
fn from(word: &[char], text: &[char], start: usize) -> Option<i64> {
    const BESIDE: i64 = 8;
    const AT_A_WORD: i64 = 10;
    let mut score = 0;
    let mut before: Option<usize> = None;
    let mut at = start;
    for letter in word {
        at += text[at..].iter().position(|c| c == letter)?;
        if at == 0 || !text[at - 1].is_alphanumeric() {
            score += AT_A_WORD;
        }
        score += match before {
            Some(before) if at == before + 1 => BESIDE,
            Some(before) => -((at - before) as i64).min(BESIDE),
            // What begins early is likelier meant.
            None => -(at as i64 / 4).min(BESIDE),
        };
        before = Some(at);
        at += 1;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_fit_and_others_do_not() {
        assert!(score("tst con", "test the connection").is_some());
        assert!(score("con test", "test the connection").is_some());
        assert!(score("TEST", "Test").is_some());
        assert!(score("cnct", "connection").is_some());
        assert_eq!(score("xyz", "connection"), None);
        assert_eq!(score("tt", "t"), None);
        assert_eq!(score("", "anything"), Some(0));
        assert_eq!(score("a", ""), None);
    }

    #[test]
    fn whole_words_and_their_beginnings_come_first() {
        let better = |wanted, good, bad| score(wanted, good) > score(wanted, bad);
        assert!(better("stop", "stop job", "show the top"));
        assert!(better("ord", "orders", "records"));
        assert!(better("oi", "order_items", "orders_archive_i"));
        assert!(better("show", "show jobs", "jobs to show"));
    }
}
