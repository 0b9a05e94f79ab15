//! A copy of the database while it is in use, and a database out of such a copy.
//!
//! ```text
//!   backup    sekisho.db ── VACUUM INTO ──► FILE.partial ── synced, linked ──► FILE
//!   restore   FILE ── copied, checked, new epoch ──► sekisho.db.restoring-new ── renamed ──► sekisho.db.restoring
//!             sekisho.db ── its log played in ──► sekisho.db.replaced-EPOCH, then sekisho.db.restoring ──► sekisho.db
//! ```
//!
//! INVARIANT (mark): `sekisho.db.restoring` is there from before the first byte to the last rename, and a house with it does
//! not open. Only the restore that comes to its end takes it away, or one that made it and leaves everything as it was:
//! whatever is interrupted, and however the next try fails, what follows is a restore, never a new and empty database.
//!
//! A backup is one transaction's view: whole, whatever is written meanwhile, and writers do not wait for it. A file of the
//! wanted name is either a whole backup or not there.
//!
//! A restored database begins a new epoch, later than any in the backup *and* in the database that it replaces. Readers of
//! the feed then throw away what they know and load a snapshot; without that, a head behind what they know would be refused
//! for good, or, worse, a revision of the lost history would be taken for one of the new.
//!
//! Not here: the key-encryption key. A backup without it opens no private key, which is why they are kept apart.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use sekisho_token::Timestamp;
use sekisho_wire::Epoch;
use sqlx::{Connection as _, SqliteConnection};

use super::driver::SqliteDriver;
use super::{OpenError, SCHEMA_VERSION, cannot_open, connect, make_file, migrations, options, sync, writing};
use crate::connection::Connection;
use crate::directory::{DirLock, DirectoryError};
use crate::feed;

/// What every SQLite database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// A database and what SQLite keeps beside it while it is open. The log is moved last: one without its database is known by
/// that, and the index beside it is nothing without the log.
const PARTS: [&str; 3] = ["", "-shm", LOG];
/// What the name of a log ends with.
const LOG: &str = "-wal";

/// What the name of a database that was replaced ends with, before the epoch that replaced it.
const ASIDE: &str = ".replaced-";

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// A database that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The epoch that its feeds are in now.
    pub epoch: Epoch,
    /// The schema of the backup; an older one is brought up to date when the server opens it.
    pub schema: i64,
    /// Where the database is that was there before.
    pub replaced: Option<PathBuf>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("`{}` is not there: expected the directory of a house that keeps its data in SQLite", .0.display())]
    NoDatabase(PathBuf),
    /// Something of that name is there.
    #[error("`{}` is there already: expected a name that is free", .0.display())]
    Exists(PathBuf),
    /// The copy cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Files {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory is in use by a process that takes no commands, or the database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Why nothing was restored. The directory is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be read, or its copy cannot be written.
    #[error("cannot use `{}`: {source}", path.display())]
    Files {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not a backup: {found}; expected a file that `sekisho backup` wrote", path.display())]
    NotABackup {
        /// Which file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// A server runs on the directory, a later version wrote the backup, or it does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A copy that is being written: a file of our own making, gone when this is.
struct Partial(PathBuf);

/// Tells the copies of this process apart.
static PARTIALS: AtomicU64 = AtomicU64::new(0);

// === impl Partial ===

impl Partial {
    /// Made before SQLite does it, which fills an empty file: for us alone, and never one that somebody put there, by
    /// whatever name it goes on.
    fn beside(file: &Path) -> Result<Self, BackupError> {
        let number = PARTIALS.fetch_add(1, Ordering::Relaxed);
        let path = beside(file, &format!(".partial-{}-{number}", std::process::id()));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map_err(|source| BackupError::Files { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Copies the database of `dir`, which may be in use by this process or another.
///
/// # Errors
/// [`BackupError`].
pub async fn backup(dir: &Path, file: &Path) -> Result<Backup, BackupError> {
    let database = dir.join("sekisho.db");
    if !database.exists() {
        return Err(BackupError::NoDatabase(database));
    }
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let partial = Partial::beside(file)?;
    copy_out(&database, &partial.0).await?;
    place(&partial.0, file)
}

/// The same for a directory that nobody has open, which is held meanwhile.
///
/// # Errors
/// [`BackupError`].
pub async fn backup_at_rest(dir: &Path, file: &Path) -> Result<Backup, BackupError> {
    // Looked at first: taking the lock would leave a file in a directory that is none of ours.
    let database = dir.join("sekisho.db");
    if !database.exists() {
        return Err(BackupError::NoDatabase(database));
    }
    let _lock = DirLock::take(dir).map_err(OpenError::from)?;
    backup(dir, file).await
}

/// Puts the database of a backup into `dir`, in a new epoch. Whatever was there before is kept beside it.
///
/// # Errors
/// [`RestoreError`].
pub async fn restore(dir: &Path, file: &Path, now: Timestamp) -> Result<Restored, RestoreError> {
    looks_like_a_backup(file)?;
    let _lock = DirLock::take(dir).map_err(OpenError::from)?;
    let (database, mark) = (dir.join("sekisho.db"), mark_in(dir));
    let (begun_before, there_before) = (mark.exists(), database.exists());
    if let Some(log) = log_alone(&database) {
        reunite(&database, log, &mark)?;
    }
    make_file(&mark).map_err(OpenError::from)?;
    let restored = replace(dir, file, now).await;
    if restored.is_err() {
        remove(&draft_of(&mark));
        if !begun_before && there_before == database.exists() {
            remove(&mark);
        }
    }
    restored
}

/// The backup becomes the draft, the draft the mark, and the mark the database.
async fn replace(dir: &Path, file: &Path, now: Timestamp) -> Result<Restored, RestoreError> {
    let (database, mark) = (dir.join("sekisho.db"), mark_in(dir));
    let draft = draft_of(&mark);
    let (epoch, schema) = redraft(file, &draft, &database, now).await?;
    fs::rename(&draft, &mark).map_err(|source| RestoreError::Files { path: mark.clone(), source })?;
    // Before anything is moved, also for who looks after a power cut.
    sync(dir).map_err(OpenError::from)?;
    let replaced = put_in_place(&mark, &database, epoch);
    let replaced = replaced.map_err(|source| RestoreError::Files { path: database.clone(), source })?;
    sync(dir).map_err(OpenError::from)?;
    Ok(Restored { epoch, schema, replaced })
}

/// The copy that will be the database, checked and in its new epoch.
async fn redraft(file: &Path, draft: &Path, database: &Path, now: Timestamp) -> Result<(Epoch, i64), RestoreError> {
    remove(draft);
    copy_in(file, draft).map_err(|source| RestoreError::Files { path: file.to_owned(), source })?;
    let mut connection = connect(&options().filename(draft), draft).await?;
    let schema = checked(&mut connection, file).await?;
    // By the names of what was moved aside as well: a restore that was interrupted has left no database to look into.
    let aside = newest_aside(database).map_err(OpenError::from)?.unwrap_or(Epoch(0));
    let lost = settle(database).await.max(aside);
    let mut connection = Connection::over(SqliteDriver::new(connection));
    let epoch = feed::begin_epoch(&mut connection, now, lost).await;
    connection.close().await;
    let epoch = epoch.map_err(|error| OpenError::Database { path: file.to_owned(), source: Box::new(error) })?;
    let synced = File::open(draft).and_then(|draft| draft.sync_all());
    synced.map_err(|source| RestoreError::Files { path: draft.to_owned(), source })?;
    Ok((epoch, schema))
}

async fn copy_out(database: &Path, partial: &Path) -> Result<(), BackupError> {
    let files = |source| BackupError::Files { path: partial.to_owned(), source };
    let mut connection = connect(&writing(database), database).await?;
    let copied = vacuum_into(&mut connection, partial).await;
    let closed = connection.close().await;
    copied.and(closed).map_err(|source| cannot_open(database, source))?;
    let written = partial.to_owned();
    // The disk may take a while for a large file, and other work shares this thread.
    let synced = tokio::task::spawn_blocking(move || File::open(written)?.sync_all()).await;
    synced.unwrap_or_else(|ended| Err(io::Error::other(ended))).map_err(files)
}

async fn vacuum_into(connection: &mut SqliteConnection, path: &Path) -> Result<(), sqlx::Error> {
    let path = path.to_string_lossy().into_owned();
    sqlx::query("VACUUM INTO $1").bind(path).execute(connection).await.map(drop)
}

fn place(partial: &Path, file: &Path) -> Result<Backup, BackupError> {
    let files = |source| BackupError::Files { path: file.to_owned(), source };
    let bytes = partial.metadata().map_err(files)?.len();
    // A link is made only where nothing of that name is, also when two come at once.
    let placed = match fs::hard_link(partial, file) {
        Err(error) if knows_no_links(&error) => move_to_a_free_name(partial, file),
        linked => linked,
    };
    match placed {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists(file.to_owned()));
        }
        placed => placed.map_err(files)?,
    }
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(files)?;
    Ok(Backup { path: file.to_owned(), bytes })
}

/// exFAT, and what some network shares and FUSE answer.
fn knows_no_links(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS))
}

/// The same without a link.
fn move_to_a_free_name(partial: &Path, file: &Path) -> io::Result<()> {
    renameat_with(CWD, partial, CWD, file, RenameFlags::NOREPLACE).map_err(|error| match error {
        Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS => io::Error::new(
            io::ErrorKind::Unsupported,
            "its file system can neither link a file nor move one without replacing another; expected another file system",
        ),
        error => error.into(),
    })
}

/// What can be told before anything is written.
fn looks_like_a_backup(file: &Path) -> Result<(), RestoreError> {
    let files = |source| RestoreError::Files { path: file.to_owned(), source };
    let not = |found: &str| RestoreError::NotABackup { path: file.to_owned(), found: found.to_owned() };
    let mut head = Vec::new();
    let opened = File::open(file).map_err(files)?;
    opened.take(MAGIC.len() as u64).read_to_end(&mut head).map_err(files)?;
    if head != MAGIC {
        return Err(not("it is no SQLite database"));
    }
    // The newest commits of a database that is in use are not in its file.
    if beside(file, LOG).metadata().is_ok_and(|wal| wal.len() > 0) {
        return Err(not("it is a database in use, with commits beside it"));
    }
    Ok(())
}

fn copy_in(file: &Path, draft: &Path) -> io::Result<()> {
    let mut from = File::open(file)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

/// Whether it is whole and ours; its schema.
async fn checked(connection: &mut SqliteConnection, file: &Path) -> Result<i64, RestoreError> {
    let not = |found: String| RestoreError::NotABackup { path: file.to_owned(), found };
    let sound = sqlx::query_scalar::<_, String>("PRAGMA integrity_check(1)").fetch_one(&mut *connection).await;
    match sound.as_deref() {
        Ok("ok") => {}
        Ok(damage) => return Err(not(format!("it is damaged, {damage}"))),
        Err(error) => return Err(not(format!("it is damaged, {error}"))),
    }
    let found = migrations::version(connection).await.map_err(|source| cannot_open(file, source))?;
    match found {
        0 => Err(not("it is the database of another program".to_owned())),
        found if found > SCHEMA_VERSION => {
            let path = file.to_owned();
            Err(OpenError::SchemaTooNew { path, found, known: SCHEMA_VERSION }.into())
        }
        found => Ok(found),
    }
}

/// The newest epoch of the database that is there, if one is and can be read: damage is a reason to restore. Its log is
/// played into it, so that usually there is one file to move and not two that belong together.
async fn settle(database: &Path) -> Epoch {
    match database.metadata() {
        // SQLite would throw away the log beside it, and with it commits.
        Ok(file) if file.len() == 0 => return unread(database),
        Ok(_) => {}
        Err(_) => return Epoch(0),
    }
    let Ok(mut connection) = connect(&options().filename(database), database).await else { return unread(database) };
    // What cannot be played in is moved as it is.
    let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
    let mut connection = Connection::over(SqliteDriver::new(connection));
    let newest = feed::newest_epoch(&mut connection).await;
    connection.close().await;
    newest.unwrap_or_else(|_| unread(database))
}

/// The newest epoch that a restore began here, by the names of the databases that were moved aside.
pub(super) fn newest_aside(database: &Path) -> Result<Option<Epoch>, DirectoryError> {
    let (Some(name), Some(dir)) = (database.file_name(), database.parent()) else { return Ok(None) };
    let name = format!("{}{ASIDE}", name.to_string_lossy());
    let files = |source| DirectoryError::Files { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        entries => entries.map_err(files)?,
    };
    let mut newest = None;
    for entry in entries {
        let entry = entry.map_err(files)?;
        let epoch = entry.file_name().to_str().and_then(|entry| entry.strip_prefix(&name)?.parse().ok());
        if epoch > newest && entry.file_type().map_err(files)?.is_file() {
            newest = epoch;
        }
    }
    Ok(newest.map(Epoch))
}

/// Where a restore that begins this epoch moves the database that it replaces.
pub(super) fn aside(database: &Path, epoch: Epoch) -> PathBuf {
    beside(database, &format!("{ASIDE}{}", epoch.0))
}

/// A log with commits whose database is not there. A new database of that name would be its end.
pub(super) fn log_alone(database: &Path) -> Option<PathBuf> {
    let log = beside(database, LOG);
    (!database.exists() && log.metadata().is_ok_and(|log| log.len() > 0)).then_some(log)
}

/// A restore that was interrupted between its renames left a log without its database, which is the one it had just moved:
/// no restore begins beside such a log, so there is no other. Anybody else's is not guessed at.
fn reunite(database: &Path, log: PathBuf, mark: &Path) -> Result<(), RestoreError> {
    let newest = newest_aside(database).map_err(OpenError::from)?.map(|epoch| aside(database, epoch));
    let Some(owner) = newest.filter(|owner| mark.exists() && !beside(owner, LOG).exists()) else {
        return Err(OpenError::LogAlone(log).into());
    };
    move_aside(database, &owner, &mut Vec::new()).map_err(|source| RestoreError::Files { path: log, source })
}

fn unread(database: &Path) -> Epoch {
    tracing::warn!(database = %database.display(), "what is replaced cannot be read; the new epoch is by the clock alone");
    Epoch(0)
}

/// The log is moved aside with its database: beside another one, SQLite would play it into that. What was moved is moved
/// back where the rest cannot be.
fn put_in_place(mark: &Path, database: &Path, epoch: Epoch) -> io::Result<Option<PathBuf>> {
    let aside = aside(database, epoch);
    let mut moved = Vec::new();
    let placed = move_aside(database, &aside, &mut moved).and_then(|()| fs::rename(mark, database));
    if let Err(error) = placed {
        for part in moved {
            fs::rename(beside(&aside, part), beside(database, part))?;
        }
        return Err(error);
    }
    Ok(moved.contains(&"").then_some(aside))
}

fn move_aside(database: &Path, aside: &Path, moved: &mut Vec<&'static str>) -> io::Result<()> {
    for part in PARTS {
        match fs::rename(beside(database, part), beside(aside, part)) {
            Ok(()) => moved.push(part),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What says that a restore of `dir` has begun, and then is the database that it puts in place.
pub(super) fn mark_in(dir: &Path) -> PathBuf {
    dir.join("sekisho.db.restoring")
}

/// Where it is written. Under a name of its own, so that a try that fails leaves the mark of the one before it.
fn draft_of(mark: &Path) -> PathBuf {
    beside(mark, "-new")
}

fn remove(database: &Path) {
    for part in PARTS.into_iter().chain(["-journal"]) {
        let _ = fs::remove_file(beside(database, part));
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
