//! What a client may use up.

use std::time::Duration;

/// Every limit of a client. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body that is read whole.
    pub response_bytes_max: usize,
    /// The longest head of an answer; at least 8192.
    pub head_bytes_max: usize,
    /// The most header lines of an answer.
    pub headers_max: usize,
    /// From the request to the last byte of the answer.
    pub deadline: Duration,
    /// From the first look-up of the name to the end of the TLS handshake.
    pub connect_deadline: Duration,
    /// Between two chunks of a streamed answer.
    pub stream_idle: Duration,
    /// The most connections to one origin; a request beyond waits, within its deadline.
    pub connections_per_origin_max: usize,
    /// How long an unused connection is kept, to within a half more.
    pub idle: Duration,
    /// The most origins that are remembered.
    pub origins_max: usize,
}

// === impl Limits ===

impl Limits {
    /// What an address from outside may cost us at most.
    #[must_use]
    pub fn untrusted() -> Self {
        Self {
            response_bytes_max: 64 << 10,
            head_bytes_max: 16 << 10,
            deadline: Duration::from_secs(3),
            connect_deadline: Duration::from_secs(2),
            stream_idle: Duration::from_secs(3),
            connections_per_origin_max: 4,
            ..Self::default()
        }
    }

    /// The smaller of both, limit by limit.
    #[must_use]
    pub fn at_most(&self, other: &Self) -> Self {
        Self {
            response_bytes_max: self.response_bytes_max.min(other.response_bytes_max),
            head_bytes_max: self.head_bytes_max.min(other.head_bytes_max),
            headers_max: self.headers_max.min(other.headers_max),
            deadline: self.deadline.min(other.deadline),
            connect_deadline: self.connect_deadline.min(other.connect_deadline),
            stream_idle: self.stream_idle.min(other.stream_idle),
            connections_per_origin_max: self.connections_per_origin_max.min(other.connections_per_origin_max),
            idle: self.idle.min(other.idle),
            origins_max: self.origins_max.min(other.origins_max),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            response_bytes_max: 1 << 20,
            head_bytes_max: 32 << 10,
            headers_max: 64,
            deadline: Duration::from_secs(10),
            connect_deadline: Duration::from_secs(3),
            stream_idle: Duration::from_secs(45),
            connections_per_origin_max: 64,
            idle: Duration::from_secs(30),
            origins_max: 1024,
        }
    }
}
