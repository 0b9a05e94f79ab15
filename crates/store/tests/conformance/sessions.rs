//! Sign-ins from the cookie to the end.

use std::net::{IpAddr, Ipv6Addr};

use sekisho_model::audit::AuditLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::session::{NewSession, Origin, Sessions as _};
use sekisho_model::user::Users as _;
use sekisho_wire::audit::Event;
use sekisho_wire::{Change, Reason, SessionId};

use crate::rig::{IDLE_S, NOW, Rig, SESSION_S, web};

async fn a_session_is_found_by_its_cookie_until_it_idles_out_or_reaches_its_cap(rig: &Rig) {
    let user = rig.user("alice").await;
    let mut act = rig.act();
    act.address = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    let new = rig.new_session(user, Origin::Browser);
    let cookie = new.cookie.unwrap();
    let opened = rig.store.open_session(act, new).await.unwrap().unwrap();
    let (found, owner) = rig.store.session_by_cookie(&rig.realm, cookie, NOW.plus_s(999)).await.unwrap().unwrap();
    assert_eq!((&found, owner.id), (&opened, user));
    assert_eq!(found.address, Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    assert!(rig.store.session_by_cookie(&rig.realm, cookie, NOW.plus_s(IDLE_S)).await.unwrap().is_none());

    rig.store.touch_session(rig.act_at(999), opened.id, 5 * IDLE_S).await.unwrap();
    assert!(rig.store.session_by_cookie(&rig.realm, cookie, NOW.plus_s(SESSION_S - 1)).await.unwrap().is_some());
    assert!(rig.store.session_by_cookie(&rig.realm, cookie, NOW.plus_s(SESSION_S)).await.unwrap().is_none());
    assert!(rig.store.session_by_cookie(&rig.realm, rig.digest(), NOW).await.unwrap().is_none());
}

async fn a_touch_is_written_at_most_every_tenth_of_the_idle_time_and_wakes_nothing_that_is_over(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let last_seen = async |now_s: i64| {
        let sessions = rig.store.sessions_of(rig.realm.clone(), user, NOW.plus_s(now_s)).await.unwrap();
        sessions.first().map(|session| session.last_seen.seconds_since(NOW))
    };
    rig.store.touch_session(rig.act_at(99), session, IDLE_S).await.unwrap();
    assert_eq!(last_seen(99).await, Some(0));
    rig.store.touch_session(rig.act_at(100), session, IDLE_S).await.unwrap();
    assert_eq!(last_seen(100).await, Some(100));
    rig.store.touch_session(rig.act_at(1100), session, IDLE_S).await.unwrap();
    assert_eq!(last_seen(1099).await, Some(100));
    assert_eq!(last_seen(1100).await, None);
}

async fn the_end_of_a_session_ends_its_grants_in_one_entry_once(rig: &Rig) {
    let (_, session, grant) = rig.any_grant("alice").await;
    let before = rig.head().await;
    let position = rig.store.end_session(rig.act(), session).await.unwrap().unwrap();
    assert_eq!(position.revision.0, before.revision.0 + 1);
    assert_eq!(rig.last_changes().await, [Change::SessionEnded { session }]);
    let basis = rig.store.basis(&rig.realm, grant).await.unwrap().unwrap();
    assert_eq!(basis.check(NOW), Err(Reason::GrantRevoked));
    assert_eq!(rig.store.end_session(rig.act(), session).await, Ok(None));
    assert_eq!(rig.store.end_session(rig.act(), SessionId(3)).await, Ok(None));
    assert_eq!(rig.head().await, position);
}

async fn somebody_elses_sign_in_in_the_same_browser_ends_in_the_transaction_that_opens_the_new_one(rig: &Rig) {
    let (alice, old, grant) = rig.any_grant("alice").await;
    let bob = rig.user("bob").await;
    let new = NewSession { held: Some(old), ..rig.new_session(bob, Origin::Browser) };
    let opened = rig.store.open_session(rig.act(), new).await.unwrap().unwrap();
    assert_eq!(rig.last_changes().await, [Change::SessionEnded { session: old }]);
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().check(NOW).is_err());
    assert_eq!(rig.store.sessions_of(rig.realm.clone(), alice, NOW).await.unwrap(), []);
    assert_eq!(rig.store.sessions_of(rig.realm.clone(), bob, NOW).await.unwrap(), [opened]);
}

async fn ones_own_sign_in_goes_on_under_the_new_cookie_and_keeps_its_grants(rig: &Rig) {
    let (user, old, grant) = rig.any_grant("alice").await;
    let before = rig.head().await;
    let new = NewSession { held: Some(old), user_agent: None, ..rig.new_session(user, Origin::Browser) };
    let cookie = new.cookie.unwrap();
    let later = rig.act_at(500);
    let now = later.now;
    let gone_on = rig.store.open_session(later, new).await.unwrap().unwrap();
    assert_eq!((gone_on.id, gone_on.auth_time, gone_on.expires_at), (old, now, now.plus_s(SESSION_S)));
    assert_eq!(rig.head().await, before, "nothing ended");
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().check(now).is_ok());
    let (found, _) = rig.store.session_by_cookie(&rig.realm, cookie, now).await.unwrap().unwrap();
    assert_eq!(found, gone_on);
    assert_eq!(rig.store.sessions_of(rig.realm.clone(), user, now).await.unwrap(), [gone_on]);

    rig.store.end_session(rig.act_at(501), old).await.unwrap();
    let new = NewSession { held: Some(old), ..rig.new_session(user, Origin::Browser) };
    let after_its_end = rig.store.open_session(rig.act_at(502), new).await.unwrap().unwrap();
    assert_ne!(after_its_end.id, old, "what is over does not begin again");
}

async fn a_transaction_that_fails_leaves_no_entry_and_no_change(rig: &Rig) {
    let (user, old, grant) = rig.any_grant("alice").await;
    let taken = rig.session(user).await;
    let other = rig.user("bob").await;
    let before = rig.head().await;
    // It ends the old session first, and fails at the id of the new one.
    let new = NewSession { id: taken, held: Some(old), ..rig.new_session(other, Origin::Browser) };
    assert!(rig.store.open_session(rig.act(), new).await.is_err());

    assert_eq!(rig.head().await, before);
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().check(NOW).is_ok());
    let audit = rig.store.audit(&rig.realm, None, 100).await.unwrap();
    assert!(!audit.iter().any(|row| row.event.event == Event::SessionEnded));
}

async fn living_sessions_are_listed_newest_first(rig: &Rig) {
    let user = rig.user("alice").await;
    let first = rig.session(user).await;
    let second = rig.first_party(user).await;
    let ended = rig.session(user).await;
    rig.store.end_session(rig.act(), ended).await.unwrap();
    let living = rig.store.sessions_of(rig.realm.clone(), user, NOW).await.unwrap();
    assert_eq!(living.iter().map(|session| session.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(living[0].origin, Origin::FirstParty(web()));
}

async fn no_session_opens_for_a_password_that_was_changed_or_a_user_who_was_disabled_since_it_was_looked_at(rig: &Rig) {
    let user = rig.user("alice").await;
    let new = rig.new_session(user, Origin::Browser);
    rig.store.set_password(rig.act(), user, "new hash".into()).await.unwrap();
    assert_eq!(rig.store.open_session(rig.act(), new).await.unwrap(), None, "the old password");
    let new = NewSession { password: "new hash".into(), ..rig.new_session(user, Origin::Browser) };
    rig.store.disable_user(rig.act(), user).await.unwrap();
    assert_eq!(rig.store.open_session(rig.act(), new.clone()).await.unwrap(), None, "disabled");
    rig.store.enable_user(rig.act(), user).await.unwrap();
    assert!(rig.store.open_session(rig.act(), new).await.unwrap().is_some());
}

async fn living_sessions_and_grants_come_page_after_page_the_latest_made_first(rig: &Rig) {
    let user = rig.user("alice").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        let session = rig.session(user).await;
        made.push((session, rig.grant(user, session).await));
    }
    rig.store.end_session(rig.act(), made[3].0).await.unwrap();
    let of = || (rig.realm.clone(), user);
    let first = rig.store.sessions_before(of(), None, NOW, 2).await.unwrap();
    assert_eq!(first.iter().map(|session| session.id).collect::<Vec<_>>(), [made[4].0, made[2].0]);
    let rest = rig.store.sessions_before(of(), Some(first[1].id), NOW, 9).await.unwrap();
    assert_eq!(rest.iter().map(|session| session.id).collect::<Vec<_>>(), [made[1].0, made[0].0]);
    assert!(rig.store.sessions_before(of(), None, NOW.plus_s(IDLE_S), 9).await.unwrap().is_empty());
    let first = rig.store.grants_before(of(), None, NOW, 2).await.unwrap();
    assert_eq!(first.iter().map(|grant| grant.id).collect::<Vec<_>>(), [made[4].1, made[2].1]);
    let rest = rig.store.grants_before(of(), Some(first[1].id), NOW, 9).await.unwrap();
    assert_eq!(rest.iter().map(|grant| grant.id).collect::<Vec<_>>(), [made[1].1, made[0].1]);
}

on_every_backend!(
    living_sessions_and_grants_come_page_after_page_the_latest_made_first,
    a_session_is_found_by_its_cookie_until_it_idles_out_or_reaches_its_cap,
    a_touch_is_written_at_most_every_tenth_of_the_idle_time_and_wakes_nothing_that_is_over,
    the_end_of_a_session_ends_its_grants_in_one_entry_once,
    somebody_elses_sign_in_in_the_same_browser_ends_in_the_transaction_that_opens_the_new_one,
    ones_own_sign_in_goes_on_under_the_new_cookie_and_keeps_its_grants,
    a_transaction_that_fails_leaves_no_entry_and_no_change,
    living_sessions_are_listed_newest_first,
    no_session_opens_for_a_password_that_was_changed_or_a_user_who_was_disabled_since_it_was_looked_at,
);
