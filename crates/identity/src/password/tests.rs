//! Equal work, a queue that ends, and hashes of other parameters.

use sekisho_token::SystemEntropy;

use super::*;

fn passwords() -> Passwords {
    Passwords::start(1, 4, Arc::new(SystemEntropy::default())).unwrap()
}

#[tokio::test]
async fn a_password_matches_its_own_hash_only_and_each_check_is_one_run() {
    let passwords = passwords();
    let hash = passwords.hash(&"correct horse".into()).await.unwrap();
    assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
    assert_eq!(passwords.runs(), 1);
    assert_eq!(passwords.check(Some(&hash), &"correct horse".into()).await, Ok(Checked::Right));
    assert_eq!(passwords.check(Some(&hash), &"correct horsf".into()).await, Ok(Checked::Wrong));
    assert_eq!(passwords.check(None, &"correct horse".into()).await, Ok(Checked::Wrong));
    assert_eq!(passwords.runs(), 4);
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_right_but_old() {
    let passwords = passwords();
    // Made with the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32`.
    let old = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert_eq!(passwords.check(Some(&old.into()), &"password".into()).await, Ok(Checked::RightButOld));
    assert_eq!(passwords.check(Some(&old.into()), &"passwort".into()).await, Ok(Checked::Wrong));
}

#[tokio::test]
async fn a_full_queue_is_an_answer_and_not_a_delay() {
    let passwords = passwords();
    let password = Secret::from("some password");
    let checks = (0..20).map(|_| passwords.check(None, &password));
    let answers = futures_util::future::join_all(checks).await;
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert!((1..20).contains(&refused), "{refused}");
    assert_eq!(answers.iter().find_map(|answer| answer.err()).unwrap().retry_after_s, Some(1));
}

#[test]
fn only_this_form_of_hash_is_read() {
    let sound = Phc::today([7; SALT_BYTES], [9; HASH_BYTES]);
    assert_eq!(Phc::parse(&sound.to_string()), Some(sound.clone()));
    for broken in [
        String::new(),
        sound.to_string().replace("argon2id", "argon2i"),
        sound.to_string().replace("v=19", "v=16"),
        sound.to_string().replace("m=19456", "m=4294967295"),
        sound.to_string().replace("t=2", "t=0"),
        sound.to_string().replace("p=1", "p=1,x=2"),
        format!("{sound}$more"),
        "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
    ] {
        assert_eq!(Phc::parse(&broken), None, "{broken}");
    }
}
