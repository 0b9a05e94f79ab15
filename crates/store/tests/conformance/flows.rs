//! Logins in progress.

use std::sync::Arc;

use sekisho_model::Flow;
use sekisho_model::flow::{AccountPage, AccountRequest, AuthorizationRequest, Flows as _, Progress};
use sekisho_wire::{SessionId, UserId};
use tokio::task::JoinSet;

use crate::rig::{NOW, Rig, web};

fn flow(rig: &Rig) -> Flow {
    let request = AuthorizationRequest {
        client: web(),
        redirect_uri: "https://web.example/cb".to_owned(),
        scopes: "orders:read".parse().unwrap(),
        audiences: vec!["orders".to_owned()],
        state: Some("state".to_owned()),
        nonce: None,
        challenge: Some("challenge".to_owned()),
        sign_in_again: true,
        ask_again: false,
        max_age_s: Some(60),
        login_hint: None,
        expected: Some(UserId(7)),
        ui_locales: None,
    };
    Flow {
        digest: rig.digest(),
        browser: rig.digest(),
        request: request.into(),
        started_at: NOW,
        expires_at: NOW.plus_s(600),
        progress: Progress::default(),
    }
}

async fn a_flow_keeps_its_progress_until_its_time_is_over(rig: &Rig) {
    let mut flow = flow(rig);
    rig.store.start_flow(rig.act(), flow.clone()).await.unwrap();
    assert_eq!(rig.store.flow(&rig.realm, flow.digest, NOW).await.unwrap().as_ref(), Some(&flow));
    flow.progress = Progress { session: Some(SessionId(rig.fresh())), consented_at: Some(NOW) };
    rig.store.advance_flow(rig.act(), flow.digest, flow.progress).await.unwrap();
    assert_eq!(rig.store.flow(&rig.realm, flow.digest, NOW.plus_s(599)).await.unwrap().as_ref(), Some(&flow));
    assert_eq!(rig.store.flow(&rig.realm, flow.digest, NOW.plus_s(600)).await.unwrap(), None);
}

async fn a_flow_towards_ones_own_account_is_read_back_as_one(rig: &Rig) {
    let request =
        AccountRequest { account: AccountPage::Password, max_age_s: Some(600), ui_locales: Some("ja en".to_owned()) };
    let flow = Flow { request: request.into(), ..flow(rig) };
    rig.store.start_flow(rig.act(), flow.clone()).await.unwrap();
    assert_eq!(rig.store.flow(&rig.realm, flow.digest, NOW).await.unwrap(), Some(flow));
}

async fn of_50_who_finish_a_flow_at_once_one_does(rig: &Rig) {
    let flow = flow(rig);
    let digest = flow.digest;
    rig.store.start_flow(rig.act(), flow).await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (store, act) = (Arc::clone(&rig.store), rig.act());
        calls.spawn(async move { store.finish_flow(act, digest).await.unwrap() });
    }
    assert_eq!(calls.join_all().await.into_iter().filter(|won| *won).count(), 1);
    assert_eq!(rig.store.flow(&rig.realm, digest, NOW).await.unwrap(), None);
    rig.store.advance_flow(rig.act(), digest, Progress::default()).await.unwrap();
    assert_eq!(rig.store.flow(&rig.realm, digest, NOW).await.unwrap(), None);
}

on_every_backend!(
    a_flow_keeps_its_progress_until_its_time_is_over,
    a_flow_towards_ones_own_account_is_read_back_as_one,
    of_50_who_finish_a_flow_at_once_one_does,
);
