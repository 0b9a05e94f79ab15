//! What the demo asks of the wiring: one file on the roof names the rooms, and it is not one of these.
//!
//! The demo is a tenant. It says where identity and operations are to listen, who is to be known there, and what the
//! gateway is to do; how rooms are made and joined is the house's business. Here as between machines the gateway reaches
//! identity over its wire forms, at an address of the demo's choosing, so that this leg is made of bytes that can be
//! recorded.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sekisho_gateway::config;
use sekisho_model::client::Registration;
use sekisho_token::{Entropy, Secret};
use sekisho_wire::{Audit, BoxFuture, ClientId, Clock, Scopes};
use tokio::runtime::Handle;

use crate::http::tls::Pair;

/// Why the house could not do something; the roof's own words, passed through.
pub type Trouble = Box<dyn Error + Send + Sync>;

/// The ground floor: store, identity, operations.
#[derive(Debug)]
pub struct Ground {
    /// Where the house keeps its data; exists, and is locked from now on.
    pub data: PathBuf,
    /// Where identity listens; loopback, not blocking.
    pub identity: TcpListener,
    /// What issuers begin with: `http://localhost:PORT`, or `https` with a certificate.
    pub public_url: String,
    /// What identity shows, when it speaks TLS.
    pub certificate: Option<Pair>,
    /// Where `/healthz` and `/readyz` are served; loopback, not blocking.
    pub operations: TcpListener,
}

/// A person to be known in the default realm.
#[derive(Debug)]
pub struct Person {
    /// The name to log in with.
    pub name: String,
    /// The password to be set when the person is new.
    pub password: Secret<String>,
    /// What the person may do.
    pub scopes: Scopes,
}

/// A client to be known in the default realm.
#[derive(Debug)]
pub struct Program {
    /// Its id.
    pub id: ClientId,
    /// How it is to be registered.
    pub registration: Registration,
    /// Its secret, when an earlier start was told one.
    pub secret: Option<Secret<String>>,
}

/// The gateway.
#[derive(Debug)]
pub struct Upstairs {
    /// What it is to do.
    pub config: config::Gateway,
    /// Its own client.
    pub client: ClientId,
    /// Its own client's secret.
    pub secret: Secret<String>,
    /// Where it finds identity: the address of a relay, not that of the issuer.
    pub identity: SocketAddr,
    /// What the gateway shows, when it speaks TLS, as whoever listens at `identity` does then.
    pub certificate: Option<Pair>,
    /// Who vouches for identity, in PEM; empty without TLS.
    pub authorities: Vec<u8>,
}

/// What everybody in the house shares.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What everything waits on.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Where refusals are recorded.
    pub audit: Arc<dyn Audit>,
    /// Where tasks run.
    pub handle: Handle,
}

/// A house that the demo may move into.
pub trait Premises: Send {
    /// What everybody shares.
    fn shared(&self) -> Shared;

    /// Opens the store, starts identity and operations.
    fn lay_ground(&mut self, ground: Ground) -> BoxFuture<'_, Result<(), Trouble>>;

    /// Makes the person, unless there is one of that name already.
    fn admit_person(&self, person: Person) -> BoxFuture<'_, Result<(), Trouble>>;

    /// Makes the client, unless there is one of that id already. Gives a secret where one was made: for a client that is
    /// new and keeps one, and for one whose secret the caller does not know.
    fn admit_program(&self, program: Program) -> BoxFuture<'_, Result<Option<Secret<String>>, Trouble>>;

    /// Starts the gateway on a free port of loopback, with the wire forms of the ports; returns when it has read the feed.
    fn open_upstairs(&mut self, upstairs: Upstairs) -> BoxFuture<'_, Result<SocketAddr, Trouble>>;

    /// Stops the gateway: no new connections, those at work may end within `deadline`.
    fn close_upstairs(&mut self, deadline: Duration) -> BoxFuture<'_, ()>;

    /// Stops identity, operations and the store.
    fn leave(&mut self, deadline: Duration) -> BoxFuture<'_, ()>;
}
