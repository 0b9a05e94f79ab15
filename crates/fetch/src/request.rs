//! A request to be sent.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Uri};
use http_body_util::Full;
use url::{Position, Url};

use crate::error::Address;

/// A request. Its body is at hand, so it can be sent a second time when a kept connection turns out to be dead.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) deadline: Option<Duration>,
    pub(crate) response_bytes_max: Option<usize>,
}

// === impl Request ===

impl Request {
    /// `GET url`.
    #[must_use]
    pub fn get(url: Url) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, url, headers, body, deadline: None, response_bytes_max: None }
    }

    /// `POST url` with a body of this type.
    #[must_use]
    pub fn post(url: Url, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let request = Self { method: Method::POST, body: body.into(), ..Self::get(url) };
        request.header(CONTENT_TYPE, content_type)
    }

    /// With a header; a value that is a secret should be marked sensitive.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With another total deadline than the client's.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// With another limit of the answer's body than the client's, in bytes.
    #[must_use]
    pub fn response_bytes_max(self, response_bytes_max: usize) -> Self {
        Self { response_bytes_max: Some(response_bytes_max), ..self }
    }

    /// Whether sending it twice does no more than sending it once (RFC 9110 §9.2.2), for a body that we hold.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.method.is_idempotent()
    }

    /// In origin form (RFC 9112 §3.2.1), with the one `Host` that the address names.
    pub(crate) fn to_http(&self) -> Result<http::Request<Full<Bytes>>, Address> {
        let unsendable = |_| Address::Unsendable;
        let target: Uri =
            self.url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| Address::Unsendable)?;
        let host = &self.url[Position::BeforeHost..Position::AfterPort];
        let mut request = http::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = target;
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(HOST, HeaderValue::from_str(host).map_err(unsendable)?);
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static("sekisho"));
        Ok(request)
    }
}
