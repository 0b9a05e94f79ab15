//! The file as the operator writes it. Passwords and secrets stand elsewhere: the file names a variable, another file, or
//! what is kept of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use sekisho_identity::admin::{Brought, fits, readable};
use sekisho_model::UserName;
use sekisho_model::client::{AccessTokenForm, Capability, ClientAuth, Consent, GrantType, Pkce, Registration};
use sekisho_token::Secret;
use sekisho_wire::{ClientId, RealmName, Scopes};
use serde::Deserialize;

use super::{Declared, Proof};
use crate::config::{At, ConfigError, Mistake, Spot};

/// The largest file with a password or a secret, in bytes.
const SECRET_BYTES_MAX: usize = 4096;

/// What is to be. What is not named here stays as it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Realms by name; one that is missing is made.
    #[schemars(with = "BTreeMap<String, RealmSaid>")]
    realms: BTreeMap<RealmName, RealmSaid>,
}

/// A realm.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Realm")]
struct RealmSaid {
    /// Users by the name that they type to sign in.
    users: BTreeMap<String, At<UserSaid>>,
    /// Clients by their `client_id`.
    #[schemars(with = "BTreeMap<String, ClientSaid>")]
    clients: BTreeMap<ClientId, At<ClientSaid>>,
}

/// A user.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "User")]
struct UserSaid {
    /// What they may be granted, separated by spaces. Default: nothing.
    #[schemars(with = "String")]
    scopes: Scopes,
    /// Their full name: 1 to 200 characters.
    display_name: Option<String>,
    /// Their mail address: at most 254 bytes.
    email: Option<String>,
    /// Whether they may not sign in. Default: as it is.
    disabled: Option<bool>,
    /// Where their password is. Default: as it is; one is made and shown once where the user is new.
    password: Option<At<Reference>>,
}

/// A client.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Client")]
struct ClientSaid {
    /// What people are shown. Default: its id.
    name: Option<String>,
    /// How it proves who it is at the token endpoint.
    auth: ClientAuth,
    /// Which grants it may use.
    grants: Vec<GrantType>,
    /// Where codes may be sent. Default: nowhere.
    #[serde(default)]
    redirect_uris: Vec<String>,
    /// Where a browser may be sent after logout. Default: nowhere.
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
    /// The most it can be granted, separated by spaces. Default: nothing.
    #[serde(default)]
    #[schemars(with = "String")]
    scopes: Scopes,
    /// For which services tokens may be minted for it.
    audiences: Vec<String>,
    /// Whether a code needs PKCE. Default: `required`.
    pkce: Option<Pkce>,
    /// In which form it gets access tokens. Default: `jwt`.
    tokens: Option<AccessTokenForm>,
    /// Whether a person is asked before it gets anything. Default: `implied`.
    consent: Option<Consent>,
    /// What else it may ask of identity. Default: nothing.
    #[serde(default)]
    capabilities: Vec<Capability>,
    /// Whether it may do nothing. Default: as it is.
    disabled: Option<bool>,
    /// Where its secret is. Default: as it is; one is made and shown once where the client is new and has one.
    secret: Option<At<Reference>>,
}

/// Where a password or a secret is: exactly one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Reference {
    /// In this environment variable.
    env: Option<String>,
    /// In this file, without the end of its line; relative to the file that names it.
    file: Option<PathBuf>,
    /// Nowhere; this is what is kept of it: an Argon2id hash of a password, the SHA-256 of a secret in hex.
    hash: Option<String>,
}

/// Reads what is said, and notes what is wrong with it.
struct Reader<'a> {
    dir: &'a Path,
    variable: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<Mistake>,
}

/// The JSON Schema of the file (draft 2020-12).
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}

/// Reads a file, and what it refers to.
///
/// # Errors
/// [`ConfigError`], with every mistake that was found.
pub fn read(path: &Path) -> Result<Declared, ConfigError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    #[expect(
        clippy::disallowed_methods,
        reason = "variables that the file itself names, read once by the command line"
    )]
    parse(&text, path, &|name| std::env::var(name).ok())
}

/// Reads a text as the file at `path`.
///
/// # Errors
/// [`ConfigError`].
pub fn parse(text: &str, path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Declared, ConfigError> {
    let wrong = |mistakes| ConfigError::Wrong { path: path.to_owned(), text: text.to_owned(), mistakes };
    let said: File = if text.trim().is_empty() {
        File::default()
    } else {
        serde_saphyr::from_str(text).map_err(|error| wrong(vec![Mistake::of_form(&error)]))?
    };
    let mut reader = Reader { dir: path.parent().unwrap_or(Path::new(".")), variable, mistakes: Vec::new() };
    let realms = said.realms.into_iter().map(|(name, realm)| (name, reader.realm(realm))).collect();
    let Reader { mistakes, .. } = reader;
    if mistakes.is_empty() { Ok(Declared { realms }) } else { Err(wrong(mistakes)) }
}

// === impl Reader ===

impl Reader<'_> {
    fn mistake(&mut self, spot: Spot, what: String) {
        self.mistakes.push(Mistake { at: Some(spot), what });
    }

    fn realm(&mut self, RealmSaid { users, clients }: RealmSaid) -> super::Realm {
        let mut realm = super::Realm::default();
        for (text, At { value, spot }) in users {
            let user = self.user(value);
            if let Err(error) = user.profile().check() {
                self.mistake(spot, format!("`{text}`: {error}"));
            }
            match text.parse::<UserName>() {
                Err(error) => self.mistake(spot, format!("`{text}`: {error}")),
                Ok(name) if realm.users.contains_key(name.as_str()) => {
                    self.mistake(spot, format!("`{text}` is there twice: names are the same in upper and lower case"));
                }
                Ok(name) => {
                    realm.users.insert(name.to_string(), user);
                }
            }
        }
        for (id, said) in clients {
            if let Some(client) = self.client(&id, said) {
                realm.clients.insert(id, client);
            }
        }
        realm
    }

    fn user(&mut self, said: UserSaid) -> super::User {
        let UserSaid { scopes, display_name, email, disabled, password } = said;
        let password = password.and_then(|At { value, spot }| {
            let proof = self.proof(value, spot)?;
            if let Proof::Hash(hash) = &proof
                && let Err(error) = readable(&Secret::from(hash.as_str()))
            {
                self.mistake(spot, format!("`hash`: {error}"));
            }
            Some(proof)
        });
        super::User { scopes, display_name, email, disabled, password }
    }

    fn client(&mut self, id: &ClientId, At { value, spot }: At<ClientSaid>) -> Option<super::Client> {
        let ClientSaid {
            name,
            auth,
            grants,
            redirect_uris,
            post_logout_redirect_uris,
            scopes,
            audiences,
            pkce,
            tokens,
            consent,
            capabilities,
            disabled,
            secret,
        } = value;
        let registration = Registration {
            name: name.unwrap_or_else(|| id.to_string()),
            auth,
            grants,
            redirect_uris,
            post_logout_redirect_uris,
            scopes,
            audiences,
            pkce: pkce.unwrap_or(Pkce::Required),
            tokens: tokens.unwrap_or(AccessTokenForm::Jwt),
            consent: consent.unwrap_or(Consent::Implied),
            capabilities,
        };
        if let Err(error) = fits(&registration) {
            self.mistake(spot, format!("`{id}`: {error}"));
            return None;
        }
        let secret = secret.and_then(|At { value, spot }| self.secret(auth, value, spot));
        Some(super::Client { registration, disabled, secret })
    }

    fn secret(&mut self, auth: ClientAuth, reference: Reference, spot: Spot) -> Option<Proof> {
        if auth == ClientAuth::None {
            self.mistake(spot, "a public client has no secret: expected none, or another `auth`".to_owned());
            return None;
        }
        let proof = self.proof(reference, spot)?;
        match brought(&proof).map(|brought| brought.digest()) {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.mistake(spot, error.to_string()),
            None => self.mistake(spot, "`hash`: expected the SHA-256 of the secret, 64 hexadecimal digits".to_owned()),
        }
        Some(proof)
    }

    fn proof(&mut self, reference: Reference, spot: Spot) -> Option<Proof> {
        match reference {
            Reference { env: Some(name), file: None, hash: None } => {
                let text = (self.variable)(&name);
                if text.is_none() {
                    self.mistake(spot, format!("the environment has no variable `{name}`"));
                }
                text.map(Proof::Plain)
            }
            Reference { env: None, file: Some(path), hash: None } => self.in_file(&path, spot).map(Proof::Plain),
            Reference { env: None, file: None, hash: Some(hash) } => Some(Proof::Hash(hash)),
            Reference { env: _, file: _, hash: _ } => {
                self.mistake(spot, "expected exactly one of `env`, `file` and `hash`".to_owned());
                None
            }
        }
    }

    fn in_file(&mut self, path: &Path, spot: Spot) -> Option<String> {
        let path = self.dir.join(path);
        match std::fs::read_to_string(&path) {
            Err(error) => self.mistake(spot, format!("cannot read `{}`: {error}", path.display())),
            Ok(text) if text.len() > SECRET_BYTES_MAX => {
                let words = format!("`{}` is no secret: expected at most {SECRET_BYTES_MAX} bytes", path.display());
                self.mistake(spot, words);
            }
            Ok(text) => return Some(text.trim_end_matches(['\r', '\n']).to_owned()),
        }
        None
    }
}

/// What a declared secret is to the administration; nothing where its hash is none.
pub(super) fn brought(proof: &Proof) -> Option<Brought> {
    match proof {
        Proof::Plain(text) => Some(Brought::Secret(Secret::from(text.as_str()))),
        Proof::Hash(hex) => digest(hex).map(Brought::Digest),
    }
}

fn digest(hex: &str) -> Option<sekisho_token::Digest> {
    let nibbles: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<u8> = nibbles?
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect();
    let bytes: [u8; 32] = bytes.try_into().ok().filter(|_| hex.len() == 64)?;
    Some(sekisho_token::Digest(bytes))
}
