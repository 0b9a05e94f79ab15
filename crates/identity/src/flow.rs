//! Login at identity's own pages: one dispatcher decides what comes next.
//!
//! ```text
//!   stored request ─► next ─┬─► password ─► next
//!                           ├─► consent ──► next
//!                           └─► done: a code, or one's own account, once
//! ```
//!
//! INVARIANT (one-dispatcher): a step notes what it brought and returns here; no step knows another one.
//!
//! A flow belongs to the browser that began it: its id is in the page's address, and a cookie that this browser alone has
//! must go with it (CVE-2026-7507 is what happens otherwise).
//!
//! Not here: pages and cookies (`http::pages`), the authorization request (`oauth::authorize`).

use sekisho_model::client::Consent;
use sekisho_model::flow::{AccountPage, Progress, Request};
use sekisho_model::{Client, Flow, Session, User};
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::{Digest, Secret, Timestamp};
use sekisho_wire::Unavailable;

use crate::oauth::authorize::Reply;
use crate::oauth::code::Promise;
use crate::oauth::refusal::{Code as Error, Fault};
use crate::oauth::{code, scope};
use crate::realms::RealmState;
use crate::room::{Origin, Room, unavailable};
use crate::signin::{self, Held, SignInError, Typed};
use crate::throttle::Throttled;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The person shows who they are.
    Password,
    /// The person is asked whether the client may.
    Consent,
    /// Nothing is left to ask.
    Done,
}

/// A flow with who takes part in it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) flow: Flow,
    /// Who asked for it; none for the person's own account.
    pub(crate) client: Option<Client>,
    /// The browser's sign-in, if it has one that lives.
    pub(crate) signed_in: Option<(Session, User)>,
}

/// Where a finished flow leads.
#[derive(Debug)]
pub(crate) enum Destination {
    /// To the client, at this address.
    Client(String),
    /// To a page of the person's own account.
    Account(AccountPage),
}

/// Why a login did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

// === impl Stored ===

impl Stored {
    /// The dispatcher.
    pub(crate) fn next(&self, now: Timestamp) -> Step {
        let request = &self.flow.request;
        let Some((session, _)) = &self.signed_in else { return Step::Password };
        let in_this_flow = self.flow.progress.session == Some(session.id);
        let age_s = now.seconds_since(session.auth_time);
        // Zero means what `prompt=login` means (OpenID Connect Core §3.1.2.1).
        let too_old = request.max_age_s().is_some_and(|max_age_s| max_age_s == 0 || age_s > max_age_s);
        let (again, asks, somebody_else) = match request {
            Request::Authorization(request) => (
                request.sign_in_again,
                self.must_consent() || request.ask_again,
                request.expected.is_some_and(|expected| expected != session.user),
            ),
            Request::Account(_) => (false, false, false),
        };
        if somebody_else || (again || too_old) && !in_this_flow {
            return Step::Password;
        }
        if asks && self.flow.progress.consented_at.is_none() {
            return Step::Consent;
        }
        Step::Done
    }

    fn must_consent(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.registration.consent == Consent::Required)
    }
}

/// A request, and what it will be found under if it has to wait for the person. Nothing is kept yet.
pub(crate) fn draft(room: &Room, realm: &RealmState, request: Request, browser: Digest) -> (Flow, Secret<String>) {
    let now = room.now();
    let id = Credential::mint(Kind::Flow, &*room.entropy);
    let flow = Flow {
        digest: id.digest(),
        browser,
        request,
        started_at: now,
        expires_at: now.plus_s(realm.settings.flow_lifetime_s),
        progress: Progress::default(),
    };
    (flow, id.into_secret())
}

/// Keeps a request until the person has signed in. Anybody can begin one, so from one address only so many at a time.
pub(crate) async fn start(room: &Room, realm: &RealmState, flow: Flow, origin: &Origin) -> Result<(), StartError> {
    room.throttle.begin_flow(origin.address)?;
    let act = room.act(realm, flow.request.client(), origin);
    Ok(room.store.start_flow(act, flow).await.map_err(unavailable)?)
}

/// A request that waits for nobody, with who takes part in it; none when its client is gone.
pub(crate) async fn at_once(
    room: &Room,
    realm: &RealmState,
    flow: Flow,
    signed_in: Option<(Session, User)>,
) -> Result<Option<Stored>, Unavailable> {
    let client = match flow.request.client() {
        None => None,
        Some(id) => match room.client(&realm.name, id).await? {
            Some((_, client)) => Some(client),
            None => return Ok(None),
        },
    };
    Ok(Some(Stored { flow, client, signed_in }))
}

/// The flow of this id, for this browser; none for another one's.
pub(crate) async fn stored(
    room: &Room,
    realm: &RealmState,
    (id, browser): (&str, Option<Digest>),
    signed_in: Option<(Session, User)>,
) -> Result<Option<Stored>, Unavailable> {
    let Ok(id) = Credential::parse(Kind::Flow, id) else { return Ok(None) };
    let flow = room.store.flow(&realm.name, id.digest(), room.now()).await.map_err(unavailable)?;
    let Some(flow) = flow.filter(|flow| browser.is_some_and(|browser| flow.browser.matches(&browser))) else {
        return Ok(None);
    };
    at_once(room, realm, flow, signed_in).await
}

/// What `prompt=none` is answered with when somebody would have to be asked (OpenID Connect Core §3.1.2.6).
pub(crate) fn silent(stored: &Stored, now: Timestamp) -> Option<Fault> {
    match stored.next(now) {
        Step::Password => Some(Fault::new(Error::LoginRequired, "somebody would have to sign in")),
        Step::Consent => Some(Fault::new(Error::ConsentRequired, "somebody would have to be asked")),
        Step::Done => None,
    }
}

/// The password step. The browser's sign-in goes on if it is the same person's and ends if not; the cookie is a new one in
/// either case, and this gives its value.
pub(crate) async fn password(
    room: &Room,
    realm: &RealmState,
    stored: &mut Stored,
    (name, password): (&str, &Secret<String>),
    origin: &Origin,
) -> Result<Secret<String>, SignInError> {
    let client = stored.flow.request.client();
    let user = signin::check(room, realm, &Typed { name, password, client }, origin).await?;
    let act = room.act(realm, client, origin);
    let cookie = Credential::mint(Kind::Session, &*room.entropy);
    let so_far = stored.signed_in.as_ref().map(|(session, _)| session.id);
    let held = Held::Browser { cookie: cookie.digest(), so_far };
    let session = signin::open_session(room, realm, (act.clone(), origin), &user, held).await?;
    // Where another sign-in ended, that is in force before the browser hears of the new one.
    room.hub.settle(&realm.name).await?;
    stored.flow.progress.session = Some(session.id);
    stored.signed_in = Some((session, user));
    room.store.advance_flow(act, stored.flow.digest, stored.flow.progress).await.map_err(unavailable)?;
    Ok(cookie.into_secret())
}

/// The consent step.
pub(crate) async fn consent(
    room: &Room,
    realm: &RealmState,
    stored: &mut Stored,
    origin: &Origin,
) -> Result<(), Unavailable> {
    stored.flow.progress.consented_at = Some(room.now());
    let act = room.act(realm, stored.flow.request.client(), origin);
    room.store.advance_flow(act, stored.flow.digest, stored.flow.progress).await.map_err(unavailable)
}

/// Where the browser goes when nothing is left to ask, once: to the client with a code, or to the person's account.
pub(crate) async fn finish(
    room: &Room,
    realm: &RealmState,
    stored: &Stored,
    origin: &Origin,
) -> Result<Option<Destination>, Unavailable> {
    let act = room.act(realm, stored.flow.request.client(), origin);
    if !room.store.finish_flow(act, stored.flow.digest).await.map_err(unavailable)? {
        return Ok(None);
    }
    match &stored.flow.request {
        Request::Account(request) => Ok(stored.signed_in.as_ref().map(|_| Destination::Account(request.account))),
        Request::Authorization(_) => Ok(reply(room, realm, stored, origin).await?.map(Destination::Client)),
    }
}

/// The address of the client, with a code for whoever is signed in.
pub(crate) async fn reply(
    room: &Room,
    realm: &RealmState,
    stored: &Stored,
    origin: &Origin,
) -> Result<Option<String>, Unavailable> {
    let Stored { flow, client: Some(client), signed_in: Some((session, user)) } = stored else { return Ok(None) };
    let Request::Authorization(request) = &flow.request else { return Ok(None) };
    let act = room.act(realm, Some(&request.client), origin);
    let promise = Promise {
        client: request.client.clone(),
        scopes: request.scopes.intersection(&scope::allowed(client, user)),
        audiences: request.audiences.clone(),
        redirect_uri: Some(request.redirect_uri.clone()),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
    };
    let code = code::issue(room, realm, act, session, promise).await?;
    Ok(Some(Reply::to(request).with_code(realm, code.expose())))
}

/// Where the browser goes when the person said no; nowhere when no client waits for an answer.
pub(crate) async fn cancel(
    room: &Room,
    realm: &RealmState,
    stored: &Stored,
    origin: &Origin,
) -> Result<Option<String>, Unavailable> {
    let act = room.act(realm, stored.flow.request.client(), origin);
    room.store.finish_flow(act, stored.flow.digest).await.map_err(unavailable)?;
    let fault = Fault::new(Error::AccessDenied, "the person said no");
    Ok(match &stored.flow.request {
        Request::Authorization(request) => Some(Reply::to(request).with_fault(realm, fault)),
        Request::Account(_) => None,
    })
}
