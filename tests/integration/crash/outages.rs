//! A server is killed in the middle and comes back: the job waits, reconnects and ends equal.

use super::world::{LIMIT, expect_done, fill, fill_few, install, run_until_frozen};
use crate::support::{Flavour, PrivatePair, PrivateServer};

fn outage(flavour: Flavour, point: &str, which: impl Fn(&PrivatePair) -> &PrivateServer) {
    let Some(private) = PrivatePair::start(flavour) else {
        return;
    };
    let pair = &private.pair;
    if point.contains("commit") {
        fill(pair)
    } else {
        fill_few(pair)
    }
    let taxi = install(pair)
        .set("sync.lease_ttl=15s")
        .set("sync.retry_attempts=10");
    let frozen = run_until_frozen(&taxi, point);
    let server = which(&private);
    server.kill();
    frozen.thaw();
    // It runs against a dead server while this one starts.
    server.restart();
    let ended = frozen.wait(LIMIT).expect_code(0);
    assert!(!ended.stdout.contains("failed"), "{}", ended.stdout);
    expect_done(pair);
}

macro_rules! outages {
    ($($name:ident: $which:ident at $point:literal;)+) => {$(
        mod $name {
            use super::*;
            #[test]
            fn mariadb() {
                outage(Flavour::Mariadb, $point, |p| &p.$which);
            }
            #[test]
            fn mysql() {
                outage(Flavour::Mysql, $point, |p| &p.$which);
            }
        }
    )+};
}

outages! {
    the_source_dies_during_the_copy: source at "commit.after@4";
    the_source_dies_during_the_comparison: source at "compare.range@3";
    the_local_server_dies_before_a_commit: local at "commit.before@4";
    the_local_server_dies_before_a_swap: local at "swap.intended@2";
    the_local_server_dies_after_a_swap: local at "swap.renamed@2";
}

/// Longer than a lease: the process can't know whether it still holds its tables.
fn long_outage(flavour: Flavour) {
    let Some(private) = PrivatePair::start(flavour) else {
        return;
    };
    let pair = &private.pair;
    fill_few(pair);
    let taxi = install(pair).set("sync.retry_attempts=10");
    let frozen = run_until_frozen(&taxi, "copy.written@3");
    private.local.kill();
    frozen.thaw();
    frozen.wait_to_say(LIMIT, &["was lost", "the control database went away"]);
    private.local.restart();
    // Nobody took it over meanwhile: the same process goes on.
    frozen.wait(LIMIT).expect_code(0);
    expect_done(pair);
}

mod a_lease_lost_in_a_long_outage_costs_nothing {
    use super::*;
    #[test]
    fn mariadb() {
        long_outage(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        long_outage(Flavour::Mysql);
    }
}
