//! The demo: the whole house on loopback, with two sample services, and what travelled on each leg to look at.
//!
//! ```text
//!   browser ─► relay ─► gateway ─► relay ─► identity            an arrow is a TCP connection, and each relay copies
//!                          ├─────► relay ─► orders ─► relay ─► stock     what passes to the recorder
//!                          └─────► start page
//! ```
//!
//! It is the rig of tests and of whoever tries the product: everything is real but for the relays, which exist here only.
//! Identity is called `localhost` and the gateway `127.0.0.1`, because cookies know no ports and the two must not share
//! them. The gateway sees the relay's address as its caller's: loopback, like every caller's here.
//!
//! Not here: how the rooms are made and joined ([`premises`]), the command line.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sekisho_gateway::config::{self, Scheme};
use sekisho_guard::clock::before;
use sekisho_guard::layer::{GuardError, Revocation};
use sekisho_token::Secret;
use sekisho_wire::scope::MalformedScope;
use sekisho_wire::{BoxFuture, RealmName, Scopes};

use address::Port;
use cast::{Credentials, Role};
use manifest::{AdminEntry, ClientEntry, Manifest, UserEntry};
use papers::{Papers, PapersError};
use premises::{Ground, Person, Premises, Program, Shared, Trouble, Upstairs};
use recorder::{Leg, Recorder};
use relay::Relay;
use routes::Upstreams;
use services::{Pair, Secrets, Server, Site};
use wrap::Wrap;

mod address;
mod announce;
mod cast;
mod manifest;
pub mod orders;
mod page;
mod papers;
pub mod premises;
mod recorder;
mod relay;
mod routes;
mod services;
mod shown;
pub mod stock;
mod wrap;

/// How long those at work may take to end when the demo is stopped.
const DRAIN: Duration = Duration::from_secs(5);
/// How long everything may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// `sekisho demo …`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the demo keeps its database, its passwords and demo.json.
    #[arg(long, value_name = "DIR", default_value = "./.sekisho-demo")]
    pub data: PathBuf,
    /// The gateway's port; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub gateway_port: u16,
    /// Identity's port; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 7000)]
    pub identity_port: u16,
    /// The port of /healthz and /readyz; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 7001)]
    pub operations_port: u16,
    /// Speak https; the authority to trust is left in the data directory, as ca.pem.
    #[arg(long)]
    pub tls: bool,
}

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody listens there already.
    #[error("port {port} is taken: choose another with `{flag} PORT`, or any free one with `{flag} 0`")]
    PortTaken {
        /// The port.
        port: u16,
        /// The flag that moves it.
        flag: &'static str,
    },
    /// The operating system gave no listener.
    #[error("cannot listen on loopback: {0}")]
    Listen(#[source] io::Error),
    /// The data directory cannot be used.
    #[error("cannot use the data directory `{}`: {error}", path.display())]
    Data {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// There is no certificate to show.
    #[error(transparent)]
    Papers(#[from] PapersError),
    /// The demo's own authority is none.
    #[error("the relays cannot speak TLS: {0}")]
    Wrap(#[source] Trouble),
    /// Nothing can be printed.
    #[error("cannot print: {0}")]
    Print(#[source] io::Error),
    /// The house could not be raised.
    #[error("{0}")]
    House(#[from] Trouble),
    /// A sample service's guard could not be made.
    #[error("a sample service cannot be guarded: {0}")]
    Guard(#[from] GuardError),
    /// Not everything became ready.
    #[error("the sample services did not become ready within {} s", READY.as_secs())]
    NotReady,
    /// The demo's own names are not what the house takes for names.
    #[error("the demo's own cast is malformed")]
    Roster,
}

/// The listeners that people know.
struct Front {
    gateway: (TcpListener, SocketAddr),
    identity: (TcpListener, SocketAddr),
    operations: (TcpListener, SocketAddr),
}

/// What runs beside the house.
struct Running {
    /// In the order in which they are drained.
    public: Relay,
    to_identity: Relay,
    pairs: [Pair; 2],
    page: Server,
}

/// Runs the demo until `until` completes, then drains it.
///
/// # Errors
/// [`Error`], when it did not start.
pub async fn run(
    options: &Options,
    premises: &mut dyn Premises,
    out: &mut (dyn Write + Send),
    until: BoxFuture<'_, ()>,
) -> Result<(), Error> {
    let data = &options.data;
    let unusable = |error| Error::Data { path: data.clone(), error };
    let front = Front::take(options)?;
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(unusable)?;

    let (manifest, running) = start(front, options, premises).await?;
    announce::announce(&manifest, data, out).map_err(Error::Print)?;
    // The last step: whoever sees the file may begin.
    manifest.publish(data).map_err(unusable)?;

    until.await;
    Manifest::remove(data).map_err(unusable)?;
    running.drain(premises).await;
    premises.leave(DRAIN).await;
    Ok(())
}

/// From the ground floor up, each part when what it leans on stands.
async fn start(front: Front, options: &Options, premises: &mut dyn Premises) -> Result<(Manifest, Running), Error> {
    let data = &options.data;
    let Front { gateway: (public, gateway), identity: (identity, identity_at), operations } = front;
    let unusable = |error| Error::Data { path: data.to_owned(), error };
    let Shared { clock, entropy, audit, handle } = premises.shared();
    let papers = if options.tls { Some(Papers::at(data, clock.wall())?) } else { None };
    let scheme = if papers.is_some() { Scheme::Https } else { Scheme::Http };
    let certificate = papers.as_ref().map(|papers| papers.pair.clone());
    let public_url = format!("{}://localhost:{}", scheme.as_str(), identity_at.port());
    let certificates = certificate.clone();
    let ground =
        Ground { data: data.clone(), identity, public_url, certificate: certificates, operations: operations.0 };
    let admin = AdminEntry::of(&ground.public_url, data).map_err(unusable)?;
    let realm: RealmName = RealmName::DEFAULT.parse().map_err(|_| Error::Roster)?;
    let issuer = realm.issuer(&ground.public_url);
    premises.lay_ground(ground).await?;
    // From here on the directory is ours alone, so what lies there is nobody else's.
    Manifest::remove(data).map_err(unusable)?;
    let credentials = admit(data, premises).await?;

    let recorder = Recorder::new(clock.clone());
    let authorities = papers.as_ref().map(|papers| papers.authority_pem.clone()).unwrap_or_default();
    let wrap = papers.as_ref().map(|papers| Wrap::with(papers, &clock, &handle)).transpose();
    let wrap = wrap.map_err(Error::Wrap)?;
    let site = Site {
        issuer: issuer.to_string(),
        clock: clock.clone(),
        entropy,
        audit,
        recorder,
        handle,
        authorities: authorities.clone(),
        wrap,
    };
    let secrets = Secrets { orders: secret(&credentials, Role::Orders)?, stock: secret(&credentials, Role::Stock)? };
    let following = Pair::start(&site, &secrets, Revocation::Feed)?;
    let until_expiry = Pair::start(&site, &secrets, Revocation::None)?;
    let (identity, to_identity) = site.relay(Leg::GATEWAY_IDENTITY, identity_at)?;
    let authority = papers.as_ref().map(|papers| papers.authority.display().to_string());
    let gateway = format!("{}://{gateway}", scheme.as_str());
    let manifest = manifest((gateway, issuer.as_str(), operations.1), admin, &credentials);
    let manifest = Manifest { certificate_authority: authority, ..manifest };
    let explain = format!("sekisho explain --data {}", data.display());
    let page = Server::start(&site.handle, page::router(&manifest, &explain, site.recorder.clone()))?;

    let upstreams =
        Upstreams { page: page.address, orders: following.orders, orders_until_expiry: until_expiry.orders };
    let upstairs = Upstairs {
        config: config::Gateway { scheme, ..routes::gateway(upstreams)? },
        client: Role::Gateway.client_id().parse().map_err(|_| Error::Roster)?,
        secret: secret(&credentials, Role::Gateway)?,
        identity,
        certificate,
        authorities,
    };
    let inner = premises.open_upstairs(upstairs).await?;
    let public = site.relay_at(public, Leg::CLIENT_GATEWAY, inner)?;
    let ready = async { tokio::join!(following.started(), until_expiry.started()) };
    before(&*clock, clock.monotonic().plus(READY), ready).await.map_err(|_| Error::NotReady)?;
    Ok((manifest, Running { public, to_identity, pairs: [following, until_expiry], page }))
}

/// Makes everybody known to identity who is not yet, and keeps what they prove themselves with.
async fn admit(data: &Path, premises: &dyn Premises) -> Result<Credentials, Error> {
    let unusable = |error| Error::Data { path: data.to_owned(), error };
    let entropy = premises.shared().entropy;
    let mut credentials = Credentials::load(data).map_err(unusable)?;
    for (name, _) in cast::USERS {
        credentials.make_password(name, &*entropy);
    }
    // Written before anybody is made: a person whose password was lost would be of no use.
    credentials.store(data).map_err(unusable)?;
    for (name, scopes) in cast::USERS {
        let (scopes, password): (Scopes, _) = (scopes.parse()?, credentials.password(name));
        premises.admit_person(Person { name: name.to_owned(), password: password.into(), scopes }).await?;
    }
    for role in Role::ALL {
        let program = Program {
            id: role.client_id().parse().map_err(|_| Error::Roster)?,
            registration: role.registration()?,
            secret: credentials.secret(role).map(Secret::from),
        };
        if let Some(secret) = premises.admit_program(program).await? {
            credentials.set_secret(role, secret.expose().clone());
            credentials.store(data).map_err(unusable)?;
        }
    }
    Ok(credentials)
}

/// The secret of a client that keeps one.
fn secret(credentials: &Credentials, role: Role) -> Result<Secret<String>, Error> {
    credentials.secret(role).map(Secret::from).ok_or(Error::Roster)
}

fn manifest(
    (gateway, issuer, operations): (String, &str, SocketAddr),
    admin: AdminEntry,
    credentials: &Credentials,
) -> Manifest {
    let user = |(name, scopes): (&str, &str)| UserEntry {
        name: name.to_owned(),
        password: credentials.password(name).to_owned(),
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
    };
    let client = |role: Role| ClientEntry {
        client_id: role.client_id().to_owned(),
        client_secret: credentials.secret(role).map(str::to_owned),
        kind: role.kind(),
        redirect_uris: role.redirect_uris(),
    };
    Manifest {
        issuer: issuer.to_owned(),
        operations: format!("http://{operations}"),
        certificate_authority: None,
        admin,
        users: cast::USERS.map(user).to_vec(),
        clients: Role::ALL.map(client).to_vec(),
        login: routes::logins(),
        routes: routes::entries(&gateway),
        gateway,
    }
}

// === impl Error ===

impl From<MalformedScope> for Error {
    fn from(_: MalformedScope) -> Self {
        Self::Roster
    }
}

// === impl Front ===

impl Front {
    /// Takes all three, before anything else happens: a second demo must not touch the first one's data.
    fn take(options: &Options) -> Result<Self, Error> {
        Ok(Self {
            gateway: Port { flag: "--gateway-port", number: options.gateway_port }.take()?,
            identity: Port { flag: "--identity-port", number: options.identity_port }.take()?,
            operations: Port { flag: "--operations-port", number: options.operations_port }.take()?,
        })
    }
}

// === impl Running ===

impl Running {
    /// Ends what runs beside the house and the gateway in between, from the outside in, so that whoever is still being
    /// served finds what it needs. What has not ended within [`DRAIN`] is dropped.
    async fn drain(self, premises: &mut dyn Premises) {
        let clock = premises.shared().clock;
        let Self { public, to_identity, pairs, page } = self;
        let drained = async {
            public.close();
            premises.close_upstairs(DRAIN).await;
            public.drain().await;
            page.drain().await;
            for pair in pairs {
                pair.drain().await;
            }
            to_identity.drain().await;
        };
        // Whoever is late is dropped, and with it its connections.
        let _ = before(&*clock, clock.monotonic().plus(2 * DRAIN), drained).await;
    }
}
