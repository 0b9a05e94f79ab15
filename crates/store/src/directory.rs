//! The data directory: for us alone, and `DIR/lock`, one process per directory.
//!
//! The lock is the kernel's (flock), so it is gone when the process is, however it went; the file and the id in it stay,
//! and mean nothing without the lock. Where the database is a server, several processes share it, each with a directory
//! of its own.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The directory or a file in it cannot be made or opened.
    #[error("cannot use `{}`", path.display())]
    Files {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error("`{}` is held by {}: a directory belongs to one process at a time", path.display(), named(*holder))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The id of the process that holds it, if it said.
        holder: Option<u32>,
    },
}

/// The right to use a directory, until it is dropped.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

// === impl DirLock ===

impl DirLock {
    /// Makes the directory where there is none, and takes its lock or says who has it; never waits.
    pub(crate) fn take(dir: &Path) -> Result<Self, DirectoryError> {
        make(dir)?;
        let path = dir.join("lock");
        let files = |source| DirectoryError::Files { path: path.clone(), source };
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = opened.map_err(files)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(DirectoryError::Locked { holder: holder(&mut file), path });
            }
            Err(error) => return Err(files(io::Error::from(error))),
        }
        sign(&mut file).map_err(files)?;
        Ok(Self { _file: file })
    }
}

/// Makes the directory for us alone. One that exists is left as it is: it is the operator's.
fn make(dir: &Path) -> Result<(), DirectoryError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| dir.metadata())
        .map(|metadata| {
            if metadata.mode() & 0o077 != 0 {
                let mode = format!("{:o}", metadata.mode() & 0o777);
                tracing::warn!(dir = %dir.display(), mode, "others can look into the data directory; 700 is enough");
            }
        })
        .map_err(|source| DirectoryError::Files { path: dir.to_owned(), source })
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

fn named(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
