//! Everybody can be registered, and the second start knows the first one's credentials.

use sekisho_token::SystemEntropy;

use super::{AUDIENCES, Credentials, PASSWORD_CHARS, Role, USERS};

#[test]
fn every_client_can_be_registered_and_only_the_public_one_has_no_secret() {
    for role in Role::ALL {
        let registration = role.registration().unwrap();
        assert_eq!(registration.audiences, AUDIENCES);
        assert_eq!(registration.auth == sekisho_model::client::ClientAuth::None, role == Role::Public);
    }
}

#[test]
fn every_user_s_scopes_are_within_what_the_gateway_s_client_may_be_granted() {
    let granted = Role::Gateway.registration().unwrap().scopes;
    for (user, scopes) in USERS {
        let scopes: sekisho_wire::Scopes = scopes.parse().unwrap();
        assert!(scopes.is_subset_of(&granted), "{user}: {scopes}");
    }
}

#[test]
fn credentials_are_the_same_at_the_second_start() {
    let directory = tempfile::tempdir().unwrap();
    let entropy = SystemEntropy::default();
    let mut first = Credentials::load(directory.path()).unwrap();
    for user in ["alice", "bob"] {
        first.make_password(user, &entropy);
    }
    let password = first.password("alice").to_owned();
    assert_eq!(password.len(), PASSWORD_CHARS);
    assert_ne!(first.password("bob"), password);
    first.set_secret(Role::Web, "secret".to_owned());
    first.store(directory.path()).unwrap();

    let mut second = Credentials::load(directory.path()).unwrap();
    second.make_password("alice", &entropy);
    assert_eq!(second.password("alice"), password);
    assert_eq!((second.secret(Role::Web), second.secret(Role::Orders)), (Some("secret"), None));
}
