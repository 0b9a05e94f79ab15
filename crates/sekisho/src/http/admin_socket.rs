//! `DIR/admin.sock`: commands to a running server, from whoever may open the file.
//!
//! HTTP over a Unix socket with the owner's permissions only: one `POST /` per command, JSON both ways. There is no other
//! authentication because there is no other way in: who can open it can read the database as well.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use sekisho_identity::Identity;
use sekisho_wire::Clock;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::listener::serve;
use crate::admin::{Command, NotDone, Outcome, execute};

/// The largest answer that is read, in bytes: a list of a great many users.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The socket of a running server. The file goes when this does.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    accepting: AbortHandle,
    _stop: watch::Sender<bool>,
}

/// Why a command could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody listens.
    #[error("no server runs on this directory")]
    NoServer,
    /// The server said no.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// The conversation broke.
    #[error("the server's answer cannot be read: {0}")]
    Broken(String),
}

// === impl AdminSocket ===

impl AdminSocket {
    /// Listens at `path`; a file that an earlier server left there is replaced.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path, identity: Arc<Identity>, clock: Arc<dyn Clock>, handle: &Handle) -> io::Result<Self> {
        // The directory's lock is held, so whoever made a file of this name is gone.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let router = Router::new().route("/", post(command)).with_state(identity);
        let (stop, stopping) = watch::channel(false);
        let accepting = handle.spawn(accept(listener, router, clock, stopping)).abort_handle();
        Ok(Self { path: path.to_owned(), accepting, _stop: stop })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, router: Router, clock: Arc<dyn Clock>, stopping: watch::Receiver<bool>) {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, nobody, router.clone(), Arc::clone(&clock), stopping.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn command(
    State(identity): State<Arc<Identity>>,
    Json(command): Json<Command>,
) -> Result<Json<Outcome>, (StatusCode, Json<NotDone>)> {
    let outcome = execute(&identity.admin(), command).await;
    outcome.map(Json).map_err(|error| (StatusCode::CONFLICT, Json(error)))
}

/// Sends a command to the server at `path`.
///
/// # Errors
/// [`SendError`].
pub async fn send(path: &Path, command: &Command) -> Result<Outcome, SendError> {
    let stream = UnixStream::connect(path).await.map_err(|_| SendError::NoServer)?;
    let broken = |error: &dyn std::fmt::Display| SendError::Broken(error.to_string());
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(&error))?;
    let body = serde_json::to_vec(command).map_err(|error| broken(&error))?;
    let request = Request::post("/")
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
    let (status, body) = tokio::select! {
        answered = answered => answered?,
        _ = connection => return Err(SendError::Broken("the connection ended".to_owned())),
    };
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).map_err(|error| broken(&error));
    }
    match serde_json::from_slice::<NotDone>(&body) {
        Ok(error) => Err(error.into()),
        Err(_) => Err(SendError::Broken(String::from_utf8_lossy(&body).into_owned())),
    }
}
