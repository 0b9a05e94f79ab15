//! What the operator wrote: the types of the file. Their docs are what the JSON Schema says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use sekisho_token::Algorithm;
use sekisho_wire::{ClientId, RealmName, Scopes};
use serde::Deserialize;

use super::units::{At, Size, Span, Text};

/// The whole file. Leave out what you do not need; `sekisho check` says what was assumed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Directory for the database, the audit and the admin socket. Default: `./sekisho-data`.
    pub(super) data: Option<PathBuf>,
    /// A PostgreSQL in place of the database in that directory: `postgres://USER@HOST/DATABASE`. Several processes may share
    /// it. `?sslmode=` is `disable`, `require` or `verify-full`; the last is the default where the server is not on this
    /// machine, with `sslrootcert=FILE` for roots of your own.
    pub(super) database: Option<At<String>>,
    /// A file with the password for `database`, in place of one in its address.
    pub(super) database_password_file: Option<At<PathBuf>>,
    /// An environment variable with the same.
    pub(super) database_password_env: Option<At<String>>,
    /// Where the key comes from under which private keys are sealed. Default: `DATA/kek`, made at the first start.
    pub(super) key_encryption_key: Option<At<Kek>>,
    /// Makes this process an identity provider.
    pub(super) identity: Option<Identity>,
    /// Makes this process a gateway.
    pub(super) gateway: Option<Gateway>,
    /// The listener for health checks.
    pub(super) operations: Option<Operations>,
    /// Where traces are collected. Default: nowhere.
    pub(super) traces: Option<Traces>,
}

/// Exactly one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Kek {
    /// A file with 32 bytes in hex or base64.
    pub(super) file: Option<PathBuf>,
    /// An environment variable with the same.
    pub(super) env: Option<String>,
}

/// The identity provider.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Identity {
    /// Address and port. Default: `127.0.0.1:7000`.
    pub(super) listen: Option<At<Text<SocketAddr>>>,
    /// How browsers and services reach it: the base of every issuer. Default: `http://localhost:PORT`.
    pub(super) public_url: Option<At<String>>,
    /// Makes it speak TLS: HTTP/2 and HTTP/1.1. Default: plain http, for TLS that ends in front of it.
    pub(super) tls: Option<At<Tls>>,
    /// Networks of proxies in front whose `X-Forwarded-For` is believed, for throttling and the audit. Default: nobody's.
    pub(super) trusted_proxies: Vec<Text<IpNet>>,
    /// Settings per realm. The realms `main` and `sekisho` always exist.
    #[schemars(with = "BTreeMap<String, Realm>")]
    pub(super) realms: BTreeMap<RealmName, Realm>,
}

/// One realm.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Realm {
    /// How long an access token lives. Default: `5m`.
    pub(super) access_token_lifetime: Option<At<Span>>,
    /// How long a sign-in lives unused. Default: `12h`.
    pub(super) session_idle: Option<At<Span>>,
    /// How long a sign-in lives in any case. Default: `7d`.
    pub(super) session_lifetime: Option<At<Span>>,
    /// How long a refresh token lives unused. Default: `7d`.
    pub(super) refresh_idle: Option<At<Span>>,
    /// How long a replaced refresh token is answered with the same successor; `0s` for not at all. Default: `10s`.
    pub(super) refresh_grace: Option<At<Span>>,
    /// How long a new signing key is published before it signs. Default: `60s`.
    pub(super) key_lead: Option<At<Span>>,
    /// What new keys sign with: `ES256`, `EdDSA`, `RS256` or `PS256`. Default: `ES256`.
    pub(super) signing_algorithm: Option<Text<Algorithm>>,
    /// How long new RSA keys are, in bits, with `RS256` or `PS256`: `2048` or `3072`. Default: `2048`.
    pub(super) signing_key_bits: Option<At<u32>>,
    /// Origins whose scripts may call the token endpoint and userinfo: `https://app.example`.
    pub(super) allowed_origins: Vec<At<String>>,
    /// How the realm's pages look. Default: the house's own.
    pub(super) theme: Theme,
}

/// How the pages of a realm look.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Theme {
    /// The colour of what is to be pressed, like `#8a2b1f`; made darker or lighter where text would not be readable.
    pub(super) accent: Option<At<String>>,
    /// A file with an SVG, PNG, JPEG or WebP image, at most 256 KiB, shown beside the name.
    pub(super) logo: Option<At<PathBuf>>,
    /// What the realm is called on its pages. Default: `Sekisho`.
    pub(super) name: Option<At<String>>,
}

/// The gateway.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Gateway {
    /// Address and port. Default: `127.0.0.1:8000`.
    pub(super) listen: Option<At<Text<SocketAddr>>>,
    /// How clients reach it: `http` (loopback only) or `https` (TLS ends in front of it). Default: `https` with `tls`, else
    /// `http`.
    pub(super) scheme: Option<At<Scheme>>,
    /// Makes it speak TLS, with HTTP/1.1. Default: plain http, for TLS that ends in front of it.
    pub(super) tls: Option<At<Tls>>,
    /// Origins whose scripts may call with credentials: `https://app.example`.
    pub(super) allowed_origins: Option<At<Vec<String>>>,
    /// Networks of proxies in front whose `X-Forwarded-*` are believed. Default: nobody's.
    pub(super) trusted_proxies: Vec<Text<IpNet>>,
    /// Where people sign in through the gateway.
    pub(super) login: Vec<LoginMount>,
    /// What is proxied where.
    pub(super) routes: Vec<Route>,
    /// Realms whose identity provider is another process.
    #[schemars(with = "BTreeMap<String, RemoteRealm>")]
    pub(super) realms: BTreeMap<RealmName, RemoteRealm>,
    /// Limits that differ from the defaults.
    pub(super) limits: Option<At<Limits>>,
}

/// A certificate and its key. Files that change are read again within seconds, and on SIGHUP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// A file with the certificate in PEM, followed by intermediate ones.
    pub(super) certificate: At<PathBuf>,
    /// A file with its private key in PEM, not encrypted.
    pub(super) key: At<PathBuf>,
}

/// How clients reach the gateway.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scheme {
    /// Plain HTTP, on loopback.
    Http,
    /// HTTPS.
    Https,
}

/// `PREFIX/login`, `PREFIX/logout`, `PREFIX/session`, and `PREFIX/refresh` where JWTs are issued.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginMount {
    /// The prefix, like `/auth`.
    pub(super) prefix: At<String>,
    /// Whose users sign in. Default: `main`.
    #[schemars(with = "Option<String>")]
    pub(super) realm: Option<At<RealmName>>,
    /// What they are given.
    pub(super) issues: Issues,
    /// For which services. Default: all that routes of this realm and kind name.
    pub(super) audience: Option<At<Vec<String>>>,
    /// How it is handed over. Default: `cookie_or_body`.
    pub(super) delivery: Option<Delivery>,
}

/// What a login gives.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Issues {
    /// An opaque token.
    Opaque,
    /// A JWT.
    Jwt,
}

/// How a login hands over what it gives.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Delivery {
    /// In a cookie only.
    Cookie,
    /// In the body when the client asks with `?delivery=body`.
    CookieOrBody,
}

/// One route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    /// Its name in audit lines and errors; unique.
    pub(super) name: At<String>,
    /// Which requests it takes.
    #[serde(rename = "match")]
    pub(super) matching: At<Match>,
    /// Where they go, like `http://127.0.0.1:9001`.
    pub(super) upstream: At<String>,
    /// How callers prove who they are: the pattern of the route.
    pub(super) guard: Guard,
    /// A prefix of the path that the upstream does not see.
    pub(super) strip_prefix: Option<At<String>>,
    /// Whose tokens count. Default: `main`.
    #[schemars(with = "Option<String>")]
    pub(super) realm: Option<At<RealmName>>,
    /// Which services the token must be for.
    pub(super) audience: Option<At<Vec<String>>>,
    /// What the caller must be permitted.
    pub(super) scopes: Option<At<Demand>>,
    /// For `guard: jwt`: whether the issuer's feed is followed. Default: `feed`.
    pub(super) revocation: Option<At<Revocation>>,
    /// How old knowledge of revocations may be. Default: `1s`.
    pub(super) max_staleness: Option<At<Span>>,
    /// What happens when it is older. Default: `ask`.
    pub(super) on_stale: Option<At<OnStale>>,
    /// What the upstream is told about the caller. Default: `token`.
    pub(super) forward: Option<Forward>,
    /// Response headers in which a JWT of ours is wrapped. Default: `authorization`, `x-access-token`.
    pub(super) response_tokens: Option<At<Vec<String>>>,
    /// The longest request body. Default: the gateway's limit.
    pub(super) body_max: Option<At<Size>>,
}

/// Which requests a route takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    /// The host without port. Default: any.
    pub(super) host: Option<At<String>>,
    /// The path, like `/orders`: it and everything below it.
    pub(super) path: At<String>,
    /// The path alone, and nothing below it. Default: false.
    #[serde(default)]
    pub(super) exact: bool,
    /// The methods. Default: all.
    pub(super) methods: Option<At<Vec<String>>>,
}

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Guard {
    /// Not at all.
    Open,
    /// With an opaque token, which is swapped for a JWT.
    Opaque,
    /// With a JWT.
    Jwt,
}

/// Scopes the caller must have.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Demand {
    /// At least one of these.
    #[schemars(with = "Vec<String>")]
    pub(super) any: ScopeList,
    /// All of these.
    #[schemars(with = "Vec<String>")]
    pub(super) all: ScopeList,
    /// In addition, for single methods: `POST: { all: [orders:write] }`.
    pub(super) methods: BTreeMap<String, MethodDemand>,
}

/// Scopes the caller must have for one method.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MethodDemand {
    /// At least one of these.
    #[schemars(with = "Vec<String>")]
    pub(super) any: ScopeList,
    /// All of these.
    #[schemars(with = "Vec<String>")]
    pub(super) all: ScopeList,
}

/// A list of scopes.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct ScopeList(pub(super) Vec<sekisho_wire::Scope>);

/// Whether a JWT can be taken back before it expires.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Revocation {
    /// Yes: the issuer's feed is followed.
    Feed,
    /// No: it works until it expires.
    None,
}

/// What happens when knowledge of revocations is too old.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnStale {
    /// Identity is asked; if it does not answer, 503.
    Ask,
    /// 503.
    Deny,
    /// Requests go on until the token expires.
    Serve,
}

/// What the upstream is told about the caller.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Forward {
    /// A JWT in `Authorization`.
    Token,
    /// Nothing.
    None,
}

/// A realm whose identity provider is another process.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoteRealm {
    /// Its issuer, like `https://id.example/realms/main`.
    pub(super) issuer: At<String>,
    /// Where it is reached, when that is not the issuer's own address.
    pub(super) address: Option<Text<url::Url>>,
    /// The gateway's client there.
    #[schemars(with = "String")]
    pub(super) client_id: ClientId,
    /// A file with the client's secret.
    pub(super) client_secret_file: At<PathBuf>,
    /// A file with certificates in PEM that vouch for it. Default: the public ones alone.
    pub(super) certificate_authority_file: Option<At<PathBuf>>,
}

/// Limits of the gateway.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// Threads that proxy. Default: one per core.
    pub(super) cores: Option<std::num::NonZeroUsize>,
    /// Connections at once. Default: 16384.
    pub(super) connections: Option<usize>,
    /// A TLS handshake, where the gateway speaks TLS. Default: `10s`.
    pub(super) handshake_deadline: Option<Span>,
    /// A request's head. Default: `32KiB`.
    pub(super) head: Option<Size>,
    /// A request's body. Default: `4GiB`.
    pub(super) body: Option<Size>,
    /// How long a head may take to arrive. Default: `10s`.
    pub(super) head_deadline: Option<Span>,
    /// Between two requests on a connection. Default: `75s`.
    pub(super) idle_deadline: Option<Span>,
    /// Between two reads of a body. Default: `30s`.
    pub(super) body_read_deadline: Option<Span>,
    /// Opening a connection to an upstream. Default: `3s`.
    pub(super) connect_deadline: Option<Span>,
    /// Until an upstream answers. Default: `30s`.
    pub(super) upstream_head_deadline: Option<Span>,
    /// Between two reads of its answer. Default: `60s`.
    pub(super) upstream_read_deadline: Option<Span>,
    /// A whole exchange. Default: `1h`.
    pub(super) exchange_deadline: Option<Span>,
    /// Opaque tokens whose JWT is remembered, for each realm. Default: 20000.
    pub(super) swapped_tokens: Option<usize>,
    /// Verified JWTs that are remembered, for each realm and audience. Default: 20000.
    pub(super) verified_tokens: Option<usize>,
}

/// The listener for health checks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Operations {
    /// Address and port. Default: `127.0.0.1:7001`.
    pub(super) listen: At<Text<SocketAddr>>,
}

/// Where traces are collected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Traces {
    /// A collector of OpenTelemetry that takes OTLP over HTTP: its base address, like `http://127.0.0.1:4318`.
    pub(super) endpoint: At<Text<url::Url>>,
    /// Which share of the traces that begin here is kept, from 0 to 1. Default: 0.05.
    pub(super) sample: Option<At<f64>>,
}

// === impl ScopeList ===

impl ScopeList {
    pub(super) fn into_scopes(self) -> Scopes {
        self.0.into_iter().collect()
    }
}
