//! Tests once more, on a listener that speaks TLS: the same bytes, within the handshake's stream.
//!
//! [`over_tls!`] lists tests of a file by name and runs each again as `tls::NAME`. What a test expects is the same on
//! both listeners; what is TLS's own (certificates, ALPN, handshakes) is proved on the roof, which owns certificates.

use std::cell::Cell;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{get, soon};
use crate::rig::Rig;

/// What a rig's gateway speaks at its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Plain,
    Tls,
}

thread_local! {
    /// What the test of this thread gets.
    static LISTENER: Cell<Listener> = const { Cell::new(Listener::Plain) };
}

/// Gives the thread back as it was: the next test may run on it.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        LISTENER.set(Listener::Plain);
    }
}

/// Runs tests of a file again, with rigs that listen with TLS.
macro_rules! over_tls {
    ($($test:ident),+ $(,)?) => {
        mod tls {
            $(
                #[test]
                fn $test() {
                    crate::secured::run(super::$test);
                }
            )+
        }
    };
}

pub(crate) use over_tls;

/// Runs a test; every rig that it starts listens with TLS.
pub(crate) fn run(test: fn()) {
    let _restored = Restored;
    LISTENER.set(Listener::Tls);
    test();
}

/// What the test of this thread gets.
pub(crate) fn listener() -> Listener {
    LISTENER.get()
}

/// The gateway's end of handshakes, and the client's, which trusts nobody else.
pub(crate) fn ends() -> (Arc<ServerConfig>, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["gateway.test".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();

    let provider = Arc::new(aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let mut server = server.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    client.alpn_protocols.clone_from(&server.alpn_protocols);
    (Arc::new(server), TlsConnector::from(Arc::new(client)))
}

#[tokio::test]
async fn a_rig_answers_a_plain_request_unless_it_speaks_tls() {
    let rig = Rig::start().await;
    let mut stream = TcpStream::connect(rig.addr()).await.unwrap();
    stream.write_all(get("/open", &[("Connection", "close")]).as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    // A peer that takes this for the beginning of a handshake may reset the connection.
    let _ = soon(stream.read_to_end(&mut heard)).await;
    let (spoken, proto) = match listener() {
        Listener::Plain => (true, "http"),
        Listener::Tls => (false, "https"),
    };
    assert_eq!(heard.starts_with(b"HTTP/1.1 200 "), spoken, "{}", String::from_utf8_lossy(&heard));
    assert_eq!(rig.ask(&get("/open", &[])).await.status, 200);
    assert_eq!(rig.spy.last().header("x-forwarded-proto"), Some(proto));
}

over_tls![a_rig_answers_a_plain_request_unless_it_speaks_tls];
