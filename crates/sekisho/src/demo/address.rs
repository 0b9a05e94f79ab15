//! Where the demo listens: loopback only, each public port with the flag that moves it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::Error;

/// A public port and the flag that says which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    /// `--gateway-port`, say.
    pub(crate) flag: &'static str,
    /// 0 for any free one.
    pub(crate) number: u16,
}

// === impl Port ===

impl Port {
    /// Takes the port for itself alone: a second process that listens on it already, with or without sharing, is an
    /// error here rather than a riddle later.
    ///
    /// # Errors
    /// [`Error::PortTaken`] with the flag, [`Error::Listen`] for anything else.
    pub(crate) fn take(self) -> Result<(TcpListener, SocketAddr), Error> {
        match loopback(self.number) {
            Ok(taken) => Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                Err(Error::PortTaken { port: self.number, flag: self.flag })
            }
            Err(error) => Err(Error::Listen(error)),
        }
    }
}

/// A listener on a loopback port, ready for the runtime.
///
/// # Errors
/// The operating system's.
pub(crate) fn loopback(port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    // The standard library sets SO_REUSEADDR, which lets a restart follow at once, and never SO_REUSEPORT.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests;
