//! Traces: whose work a piece of work is part of, across rooms, processes and services.
//!
//! ```text
//!   traceparent ─► Tracer::serve ─► Open ── within ──► work ─► trace::child ─► Open ─► …
//!                                    │ finish            │
//!                                    ▼                   └─► trace::traceparent, for the next process
//!                                  Spans::take           one finished span; never waits
//! ```
//!
//! What is current is known to the thread that polls the work, and to nobody else: [`within`] puts it there for each poll
//! and takes it away again. So it needs no argument in every port, and whoever hands work to another thread says
//! [`carried`]. Without a tracer nothing is current, and all of this costs a look at one word.
//!
//! Names of spans and their attributes come from closed lists or from the configuration: no path, no user, no secret.
//!
//! Specs: W3C Trace Context (level 1), §3.2. Not here: sending spans anywhere (`sekisho-guard` brings OTLP).

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_token::Entropy;

use crate::{BoxFuture, Clock, Monotonic};

/// The length of a `traceparent` of version 00.
const TRACEPARENT_CHARS: usize = 55;
/// The bit of the flags that says that the caller keeps its spans.
const SAMPLED: u8 = 1;
/// What every share of requests is a part of.
const WHOLE: u64 = 1 << 32;

/// One trace, across all processes; never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// One span of a trace; never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

/// Whether the spans of a trace are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// They are exported.
    Yes,
    /// Ids are handed on, and nothing else is done.
    No,
}

/// Where in a trace we are: what `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Which trace.
    pub trace: TraceId,
    /// The span that causes what comes next.
    pub span: SpanId,
    /// Whether its spans are kept.
    pub keep: Keep,
}

/// A text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent: expected `00-` 32 hex digits `-` 16 hex digits `-` 2 hex digits")]
pub struct MalformedContext;

/// Which share of the traces that begin here is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u64);

/// A number is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 0 to 1")]
pub struct NotAShare;

/// Who decides whether a trace that a caller began is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// The caller, who is one of ours.
    Followed,
    /// A throw of our own: a stranger must not decide what we store. The trace goes on in either case.
    Thrown,
}

/// What a span is to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer to a request.
    Server,
    /// A request and the wait for its answer.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text from a closed list or the configuration.
    Text(Arc<str>),
    /// A number.
    Number(i64),
}

/// A finished span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Who did the work.
    pub service: Arc<str>,
    /// Where it stands.
    pub context: Context,
    /// What caused it.
    pub parent: Option<SpanId>,
    /// What was done: the name of a route or of an operation.
    pub name: Arc<str>,
    /// What it is to its parent.
    pub kind: Kind,
    /// When it began, since the unix epoch.
    pub begun: Duration,
    /// How long it took.
    pub took: Duration,
    /// Whether the work failed through a fault of ours.
    pub failed: Failed,
    /// What else is known.
    pub attributes: Vec<(&'static str, Value)>,
}

/// Whether work failed through a fault of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It did.
    Yes,
    /// It did not; a refusal is no fault.
    No,
}

/// Takes finished spans.
pub trait Spans: Send + Sync + fmt::Debug {
    /// Takes the span without blocking. A full queue drops it and counts.
    fn take(&self, span: Span);
}

/// Begins spans for one service. Clones share everything.
#[derive(Clone, Debug)]
pub struct Tracer(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    service: Arc<str>,
    share: Share,
    spans: Arc<dyn Spans>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A span that is not finished. One that is dropped instead is not told to anybody.
#[derive(Clone, Debug)]
pub struct Open {
    place: Place,
    parent: Option<SpanId>,
    name: Arc<str>,
    kind: Kind,
    begun: (Duration, Monotonic),
    attributes: Vec<(&'static str, Value)>,
}

/// Where work stands, and who begins the spans below it.
#[derive(Clone, Debug)]
struct Place {
    tracer: Tracer,
    context: Context,
}

thread_local! {
    static CURRENT: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// The context of the span that is current, as it stands in a header.
#[must_use]
pub fn traceparent() -> Option<String> {
    context().map(|context| context.to_string())
}

/// The context of the span that is current.
#[must_use]
pub fn context() -> Option<Context> {
    CURRENT.with_borrow(|place| place.as_ref().map(|place| place.context))
}

/// Begins a span for a request that is about to be sent on behalf of what is current; none where nothing is.
#[must_use]
pub fn child(name: &str) -> Option<Open> {
    let place = CURRENT.with_borrow(Clone::clone)?;
    let Place { tracer, context } = place;
    Some(tracer.open(name.into(), Kind::Client, (Some(context.span), context)))
}

/// Work of a span: whatever it does is part of that span. Boxed at once, so that whoever does the same work without a
/// tracer does not carry its weight.
pub fn within<'a, T: 'a>(span: &Open, work: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    at(span.place.clone(), Box::pin(work))
}

/// Work that is handed to another task and still belongs to what is current here.
pub fn carried<'a, T: 'a>(work: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    match CURRENT.with_borrow(Clone::clone) {
        Some(place) => at(place, Box::pin(work)),
        None => Box::pin(work),
    }
}

/// The place is current while the work is polled, and what was current before is so again afterwards.
fn at<'a, T: 'a>(place: Place, mut work: BoxFuture<'a, T>) -> BoxFuture<'a, T> {
    let mut place = Some(place);
    Box::pin(poll_fn(move |context| {
        let _entered = Entered::with(&mut place);
        Pin::new(&mut work).poll(context)
    }))
}

/// Exchanges what is current, and exchanges it back when it is dropped: also when the work panics.
struct Entered<'a>(&'a mut Option<Place>);

// === impl Entered ===

impl<'a> Entered<'a> {
    fn with(place: &'a mut Option<Place>) -> Self {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, place));
        Self(place)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
    }
}

// === impl Context ===

impl FromStr for Context {
    type Err = MalformedContext;

    /// W3C Trace Context §3.2.2. A later version may say more behind what version 00 says.
    fn from_str(text: &str) -> Result<Self, MalformedContext> {
        let fields = text.get(..TRACEPARENT_CHARS).ok_or(MalformedContext)?;
        let rest = text.get(TRACEPARENT_CHARS..).unwrap_or_default();
        let mut fields = fields.split('-');
        let mut field = |chars| fields.next().filter(|field| field.len() == chars && is_lower_hex(field));
        let (version, trace) = (field(2).ok_or(MalformedContext)?, field(32).ok_or(MalformedContext)?);
        let (span, flags) = (field(16).ok_or(MalformedContext)?, field(2).ok_or(MalformedContext)?);
        let later = version != "00" && rest.starts_with('-');
        if version == "ff" || !(rest.is_empty() || later) {
            return Err(MalformedContext);
        }
        let trace = u128::from_str_radix(trace, 16).map_err(|_| MalformedContext)?;
        let span = u64::from_str_radix(span, 16).map_err(|_| MalformedContext)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| MalformedContext)?;
        if trace == 0 || span == 0 {
            return Err(MalformedContext);
        }
        let keep = if flags & SAMPLED == SAMPLED { Keep::Yes } else { Keep::No };
        Ok(Self { trace: TraceId(trace), span: SpanId(span), keep })
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.keep == Keep::Yes { SAMPLED } else { 0 };
        write!(f, "00-{}-{}-{flags:02x}", self.trace, self.span)
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

// === impl TraceId, SpanId ===

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

// === impl Share ===

impl TryFrom<f64> for Share {
    type Error = NotAShare;

    fn try_from(share: f64) -> Result<Self, NotAShare> {
        if !(0.0..=1.0).contains(&share) {
            return Err(NotAShare);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 2^32, whole after rounding"
        )]
        #[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
        Ok(Self((share * WHOLE as f64).round() as u64))
    }
}

// === impl Value ===

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

// === impl Tracer ===

impl Tracer {
    /// Spans of `service`; of the traces that begin here, this share is kept.
    #[must_use]
    pub fn new(
        service: &str,
        share: Share,
        spans: Arc<dyn Spans>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self(Arc::new(Parts { service: service.into(), share, spans, clock, entropy }))
    }

    /// The same for another service of this process.
    #[must_use]
    pub fn of(&self, service: &str) -> Self {
        let Parts { share, spans, clock, entropy, .. } = &*self.0;
        Self::new(service, *share, Arc::clone(spans), Arc::clone(clock), Arc::clone(entropy))
    }

    /// Begins the span of a request that came in, below what its caller said, or as the first of a trace.
    #[must_use]
    pub fn serve(&self, name: impl Into<Arc<str>>, (said, sampling): (Option<Context>, Sampling)) -> Open {
        let above = match (said, sampling) {
            (Some(said), Sampling::Followed) => said,
            (Some(said), Sampling::Thrown) => Context { keep: self.throw(), ..said },
            (None, _) => Context { trace: TraceId(self.random().max(1)), span: SpanId(1), keep: self.throw() },
        };
        self.open(name.into(), Kind::Server, (said.map(|said| said.span), above))
    }

    fn open(&self, name: Arc<str>, kind: Kind, (parent, above): (Option<SpanId>, Context)) -> Open {
        let span = u64::try_from(self.random() >> u64::BITS).unwrap_or(1).max(1);
        let clock = &self.0.clock;
        Open {
            place: Place { tracer: self.clone(), context: Context { span: SpanId(span), ..above } },
            parent,
            name,
            kind,
            begun: (clock.wall_exact(), clock.monotonic()),
            attributes: Vec::new(),
        }
    }

    fn throw(&self) -> Keep {
        let thrown = u64::try_from(self.random() >> (u128::BITS - u32::BITS)).unwrap_or(WHOLE);
        if thrown < self.0.share.0 { Keep::Yes } else { Keep::No }
    }

    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        self.0.entropy.fill(&mut bytes);
        u128::from_be_bytes(bytes)
    }
}

// === impl Open ===

impl Open {
    /// Where it stands, for what it causes.
    #[must_use]
    pub fn context(&self) -> Context {
        self.place.context
    }

    /// By another name, once it is known what is done.
    pub fn rename(&mut self, name: impl Into<Arc<str>>) {
        self.name = name.into();
    }

    /// Whether it is kept is decided as its caller decided, who is known to be one of ours by now.
    pub fn follow(&mut self, said: Context) {
        self.place.context.keep = said.keep;
    }

    /// Says more about it.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if self.place.context.keep == Keep::Yes {
            self.attributes.push((name, value.into()));
        }
    }

    /// The work is done, with this status: one from 500 on is a fault.
    pub fn answered(mut self, status: u16) {
        self.set("http.response.status_code", status);
        self.finish(if status >= 500 { Failed::Yes } else { Failed::No });
    }

    /// The work is done.
    pub fn finish(self, failed: Failed) {
        let Self { place: Place { tracer, context }, parent, name, kind, begun: (begun, since), attributes } = self;
        if context.keep == Keep::No {
            return;
        }
        let Parts { service, spans, clock, .. } = &*tracer.0;
        let (service, took) = (Arc::clone(service), clock.monotonic().since(since));
        spans.take(Span { service, context, parent, name, kind, begun, took, failed, attributes });
    }
}

#[cfg(test)]
mod tests;
