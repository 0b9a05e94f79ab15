//! The circumstances of a write: where, when, by whom. Every write method takes one, and its audit row comes from it.

use std::net::IpAddr;

use sekisho_token::Timestamp;
use sekisho_wire::audit::Event;
use sekisho_wire::{AuditEvent, ClientId, RealmName, RequestId, Subject};

/// The circumstances of one write.
#[derive(Clone, Debug)]
pub struct Act {
    /// In which realm.
    pub realm: RealmName,
    /// When, by the caller's clock.
    pub now: Timestamp,
    /// By which administrator, where one did.
    pub by: Option<Subject>,
    /// By which client, where one asked.
    pub client: Option<ClientId>,
    /// From where, where a person or client sits behind it.
    pub address: Option<IpAddr>,
    /// On behalf of which request.
    pub request: Option<RequestId>,
}

// === impl Act ===

impl Act {
    /// A write by the house itself: bootstrap, upkeep, the command line.
    #[must_use]
    pub const fn by_house(realm: RealmName, now: Timestamp) -> Self {
        Self { realm, now, by: None, client: None, address: None, request: None }
    }

    /// The audit line for something that happened in this write; the caller adds whom it concerns.
    #[must_use]
    pub fn audit(&self, event: Event) -> AuditEvent {
        let mut line = AuditEvent::new(self.now, "identity", event);
        line.realm = Some(self.realm.clone());
        line.by.clone_from(&self.by);
        line.client.clone_from(&self.client);
        line.address = self.address;
        line.request = self.request;
        line
    }
}
