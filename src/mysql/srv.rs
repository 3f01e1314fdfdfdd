//! DNS SRV names (RFC 2782): which hosts offer a service, and in which order to try them.
//!
//! Must not know: what is asked of the hosts. Called by whoever connects.

mod ask;

use self::ask::{Offer, Unanswered, ask};
use super::address::Address;
use super::error::{ErrorClass, MysqlError};
use crate::model::error::ErrorCode;

pub use self::ask::NameServer;

/// The hosts of an SRV name in the order in which to try them: asked anew each time, since who
/// offers a service changes when one of them fails.
///
/// # Errors
/// When no name server answers, or nobody offers the service.
pub(super) async fn hosts(name: &str, server: NameServer) -> Result<Vec<Address>, MysqlError> {
    let offers = ask(name, server).await.map_err(|why| {
        let (class, why) = match why {
            Unanswered::NoRecord => (ErrorClass::Stop, "there is no such SRV record".to_owned()),
            Unanswered::BadName => (ErrorClass::Stop, "it is no name".to_owned()),
            Unanswered::Silence(why) => (ErrorClass::Wait, why),
        };
        refusal(class, format!("can't look up {name}: {why}"))
    })?;
    // A single record with the target "." says that the service is decidedly not offered.
    let offers: Vec<Offer> = offers
        .into_iter()
        .filter(|offer| !offer.host.is_empty())
        .collect();
    if offers.is_empty() {
        return Err(refusal(
            ErrorClass::Stop,
            format!("can't look up {name}: its records say that nobody offers the service"),
        ));
    }
    Ok(ordered(offers, |below| {
        rand::Rng::random_range(&mut rand::rng(), 0..=below)
    }))
}

fn refusal(class: ErrorClass, message: String) -> MysqlError {
    MysqlError::own(ErrorCode::Unreachable, class, message)
}

/// Lowest priority first; among equals one after another is drawn with a chance by its weight,
/// those of weight 0 nearly last. `draw(n)` gives a number from 0 to n.
fn ordered(mut offers: Vec<Offer>, mut draw: impl FnMut(u64) -> u64) -> Vec<Address> {
    offers.sort_by_key(|offer| (offer.priority, offer.weight != 0));
    let mut order = Vec::with_capacity(offers.len());
    while let Some(first) = offers.first() {
        let priority = first.priority;
        let equals = offers.iter().take_while(|o| o.priority == priority);
        let total: u64 = equals.map(|offer| u64::from(offer.weight)).sum();
        let drawn = draw(total);
        let mut sum = 0;
        let at = offers
            .iter()
            .position(|offer| {
                sum += u64::from(offer.weight);
                sum >= drawn
            })
            .unwrap_or(0);
        let offer = offers.remove(at);
        order.push(Address::Tcp(offer.host, offer.port));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(priority: u16, weight: u16, host: &str) -> Offer {
        Offer {
            priority,
            weight,
            host: host.to_owned(),
            port: 3306,
        }
    }

    fn order(offers: &[Offer], draws: &[u64]) -> String {
        let mut draws = draws.iter().copied();
        ordered(offers.to_vec(), |most| {
            draws.next().unwrap_or_default().min(most)
        })
        .iter()
        .map(|address| match address {
            Address::Tcp(host, _) => host.as_str(),
            _ => "?",
        })
        .collect()
    }

    #[test]
    fn priority_comes_before_weight_and_weight_decides_the_draw() {
        let offers = [
            offer(20, 100, "z"),
            offer(10, 30, "a"),
            offer(10, 70, "b"),
            offer(10, 0, "n"),
        ];
        // The sums run n 0, a 30, b 100.
        assert_eq!(order(&offers, &[31, 0, 30]), "bnaz");
        assert_eq!(order(&offers, &[30, 70, 0]), "abnz");
        assert_eq!(order(&offers, &[0, 1, 1]), "nabz");
    }

    #[test]
    fn each_host_is_tried_once_whatever_is_drawn() {
        let offers = [offer(1, 5, "a"), offer(1, 5, "b"), offer(2, 0, "c")];
        for seed in 0..200_u64 {
            let mut drawn = seed;
            let order = ordered(offers.to_vec(), |most| {
                drawn = drawn
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                drawn % (most + 1)
            });
            assert_eq!(order.len(), 3);
            assert_eq!(order[2], Address::Tcp("c".to_owned(), 3306));
        }
    }
}
