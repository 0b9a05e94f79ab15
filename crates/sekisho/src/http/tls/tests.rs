//! Pairs of files, good and bad, and what is shown while they change. The clock is the tests' own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::pki_types::CertificateDer;
use sekisho_guard::testing::TestClock;

use super::*;

/// A certificate for `localhost` with its key, in DER.
fn fresh() -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.der().to_vec(), key.serialize_der())
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn files(dir: &Path) -> Files {
    Files { certificate: dir.join("certificate.pem"), key: dir.join("key.pem") }
}

fn write(files: &Files, (certificate, key): &(Vec<u8>, Vec<u8>)) {
    std::fs::write(&files.certificate, pem("CERTIFICATE", certificate)).unwrap();
    std::fs::write(&files.key, pem("PRIVATE KEY", key)).unwrap();
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_certificate_and_its_key_are_a_pair_for_the_names_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    write(&files, &fresh());
    let pair = files.read().unwrap();
    assert!(pair.names("localhost") && !pair.names("other.example") && !pair.names("not a name"));
    assert!(!pair.key_is_exposed());
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(files.read().unwrap().key_is_exposed());
    assert!(!format!("{pair:?}").contains("PRIVATE"));
}

#[test]
fn keys_of_other_kinds_and_chains_are_read_too() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    write(&files, &(certificate.der().to_vec(), key.serialize_der()));
    let chain = [certificate.der().to_vec(), fresh().0].map(|der| pem("CERTIFICATE", &der)).join("\n");
    std::fs::write(&files.certificate, format!("a comment\n{chain}")).unwrap();
    assert_eq!(files.read().unwrap().certified().cert.len(), 2);
}

/// Every way in which two files are no pair says which file it is, and what was expected of it.
#[test]
fn files_that_are_no_pair_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let (good, other) = (fresh(), fresh());
    let check = |part, said: &str| {
        let bad = files.read().unwrap_err();
        assert_eq!(bad.part(), part, "{bad}");
        assert!(bad.to_string().contains(said), "{said:?} in {bad}");
    };
    check(Part::Certificate, "No such file");
    write(&files, &good);
    std::fs::remove_file(&files.key).unwrap();
    check(Part::Key, "No such file");
    write(&files, &(good.0.clone(), other.1.clone()));
    check(Part::Key, "is not that of the first certificate");
    write(&files, &good);
    std::fs::write(&files.certificate, "nothing").unwrap();
    check(Part::Certificate, "-----BEGIN CERTIFICATE-----");
    std::fs::write(&files.certificate, pem("CERTIFICATE", b"nothing")).unwrap();
    check(Part::Certificate, "cannot be read");
    write(&files, &good);
    std::fs::write(&files.key, pem("ENCRYPTED PRIVATE KEY", &good.1)).unwrap();
    check(Part::Key, "not encrypted");
    std::fs::write(&files.key, pem("PRIVATE KEY", b"nothing")).unwrap();
    check(Part::Key, "cannot sign");
    std::fs::write(&files.key, vec![b'x'; (1 << 20) + 1]).unwrap();
    check(Part::Key, "more than 1048576 bytes");
}

/// What is shown, and a clock to let time pass.
struct Kept {
    tls: Tls,
    clock: TestClock,
    files: Files,
    _dir: tempfile::TempDir,
}

// === impl Kept ===

impl Kept {
    fn with(pair: &(Vec<u8>, Vec<u8>)) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
        let files = files(dir.path());
        write(&files, pair);
        let read = files.read().unwrap();
        let tls = Tls::start("a listener", read, Arc::new(clock.clone()), &Handle::current());
        Self { tls, clock, files, _dir: dir }
    }

    fn shown(&self) -> CertificateDer<'static> {
        self.tls.shown.0.load().cert[0].clone()
    }

    /// Waits until a look that has begun has this to show; it is on another thread, which no clock of ours moves.
    #[track_caller]
    fn until_shown<'a>(&'a self, certificate: &'a [u8]) -> impl Future<Output = ()> + 'a {
        let asked_at = std::panic::Location::caller();
        async move {
            for _ in 0..1000 {
                if self.shown().as_ref() == certificate {
                    return;
                }
                Handle::current().spawn_blocking(std::thread::yield_now).await.unwrap();
                self.clock.settle().await;
            }
            panic!("{asked_at}: another certificate is shown");
        }
    }

    /// Lets several looks at the files happen.
    async fn look(&self) {
        for _ in 0..3 {
            self.clock.advance(Duration::from_secs(5)).await;
            // The look itself is on another thread, which no clock of ours moves.
            Handle::current().spawn_blocking(|| ()).await.unwrap();
            self.clock.settle().await;
        }
    }
}

#[tokio::test]
async fn a_new_pair_is_shown_and_a_bad_one_never_is() {
    let (first, second) = (fresh(), fresh());
    let kept = Kept::with(&first);
    kept.look().await;
    assert_eq!(kept.shown().as_ref(), first.0);

    std::fs::write(&kept.files.certificate, pem("CERTIFICATE", &second.0)).unwrap();
    kept.look().await;
    assert_eq!(kept.shown().as_ref(), first.0, "half of a pair is none");
    std::fs::remove_file(&kept.files.key).unwrap();
    kept.look().await;
    assert_eq!(kept.shown().as_ref(), first.0, "and neither is one without a key");
    // The key came later.
    write(&kept.files, &second);
    kept.look().await;
    kept.until_shown(&second.0).await;
    // And back again.
    write(&kept.files, &first);
    kept.look().await;
    kept.until_shown(&first.0).await;
}

#[tokio::test]
async fn a_pair_that_has_expired_does_not_take_the_place_of_one_that_counts() {
    let (good, dir) = (fresh(), tempfile::tempdir().unwrap());
    let kept = Kept::with(&good);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    let expired = (params.self_signed(&key).unwrap().der().to_vec(), key.serialize_der());
    write(&kept.files, &expired);
    kept.look().await;
    assert_eq!(kept.shown().as_ref(), good.0);
    // One that counts follows: it is taken as if nothing had been there in between.
    let next = fresh();
    write(&kept.files, &next);
    kept.look().await;
    kept.until_shown(&next.0).await;

    // A listener that begins with an expired one shows it, and takes whatever comes.
    let files = files(dir.path());
    write(&files, &expired);
    assert!(files.read().is_ok(), "that it has expired is said, and stops nobody");
}

#[tokio::test]
async fn whoever_asks_need_not_wait_for_the_next_look() {
    let (first, second) = (fresh(), fresh());
    let kept = Kept::with(&first);
    kept.clock.settle().await;
    write(&kept.files, &second);
    let before = kept.clock.monotonic();
    kept.tls.look_again();
    kept.until_shown(&second.0).await;
    assert_eq!(kept.clock.monotonic(), before, "no time has passed");
}
