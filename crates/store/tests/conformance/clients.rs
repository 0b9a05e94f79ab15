//! Clients, their two secrets, and their end.

use sekisho_model::Replaced;
use sekisho_model::client::{Capability, Client, Clients as _, CreateClientError, GrantType, NewClient, Registration};
use sekisho_model::grant::Grants as _;
use sekisho_model::session::Sessions as _;
use sekisho_wire::{Change, ClientId};

use crate::rig::{NOW, Rig, TOKEN_LIFETIME_S, registration, web};

async fn a_client_reads_back_with_the_position_of_its_realm(rig: &Rig) {
    let secret = rig.digest();
    let new = NewClient { id: web(), registration: registration(), secret: Some(secret) };
    rig.store.create_client(rig.act(), new.clone()).await.unwrap();
    let (position, client) = rig.store.client(&rig.realm, &web()).await.unwrap().unwrap();
    assert_eq!(position, rig.head().await);
    assert_eq!((&client.registration, client.created_at, client.disabled_at), (&registration(), NOW, None));
    assert!(client.has_secret(&secret));
    let again = rig.store.create_client(rig.act(), new).await;
    assert_eq!(again, Err(CreateClientError::Exists(web())));
}

async fn clients_are_listed_by_id_page_after_page(rig: &Rig) {
    for id in ["web", "app", "machine"] {
        rig.client(id).await;
    }
    let page = rig.store.clients(&rig.realm, None, 2).await.unwrap();
    assert_eq!(page.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["app", "machine"]);
    let rest = rig.store.clients(&rig.realm, page.last().map(|client| &client.id), 2).await.unwrap();
    assert_eq!(rest.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["web"]);
}

async fn two_secrets_work_at_once_and_a_third_drops_the_oldest(rig: &Rig) {
    let public = NewClient { id: web(), registration: registration(), secret: None };
    rig.store.create_client(rig.act(), public).await.unwrap();
    assert!(rig.store.client(&rig.realm, &web()).await.unwrap().unwrap().1.secrets.is_empty());

    let secrets = [rig.digest(), rig.digest(), rig.digest()];
    for (secret, later_s) in secrets.iter().zip(1..) {
        let was = web_of(rig).await;
        assert_eq!(rig.store.add_client_secret(rig.act_at(later_s), was, *secret).await, Ok(Replaced::Done));
    }
    let (_, client) = rig.store.client(&rig.realm, &web()).await.unwrap().unwrap();
    let kept: Vec<_> = client.secrets.iter().map(|secret| (secret.digest, secret.created_at)).collect();
    assert_eq!(kept, [(secrets[2], NOW.plus_s(3)), (secrets[1], NOW.plus_s(2))]);
}

async fn of_two_who_replace_a_secret_at_once_one_is_told_so_and_the_secret_in_use_stays(rig: &Rig) {
    let used = rig.digest();
    let new = NewClient { id: web(), registration: registration(), secret: Some(used) };
    rig.store.create_client(rig.act(), new).await.unwrap();
    let seen = web_of(rig).await;
    let first = rig.store.add_client_secret(rig.act_at(1), seen.clone(), rig.digest()).await;
    let second = rig.store.add_client_secret(rig.act_at(2), seen, rig.digest()).await;
    assert_eq!((first, second), (Ok(Replaced::Done), Ok(Replaced::Differs)));
    assert!(web_of(rig).await.has_secret(&used));
}

async fn a_registration_that_gives_more_appends_nothing_to_the_feed(rig: &Rig) {
    rig.client("web").await;
    let before = rig.head().await;
    let mut changed = registration();
    changed.audiences.push("stock".to_owned());
    assert_eq!(rig.store.update_client(rig.act(), web(), changed.clone()).await, Ok(true));
    assert_eq!(rig.store.client(&rig.realm, &web()).await.unwrap().unwrap().1.registration, changed);
    assert_eq!(rig.head().await, before);
}

async fn a_registration_that_takes_something_takes_back_every_token_and_no_grant(rig: &Rig) {
    rig.client("web").await;
    let (_, _, grant) = rig.any_grant("alice").await;
    let full = Registration {
        scopes: "orders:read orders:write".parse().unwrap(),
        audiences: vec!["orders".to_owned(), "stock".to_owned()],
        grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        capabilities: vec![Capability::Introspect],
        ..registration()
    };
    rig.store.update_client(rig.act(), web(), full.clone()).await.unwrap();
    let less = [
        Registration { scopes: "orders:read".parse().unwrap(), ..full.clone() },
        Registration { audiences: vec!["stock".to_owned()], ..full.clone() },
        Registration { grants: vec![GrantType::AuthorizationCode], ..full.clone() },
        Registration { capabilities: Vec::new(), ..full.clone() },
    ];
    for less in less {
        let before = rig.head().await;
        let was = web_of(rig).await;
        assert_eq!(rig.store.replace_client(rig.act(), was, less.clone()).await, Ok(Replaced::Done));
        assert_eq!(rig.head().await.revision.0, before.revision.0 + 1, "{less:?}");
        assert_eq!(rig.last_changes().await, [Change::ClientRevoked { client: web() }]);
        assert_eq!(rig.entries().await.pop().unwrap().until, NOW.plus_s(TOKEN_LIFETIME_S));
        // Whatever is minted now is minted after it.
        let basis = rig.store.basis(&rig.realm, grant).await.unwrap().unwrap();
        assert_eq!((basis.check(NOW), basis.position), (Ok(()), rig.head().await));
        let before = rig.head().await;
        assert_eq!(rig.store.update_client(rig.act(), web(), full.clone()).await, Ok(true));
        assert_eq!(rig.head().await, before, "what is given takes nothing back");
        assert_eq!(rig.store.update_client(rig.act(), web(), less).await, Ok(true));
        assert_eq!(rig.head().await.revision.0, before.revision.0 + 1);
        rig.store.update_client(rig.act(), web(), full.clone()).await.unwrap();
    }
}

async fn a_disabled_client_loses_its_grants_and_the_sign_ins_for_it_alone(rig: &Rig) {
    rig.client("web").await;
    let user = rig.user("alice").await;
    let (browser, own) = (rig.session(user).await, rig.first_party(user).await);
    let grants = [rig.grant(user, browser).await, rig.grant(user, own).await];
    let position = rig.store.disable_client(rig.act(), web()).await.unwrap();
    assert_eq!(position, Some(rig.head().await));
    assert_eq!(rig.last_changes().await, [Change::ClientRevoked { client: web() }]);
    for grant in grants {
        assert!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().check(NOW).is_err());
    }
    let sessions = rig.store.sessions_of(rig.realm.clone(), user, NOW);
    assert_eq!(sessions.await.unwrap().iter().map(|session| session.id).collect::<Vec<_>>(), [browser]);
    let (_, client) = rig.store.client(&rig.realm, &web()).await.unwrap().unwrap();
    assert_eq!(client.disabled_at, Some(NOW));
}

async fn a_client_that_does_not_exist_changes_nothing(rig: &Rig) {
    let (nobody, before): (ClientId, _) = ("nobody".parse().unwrap(), rig.head().await);
    assert!(rig.store.client(&rig.realm, &nobody).await.unwrap().is_none());
    assert_eq!(rig.store.update_client(rig.act(), nobody.clone(), registration()).await, Ok(false));
    rig.client("web").await;
    let unknown = Client { id: nobody.clone(), ..web_of(rig).await };
    assert_eq!(rig.store.add_client_secret(rig.act(), unknown, rig.digest()).await, Ok(Replaced::Missing));
    assert_eq!(rig.store.disable_client(rig.act(), nobody).await, Ok(None));
    assert_eq!(rig.head().await, before);
}

async fn web_of(rig: &Rig) -> Client {
    rig.store.client(&rig.realm, &web()).await.unwrap().unwrap().1
}

async fn a_registration_is_replaced_only_where_it_is_what_was_seen(rig: &Rig) {
    rig.client("web").await;
    let (seen, head) = (web_of(rig).await, rig.head().await);
    let named = |name: &str| Registration { name: name.to_owned(), ..registration() };
    let replace = async |was: &Client, name: &str| rig.store.replace_client(rig.act(), was.clone(), named(name)).await;
    assert_eq!(replace(&seen, "First").await, Ok(Replaced::Done));
    assert_eq!(replace(&seen, "Second").await, Ok(Replaced::Differs));
    assert_eq!(rig.store.delete_client(rig.act(), seen).await, Ok(Replaced::Differs));
    let now = web_of(rig).await;
    assert_eq!(now.registration, named("First"));
    // Secrets are not seen, so another one is no difference.
    rig.store.add_client_secret(rig.act(), now.clone(), rig.digest()).await.unwrap();
    assert_eq!(replace(&now, "Third").await, Ok(Replaced::Done));
    let nobody = Client { id: "nobody".parse().unwrap(), ..now };
    assert_eq!(replace(&nobody, "Fourth").await, Ok(Replaced::Missing));
    assert_eq!(rig.head().await, head);
}

async fn a_removed_client_leaves_nothing_and_may_be_made_anew(rig: &Rig) {
    rig.client("web").await;
    let (user, session, grant) = rig.any_grant("alice").await;
    let was = web_of(rig).await;
    assert_eq!(rig.store.delete_client(rig.act_at(5), was.clone()).await, Ok(Replaced::Done));
    assert_eq!(rig.last_changes().await, [Change::ClientRevoked { client: web() }]);
    assert!(rig.store.client(&rig.realm, &web()).await.unwrap().is_none());
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().is_none());
    let sessions = rig.store.sessions_of(rig.realm.clone(), user, NOW).await.unwrap();
    assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [session], "a browser's is everybody's");
    assert_eq!(rig.store.delete_client(rig.act(), was).await, Ok(Replaced::Missing));
    rig.client("web").await;
}

async fn a_client_that_is_enabled_again_gets_nothing_back(rig: &Rig) {
    rig.client("web").await;
    let (_, _, grant) = rig.any_grant("alice").await;
    rig.store.disable_client(rig.act_at(5), web()).await.unwrap().unwrap();
    assert_eq!(rig.store.enable_client(rig.act_at(6), web()).await, Ok(true));
    assert_eq!(web_of(rig).await.disabled_at, None);
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().check(NOW.plus_s(7)).is_err());
    assert_eq!(rig.store.enable_client(rig.act(), "nobody".parse().unwrap()).await, Ok(false));
}

on_every_backend!(
    of_two_who_replace_a_secret_at_once_one_is_told_so_and_the_secret_in_use_stays,
    a_registration_that_takes_something_takes_back_every_token_and_no_grant,
    a_registration_is_replaced_only_where_it_is_what_was_seen,
    a_removed_client_leaves_nothing_and_may_be_made_anew,
    a_client_that_is_enabled_again_gets_nothing_back,
    a_client_reads_back_with_the_position_of_its_realm,
    clients_are_listed_by_id_page_after_page,
    two_secrets_work_at_once_and_a_third_drops_the_oldest,
    a_registration_that_gives_more_appends_nothing_to_the_feed,
    a_disabled_client_loses_its_grants_and_the_sign_ins_for_it_alone,
    a_client_that_does_not_exist_changes_nothing,
);
