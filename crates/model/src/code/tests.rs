//! The rule of redemption.

use super::*;

fn code() -> Code {
    Code {
        digest: Digest::of(b"code"),
        client: "web".parse().unwrap(),
        user: UserId(1),
        session: SessionId(2),
        redirect_uri: Some("https://c.example/cb".to_owned()),
        challenge: Some("challenge".to_owned()),
        scopes: Scopes::default(),
        audiences: vec![],
        nonce: None,
        expires_at: Timestamp(60),
        stage: Stage::Pending,
    }
}

fn presented() -> Presented {
    Presented {
        client: "web".parse().unwrap(),
        redirect_uri: Some("https://c.example/cb".to_owned()),
        challenge: Some("challenge".to_owned()),
    }
}

#[track_caller]
fn check(presented: &Presented, now: i64, expected: Result<(), RedeemError>) {
    assert_eq!(code().redeem(presented, Timestamp(now)), expected);
}

#[test]
fn a_code_is_good_until_its_time_is_over() {
    check(&presented(), 59, Ok(()));
    check(&presented(), 60, Err(RedeemError::Expired));
}

#[test]
fn another_client_redirect_or_verifier_is_refused() {
    check(&Presented { client: "other".parse().unwrap(), ..presented() }, 1, Err(RedeemError::WrongClient));
    let elsewhere = Some("https://c.example/cb/".to_owned());
    check(&Presented { redirect_uri: elsewhere, ..presented() }, 1, Err(RedeemError::WrongRedirectUri));
    check(&Presented { redirect_uri: None, ..presented() }, 1, Err(RedeemError::WrongRedirectUri));
    check(&Presented { challenge: Some("other".to_owned()), ..presented() }, 1, Err(RedeemError::WrongVerifier));
    check(&Presented { challenge: None, ..presented() }, 1, Err(RedeemError::WrongVerifier));
}

#[test]
fn a_verifier_without_a_challenge_is_refused() {
    let mut without = code();
    without.challenge = None;
    assert_eq!(without.redeem(&presented(), Timestamp(1)), Err(RedeemError::WrongVerifier));
}

#[test]
fn a_replay_names_the_grant_even_when_it_comes_late_or_from_another_client() {
    let mut used = code();
    used.stage = Stage::Redeemed { grant: GrantId(7) };
    let other = Presented { client: "other".parse().unwrap(), ..presented() };
    assert_eq!(used.redeem(&other, Timestamp(99)), Err(RedeemError::AlreadyRedeemed { grant: GrantId(7) }));
}
