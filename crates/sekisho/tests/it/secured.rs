//! Stories once more, with identity and gateway on TLS listeners: the same scripts with the same ends.
//!
//! [`over_tls!`] lists stories of a file by name and tells each again as `tls::NAME`; what differs (scheme, names of cookies,
//! who is trusted) the rig knows. Left out are stories that write raw bytes, speak of plain HTTP, or ask thousands of times.
//! What is TLS's own is in `tls`.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use sekisho::http::tls::Files;

use crate::tls::Authority;

/// What identity and gateway of a rig speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    Plain,
    Tls,
}

/// What a rig on TLS listeners needs.
#[derive(Clone, Debug)]
pub(crate) struct Papers {
    /// What identity and gateway show.
    pub(crate) files: Files,
    /// Who vouches for them, in PEM.
    pub(crate) authority: Vec<u8>,
    /// How a client outside shakes hands, trusting nobody else.
    pub(crate) client: Arc<ClientConfig>,
}

thread_local! {
    /// What the story of this thread gets.
    static LISTENER: Cell<Listener> = const { Cell::new(Listener::Plain) };
}

/// Gives the thread back as it was: the next story may run on it.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        LISTENER.set(Listener::Plain);
    }
}

/// Tells stories of a file again, on TLS listeners.
macro_rules! over_tls {
    ($($story:ident),+ $(,)?) => {
        mod tls {
            $(
                #[test]
                fn $story() {
                    crate::secured::run(super::$story);
                }
            )+
        }
    };
}

pub(crate) use over_tls;

/// Runs a story; every rig that its own thread raises listens with TLS.
pub(crate) fn run(story: fn()) {
    let _restored = Restored;
    LISTENER.set(Listener::Tls);
    story();
}

/// The papers of a rig that is raised now, if it is to have any.
pub(crate) fn papers(dir: &Path) -> Option<Papers> {
    if LISTENER.get() == Listener::Plain {
        return None;
    }
    let files = Files { certificate: dir.join("certificate.pem"), key: dir.join("key.pem") };
    let authority = Authority::new();
    authority.issue(&files);
    let client = Arc::clone(authority.client(&["http/1.1"], rustls::ALL_VERSIONS).config());
    Some(Papers { files, authority: authority.pem(), client })
}
