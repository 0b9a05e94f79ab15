//! Switches between the rooms: the ports as the gateway is given them, with a [`Cut`] in front of each.
//!
//! In a running product every switch stays joined. Tests take a room away with them.

use std::sync::Weak;

use sekisho_token::Secret;
use sekisho_wire::cut::{Cut, State};
use sekisho_wire::exchange::{ExchangeError, Inspect, Inspected, Swap, Swapped, Wrap};
use sekisho_wire::feed::{After, Head, Reader, Snapshot};
use sekisho_wire::login::{Attempt, LoginError, Redeem, Renew, Revoke, Tokens};
use sekisho_wire::{BoxFuture, Exchange, Feed, Login, Position, RealmName, Unavailable};

use std::sync::Arc;

/// Every switch of the house.
#[derive(Clone, Debug)]
pub struct Switches {
    /// Between the gateway and identity, whole.
    pub identity: Cut,
    /// Between identity and the database.
    pub store: Cut,
    /// In front of the feed's head alone.
    pub head: Cut,
    /// In front of the hand-over of entries: severed, no reader is told of anything.
    pub wakeups: Cut,
}

/// A port behind the switch in front of identity.
#[derive(Debug)]
pub(super) struct Switched<P: ?Sized> {
    port: Arc<P>,
    switches: Switches,
}

// === impl Switches ===

impl Switches {
    /// All joined.
    #[must_use]
    pub fn joined() -> Self {
        Self {
            identity: Cut::joined("identity"),
            store: Cut::joined("store"),
            head: Cut::joined("feed"),
            wakeups: Cut::joined("wakeups"),
        }
    }

    pub(super) fn before<P: ?Sized>(&self, port: Arc<P>) -> Arc<Switched<P>> {
        Arc::new(Switched { port, switches: self.clone() })
    }
}

// === impl Switched ===

impl Feed for Switched<dyn Feed> {
    fn head<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Head, Unavailable>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.switches.head.pass().await?;
            self.port.head(realm).await
        })
    }

    fn after<'a>(&'a self, realm: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, Unavailable>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.after(realm, position).await
        })
    }

    fn snapshot<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Snapshot, Unavailable>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.snapshot(realm).await
        })
    }

    /// Decided once: a reader that is not attached is never told of anything.
    fn attach(&self, realm: &RealmName, reader: Weak<dyn Reader>) {
        if self.switches.wakeups.state() == State::Joined {
            self.port.attach(realm, reader);
        }
    }
}

impl Exchange for Switched<dyn Exchange> {
    fn swap(&self, swap: Swap) -> BoxFuture<'_, Result<Swapped, ExchangeError>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.swap(swap).await
        })
    }

    fn wrap(&self, wrap: Wrap) -> BoxFuture<'_, Result<Secret<String>, ExchangeError>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.wrap(wrap).await
        })
    }

    fn inspect(&self, inspect: Inspect) -> BoxFuture<'_, Result<Inspected, ExchangeError>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.inspect(inspect).await
        })
    }
}

impl Login for Switched<dyn Login> {
    fn challenge(&self, attempt: Attempt) -> BoxFuture<'_, Result<Secret<String>, LoginError>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.challenge(attempt).await
        })
    }

    fn redeem(&self, redeem: Redeem) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.redeem(redeem).await
        })
    }

    fn renew(&self, renew: Renew) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.renew(renew).await
        })
    }

    fn revoke(&self, revoke: Revoke) -> BoxFuture<'_, Result<(), LoginError>> {
        Box::pin(async move {
            self.switches.identity.pass().await?;
            self.port.revoke(revoke).await
        })
    }
}
