//! Everything that speaks MySQL: sessions, pool, TLS, probes, quoting, schema reading, value
//! fidelity, error classes, `LOAD DATA`.
//!
//! The only folder that names the driver. Must not know: jobs, the control database's tables,
//! configs. Called by `store`, `sync` and `services`.

pub mod activity;
mod address;
mod budget;
pub mod column;
mod connect;
pub mod ddl;
mod denied;
pub mod endpoint;
pub mod error;
mod filled;
pub mod ident;
pub mod kind;
pub mod literal;
pub mod load;
mod login;
pub mod mask;
pub mod migrate;
pub mod pool;
pub mod probe;
pub mod row;
pub mod rows;
mod rules;
pub mod schema;
pub mod server;
pub mod session;
mod session_kind;
pub mod srv;
pub mod stream;
mod tls;
pub mod transactions;
pub mod value;

pub use budget::{Budget, Seat};
pub use endpoint::Endpoint;
pub use error::{ErrorClass, MysqlError};
pub use ident::{Ident, TableRef};
pub use mask::MaskKey;
pub use pool::{Pool, Pooled};
pub use row::Row;
pub use server::ServerInfo;
pub use session::{Done, Session, Value};
pub use session_kind::{SessionKind, WRITE_SQL_MODE};
