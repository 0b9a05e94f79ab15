//! Who is at our addresses: the server of this configuration, somebody else, or nobody.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use sekisho_fetch::Request;
use sekisho_store::sqlite::{Held, held};
use url::Url;

use super::{Code, Report, Tools};
use crate::beliefs::Beliefs;
use crate::config::Config;

/// So old may what a gateway knows be: many times what any lease allows.
const FEED_AGE_MAX: Duration = Duration::from_secs(10);
/// How long a server on this machine may take to say what it believes.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn examine(config: &Config, tools: &Tools, report: &mut Report) {
    let holder = held(&config.data);
    report.running = ask(config.operations, tools).await;
    match (&report.running, holder) {
        (Some(beliefs), _) => {
            let beliefs = beliefs.clone();
            believed(&beliefs, config, report);
        }
        (None, Held::By(process)) => {
            let process = process.map_or_else(|| "a process".to_owned(), |id| format!("process {id}"));
            let found = format!("held by {process}, and nobody answers at `operations.listen`, {}", config.operations);
            report.note(Code::ServerSilent, config.data.display().to_string(), found);
        }
        (None, Held::No) => free(config, report),
    }
}

async fn ask(operations: SocketAddr, tools: &Tools) -> Option<Beliefs> {
    let url: Url = format!("http://{operations}/state").parse().ok()?;
    let answer = tools.http.send(Request::get(url).deadline(PATIENCE)).await.ok()?;
    serde_json::from_slice(answer.body()).ok()
}

fn believed(beliefs: &Beliefs, config: &Config, report: &mut Report) {
    let process = format!("process {}", beliefs.process);
    if !beliefs.not_ready.is_empty() {
        report.note(Code::NotReady, &*process, beliefs.not_ready.join(", "));
    }
    if beliefs.version != env!("CARGO_PKG_VERSION") {
        report.note(Code::VersionDiffers, &*process, &beliefs.version);
    }
    let said = beliefs.identity.as_ref().map(|identity| identity.public_url.as_str());
    let meant = config.identity.as_ref().map(|identity| identity.settings.base_url.as_str());
    if said != meant {
        let found = format!("public url {}, configured {}", said.unwrap_or("none"), meant.unwrap_or("none"));
        report.note(Code::ConfigNotLoaded, &*process, found);
    }
    for realm in beliefs.gateway.iter().flat_map(|gateway| &gateway.realms) {
        let age = realm.age_ms.map(Duration::from_millis);
        if let Some(age) = age.filter(|age| *age > FEED_AGE_MAX) {
            let found = format!("{} s old", age.as_secs());
            report.note(Code::FeedStale, format!("{process}, gateway, realm `{}`", realm.name), found);
        }
    }
}

/// Whether a server could listen where it is to.
fn free(config: &Config, report: &mut Report) {
    let identity = config.identity.as_ref().map(|identity| ("identity.listen", identity.listen));
    let gateway = config.gateway.as_ref().map(|gateway| ("gateway.listen", gateway.listen));
    let operations = ("operations.listen", config.operations);
    for (key, address) in identity.into_iter().chain(gateway).chain([operations]) {
        // Given back at once; connections that others had here do not stand in the way of the next who listens.
        if let Err(error) = TcpListener::bind(address) {
            report.note(Code::PortTaken, format!("`{key}`, {address}"), error);
        }
    }
}
