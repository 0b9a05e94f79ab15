//! The audit in SQL.

use sekisho_model::audit::{AuditLog as _, Search};
use sekisho_model::session::Sessions as _;
use sekisho_model::user::Users as _;
use sekisho_wire::audit::Event;
use sekisho_wire::{Reason, RequestId};

use crate::rig::{NOW, Rig, web};

async fn a_write_leaves_a_line_that_says_who_what_and_from_where(rig: &Rig) {
    let (user, session, _) = rig.any_grant("alice").await;
    let mut act = rig.act_at(3);
    act.client = Some(web());
    act.address = Some([127, 0, 0, 1].into());
    act.request = Some(RequestId(rig.fresh()));
    rig.store.end_session(act.clone(), session).await.unwrap();
    let line = rig.store.audit(&rig.realm, None, 1).await.unwrap().remove(0).event;
    assert_eq!((line.event, line.at), (Event::SessionEnded, act.now));
    assert_eq!((line.subject, line.session), (Some(user.into()), Some(session)));
    assert_eq!((line.client, line.address, line.request), (act.client, act.address, act.request));
}

async fn lines_come_newest_first_page_after_page(rig: &Rig) {
    rig.any_grant("alice").await;
    let mut failed = rig.act().audit(Event::LoginFailed);
    failed.reason = Some(Reason::WrongCredentials);
    rig.store.note(failed).await.unwrap();
    let page = rig.store.audit(&rig.realm, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.event.event).collect::<Vec<_>>(), [Event::LoginFailed, Event::CodeRedeemed]);
    assert_eq!(page[0].event.reason, Some(Reason::WrongCredentials));
    let rest = rig.store.audit(&rig.realm, Some(page[1].sequence), 10).await.unwrap();
    let events: Vec<_> = rest.iter().map(|row| row.event.event).collect();
    assert_eq!(events, [Event::LoginSucceeded, Event::UserCreated, Event::RealmCreated]);
    assert!(rig.store.audit(&"other".parse().unwrap(), None, 10).await.unwrap().is_empty());
}

async fn lines_are_found_by_whom_what_and_when_and_say_which_administrator_did_it(rig: &Rig) {
    let (alice, _, _) = rig.any_grant("alice").await;
    let bob = rig.user("bob").await;
    let mut act = rig.act_at(50);
    act.by = Some("ada".parse().unwrap());
    rig.store.disable_user(act, alice).await.unwrap();
    rig.store.disable_user(rig.act_at(60), bob).await.unwrap();
    let found = async |search: Search| rig.store.search_audit(&rig.realm, search, None, 10).await.unwrap();
    let disabled = Search { event: Some(Event::UserDisabled), ..Search::default() };
    assert_eq!(found(disabled.clone()).await.len(), 2);
    let of_alice = found(Search { subject: Some(alice.into()), ..disabled.clone() }).await;
    assert_eq!(of_alice.len(), 1);
    assert_eq!(of_alice[0].event.by, Some("ada".parse().unwrap()));
    let late = found(Search { since: Some(NOW.plus_s(55)), ..Search::default() }).await;
    assert_eq!(late.iter().map(|row| row.event.subject.clone()).collect::<Vec<_>>(), [Some(bob.into())]);
    let early = found(Search { until: Some(NOW.plus_s(60)), ..disabled.clone() }).await;
    assert_eq!(early.len(), 1, "the end is not part of it");
    let before = rig.store.search_audit(&rig.realm, disabled, Some(of_alice[0].sequence), 10).await.unwrap();
    assert!(before.is_empty());
}

on_every_backend!(
    a_write_leaves_a_line_that_says_who_what_and_from_where,
    lines_come_newest_first_page_after_page,
    lines_are_found_by_whom_what_and_when_and_say_which_administrator_did_it,
);
