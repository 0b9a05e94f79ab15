//! One-time things under fifty parallel requests, over HTTP.

use std::collections::BTreeSet;

use crate::oauth::{PublicFlow, refresh};
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_redemptions_of_one_code_bring_exactly_one_200() {
    let rig = Rig::start().await;
    let flow = PublicFlow::sign_in(&rig, "alice").await;
    let answers = futures_util::future::join_all((0..50).map(|_| flow.redeem(&rig))).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.code() == 200).collect();
    assert_eq!(good.len(), 1);
    for answer in answers.iter().filter(|answer| answer.code() != 200) {
        assert_eq!((answer.code(), &answer.json()["error"]), (400, &"invalid_grant".into()), "{}", answer.text());
    }
    // A code presented twice is a theft: what the first brought is taken back (RFC 6749 §4.1.2).
    let token = good[0].json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(rig.introspect(&token).await["active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_refreshes_without_grace_bring_exactly_one_200_and_end_the_family() {
    let rig = Rig::start_with_refresh_grace(0).await;
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let first = tokens["refresh_token"].as_str().unwrap();
    let answers = futures_util::future::join_all((0..50).map(|_| refresh(&rig, first))).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.code() == 200).collect();
    assert_eq!(good.len(), 1);
    let successor = good[0].json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&rig, &successor).await.json()["error"], "invalid_grant", "the family has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_refreshes_with_the_default_grace_all_carry_the_same_successor() {
    let rig = Rig::start().await;
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let first = tokens["refresh_token"].as_str().unwrap();
    let answers = futures_util::future::join_all((0..50).map(|_| refresh(&rig, first))).await;
    let successors: BTreeSet<String> = answers
        .iter()
        .inspect(|answer| assert_eq!(answer.code(), 200, "{}", answer.text()))
        .map(|answer| answer.json()["refresh_token"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(successors.len(), 1, "the generation rose by one, once");
    let successor = successors.first().unwrap();
    assert_ne!(successor, first);
    // Once the successor has been used, the first is reuse and ends everything.
    let newest = refresh(&rig, successor).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&rig, first).await.json()["error"], "invalid_grant");
    assert_eq!(refresh(&rig, &newest).await.json()["error"], "invalid_grant");
}
