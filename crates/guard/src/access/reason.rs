//! From the refusal of a token to the reason that is shown: one total match.

use sekisho_token::jwt::{Claim, KeyLookup, Part, Refusal};
use sekisho_wire::Reason;

use super::Refused;

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { reason: reason(&refusal), detail: detail(&refusal) }
    }
}

fn reason(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::TooLarge { part: Part::Token, .. } => Reason::TokenTooLarge,
        Refusal::TooLarge { part: Part::Header, .. }
        | Refusal::HeaderMalformed(_)
        | Refusal::CriticalUnsupported
        | Refusal::UnencodedUnsupported => Reason::HeaderRefused,
        Refusal::NotCompact => Reason::MalformedCredential,
        Refusal::AlgorithmNotAllowed | Refusal::KeyAlgorithm => Reason::AlgorithmRefused,
        Refusal::TypMismatch => Reason::TypeRefused,
        Refusal::Key(KeyLookup::Unknown | KeyLookup::Ambiguous) => Reason::UnknownKey,
        Refusal::Key(KeyLookup::Unavailable) => Reason::KeysUnavailable,
        Refusal::SignatureInvalid => Reason::BadSignature,
        Refusal::ClaimsMalformed(_) | Refusal::ClaimMissing(_) | Refusal::ClaimInvalid(_) => Reason::BadClaims,
        Refusal::IssuerMismatch => Reason::WrongIssuer,
        Refusal::AudienceMismatch => Reason::WrongAudience,
        Refusal::Expired { .. } => Reason::Expired,
        Refusal::ClockSkew { claim: Claim::Nbf, .. } => Reason::NotYetValid,
        Refusal::ClockSkew {
            claim: Claim::Iss | Claim::Sub | Claim::Aud | Claim::Exp | Claim::Iat | Claim::Jti,
            ..
        } => Reason::ClockSkew,
        Refusal::LifetimeTooLong { .. } => Reason::LifetimeTooLong,
    }
}

/// What the reason's name leaves open: numbers and names of claims, nothing of the token's text.
fn detail(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::NotCompact
        | Refusal::AlgorithmNotAllowed
        | Refusal::TypMismatch
        | Refusal::SignatureInvalid
        | Refusal::IssuerMismatch
        | Refusal::AudienceMismatch => None,
        Refusal::TooLarge { .. }
        | Refusal::HeaderMalformed(_)
        | Refusal::CriticalUnsupported
        | Refusal::UnencodedUnsupported
        | Refusal::Key(_)
        | Refusal::KeyAlgorithm
        | Refusal::ClaimsMalformed(_)
        | Refusal::ClaimMissing(_)
        | Refusal::ClaimInvalid(_)
        | Refusal::Expired { .. }
        | Refusal::ClockSkew { .. }
        | Refusal::LifetimeTooLong { .. } => Some(refusal.to_string()),
    }
}
