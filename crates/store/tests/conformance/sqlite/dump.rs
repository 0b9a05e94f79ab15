//! Whoever reads the whole database holds nothing that could be presented.
//!
//! Here it is shown for the texts themselves; that a digest is not accepted in their place either is shown by the tests
//! of the whole product.

use std::collections::BTreeMap;
use std::path::Path;

use sekisho_model::client::{Clients as _, NewClient};
use sekisho_model::code::Codes as _;
use sekisho_model::flow::{AuthorizationRequest, Flows as _, Progress};
use sekisho_model::grant::Grants as _;
use sekisho_model::key::{Keys as _, NewKey};
use sekisho_model::opaque::OpaqueTokens as _;
use sekisho_model::session::Origin;
use sekisho_model::{Code, Flow};
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::refresh::{self, RefreshKey};
use sekisho_token::seal::SealingKey;
use sekisho_token::{Algorithm, Secret, SigningKey, SystemEntropy};
use sekisho_wire::SessionId;
use sekisho_wire::change::PublishedKey;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Column as _, Connection as _, Row as _, SqliteConnection};

use crate::rig::{self, NOW, Rig, granted, registration, web};

/// Every value of every column of every table, as bytes.
async fn dump(dir: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let options = SqliteConnectOptions::new().filename(dir.join("sekisho.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut found = BTreeMap::<String, Vec<Vec<u8>>>::new();
    for table in tables {
        let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
        for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
            for column in row.columns() {
                // SQLite hands out the bytes of any value.
                let value: Option<Vec<u8>> = row.get_unchecked(column.ordinal());
                found.entry(format!("{table}.{}", column.name())).or_default().extend(value);
            }
        }
    }
    connection.close().await.unwrap();
    found
}

pub(crate) fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

fn flow(browser: &Credential, flow: &Credential, session: SessionId) -> Flow {
    let request = AuthorizationRequest {
        client: web(),
        redirect_uri: "https://web.example/cb".to_owned(),
        scopes: Default::default(),
        audiences: vec![],
        state: None,
        nonce: None,
        challenge: Some("challenge".to_owned()),
        sign_in_again: false,
        ask_again: false,
        max_age_s: None,
        login_hint: None,
        expected: None,
        ui_locales: None,
    };
    Flow {
        digest: flow.digest(),
        browser: browser.digest(),
        request: request.into(),
        started_at: NOW,
        expires_at: NOW.plus_s(600),
        progress: Progress { session: Some(session), consented_at: None },
    }
}

/// Uses one of each kind of credential and returns them all in clear.
pub(crate) async fn live_a_little(rig: &Rig) -> Vec<(&'static str, Vec<u8>)> {
    let entropy = SystemEntropy::default();
    let [cookie, secret, code, opaque, flow_id, browser] =
        [Kind::Session, Kind::ClientSecret, Kind::Code, Kind::OpaqueToken, Kind::Flow, Kind::Session]
            .map(|kind| Credential::mint(kind, &entropy));
    let client = NewClient { id: web(), registration: registration(), secret: Some(secret.digest()) };
    rig.store.create_client(rig.act(), client).await.unwrap();
    let user = rig.user("alice").await;
    let mut session = rig.new_session(user, Origin::Browser);
    session.cookie = Some(cookie.digest());
    let session = rig.open(session).await.id;
    rig.store.start_flow(rig.act(), flow(&browser, &flow_id, session)).await.unwrap();

    let template = rig.redemption(code.digest());
    let kept = Code {
        digest: code.digest(),
        client: web(),
        user,
        session,
        redirect_uri: template.presented.redirect_uri.clone(),
        challenge: template.presented.challenge.clone(),
        scopes: Default::default(),
        audiences: vec![],
        nonce: None,
        expires_at: NOW.plus_s(60),
        stage: sekisho_model::code::Stage::Pending,
    };
    rig.store.issue_code(rig.act(), kept).await.unwrap();
    let grant = granted(rig.store.redeem_code(rig.act(), template).await.unwrap()).grant.id;
    let token = rig::opaque(opaque.digest(), grant, NOW.plus_s(60));
    rig.store.keep_opaque(rig.act(), token).await.unwrap();
    rig.store.refresh_grant(rig.act(), crate::rig::refresh(grant, 0, 0)).await.unwrap();

    let sealing = SealingKey::from_bytes([7; 32]);
    let signing = SigningKey::generate(Algorithm::Es256).unwrap();
    let private = signing.to_pkcs8().unwrap();
    let sealed = sealing.seal("test", private.expose(), &entropy).unwrap();
    let published = PublishedKey { jwk: signing.public_jwk(), published_at: NOW, signs_from: NOW, gone_at: None };
    rig.store.publish_key(rig.act(), NewKey { published, sealed }, NOW.plus_s(600)).await.unwrap();

    let refresh_key = RefreshKey::new("main", &Secret::new([9; 32]));
    let refresh = |generation| refresh::mint(&refresh_key, grant.0, generation).expose().clone().into_bytes();
    let texts = [("cookie", cookie), ("client secret", secret), ("code", code), ("opaque token", opaque)];
    let texts = texts.into_iter().chain([("flow", flow_id), ("browser", browser)]);
    let texts = texts.map(|(name, credential)| (name, credential.expose().as_bytes().to_vec()));
    let others = [("private key", private.expose().clone()), ("refresh 0", refresh(0)), ("refresh 1", refresh(1))];
    texts.chain(others).collect()
}

#[tokio::test]
async fn nothing_in_a_dump_of_the_database_is_a_credential_in_clear() {
    let rig = Rig::sqlite_on_disk().await;
    let secrets = live_a_little(&rig).await;
    let dump = dump(&rig.data()).await;
    let files: Vec<_> =
        ["sekisho.db", "sekisho.db-wal"].map(|name| std::fs::read(rig.data().join(name)).unwrap()).into();
    // The dump sees what was written: the user's name is there, in the table and in the files.
    assert!(dump["users.name"].iter().any(|value| holds(value, b"alice")));
    assert!(files.iter().any(|bytes| holds(bytes, b"alice")));
    assert!(
        ["codes.digest", "sessions.cookie", "clients.secret", "opaque_tokens.digest", "flows.browser"]
            .iter()
            .all(|column| dump[*column].iter().all(|value| value.len() == 32) && !dump[*column].is_empty())
    );
    for (name, secret) in &secrets {
        for (column, values) in &dump {
            assert!(!values.iter().any(|value| holds(value, secret)), "{column} holds the {name}");
        }
        assert!(!files.iter().any(|bytes| holds(bytes, secret)), "a file holds the {name}");
    }
    rig.close().await;
}
