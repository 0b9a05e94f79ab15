//! The feed over HTTP, for enforcement points elsewhere.
//!
//! Entries and snapshots are signed; the envelope around an entry is not. The stream carries entries and keep-alives and
//! proves nothing about freshness: that is what the head is for.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::RawQuery;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt as _};
use http::StatusCode;
use http::header::ACCEPT;
use sekisho_model::client::Capability;
use sekisho_wire::feed::After;
use sekisho_wire::{Feed as _, Position, Unavailable};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::answer;
use super::request::Asked;
use crate::feed::signed;
use crate::oauth::client_auth;
use crate::oauth::params::Params;
use crate::oauth::refusal::Refusal;

/// How often a stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn head(asked: Asked) -> Response {
    let head = async {
        reader(&asked).await?;
        Ok::<_, Refusal>(asked.room.hub.head(&asked.realm.name).await?)
    };
    match head.await {
        Ok(head) => answer::json(StatusCode::OK, json!({ "position": head.position, "hash": head.hash })),
        Err(refusal) => answer::refusal(&refusal),
    }
}

pub(super) async fn snapshot(asked: Asked) -> Response {
    let snapshot = async {
        reader(&asked).await?;
        Ok::<_, Refusal>(signed::snapshot(&asked.room, &asked.realm).await?)
    };
    match snapshot.await {
        Ok(signed) => answer::json(StatusCode::OK, json!({ "signed": signed })),
        Err(refusal) => answer::refusal(&refusal),
    }
}

pub(super) async fn after(asked: Asked, RawQuery(query): RawQuery) -> Response {
    let position = async {
        reader(&asked).await?;
        position(query.as_deref()).ok_or(Refusal::request("after is not EPOCH.REVISION"))
    };
    let position = match position.await {
        Ok(position) => position,
        Err(refusal) => return answer::refusal(&refusal),
    };
    if asked.header(ACCEPT).is_some_and(|accept| accept.contains("text/event-stream")) {
        return match Arc::clone(&asked.room.streams).try_acquire_owned() {
            Ok(place) => stream(asked, position, place).into_response(),
            Err(_) => answer::unavailable(&Unavailable::of("feed")),
        };
    }
    match page(&asked, position).await {
        Ok(page) => answer::json(StatusCode::OK, page),
        Err(refusal) => answer::refusal(&refusal),
    }
}

/// Who may read the feed.
async fn reader(asked: &Asked) -> Result<(), Refusal> {
    let (room, realm) = (&asked.room, &asked.realm);
    let params = Params::default();
    let known = client_auth::authenticate(room, realm, asked.authorization()?, &params, &asked.origin).await?;
    asked.know(&known);
    known.demand(Capability::ReadFeed)
}

fn position(query: Option<&str>) -> Option<Position> {
    Params::parse(query?.as_bytes()).ok()?.one("after")?.parse().ok()
}

async fn page(asked: &Asked, position: Position) -> Result<Value, Refusal> {
    match asked.room.hub.after(&asked.realm.name, position).await? {
        After::Resnapshot => Ok(json!({ "resnapshot": true })),
        After::Entries(envelopes) => {
            let signed = envelopes.iter().map(|envelope| signed::envelope(&asked.room, &asked.realm, envelope));
            let signed: Result<Vec<_>, _> = signed.collect();
            Ok(json!({ "entries": signed? }))
        }
    }
}

/// Where a stream stands.
struct Cursor {
    asked: Asked,
    at: Position,
    news: tokio::sync::watch::Receiver<u64>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

fn stream(
    asked: Asked,
    at: Position,
    place: OwnedSemaphorePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let news = asked.room.hub.news(&asked.realm.name);
    let cursor = Cursor { asked, at, news, over: false, _place: place };
    let events = stream::unfold(cursor, next).flat_map(stream::iter);
    Sse::new(events.map(Ok))
}

/// The next events: entries, a keep-alive, or the end.
async fn next(mut cursor: Cursor) -> Option<(Vec<Event>, Cursor)> {
    if cursor.over || *cursor.asked.room.draining.borrow() {
        return None;
    }
    cursor.news.mark_unchanged();
    let (room, realm) = (&cursor.asked.room, &cursor.asked.realm);
    // A database that does not answer ends the stream; the reader comes back, and its lease was never held by it.
    let after = room.hub.after(&realm.name, cursor.at).await.ok()?;
    // Whoever may not read any more reads no more: the client may have been disabled, or lost the capability. Asked after the
    // entries were read, so that the entry of its own end is not the last that it gets.
    reader(&cursor.asked).await.ok()?;
    let events = match after {
        After::Resnapshot => {
            cursor.over = true;
            vec![Event::default().event("resnapshot").data("{}")]
        }
        After::Entries(envelopes) => {
            let mut events = Vec::with_capacity(envelopes.len());
            for envelope in &envelopes {
                let signed = signed::envelope(room, realm, envelope).ok()?;
                let data = serde_json::to_string(&signed).ok()?;
                cursor.at = envelope.entry.position;
                events.push(Event::default().event("entry").id(cursor.at.to_string()).data(data));
            }
            events
        }
    };
    if !events.is_empty() {
        return Some((events, cursor));
    }
    let (clock, mut draining) = (&cursor.asked.room.clock, cursor.asked.room.draining.subscribe());
    let keep_alive = clock.sleep_until(clock.monotonic().plus(KEEP_ALIVE));
    tokio::select! {
        changed = cursor.news.changed() => {
            changed.ok()?;
            Some((Vec::new(), cursor))
        }
        _ = draining.wait_for(|draining| *draining) => None,
        () = keep_alive => Some((vec![Event::default().comment("")], cursor)),
    }
}
