//! Every limit of the gateway, by name: sizes, counts and deadlines.
//!
//! Deadlines count on the [`Clock`](sekisho_wire::Clock) that the gateway was given.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Every limit of the gateway. Fixed when it starts: replacing routes does not change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Threads that proxy, each with its own runtime, listener and upstream pool.
    pub cores: NonZeroUsize,
    /// Connections from clients, over all cores. Further ones wait in the listener's queue.
    pub connections_max: usize,

    /// A TLS handshake, where the gateway speaks TLS.
    pub handshake_deadline: Duration,
    /// Bytes of a request's head.
    pub head_bytes_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// From a head's first byte to its last.
    pub head_deadline: Duration,
    /// Between two requests on a connection.
    pub idle_deadline: Duration,
    /// Between two reads of a request's body.
    pub body_read_deadline: Duration,
    /// Between two writes of a response.
    pub write_deadline: Duration,
    /// Bytes of a request's body, where its route names no other number.
    pub body_bytes_max: u64,
    /// Bytes of all chunk extensions of a body.
    pub chunk_extension_bytes_max: usize,
    /// Bytes of a body's trailers, which are dropped.
    pub trailer_bytes_max: usize,
    /// Bytes that are read and thrown away after a refusal, so that the client gets to see it.
    pub linger_bytes_max: usize,
    /// How long that may take.
    pub linger_deadline: Duration,

    /// Opening a connection to an upstream, the look-up of its name included.
    pub connect_deadline: Duration,
    /// From the last byte of a request to the head of its response.
    pub upstream_head_deadline: Duration,
    /// Between two reads of a response's body.
    pub upstream_read_deadline: Duration,
    /// A whole exchange, from the request's head to the response's last byte.
    pub exchange_deadline: Duration,
    /// Bytes of a response's head.
    pub upstream_head_bytes_max: usize,
    /// Headers of a response.
    pub upstream_headers_max: usize,
    /// Connections to one upstream that one core keeps for later.
    pub upstream_idle_max: usize,
    /// How long they are kept.
    pub upstream_idle_deadline: Duration,

    /// Waiting for identity on behalf of a request.
    pub identity_deadline: Duration,
    /// The same for a login, which waits for a password hash.
    pub login_deadline: Duration,
    /// Waiting for identity because knowledge is stale.
    pub ask_deadline: Duration,
    /// Questions to identity that are under way, for each realm; logins count apart.
    pub identity_calls_max: usize,
    /// Requests that wait for one of these answers, for each realm.
    pub identity_waiting_max: usize,
    /// Logins that are under way, for each realm.
    pub login_calls_max: usize,
    /// After so many failures in a row identity is left alone …
    pub breaker_failures_max: u32,
    /// … for so long.
    pub breaker_pause: Duration,

    /// Opaque tokens whose JWT is remembered, for each realm.
    pub swapped_tokens_max: usize,
    /// Opaque tokens of good form that identity did not know, remembered for each realm …
    pub refused_tokens_max: usize,
    /// … for so long.
    pub refused_token_age: Duration,
    /// Verified JWTs that are remembered, for each realm and audience.
    pub verified_tokens_max: usize,
    /// JWTs that identity vouched for while the feed was stale, remembered for each realm.
    pub vouched_tokens_max: usize,
    /// JWTs that are wrapped in one response; further ones are dropped.
    pub response_tokens_max: usize,

    /// Bytes of a login's body.
    pub login_body_bytes_max: usize,
    /// Bytes of the access token that a login gives: what fits a cookie together with its name.
    pub credential_bytes_max: usize,
}

// === impl Limits ===

impl Limits {
    /// What nothing would work with at zero, and whether it is.
    pub(crate) fn zeros(&self) -> [(&'static str, bool); 21] {
        [
            ("limits.connections_max", self.connections_max == 0),
            ("limits.handshake_deadline", self.handshake_deadline.is_zero()),
            ("limits.head_bytes_max", self.head_bytes_max == 0),
            ("limits.headers_max", self.headers_max == 0),
            ("limits.head_deadline", self.head_deadline.is_zero()),
            ("limits.idle_deadline", self.idle_deadline.is_zero()),
            ("limits.body_read_deadline", self.body_read_deadline.is_zero()),
            ("limits.write_deadline", self.write_deadline.is_zero()),
            ("limits.connect_deadline", self.connect_deadline.is_zero()),
            ("limits.upstream_head_deadline", self.upstream_head_deadline.is_zero()),
            ("limits.upstream_read_deadline", self.upstream_read_deadline.is_zero()),
            ("limits.upstream_idle_deadline", self.upstream_idle_deadline.is_zero()),
            ("limits.exchange_deadline", self.exchange_deadline.is_zero()),
            ("limits.identity_deadline", self.identity_deadline.is_zero()),
            ("limits.login_deadline", self.login_deadline.is_zero()),
            ("limits.identity_calls_max", self.identity_calls_max == 0),
            ("limits.identity_waiting_max", self.identity_waiting_max == 0),
            ("limits.login_calls_max", self.login_calls_max == 0),
            ("limits.breaker_failures_max", self.breaker_failures_max == 0),
            ("limits.swapped_tokens_max", self.swapped_tokens_max == 0),
            ("limits.verified_tokens_max", self.verified_tokens_max == 0),
        ]
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            connections_max: 16_384,
            handshake_deadline: Duration::from_secs(10),
            head_bytes_max: 32 << 10,
            headers_max: 100,
            head_deadline: Duration::from_secs(10),
            idle_deadline: Duration::from_secs(75),
            body_read_deadline: Duration::from_secs(30),
            write_deadline: Duration::from_secs(30),
            body_bytes_max: 4 << 30,
            chunk_extension_bytes_max: 4 << 10,
            trailer_bytes_max: 8 << 10,
            linger_bytes_max: 8 << 20,
            linger_deadline: Duration::from_secs(2),
            connect_deadline: Duration::from_secs(3),
            upstream_head_deadline: Duration::from_secs(30),
            upstream_read_deadline: Duration::from_secs(60),
            exchange_deadline: Duration::from_secs(3600),
            upstream_head_bytes_max: 64 << 10,
            upstream_headers_max: 100,
            upstream_idle_max: 64,
            upstream_idle_deadline: Duration::from_secs(30),
            identity_deadline: Duration::from_secs(2),
            login_deadline: Duration::from_secs(10),
            ask_deadline: Duration::from_millis(500),
            identity_calls_max: 64,
            identity_waiting_max: 4096,
            login_calls_max: 64,
            breaker_failures_max: 20,
            breaker_pause: Duration::from_secs(1),
            swapped_tokens_max: 20_000,
            refused_tokens_max: 10_000,
            refused_token_age: Duration::from_secs(1),
            verified_tokens_max: 20_000,
            vouched_tokens_max: 10_000,
            response_tokens_max: 4,
            login_body_bytes_max: 16 << 10,
            credential_bytes_max: 3800,
        }
    }
}
