//! A house that burnt down and stands again from its backup, and the guards elsewhere that followed it meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sekisho::wiring::{House, IdentityPlan, Keep, Surroundings, Switches};
use sekisho_guard::access::Refused;
use sekisho_guard::layer::Freshness;
use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_guard::{Guard, GuardOptions};
use sekisho_identity::Settings;
use sekisho_identity::admin::{HandMade, Person};
use sekisho_model::client::{Capability, ClientAuth, GrantType};
use sekisho_store::sqlite;
use sekisho_token::seal::SealingKey;
use sekisho_token::{Secret, SystemEntropy};
use sekisho_wire::{Clock as _, Position, Reason};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::relay::Relay;
use crate::rig::{realm, registration};

const ISSUER: &str = "https://id.example/realms/main";

/// An identity provider on a directory, at an address of its own each time it is raised.
struct Seat {
    house: House,
    addr: SocketAddr,
}

/// The guard of a service elsewhere.
struct Elsewhere {
    guard: Guard,
    relay: Relay,
    clock: TestClock,
}

// === impl Seat ===

impl Seat {
    async fn raise(dir: &Path, clock: &TestClock) -> Self {
        let mut house = House::within(Surroundings {
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SystemEntropy::default()),
            audit: Arc::new(TestAudit::default()),
            handle: Handle::current(),
            switches: Switches::joined(),
        });
        let (settings, seal) = (Settings::at("https://id.example"), SealingKey::from_bytes([7; 32]));
        house.open_identity(IdentityPlan { keep: Keep::Dir(dir.to_owned()), settings, seal }).await.unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        house.serve_identity(listener).unwrap();
        Self { house, addr }
    }

    /// Alice, and the service `stock`; its secret.
    async fn settle_in(&self) -> Secret<String> {
        let admin = self.house.identity().unwrap().admin();
        let person = Person {
            name: "alice".parse().unwrap(),
            password: Secret::from("correct horse"),
            scopes: "stock:read".parse().unwrap(),
            display_name: None,
            email: None,
        };
        admin.create_user(&realm(), person).await.unwrap();
        let capabilities = vec![Capability::ReadFeed, Capability::Introspect];
        let grants = vec![GrantType::ClientCredentials];
        let stock = registration(grants, ClientAuth::ClientSecretBasic, capabilities);
        admin.create_client(&realm(), "stock".parse().unwrap(), stock).await.unwrap().unwrap()
    }

    async fn token(&self) -> Secret<String> {
        let admin = self.house.identity().unwrap().admin();
        let alice = admin.user(&realm(), &"alice".parse().unwrap()).await.unwrap();
        let wanted = HandMade {
            client: "stock".parse().unwrap(),
            subject: Some(alice.id.into()),
            scope: "stock:read".parse().unwrap(),
            audiences: vec!["stock".to_owned()],
            ttl_s: 300,
        };
        admin.issue_token(&realm(), wanted).await.unwrap()
    }

    async fn sign_out_alice(&self) {
        let admin = self.house.identity().unwrap().admin();
        admin.sign_out_everywhere(&realm(), &"alice".parse().unwrap()).await.unwrap();
    }
}

// === impl Elsewhere ===

impl Elsewhere {
    async fn following(seat: &Seat, secret: Secret<String>, clock: &TestClock) -> Self {
        let relay = Relay::to(seat.addr).await;
        let mut options = GuardOptions::new(ISSUER, "stock", "stock".parse().unwrap(), secret);
        options.address = Some(relay.realm().parse().unwrap());
        options.clock = Arc::new(clock.clone());
        let guard = Guard::remote(options).start_on(&Handle::current()).unwrap();
        let elsewhere = Self { guard, relay, clock: clock.clone() };
        elsewhere.settle().await;
        elsewhere
    }

    fn position(&self) -> Position {
        match &self.guard.parts().freshness {
            Freshness::Lease { follower, .. } => follower.position(),
            Freshness::UntilExpiry => panic!("it follows the feed"),
        }
    }

    async fn verify(&self, token: &Secret<String>) -> Result<(), Reason> {
        let verified = self.guard.verify(token.expose());
        let asked = async {
            tokio::select! {
                verified = verified => verified,
                () = self.settle() => panic!("no answer in time"),
            }
        };
        asked.await.map(drop).map_err(|Refused { reason, .. }| reason)
    }

    /// Two seconds of polls, with real time for the sockets.
    #[expect(clippy::disallowed_methods, reason = "sockets are real, whatever the clock shows")]
    async fn settle(&self) {
        for _ in 0..40 {
            self.clock.advance(Duration::from_millis(50)).await;
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    }

    /// What is awaited, while time passes.
    async fn meanwhile<T>(&self, awaited: impl Future<Output = T>) -> T {
        let mut awaited = std::pin::pin!(awaited);
        loop {
            tokio::select! {
                done = &mut awaited => return done,
                () = self.settle() => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_guards_elsewhere_load_anew_and_go_on() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let seat = Seat::raise(dir.path(), &clock).await;
    let secret = seat.settle_in().await;
    let stock = Elsewhere::following(&seat, secret, &clock).await;
    let kept = dir.path().join("kept.db");
    sqlite::backup(dir.path(), &kept).await.unwrap();
    let lost = seat.token().await;
    assert_eq!(stock.verify(&lost).await, Ok(()));
    for _ in 0..3 {
        seat.sign_out_alice().await;
    }
    stock.settle().await;
    assert_eq!(stock.verify(&lost).await, Err(Reason::SubjectRevoked));
    let before = stock.position();

    stock.meanwhile(seat.house.shutdown(Duration::from_secs(1))).await;
    let restored = sqlite::restore(dir.path(), &kept, clock.wall()).await.unwrap();
    assert!(restored.epoch > before.epoch);
    let seat = Seat::raise(dir.path(), &clock).await;
    stock.relay.lead_to(seat.addr);
    stock.settle().await;
    assert_eq!(stock.position().epoch, restored.epoch, "it has noticed");

    let token = seat.token().await;
    assert_eq!(stock.verify(&token).await, Ok(()));
    seat.sign_out_alice().await;
    stock.settle().await;
    assert_eq!(stock.position(), Position::new(restored.epoch.0, 1));
    assert_eq!(stock.verify(&token).await, Err(Reason::SubjectRevoked), "and what is taken back now is gone");
    assert_eq!(stock.verify(&lost).await, Err(Reason::SubjectRevoked), "what came before too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_put_back_by_hand_is_believed_by_nobody() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let seat = Seat::raise(dir.path(), &clock).await;
    let secret = seat.settle_in().await;
    let stock = Elsewhere::following(&seat, secret, &clock).await;
    let kept = dir.path().join("kept.db");
    sqlite::backup(dir.path(), &kept).await.unwrap();
    seat.sign_out_alice().await;
    stock.settle().await;

    stock.meanwhile(seat.house.shutdown(Duration::from_secs(1))).await;
    std::fs::copy(&kept, dir.path().join("sekisho.db")).unwrap();
    let seat = Seat::raise(dir.path(), &clock).await;
    stock.relay.lead_to(seat.addr);
    stock.settle().await;
    let token = seat.token().await;
    assert_eq!(stock.verify(&token).await, Err(Reason::FeedStale), "a head behind what it knows is an old answer");
}

fn sekisho(args: &[&str], data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sekisho")).args(args).arg("--data").arg(data).output().unwrap()
}

#[test]
fn a_backup_is_taken_from_a_running_server_by_one_command_and_restored_by_another_when_it_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (data, kept) = (dir.path().join("data"), dir.path().join("kept.db"));
    let kept = kept.to_str().unwrap();
    let start = || {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        let ports = ["demo", "--gateway-port", "0", "--identity-port", "0", "--operations-port", "0", "--data"];
        demo.args(ports).arg(&data).stdout(Stdio::null()).stderr(Stdio::null());
        let demo = demo.spawn().unwrap();
        crate::binary::wait_for(&data.join("demo.json"));
        demo
    };
    let stop = |mut demo: std::process::Child| {
        Command::new("kill").args(["-TERM", &demo.id().to_string()]).status().unwrap();
        assert!(demo.wait().unwrap().success());
        let _ = std::fs::remove_file(data.join("demo.json"));
    };
    let demo = start();
    let made = sekisho(&["backup", kept, "--json"], &data);
    assert!(made.status.success(), "{made:?}");
    let told: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(told[0]["backup"], kept);
    let again = sekisho(&["backup", kept], &data);
    assert_eq!(again.status.code(), Some(1));
    let words = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(words.contains("is there already: expected a name that is free"), "{words}");
    // Beside a server: in every realm, or in one.
    let begun = sekisho(&["feed", "new-epoch", "--json"], &data);
    let begun: serde_json::Value = serde_json::from_slice(&begun.stdout).unwrap();
    assert_eq!((&begun[0]["realm"], &begun[1]["realm"]), (&"main".into(), &"sekisho".into()));
    let words = String::from_utf8(sekisho(&["feed", "new-epoch", "--realm", "main"], &data).stdout).unwrap();
    let next = begun[0]["epoch"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(words.starts_with("realm: main  epoch: ") && !words.contains(&format!("epoch: {next}\n")), "{words}");
    let words = String::from_utf8(sekisho(&["feed", "new-epoch", "--realm", "nowhere"], &data).stderr).unwrap();
    assert!(words.contains("realm `nowhere` does not exist"), "{words}");
    assert!(sekisho(&["user", "disable", "alice"], &data).status.success());
    let words = String::from_utf8(sekisho(&["restore", kept], &data).stderr).unwrap();
    assert!(words.contains(&format!("is held by process {}", demo.id())), "{words}");
    stop(demo);

    let done = sekisho(&["restore", kept], &data);
    assert!(done.status.success(), "{done:?}");
    let demo = start();
    let users = String::from_utf8(sekisho(&["user", "list"], &data).stdout).unwrap();
    assert!(users.contains("alice") && !users.contains("disabled"), "{users}");
    stop(demo);
}
