//! Identifiers: UUIDv7, lower case, one type per kind so that they can't be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id; ids made later sort later.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Its bits, upper half first.
            #[must_use]
            pub fn as_u64_pair(self) -> (u64, u64) {
                self.0.as_u64_pair()
            }

            /// The reverse of [`Self::as_u64_pair`].
            #[must_use]
            pub fn from_u64_pair(high: u64, low: u64) -> Self {
                Self(Uuid::from_u64_pair(high, low))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A connection.
    ConnectionId
);
id!(
    /// A sync config.
    ConfigId
);
id!(
    /// A job: one run of a config.
    JobId
);
id!(
    /// A table run: one table in a job.
    TableRunId
);
id!(
    /// A token of the REST API.
    TokenId
);
id!(
    /// A running db-taxi process.
    InstanceId
);
