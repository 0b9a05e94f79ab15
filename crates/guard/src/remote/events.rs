//! Server-sent events, as far as the feed uses them: parts of a stream in, whole events out.
//!
//! Specs: WHATWG HTML §9.2.6. Lines end with LF or CR LF; a lone CR, which nobody sends, does not end one here.

use sekisho_wire::feed::ENTRY_BYTES_MAX;

/// The longest event, in bytes: a signed entry in its envelope.
const EVENT_BYTES_MAX: usize = ENTRY_BYTES_MAX + 4096;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// `event:`; empty means `message`.
    pub(super) name: String,
    /// The `data:` lines, joined by line feeds.
    pub(super) data: String,
}

/// Collects parts until an event is whole.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What came after the last line end.
    rest: Vec<u8>,
    event: Event,
}

/// An event is longer than any that identity sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event has more than {EVENT_BYTES_MAX} bytes")]
pub(super) struct TooLong;

// === impl Events ===

impl Events {
    /// Takes the next part and gives the events that it completes.
    pub(super) fn push(&mut self, part: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut whole = Vec::new();
        let mut lines = part.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = lines.next() {
            if self.rest.len() + self.event.data.len() + piece.len() > EVENT_BYTES_MAX {
                return Err(TooLong);
            }
            self.rest.extend_from_slice(piece);
            if lines.peek().is_some() {
                let line = std::mem::take(&mut self.rest);
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
                whole.extend(self.line(&line));
            }
        }
        Ok(whole)
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // An event without data is none: a comment's empty line, say.
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" if self.event.data.is_empty() => value.clone_into(&mut self.event.data),
            "data" => {
                self.event.data.push('\n');
                self.event.data.push_str(value);
            }
            // `id` and `retry` tell us nothing that entries do not say, and a comment has an empty name.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
