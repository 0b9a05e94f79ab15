//! The client against real servers on port 0: connections, limits, deadlines, TLS, and the two doors.

use std::future::{pending, ready};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderValue, StatusCode};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::*;

/// What a server does with one request: what it writes, and whether the connection lives on.
enum Reply {
    Keep(String),
    Close(String),
    Hang,
}

#[derive(Default)]
struct Server {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl Server {
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Serves each request by its number over all connections.
async fn serve(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> (Url, Arc<Server>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let (server, reply) = (Arc::new(Server::default()), Arc::new(reply));
    let shared = Arc::clone(&server);
    Handle::current().spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (server, reply) = (Arc::clone(&shared), Arc::clone(&reply));
            server.connections.fetch_add(1, Ordering::SeqCst);
            server.open.fetch_add(1, Ordering::SeqCst);
            Handle::current().spawn(async move {
                converse(tcp, &server, &*reply).await;
                server.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (url, server)
}

async fn converse<T: AsyncRead + AsyncWrite + Unpin>(
    mut io: T,
    server: &Server,
    reply: &(impl Fn(usize) -> Reply + ?Sized),
) {
    let mut buffer = vec![0; 65536];
    loop {
        let Ok(read @ 1..) = io.read(&mut buffer).await else { return };
        let number = {
            let mut requests = server.requests.lock().unwrap();
            requests.push(String::from_utf8_lossy(&buffer[..read]).into_owned());
            requests.len()
        };
        match reply(number) {
            Reply::Keep(text) => io.write_all(text.as_bytes()).await.unwrap(),
            Reply::Close(text) => {
                io.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Reply::Hang => pending().await,
        }
    }
}

fn never() -> Timer {
    Arc::new(|_| Box::pin(pending()))
}

/// A timer that is through at once for this duration, and never for others.
fn through_at(duration: Duration) -> Timer {
    Arc::new(move |asked| if asked == duration { Box::pin(ready(())) } else { Box::pin(pending()) })
}

fn options(timer: Timer) -> Options {
    Options::new(timer, Handle::current())
}

fn client() -> Client<Configured> {
    Client::configured(options(never())).unwrap()
}

fn limited(limits: Limits) -> Client<Configured> {
    Client::configured(Options { limits, ..options(never()) }).unwrap()
}

async fn text(client: &Client<Configured>, url: &Url) -> String {
    String::from_utf8(client.send(Request::get(url.clone())).await.unwrap().into_body().to_vec()).unwrap()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let (url, server) = serve(|number| Reply::Keep(ok(&number.to_string()))).await;
    let client = client();
    for number in 1..=20 {
        assert_eq!(text(&client, &url).await, number.to_string());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_is_in_origin_form_with_the_host_of_its_address() {
    let (url, server) = serve(|_| Reply::Keep(ok(""))).await;
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let request = Request::post(url.join("/a/b?c=d#e").unwrap(), form, "x=y");
    client().send(request).await.unwrap();
    let sent = server.requests().remove(0);
    assert!(sent.starts_with("POST /a/b?c=d HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains(&format!("host: 127.0.0.1:{}\r\n", url.port().unwrap())), "{sent}");
    assert!(sent.contains("content-type: application/x-www-form-urlencoded\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nx=y"), "{sent}");
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_nothing_but_a_new_one() {
    let (url, server) = serve(|_| Reply::Close(ok("x"))).await;
    let client = client();
    for _ in 0..20 {
        assert_eq!(text(&client, &url).await, "x");
    }
    assert_eq!(server.requests().len(), 20);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_twice() {
    // The second request is read and not answered; a third would be.
    let unanswered = |number| if number == 2 { Reply::Close(String::new()) } else { Reply::Keep(ok("x")) };
    let (url, server) = serve(unanswered).await;
    let client = client();
    text(&client, &url).await;
    let post = Request::post(url.clone(), HeaderValue::from_static("text/plain"), "x");
    assert!(matches!(client.send(post).await, Err(FetchError::Broken(_))));
    assert_eq!(server.requests().len(), 2);

    let (url, server) = serve(unanswered).await;
    text(&client, &url).await;
    assert_eq!(text(&client, &url).await, "x", "asking a second time does no harm");
    assert_eq!((server.requests().len(), server.connections()), (3, 2));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (url, server) =
        serve(|_| Reply::Keep("HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n".to_owned())).await;
    assert_eq!(client().send(Request::get(url)).await.unwrap().status(), StatusCode::FOUND);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_not_read_announced_or_not() {
    let long = "x".repeat(1001);
    let announced = ok(&long);
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{long}\r\n0\r\n\r\n");
    for answer in [announced, chunked] {
        let (url, _) = serve(move |_| Reply::Keep(answer.clone())).await;
        let client = limited(Limits { response_bytes_max: 1000, ..Limits::default() });
        let refused = client.send(Request::get(url.clone())).await;
        assert!(matches!(refused, Err(FetchError::TooLarge { bytes_max: 1000 })), "{refused:?}");
        let request = Request::get(url).response_bytes_max(1001);
        assert_eq!(client.send(request).await.unwrap().body().len(), 1001);
    }
}

#[tokio::test]
async fn a_head_beyond_its_limits_is_refused() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(9000));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(64));
    for answer in [long, many] {
        let (url, _) = serve(move |_| Reply::Keep(answer.clone())).await;
        let client = limited(Limits { head_bytes_max: 8192, ..Limits::default() });
        let refused = client.send(Request::get(url)).await;
        assert!(matches!(refused, Err(FetchError::Broken(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn deadlines_end_what_is_too_slow() {
    let short = Duration::from_millis(7);
    let (url, _) = serve(|_| Reply::Hang).await;
    let client = Client::configured(options(through_at(short))).unwrap();
    let refused = client.send(Request::get(url.clone()).deadline(short)).await;
    assert!(matches!(refused, Err(FetchError::TooSlow(Phase::Whole))), "{refused:?}");
    let refused = client.stream(Request::get(url).deadline(short)).await;
    assert!(matches!(refused, Err(FetchError::TooSlow(Phase::Head))), "{refused:?}");
    // A listener whose queue is never emptied takes connections, and never speaks TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let limits = Limits { connect_deadline: short, ..Limits::default() };
    let client = Client::configured(Options { limits, ..options(through_at(short)) }).unwrap();
    let refused = client.send(Request::get(url)).await;
    assert!(matches!(refused, Err(FetchError::TooSlow(Phase::Connect))), "{refused:?}");
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let refused = client().send(Request::get(url)).await;
    assert!(matches!(refused, Err(FetchError::Unreachable { .. })), "{refused:?}");
}

#[tokio::test]
async fn there_are_never_more_connections_than_permitted() {
    let (url, server) = serve(|_| Reply::Keep(ok("x"))).await;
    let client = limited(Limits { connections_per_origin_max: 3, ..Limits::default() });
    let all: Vec<_> = (0..50)
        .map(|_| {
            let (client, url) = (client.clone(), url.clone());
            Handle::current().spawn(async move { text(&client, &url).await })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), "x");
    }
    assert!(server.connections() <= 3, "{}", server.connections());
    assert_eq!(server.requests().len(), 50);
}

#[tokio::test]
async fn a_stream_is_handed_on_as_it_comes_and_ends_when_nothing_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let (go_on, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let goes_on = Arc::clone(&told);
    Handle::current().spawn(async move {
        let (mut tcp, _): (TcpStream, _) = listener.accept().await.unwrap();
        let _ = tcp.read(&mut [0; 4096]).await.unwrap();
        tcp.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await.unwrap();
        goes_on.notified().await;
        tcp.write_all(b"3\r\ntwo\r\n").await.unwrap();
        pending::<()>().await;
    });
    let idle = Arc::clone(&go_on);
    let limits = Limits { stream_idle: Duration::from_secs(45), ..Limits::default() };
    let timer: Timer = Arc::new(move |asked| {
        let idle = Arc::clone(&idle);
        Box::pin(async move {
            if asked == Duration::from_secs(45) {
                idle.notified().await;
            } else {
                pending().await
            }
        })
    });
    let client = Client::configured(Options { limits, ..options(timer) }).unwrap();
    let mut stream = client.stream(Request::get(url)).await.unwrap().into_body();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), Bytes::from_static(b"one"));
    told.notify_one();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), Bytes::from_static(b"two"));
    go_on.notify_one();
    let refused = stream.chunk().await;
    assert!(matches!(refused, Err(FetchError::TooSlow(Phase::Chunk))), "{refused:?}");
}

#[tokio::test]
async fn connections_that_nobody_uses_are_closed() {
    let (url, server) = serve(|_| Reply::Keep(ok("x"))).await;
    let (tick, limits) = (Arc::new(Notify::new()), Limits::default());
    let ticks = Arc::clone(&tick);
    let timer: Timer = Arc::new(move |asked| {
        let tick = Arc::clone(&ticks);
        Box::pin(async move { if asked == limits.idle / 2 { tick.notified().await } else { pending().await } })
    });
    let client = Client::configured(Options { limits, ..options(timer) }).unwrap();
    text(&client, &url).await;
    assert_eq!(server.open.load(Ordering::SeqCst), 1);
    // Each half of the idle time it is looked at; the third time it has waited long enough.
    while server.open.load(Ordering::SeqCst) == 1 {
        tick.notify_one();
        tokio::task::yield_now().await;
    }
    assert_eq!(text(&client, &url).await, "x");
    assert_eq!(server.connections(), 2);
}

/// A server with the certificate of `localhost`, whose issuer is `tests/data/ca.pem`. The issuer's private key was thrown
/// away when these were made, so they vouch for nothing else.
async fn serve_tls() -> Url {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = certificates(include_bytes!("tests/data/localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tests/data/localhost.key.pem")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    // At every address of this machine, so that it can be asked by a name that its certificate does not have.
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    Handle::current().spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            Handle::current().spawn(async move {
                if let Ok(tls) = acceptor.accept(tcp).await {
                    converse(tls, &Server::default(), &|_| Reply::Keep(ok("secure"))).await;
                }
            });
        }
    });
    format!("https://127.0.0.1:{port}/").parse().unwrap()
}

#[tokio::test]
async fn a_certificate_counts_when_its_root_is_trusted_and_its_name_is_right() {
    let url = serve_tls().await;
    let unknown = client().send(Request::get(url.clone())).await;
    assert!(matches!(unknown, Err(FetchError::Unreachable { cause: Unreachable::Certificate(_), .. })), "{unknown:?}");
    let extra_roots = certificates(include_bytes!("tests/data/ca.pem")).unwrap();
    let client = Client::configured(Options { extra_roots, ..options(never()) }).unwrap();
    assert_eq!(text(&client, &url).await, "secure");
    let elsewhere = format!("https://127.0.0.2:{}/", url.port().unwrap()).parse().unwrap();
    let wrong = client.send(Request::get(elsewhere)).await;
    assert!(matches!(wrong, Err(FetchError::Unreachable { cause: Unreachable::Certificate(_), .. })), "{wrong:?}");
}

#[tokio::test]
async fn the_untrusted_door_never_connects_to_the_inside() {
    let url = serve_tls().await;
    let port = url.port().unwrap();
    let extra_roots = certificates(include_bytes!("tests/data/ca.pem")).unwrap();
    let client = Client::untrusted(Options { extra_roots, ..options(never()) }).unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "169.254.169.254"] {
        let url = format!("https://{host}:{port}/").parse().unwrap();
        let refused = client.send(Request::get(url)).await;
        assert!(matches!(refused, Err(FetchError::Refused(Address::NotPublic(_)))), "{host}: {refused:?}");
    }
    let plain = client.send(Request::get("http://example.com/".parse().unwrap())).await;
    assert!(matches!(plain, Err(FetchError::Refused(Address::Scheme(_)))), "{plain:?}");
}
