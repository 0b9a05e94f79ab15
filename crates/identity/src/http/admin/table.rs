//! What a route is: where it is, what it takes, what it gives, and the function that does it.
//!
//! The types of the function describe it: from [`route`] on, nobody can say anything about a query, a body or an answer but
//! what is read and written.

use std::sync::Arc;

use axum::response::Response;
use http::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator};
use sekisho_wire::BoxFuture;

use super::answer::Answer;
use super::call::{Asked, Body, Call, Query};
use super::gate::Needs;
use super::problem::Problem;

type Describe = fn(&mut SchemaGenerator) -> Option<Schema>;

/// A route.
pub(super) struct Route {
    pub(super) method: Method,
    /// Below the root, with `{names}`.
    pub(super) path: &'static str,
    /// Its name for generated clients.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Whether `If-Match` must say what was seen.
    pub(super) guarded: bool,
    pub(super) status: StatusCode,
    pub(super) query: Describe,
    pub(super) body: Describe,
    pub(super) answer: Describe,
    /// Headers of the answer that are worth a word.
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) run: Run,
}

type Run = Box<dyn Fn(Asked) -> BoxFuture<'static, Result<Response, Problem>> + Send + Sync>;

/// A route that this function answers.
pub(super) fn route<Q, B, A, F, R>(
    (method, path): (Method, &'static str),
    id: &'static str,
    summary: &'static str,
    run: R,
) -> Route
where
    Q: Query,
    B: Body,
    A: Answer,
    F: Future<Output = Result<A, Problem>> + Send + 'static,
    R: Fn(Call<Q, B>) -> F + Send + Sync + 'static,
{
    let run = Arc::new(run);
    let run: Run = Box::new(move |asked| {
        let run = Arc::clone(&run);
        Box::pin(async move {
            let target = asked.target();
            let answer = run(asked.read()?).await?;
            Ok(answer.into_response(&target))
        })
    });
    Route {
        method,
        path,
        id,
        summary,
        guarded: false,
        status: A::STATUS,
        query: |generator| Some(Q::json_schema(generator)),
        body: B::schema,
        answer: A::schema,
        headers: A::HEADERS,
        run,
    }
}

// === impl Route ===

impl Route {
    /// Two administrators could collide here: each must say what they saw.
    pub(super) fn guarded(self) -> Self {
        Self { guarded: true, ..self }
    }

    /// Looking needs less than changing.
    pub(super) fn needs(&self) -> Needs {
        if self.method == Method::GET { Needs::Read } else { Needs::Write }
    }

    /// The names in the path.
    pub(super) fn places(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}
