//! The server's list of open transactions: when it can be believed.

use std::time::Duration;

/// How long to leave the list alone after the `stale`th answer that was older than the question.
///
/// The server renews it only when nobody has asked for a tenth of a second: several that ask in
/// step would keep it old for each other, so they ask less often and out of step.
#[must_use]
pub fn until_renewed(stale: u32) -> Duration {
    let most = (100 + 150 * u64::from(stale)).min(1_500);
    Duration::from_millis(105 + rand::random_range(0..most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_left_alone_long_enough_to_be_renewed_and_ever_longer() {
        for stale in 0..100 {
            let wait = until_renewed(stale).as_millis();
            assert!(wait > 100 && wait < 1_700, "{wait}");
        }
        let late = (0..50).map(|_| until_renewed(20).as_millis()).max();
        assert!(late > Some(300), "{late:?}");
    }
}
