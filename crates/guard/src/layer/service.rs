//! The tower side: a layer, and the service it makes.

use std::task::{Context, Poll};
use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use sekisho_token::Secret;
use sekisho_wire::trace::{self, Failed, Open, Sampling};
use sekisho_wire::{Reason, Scopes};
use tower_layer::Layer;
use tower_service::Service;

use super::{Authenticated, Bearer, Guard, Refusal, RequestLine, bearer};
use crate::access::Refused;

/// Puts a guard in front of a service.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    guard: Guard,
    required: Arc<Scopes>,
}

/// A service behind a guard.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    layer: GuardLayer,
    inner: S,
}

// === impl Guard ===

impl Guard {
    /// The span of a request, below what the request says; whoever is in front of a service is one of ours.
    fn span(&self, headers: &HeaderMap) -> Option<Open> {
        let parts = self.parts();
        let mut said = headers.get_all("traceparent").iter();
        let one = said.next().filter(|_| said.next().is_none());
        let said = one.and_then(|said| said.to_str().ok()?.parse().ok());
        Some(parts.tracer.as_ref()?.serve(&*parts.service, (said, Sampling::Followed)))
    }
}

// === impl GuardLayer ===

impl GuardLayer {
    pub(super) fn new(guard: Guard, required: Scopes) -> Self {
        Self { guard, required: Arc::new(required) }
    }

    /// Who calls, or the refusal, already recorded.
    async fn admit(&self, request: &http::request::Parts) -> Result<Authenticated, Refusal> {
        let line = RequestLine::of(request);
        let refuse = |refused: Refused| self.guard.refuse(&line, &refused, None);
        let token = bearer::token(&request.headers).map_err(|reason| refuse(reason.into()))?;
        let access = self.guard.verify(token).await.map_err(refuse)?;
        if !self.required.is_subset_of(&access.caller().scopes) {
            let detail = Some(format!("required: {}", self.required));
            let refused = Refused { reason: Reason::InsufficientScope, detail };
            let refusal = self.guard.refuse(&line, &refused, Some(access.caller()));
            return Err(refusal.wanting(&self.required.to_string()));
        }
        let bearer = Bearer(Secret::from(token));
        Ok(Authenticated { access, bearer, guard: self.guard.clone(), line: Arc::new(line) })
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { layer: self.clone(), inner }
    }
}

// === impl Guarded ===

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Guarded<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    ReqBody: Send + 'static,
    ResBody: From<Bytes> + Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The one that was asked whether it is ready is the one that is called; the clone waits for the next request.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let layer = self.layer.clone();
        let span = layer.guard.span(request.headers());
        let answering = async move {
            let (mut parts, body) = request.into_parts();
            match layer.admit(&parts).await {
                Ok(authenticated) => {
                    parts.extensions.insert(authenticated);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok(refusal.to_response()),
            }
        };
        let Some(span) = span else { return Box::pin(answering) };
        let answering = trace::within(&span, answering);
        Box::pin(async move {
            let answer = answering.await;
            match &answer {
                Ok(response) => span.answered(response.status().as_u16()),
                Err(_) => span.finish(Failed::Yes),
            }
            answer
        })
    }
}
