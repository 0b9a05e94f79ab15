//! A certificate and its key, from two PEM files (RFC 7468), checked as far as one can without a client: the chain's first
//! certificate reads as one, the key is of a kind that can sign, and the two belong together.
//!
//! Not here: whether clients trust the chain, which is theirs to say.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use sekisho_token::{Digest, Secret, Timestamp};

use super::validity::Validity;
use crate::moment::written;

/// The most bytes of a file: long chains of large keys have some ten thousand.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a certificate and its key are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate in PEM, then the intermediate ones up to the root.
    pub certificate: PathBuf,
    /// Its private key in PEM, not encrypted.
    pub key: PathBuf,
}

/// A certificate with its key, ready to be shown.
#[derive(Clone)]
pub struct Pair {
    files: Files,
    certified: Arc<CertifiedKey>,
    validity: Validity,
    digest: Digest,
    key_mode: u32,
}

/// What the files hold, unread.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Secret<Vec<u8>>,
    key_mode: u32,
}

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate.
    Certificate,
    /// The key.
    Key,
}

/// Why two files are no pair.
#[derive(Debug, thiserror::Error)]
pub enum BadPair {
    /// One of them cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// Which.
        part: Part,
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One of them is far too large.
    #[error("`{}` has more than {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// Which.
        part: Part,
        /// Its path.
        path: PathBuf,
    },
    /// One of them holds nothing of the kind.
    #[error("`{}` is not {}", path.display(), part.expected())]
    NotPem {
        /// Which.
        part: Part,
        /// Its path.
        path: PathBuf,
    },
    /// The first certificate does not read as one.
    #[error("`{}` begins with a certificate that cannot be read: expected X.509 version 3", path.display())]
    NotACertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key is of no kind that signs.
    #[error("`{}` holds a key that cannot sign: expected ECDSA P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits or more", path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificate counts no longer.
    #[error("`{}` holds a certificate that expired at {}: expected one that still counts", path.display(), written(*not_after))]
    Expired {
        /// The file.
        path: PathBuf,
        /// When it did.
        not_after: Timestamp,
    },
    /// They belong to different pairs.
    #[error("the key in `{}` is not that of the first certificate in `{}`", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

// === impl Files ===

impl Files {
    /// Reads both files and checks them.
    ///
    /// # Errors
    /// [`BadPair`].
    pub fn read(&self) -> Result<Pair, BadPair> {
        self.contents()?.into_pair(self)
    }

    pub(super) fn contents(&self) -> Result<Contents, BadPair> {
        let (certificate, _) = bytes_of(Part::Certificate, &self.certificate)?;
        let (key, key_mode) = bytes_of(Part::Key, &self.key)?;
        Ok(Contents { certificate: certificate.expose().clone(), key, key_mode })
    }

    fn path(&self, part: Part) -> &Path {
        match part {
            Part::Certificate => &self.certificate,
            Part::Key => &self.key,
        }
    }
}

// === impl Contents ===

impl Contents {
    /// The same for the same bytes, so that nothing is parsed twice.
    pub(super) fn digest(&self) -> Digest {
        let Digest(certificate) = Digest::of(&self.certificate);
        let Digest(key) = Digest::of(self.key.expose());
        Digest::of(&[certificate, key].concat())
    }

    pub(super) fn into_pair(self, files: &Files) -> Result<Pair, BadPair> {
        let digest = self.digest();
        let Self { certificate, key, key_mode } = self;
        let not_pem = |part| BadPair::NotPem { part, path: files.path(part).to_owned() };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
        let chain = chain.map_err(|_| not_pem(Part::Certificate))?;
        let first = chain.first().ok_or_else(|| not_pem(Part::Certificate))?;
        let unread = || BadPair::NotACertificate { path: files.certificate.clone() };
        ParsedCertificate::try_from(first).map_err(|_| unread())?;
        let validity = Validity::of(first).ok_or_else(unread)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| not_pem(Part::Key))?;
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        let certified = Arc::new(certified.map_err(|error| {
            if matches!(error, rustls::Error::InconsistentKeys(_)) {
                return BadPair::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() };
            }
            BadPair::UnusableKey { path: files.key.clone() }
        })?);
        Ok(Pair { files: files.clone(), certified, validity, digest, key_mode })
    }
}

// === impl Pair ===

impl Pair {
    /// Where it came from.
    #[must_use]
    pub const fn files(&self) -> &Files {
        &self.files
    }

    /// From when to when it counts.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether the key's file can be opened by others than its owner and group.
    #[must_use]
    pub const fn key_is_exposed(&self) -> bool {
        self.key_mode & 0o007 != 0
    }

    /// Whether the certificate is one for this host, a name or an address (RFC 6125 §6.4, RFC 5280 §4.2.1.6).
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']')) else { return false };
        let parsed = self.certified.end_entity_cert().and_then(ParsedCertificate::try_from);
        parsed.is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
    }

    pub(super) const fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    pub(super) const fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("files", &self.files).field("validity", &self.validity).finish_non_exhaustive()
    }
}

// === impl Part ===

impl Part {
    const fn expected(self) -> &'static str {
        match self {
            Self::Certificate => "a certificate in PEM: expected `-----BEGIN CERTIFICATE-----`",
            Self::Key => "a private key in PEM: expected `-----BEGIN PRIVATE KEY-----`, not encrypted",
        }
    }
}

// === impl BadPair ===

impl BadPair {
    /// Which of the files is to be looked at first.
    #[must_use]
    pub const fn part(&self) -> Part {
        match self {
            Self::Unreadable { part, .. } | Self::TooLarge { part, .. } | Self::NotPem { part, .. } => *part,
            Self::NotACertificate { .. } | Self::Expired { .. } => Part::Certificate,
            Self::UnusableKey { .. } | Self::Mismatch { .. } => Part::Key,
        }
    }
}

/// The bytes of a file, and who may read it.
fn bytes_of(part: Part, path: &Path) -> Result<(Secret<Vec<u8>>, u32), BadPair> {
    let unreadable = |source| BadPair::Unreadable { part, path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode();
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    // Wrapped before anything may fail: what was read of a key is wiped in any case.
    let bytes = Secret::new(bytes);
    let count = read.map_err(unreadable)?;
    if u64::try_from(count).is_ok_and(|count| count > FILE_BYTES_MAX) {
        return Err(BadPair::TooLarge { part, path: path.to_owned() });
    }
    Ok((bytes, mode))
}
