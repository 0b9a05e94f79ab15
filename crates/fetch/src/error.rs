//! Why a request brought no answer, by who must act.

use std::fmt;

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address may not be asked: whoever gave it must give another.
    #[error("the address was refused: {0}")]
    Refused(#[from] Address),
    /// The other side cannot be reached: its operator must act, or the network's.
    #[error("`{origin}` cannot be reached: {cause}")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// What went wrong.
        cause: Unreachable,
    },
    /// The other side was too slow.
    #[error("no answer in time: {0}")]
    TooSlow(Phase),
    /// The other side sent more than is read.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The other side closed the connection, or does not speak HTTP.
    #[error("the answer is broken: {0}")]
    Broken(#[from] hyper::Error),
    /// Too many different origins are being asked at once.
    #[error("too many origins are being asked")]
    Busy,
}

/// Why an address may not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Address {
    /// Neither `http` nor `https`, or `http` where only `https` is allowed.
    #[error("the scheme `{0}` is not allowed here")]
    Scheme(String),
    /// There is no host in it.
    #[error("it has no host")]
    NoHost,
    /// Name and password have no place in an address.
    #[error("it contains a user name or password")]
    Credentials,
    /// The name leads to an address that is not public.
    #[error("`{0}` leads to an address that is not public")]
    NotPublic(String),
    /// A header of the request cannot be sent.
    #[error("it does not make a valid request")]
    Unsendable,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The name has no address.
    #[error("its name has no address")]
    NoAddress,
    /// The network said no.
    #[error(transparent)]
    Network(#[from] std::io::Error),
    /// Its certificate does not count: it is over, is not for this host, or nobody we know vouches for it.
    #[error("its certificate is refused: {0}")]
    Certificate(String),
    /// It does not speak our TLS.
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    /// The host cannot be a name in a certificate.
    #[error("its host cannot be verified in TLS")]
    ServerName,
}

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Making the connection.
    Connect,
    /// Up to the head of the answer.
    Head,
    /// Up to the end of the answer.
    Whole,
    /// The next chunk of a stream.
    Chunk,
}

// === impl Unreachable ===

impl Unreachable {
    /// Why a handshake came to nothing: their certificate is for their operator, the rest for both.
    pub(crate) fn of_handshake(error: std::io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(why)) = inner {
            return Self::Certificate(why.to_string());
        }
        Self::Tls(error)
    }
}

// === impl Phase ===

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection",
            Self::Head => "no head",
            Self::Whole => "not the whole answer",
            Self::Chunk => "no further part",
        })
    }
}
