//! Somebody between the store and the server: reads along, and cuts the wire at the moment that a test chose.
//!
//! It knows as much of PostgreSQL's protocol as that takes (version 3, "Message Formats"): which text a prepared statement
//! has, when it is carried out, and when the server has answered. A cut is for one connection and happens once; what comes
//! after it passes.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::cluster::Database;

/// When the wire is cut: at the next statement that begins with this text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// The server never hears of the statement.
    Before(&'static str),
    /// The server has carried it out and said so, and nobody hears that.
    After(&'static str),
}

/// A place that leads to a server.
#[derive(Debug)]
pub(super) struct Between {
    addr: SocketAddr,
    order: Arc<Order>,
    _accepting: JoinSet<()>,
}

/// What is to be done, once.
type Order = Mutex<Option<Moment>>;

// === impl Moment ===

impl Moment {
    fn statement(self) -> &'static str {
        match self {
            Self::Before(statement) | Self::After(statement) => statement,
        }
    }
}

// === impl Between ===

impl Between {
    pub(super) async fn us_and(database: &Database<'_>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (addr, order) = (listener.local_addr().unwrap(), Arc::new(Order::default()));
        let (server, orders) = (place(&database.address()).0, Arc::clone(&order));
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, order) = (TcpStream::connect(server).await, Arc::clone(&orders));
                if let Ok(server) = server {
                    connections.spawn(carry(client, server, order));
                }
            }
        });
        Self { addr, order, _accepting: accepting }
    }

    /// The address of the database by this way.
    pub(super) fn address(&self, database: &Database<'_>) -> String {
        let address = database.address();
        let (server, rest) = place(&address);
        let before = address.strip_suffix(&format!("{server}/{rest}")).unwrap();
        format!("{before}{}/{rest}", self.addr)
    }

    pub(super) fn cut(&self, moment: Moment) {
        let before = self.order.lock().unwrap().replace(moment);
        assert!(before.is_none(), "one cut after the other: {before:?}");
    }

    /// Whether the moment came.
    pub(super) fn was_cut(&self) -> bool {
        self.order.lock().unwrap().is_none()
    }
}

/// The server of an address, and what comes after it.
fn place(address: &str) -> (SocketAddr, &str) {
    let (server, rest) = address.rsplit_once('@').unwrap().1.split_once('/').unwrap();
    (server.parse().unwrap(), rest)
}

/// Until either side ends, or the cut: both ends then find the connection closed.
async fn carry(client: TcpStream, server: TcpStream, order: Arc<Order>) {
    let ((asked, answer), (answers, ask)) = (client.into_split(), server.into_split());
    let unheard = AtomicBool::new(false);
    tokio::select! {
        _ = pass_on(asked, ask, &order, &unheard) => {}
        _ = pass_back(answers, answer, &unheard) => {}
    }
}

async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    order: &Order,
    unheard: &AtomicBool,
) -> io::Result<()> {
    // The first message has a length and no type.
    let mut first = vec![0; 4];
    from.read_exact(&mut first).await?;
    let length = u32::from_be_bytes(first[..4].try_into().unwrap());
    first.resize(usize::try_from(length).unwrap(), 0);
    from.read_exact(&mut first[4..]).await?;
    to.write_all(&first).await?;
    let mut prepared: HashMap<String, String> = HashMap::new();
    loop {
        let message = message(&mut from).await?;
        let [one, other] = texts(&message);
        match message[0] {
            b'P' => drop(prepared.insert(one, other)),
            // Of a portal, which is not named, and a statement.
            b'B' => {
                let text = prepared.get(&other).map(String::as_str).unwrap_or_default();
                match order.lock().unwrap().take_if(|moment| text.starts_with(moment.statement())) {
                    Some(Moment::Before(_)) => return Ok(()),
                    Some(Moment::After(_)) => unheard.store(true, Ordering::SeqCst),
                    None => {}
                }
            }
            _ => {}
        }
        to.write_all(&message).await?;
    }
}

async fn pass_back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, unheard: &AtomicBool) -> io::Result<()> {
    loop {
        let message = message(&mut from).await?;
        if !unheard.load(Ordering::SeqCst) {
            to.write_all(&message).await?;
        } else if message[0] == b'Z' {
            // Ready for the next: this one is done, and kept if it was a commit.
            return Ok(());
        }
    }
}

/// Its type, its length, its body.
async fn message(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 5];
    from.read_exact(&mut message).await?;
    let length = u32::from_be_bytes(message[1..].try_into().unwrap());
    message.resize(1 + usize::try_from(length).unwrap(), 0);
    from.read_exact(&mut message[5..]).await?;
    Ok(message)
}

/// The first two texts of a body.
fn texts(message: &[u8]) -> [String; 2] {
    let mut texts = message[5..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    [texts.next().unwrap_or_default(), texts.next().unwrap_or_default()]
}
