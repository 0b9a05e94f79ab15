//! Realms, and the walls between them.

use sekisho_model::client::Clients as _;
use sekisho_model::feed::FeedLog as _;
use sekisho_model::flow::Flows as _;
use sekisho_model::grant::{Grants as _, Refreshed};
use sekisho_model::key::Keys as _;
use sekisho_model::opaque::OpaqueTokens as _;
use sekisho_model::realm::{CreateRealmError, NewRealm, Realms as _};
use sekisho_model::session::Sessions as _;
use sekisho_model::user::{CreateUserError, NewUser, Users as _};
use sekisho_model::{Act, StoreError};
use sekisho_wire::{Change, Position, RealmName, UserId};

use crate::rig::{NOW, Rig, new_key, opaque, refresh, web};

async fn a_new_realm_publishes_its_first_key_as_revision_one_of_an_epoch_of_its_time(rig: &Rig) {
    let realm: RealmName = "other".parse().unwrap();
    let key = new_key(NOW);
    let published = key.published.clone();
    let new = NewRealm { refresh_key_sealed: vec![1, 2, 3], key };
    let position = rig.store.create_realm(Act::by_house(realm.clone(), NOW), new).await.unwrap();
    assert_eq!(position, Position::new(1_000_000, 1));

    let snapshot = rig.store.snapshot(&realm, NOW).await.unwrap();
    assert_eq!(snapshot.keys, [published]);
    assert_eq!(snapshot.head.position, position);
    let kept = rig.store.realm(&realm).await.unwrap().unwrap();
    assert_eq!((kept.refresh_key_sealed, kept.created_at), (vec![1, 2, 3], NOW));
    assert!(matches!(rig.last_changes().await.as_slice(), [Change::KeyScheduled { .. }]));
}

async fn a_taken_name_is_refused_and_changes_nothing(rig: &Rig) {
    let before = rig.store.realm(&rig.realm).await.unwrap();
    let new = NewRealm { refresh_key_sealed: vec![9], key: new_key(NOW) };
    let refused = rig.store.create_realm(rig.act(), new).await;
    assert_eq!(refused, Err(CreateRealmError::Exists(rig.realm.clone())));
    assert_eq!(rig.store.realm(&rig.realm).await.unwrap(), before);
    assert_eq!(rig.head().await.revision.0, 1);
}

async fn realms_are_listed_by_name(rig: &Rig) {
    rig.make_realm(&"zoo".parse().unwrap()).await;
    rig.make_realm(&"alpha".parse().unwrap()).await;
    let names: Vec<_> = rig.store.realms().await.unwrap().iter().map(|realm| realm.name.to_string()).collect();
    assert_eq!(names, ["alpha", "main", "zoo"]);
    assert_eq!(rig.store.realm(&"beta".parse().unwrap()).await.unwrap(), None);
}

async fn realms_do_not_see_one_anothers_rows(rig: &Rig) {
    let (user, session, grant) = rig.any_grant("alice").await;
    rig.client("web").await;
    let code = rig.code(user, session).await;
    let token = opaque(rig.digest(), grant, NOW.plus_s(60));
    rig.store.keep_opaque(rig.act(), token.clone()).await.unwrap();

    let other: RealmName = "other".parse().unwrap();
    rig.make_realm(&other).await;
    let act = || Act::by_house(other.clone(), NOW);
    let store = &rig.store;
    assert!(store.user(&other, user).await.unwrap().is_none());
    assert!(store.user_by_name(&other, &"alice".parse().unwrap()).await.unwrap().is_none());
    assert!(store.users(&other, None, 10).await.unwrap().is_empty());
    assert!(store.client(&other, &web()).await.unwrap().is_none());
    assert!(store.clients(&other, None, 10).await.unwrap().is_empty());
    assert!(store.sessions_of(other.clone(), user, NOW).await.unwrap().is_empty());
    assert!(store.grants_of(other.clone(), user, NOW).await.unwrap().is_empty());
    assert!(store.basis(&other, grant).await.unwrap().is_none());
    assert!(store.opaques(&other, vec![token.digest], NOW).await.unwrap().is_empty());
    assert!(store.flow(&other, code, NOW).await.unwrap().is_none());

    assert_eq!(store.end_session(act(), session).await, Ok(None));
    assert_eq!(store.revoke_grant(act(), grant).await, Ok(None));
    assert_eq!(store.disable_user(act(), user).await, Ok(None));
    assert_eq!(store.disable_client(act(), web()).await, Ok(None));
    assert_eq!(store.drop_opaque(act(), token.digest).await, Ok(false));
    assert!(matches!(store.refresh_grant(act(), refresh(grant, 0, 0)).await, Ok(Refreshed::Refused(_))));
    assert_eq!(store.head(&other).await.unwrap().position.revision.0, 1);
    assert!(store.basis(&rig.realm, grant).await.unwrap().unwrap().check(NOW).is_ok());
}

async fn a_realm_that_does_not_exist_is_said_to_be_missing(rig: &Rig) {
    let nowhere: RealmName = "nowhere".parse().unwrap();
    let missing = StoreError::NoRealm("nowhere".to_owned());
    assert_eq!(rig.store.head(&nowhere).await, Err(missing.clone()));
    assert_eq!(rig.store.after(&nowhere, Position::new(1, 1)).await, Err(missing.clone()));
    assert_eq!(rig.store.snapshot(&nowhere, NOW).await, Err(missing.clone()));
    assert_eq!(rig.store.keys(&nowhere, NOW).await, Err(missing.clone()));
    let user = NewUser {
        id: UserId(1),
        name: "alice".parse().unwrap(),
        password: "hash".into(),
        scopes: Default::default(),
        display_name: None,
        email: None,
    };
    let made = rig.store.create_user(Act::by_house(nowhere, NOW), user).await;
    assert_eq!(made, Err(CreateUserError::Store(missing)));
}

on_every_backend!(
    a_new_realm_publishes_its_first_key_as_revision_one_of_an_epoch_of_its_time,
    a_taken_name_is_refused_and_changes_nothing,
    realms_are_listed_by_name,
    realms_do_not_see_one_anothers_rows,
    a_realm_that_does_not_exist_is_said_to_be_missing,
);
