//! Why a house could not be raised. All of it is for the operator.

use std::io;

use sekisho_fetch::BadCertificate;
use sekisho_gateway::StartError;
use sekisho_guard::remote::BadIssuer;
use sekisho_identity::OpenError as IdentityError;
use sekisho_model::StoreError;
use sekisho_store::sqlite::OpenError as StoreOpenError;
use sekisho_wire::RealmName;

/// Why a house could not be raised.
#[derive(Debug, thiserror::Error)]
pub enum RaiseError {
    /// The database cannot be opened; another process may hold it.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// The database does not answer.
    #[error("the database does not answer: {0}")]
    Kept(#[from] StoreError),
    /// Identity cannot start.
    #[error("identity cannot start: {0}")]
    Identity(#[from] IdentityError),
    /// The gateway cannot start.
    #[error("the gateway cannot start: {0}")]
    Gateway(#[from] StartError),
    /// A realm is answered for neither here nor elsewhere.
    #[error("realm `{0}` is unknown: expected one of this process, or one under `gateway.realms`")]
    UnknownRealm(RealmName),
    /// The issuer of a remote realm is not one of ours.
    #[error(transparent)]
    Issuer(#[from] BadIssuer),
    /// The address of a remote realm is none.
    #[error("the address of a remote realm is malformed: {0}")]
    Address(#[source] url::ParseError),
    /// The public roots cannot be read.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// The operating system gave no listener.
    #[error("cannot listen: {0}")]
    Listen(#[source] io::Error),
}
