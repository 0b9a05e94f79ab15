//! Makes connections, each set up as the workers need it, and says when it is worth trying.
//!
//! Nobody waits for a server that is away: a call that finds no connection tries to make one, and where that failed a
//! moment ago it does not even try. So calls fail at once, and the server is not stormed when it comes back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_wire::{Clock, Monotonic};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

use super::address::{Address, RootError};
use super::driver::{PostgresDriver, TroubleCell};
use crate::connection::Connection;

/// How long making a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long after a failure nobody tries; twice as long after each further one.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest such time: how late the return of a server may be noticed.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Callers wait for 5 s, so a statement that runs longer works for nobody. A process that vanished in the middle of a
/// transaction must not keep its locks for long. Commits are synced whatever the server does by default, except where it
/// waits for more than that.
const SET_UP: &str = "SET statement_timeout = '4s'; SET lock_timeout = '3s'; \
                      SET idle_in_transaction_session_timeout = '10s'; \
                      SET default_transaction_isolation = 'read committed'; \
                      SELECT set_config('synchronous_commit', 'on', false) \
                      WHERE current_setting('synchronous_commit') = 'off'";

/// Makes connections to one database.
#[derive(Debug)]
pub(crate) struct Opener {
    options: PgConnectOptions,
    shown: String,
    clock: Arc<dyn Clock>,
    reach: Mutex<Reach>,
}

/// A connection, and what went wrong on it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) trouble: Arc<TroubleCell>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server cannot be reached or refuses us.
    #[error(transparent)]
    Refused(#[from] sqlx::Error),
    /// The server did not answer in time.
    #[error("no answer within {} s", CONNECT_WITHIN.as_secs())]
    Slow,
    /// Nobody is named who may vouch for the server.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The server is a copy that may be behind, and cannot be written to.
    #[error("the server is a standby: expected the primary")]
    Standby,
}

/// What the last tries told.
#[derive(Debug)]
enum Reach {
    Good,
    Lost { not_before: Monotonic, pause: Duration },
}

// === impl Opener ===

impl Opener {
    pub(crate) fn new(address: &Address, clock: Arc<dyn Clock>) -> Self {
        Self { options: address.options(), shown: address.to_string(), clock, reach: Mutex::new(Reach::Good) }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// A connection, unless there is none to be had now.
    pub(crate) async fn open(&self) -> Option<Link> {
        if let Reach::Lost { not_before, .. } = *self.reach()
            && self.clock.monotonic() < not_before
        {
            return None;
        }
        match self.connect().await {
            Ok(connection) => {
                if let Reach::Lost { .. } = std::mem::replace(&mut *self.reach(), Reach::Good) {
                    tracing::info!(database = self.shown, "PostgreSQL is back");
                }
                let (driver, trouble) = PostgresDriver::new(connection);
                Some(Link { connection: Connection::over(driver), trouble })
            }
            Err(error) => {
                self.missed(&error);
                None
            }
        }
    }

    /// Tries now.
    pub(crate) async fn connect(&self) -> Result<PgConnection, ConnectError> {
        let deadline = self.clock.monotonic().plus(CONNECT_WITHIN);
        tokio::select! {
            biased;
            connection = self.set_up() => connection,
            () = self.clock.sleep_until(deadline) => Err(ConnectError::Slow),
        }
    }

    async fn set_up(&self) -> Result<PgConnection, ConnectError> {
        let mut connection = self.options.connect().await?;
        // What a standby tells may be old, and the head of a feed must never be.
        if sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut connection).await? {
            return Err(ConnectError::Standby);
        }
        sqlx::raw_sql(SET_UP).execute(&mut connection).await?;
        Ok(connection)
    }

    fn missed(&self, error: &ConnectError) {
        let mut reach = self.reach();
        let pause = match *reach {
            Reach::Good => {
                tracing::error!(database = self.shown, %error, "PostgreSQL is away");
                PAUSE_MIN
            }
            Reach::Lost { pause, .. } => pause.saturating_mul(2).min(PAUSE_MAX),
        };
        *reach = Reach::Lost { not_before: self.clock.monotonic().plus(pause), pause };
    }

    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
