//! Stopping without losing anybody.

use std::time::Duration;

use sekisho_gateway::{Gateway, Parts, StartError, config};
use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_token::SystemEntropy;
use tokio::runtime::Handle;

use crate::client::{self, get};
use crate::rig::Rig;
use crate::spy::Act;

#[tokio::test]
async fn requests_under_way_are_answered_idle_connections_are_closed_and_nobody_new_is_let_in() {
    let rig = Rig::start().await;
    let addr = rig.addr();
    let mut idle = rig.connect().await;
    assert_eq!(idle.ask(&get("/open", &[])).await.status, 200);
    rig.spy.next(Act::Wait);
    let mut busy = rig.connect().await;
    busy.write(get("/open", &[]).as_bytes()).await;
    rig.spy.arrived(2).await;
    let Rig { gateway, spy, .. } = rig;
    let stopping = Handle::current().spawn(gateway.shutdown(Duration::from_secs(10)));
    assert_eq!(idle.rest().await, "");
    assert!(!stopping.is_finished());
    spy.go();
    let answer = client::soon(busy.answer(false)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"));
    client::soon(stopping).await.unwrap();
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn draining_ends_at_its_deadline() {
    let rig = Rig::start().await;
    rig.spy.next(Act::Silence);
    let mut busy = rig.connect().await;
    busy.write(get("/open", &[]).as_bytes()).await;
    rig.spy.arrived(1).await;
    let Rig { gateway, clock, .. } = rig;
    let stopping = Handle::current().spawn(gateway.shutdown(Duration::from_secs(10)));
    clock.settle().await;
    clock.advance(Duration::from_secs(9)).await;
    assert!(!stopping.is_finished());
    clock.advance(Duration::from_secs(1)).await;
    client::soon(stopping).await.unwrap();
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn a_busy_port_and_plain_http_beyond_this_machine_are_refused_at_the_start() {
    let rig = Rig::start().await;
    let start = |listen: &str| {
        Gateway::start(Parts {
            config: config::Gateway::new(Vec::new()),
            realms: std::collections::HashMap::new(),
            clock: std::sync::Arc::new(TestClock::new()),
            entropy: std::sync::Arc::new(SystemEntropy::default()),
            audit: std::sync::Arc::new(TestAudit::default()),
            control: Handle::current(),
            listen: listen.parse().unwrap(),
            tls: None,
        })
    };
    assert!(matches!(start(&rig.addr().to_string()), Err(StartError::Listen { .. })));
    assert!(matches!(start("0.0.0.0:0"), Err(StartError::NotLoopback(_))));
    let error = {
        let mut config = crate::rig::usual(rig.spy.addr);
        config.routes.retain(|route| route.name == "jwt");
        rig.gateway.replace_routes(&config).unwrap_err()
    };
    assert!(error.to_string().contains("audience"), "{error}");
}

#[tokio::test]
async fn half_a_day_passes_and_everything_that_was_kept_is_gone() {
    let rig = Rig::with(&|config| config.limits.cores = std::num::NonZeroUsize::new(2).unwrap()).await;
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
    let mut kept = rig.connect().await;
    assert_eq!(kept.ask(&get("/open", &[])).await.status, 200);
    rig.clock.advance(Duration::from_secs(12 * 3600)).await;
    assert_eq!(rig.get("/opaque", &token).await.verdict(), (401, "unknown_token".to_owned()));
    assert_eq!(kept.rest().await, "", "idle for too long");
}
