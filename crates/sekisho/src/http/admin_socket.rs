//! `DIR/admin.sock`: commands to a running server, from whoever may open the file.
//!
//! HTTP over a Unix socket with the owner's permissions only: one `POST /` per command, one `POST /backup` per backup, JSON both
//! ways. There is no other authentication because there is no other way in: who can open it can read the database as well.
//!
//! Not here: what a command does (`admin`), how a backup is made (the store).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use sekisho_identity::Identity;
use sekisho_store::sqlite;
use sekisho_wire::Clock;
use serde::{Deserialize, Serialize};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::listener::serve;
use crate::admin::{self, Command, NotDone, Outcome, execute, kept};

/// The largest answer that is read, in bytes: a list of a great many users.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The largest command, in bytes: everything that a file declares.
const COMMAND_BYTES_MAX: usize = 64 << 20;
/// Commands at once; further ones wait in the socket's queue.
const COMMANDS_MAX: usize = 64;
/// How long to wait after the system could not accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The socket of a running server. The file goes when this does.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    accepting: AbortHandle,
    _stop: watch::Sender<bool>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("cannot take commands at `{}`: {source}", path.display())]
pub struct NoSocket {
    /// Where it was to be.
    pub path: PathBuf,
    /// What the system said; a path of more than about 100 bytes is too long.
    pub source: io::Error,
}

/// Why a command could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody listens.
    #[error("no server runs on this directory")]
    NoServer,
    /// Somebody may listen, and we may not or cannot speak to them.
    #[error("cannot speak to the server at `{}`: {source}", path.display())]
    Barred {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server would not read it.
    #[error("the command has {bytes} bytes: expected at most {COMMAND_BYTES_MAX}; declare it in several files")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// The server said no.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// The conversation broke.
    #[error("the server's answer cannot be read: {0}")]
    Broken(String),
}

/// A backup that is wanted.
#[derive(Serialize, Deserialize)]
struct Wanted {
    file: PathBuf,
}

// === impl AdminSocket ===

impl AdminSocket {
    /// Listens in `dir`, whose lock is held; a file that an earlier server left there is replaced.
    ///
    /// # Errors
    /// [`NoSocket`].
    pub fn open(dir: &Path, identity: Arc<Identity>, clock: Arc<dyn Clock>, handle: &Handle) -> Result<Self, NoSocket> {
        let path = at(dir);
        let listener = bind(dir, &path).map_err(|source| NoSocket { path: path.clone(), source })?;
        let keeping = Router::new().route("/backup", post(backup)).with_state(Arc::from(dir));
        let router = Router::new().route("/", post(command)).with_state(identity);
        // The connection's own limit holds for every body.
        let router = router.layer(DefaultBodyLimit::disable()).merge(keeping);
        let (stop, stopping) = watch::channel(false);
        let accepting = handle.spawn(accept(listener, router, clock, stopping)).abort_handle();
        Ok(Self { path, accepting, _stop: stop })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where the socket of a directory is.
#[must_use]
pub fn at(dir: &Path) -> PathBuf {
    dir.join("admin.sock")
}

/// Made where nobody else can look, and moved into place when only its owner may open it: between `bind` and `chmod` a
/// socket has the permissions that the process's mask happens to give.
fn bind(dir: &Path, path: &Path) -> io::Result<UnixListener> {
    let workshop = dir.join(".admin");
    match std::fs::remove_dir_all(&workshop) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::fs::DirBuilder::new().mode(0o700).create(&workshop)?;
    // One byte longer than the place it moves to, so that a directory whose name is too long shows here.
    let made = workshop.join("sock");
    let listener = UnixListener::bind(&made)?;
    std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&made, path)?;
    std::fs::remove_dir(&workshop)?;
    Ok(listener)
}

async fn accept(listener: UnixListener, router: Router, clock: Arc<dyn Clock>, stopping: watch::Receiver<bool>) {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= COMMANDS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let limited = (router.clone(), COMMAND_BYTES_MAX);
                connections.spawn(serve(stream, nobody, limited, Arc::clone(&clock), stopping.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a command could not be accepted");
                clock.sleep_until(clock.monotonic().plus(ACCEPT_PAUSE)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn command(
    State(identity): State<Arc<Identity>>,
    command: Result<Json<Command>, JsonRejection>,
) -> Result<Json<Outcome>, (StatusCode, Json<NotDone>)> {
    let Json(command) = command.map_err(|rejection| unread(&rejection))?;
    let outcome = execute(&admin::of_command_line(&identity), command).await;
    outcome.map(Json).map_err(|error| (StatusCode::CONFLICT, Json(error)))
}

fn unread(rejection: &JsonRejection) -> (StatusCode, Json<NotDone>) {
    let words = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("the command is too large: expected at most {COMMAND_BYTES_MAX} bytes")
        }
        _ => rejection.body_text(),
    };
    (rejection.status(), Json(NotDone(words)))
}

/// By the server's own hands, so that the file is the server's and its writer is not asked to stand aside.
async fn backup(
    State(dir): State<Arc<Path>>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Outcome>, (StatusCode, Json<NotDone>)> {
    let made = sqlite::backup(&dir, &wanted.file).await;
    let made = made.map_err(|error| (StatusCode::CONFLICT, Json(NotDone(error.to_string()))))?;
    tracing::info!(file = %made.path.display(), bytes = made.bytes, "a backup was written");
    Ok(Json(kept(&made)))
}

/// Sends a command to the server that runs on `dir`.
///
/// # Errors
/// [`SendError`].
pub async fn send(dir: &Path, command: &Command) -> Result<Outcome, SendError> {
    ask(dir, "/", serde_json::to_vec(command)).await
}

/// Has the server that runs on `dir` write a backup to this absolute path.
///
/// # Errors
/// [`SendError`].
pub async fn send_backup(dir: &Path, file: PathBuf) -> Result<Outcome, SendError> {
    ask(dir, "/backup", serde_json::to_vec(&Wanted { file })).await
}

async fn ask(dir: &Path, path: &str, body: serde_json::Result<Vec<u8>>) -> Result<Outcome, SendError> {
    let broken = |error: &dyn std::fmt::Display| SendError::Broken(error.to_string());
    let body = body.map_err(|error| broken(&error))?;
    let stream = connect(&at(dir)).await?;
    // Only now: without a server there is no such limit. It would answer before it has read all, and might not be heard.
    if body.len() > COMMAND_BYTES_MAX {
        return Err(SendError::TooLarge { bytes: body.len() });
    }
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(&error))?;
    let request = Request::post(path)
        .header(HOST, "admin")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| broken(&error))?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok::<_, SendError>((status, body.map_err(|error| broken(&error))?.to_bytes()))
    };
    let mut answered = std::pin::pin!(answered);
    let (status, body) = tokio::select! {
        answered = &mut answered => answered?,
        // The answer may have come with the end, and whatever did not come says why.
        _ = connection => answered.await?,
    };
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).map_err(|error| broken(&error));
    }
    match serde_json::from_slice::<NotDone>(&body) {
        Ok(error) => Err(error.into()),
        Err(_) => Err(SendError::Broken(String::from_utf8_lossy(&body).into_owned())),
    }
}

/// Only where certainly nobody listens may the caller open the database himself.
async fn connect(path: &Path) -> Result<UnixStream, SendError> {
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(stream),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            Err(SendError::NoServer)
        }
        Err(source) => Err(SendError::Barred { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests;
