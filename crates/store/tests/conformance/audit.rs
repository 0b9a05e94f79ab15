//! The audit in SQL.

use sekisho_model::audit::AuditLog as _;
use sekisho_model::session::Sessions as _;
use sekisho_wire::audit::Event;
use sekisho_wire::{Reason, RequestId};

use crate::rig::{Rig, web};

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

on_every_backend!(a_write_leaves_a_line_that_says_who_what_and_from_where, lines_come_newest_first_page_after_page,);
