//! What `--tls` shows: a certificate for this machine, and the development authority that vouches for it.
//!
//! The authority signs one certificate and its key is forgotten; it is never written anywhere. It may vouch for `localhost`
//! and `127.0.0.1` only (RFC 5280 §4.2.1.10), so that whoever lets a browser trust it gives nothing else away. Both are
//! kept beside the database until the certificate is about to expire, so that a second start needs no second click.
//!
//! Not here: what is done with them (`relay`, `premises`).

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use sekisho_token::Timestamp;

use super::manifest::write_bytes;
use crate::http::tls::{Age, BadPair, Files, Pair};

/// The authority's certificate, within the data directory.
const AUTHORITY: &str = "ca.pem";
const CERTIFICATE: &str = "tls.pem";
const KEY: &str = "tls-key.pem";

const LOCALHOST: &str = "localhost";
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

/// How long both are good.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// Clocks of other programs may be a little behind ours.
const HEAD_START: Duration = Duration::from_secs(3600);
/// Letters in a line of PEM (RFC 7468 §2).
const LINE_CHARS: usize = 64;

/// A certificate, and who vouches for it.
#[derive(Clone, Debug)]
pub(crate) struct Papers {
    /// For identity, the gateway, and the relays in front of them.
    pub(crate) pair: Pair,
    /// The file with the authority's certificate.
    pub(crate) authority: PathBuf,
    /// What is in it: PEM.
    pub(crate) authority_pem: Vec<u8>,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum PapersError {
    /// They cannot be written or read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// They cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// What was made cannot be used.
    #[error(transparent)]
    Pair(#[from] BadPair),
}

// === impl Papers ===

impl Papers {
    /// Those that an earlier start left, if they are still good for a while, or new ones.
    ///
    /// # Errors
    /// [`PapersError`].
    pub(crate) fn at(directory: &Path, now: Timestamp) -> Result<Self, PapersError> {
        match Self::load(directory) {
            Ok(papers) if papers.pair.validity().age(now) == Age::Good => Ok(papers),
            Ok(_) | Err(_) => {
                make(directory, now)?;
                Self::load(directory)
            }
        }
    }

    fn load(directory: &Path) -> Result<Self, PapersError> {
        let authority = directory.join(AUTHORITY);
        let authority_pem = std::fs::read(&authority)?;
        let files = Files { certificate: directory.join(CERTIFICATE), key: directory.join(KEY) };
        Ok(Self { pair: files.read()?, authority, authority_pem })
    }
}

fn make(directory: &Path, now: Timestamp) -> Result<(), PapersError> {
    match std::fs::remove_file(directory.join(AUTHORITY)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let authority = CertifiedIssuer::self_signed(authority(now)?, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = certificate(now)?.signed_by(&key, &authority)?;
    write_bytes(directory, KEY, pem("PRIVATE KEY", key.serialized_der()).as_bytes())?;
    write_bytes(directory, CERTIFICATE, pem("CERTIFICATE", certificate.der()).as_bytes())?;
    // The last one: where it is, the other two are its own.
    write_bytes(directory, AUTHORITY, pem("CERTIFICATE", authority.der()).as_bytes())?;
    Ok(())
}

fn authority(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = lasting(Vec::new(), now)?;
    params.distinguished_name.push(DnType::CommonName, "Sekisho demo authority for this machine");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let here = CidrSubnet::from_v4_prefix(LOOPBACK, 32);
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(LOCALHOST.to_owned()), GeneralSubtree::IpAddress(here)],
        excluded_subtrees: Vec::new(),
    });
    Ok(params)
}

fn certificate(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let names = vec![LOCALHOST.to_owned(), std::net::Ipv4Addr::from(LOOPBACK).to_string()];
    let mut params = lasting(names, now)?;
    params.distinguished_name.push(DnType::CommonName, LOCALHOST);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn lasting(names: Vec<String>, now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(now.0).unwrap_or_default());
    params.not_before = now - HEAD_START;
    params.not_after = now + LIFETIME;
    params.distinguished_name = rcgen::DistinguishedName::new();
    Ok(params)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for (number, letter) in text.chars().enumerate() {
        if number > 0 && number % LINE_CHARS == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    format!("{out}\n-----END {label}-----\n")
}

#[cfg(test)]
mod tests;
