//! Carries out a command line.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use sekisho_guard::clock::SystemClock;
use sekisho_token::{Entropy, SystemEntropy};
use sekisho_wire::RefusalId;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::{Cli, Command, Place, administer, check, declare, doctor, keep};
use crate::audit::AuditFiles;
use crate::config::{self, Config, schema};
use crate::declared::{self, Hashes};
use crate::demo;
use crate::explain::{Explanation, explain};
use crate::http::admin_socket::AdminSocket;
use crate::kek;
use crate::log;
use crate::wiring::{GatewayPlan, House, IdentityPlan, Lodging, Surroundings, Switches};

/// Threads that serve everything but proxied requests.
const CONTROL_THREADS: usize = 2;
/// How long requests under way may take when the process is told to end: less than the half minute after which whoever
/// told it usually kills it.
const DRAIN: Duration = Duration::from_secs(25);

/// What a shell reports of a program that wrote where nobody read any more: 128 and the number of SIGPIPE.
const READER_LEFT: u8 = 141;

/// Whoever read the answer has seen enough, like `head`.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the answer any more")]
struct ReaderLeft;

/// What a command may end with.
pub(super) type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Carries the command line out and says how it went.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    log::to_stderr(cli.log_format);
    let outcome = match cli.command {
        Command::Serve { config } => on_control(serve(config)),
        Command::Demo(options) => on_control(play(options)),
        Command::Check { file, json: false } => return check::in_words(&file),
        Command::Check { file, json: true } => return check::in_json(&file),
        Command::Doctor(examination) => match control().map(|control| control.block_on(doctor::doctor(examination))) {
            Ok(Ok(code)) => return code,
            Ok(Err(error)) => Err(error),
            Err(error) => Err(error.into()),
        },
        Command::Schema => print(format_args!("{:#}", schema())),
        Command::Explain { id, place, json: false } => explained(&place, id).and_then(print),
        Command::Explain { id, place, json: true } => {
            explained(&place, id).and_then(|told| print(format_args!("{:#}", told.as_json())))
        }
        Command::Apply { schema: true, .. } => print(format_args!("{:#}", declared::schema())),
        Command::Apply { file, how, place, schema: false } => {
            on_control(declare::apply(file.unwrap_or_default(), how, place))
        }
        Command::Export { realms, with_hashes, place } => {
            let hashes = if with_hashes { Hashes::With } else { Hashes::Without };
            on_control(declare::export(realms, hashes, place))
        }
        Command::Realm(command) => on_control(administer::realm(command)),
        Command::User(command) => on_control(administer::user(command)),
        Command::Client(command) => on_control(administer::client(command)),
        Command::Token(command) => on_control(administer::token(command)),
        Command::Key(command) => on_control(administer::key(command)),
        Command::Feed(command) => on_control(administer::feed(command)),
        Command::Backup(keeping) => on_control(keep::backup(keeping)),
        Command::Restore(keeping) => on_control(keep::restore(keeping)),
        Command::Version => print(concat!("sekisho ", env!("CARGO_PKG_VERSION"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ReaderLeft>() => ExitCode::from(READER_LEFT),
        Err(error) => {
            let _ = writeln!(io::stderr(), "sekisho: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Where the data of a house is.
pub(super) fn data_dir(place: &Place) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
    if let Some(data) = &place.data {
        return Ok(data.clone());
    }
    Ok(configured(place.config.as_deref())?.data)
}

/// The configuration of a house, or the one that is assumed.
pub(super) fn configured(file: Option<&Path>) -> Result<Config, crate::config::ConfigError> {
    file.map_or_else(Config::assumed, Config::read)
}

/// Prints to standard output. When nobody reads it any more, the command ends there, without a word.
pub(super) fn print(what: impl Display) -> Outcome {
    match writeln!(io::stdout().lock(), "{what}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderLeft.into()),
        written => Ok(written?),
    }
}

fn on_control(work: impl Future<Output = Outcome>) -> Outcome {
    control()?.block_on(work)
}

fn control() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()
}

async fn serve(file: Option<PathBuf>) -> Outcome {
    let config = configured(file.as_deref())?;
    if file.is_none() {
        tracing::info!("no configuration was given");
    }
    for assumed in &config.assumed {
        tracing::info!("assumed: {assumed}");
    }
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    make_data_dir(&config.data)?;
    let audit = Arc::new(AuditFiles::open(&config.data.join("audit"))?);
    let surroundings = surroundings(&audit);
    let (house, socket) = raise(config, surroundings).await?;
    tracing::info!("ready");
    tokio::select! {
        () = until_told() => {}
        () = reload_when_told(&house) => {}
    }
    tracing::info!("draining; a second signal ends it at once");
    drop(socket);
    tokio::select! {
        () = house.shutdown(DRAIN) => {}
        () = until_told() => tracing::warn!("ended before requests under way did"),
    }
    audit.close();
    Ok(())
}

async fn raise(
    config: Config,
    surroundings: Surroundings,
) -> Result<(House, Option<AdminSocket>), Box<dyn std::error::Error + Send + Sync>> {
    let Config { data, database, kek, identity, gateway, operations, traces, .. } = config;
    let mut house = House::within(surroundings.clone());
    if let Some(traces) = &traces {
        house.trace(traces)?;
        tracing::info!(collector = %traces.endpoint, "spans are exported");
    }
    let operations = bind(operations, "operations.listen").await?;
    let mut socket = None;
    if let Some(identity) = identity {
        let listener = bind(identity.listen, "identity.listen").await?;
        let seal = kek::load(&kek, &data, &*surroundings.entropy)?;
        let plan = IdentityPlan { keep: database.keep(&data)?, settings: identity.settings, seal };
        house.open_identity(plan).await?;
        match identity.tls {
            Some(pair) => house.serve_identity_over_tls(listener, pair)?,
            None => house.serve_identity(listener)?,
        }
        tracing::info!(address = %shown(house.identity_addr()), "identity listens");
        if let Some(room) = house.identity() {
            let (clock, handle) = (Arc::clone(&surroundings.clock), &surroundings.handle);
            socket = Some(AdminSocket::open(&data, Arc::clone(room), clock, handle)?);
        }
    }
    if let Some(gateway) = gateway {
        // Its cores share their port, which would hide that somebody else has it.
        drop(bind(gateway.listen, "gateway.listen").await?);
        let config::Gateway { listen, config, remote, tls } = gateway;
        let plan = GatewayPlan { config, listen, remote, tls };
        house.open_gateway(plan).await?;
        tracing::info!(address = %shown(house.gateway_addr().await), "the gateway listens");
    }
    // Last: a room that is not open yet is not one that is ready.
    house.serve_operations(operations)?;
    tracing::info!(address = %shown(house.operations_addr()), "health checks are answered");
    Ok((house, socket))
}

async fn play(options: demo::Options) -> Outcome {
    make_data_dir(&options.data)?;
    let audit = Arc::new(AuditFiles::open(&options.data.join("audit"))?);
    let mut lodging = Lodging::within(surroundings(&audit));
    let mut out = io::stdout();
    let outcome = demo::run(&options, &mut lodging, &mut out, Box::pin(until_told())).await;
    audit.close();
    Ok(outcome?)
}

fn explained(place: &Place, id: RefusalId) -> Result<Explanation, Box<dyn std::error::Error + Send + Sync>> {
    Ok(explain(&data_dir(place)?.join("audit"), id)?)
}

pub(super) fn surroundings(audit: &Arc<AuditFiles>) -> Surroundings {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    Surroundings {
        clock: Arc::new(SystemClock::new()),
        entropy,
        audit: Arc::clone(audit) as _,
        handle: Handle::current(),
        switches: Switches::joined(),
    }
}

pub(super) fn make_data_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// A busy port is named by the key that moves it.
async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}; choose another with `{key}`"))
}

/// Where somebody really listens: port 0 has become a number by now.
fn shown(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "nowhere".to_owned(), |address| address.to_string())
}

/// SIGHUP: the files of certificates are looked at. A house without certificates leaves the signal its usual meaning.
async fn reload_when_told(house: &House) {
    if house.shows_certificates()
        && let Ok(mut told) = signal(SignalKind::hangup())
    {
        while told.recv().await.is_some() {
            house.reload_certificates();
        }
    }
    std::future::pending().await
}

/// SIGINT or SIGTERM.
async fn until_told() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be waited for; the process will not drain");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// An error and what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
