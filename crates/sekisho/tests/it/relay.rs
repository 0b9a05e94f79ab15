//! The wire between identity and another process: carries requests, counts them by path, and can be cut.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// A way to identity.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    addr: SocketAddr,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    joined: watch::Sender<bool>,
    target: Arc<Mutex<SocketAddr>>,
}

// === impl Relay ===

impl Relay {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, target) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(target)));
        let relay = Self { addr, asked: Arc::default(), joined: watch::Sender::new(true), target };
        Handle::current().spawn(relay.clone().accept(listener));
        relay
    }

    /// From the next connection on, it leads there.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }

    /// The base of a realm at this end of the wire.
    pub(crate) fn realm(&self) -> String {
        format!("http://{}/realms/main", self.addr)
    }

    /// How many requests ended in this path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| asked.ends_with(path)).map(|(_, count)| count).sum()
    }

    /// Everything but the feed, which is followed whether or not anybody asks for anything.
    pub(crate) fn asked_beside_the_feed(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|(path, _)| !path.contains("/feed")).map(|(_, count)| count).sum()
    }

    /// Ends every connection and takes no other.
    pub(crate) fn cut(&self) {
        self.joined.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.joined.send_replace(true);
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            if !*self.joined.borrow() {
                continue;
            }
            let (relay, mut joined) = (self.clone(), self.joined.subscribe());
            let target = *self.target.lock().unwrap();
            Handle::current().spawn(async move {
                tokio::select! {
                    () = relay.serve(stream, target) => {}
                    _ = joined.wait_for(|joined| !joined) => {}
                }
            });
        }
    }

    async fn serve(&self, stream: TcpStream, target: SocketAddr) {
        let Ok(upstream) = TcpStream::connect(target).await else { return };
        let Ok((sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(upstream)).await else {
            return;
        };
        let sender = tokio::sync::Mutex::new(sender);
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            *self.asked.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
            let sender = &sender;
            async move {
                let answer: hyper::Result<Response<Incoming>> = sender.lock().await.send_request(request).await;
                answer
            }
        });
        let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = serving => {}
            _ = connection => {}
        }
    }
}
