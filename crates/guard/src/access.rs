//! Verifying access tokens: everything once, and then only what may have changed.
//!
//! ```text
//!   token ─ SHA-256 ─► seen before?  no ─► signature and claims ─► judge ─► remembered
//!                          │yes
//!                     not expired? ─► judged in this generation of the fold? ─► done: no crypto, no I/O
//!                                                  │no
//!                                                judge ─► revoked: forgotten and refused
//! ```
//!
//! Requests that bring the same unseen token at once wait for one verification. A refusal is not remembered: it costs one
//! signature check at most, and a remembered one could lock a good token out.
//!
//! Specs: RFC 9068 §4, RFC 6750 (what a bearer token is). Not here: how old the fold may be (the caller asks the
//! [`Follower`] for its age), scopes, where the token stood in the request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use sekisho_token::jwt::{self, Audiences, Expect, KeyLookup, LEEWAY_S, Limits, Unverified};
use sekisho_token::{Algorithm, Digest, KeyId, Timestamp};
use sekisho_wire::meter::{LookupMeter, Lookups};
use sekisho_wire::{AccessClaims, Caller, Clock, Issuer, Reason};

use crate::follow::Follower;
use crate::jwks::JwksKeys;

mod reason;

/// How many verified tokens are remembered, unless told otherwise.
pub const REMEMBERED_MAX: usize = 20_000;

/// Which tokens are accepted.
#[derive(Clone, Debug)]
pub struct Accept {
    /// Whose; compared byte for byte.
    pub issuer: Issuer,
    /// For which audiences: the token must be for one of them. Never empty.
    pub audiences: Vec<String>,
    /// Signed how.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ, in seconds.
    pub leeway_s: u32,
    /// Living no longer than this from `iat` to `exp`, in seconds.
    pub lifetime_s_max: Option<u32>,
    /// No longer than this, in bytes.
    pub token_bytes_max: usize,
    /// How many verified tokens are remembered.
    pub remembered_max: usize,
}

/// Whose word counts about keys and revocations.
#[derive(Clone, Debug)]
pub enum Authority {
    /// The issuer's feed: keys and revocations.
    Feed(Arc<Follower>),
    /// The issuer's JWKS: keys only. A token works until it expires.
    Jwks(Arc<JwksKeys>),
}

/// Verifies the access tokens of one issuer for given audiences.
pub struct AccessVerifier {
    accept: Accept,
    expect: Expect,
    limits: Limits,
    authority: Authority,
    clock: Arc<dyn Clock>,
    // One table per verifier: what one route accepted must never answer for another route's issuer or audience.
    seen: Cache<Digest, Arc<VerifiedAccess>, UnitWeighter, RandomState>,
    looked_up: LookupMeter,
}

/// A token that was verified and not revoked when it was last looked at.
#[derive(Debug)]
pub struct VerifiedAccess {
    claims: AccessClaims,
    caller: Caller,
    digest: Digest,
    kid: KeyId,
    /// The authority's generation in which it was last judged.
    judged_in: AtomicU64,
}

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The stable reason; its class says who must act.
    pub reason: Reason,
    /// What the reason leaves open, such as the measured offset of the clocks. Never a part of the token.
    pub detail: Option<String>,
}

/// The audiences of a verifier are empty, which would accept nothing or, one day, everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a verifier needs at least one audience")]
pub struct NoAudience;

// === impl Accept ===

impl Accept {
    /// Our own issuer's tokens for these audiences, everything else as usual.
    #[must_use]
    pub fn tokens_of(issuer: Issuer, audiences: Vec<String>) -> Self {
        Self {
            issuer,
            audiences,
            algorithms: Algorithm::ALL.to_vec(),
            leeway_s: LEEWAY_S,
            lifetime_s_max: None,
            token_bytes_max: Limits::default().token_bytes_max,
            remembered_max: REMEMBERED_MAX,
        }
    }
}

// === impl Authority ===

impl Authority {
    fn generation(&self) -> u64 {
        match self {
            Self::Feed(follower) => follower.generation(),
            Self::Jwks(keys) => keys.generation(),
        }
    }

    fn judge(&self, claims: &AccessClaims, kid: &KeyId, now: Timestamp) -> Result<(), Reason> {
        match self {
            Self::Feed(follower) => follower.view().judge(claims, kid, now),
            Self::Jwks(keys) if keys.has(kid) => Ok(()),
            Self::Jwks(_) => Err(Reason::KeyGone),
        }
    }
}

// === impl AccessVerifier ===

impl AccessVerifier {
    /// A verifier that has seen nothing yet.
    ///
    /// # Errors
    /// [`NoAudience`].
    pub fn new(accept: Accept, authority: Authority, clock: Arc<dyn Clock>) -> Result<Self, NoAudience> {
        let audiences = Audiences::any_of(accept.audiences.iter().cloned()).ok_or(NoAudience)?;
        let mut expect = Expect::access_token(accept.issuer.as_str(), audiences)
            .algorithms(accept.algorithms.clone())
            .leeway_s(accept.leeway_s);
        if let Some(lifetime_s_max) = accept.lifetime_s_max {
            expect = expect.lifetime_s_max(lifetime_s_max);
        }
        let limits = Limits { token_bytes_max: accept.token_bytes_max, ..Limits::default() };
        let items_max = accept.remembered_max;
        // Keys are digests, so nobody can aim at a slot.
        let hasher = RandomState::default();
        let seen = Cache::with(items_max, items_max as u64, UnitWeighter, hasher, DefaultLifecycle::default());
        Ok(Self { accept, expect, limits, authority, clock, seen, looked_up: LookupMeter::default() })
    }

    /// Verifies a token.
    ///
    /// # Errors
    /// [`Refused`], with the reason of the first check that failed.
    pub async fn verify(&self, token: &str) -> Result<Arc<VerifiedAccess>, Refused> {
        if token.len() > self.accept.token_bytes_max {
            let (bytes, bytes_max) = (token.len(), self.accept.token_bytes_max);
            return Err(jwt::Refusal::TooLarge { part: jwt::Part::Token, bytes, bytes_max }.into());
        }
        let digest = Digest::of(token.as_bytes());
        if let Some(seen) = self.seen.get(&digest) {
            self.looked_up.hit();
            return self.again(seen);
        }
        self.looked_up.miss();
        match self.seen.get_value_or_guard_async(&digest).await {
            Ok(seen) => self.again(seen),
            Err(place) => {
                let verified = Arc::new(self.first(token, digest).await?);
                // Nobody minds when there is no room: the token is verified again the next time.
                let _ = place.insert(Arc::clone(&verified));
                Ok(verified)
            }
        }
    }

    /// Who may be accepted here.
    #[must_use]
    pub fn accept(&self) -> &Accept {
        &self.accept
    }

    /// Whose word counts here.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// How many tokens are remembered now.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.seen.len()
    }

    /// How often a token was remembered, and how often it had to be verified or waited for.
    #[must_use]
    pub fn lookups(&self) -> Lookups {
        self.looked_up.read()
    }

    /// A token that was seen before: only time and the fold can have changed.
    fn again(&self, seen: Arc<VerifiedAccess>) -> Result<Arc<VerifiedAccess>, Refused> {
        let now = self.clock.wall();
        let ago_s = now.seconds_since(seen.claims.exp);
        if ago_s >= i64::from(self.accept.leeway_s) {
            self.seen.remove(&seen.digest);
            return Err(jwt::Refusal::Expired { ago_s }.into());
        }
        // Read before judging: an entry that is applied meanwhile makes this verdict an old one.
        let generation = self.authority.generation();
        if seen.judged_in.load(Ordering::Acquire) != generation {
            if let Err(reason) = self.authority.judge(&seen.claims, &seen.kid, now) {
                self.seen.remove(&seen.digest);
                return Err(reason.into());
            }
            seen.judged_in.store(generation, Ordering::Release);
        }
        Ok(seen)
    }

    async fn first(&self, token: &str, digest: Digest) -> Result<VerifiedAccess, Refused> {
        let generation = self.authority.generation();
        let verified = match self.check(token) {
            Err(jwt::Refusal::Key(KeyLookup::Unknown | KeyLookup::Unavailable)) => {
                // Perhaps the issuer has a new key; if nothing new is found, the same refusal stands.
                if let Authority::Jwks(keys) = &self.authority {
                    keys.look_again().await;
                }
                self.check(token)
            }
            checked => checked,
        };
        let verified = verified.map_err(|refusal| self.explain(refusal, token))?;
        let (kid, claims) = (verified.kid().clone(), verified.into_claims());
        self.authority.judge(&claims, &kid, self.clock.wall())?;
        let caller = Caller::from(&claims);
        Ok(VerifiedAccess { claims, caller, digest, kid, judged_in: AtomicU64::new(generation) })
    }

    fn check(&self, token: &str) -> Result<jwt::Verified<AccessClaims>, jwt::Refusal> {
        let now = self.clock.wall();
        let token = Unverified::parse(token, &self.limits)?;
        match &self.authority {
            Authority::Feed(follower) => token.verify(&follower.view().keys_at(now), &self.expect, now),
            Authority::Jwks(keys) => token.verify(&**keys, &self.expect, now),
        }
    }

    /// A key that is not found may be one that was: then its holder is told so.
    fn explain(&self, refusal: jwt::Refusal, token: &str) -> Refused {
        let gone = || {
            let Authority::Feed(follower) = &self.authority else { return false };
            let Ok(token) = Unverified::parse(token, &self.limits) else { return false };
            token.kid().is_some_and(|kid| follower.view().is_key_gone(kid, self.clock.wall()))
        };
        if refusal == jwt::Refusal::Key(KeyLookup::Unknown) && gone() {
            return Reason::KeyGone.into();
        }
        refusal.into()
    }
}

impl fmt::Debug for AccessVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessVerifier")
            .field("accept", &self.accept)
            .field("authority", &self.authority)
            .field("remembered", &self.seen.len())
            .finish_non_exhaustive()
    }
}

// === impl VerifiedAccess ===

impl VerifiedAccess {
    /// What the token says.
    #[must_use]
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// SHA-256 of the token.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The key that signed it.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

// === impl Refused ===

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{}: {detail}", self.reason),
            None => fmt::Display::fmt(&self.reason, f),
        }
    }
}

impl std::error::Error for Refused {}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: None }
    }
}

#[cfg(test)]
mod tests;
