//! The audit as files: one JSON object per line in `DIR/audit/`, rotated by size.
//!
//! Recording puts a line into a bounded queue and never waits; a thread of its own writes. When the queue is full the line
//! is dropped and counted, and the count is written as a line of its own as soon as there is room: a gap is never silent.
//!
//! Not here: what is worth a line (the rooms decide), reading (`explain`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use sekisho_token::Timestamp;
use sekisho_wire::{Audit, AuditEvent};
use serde_json::json;

/// Lines that wait to be written.
const QUEUE_LINES_MAX: usize = 8192;
/// Size at which a file is followed by another, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files that are kept, the current one included.
const FILES_MAX: usize = 16;
/// The current file.
const CURRENT: &str = "audit.jsonl";

/// Writes lines to files.
#[derive(Debug)]
pub struct AuditFiles {
    queue: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
    /// Never set back, unlike the above.
    dropped_in_all: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
enum Order {
    Write(Box<AuditEvent>),
    /// Write what came before, then stop.
    Stop,
}

/// The current file and how long it is.
struct Log {
    dir: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
    /// Whether the file ends in the middle of a line: the process, or the disk's space, ended there.
    torn: bool,
    /// Whether the last line could not be written; said once, not for each line.
    failing: bool,
}

// === impl AuditFiles ===

impl AuditFiles {
    /// Opens `dir`, makes it where there is none, and starts the thread that writes.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(dir: &Path) -> io::Result<Self> {
        Self::with_size(dir, FILE_BYTES_MAX)
    }

    fn with_size(dir: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let log = Log::open(dir, bytes_max)?;
        let (queue, orders) = sync_channel(QUEUE_LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let dropped_in_all = Arc::new(AtomicU64::new(0));
        let (counter, total) = (Arc::clone(&dropped), Arc::clone(&dropped_in_all));
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let writer = thread.spawn(move || log.run(&orders, &counter, &total))?;
        Ok(Self { queue, dropped, dropped_in_all, writer: Mutex::new(Some(writer)) })
    }

    /// Writes everything that was recorded and ends the thread. Lines recorded afterwards are dropped and counted.
    pub fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = self.queue.send(Order::Stop);
            let _ = writer.join();
        }
    }

    /// How many lines were dropped and not yet reported.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Audit for AuditFiles {
    fn record(&self, event: AuditEvent) {
        match self.queue.try_send(Order::Write(Box::new(event))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                self.dropped_in_all.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn dropped_in_all(&self) -> u64 {
        self.dropped_in_all.load(Ordering::Relaxed)
    }
}

// === impl Log ===

impl Log {
    fn open(dir: &Path, bytes_max: u64) -> io::Result<Self> {
        let path = dir.join(CURRENT);
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        let torn = !ends_with_a_line(&file, bytes)?;
        Ok(Self { dir: dir.to_owned(), file, bytes, bytes_max, torn, failing: false })
    }

    fn run(mut self, orders: &Receiver<Order>, dropped: &AtomicU64, dropped_in_all: &AtomicU64) {
        let mut at = None;
        while let Ok(Order::Write(event)) = orders.recv() {
            at = Some(event.at);
            self.confess(at, dropped);
            let line = serde_json::to_string(&event).unwrap_or_default();
            if !self.put(&line) {
                dropped.fetch_add(1, Ordering::Relaxed);
                dropped_in_all.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.confess(at, dropped);
        let _ = self.file.sync_all();
    }

    /// Says how many lines are missing here, if any are. The number stays when it cannot be said yet.
    fn confess(&mut self, at: Option<Timestamp>, dropped: &AtomicU64) {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 && !self.put(&json!({ "at": at, "event": "lines_dropped", "count": lost }).to_string()) {
            dropped.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// Writes a line, and says whether it is there.
    fn put(&mut self, line: &str) -> bool {
        let written = self.write(line);
        if let Err(error) = &written
            && !self.failing
        {
            tracing::error!(%error, "the audit cannot be written; lines are counted until it can");
        }
        self.failing = written.is_err();
        !self.failing
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        // What follows a torn line must not become a part of it.
        let line = format!("{}{line}\n", if self.torn { "\n" } else { "" });
        self.torn = true;
        self.file.write_all(line.as_bytes())?;
        self.torn = false;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// `audit.jsonl` becomes `audit.1.jsonl`, that one `audit.2.jsonl`, and so on; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..FILES_MAX - 1).rev() {
            let (from, to) = (self.dir.join(numbered(number)), self.dir.join(numbered(number + 1)));
            match fs::rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        *self = Self::open(&self.dir, self.bytes_max)?;
        Ok(())
    }
}

fn ends_with_a_line(file: &File, bytes: u64) -> io::Result<bool> {
    let Some(last) = bytes.checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
}

/// The audit's files in `dir`, newest first.
#[must_use]
pub fn files(dir: &Path) -> Vec<PathBuf> {
    (0..FILES_MAX).map(|number| dir.join(numbered(number))).filter(|path| path.exists()).collect()
}

fn numbered(number: usize) -> String {
    if number == 0 { CURRENT.to_owned() } else { format!("audit.{number}.jsonl") }
}

#[cfg(test)]
mod tests;
