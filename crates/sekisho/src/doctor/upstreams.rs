//! Whether somebody accepts connections where routes lead, and where traces are collected.

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_guard::clock::before;
use tokio::net::TcpStream;
use url::Url;

use super::{Code, Report, Tools};
use crate::config::Config;

/// As long as the gateway itself waits for a connection, usually.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn examine(config: &Config, tools: &Tools, report: &mut Report) {
    let mut upstreams: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for route in config.gateway.iter().flat_map(|gateway| &gateway.config.routes) {
        upstreams.entry(&route.upstream).or_default().push(&route.name);
    }
    for (upstream, routes) in upstreams {
        if let Err(found) = connect(upstream, tools).await {
            report.note(Code::UpstreamUnreachable, format!("route `{}`, {upstream}", routes.join("`, `")), found);
        }
    }
}

/// Whether traces are collected where they are sent.
pub(super) async fn examine_collector(config: &Config, tools: &Tools, report: &mut Report) {
    let Some(traces) = &config.traces else { return };
    if let Err(found) = connect(traces.endpoint.as_str(), tools).await {
        report.note(Code::CollectorUnreachable, format!("`traces.endpoint`, {}", traces.endpoint), found);
    }
}

async fn connect(upstream: &str, tools: &Tools) -> Result<(), String> {
    let url: Url = upstream.parse().map_err(|error| format!("{error}"))?;
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let connecting = TcpStream::connect((host, url.port_or_known_default().unwrap_or(80)));
    let deadline = tools.clock.monotonic().plus(PATIENCE);
    match before(&*tools.clock, deadline, connecting).await {
        Ok(connected) => connected.map(drop).map_err(|error| error.to_string()),
        Err(_) => Err(format!("no connection within {} s", PATIENCE.as_secs())),
    }
}
