//! Where the credential stands in a request: RFC 6750 §2.1, and nowhere else.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sekisho_wire::Reason;

/// The one bearer token of a request.
///
/// # Errors
/// The reason: none, more than one, or something that is no bearer token.
pub(super) fn token(headers: &HeaderMap) -> Result<&str, Reason> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Reason::NoCredential)?;
    if values.next().is_some() {
        // Whoever reads the other one would see another caller.
        return Err(Reason::CredentialsDisagree);
    }
    let text = value.to_str().map_err(|_| Reason::MalformedCredential)?;
    let (scheme, token) = text.split_once(' ').ok_or(Reason::MalformedCredential)?;
    // RFC 9110 §11.1: the scheme is not case-sensitive. RFC 6750 §2.1: exactly one token, in b64token's alphabet.
    let in_alphabet = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && in_alphabet {
        Ok(token)
    } else {
        Err(Reason::MalformedCredential)
    }
}
