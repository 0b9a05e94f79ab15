//! Commands to a running server: there and back, and who may send them.

use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_identity::Settings;
use sekisho_token::SystemEntropy;
use sekisho_token::seal::SealingKey;
use sekisho_wire::RealmName;

use super::*;
use crate::admin::What;
use crate::wiring::{House, IdentityPlan, Keep, Surroundings, Switches};

async fn house() -> (House, Surroundings) {
    let surroundings = Surroundings {
        clock: Arc::new(TestClock::new()),
        entropy: Arc::new(SystemEntropy::default()),
        audit: Arc::new(TestAudit::default()),
        handle: Handle::current(),
        switches: Switches::joined(),
    };
    let mut house = House::within(surroundings.clone());
    let (settings, seal) = (Settings::at("http://localhost:7000"), SealingKey::from_bytes([7; 32]));
    house.open_identity(IdentityPlan { keep: Keep::Memory, settings, seal }).await.unwrap();
    (house, surroundings)
}

fn open(dir: &Path, house: &House, surroundings: &Surroundings) -> Result<AdminSocket, NoSocket> {
    let room = Arc::clone(house.identity().unwrap());
    AdminSocket::open(dir, room, Arc::clone(&surroundings.clock), &surroundings.handle)
}

fn command(what: What) -> Command {
    Command::In { realm: RealmName::DEFAULT.parse().unwrap(), what }
}

fn alice() -> Command {
    command(What::CreateUser {
        name: "alice".to_owned(),
        password: "correct horse".to_owned(),
        scopes: "orders:read".parse().unwrap(),
        display_name: None,
        email: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_takes_effect_in_the_server_and_its_outcome_comes_back() {
    let (dir, (house, surroundings)) = (tempfile::tempdir().unwrap(), house().await);
    let _socket = open(dir.path(), &house, &surroundings).unwrap();
    send(dir.path(), &alice()).await.unwrap();
    let sent = send(dir.path(), &command(What::ListUsers)).await.unwrap();
    assert!(sent.to_string().contains("user: alice"), "{sent}");
    let by_hand = execute(&house.identity().unwrap().admin(), command(What::ListUsers)).await.unwrap();
    assert_eq!(sent, by_hand, "one way, whoever carries it out");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_done_comes_back_in_the_same_words() {
    let (dir, (house, surroundings)) = (tempfile::tempdir().unwrap(), house().await);
    let _socket = open(dir.path(), &house, &surroundings).unwrap();
    let refused = send(dir.path(), &command(What::DisableUser { name: "nobody".to_owned() })).await.unwrap_err();
    assert_eq!(refused.to_string(), "user `nobody` does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let (dir, (house, surroundings)) = (tempfile::tempdir().unwrap(), house().await);
    // A server that was killed left these.
    std::fs::write(at(dir.path()), "").unwrap();
    std::fs::create_dir(dir.path().join(".admin")).unwrap();
    let socket = open(dir.path(), &house, &surroundings).unwrap();
    assert_eq!(std::fs::metadata(at(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    drop(socket);
    assert!(matches!(send(dir.path(), &alice()).await, Err(SendError::NoServer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_cannot_be_opened_is_named_and_not_taken_for_no_server() {
    let (dir, (house, surroundings)) = (tempfile::tempdir().unwrap(), house().await);
    let long = dir.path().join("d".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let none = open(&long, &house, &surroundings).unwrap_err().to_string();
    assert!(none.contains("admin.sock"), "{none}");
    assert!(matches!(send(&long, &alice()).await, Err(SendError::Barred { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_is_compared_and_carried_out_by_the_server_and_the_audit_says_by_whom() {
    let (dir, (house, surroundings)) = (tempfile::tempdir().unwrap(), house().await);
    let _socket = open(dir.path(), &house, &surroundings).unwrap();
    let text = "realms: { main: { users: { alice: { scopes: orders:read } } } }";
    let wanted = || crate::declared::file::parse(text, Path::new("house.yaml"), &|_| None).unwrap();
    let rest = crate::declared::Rest::Stays;
    let seen = send(dir.path(), &Command::Compare { wanted: wanted(), rest }).await.unwrap();
    assert_eq!(seen.rows.len(), 1, "{seen}");
    let told = send(dir.path(), &Command::Carry { wanted: wanted(), rest, seen: seen.clone() }).await.unwrap();
    assert!(told.to_string().contains("password: "), "made, and told once");
    let again = send(dir.path(), &Command::Carry { wanted: wanted(), rest, seen }).await.unwrap_err();
    assert!(again.to_string().contains("look at the changes again"), "{again}");
    let admin = house.identity().unwrap().admin();
    let wanted = sekisho_identity::admin::Wanted { actor: "command-line".parse().ok(), ..Default::default() };
    let lines = admin.audit(&"main".parse().unwrap(), &wanted, None, Default::default()).await.unwrap();
    assert_eq!(lines.items.len(), 1);
    assert_eq!(lines.items[0].event.event, sekisho_wire::audit::Event::UserCreated);
}
