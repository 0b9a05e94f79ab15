//! Keeps what is shown in step with the files: reads them every few seconds, compares contents, takes over a good pair.
//!
//! Contents and not times of change, because files are renamed over, linked to and mounted anew, and two small reads cost
//! nothing. Between the writing of a certificate and that of its key the two do not match; the next look finds them whole.

use std::sync::Arc;
use std::time::Duration;

use sekisho_token::Digest;
use sekisho_wire::Clock;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::Shown;
use super::pair::{BadPair, Pair};
use super::validity::Age;
use crate::moment::written;

/// Between two looks at the files.
const PERIOD: Duration = Duration::from_secs(5);

/// Who keeps a listener's certificate.
pub(super) struct Watch {
    /// The listener's, for the log.
    name: &'static str,
    shown: Arc<Shown>,
    clock: Arc<dyn Clock>,
    /// What is shown.
    pair: Pair,
    /// What was read last, when it was something else.
    refused: Option<Refused>,
    /// What was said of the certificate's time.
    age: Age,
}

/// Something that is not shown.
#[derive(Clone, PartialEq, Eq)]
enum Refused {
    /// Files with these contents.
    Contents(Digest),
    /// Files that could not be read, in these words.
    Unread(String),
}

/// What a look found.
enum Found {
    Same,
    New(Box<Pair>),
    Bad(Refused, BadPair),
}

// === impl Watch ===

impl Watch {
    pub(super) fn new(name: &'static str, pair: Pair, shown: Arc<Shown>, clock: Arc<dyn Clock>) -> Self {
        Self { name, shown, clock, pair, refused: None, age: Age::Good }
    }

    pub(super) async fn run(mut self, asked: Arc<Notify>, handle: Handle) {
        self.tell_age();
        loop {
            let next = self.clock.monotonic().plus(PERIOD);
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = asked.notified() => {
                    tracing::info!("{}: looking at the certificate's files, as asked", self.name);
                    self.refused = None;
                }
            }
            let (pair, refused) = (self.pair.clone(), self.refused.clone());
            // Disks may be slow, and this runtime serves requests.
            if let Ok(found) = handle.spawn_blocking(move || Found::at(&pair, refused.as_ref())).await {
                self.take(found);
            }
            self.tell_age();
        }
    }

    fn take(&mut self, found: Found) {
        let name = self.name;
        match self.weighed(found) {
            Found::Same => {}
            Found::New(pair) => {
                let until = written(pair.validity().not_after);
                self.shown.replace(Arc::clone(pair.certified()));
                if pair.digest() != self.pair.digest() {
                    tracing::info!("{name}: a new certificate is shown, good until {until}");
                } else {
                    tracing::info!("{name}: the certificate's files are good again");
                }
                self.pair = *pair;
                self.refused = None;
                self.age = Age::Good;
            }
            Found::Bad(refused, bad) => {
                if self.refused.as_ref() != Some(&refused) {
                    tracing::error!("{name}: the new certificate is not used, the one from before stays: {bad}");
                }
                self.refused = Some(refused);
            }
        }
    }

    /// A new pair that has expired is no better than none, as long as the one from before counts.
    fn weighed(&self, found: Found) -> Found {
        let now = self.clock.wall();
        match found {
            Found::New(pair) if pair.validity().age(now) == Age::Over && self.pair.validity().age(now) != Age::Over => {
                let (path, not_after) = (pair.files().certificate.clone(), pair.validity().not_after);
                Found::Bad(Refused::Contents(pair.digest()), BadPair::Expired { path, not_after })
            }
            Found::Same | Found::New(_) | Found::Bad(..) => found,
        }
    }

    /// Once for each stage of a certificate's life.
    fn tell_age(&mut self) {
        let (name, validity) = (self.name, self.pair.validity());
        let age = validity.age(self.clock.wall());
        if age == self.age {
            return;
        }
        self.age = age;
        let (from, until) = (written(validity.not_before), written(validity.not_after));
        let file = self.pair.files().certificate.display();
        match age {
            Age::Good => tracing::info!("{name}: the certificate counts from now on, until {until}"),
            Age::Early => tracing::warn!("{name}: the certificate in `{file}` counts only from {from} on"),
            Age::Late => tracing::warn!("{name}: the certificate in `{file}` expires at {until}"),
            Age::Over => tracing::error!(
                "{name}: the certificate in `{file}` has expired at {until}, so clients refuse it: expected a newer one"
            ),
        }
    }
}

// === impl Found ===

impl Found {
    /// Looks at the files of `pair`.
    fn at(pair: &Pair, refused: Option<&Refused>) -> Self {
        let files = pair.files();
        let contents = match files.contents() {
            Ok(contents) => contents,
            Err(bad) => return Self::Bad(Refused::Unread(bad.to_string()), bad),
        };
        let digest = contents.digest();
        let known = Refused::Contents(digest);
        // What is shown needs no second look, unless something else was there in between.
        if refused == Some(&known) || (refused.is_none() && digest == pair.digest()) {
            return Self::Same;
        }
        match contents.into_pair(files) {
            Ok(pair) => Self::New(Box::new(pair)),
            Err(bad) => Self::Bad(known, bad),
        }
    }
}
