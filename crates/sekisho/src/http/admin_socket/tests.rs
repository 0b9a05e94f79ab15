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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_may_be_larger_than_any_body_from_the_network() {
    let (dir, (house, surroundings)) = (tempfile::tempdir().unwrap(), house().await);
    let _socket = open(dir.path(), &house, &surroundings).unwrap();
    let uris: Vec<String> = (0..1700).map(|n| format!("https://{n}.example/{}", "x".repeat(1900))).collect();
    let text = format!(
        "realms: {{ main: {{ clients: {{ app: {{ auth: none, grants: [authorization_code], audiences: [orders], \
         redirect_uris: [\"{}\"] }} }} }} }}",
        uris.join("\", \"")
    );
    assert!(text.len() > 3 << 20);
    let wanted = || crate::declared::file::parse(&text, Path::new("house.yaml"), &|_| None).unwrap();
    let rest = crate::declared::Rest::Stays;
    let seen = send(dir.path(), &Command::Compare { wanted: wanted(), rest }).await.unwrap();
    assert_eq!(seen.rows.len(), 1);
    send(dir.path(), &Command::Carry { wanted: wanted(), rest, seen }).await.unwrap();
    let id = "app".parse().unwrap();
    let made = house.identity().unwrap().admin().client(&"main".parse().unwrap(), &id).await.unwrap();
    assert_eq!(made.registration.redirect_uris, uris);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_too_large_is_refused_with_the_limit_by_whoever_sees_it_first() {
    let (dir, (house, surroundings)) = (tempfile::tempdir().unwrap(), house().await);
    let _socket = open(dir.path(), &house, &surroundings).unwrap();
    let large = vec![b' '; COMMAND_BYTES_MAX + 1];
    let refused = ask(dir.path(), "/", Ok(large.clone())).await.unwrap_err();
    assert!(matches!(refused, SendError::TooLarge { bytes } if bytes == large.len()), "{refused}");
    assert!(refused.to_string().contains("expected at most 67108864"), "{refused}");

    let stream = connect(&at(dir.path())).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.unwrap();
    Handle::current().spawn(connection);
    let request = Request::post("/").header(HOST, "admin").header(CONTENT_TYPE, "application/json");
    let answer = sender.send_request(request.body(Full::new(Bytes::from(large))).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let NotDone(words) = serde_json::from_slice(&body).unwrap();
    assert!(words.contains("expected at most 67108864 bytes"), "{words}");
}
