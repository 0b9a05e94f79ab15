//! Issuers as everybody else finds them: by their certificates, by discovery, by their keys, by their clocks.
//!
//! Our own is asked at its public address, and only while it runs; those of other processes where the gateway asks them.
//!
//! Specs: OpenID Connect Discovery §4.3 (the issuer is compared byte for byte), RFC 7517, RFC 9110 §5.6.7 and §6.6.1 (dates).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE, HeaderValue};
use http::{Response, StatusCode};
use sekisho_fetch::{BadCertificate, Client, FetchError, Options, Request, Unreachable, certificates};
use sekisho_guard::clock::fetch_timer;
use sekisho_token::jwk::JwkSet;
use sekisho_token::{Secret, Timestamp, VerifyingKey};
use sekisho_wire::{ClientId, Issuer, RealmName};
use serde::Deserialize;
use url::Url;

use super::{Code, Report, Tools};
use crate::config::{Config, RemoteRealm};

/// Verifiers grant a minute. Half of it is gone long before anybody notices.
const SKEW_MAX: Duration = Duration::from_secs(30);
/// How long an issuer may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An issuer to be asked.
struct Asked<'a> {
    /// The key of the configuration that names it.
    key: String,
    issuer: Issuer,
    /// Where it is reached.
    base: String,
    /// Where its keys are, where that is not for discovery to say.
    jwks: Option<String>,
    client: Option<(&'a ClientId, &'a Secret<String>)>,
    /// Who vouches for it beside the public authorities, in PEM.
    authorities: &'a [u8],
}

/// Why there is no answer to be read.
struct NoAnswer {
    /// What else than `issuer_unreachable` it is.
    certificate: Option<String>,
    found: String,
}

/// What is read of a discovery document.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

pub(super) async fn examine(config: &Config, tools: &Tools, report: &mut Report) {
    let own = config.identity.as_ref().filter(|_| report.running.as_ref().is_some_and(|it| it.identity.is_some()));
    let own = own.and_then(|identity| own_issuer(&identity.settings.base_url));
    let remote = config.gateway.iter().flat_map(|gateway| &gateway.remote).map(remote_issuer);
    for asked in own.into_iter().chain(remote) {
        match trusting(&asked, tools) {
            Ok(tools) => ask(&asked, &tools, report).await,
            Err(error) => report.note(Code::CertificateRefused, format!("`{}`", asked.key), error),
        }
    }
}

/// Tools that trust who is to vouch for this issuer.
fn trusting(asked: &Asked<'_>, tools: &Tools) -> Result<Tools, BadCertificate> {
    if asked.authorities.is_empty() {
        return Ok(tools.clone());
    }
    let mut options = Options::new(fetch_timer(&tools.clock), tools.handle.clone());
    options.extra_roots = certificates(asked.authorities)?;
    Ok(Tools { http: Client::configured(options)?, ..tools.clone() })
}

fn own_issuer(base_url: &str) -> Option<Asked<'static>> {
    let issuer = RealmName::DEFAULT.parse::<RealmName>().ok()?.issuer(base_url);
    let base = issuer.to_string();
    Some(Asked { key: "identity.public_url".to_owned(), issuer, base, jwks: None, client: None, authorities: &[] })
}

fn remote_issuer(realm: &RemoteRealm) -> Asked<'_> {
    let base = realm.address.as_ref().map_or_else(|| realm.issuer.to_string(), ToString::to_string);
    let base = base.trim_end_matches('/').to_owned();
    Asked {
        key: format!("gateway.realms.{}", realm.name),
        issuer: realm.issuer.clone(),
        // The gateway takes its keys from below the address, whatever discovery says.
        jwks: Some(format!("{base}/oauth2/jwks")),
        base,
        client: Some((&realm.client_id, &realm.client_secret)),
        authorities: &realm.certificate_authorities,
    }
}

async fn ask(asked: &Asked<'_>, tools: &Tools, report: &mut Report) {
    let url = format!("{}/.well-known/openid-configuration", asked.base);
    let place = format!("`{}`, {url}", asked.key);
    let before = tools.clock.wall();
    let answer = match get(&url, None, tools).await {
        Ok(answer) => answer,
        Err(NoAnswer { certificate: Some(why), .. }) => return report.note(Code::CertificateRefused, place, why),
        Err(NoAnswer { found, .. }) => return report.note(Code::IssuerUnreachable, place, found),
    };
    skew(&answer, (before, tools.clock.wall()), &place, report);
    let discovered = match read::<Discovered>(&answer) {
        Ok(discovered) => discovered,
        Err(found) => return report.note(Code::IssuerUnreachable, place, found),
    };
    if discovered.issuer != asked.issuer.as_str() {
        let found = format!("`{}`, configured `{}`", discovered.issuer, asked.issuer);
        report.note(Code::IssuerWrong, place, found);
    }
    keys(asked, asked.jwks.as_deref().unwrap_or(&discovered.jwks_uri), tools, report).await;
    client(asked, tools, report).await;
}

/// RFC 9110 §6.6.1: the date is from when the answer was made, so it lies between question and answer, give or take a second
/// that dates do not show.
fn skew(answer: &Response<Bytes>, (before, after): (Timestamp, Timestamp), place: &str, report: &mut Report) {
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else { return };
    let Ok(there) = date.duration_since(std::time::UNIX_EPOCH) else { return };
    let there = i64::try_from(there.as_secs()).unwrap_or(i64::MAX);
    let (ahead, behind) = (there.saturating_sub(after.0), before.0.saturating_sub(there));
    let most = i64::try_from(SKEW_MAX.as_secs()).unwrap_or(i64::MAX);
    if ahead > most {
        report.note(Code::ClockSkew, place, format_args!("its clock is {ahead} s ahead of ours"));
    } else if behind > most {
        report.note(Code::ClockSkew, place, format_args!("its clock is {behind} s behind ours"));
    }
}

async fn keys(asked: &Asked<'_>, url: &str, tools: &Tools, report: &mut Report) {
    let place = format!("`{}`, {url}", asked.key);
    let found = match get(url, None, tools).await {
        Err(NoAnswer { found, .. }) => found,
        Ok(answer) if answer.status() != StatusCode::OK => answer.status().to_string(),
        Ok(answer) => match JwkSet::from_json(answer.body()) {
            Err(error) => error.to_string(),
            Ok(set) if !set.keys().iter().any(|jwk| VerifyingKey::from_jwk(jwk).is_ok()) => "no usable key".to_owned(),
            Ok(_) => return,
        },
    };
    report.note(Code::JwksUnreachable, place, found);
}

/// Whether the feed may be read as our client: the least that a gateway needs.
async fn client(asked: &Asked<'_>, tools: &Tools, report: &mut Report) {
    let Some((id, secret)) = asked.client else { return };
    let place = format!("`{}.client_id`, `{id}`", asked.key);
    let answer = get(&format!("{}/feed/head", asked.base), basic(id, secret), tools).await;
    match answer.map(|answer| answer.status()) {
        Ok(StatusCode::OK) => {}
        Ok(StatusCode::UNAUTHORIZED) => report.note(Code::ClientRefused, place, "unknown, disabled, or another secret"),
        Ok(StatusCode::FORBIDDEN) => report.note(Code::ClientRefused, place, "it may not read the feed"),
        Ok(status) => report.note(Code::IssuerUnreachable, place, status),
        Err(NoAnswer { found, .. }) => report.note(Code::IssuerUnreachable, place, found),
    }
}

/// RFC 6749 §2.3.1.
fn basic(id: &ClientId, secret: &Secret<String>) -> Option<HeaderValue> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(id.as_str()), encode(secret.expose())));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair.expose()))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

async fn get(url: &str, authorization: Option<HeaderValue>, tools: &Tools) -> Result<Response<Bytes>, NoAnswer> {
    let url: Url =
        url.parse().map_err(|error: url::ParseError| NoAnswer { certificate: None, found: error.to_string() })?;
    let mut request = Request::get(url).deadline(PATIENCE);
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    tools.http.send(request).await.map_err(NoAnswer::from)
}

// === impl NoAnswer ===

impl From<FetchError> for NoAnswer {
    fn from(error: FetchError) -> Self {
        let found = error.to_string();
        let certificate = match error {
            FetchError::Unreachable { cause: Unreachable::Certificate(why), .. } => Some(why),
            FetchError::Unreachable { .. }
            | FetchError::Refused(_)
            | FetchError::TooSlow(_)
            | FetchError::TooLarge { .. }
            | FetchError::Broken(_)
            | FetchError::Busy => None,
        };
        Self { certificate, found }
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, String> {
    if answer.status() != StatusCode::OK {
        return Err(answer.status().to_string());
    }
    serde_json::from_slice(answer.body()).map_err(|error| error.to_string())
}
