//! The ports of identity, over HTTP: for a gateway or a service that runs apart from it.
//!
//! One [`RemoteIdentity`] is one issuer and one client of it; the ports share its connections. Identity's refusal of *our*
//! client is a mistake of the operator ([`ExchangeError::Misconfigured`](sekisho_wire::exchange::ExchangeError) and the
//! like, 503 for callers), never a refusal of the caller: only what identity says about the presented credential is.
//!
//! Specs: RFC 6749 §2.3.1 and §5.2, RFC 7009, RFC 7662, RFC 8693. Not here: what the answers mean for a request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use sekisho_fetch::{Client, Configured, Request};
use sekisho_token::Secret;
use sekisho_wire::trace;
use sekisho_wire::{ClientId, Clock, Issuer, RealmName, RequestId, Unavailable};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use url::Url;

mod events;
mod exchange;
mod feed;
mod login;
mod trust;

pub use exchange::RemoteExchange;
pub use feed::RemoteFeed;
pub use login::RemoteLogin;

/// RFC 8693 §3.
const TYPE_ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3.
const TYPE_JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Where identity is, and as whom it is asked.
#[derive(Debug)]
pub struct Connection {
    /// `{base}/realms/{realm}`.
    pub issuer: Issuer,
    /// Where it is reached, when that is not the issuer's own address: inside a cluster, or through a relay.
    pub address: Option<Url>,
    /// Our own client.
    pub client_id: ClientId,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// The client to ask with.
    pub http: Client<Configured>,
    /// What waits and expiries are measured by.
    pub clock: Arc<dyn Clock>,
    /// Where the stream of wake-ups lives.
    pub handle: Handle,
}

/// One issuer, asked as one client.
#[derive(Clone)]
pub struct RemoteIdentity(Arc<Shared>);

struct Shared {
    issuer: Issuer,
    /// Where paths are appended; without a slash at its end.
    address: Url,
    realm: RealmName,
    /// The whole `Authorization` header, marked as sensitive.
    credentials: HeaderValue,
    http: Client<Configured>,
    clock: Arc<dyn Clock>,
    handle: Handle,
    /// Whether the log was told that identity gives no answers: said once, not four times a second.
    complained: AtomicBool,
}

/// An issuer is not of the form that ours have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an issuer of ours: expected `https://HOST/realms/REALM` without a trailing slash")]
pub struct BadIssuer(pub String);

/// Why identity gave no answer of the expected form, by who must act.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Failure {
    /// Nobody knows.
    Unavailable(Unavailable),
    /// Our own client may not do this.
    Misconfigured(&'static str),
    /// Too many attempts, of somebody behind us.
    Throttled { retry_after_s: u32 },
    /// What was presented is not good (RFC 6749 §5.2).
    Refused(OAuthError),
}

/// RFC 6749 §5.2, and what identity adds to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct OAuthError {
    error: String,
    reason: Option<String>,
    bytes: Option<usize>,
    bytes_max: Option<usize>,
}

// === impl RemoteIdentity ===

impl RemoteIdentity {
    /// An issuer that was not asked anything yet.
    ///
    /// # Errors
    /// [`BadIssuer`] when the issuer is no address, or names no realm.
    pub fn new(connection: Connection) -> Result<Self, BadIssuer> {
        let Connection { issuer, address, client_id, client_secret, http, clock, handle } = connection;
        let bad = || BadIssuer(issuer.as_str().to_owned());
        let url: Url = issuer.as_str().parse().map_err(|_| bad())?;
        let realm = url.path().rsplit_once("/realms/").ok_or_else(bad)?.1;
        let realm = realm.parse().map_err(|_| bad())?;
        // An issuer is compared byte for byte, so one that is not in normal form would never match.
        if url.as_str() != issuer.as_str() {
            return Err(bad());
        }
        let address = address.unwrap_or(url);
        let credentials = basic(&client_id, &client_secret).ok_or_else(bad)?;
        Ok(Self(Arc::new(Shared {
            issuer,
            address,
            realm,
            credentials,
            http,
            clock,
            handle,
            complained: AtomicBool::new(false),
        })))
    }

    /// The realm's feed.
    #[must_use]
    pub fn feed(&self) -> Arc<RemoteFeed> {
        Arc::new(RemoteFeed::new(self.clone()))
    }

    /// Credentials for credentials.
    #[must_use]
    pub fn exchange(&self) -> Arc<RemoteExchange> {
        Arc::new(RemoteExchange::new(self.clone()))
    }

    /// First-party login.
    #[must_use]
    pub fn login(&self) -> Arc<RemoteLogin> {
        Arc::new(RemoteLogin::new(self.clone()))
    }

    /// The realm that the issuer names.
    #[must_use]
    pub fn realm(&self) -> &RealmName {
        &self.0.realm
    }

    /// Where its keys are.
    #[must_use]
    pub fn jwks_uri(&self) -> Url {
        self.address("/oauth2/jwks")
    }

    /// The client it is asked with.
    #[must_use]
    pub fn http(&self) -> &Client<Configured> {
        &self.0.http
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// An address below the issuer. `path` begins with a slash.
    fn address(&self, path: &str) -> Url {
        let mut url = self.0.address.clone();
        url.set_path(&format!("{}{path}", self.0.address.path().trim_end_matches('/')));
        url
    }

    /// A port call must be about the realm that this issuer is of.
    fn same_realm(&self, realm: &RealmName) -> Result<(), Unavailable> {
        if *realm == self.0.realm { Ok(()) } else { Err(Unavailable::of("identity (of this realm)")) }
    }

    fn authenticated(&self, request: Request) -> Request {
        request.header(AUTHORIZATION, self.0.credentials.clone())
    }

    /// `GET` as our client.
    async fn get<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        let request = self.authenticated(request).header(ACCEPT, HeaderValue::from_static("application/json"));
        self.read(self.0.http.send(request).await)
    }

    /// `POST` of a form as our client, on behalf of a request.
    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        on_behalf_of: RequestId,
    ) -> Result<T, Failure> {
        let response = self.send_form(path, form, on_behalf_of).await;
        self.read(response)
    }

    async fn send_form(
        &self,
        path: &str,
        form: &[(&str, &str)],
        on_behalf_of: RequestId,
    ) -> Result<Response<Bytes>, sekisho_fetch::FetchError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = self.authenticated(Request::post(self.address(path), form_type, body));
        if let Ok(id) = HeaderValue::from_str(&on_behalf_of.to_string()) {
            request = request.header(HeaderName::from_static("x-request-id"), id);
        }
        if let Some(Ok(trace)) = trace::traceparent().map(HeaderValue::try_from) {
            request = request.header(HeaderName::from_static("traceparent"), trace);
        }
        self.0.http.send(request).await
    }

    fn read<T: DeserializeOwned>(
        &self,
        response: Result<Response<Bytes>, sekisho_fetch::FetchError>,
    ) -> Result<T, Failure> {
        let response = self.accepted(response)?;
        serde_json::from_slice(response.body()).map_err(|error| {
            tracing::error!(issuer = %self.0.issuer, %error, "identity's answer cannot be read");
            Failure::Unavailable(Unavailable::of("identity"))
        })
    }

    /// The answer, if it says yes. The one place where identity's status codes become errors of the ports.
    fn accepted(
        &self,
        response: Result<Response<Bytes>, sekisho_fetch::FetchError>,
    ) -> Result<Response<Bytes>, Failure> {
        let response = response.map_err(|error| {
            if self.first_complaint() {
                tracing::warn!(issuer = %self.0.issuer, %error, "identity gives no answer");
            }
            Failure::Unavailable(Unavailable::of("identity"))
        })?;
        let retry_after_s = retry_after_s(response.headers());
        match response.status() {
            StatusCode::OK => {
                if self.0.complained.swap(false, Ordering::Relaxed) {
                    tracing::info!(issuer = %self.0.issuer, "identity answers");
                }
                Ok(response)
            }
            StatusCode::UNAUTHORIZED => Err(self.misconfigured("identity does not know this client or its secret")),
            StatusCode::FORBIDDEN => Err(self.misconfigured("this client lacks the capability")),
            StatusCode::NOT_FOUND => Err(self.misconfigured("there is no such realm or endpoint")),
            StatusCode::BAD_REQUEST => Err(self.refused(response.body())),
            StatusCode::TOO_MANY_REQUESTS => Err(Failure::Throttled { retry_after_s: retry_after_s.unwrap_or(1) }),
            // Redirects too: nobody but identity answers for it.
            _ => Err(Failure::Unavailable(Unavailable { what: "identity", retry_after_s })),
        }
    }

    fn refused(&self, body: &[u8]) -> Failure {
        let error: OAuthError = serde_json::from_slice(body).unwrap_or_default();
        match error.error.as_str() {
            // RFC 6749 §5.2, RFC 8693 §2.2.2: these speak of the client and its request, not of the credential.
            "invalid_client" | "unauthorized_client" => self.misconfigured("this client may not use this grant"),
            "unsupported_grant_type" | "unsupported_token_type" => self.misconfigured("identity does not do this"),
            "invalid_target" => self.misconfigured("this client may not have tokens for this audience"),
            _ => Failure::Refused(error),
        }
    }

    fn misconfigured(&self, why: &'static str) -> Failure {
        if self.first_complaint() {
            tracing::error!(issuer = %self.0.issuer, why, "identity refuses this enforcement point");
        }
        Failure::Misconfigured(why)
    }

    /// Whether this is the first failure since the last success.
    fn first_complaint(&self) -> bool {
        !self.0.complained.swap(true, Ordering::Relaxed)
    }
}

impl fmt::Debug for RemoteIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteIdentity({})", self.0.issuer)
    }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
fn basic(client_id: &ClientId, client_secret: &Secret<String>) -> Option<HeaderValue> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(client_id.as_str()), encode(client_secret.expose())));
    let header = Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())));
    let mut value = HeaderValue::from_str(header.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// RFC 9110 §10.2.3, in seconds; dates are not used among ourselves.
fn retry_after_s(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
