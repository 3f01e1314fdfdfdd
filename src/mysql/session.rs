//! Sessions: one connection, one owner, rules by kind.
//!
//! A statement that is abandoned half way leaves its answer in the connection, and the next
//! statement would read it as its own. So a session that was dropped out of a statement, cancelled
//! or timed out is *spent*: its connection is closed, the statement killed from a side connection,
//! and every later call fails.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::budget::Seat;
use super::connect::connect;
use super::endpoint::{Address, Endpoint};
use super::error::MysqlError;
use super::filled::filled;
use super::row::Row;
use super::rules::{WHO_ARE_YOU, is_optional, joined};
use super::server::ServerInfo;
use super::session_kind::SessionKind;

pub use mysql_async::Value;

/// What a statement that returns no rows did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// Rows affected.
    pub affected: u64,
    /// Value given to an AUTO_INCREMENT column.
    pub last_insert_id: Option<u64>,
    /// Warnings, notes included.
    pub warnings: u16,
    /// The server's summary: `Records: 2  Deleted: 0  Skipped: 0  Warnings: 0`.
    pub info: String,
}

/// One warning of the last statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `Note`, `Warning` or `Error`.
    pub level: String,
    /// Number.
    pub number: u16,
    /// Text.
    pub message: String,
}

/// The connections that this process has open: identity of the server, and id.
static OPEN: LazyLock<Mutex<HashSet<(String, u64)>>> = LazyLock::new(Mutex::default);

fn open_ids() -> MutexGuard<'static, HashSet<(String, u64)>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection with one owner.
pub struct Session {
    conn: Option<Conn>,
    kind: SessionKind,
    id: u32,
    server: Arc<ServerInfo>,
    endpoint: Arc<Endpoint>,
    cancel: CancellationToken,
    behind_proxy: bool,
    in_statement: bool,
    /// Between BEGIN and COMMIT of [`Pooled`](super::Pooled).
    in_transaction: bool,
    opened: Instant,
    round_trip: Duration,
    /// The right to be connected; after the connection, so that it is given back when that is gone.
    seat: Option<Seat>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("server", &self.endpoint.label)
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Connects to the first address that answers and sets the rules of `kind`.
    ///
    /// # Errors
    /// When no address can be reached in `connect_timeout`, the login is refused, a rule can't be
    /// set, or the endpoint's budget has no session left.
    pub async fn open(
        endpoint: &Arc<Endpoint>,
        kind: SessionKind,
        lease: Duration,
    ) -> Result<Self, MysqlError> {
        let seat = endpoint.seat(kind).await?;
        Self::open_on(endpoint, kind, lease, seat).await
    }

    /// The same on a seat that was taken before.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub async fn open_on(
        endpoint: &Arc<Endpoint>,
        kind: SessionKind,
        lease: Duration,
        seat: Option<Seat>,
    ) -> Result<Self, MysqlError> {
        let opened = Instant::now();
        let (conn, address) = connect(endpoint, kind.statement_cache()).await?;
        let mut session = Self::begin(endpoint, conn, kind, lease, (address, opened)).await?;
        session.seat = seat;
        Ok(session)
    }

    async fn begin(
        endpoint: &Arc<Endpoint>,
        conn: Conn,
        kind: SessionKind,
        lease: Duration,
        (address, opened): (Address, Instant),
    ) -> Result<Self, MysqlError> {
        let id = conn.id();
        let mut session = Self {
            conn: Some(conn),
            kind,
            id,
            server: Arc::new(ServerInfo {
                flavour: crate::model::report::Flavour::Mysql,
                version: String::new(),
                number: (0, 0, 0),
                max_allowed_packet: 0,
                identity: String::new(),
                address,
            }),
            endpoint: Arc::clone(endpoint),
            cancel: CancellationToken::new(),
            behind_proxy: false,
            in_statement: false,
            in_transaction: false,
            // Before anything was said: its age is never told too small.
            opened,
            round_trip: Duration::ZERO,
            seat: None,
        };
        // Rules that are the same on every server go with the question.
        let with_rules = kind.is_alike_everywhere();
        let mut statements = vec![WHO_ARE_YOU.to_owned()];
        if with_rules {
            statements.extend(joined(&kind.rules(&session.server.clone(), lease)));
        }
        let asked = Instant::now();
        let answer = session.batch(&statements).await?;
        session.round_trip = asked.elapsed();
        let identity = answer
            .first()
            .and_then(|rows| rows.first())
            .ok_or_else(|| MysqlError::lost("the server said nothing of itself"))?;
        let version = identity.text("version")?;
        let (flavour, number) = ServerInfo::parse_version(&version);
        session.behind_proxy = identity.u64("id")? != u64::from(id);
        let server = ServerInfo {
            flavour,
            version,
            number,
            max_allowed_packet: identity.u64("packet")?,
            identity: identity.text("identity")?,
            address: session.server.address.clone(),
        };
        open_ids().insert((server.identity.clone(), u64::from(id)));
        session.server = Arc::new(server);
        if !with_rules {
            session
                .set(&kind.rules(&session.server.clone(), lease))
                .await?;
        }
        if kind == SessionKind::Read
            && let Some(key) = &endpoint.mask_key
        {
            session.run(key.set_sql().expose_secret()).await?;
        }
        Ok(session)
    }

    /// Sets rules, all at once but for those that may fail.
    async fn set(&mut self, rules: &[String]) -> Result<(), MysqlError> {
        let (optional, needed): (Vec<_>, Vec<_>) = joined(rules)
            .into_iter()
            .partition(|rule| is_optional(rule));
        self.batch(&needed).await?;
        for rule in optional {
            match self.run(&rule).await {
                Err(error) if error.is_connection_lost() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Which server process and data this session talks to, asked anew.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn identity(&mut self) -> Result<String, MysqlError> {
        let sql = if self.server.is_mariadb() {
            "SELECT CONCAT_WS('|', @@hostname, @@port, @@server_id, @@pid_file, @@datadir) AS identity"
        } else {
            "SELECT @@server_uuid AS identity"
        };
        self.first(sql)
            .await?
            .ok_or_else(|| MysqlError::lost("the server said nothing of itself"))?
            .text("identity")
    }

    /// Ends every statement of this session, now and later, when `cancel` is cancelled.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Whether its owner has asked for its end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// How long ago it was begun to be opened.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// What the server is.
    #[must_use]
    pub fn server(&self) -> &Arc<ServerInfo> {
        &self.server
    }

    /// The server's id of this connection.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The id that a KILL would end this connection by; `None` behind a proxy, where it could hit a
    /// stranger.
    #[must_use]
    pub fn kill_id(&self) -> Option<u32> {
        (!self.behind_proxy).then_some(self.id)
    }

    /// Ids of all connections of this process on the same server: whoever looks for other
    /// people's leaves them out.
    #[must_use]
    pub fn our_ids(&self) -> HashSet<u64> {
        let identity = &self.server.identity;
        open_ids()
            .iter()
            .filter(|(server, _)| server == identity)
            .map(|(_, id)| *id)
            .collect()
    }

    /// Whether its seat is one that others wait for: it is to be closed after a look.
    #[must_use]
    pub fn is_brief(&self) -> bool {
        self.seat.as_ref().is_some_and(Seat::is_brief)
    }

    /// How long the server took to answer the first question: the way there and back.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// What the session is for.
    #[must_use]
    pub fn kind(&self) -> SessionKind {
        self.kind
    }

    /// Where it is connected to.
    #[must_use]
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Whether the session can take another statement.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.conn.is_some() && !self.in_statement
    }

    pub(super) fn set_in_transaction(&mut self, is: bool) {
        self.in_transaction = is;
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Runs a statement that returns no rows.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn run(&mut self, sql: &str) -> Result<Done, MysqlError> {
        let sql = sql.to_owned();
        self.guarded(async move |conn: &mut Conn| {
            conn.query_drop(sql).await?;
            Ok(done(conn))
        })
        .await
    }

    /// Runs a query and collects its rows: for metadata, never for user tables.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, MysqlError> {
        let sql = sql.to_owned();
        self.guarded(async move |conn: &mut Conn| {
            let rows: Vec<mysql_async::Row> = conn.query(sql).await?;
            Ok(rows.into_iter().map(Row).collect())
        })
        .await
    }

    /// Runs statements one after the other in one round trip, up to the first that fails: the rows
    /// of each. For metadata, never for user tables.
    ///
    /// # Errors
    /// The server's refusal of one of them, or the loss of the connection.
    pub async fn batch(
        &mut self,
        statements: &[impl AsRef<str>],
    ) -> Result<Vec<Vec<Row>>, MysqlError> {
        let texts: Vec<&str> = statements.iter().map(AsRef::as_ref).collect();
        let (sql, count) = (texts.join("; "), texts.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        self.guarded(async move |conn: &mut Conn| {
            let mut result = conn.query_iter(sql).await?;
            let mut sets = Vec::with_capacity(count);
            for _ in 0..count {
                let rows: Vec<mysql_async::Row> = result.collect().await?;
                sets.push(rows.into_iter().map(Row).collect());
            }
            result.drop_result().await?;
            Ok(sets)
        })
        .await
    }

    /// Runs a query and takes its first row.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn first(&mut self, sql: &str) -> Result<Option<Row>, MysqlError> {
        Ok(self.rows(sql).await?.into_iter().next())
    }

    /// Runs a statement with values that returns no rows: prepared, but within a transaction of
    /// [`Pooled::begin`](super::Pooled::begin) as one text. A node of a cluster that rolls a
    /// transaction back while it prepares a statement does not say so.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn exec(&mut self, sql: &str, params: Vec<Value>) -> Result<Done, MysqlError> {
        if self.in_transaction {
            return self.run(&filled(sql, &params)).await;
        }
        let (sql, params) = (sql.to_owned(), positional(params));
        self.guarded(async move |conn: &mut Conn| {
            conn.exec_drop(sql, params).await?;
            Ok(done(conn))
        })
        .await
    }

    /// Runs a query with values, as [`Self::exec`] does, and collects its rows.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn exec_rows(
        &mut self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, MysqlError> {
        if self.in_transaction {
            return self.rows(&filled(sql, &params)).await;
        }
        let (sql, params) = (sql.to_owned(), positional(params));
        self.guarded(async move |conn: &mut Conn| {
            let rows: Vec<mysql_async::Row> = conn.exec(sql, params).await?;
            Ok(rows.into_iter().map(Row).collect())
        })
        .await
    }

    /// The warnings of the last statement.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn warnings(&mut self) -> Result<Vec<Warning>, MysqlError> {
        self.rows("SHOW WARNINGS")
            .await?
            .iter()
            .map(|row| {
                Ok(Warning {
                    level: row.text("Level")?,
                    number: u16::try_from(row.u64("Code")?).unwrap_or(u16::MAX),
                    message: String::from_utf8_lossy(
                        &row.opt_bytes("Message")?.unwrap_or_default(),
                    )
                    .into_owned(),
                })
            })
            .collect()
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ping(&mut self) -> Result<(), MysqlError> {
        self.guarded(async move |conn: &mut Conn| conn.ping().await)
            .await
    }

    /// Closes the connection in order.
    pub async fn close(mut self) {
        if let Some(conn) = self.conn.take() {
            // The server ends the session in any case; a failed good-bye changes nothing.
            let _ended = tokio::time::timeout(Duration::from_secs(1), conn.disconnect()).await;
        }
    }

    /// Closes the connection without a word, as a rolled-back transaction needs it.
    pub fn abandon(mut self) {
        if self.in_statement {
            self.spend();
        }
        self.conn = None;
    }

    pub(super) fn cancel_token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Begins a statement that is driven by hand: the flag is to be cleared when its answer has
    /// been read to the end, and spends the session when it is not.
    pub(super) fn begin_statement(&mut self) -> Result<(&mut Conn, &mut bool), MysqlError> {
        if self.in_statement {
            self.spend();
        }
        match self.conn.as_mut() {
            Some(conn) => {
                self.in_statement = true;
                Ok((conn, &mut self.in_statement))
            }
            None => Err(MysqlError::lost("the connection is closed").at(&self.endpoint.label)),
        }
    }

    pub(super) fn done_of(conn: &Conn) -> Done {
        done(conn)
    }

    /// Runs `work` on the connection. Afterwards the session is usable, unless the work was
    /// cancelled, timed out, dropped, or lost its connection.
    pub(super) async fn guarded<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Conn) -> Result<T, mysql_async::Error>,
    ) -> Result<T, MysqlError> {
        let label = self.endpoint.label.clone();
        if self.in_statement {
            // The future of an earlier statement was dropped: its answer is still under way.
            self.spend();
        }
        let Some(conn) = self.conn.as_mut() else {
            return Err(MysqlError::lost("the connection is closed").at(&label));
        };
        self.in_statement = true;
        let patience = self
            .kind
            .patience()
            .unwrap_or(Duration::from_secs(365 * 86_400));
        let cancel = self.cancel.clone();
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(MysqlError::lost("the statement was cancelled")),
            () = tokio::time::sleep(patience) => {
                Err(MysqlError::lost(format!("no answer within {} s", patience.as_secs())))
            }
            result = work(conn) => match result {
                Ok(value) => {
                    self.in_statement = false;
                    return Ok(value);
                }
                Err(error) => {
                    let mut error = MysqlError::of_statement(error, &label);
                    if self.endpoint.hides_values {
                        error.hide_values();
                    }
                    if error.number.is_some() && !matches!(error.number, Some(1927 | 4031)) {
                        self.in_statement = false;
                    }
                    Err(error)
                }
            },
        };
        if self.in_statement {
            self.spend();
        }
        outcome.map_err(|e| e.at(&label))
    }

    /// Closes the connection and kills its statement from a side connection.
    fn spend(&mut self) {
        if self.conn.take().is_none() || self.behind_proxy {
            return;
        }
        self.in_statement = false;
        let (endpoint, id) = (Arc::clone(&self.endpoint), self.id);
        // The side connection comes in the place of the one that was closed.
        let seat = self.seat.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Bounded by its own time-outs; nobody waits for it.
            runtime.spawn(async move {
                let brief = Duration::from_secs(5);
                let side = Self::open_on(&endpoint, SessionKind::Probe, brief, seat);
                let side = tokio::time::timeout(brief, side);
                if let Ok(Ok(mut side)) = side.await {
                    // KILL of a connection that is gone already is as good.
                    let _killed = side.run(&format!("KILL {id}")).await;
                    side.close().await;
                }
            });
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.in_statement {
            self.spend();
        }
        open_ids().remove(&(self.server.identity.clone(), u64::from(self.id)));
    }
}

fn positional(params: Vec<Value>) -> Params {
    if params.is_empty() {
        Params::Empty
    } else {
        Params::Positional(params)
    }
}

fn done(conn: &Conn) -> Done {
    Done {
        affected: conn.affected_rows(),
        last_insert_id: conn.last_insert_id(),
        warnings: conn.get_warnings(),
        info: conn.info().into_owned(),
    }
}
