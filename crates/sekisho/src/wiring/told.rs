//! What a house tells of itself: numbers for a scrape, beliefs for `doctor`.
//!
//! A room that is closed is to be gone, so whoever asks holds none of them.

use std::sync::{Arc, Weak};

use sekisho_identity::Identity;
use tokio::sync::RwLock;

use super::{Gateway, House};
use crate::beliefs::{Beliefs, GatewayBeliefs, GatewayRealm, IdentityBeliefs, IdentityRealm, Key};
use crate::http::operations::{Metrics, State};
use crate::metrics::{self, page::Page};
use crate::moment::written;

/// The version that runs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

// === impl House ===

impl House {
    /// What every part that is there has counted.
    pub(super) fn metrics(&self) -> Metrics {
        let (gateway, audit, started) = (Arc::clone(&self.gateway), Arc::clone(&self.surroundings.audit), self.started);
        let otlp = self.traces.as_ref().map(|traces| Arc::clone(&traces.otlp));
        let room = self.identity.as_ref().map_or_else(Weak::new, |part| Arc::downgrade(&part.room));
        let store = self.identity.as_ref().map_or_else(Weak::new, |part| Arc::downgrade(&part.store));
        Arc::new(move || {
            let (gateway, audit) = (Arc::clone(&gateway), Arc::clone(&audit));
            let (room, store) = (room.clone(), store.clone());
            let exports = otlp.as_ref().map(|otlp| otlp.exports()).unwrap_or_default();
            Box::pin(async move {
                let mut page = Page::default();
                metrics::house(&mut page, &*audit, started);
                metrics::spans(&mut page, exports);
                if let Some(gateway) = &*gateway.read().await {
                    metrics::gateway::write(&mut page, &gateway.readings());
                }
                if let Some(room) = room.upgrade() {
                    metrics::identity::write(&mut page, &room.readings());
                }
                if let Some(store) = store.upgrade() {
                    metrics::store::write(&mut page, &store.readings());
                }
                page.into_text()
            })
        })
    }

    /// What the process believes of itself.
    pub(super) fn state(&self) -> State {
        let (gateway, readiness, started) = (Arc::clone(&self.gateway), self.readiness(), self.started);
        let room = self.identity.as_ref().map_or_else(Weak::new, |part| Arc::downgrade(&part.room));
        let base_url = self.identity.as_ref().map(|part| part.base_url.clone()).unwrap_or_default();
        let identity_addr = self.identity_addr();
        let clock = Arc::clone(&self.surroundings.clock);
        Arc::new(move || {
            let (gateway, readiness, room) = (Arc::clone(&gateway), Arc::clone(&readiness), room.clone());
            let (base_url, now) = (base_url.clone(), clock.wall());
            Box::pin(async move {
                let identity = match room.upgrade() {
                    Some(room) => {
                        let realms = realms_of(&room, &base_url).await;
                        Some(IdentityBeliefs { listens: identity_addr, realms, public_url: base_url })
                    }
                    None => None,
                };
                Beliefs {
                    version: VERSION.to_owned(),
                    process: std::process::id(),
                    started: written(started),
                    clock: written(now),
                    not_ready: readiness().await.into_iter().map(str::to_owned).collect(),
                    identity,
                    gateway: gateway_of(&gateway).await,
                }
            })
        })
    }
}

async fn realms_of(room: &Identity, base_url: &str) -> Vec<IdentityRealm> {
    let (admin, mut realms) = (room.admin(), Vec::new());
    for reading in room.readings().realms {
        realms.push(IdentityRealm {
            issuer: reading.name.issuer(base_url).to_string(),
            feed: reading.feed.to_string(),
            keys: admin.keys(&reading.name).await.unwrap_or_default().into_iter().map(Key::from).collect(),
            name: reading.name.to_string(),
        });
    }
    realms
}

async fn gateway_of(gateway: &RwLock<Option<Gateway>>) -> Option<GatewayBeliefs> {
    let gateway = gateway.read().await;
    let gateway = gateway.as_ref()?;
    let readings = gateway.readings();
    let realm = |reading: sekisho_gateway::RealmReading| GatewayRealm {
        name: reading.name.to_string(),
        feed: reading.feed.map(|(position, _)| position.to_string()),
        age_ms: reading.feed.map(|(_, age)| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
    };
    Some(GatewayBeliefs {
        listens: gateway.addr(),
        // One of them is for requests that belong to no route.
        routes: readings.routes.len().saturating_sub(1),
        realms: readings.realms.into_iter().map(realm).collect(),
    })
}
