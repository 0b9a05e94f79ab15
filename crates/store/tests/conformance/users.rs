//! People: names, passwords, and taking everything back.

use sekisho_model::grant::Grants as _;
use sekisho_model::opaque::OpaqueTokens as _;
use sekisho_model::session::{NewSession, Origin, Sessions as _};
use sekisho_model::user::{CreateUserError, NewUser, PasswordChange, PasswordChanged, Profile, Rehash, Users as _};
use sekisho_model::{Replaced, User};
use sekisho_wire::{Change, Reason, SessionId, UserId};

use crate::rig::{IDLE_S, NOW, PASSWORD, Rig, TOKEN_LIFETIME_S, opaque};

async fn a_user_reads_back_by_id_and_by_name_in_any_case(rig: &Rig) {
    let new = NewUser {
        id: UserId(rig.fresh()),
        name: "Alice Émile".parse().unwrap(),
        password: "$argon2id$v=19$m=1,t=1,p=1$salt$hash".into(),
        scopes: "b a".parse().unwrap(),
        display_name: Some("Alice".to_owned()),
        email: Some("alice@example.org".to_owned()),
    };
    rig.store.create_user(rig.act(), new.clone()).await.unwrap();
    let by_name = rig.store.user_by_name(&rig.realm, &"ALICE ÉMILE".parse().unwrap()).await.unwrap().unwrap();
    let by_id = rig.store.user(&rig.realm, new.id).await.unwrap().unwrap();
    for user in [by_name, by_id] {
        assert_eq!((user.id, user.name, user.scopes), (new.id, new.name.clone(), new.scopes.clone()));
        assert_eq!(user.password.expose(), new.password.expose());
        assert_eq!((user.display_name, user.email), (new.display_name.clone(), new.email.clone()));
        assert_eq!((user.email_verified, user.created_at, user.disabled_at), (false, NOW, None));
    }
}

async fn a_taken_name_is_refused(rig: &Rig) {
    let first = rig.user("alice").await;
    let again = NewUser {
        id: UserId(rig.fresh()),
        name: "ALICE".parse().unwrap(),
        password: "other".into(),
        scopes: Default::default(),
        display_name: None,
        email: None,
    };
    assert_eq!(rig.store.create_user(rig.act(), again).await, Err(CreateUserError::NameTaken));
    let kept = rig.store.user_by_name(&rig.realm, &"alice".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(kept.id, first);
}

async fn users_are_listed_by_name_page_after_page(rig: &Rig) {
    for name in ["carol", "alice", "dave", "bob"] {
        rig.user(name).await;
    }
    let page = rig.store.users(&rig.realm, None, 3).await.unwrap();
    let names: Vec<_> = page.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["alice", "bob", "carol"]);
    let rest = rig.store.users(&rig.realm, page.last().map(|user| &user.name), 3).await.unwrap();
    assert_eq!(rest.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["dave"]);
}

async fn a_rehash_and_more_scopes_append_nothing_to_the_feed(rig: &Rig) {
    let user = rig.user("alice").await;
    let before = rig.head().await;
    let change = |from: &str| Rehash { from: from.into(), to: "newer".into() };
    assert_eq!(rig.store.rehash_password(rig.act(), user, change("another")).await, Ok(false), "changed meanwhile");
    assert_eq!(rig.store.rehash_password(rig.act(), user, change(PASSWORD)).await, Ok(true));
    let more = format!("{} stock:write", alice_of(rig, user).await.scopes);
    assert_eq!(rig.store.set_user_scopes(rig.act(), user, more.parse().unwrap()).await, Ok(true));
    let kept = rig.store.user(&rig.realm, user).await.unwrap().unwrap();
    assert_eq!((kept.password.expose().as_str(), kept.scopes.to_string().as_str()), ("newer", more.as_str()));
    assert_eq!(rig.head().await, before);
}

async fn a_scope_that_is_taken_takes_back_every_token_and_no_sign_in(rig: &Rig) {
    let (user, _, grant) = rig.any_grant("alice").await;
    let narrow = |scopes: &str| scopes.parse::<sekisho_wire::Scopes>().unwrap();
    rig.store.set_user_scopes(rig.act(), user, narrow("orders:read orders:write")).await.unwrap();
    let profile = |scopes: &str| Profile { scopes: narrow(scopes), display_name: None, email: None };
    let before = rig.head().await;
    assert_eq!(rig.store.set_user_scopes(rig.act_at(5), user, narrow("orders:read stock:read")).await, Ok(true));
    assert_eq!(rig.head().await.revision.0, before.revision.0 + 1);
    assert_eq!(rig.last_changes().await, [Change::SubjectRevoked { subject: user.into() }]);
    assert_eq!(rig.entries().await.pop().unwrap().until, NOW.plus_s(5 + TOKEN_LIFETIME_S));
    let was = alice_of(rig, user).await;
    assert_eq!(rig.store.change_user(rig.act_at(6), was, profile("orders:read")).await, Ok(Replaced::Done));
    assert_eq!(rig.head().await.revision.0, before.revision.0 + 2);
    assert_eq!(rig.last_changes().await, [Change::SubjectRevoked { subject: user.into() }]);
    let basis = rig.store.basis(&rig.realm, grant).await.unwrap().unwrap();
    assert_eq!((basis.check(NOW.plus_s(7)), basis.position), (Ok(()), rig.head().await));
    assert_eq!(basis.user.scopes, narrow("orders:read"));
    let was = alice_of(rig, user).await;
    assert_eq!(rig.store.change_user(rig.act_at(8), was, profile("orders:read a b")).await, Ok(Replaced::Done));
    assert_eq!(rig.head().await.revision.0, before.revision.0 + 2, "what is given takes nothing back");
}

async fn a_changed_password_keeps_one_session_and_takes_everything_else_back(rig: &Rig) {
    let user = rig.user("alice").await;
    let (kept, other) = (rig.session(user).await, rig.session(user).await);
    let (kept_grant, other_grant) = (rig.grant(user, kept).await, rig.grant(user, other).await);
    let done = rig.store.change_password(rig.act_at(5), user, change(PASSWORD, "new", kept)).await.unwrap();

    let position = rig.head().await;
    assert_eq!(done, PasswordChanged::Done(position));
    assert_eq!(alice_of(rig, user).await.password.expose(), "new");
    assert_eq!(rig.last_changes().await, [Change::SubjectRevoked { subject: user.into() }]);
    assert_eq!(rig.entries().await.pop().unwrap().until, NOW.plus_s(5 + TOKEN_LIFETIME_S));
    let sessions = rig.store.sessions_of(rig.realm.clone(), user, NOW.plus_s(6)).await.unwrap();
    assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [kept]);
    let basis = rig.store.basis(&rig.realm, kept_grant).await.unwrap().unwrap();
    assert_eq!((basis.check(NOW.plus_s(6)), basis.position), (Ok(()), position));
    let basis = rig.store.basis(&rig.realm, other_grant).await.unwrap().unwrap();
    assert_eq!(basis.check(NOW.plus_s(6)), Err(Reason::GrantRevoked));
}

async fn a_password_that_an_administrator_sets_takes_everything_back(rig: &Rig) {
    let (user, _, grant) = rig.any_grant("alice").await;
    let position = rig.store.set_password(rig.act_at(5), user, "set".into()).await.unwrap();
    assert_eq!(position, Some(rig.head().await));
    assert_eq!(alice_of(rig, user).await.password.expose(), "set");
    assert!(rig.store.sessions_of(rig.realm.clone(), user, NOW.plus_s(6)).await.unwrap().is_empty());
    let basis = rig.store.basis(&rig.realm, grant).await.unwrap().unwrap();
    assert_eq!(basis.check(NOW.plus_s(6)), Err(Reason::GrantRevoked));
}

async fn a_password_is_changed_only_by_who_still_has_it_in_a_sign_in_that_lives(rig: &Rig) {
    let (user, mallory) = (rig.user("alice").await, rig.user("mallory").await);
    let (kept, other, foreign) = (rig.session(user).await, rig.session(user).await, rig.session(mallory).await);
    let before = rig.head().await;
    let by_owner = async |later_s, from, keep| {
        let act = rig.act_at(later_s);
        rig.store.change_password(act, user, change(from, "hers", keep)).await.unwrap()
    };
    assert_eq!(by_owner(5, "another hash", kept).await, PasswordChanged::Differs);
    assert_eq!(by_owner(5, PASSWORD, foreign).await, PasswordChanged::SignedOut, "somebody else's sign-in");
    assert_eq!(by_owner(IDLE_S, PASSWORD, kept).await, PasswordChanged::SignedOut, "idled out");
    assert_eq!((rig.head().await, alice_of(rig, user).await.password.expose().as_str()), (before, PASSWORD));
    assert_eq!(rig.store.sessions_of(rig.realm.clone(), user, NOW).await.unwrap().len(), 2, "and nothing has ended");
    rig.store.end_session(rig.act(), other).await.unwrap().unwrap();
    assert_eq!(by_owner(5, PASSWORD, other).await, PasswordChanged::SignedOut, "ended");
    // The same password under newer parameters is another hash; whoever is told so looks again.
    let rehash = Rehash { from: PASSWORD.into(), to: "anew".into() };
    assert_eq!(rig.store.rehash_password(rig.act(), user, rehash).await, Ok(true));
    assert_eq!(by_owner(5, PASSWORD, kept).await, PasswordChanged::Differs);

    rig.store.set_password(rig.act_at(6), user, "the administrator's".into()).await.unwrap().unwrap();
    let head = rig.head().await;
    assert_eq!(by_owner(7, "anew", kept).await, PasswordChanged::SignedOut, "the sign-in ended with it");
    let later = rig
        .open(NewSession { password: "the administrator's".into(), ..rig.new_session(user, Origin::Browser) })
        .await
        .id;
    assert_eq!(by_owner(7, "anew", later).await, PasswordChanged::Differs, "a later one does not help");
    rig.store.disable_user(rig.act_at(8), user).await.unwrap().unwrap();
    assert_eq!(by_owner(9, "the administrator's", later).await, PasswordChanged::SignedOut, "disabled");
    assert_eq!(alice_of(rig, user).await.password.expose(), "the administrator's");
    assert_eq!(rig.head().await.revision.0, head.revision.0 + 1, "the administrator's word alone is in the feed");
}

async fn disabling_and_signing_out_end_everything_and_enabling_gives_nothing_back(rig: &Rig) {
    let (user, _, grant) = rig.any_grant("alice").await;
    let (bystander, _, untouched) = rig.any_grant("bob").await;
    let position = rig.store.disable_user(rig.act_at(5), user).await.unwrap();
    assert_eq!(position, Some(rig.head().await));
    assert_eq!(rig.last_changes().await, [Change::SubjectRevoked { subject: user.into() }]);
    assert_eq!(rig.store.user(&rig.realm, user).await.unwrap().unwrap().disabled_at, Some(NOW.plus_s(5)));

    assert_eq!(rig.store.enable_user(rig.act_at(6), user).await, Ok(true));
    assert_eq!(rig.store.user(&rig.realm, user).await.unwrap().unwrap().disabled_at, None);
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().check(NOW.plus_s(7)).is_err());
    assert!(rig.store.sessions_of(rig.realm.clone(), user, NOW.plus_s(7)).await.unwrap().is_empty());

    assert!(rig.store.basis(&rig.realm, untouched).await.unwrap().unwrap().check(NOW.plus_s(7)).is_ok());
    rig.store.sign_out_everywhere(rig.act_at(8), bystander).await.unwrap().unwrap();
    assert!(rig.store.basis(&rig.realm, untouched).await.unwrap().unwrap().check(NOW.plus_s(9)).is_err());
    assert!(rig.store.grants_of(rig.realm.clone(), bystander, NOW.plus_s(9)).await.unwrap().is_empty());
}

async fn a_user_who_does_not_exist_changes_nothing(rig: &Rig) {
    let (nobody, before) = (UserId(7), rig.head().await);
    assert!(rig.store.user(&rig.realm, nobody).await.unwrap().is_none());
    assert_eq!(rig.store.set_password(rig.act(), nobody, "x".into()).await, Ok(None));
    let change = change(PASSWORD, "x", SessionId(7));
    assert_eq!(rig.store.change_password(rig.act(), nobody, change).await, Ok(PasswordChanged::SignedOut));
    assert_eq!(rig.store.disable_user(rig.act(), nobody).await, Ok(None));
    assert_eq!(rig.store.sign_out_everywhere(rig.act(), nobody).await, Ok(None));
    assert_eq!(rig.store.enable_user(rig.act(), nobody).await, Ok(false));
    assert_eq!(rig.store.set_user_scopes(rig.act(), nobody, Default::default()).await, Ok(false));
    assert_eq!(rig.head().await, before);
}

fn change(from: &str, to: &str, keep: SessionId) -> PasswordChange {
    PasswordChange { from: from.into(), to: to.into(), keep }
}

async fn alice_of(rig: &Rig, id: UserId) -> User {
    rig.store.user(&rig.realm, id).await.unwrap().unwrap()
}

async fn a_change_is_made_only_to_what_was_seen(rig: &Rig) {
    let id = rig.user("alice").await;
    let (seen, head) = (alice_of(rig, id).await, rig.head().await);
    let profile = |email: &str| Profile {
        scopes: "orders:read stock:read".parse().unwrap(),
        display_name: Some("Alice".to_owned()),
        email: Some(email.to_owned()),
    };
    let change = async |was: &User, email: &str| rig.store.change_user(rig.act(), was.clone(), profile(email)).await;
    assert_eq!(change(&seen, "a@example.org").await, Ok(Replaced::Done));
    let now = alice_of(rig, id).await;
    assert_eq!((now.profile(), now.email_verified), (profile("a@example.org"), false));
    assert_eq!(change(&seen, "b@example.org").await, Ok(Replaced::Differs));
    assert_eq!(rig.store.delete_user(rig.act(), seen).await, Ok(Replaced::Differs));
    assert_eq!(alice_of(rig, id).await.profile(), profile("a@example.org"), "the later one changed nothing");
    // A password is not seen, so a change of it is no difference.
    rig.store.set_password(rig.act(), id, "other".into()).await.unwrap();
    assert_eq!(change(&now, "c@example.org").await, Ok(Replaced::Done));
    let nobody = User { id: UserId(7), ..now };
    assert_eq!(change(&nobody, "d@example.org").await, Ok(Replaced::Missing));
    assert_eq!(rig.head().await.revision.0, head.revision.0 + 1, "but for the password, nothing is for the feed");
}

async fn a_removed_user_leaves_nothing_and_what_was_theirs_is_taken_back(rig: &Rig) {
    let (id, session, grant) = rig.any_grant("alice").await;
    let (bob, _, kept) = rig.any_grant("bob").await;
    let (token, code) = (rig.digest(), rig.code(id, session).await);
    rig.store.keep_opaque(rig.act(), opaque(token, grant, NOW.plus_s(60))).await.unwrap();
    let was = alice_of(rig, id).await;
    assert_eq!(rig.store.delete_user(rig.act_at(5), was.clone()).await, Ok(Replaced::Done));
    assert_eq!(rig.last_changes().await, [Change::SubjectRevoked { subject: id.into() }]);
    assert_eq!(rig.entries().await.pop().unwrap().until, NOW.plus_s(5 + TOKEN_LIFETIME_S));
    assert!(rig.store.user(&rig.realm, id).await.unwrap().is_none());
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().is_none());
    assert!(rig.opaque(token, NOW).await.is_none());
    let redeemed = sekisho_model::code::Codes::redeem_code(&*rig.store, rig.act(), rig.redemption(code)).await;
    assert!(matches!(redeemed, Ok(sekisho_model::code::Redeemed::Unknown)));
    assert_eq!(rig.store.delete_user(rig.act(), was).await, Ok(Replaced::Missing));
    assert!(rig.store.basis(&rig.realm, kept).await.unwrap().unwrap().check(NOW.plus_s(6)).is_ok());
    assert!(rig.store.user(&rig.realm, bob).await.unwrap().is_some());
    rig.user("alice").await;
}

on_every_backend!(
    a_user_reads_back_by_id_and_by_name_in_any_case,
    a_taken_name_is_refused,
    users_are_listed_by_name_page_after_page,
    a_rehash_and_more_scopes_append_nothing_to_the_feed,
    a_scope_that_is_taken_takes_back_every_token_and_no_sign_in,
    a_changed_password_keeps_one_session_and_takes_everything_else_back,
    a_password_that_an_administrator_sets_takes_everything_back,
    a_password_is_changed_only_by_who_still_has_it_in_a_sign_in_that_lives,
    disabling_and_signing_out_end_everything_and_enabling_gives_nothing_back,
    a_user_who_does_not_exist_changes_nothing,
    a_change_is_made_only_to_what_was_seen,
    a_removed_user_leaves_nothing_and_what_was_theirs_is_taken_back,
);
