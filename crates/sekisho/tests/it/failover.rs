//! A PostgreSQL that comes back without its last commits: after a restore from a backup, or when a standby takes over that
//! had not got them. Nobody believes it until a new epoch is begun; then everybody does, and what was refused before stays so.

use std::process::Command;
use std::time::Duration;

use sekisho::admin::{self, execute};
use sekisho_identity::Takeover;
use sekisho_wire::Epoch;

use crate::client::Answer;
use crate::cluster::{Cluster, Database};
use crate::rig::Rig;

/// A database that is kept aside.
struct Kept<'a>(&'a Database<'a>);

// === impl Kept ===

impl<'a> Kept<'a> {
    /// As it is at this moment. Whoever is connected is sent away: a copy has to stand still.
    fn of(database: &'a Database<'a>) -> Self {
        let (cluster, name) = (database.cluster, &database.name);
        cluster.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        cluster.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
        cluster.sql(&format!("CREATE DATABASE {name}_kept TEMPLATE {name} OWNER house"));
        cluster.sql(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
        Self(database)
    }

    /// In place of what it was copied from.
    fn put_back(self) {
        let Database { cluster, name } = self.0;
        cluster.sql(&format!("DROP DATABASE {name} WITH (FORCE)"));
        cluster.sql(&format!("ALTER DATABASE {name}_kept RENAME TO {name}"));
    }
}

async fn ask(rig: &Rig, path: &str, token: &str) -> Answer {
    rig.gateway.get(path).bearer(token).send().await
}

async fn log_out(rig: &Rig, token: &str) {
    assert_eq!(rig.gateway.post("/auth/logout").bearer(token).send().await.code(), 204);
}

/// Lets time pass until it is so, however slow the machine is.
async fn until(rig: &Rig, holds: impl AsyncFn() -> bool) {
    for _ in 0..20 {
        rig.settle().await;
        if holds().await {
            return;
        }
    }
    panic!("it does not come to be");
}

/// What `sekisho feed new-epoch` does beside a running server.
async fn new_epoch(rig: &Rig) -> String {
    let admin = rig.admin().acting_as("ada".parse().unwrap());
    execute(&admin, admin::Command::NewEpoch { realms: Vec::new() }).await.unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lost_commits_is_believed_by_nobody_until_a_new_epoch_and_then_by_everybody() {
    let database = Cluster::shared().database();
    let here = Rig::start_on(&database.address()).await;
    let there = here.start_beside().await;
    let [kept, gone, undone] = [here.login("alice").await, here.login("bob").await, here.login("carol").await];
    log_out(&here, &gone).await;
    // Each house is an issuer of its own.
    let kept_jwts = [here.login_jwt("alice").await, there.login_jwt("alice").await];
    let backup = Kept::of(&database);
    // Never refused on the way, also where it had been swapped for a JWT of a key that is lost.
    let served = async || {
        let mut codes = Vec::new();
        for rig in [&here, &there] {
            codes.push(ask(rig, "/opaque-deny/orders/1", &kept).await.code());
        }
        assert!(!codes.contains(&401), "{codes:?}");
        codes == [200, 200]
    };
    until(&here, served).await;

    for _ in 0..3 {
        log_out(&here, &here.login("alice").await).await;
    }
    log_out(&there, &undone).await;
    here.rotate_key(Takeover::AtOnce).await;
    let lost_jwt = here.login_jwt("alice").await;
    here.settle().await;
    for rig in [&here, &there] {
        for (token, code) in [(&kept, 200), (&gone, 401), (&undone, 401)] {
            assert_eq!(ask(rig, "/opaque/orders/1", token).await.code(), code);
        }
    }
    assert_eq!(here.orders.get("/orders/1").bearer(&lost_jwt).send().await.code(), 200);

    backup.put_back();
    here.settle().await;
    for (rig, kept_jwt) in [&here, &there].into_iter().zip(&kept_jwts) {
        // Routes that ask identity instead get the truth of the database as it is now.
        for (path, token) in [("/opaque-deny", &kept), ("/opaque-deny", &undone), ("/jwt-feed-deny", kept_jwt)] {
            let answer = ask(rig, &format!("{path}/orders/1"), token).await;
            assert_eq!(answer.code(), 503, "{path}: {}", answer.text());
        }
        assert_eq!(ask(rig, "/opaque/orders/1", &gone).await.code(), 401);
    }

    let told = new_epoch(&here).await;
    for realm in ["main", "sekisho", "shop"] {
        assert!(told.contains(&format!("realm: {realm}  epoch: ")), "{told}");
    }
    until(&here, served).await;
    for (rig, kept_jwt) in [&here, &there].into_iter().zip(&kept_jwts) {
        assert_eq!(ask(rig, "/jwt-feed-deny/orders/1", kept_jwt).await.code(), 200);
        assert_eq!(rig.orders.get("/orders/1").bearer(kept_jwt).send().await.code(), 200);
        assert_eq!(ask(rig, "/opaque-deny/orders/1", &gone).await.code(), 401, "what was taken back before stays so");
        let jwt = rig.login_jwt("bob").await;
        assert_eq!(ask(rig, "/jwt-feed/orders/1", &jwt).await.code(), 200);
    }
    // Its key was lost.
    until(&here, async || here.orders.get("/orders/1").bearer(&lost_jwt).send().await.code() == 401).await;
    log_out(&there, &kept).await;
    assert_eq!(ask(&there, "/opaque/orders/1", &kept).await.code(), 401);
    here.advance(Duration::from_millis(1001)).await;
    assert_eq!(ask(&here, "/opaque/orders/1", &kept).await.code(), 401, "what is taken back now is gone everywhere");
    there.close().await;
    here.close().await;
}

#[test]
fn a_new_epoch_is_begun_on_a_postgresql_also_where_no_server_runs() {
    let database = Cluster::shared().database();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sekisho.yaml");
    let (data, address) = (dir.path().join("data"), database.address());
    let config = format!(
        "data: {}\ndatabase: {}\ndatabase_password_env: DATABASE_PASSWORD\nidentity: {{ public_url: 'http://localhost:7000' }}\n",
        data.display(),
        address.replace(":open%20sesame%2F%231@", "@"),
    );
    std::fs::write(&file, config).unwrap();
    let new_epoch = |args: &[&str]| {
        let mut sekisho = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        sekisho.args(["feed", "new-epoch", "--json", "--config"]).arg(&file).args(args);
        sekisho.env("DATABASE_PASSWORD", "open sesame/#1").output().unwrap()
    };
    let epoch = |args: &[&str]| {
        let done = new_epoch(args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(told[0]["realm"], "main");
        (told.as_array().unwrap().len(), Epoch(told[0]["epoch"].as_str().unwrap().parse().unwrap()))
    };
    let (all, first) = epoch(&[]);
    let (one, second) = epoch(&["--realm", "main"]);
    assert_eq!((all, one), (2, 1));
    assert!(second > first, "{second:?} after {first:?}");
    let unknown = new_epoch(&["--realm", "nowhere"]);
    assert_eq!(unknown.status.code(), Some(1));
    let words = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(words.contains("realm `nowhere` does not exist"), "{words}");
}
