//! A PostgreSQL of our own: Debian's programs on a private directory, a socket and a free port of loopback.
//!
//! It runs as somebody who is not root, and it is stopped and deleted when the tests are over, however they end: a shell
//! waits for the end of its standard input, whose other end is this process, and then does both.
//!
//! The stories of the whole product use this file too.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// The password of the role `house`, in an address.
const PASSWORD: &str = "open%20sesame%2F%231";

/// A server and its directory.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) dir: PathBuf,
    port: u16,
    programs: Programs,
    janitor: Child,
}

/// A database that is dropped with this.
#[derive(Debug)]
pub(crate) struct Database<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) name: String,
}

/// Where the programs are, and as whom they run.
#[derive(Debug)]
struct Programs {
    bin: PathBuf,
    /// Somebody's ids, when we are root.
    somebody: Option<(u32, u32)>,
}

// === impl Cluster ===

impl Cluster {
    /// The one that tests share which leave it as it is. Its disk writes are not waited for.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::made("fsync = off\nfull_page_writes = off\n"))
    }

    /// One of this test's own, which may be stopped.
    pub(crate) fn own() -> Self {
        Self::made("")
    }

    fn made(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        // Whoever the server runs as must come through.
        fs::set_permissions(&dir, PermissionsExt::from_mode(0o711)).unwrap();
        let programs = Programs::find(dir.metadata().unwrap().uid());
        let data = dir.join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();
        if let Some((uid, gid)) = programs.somebody {
            chown(&data, Some(uid), Some(gid)).unwrap();
        }
        let janitor = janitor(&dir);
        let cluster = Self { port: free_port(), dir, programs, janitor };
        let arguments = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres"];
        let auth = ["--auth-local=trust", "--auth-host=scram-sha-256"];
        cluster.run(cluster.programs.command("initdb").args(arguments).args(auth).arg("-D").arg(&data));
        let mut config = OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        let sockets = data.display();
        let own = format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{sockets}'\n\
             max_connections = 300\nshared_buffers = 32MB\ndeadlock_timeout = 100ms\n{settings}",
            cluster.port
        );
        config.write_all(own.as_bytes()).unwrap();
        cluster.start();
        cluster.sql("CREATE ROLE house LOGIN PASSWORD 'open sesame/#1'");
        cluster
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn start(&self) {
        let mut start = self.programs.command("pg_ctl");
        self.run(start.args(["start", "-w", "-D"]).arg(self.data()).arg("-l").arg(self.data().join("log")));
    }

    /// As if the power went: nothing is said to anybody, nothing is written.
    pub(crate) fn crash(&self) {
        let mut stop = self.programs.command("pg_ctl");
        self.run(stop.args(["stop", "-w", "-m", "immediate", "-D"]).arg(self.data()));
    }

    /// A new database that belongs to the role `house`.
    pub(crate) fn database(&self) -> Database<'_> {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let name = format!("house{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql(&format!("CREATE DATABASE {name} OWNER house"));
        Database { cluster: self, name }
    }

    /// The directory of the data and of the socket.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// As its superuser, in the database that every server has.
    pub(crate) fn sql(&self, sql: &str) {
        let mut psql = self.programs.command("psql");
        psql.args(["-X", "-q", "-U", "postgres", "-d", "postgres", "-p", &self.port.to_string()]);
        self.run(psql.arg("-h").arg(self.data()).args(["-c", sql]));
    }

    #[track_caller]
    fn run(&self, command: &mut Command) {
        let said = self.dir.join("said");
        let file = OpenOptions::new().create(true).append(true).open(&said).unwrap();
        // A file and not a pipe: the server inherits it and keeps it open.
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).current_dir(&self.dir);
        let status = command.status().unwrap();
        assert!(status.success(), "{command:?}: {}", fs::read_to_string(said).unwrap());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        let _ = self.janitor.wait();
    }
}

// === impl Database ===

impl Database<'_> {
    /// Over loopback, with a password.
    pub(crate) fn address(&self) -> String {
        format!("postgres://house:{PASSWORD}@127.0.0.1:{}/{}", self.cluster.port, self.name)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // Where a test fails the server may be down, and nothing is to hide why.
        if !std::thread::panicking() {
            self.cluster.sql(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

// === impl Programs ===

impl Programs {
    fn find(uid: u32) -> Self {
        let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|dir| dir.path());
        let newest = debian
            .max_by_key(|dir| dir.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok()));
        // Elsewhere they are where programs are.
        let bin = newest.map_or_else(PathBuf::new, |dir| dir.join("bin"));
        let found = Command::new(bin.join("initdb")).arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "these tests need PostgreSQL: apt-get install postgresql");
        Self { bin, somebody: (uid == 0).then(somebody) }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        if let Some((uid, gid)) = self.somebody {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// The server refuses to run as root.
fn somebody() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().unwrap());
        Some((ids.next()?, ids.next()?))
    };
    of("postgres").or_else(|| of("nobody")).expect("somebody who is not root")
}

/// Cleans up when this process ends or closes its end of the pipe. It is in a group of its own, so that Ctrl-C does not
/// reach it.
fn janitor(dir: &Path) -> Child {
    let script = r#"
        read -r _
        pid=$(head -n 1 "$1/data/postmaster.pid") && kill -QUIT "$pid" && while kill -0 "$pid"; do sleep 0.05; done
        rm -rf "$1"
    "#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "janitor"]).arg(dir).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Not one of those that are handed out to whoever asks for any: this one must still be free when the server comes back. Each
/// process has a few of its own, so that two that run at once do not take each other's between looking and starting.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 500).unwrap() * 20;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
