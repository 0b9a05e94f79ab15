//! Which database: the address is read strictly, and no mistake repeats any of it, because it may hold a password.

use std::path::PathBuf;

use sekisho_store::postgres::Address;
use sekisho_token::Secret;

use super::super::units::At;
use super::Notes;
use crate::database::Database;

// === impl Notes ===

impl Notes {
    pub(super) fn database(
        &mut self,
        said: Option<At<String>>,
        file: Option<At<PathBuf>>,
        env: Option<At<String>>,
    ) -> Database {
        let Some(At { value, spot }) = said else {
            if let Some(spot) = file.map(|file| file.spot).or(env.map(|env| env.spot)) {
                self.mistake(Some(spot), "a password without a `database`: expected both or neither".to_owned());
            }
            return Database::Directory;
        };
        let address: Address = match value.parse() {
            Ok(address) => address,
            Err(error) => {
                self.mistake(Some(spot), format!("`database`: {error}"));
                return Database::Directory;
            }
        };
        let passwords = [address.has_password(), file.is_some(), env.is_some()];
        if passwords.iter().filter(|there| **there).count() > 1 {
            let what = "`database`: more than one password: expected it in the address, in `database_password_file` or in \
                        `database_password_env`";
            self.mistake(Some(spot), what.to_owned());
        }
        let address = match file.and_then(|file| self.password(&file)) {
            Some(password) => address.with_password(password),
            None => address,
        };
        Database::Postgres { address: Box::new(address), password_env: env.map(|env| env.value) }
    }

    fn password(&mut self, At { value: path, spot }: &At<PathBuf>) -> Option<Secret<String>> {
        let text = std::fs::read_to_string(path).map(Secret::new);
        match text {
            Ok(text) if !text.expose().trim_end().is_empty() => Some(Secret::from(text.expose().trim_end())),
            Ok(_) => {
                let what = format!("`database_password_file`: `{}` is empty: expected a password", path.display());
                self.mistake(Some(*spot), what);
                None
            }
            Err(error) => {
                self.mistake(Some(*spot), format!("`database_password_file`: `{}`: {error}", path.display()));
                None
            }
        }
    }
}
