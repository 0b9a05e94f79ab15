//! Spans on their way to a collector: OTLP over HTTP, in JSON.
//!
//! ```text
//!   Spans::take ─ bounded queue ─► batches, each after a second at most ─► POST {endpoint}/v1/traces
//!        └─ full: dropped, counted                                          └─ no 2xx: dropped, counted, said once
//! ```
//!
//! Whoever finishes a span never waits: not for the queue, not for the collector. A batch that the collector does not take
//! is not sent again, because traces that pile up in memory help nobody.
//!
//! Specs: OpenTelemetry Protocol 1.x, OTLP/HTTP, the JSON form of its protobuf (ids in hex, 64-bit numbers as text). Why not
//! the OpenTelemetry crates: `docs/decisions/0010-own-otlp.md`. Not here: what is traced (`sekisho_wire::trace`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use sekisho_fetch::{Client, Configured, Request};
use sekisho_wire::Clock;
use sekisho_wire::trace::{Failed, Kind, Span, Spans, Value};
use serde_json::{Value as Json, json};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use url::Url;

/// The most spans that wait.
const QUEUE_SPANS_MAX: usize = 4096;
/// The most spans of one request to the collector.
const BATCH_SPANS_MAX: usize = 512;
/// The longest that a span waits for others.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where spans go, and what carries them.
#[derive(Clone, Debug)]
pub struct OtlpOptions {
    /// The collector's base address, like `http://127.0.0.1:4318`.
    pub endpoint: Url,
    /// The client to send with.
    pub http: Client<Configured>,
    /// What batches wait on.
    pub clock: Arc<dyn Clock>,
}

/// The way to a collector. When the last one is dropped, what waits is still sent.
pub struct Otlp {
    queue: mpsc::Sender<Post>,
    counts: Arc<Counts>,
}

/// What became of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// The collector has them.
    pub exported: u64,
    /// The queue was full, or the collector did not take them.
    pub dropped: u64,
}

#[derive(Debug, Default)]
struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
    /// Whether the log was told that the collector takes nothing: said once, not every second.
    complained: AtomicBool,
}

enum Post {
    Span(Box<Span>),
    /// Send what is there, and say so.
    Flush(oneshot::Sender<()>),
}

struct Carrier {
    options: OtlpOptions,
    address: Url,
    counts: Arc<Counts>,
}

// === impl Otlp ===

impl Otlp {
    /// Begins to carry spans, on this runtime.
    #[must_use]
    pub fn start(options: OtlpOptions, handle: &Handle) -> Arc<Self> {
        let (queue, posts) = mpsc::channel(QUEUE_SPANS_MAX);
        let counts = Arc::new(Counts::default());
        let mut address = options.endpoint.clone();
        address.set_path(&format!("{}/v1/traces", options.endpoint.path().trim_end_matches('/')));
        handle.spawn(Carrier { options, address, counts: Arc::clone(&counts) }.run(posts));
        Arc::new(Self { queue, counts })
    }

    /// What became of spans so far.
    #[must_use]
    pub fn exports(&self) -> Exports {
        let Counts { exported, dropped, .. } = &*self.counts;
        Exports { exported: exported.load(Ordering::Relaxed), dropped: dropped.load(Ordering::Relaxed) }
    }

    /// Sends what waits, and waits for that.
    pub async fn flush(&self) {
        let (sender, sent) = oneshot::channel();
        if self.queue.send(Post::Flush(sender)).await.is_ok() {
            // Where the carrier has ended, there is nothing left to send.
            let _ = sent.await;
        }
    }
}

impl Spans for Otlp {
    fn take(&self, span: Span) {
        if self.queue.try_send(Post::Span(Box::new(span))).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").field("exports", &self.exports()).finish_non_exhaustive()
    }
}

// === impl Carrier ===

impl Carrier {
    async fn run(self, mut posts: mpsc::Receiver<Post>) {
        while let Some(first) = posts.recv().await {
            let (batch, flushed) = self.gather(first, &mut posts).await;
            self.send(&batch).await;
            if let Some(flushed) = flushed {
                let _ = flushed.send(());
            }
        }
    }

    /// What comes within a second, or until somebody asks for a flush.
    async fn gather(&self, first: Post, posts: &mut mpsc::Receiver<Post>) -> (Vec<Span>, Option<oneshot::Sender<()>>) {
        let clock = &self.options.clock;
        let mut deadline = clock.sleep_until(clock.monotonic().plus(BATCH_WAIT));
        let (mut batch, mut next) = (Vec::new(), Some(first));
        while let Some(post) = next {
            match post {
                Post::Span(span) => batch.push(*span),
                Post::Flush(told) => return (batch, Some(told)),
            }
            if batch.len() >= BATCH_SPANS_MAX {
                break;
            }
            next = tokio::select! {
                post = posts.recv() => post,
                () = &mut deadline => None,
            };
        }
        (batch, None)
    }

    async fn send(&self, batch: &[Span]) {
        if batch.is_empty() {
            return;
        }
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let json = HeaderValue::from_static("application/json");
        let request = Request::post(self.address.clone(), json, request_of(batch).to_string()).deadline(PATIENCE);
        let sent = self.options.http.send(request).await;
        let Counts { exported, dropped, complained } = &*self.counts;
        match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => {
                exported.fetch_add(count, Ordering::Relaxed);
                complained.store(false, Ordering::Relaxed);
            }
            other => {
                dropped.fetch_add(count, Ordering::Relaxed);
                if !complained.swap(true, Ordering::Relaxed) {
                    let why = other.map_or_else(|error| error.to_string(), |status| status.to_string());
                    tracing::warn!(collector = %self.address, why, "spans are dropped: the collector does not take them");
                }
            }
        }
    }
}

/// An `ExportTraceServiceRequest`, one resource for each service.
fn request_of(batch: &[Span]) -> Json {
    let mut services: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for span in batch {
        services.entry(&span.service).or_default().push(json_of(span));
    }
    let resource = |(service, spans): (&str, Vec<Json>)| {
        json!({
            "resource": { "attributes": [attribute("service.name", &Value::from(service))] },
            "scopeSpans": [{ "scope": { "name": "sekisho", "version": env!("CARGO_PKG_VERSION") }, "spans": spans }],
        })
    };
    json!({ "resourceSpans": services.into_iter().map(resource).collect::<Vec<_>>() })
}

fn json_of(span: &Span) -> Json {
    let Span { context, parent, name, kind, begun, took, failed, attributes, .. } = span;
    let kind = match kind {
        Kind::Server => 2,
        Kind::Client => 3,
    };
    let status = match failed {
        Failed::Yes => json!({ "code": 2 }),
        Failed::No => json!({}),
    };
    json!({
        "traceId": context.trace.to_string(),
        "spanId": context.span.to_string(),
        "parentSpanId": parent.map(|parent| parent.to_string()).unwrap_or_default(),
        "name": &**name,
        "kind": kind,
        "startTimeUnixNano": begun.as_nanos().to_string(),
        "endTimeUnixNano": begun.saturating_add(*took).as_nanos().to_string(),
        "attributes": attributes.iter().map(|(name, value)| attribute(name, value)).collect::<Vec<_>>(),
        "status": status,
    })
}

fn attribute(key: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": &**text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

#[cfg(test)]
mod tests;
