//! What integration tests stand on: real servers, throw-away databases, the real program as a
//! process, and a judge that reads tables by the servers' own client instead of our code.
//!
//! A test is written once and run for both flavours:
//!
//! ```ignore
//! both_flavours! {
//!     /// Why this matters.
//!     async fn an_equal_target_is_not_written(pair: Pair) {
//!         pair.source.sql(&format!("CREATE TABLE {}.t (id INT PRIMARY KEY)", pair.source_db()));
//!         let taxi = DbTaxi::new(&pair);
//!         taxi.run(&["run", "everything"]).expect_code(0);
//!         pair.judge("t", "t").equal();
//!     }
//! }
//! ```
//!
//! It shows up as `subject::an_equal_target_is_not_written::mariadb` and `…::mysql`; scripts rely on
//! these last segments when a flavour can't be had.

pub mod gate;
pub mod hook;
pub mod http;
pub mod judge;
pub mod openmetrics;
pub mod pair;
pub mod private;
pub mod process;
pub mod schema;
pub mod servers;
pub mod taxi;
pub mod wire;

pub use db_taxi::model::report::Flavour;
pub use gate::Gate;
pub use http::{Client, Reply};
pub use judge::Judge;
pub use pair::Pair;
pub use private::{PrivatePair, PrivateServer};
pub use process::{Finished, Running, eventually, wait_rarely, wait_until};
pub use servers::Server;
pub use taxi::DbTaxi;

/// Makes one test per flavour of each `async fn name(pair: Pair)`; the pair's databases are unique
/// to the test and dropped at its end, also when it fails.
#[macro_export]
macro_rules! both_flavours {
    ($($(#[$meta:meta])* async fn $name:ident($pair:ident: Pair) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn claim($pair: Pair) $body

            #[test]
            fn mariadb() {
                $crate::support::run($crate::support::Flavour::Mariadb, claim);
            }

            #[test]
            fn mysql() {
                $crate::support::run($crate::support::Flavour::Mysql, claim);
            }
        }
    )+};
}

/// Runs one claim on a fresh pair of databases; without servers it is skipped, loudly.
pub fn run<F: Future<Output = ()>>(flavour: Flavour, claim: impl FnOnce(Pair) -> F) {
    let Some(pair) = Pair::shared(flavour) else {
        return;
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(claim(pair));
}
