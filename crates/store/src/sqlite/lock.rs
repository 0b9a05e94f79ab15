//! `DIR/lock`: one process per directory.
//!
//! The lock is the kernel's (flock), so it is gone when the process is, however it went; the file and the id in it stay,
//! and mean nothing without the lock.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::OpenError;

/// The right to use a directory, until it is dropped.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

// === impl DirLock ===

impl DirLock {
    /// Takes the lock or says who has it; never waits.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let files = |source| OpenError::Files { path: path.to_owned(), source };
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = opened.map_err(files)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(OpenError::Locked { path: path.to_owned(), holder: holder(&mut file) });
            }
            Err(error) => return Err(files(io::Error::from(error))),
        }
        sign(&mut file).map_err(files)?;
        Ok(Self { _file: file })
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// The holder may be signing just now; then nobody is named.
pub(crate) fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}
