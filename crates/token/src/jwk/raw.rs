//! A JWK as it stands in JSON, before it is a key: the one place that knows the member names.
//!
//! Specs: RFC 7517 §4, RFC 7518 §6.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny};

use super::{Jwk, Material, Unusable, encode, kid_fits};
use crate::key::KeyId;

/// The members we know. Others, such as `x5c` or `x5u`, are read over: trust comes from where the set came from.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct RawJwk {
    kty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ops: Option<Vec<String>>,
    // The members that must not be there (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2): only their presence is kept.
    #[serde(skip_serializing, deserialize_with = "present")]
    d: bool,
    #[serde(skip_serializing, deserialize_with = "present")]
    p: bool,
    #[serde(skip_serializing, deserialize_with = "present")]
    q: bool,
    #[serde(skip_serializing, deserialize_with = "present")]
    dp: bool,
    #[serde(skip_serializing, deserialize_with = "present")]
    dq: bool,
    #[serde(skip_serializing, deserialize_with = "present")]
    qi: bool,
    #[serde(skip_serializing, deserialize_with = "present")]
    oth: bool,
    #[serde(skip_serializing, deserialize_with = "present")]
    k: bool,
}

// === impl RawJwk ===

impl RawJwk {
    fn private_member(&self) -> Option<&'static str> {
        let Self { d, p, q, dp, dq, qi, oth, k, .. } = self;
        [(d, "d"), (p, "p"), (q, "q"), (dp, "dp"), (dq, "dq"), (qi, "qi"), (oth, "oth"), (k, "k")]
            .into_iter()
            .find_map(|(present, name)| present.then_some(name))
    }
}

impl TryFrom<RawJwk> for Jwk {
    type Error = Unusable;

    fn try_from(raw: RawJwk) -> Result<Self, Unusable> {
        if let Some(name) = raw.private_member() {
            return Err(Unusable::Private(name));
        }
        let RawJwk { kty, crv, x, y, n, e, kid, alg, usage, key_ops, .. } = raw;
        let curve = crv.as_deref();
        let material = match kty.as_deref().ok_or(Unusable::Missing("kty"))? {
            "EC" if curve == Some("P-256") => Material::P256 { x: fixed("x", x)?, y: fixed("y", y)? },
            "OKP" if curve == Some("Ed25519") => Material::Ed25519 { x: fixed("x", x)? },
            "EC" | "OKP" => return Err(if crv.is_none() { Unusable::Missing("crv") } else { Unusable::Curve }),
            "RSA" => Material::Rsa { n: number("n", n)?, e: number("e", e)? },
            _ => return Err(Unusable::KeyType),
        };
        material.check()?;
        let alg = alg.map(|name| name.parse().map_err(|_| Unusable::Algorithm)).transpose()?;
        if alg.is_some_and(|alg| !material.allows(alg)) {
            return Err(Unusable::Algorithm);
        }
        if kid.as_ref().is_some_and(|kid| !kid_fits(kid)) {
            return Err(Unusable::Kid);
        }
        Ok(Self { material, kid, alg, usage, key_ops })
    }
}

impl From<Jwk> for RawJwk {
    fn from(jwk: Jwk) -> Self {
        let Jwk { material, kid, alg, usage, key_ops } = jwk;
        let alg = alg.map(|alg| alg.name().to_owned());
        let rest = Self { kid, alg, usage, key_ops, ..Self::default() };
        let kty = |name: &str| Some(name.to_owned());
        match material {
            Material::P256 { x, y } => {
                Self { kty: kty("EC"), crv: Some("P-256".to_owned()), x: Some(encode(&x)), y: Some(encode(&y)), ..rest }
            }
            Material::Ed25519 { x } => {
                Self { kty: kty("OKP"), crv: Some("Ed25519".to_owned()), x: Some(encode(&x)), ..rest }
            }
            Material::Rsa { n, e } => Self { kty: kty("RSA"), n: Some(encode(&n)), e: Some(encode(&e)), ..rest },
        }
    }
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn fixed(name: &'static str, text: Option<String>) -> Result<[u8; 32], Unusable> {
    // RFC 7518 §6.2.1.2: the full width of the field, leading zeros included.
    bytes(name, text)?.try_into().map_err(|_| Unusable::Encoding(name))
}

fn number(name: &'static str, text: Option<String>) -> Result<Vec<u8>, Unusable> {
    let bytes = bytes(name, text)?;
    // RFC 7518 §6.3.1.1: as few bytes as the number needs. Another spelling would have another thumbprint.
    match bytes.first() {
        None | Some(0) => Err(Unusable::Encoding(name)),
        Some(_) => Ok(bytes),
    }
}

fn bytes(name: &'static str, text: Option<String>) -> Result<Vec<u8>, Unusable> {
    let text = text.ok_or(Unusable::Missing(name))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unusable::Encoding(name))
}
