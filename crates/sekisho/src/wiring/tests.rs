//! What `/readyz` says while rooms are missing, and while they end.

use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_token::SystemEntropy;
use sekisho_wire::cut::State;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::*;

async fn house(clock: &TestClock) -> House {
    let surroundings = Surroundings {
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SystemEntropy::default()),
        audit: Arc::new(TestAudit::default()),
        handle: Handle::current(),
        switches: Switches::joined(),
    };
    let mut house = House::within(surroundings);
    let (settings, seal) = (IdentitySettings::at("http://localhost:7000"), SealingKey::from_bytes([7; 32]));
    house.open_identity(IdentityPlan { keep: Keep::Memory, settings, seal }).await.unwrap();
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_or_silent_is_named_in_time() {
    let clock = TestClock::new();
    let house = house(&clock).await;
    let ready = house.readiness();
    assert!(ready().await.is_empty());
    let store = &house.surroundings.switches.store;
    store.set(State::Severed);
    assert_eq!(ready().await, ["store"]);
    store.set(State::Hanging);
    let (missing, ()) = tokio::join!(ready(), clock.advance(READINESS_DEADLINE));
    assert_eq!(missing, ["store"]);
    store.set(State::Joined);
    assert!(ready().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_during_the_drain_is_told_so_at_once() {
    let clock = TestClock::new();
    let mut house = house(&clock).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", silent.local_addr().unwrap());
    let config = gateway::Gateway::new(vec![gateway::Route::open("silent", "/", &upstream)]);
    let listen = "127.0.0.1:0".parse().unwrap();
    house.open_gateway(GatewayPlan { config, listen, remote: Vec::new(), tls: None }).await.unwrap();

    // A request is under way, so the gateway drains until the deadline.
    let mut client = TcpStream::connect(house.gateway_addr().await.unwrap()).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let _under_way = silent.accept().await.unwrap();

    let (ready, gateway) = (house.readiness(), Arc::clone(&house.gateway));
    house.drain();
    let mut closing = std::pin::pin!(house.close_gateway(Duration::from_secs(20)));
    tokio::select! {
        biased;
        () = &mut closing => panic!("the request was still under way"),
        () = std::future::ready(()) => {}
    }
    assert!(gateway.try_read().is_ok(), "the question would wait for the drain");
    assert_eq!(ready().await, ["draining"]);
}
