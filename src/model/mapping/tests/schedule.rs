//! Schedules of every kind.

use std::time::Duration;

use proptest::prelude::*;

use crate::model::cron::{Cron, Zone};
use crate::model::schedule::{Blackout, CatchUp, Schedule};

pub(super) fn any_schedule() -> impl Strategy<Value = Schedule> {
    let times = &["@daily", "*/5 2-4 * * MON-FRI", "0 0 1,15 * 0"][..];
    let zones = &["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"][..];
    let windows = &["03:00-05:00", "22:00-23:00", "23:30-23:40", "04:10-06:07"][..];
    (
        proptest::sample::select(times),
        proptest::option::of(proptest::sample::select(zones)),
        0_u64..86_400_000,
        any::<bool>(),
        proptest::sample::subsequence(windows, 0..3),
    )
        .prop_map(|(cron, zone, jitter, once, windows)| Schedule {
            timezone: zone.map(|name| Zone::parse(name).unwrap()),
            jitter: Duration::from_millis(jitter),
            catch_up: if once { CatchUp::Once } else { CatchUp::None },
            blackout: windows
                .iter()
                .map(|text| Blackout::parse(text).unwrap())
                .collect(),
            ..Schedule::from(Cron::parse(cron).unwrap())
        })
}
