//! The command line: what can be said, and who does it.
//!
//! Answers go to standard output, everything else to standard error; `--json` makes an answer one for programs.
//!
//! Not here: what commands do to the house (`admin`, `serve`, `demo`).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sekisho_wire::{ClientId, RealmName, RefusalId, Scopes};

use crate::config::Span;
use crate::demo;
use crate::log;

mod administer;
mod check;
mod declare;
mod doctor;
mod keep;
mod run;

pub use run::run;

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 not done, the reason is on standard error; 2 the command line itself is wrong; 141 nobody read the
answer to its end.
Environment: SEKISHO_LOG says what is logged, like `info` or `sekisho_gateway=debug`; the default is info.
Beside a running server, apply, export, realm, user, client, token, key and feed go through DIR/admin.sock and take
effect at once.";

/// An identity provider, an API gateway and their guard, in one binary.
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, propagate_version = true, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
    /// How the log is written, on standard error.
    #[arg(long, global = true, value_name = "FORMAT", env = "SEKISHO_LOG_FORMAT", hide_env_values = true)]
    #[arg(default_value = "text")]
    log_format: log::Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the identity provider, the gateway, or both, as the configuration says.
    Serve {
        /// The configuration; everything on loopback without one.
        #[arg(long, short, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Run everything on loopback, with two sample services and a page to play with.
    Demo(demo::Options),
    /// Find mistakes in a configuration before it is used.
    Check {
        /// The configuration.
        file: PathBuf,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what the house is told and what a running server believes, and find what is wrong around it.
    Doctor(Examination),
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Tell why a request was refused.
    Explain {
        /// The id that the refusal carried.
        id: RefusalId,
        #[command(flatten)]
        place: Place,
        /// Answer in JSON: the line of the audit, and the words.
        #[arg(long)]
        json: bool,
    },
    /// Make realms, users and clients as a file declares them, after showing what would change.
    Apply {
        /// What is to be; `sekisho export` writes one, `sekisho apply --schema` says what it may hold.
        #[arg(required_unless_present = "schema")]
        file: Option<PathBuf>,
        #[command(flatten)]
        how: How,
        /// Print the JSON Schema of such a file.
        #[arg(long, exclusive = true)]
        schema: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Write down realms, users and clients as `sekisho apply` takes them, without secrets.
    Export {
        /// Only this realm; repeat for several.
        #[arg(long = "realm", value_name = "REALM")]
        realms: Vec<RealmName>,
        /// Along with hashes of passwords and secrets; keep such a file as you keep the database.
        #[arg(long)]
        with_hashes: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Manage realms.
    #[command(subcommand)]
    Realm(Realm),
    /// Manage people.
    #[command(subcommand)]
    User(User),
    /// Manage OAuth clients.
    #[command(subcommand)]
    Client(Client),
    /// Make tokens by hand.
    #[command(subcommand)]
    Token(Token),
    /// Manage signing keys.
    #[command(subcommand)]
    Key(Key),
    /// Manage the feed of revocations and keys.
    #[command(subcommand)]
    Feed(Feed),
    /// Copy the database into a file that is not there yet, also while a server runs on it.
    Backup(Keeping),
    /// Put the database of a backup in place; no server may run. Whoever follows the feed loads it anew.
    Restore(Keeping),
    /// Print the version.
    Version,
}

/// Which house is meant.
#[derive(Clone, Debug, Args)]
struct Place {
    /// Its configuration; it says where the data is.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Its data directory, when there is no configuration; `./sekisho-data` without either.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,
}

/// How a file is applied.
#[derive(Clone, Copy, Debug, Args)]
struct How {
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Change it without asking.
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Remove users and clients of the declared realms that are not declared.
    #[arg(long)]
    prune: bool,
}

/// Which house is examined, and how to answer.
#[derive(Clone, Debug, Args)]
struct Examination {
    #[command(flatten)]
    place: Place,
    /// Who vouches for certificates beside the public authorities, in PEM: for a house whose public address has a
    /// certificate of a private one.
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// A backup and the house that it is of.
#[derive(Clone, Debug, Args)]
struct Keeping {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Which realm is meant, and how to answer.
#[derive(Clone, Debug, Args)]
struct Where {
    #[command(flatten)]
    place: Place,
    /// The realm.
    #[arg(long, default_value = RealmName::DEFAULT)]
    realm: RealmName,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Make a person; the password is read from the terminal, or from standard input.
    Create {
        /// What they type to sign in.
        name: String,
        /// What they may be granted, separated by spaces.
        #[arg(long, default_value = "")]
        scopes: Scopes,
        /// Their full name.
        #[arg(long)]
        display_name: Option<String>,
        /// Their mail address.
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        at: Where,
    },
    /// List people.
    List {
        #[command(flatten)]
        at: Where,
    },
    /// Let somebody sign in no more, and take back everything of theirs.
    Disable {
        /// Who.
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// Let somebody sign in again.
    Enable {
        /// Who.
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// Set a password and end all their sign-ins.
    SetPassword {
        /// Whose.
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// Replace what somebody may be granted.
    Scopes {
        /// Whose.
        name: String,
        /// The scopes, separated by spaces.
        scopes: Scopes,
        #[command(flatten)]
        at: Where,
    },
    /// End all sign-ins of somebody and take back every token of theirs.
    SignOut {
        /// Whose.
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// End one sign-in and take back every token of it.
    EndSession {
        /// Which; `sekisho user sessions` names them.
        id: String,
        #[command(flatten)]
        at: Where,
    },
    /// Remove somebody, and take back everything of theirs.
    Delete {
        /// Who.
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// List somebody's sign-ins.
    Sessions {
        /// Whose.
        name: String,
        #[command(flatten)]
        at: Where,
    },
}

/// What sort of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientKind {
    /// Runs on somebody's device and keeps no secret: code with PKCE.
    Public,
    /// Runs on a server: code with PKCE, refresh.
    Web,
    /// Acts for itself: client credentials.
    Machine,
    /// Verifies tokens and follows the feed: a service with the guard.
    Service,
    /// Signs people in and swaps their tokens: a gateway in another process.
    Gateway,
}

/// Whether codes need PKCE (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pkce {
    /// An authorization request without it is refused.
    Required,
    /// It may be left out; when it is used, it is held to.
    Optional,
}

#[derive(Debug, Subcommand)]
enum Client {
    /// Make a client; its secret is printed once.
    Create {
        /// Its id.
        id: ClientId,
        /// What sort it is.
        #[arg(long)]
        kind: ClientKind,
        /// Where codes may be sent; repeat for several.
        #[arg(long = "redirect-uri", value_name = "URI")]
        redirect_uris: Vec<String>,
        /// Where a browser may go after logout; repeat for several.
        #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
        post_logout_redirect_uris: Vec<String>,
        /// The most it can be granted, separated by spaces.
        #[arg(long, default_value = "openid profile email")]
        scopes: Scopes,
        /// A service that tokens may be for; repeat for several.
        #[arg(long = "audience", value_name = "NAME", required = true)]
        audiences: Vec<String>,
        /// Ask people before it gets anything.
        #[arg(long)]
        consent: bool,
        /// Whether its codes need PKCE; only a client with a secret may be let off.
        #[arg(long, value_name = "WHETHER", default_value = "required")]
        pkce: Pkce,
        #[command(flatten)]
        at: Where,
    },
    /// List clients.
    List {
        #[command(flatten)]
        at: Where,
    },
    /// Let a client do nothing more, and take back everything minted for it.
    Disable {
        /// Which.
        id: ClientId,
        #[command(flatten)]
        at: Where,
    },
    /// Let a client act again.
    Enable {
        /// Which.
        id: ClientId,
        #[command(flatten)]
        at: Where,
    },
    /// Remove a client, and take back everything minted for it.
    Delete {
        /// Which.
        id: ClientId,
        #[command(flatten)]
        at: Where,
    },
    /// Add a secret; the newest two count. The secret is printed once.
    RotateSecret {
        /// Whose.
        id: ClientId,
        #[command(flatten)]
        at: Where,
    },
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make a JWT for a client, or for a person through it, and print it.
    Issue {
        /// The client it is issued to.
        #[arg(long)]
        client: ClientId,
        /// The subject; the client itself when left out.
        #[arg(long)]
        subject: Option<String>,
        /// What it permits, separated by spaces.
        #[arg(long, default_value = "")]
        scope: Scopes,
        /// For which service; repeat for several.
        #[arg(long = "audience", value_name = "NAME", required = true)]
        audiences: Vec<String>,
        /// How long it lives, like `30s` or `5m`; at most the realm's access token lifetime.
        #[arg(long, value_name = "TIME", default_value = "5m")]
        ttl: Span,
        #[command(flatten)]
        at: Where,
    },
    /// Make an access token for the admin API, and print it.
    Admin {
        /// It may look, and change nothing.
        #[arg(long)]
        read_only: bool,
        /// Who will use it, for the audit; the command line itself when left out.
        #[arg(long)]
        name: Option<String>,
        /// How long it lives, like `30s` or `5m`; at most the access token lifetime of the realm `sekisho`.
        #[arg(long, value_name = "TIME", default_value = "5m")]
        ttl: Span,
        #[command(flatten)]
        place: Place,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Realm {
    /// Make a realm with its first key.
    Create {
        /// Its name.
        name: RealmName,
        #[command(flatten)]
        place: Place,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// List realms.
    List {
        #[command(flatten)]
        place: Place,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Key {
    /// Publish a new signing key; it signs after its lead time.
    Rotate {
        /// Sign with it at once: for emergencies.
        #[arg(long)]
        at_once: bool,
        #[command(flatten)]
        at: Where,
    },
    /// Take a key back that somebody else may have, and with it everything that it signed.
    Revoke {
        /// Which; `sekisho key list` names them.
        kid: String,
        #[command(flatten)]
        at: Where,
    },
    /// List the keys with their stages.
    List {
        #[command(flatten)]
        at: Where,
    },
}

#[derive(Debug, Subcommand)]
enum Feed {
    /// After a PostgreSQL was restored or failed over and lost commits: have everybody who follows the feed load it anew.
    ///
    /// Gateways, guards and other servers refuse a database that is behind what they know, and answer 503. A new epoch
    /// tells them that it is meant. `sekisho restore` begins one by itself. Said once too often it does no harm.
    NewEpoch {
        /// Only of this realm; repeat for several.
        #[arg(long = "realm", value_name = "REALM")]
        realms: Vec<RealmName>,
        #[command(flatten)]
        place: Place,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

#[cfg(test)]
mod tests;
