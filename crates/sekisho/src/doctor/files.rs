//! The data directory, the key-encryption key, the database, and whether the one opens what is sealed in the other.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Access, access};
use sekisho_identity::{Examined, examine as examine_keys};
use sekisho_store::{Look, Settings, SqlStore, postgres, sqlite};
use sekisho_token::seal::SealingKey;
use sekisho_wire::cut::Cut;

use super::{Code, Report, Tools};
use crate::config::Config;
use crate::database::Database;
use crate::kek::{self, KekSource};
use crate::wiring::Keep;

pub(super) async fn examine(config: &Config, tools: &Tools, report: &mut Report) {
    directory(&config.data, report);
    // A gateway alone keeps its audit in the directory, and nothing else.
    let Some(identity) = &config.identity else { return };
    let settings = Settings {
        clock: Arc::clone(&tools.clock),
        handle: tools.handle.clone(),
        cut: Cut::joined("store"),
        token_lifetime_s_max: identity.settings.token_lifetime_s_max(),
    };
    let store = match look(config, settings).await {
        Ok(Look::Current(store)) => Some(store),
        Ok(Look::Nothing) => None,
        Ok(Look::Older { schema }) => {
            report.note(Code::SchemaOlder, database(config), format!("schema {schema}"));
            None
        }
        Err(error) => {
            report.note(Code::DatabaseUnreadable, database(config), told(&*error));
            None
        }
    };
    let seal = key_encryption_key(config, store.is_some(), tools, report);
    if let (Some(store), Some(seal)) = (&store, &seal) {
        sealed(store, seal, config, tools, report).await;
    }
    if let Some(store) = store {
        store.close().await;
    }
}

async fn look(config: &Config, settings: Settings) -> Result<Look, Box<dyn std::error::Error + Send + Sync>> {
    match config.database.keep(&config.data)? {
        Keep::Dir(dir) => Ok(sqlite::look(&dir, settings).await?),
        Keep::Postgres { address, .. } => Ok(postgres::look(&address, settings).await?),
        Keep::Memory => Ok(Look::Nothing),
    }
}

/// Where the database is; an address is told without its password.
fn database(config: &Config) -> String {
    match &config.database {
        Database::Directory => config.data.join("sekisho.db").display().to_string(),
        Database::Postgres { address, .. } => address.to_string(),
    }
}

/// It, or where it is missing, the place where it would be made.
fn directory(data: &Path, report: &mut Report) {
    let place = data.display().to_string();
    match data.metadata() {
        Ok(metadata) if !metadata.is_dir() => report.note(Code::DataUnwritable, place, "it is no directory"),
        Ok(metadata) => {
            if let Err(error) = access(data, Access::WRITE_OK | Access::EXEC_OK) {
                report.note(Code::DataUnwritable, place, error);
            } else if is_open(&metadata) {
                report.note(Code::DataOpen, place, format_args!("mode {:o}", metadata.mode() & 0o777));
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let above = data.ancestors().skip(1).find(|above| above.as_os_str().is_empty() || above.exists());
            let above = above.filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if let Err(error) = access(above, Access::WRITE_OK | Access::EXEC_OK) {
                report.note(Code::DataUnwritable, place, format_args!("it cannot be made: {error}"));
            }
        }
        Err(error) => report.note(Code::DataUnwritable, place, error),
    }
}

/// Read as a server would, except that none is made.
fn key_encryption_key(config: &Config, needed: bool, tools: &Tools, report: &mut Report) -> Option<SealingKey> {
    let path = match &config.kek {
        KekSource::File(path) => Some(path.clone()),
        KekSource::Generated => Some(config.data.join("kek")),
        KekSource::Environment(_) => None,
    };
    if let Some(path) = &path {
        match path.metadata() {
            Ok(metadata) if is_open(&metadata) => {
                let found = format!("mode {:o}", metadata.mode() & 0o777);
                report.note(Code::KekOpen, path.display().to_string(), found);
            }
            Err(_) if config.kek == KekSource::Generated => {
                if needed {
                    report.note(
                        Code::KekUnusable,
                        path.display().to_string(),
                        "it is missing, and the database is not",
                    );
                }
                return None;
            }
            Ok(_) | Err(_) => {}
        }
    }
    match kek::load(&config.kek, &config.data, &*tools.entropy) {
        Ok(seal) => Some(seal),
        Err(error) => {
            report.note(Code::KekUnusable, config.kek.to_string(), error);
            None
        }
    }
}

async fn sealed(store: &Arc<SqlStore>, seal: &SealingKey, config: &Config, tools: &Tools, report: &mut Report) {
    let now = tools.clock.wall();
    let realms = match examine_keys(&**store, seal, now).await {
        Ok(realms) => realms,
        Err(error) => return report.note(Code::DatabaseUnreadable, database(config), error),
    };
    for Examined { realm, keys, sealed_shut, .. } in realms {
        for (kid, trouble) in sealed_shut {
            let what = kid.map_or_else(|| "refresh tokens' key".to_owned(), |kid| format!("key `{kid}`"));
            report.note(Code::KeyUnsealable, format!("realm `{realm}`, {what}"), trouble);
        }
        if !keys.iter().any(|(_, signs_from)| *signs_from <= now) {
            report.note(Code::KeyMissing, format!("realm `{realm}`"), format_args!("{} keys, none signs", keys.len()));
        }
    }
}

fn is_open(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

/// An error with its cause.
fn told(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
