//! The certificates that this house shows. Whether the files can be read and belong together is the configuration's to
//! say; here is what time and names make of them.
//!
//! Not here: certificates of others (`issuers`).

use sekisho_token::Timestamp;

use super::{Code, Report};
use crate::config::Config;
use crate::http::tls::Age;
use crate::moment::written;

pub(super) fn examine(config: &Config, now: Timestamp, report: &mut Report) {
    for (owner, pair) in config.certificates() {
        let place = |path: &std::path::Path| format!("`{owner}`, {}", path.display());
        let (certificate, key) = (place(&pair.files().certificate), place(&pair.files().key));
        let validity = pair.validity();
        let over = format!("it expires at {}", written(validity.not_after));
        match validity.age(now) {
            Age::Good => {}
            Age::Late => report.note(Code::CertificateExpiring, certificate, over),
            Age::Over => report.note(Code::CertificateNotValid, certificate, over),
            Age::Early => {
                let from = format!("it counts from {} on", written(validity.not_before));
                report.note(Code::CertificateNotValid, certificate, from);
            }
        }
        if pair.key_is_exposed() {
            report.note(Code::CertificateKeyOpen, key, "everybody on this machine can read it");
        }
    }
    if let Some((host, path)) = config.certificate_of_another_host() {
        report.note(Code::CertificateName, path.display().to_string(), format_args!("it does not name `{host}`"));
    }
}
