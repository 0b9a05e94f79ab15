//! The sample services, running: orders and stock with a relay in front of each, so that their legs are on the record.
//!
//! They run twice. One pair follows identity's feed, as a service should; the other one checks signatures only, which is
//! what the JWT pattern means by "until it expires": behind a gateway that does not look at revocations, services that did
//! would hide the price of the pattern.

use std::future::IntoFuture as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use sekisho_fetch::{Client, Options};
use sekisho_guard::clock::fetch_timer;
use sekisho_guard::layer::{GuardError, Revocation};
use sekisho_guard::{Guard, GuardOptions};
use sekisho_token::{Entropy, Secret};
use sekisho_wire::{Audit, Clock};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::address::loopback;
use super::cast::Role;
use super::orders::{self, Stock};
use super::recorder::{Leg, Party, Recorder};
use super::relay::{Line, Relay};
use super::wrap::Wrap;
use super::{Error, stock};

/// What all services share.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) issuer: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) recorder: Recorder,
    pub(crate) handle: Handle,
    /// Who vouches for identity, in PEM; empty without TLS.
    pub(crate) authorities: Vec<u8>,
    /// For the legs to identity and to the gateway, with TLS.
    pub(crate) wrap: Option<Wrap>,
}

/// The secrets of the services' own clients.
pub(crate) struct Secrets {
    pub(crate) orders: Secret<String>,
    pub(crate) stock: Secret<String>,
}

/// Orders and its stock.
pub(crate) struct Pair {
    /// Where orders is reached: at its relay.
    pub(crate) orders: SocketAddr,
    guards: [Guard; 2],
    servers: [Server; 2],
    relays: [Relay; 2],
}

/// A router that is being served.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: watch::Sender<bool>,
    running: JoinHandle<io::Result<()>>,
}

// === impl Site ===

impl Site {
    /// The guard of a service: the one thing it needs to be told is whose tokens it takes, and who it is itself.
    fn guard(&self, role: Role, secret: &Secret<String>, revocation: Revocation) -> Result<Guard, Error> {
        let name = role.client_id();
        let client = name.parse().map_err(|_| Error::Roster)?;
        let mut options = GuardOptions::new(&self.issuer, name, client, secret.clone());
        options.revocation = revocation;
        options.extra_roots.clone_from(&self.authorities);
        options.clock = self.clock.clone();
        options.entropy = self.entropy.clone();
        options.audit = self.audit.clone();
        Ok(Guard::remote(options).start_on(&self.handle)?)
    }

    /// A relay in front of `target`, and where it listens.
    pub(crate) fn relay(&self, leg: Leg, target: SocketAddr) -> Result<(SocketAddr, Relay), Error> {
        let (listener, address) = loopback(0).map_err(Error::Listen)?;
        Ok((address, self.relay_at(listener, leg, target)?))
    }

    /// A relay at a listener that exists already.
    pub(crate) fn relay_at(
        &self,
        listener: std::net::TcpListener,
        leg: Leg,
        target: SocketAddr,
    ) -> Result<Relay, Error> {
        let _runtime = self.handle.enter();
        let listener = TcpListener::from_std(listener).map_err(Error::Listen)?;
        let wrap = match leg.to {
            Party::Gateway | Party::Identity => self.wrap.clone(),
            // The services are plain, as they would be behind a gateway on one machine.
            Party::Client | Party::Orders | Party::Stock => None,
        };
        let line = Line { leg, target, recorder: self.recorder.clone(), clock: self.clock.clone(), wrap };
        Ok(Relay::start(&self.handle, listener, line))
    }
}

// === impl Pair ===

impl Pair {
    /// Starts both services and their relays.
    pub(crate) fn start(site: &Site, secrets: &Secrets, revocation: Revocation) -> Result<Self, Error> {
        let stock_guard = site.guard(Role::Stock, &secrets.stock, revocation)?;
        let orders_guard = site.guard(Role::Orders, &secrets.orders, revocation)?;
        let stock_server = Server::start(&site.handle, stock::router(&stock_guard))?;
        let (stock_address, stock_relay) = site.relay(Leg::ORDERS_STOCK, stock_server.address)?;

        let options = Options::new(fetch_timer(&site.clock), site.handle.clone());
        let stock = Stock {
            address: format!("http://{stock_address}").parse().map_err(|_| Error::Roster)?,
            client: Client::configured(options).map_err(GuardError::from)?,
        };
        let orders_server = Server::start(&site.handle, orders::router(&orders_guard, stock))?;
        let (orders, orders_relay) = site.relay(Leg::GATEWAY_ORDERS, orders_server.address)?;
        Ok(Self {
            orders,
            guards: [orders_guard, stock_guard],
            servers: [orders_server, stock_server],
            relays: [orders_relay, stock_relay],
        })
    }

    /// Waits until both have loaded the issuer's keys, and revocations where they follow them.
    pub(crate) async fn started(&self) {
        for guard in &self.guards {
            guard.started().await;
        }
    }

    /// Ends both, orders first, since it asks stock.
    pub(crate) async fn drain(self) {
        for (server, relay) in self.servers.into_iter().zip(self.relays) {
            server.drain().await;
            relay.drain().await;
        }
    }
}

// === impl Server ===

impl Server {
    /// Serves `router` on a loopback port of its own.
    pub(crate) fn start(on: &Handle, router: Router) -> Result<Self, Error> {
        let (listener, address) = loopback(0).map_err(Error::Listen)?;
        let _runtime = on.enter();
        let listener = TcpListener::from_std(listener).map_err(Error::Listen)?;
        let (stop, mut stopped) = watch::channel(false);
        let signal = async move {
            // An error means that whoever could have asked for the end is gone.
            let _ = stopped.changed().await;
        };
        let serving = axum::serve(listener, router).with_graceful_shutdown(signal);
        Ok(Self { address, stop, running: on.spawn(serving.into_future()) })
    }

    /// Takes no more requests and waits for those that are being answered.
    pub(crate) async fn drain(self) {
        self.stop.send_replace(true);
        // How it ended is of no use to anybody any more.
        let _ = self.running.await;
    }
}
