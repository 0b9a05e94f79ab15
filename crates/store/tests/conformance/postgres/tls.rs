//! A server that wants TLS: who it is is verified as the address says, and what is wrong is told.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sekisho_model::feed::FeedLog as _;
use sekisho_store::SqlStore;
use sekisho_store::postgres::{self, OpenError};
use sekisho_wire::cut::Cut;
use tempfile::TempDir;

use super::cluster::{Cluster, Database};
use super::superuser;
use crate::rig::{Rig, TestClock, settings};

/// A certificate authority and its certificate in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

// === impl Authority ===

impl Authority {
    fn kept_in(dir: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = dir.join(name);
        fs::write(&file, pem("CERTIFICATE", issuer.der())).unwrap();
        Self { issuer, file }
    }

    /// Has a server speak TLS and nothing else, over its address `127.0.0.1`.
    fn certify(&self, cluster: &Cluster) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (data, owner) = (cluster.data(), cluster.data().metadata().unwrap());
        for (name, text) in [
            ("server.crt", pem("CERTIFICATE", certificate.der())),
            ("server.key", pem("PRIVATE KEY", &key.serialize_der())),
            ("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n".to_owned()),
            ("postgresql.auto.conf", "ssl = on\n".to_owned()),
        ] {
            fs::write(data.join(name), text).unwrap();
            fs::set_permissions(data.join(name), PermissionsExt::from_mode(0o600)).unwrap();
            chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        cluster.crash();
        cluster.start();
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

async fn open(dir: &TempDir, address: &str) -> Result<Arc<SqlStore>, OpenError> {
    let (clock, cut) = (TestClock::new(), Cut::joined("store"));
    postgres::open(&dir.path().join("data"), &address.parse().unwrap(), settings(&clock, &cut)).await
}

/// Whether the connections of the store are encrypted.
async fn encrypted(database: &Database<'_>) -> Vec<bool> {
    let sql = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'house'";
    sqlx::query_scalar(sql).fetch_all(&mut superuser(database).await).await.unwrap()
}

#[tokio::test]
async fn a_server_is_believed_that_the_authority_of_the_address_vouches_for() {
    let (cluster, dir) = (Cluster::own(), tempfile::tempdir().unwrap());
    let authority = Authority::kept_in(dir.path(), "ca.pem");
    authority.certify(&cluster);
    let database = cluster.database();
    for parameters in
        [format!("sslmode=verify-full&sslrootcert={}", authority.file.display()), "sslmode=require".into()]
    {
        let store = open(&dir, &format!("{}?{parameters}", database.address())).await.unwrap();
        let (clock, cut) = (TestClock::new(), Cut::joined("store"));
        if parameters.starts_with("sslmode=verify-full") {
            let rig = Rig::around(Arc::clone(&store), clock, cut, None).await;
            assert_eq!(rig.head().await.revision.0, 1, "it is read and written");
        } else {
            store.head(&"main".parse().unwrap()).await.unwrap();
        }
        let encrypted = encrypted(&database).await;
        assert!(!encrypted.is_empty() && encrypted.iter().all(|encrypted| *encrypted), "{encrypted:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_believed_is_refused_and_why_is_told() {
    let (cluster, dir) = (Cluster::own(), tempfile::tempdir().unwrap());
    let authority = Authority::kept_in(dir.path(), "ca.pem");
    let stranger = Authority::kept_in(dir.path(), "stranger.pem");
    authority.certify(&cluster);
    let database = cluster.database();
    let (missing, empty) = (dir.path().join("missing.pem"), dir.path().join("empty.pem"));
    fs::write(&empty, "not a certificate").unwrap();
    let by = |file: &Path| format!("{}?sslmode=verify-full&sslrootcert={}", database.address(), file.display());
    for (address, expected) in [
        (by(&stranger.file), "invalid peer certificate: UnknownIssuer"),
        (format!("{}?sslmode=verify-full", database.address()), "invalid peer certificate: UnknownIssuer"),
        (by(&authority.file).replace("127.0.0.1", "localhost"), "not valid for name"),
        (by(&missing), "missing.pem`: No such file or directory"),
        (by(&empty), "empty.pem`: expected certificates in PEM"),
        (format!("{}?sslmode=disable", database.address()), "no encryption"),
    ] {
        let error = open(&dir, &address).await.unwrap_err();
        let told = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let told = told.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        assert!(told.contains(expected) && !told.contains("sesame"), "{told}");
    }
    open(&dir, &by(&authority.file)).await.unwrap().close().await;
}
