//! What happens to an account while the new password of its owner is hashed: the later word of somebody else stays.

use sqlx::AssertSqlSafe;

use crate::client::Answer;
use crate::oauth::Browser;
use crate::rig::Rig;

const PASSWORD: &str = "/realms/main/account/password";
const NEW: &str = "another horse altogether";

/// Alice changes her password, and between the look at the old one and the write of the new one another process does this.
async fn change_while(rig: &Rig, statement: &str) -> Answer {
    let old = rig.user("alice").password;
    let mut browser = Browser::of(rig);
    let page = browser.go(PASSWORD).await;
    let form = browser.sign_in(&page, "alice").await;
    assert!(form.text().contains("Current password"), "{}", form.text());
    let mut other = rig.another_writer().await;
    // Readers see the state before it until it is committed, and whoever writes has to wait.
    for sql in ["BEGIN IMMEDIATE", statement] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut other).await.unwrap();
    }
    let runs = rig.argon2_runs();
    let commit = async {
        // One for the old password, one for the new.
        while rig.argon2_runs() < runs + 2 {
            tokio::task::yield_now().await;
        }
        sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    };
    let fields = [("current", old.as_str()), ("new", NEW), ("again", NEW)];
    let (answer, ()) = tokio::join!(browser.submit(&form, &fields), commit);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_set_meanwhile_is_not_overwritten_by_who_knew_the_old_one() {
    let rig = Rig::start().await;
    let set = "UPDATE users SET password = (SELECT password FROM users WHERE name = 'bob') WHERE name = 'alice'";
    let refused = change_while(&rig, set).await;
    assert_eq!(refused.code(), 401);
    assert!(refused.text().contains("current password is wrong"), "{}", refused.text());
    assert_eq!(rig.login_with("alice", NEW).await.code(), 401);
    assert_eq!(rig.login_with("alice", &rig.user("bob").password).await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_ended_meanwhile_changes_no_password() {
    let rig = Rig::start().await;
    let told = change_while(&rig, "UPDATE sessions SET ended_at = 1, over_at = 1").await;
    assert!(told.text().contains("<h1>Sign in</h1>"), "{}", told.text());
    assert!(told.text().contains("to see your account"), "{}", told.text());
    assert_eq!(rig.login_with("alice", NEW).await.code(), 401);
    assert_eq!(rig.login_with("alice", &rig.user("alice").password).await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_hash_of_the_same_password_stands_in_nobodys_way() {
    let rig = Rig::start().await;
    rig.set_password("carol", &rig.user("alice").password).await;
    let renewed = "UPDATE users SET password = (SELECT password FROM users WHERE name = 'carol') WHERE name = 'alice'";
    let changed = change_while(&rig, renewed).await;
    assert!(changed.text().contains("Your password was changed"), "{}", changed.text());
    assert_eq!(rig.login_with("alice", NEW).await.code(), 200);
}
