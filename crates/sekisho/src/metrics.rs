//! What the house says of itself in numbers, for Prometheus.
//!
//! Each room hands out a plain reading of what it counted; the files below turn one room's reading into families of samples,
//! and `page` writes them down. A scrape waits for nobody: no database, no network, no lock that a request holds.
//!
//! Every label takes its values from the configuration (routes, realms) or from a closed list (reasons, grants, classes of
//! status). No path, user, client or address is one, or callers could make the monitoring's memory grow.
//!
//! Not here: the listener (`http::operations`), counting (the rooms).

pub mod gateway;
pub mod identity;
pub mod page;
pub mod process;
pub mod store;

use page::{Kind, Page};
use sekisho_guard::otlp::Exports;
use sekisho_token::Timestamp;
use sekisho_wire::Audit;

/// Classes of status codes, as both rooms count them.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What became of spans.
pub fn spans(page: &mut Page, Exports { exported, dropped }: Exports) {
    let help = "Spans that the collector has.";
    page.family("sekisho_spans_exported_total", Kind::Counter, help).sample(&[], exported);
    let help = "Spans that were lost because their queue was full or the collector did not take them.";
    page.family("sekisho_spans_dropped_total", Kind::Counter, help).sample(&[], dropped);
}

/// What concerns no room.
pub fn house(page: &mut Page, audit: &dyn Audit, started: Timestamp) {
    let help = "The version that runs.";
    page.family("sekisho_info", Kind::Gauge, help).sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let help = "Lines of the audit that were lost because its queue was full or its disk failed.";
    page.family("sekisho_audit_lines_dropped_total", Kind::Counter, help).sample(&[], audit.dropped_in_all());
    process::write(page, started);
}
