//! What a person may see of a passage: the recorded bytes as text, with every credential cut out of the middle.
//!
//! Nothing is put together from parsed pieces: the text is the recorded text, in which the spans that hold a credential
//! are replaced by `first characters … last four`, and a password by dots. Where a span cannot be found for certain
//! (a body in chunks or compressed, a type we do not read), the body is not shown at all and its size is said.
//!
//! Spans are found twice: by name (headers, form fields, JSON members), then by look (anything that begins like a JWT or
//! like a credential of ours), so that a token in an unexpected place is shortened all the same.

use std::borrow::Cow;
use std::collections::HashSet;

use sekisho_token::credential::Kind;
use serde::Serialize;

use super::recorder::{ConnectionNumber, Direction, Party, Passage};

/// Characters of a body that are shown.
const BODY_CHARS_MAX: usize = 2000;
/// Characters that remain of a credential: the first ones, which tell its kind, and the last ones.
const FIRST_CHARS: usize = 8;
const LAST_CHARS: usize = 4;
/// Shorter credentials would not hide anything when shown by their ends.
const SHORTENED_FROM_CHARS: usize = 24;
/// In place of a password; not as long as it.
const DOTS: &str = "••••••••";

/// Which messages a person wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Leave out how the gateway follows the feed: a few questions each second, all alike.
    Hidden,
    /// Show that too.
    Shown,
}

/// One message, ready to be shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Shown {
    /// The passage's number.
    pub(crate) number: u64,
    /// Who speaks.
    pub(crate) from: Party,
    /// To whom.
    pub(crate) to: Party,
    /// On which connection: messages of one conversation have the same number.
    pub(crate) connection: ConnectionNumber,
    /// When, in microseconds since an origin of the recorder's own.
    pub(crate) at_us: u64,
    /// For an answer, the number of its question.
    pub(crate) in_answer_to: Option<u64>,
    /// The first line.
    pub(crate) title: String,
    /// The lines after it, up to the empty one.
    pub(crate) head: String,
    /// The beginning of the body, or why it is not shown.
    pub(crate) body: String,
    /// How many bytes passed.
    pub(crate) bytes_total: u64,
}

/// A passage taken apart into texts: the first line, the header lines, the body.
struct Message<'a> {
    title: Cow<'a, str>,
    head: Cow<'a, str>,
    body: &'a [u8],
}

/// What to do with a value, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Show it.
    Open,
    /// Show its ends.
    Shorten,
    /// Show nothing of it.
    Mask,
}

/// Requests with their answers, oldest first, without those of the start page itself. An answer is left out when its
/// question is not among `passages`.
pub(crate) fn shown(passages: &[Passage], feed: Feed) -> Vec<Shown> {
    let mut questions = HashSet::new();
    let mut out = Vec::new();
    for passage in passages {
        let message = Message::of(&passage.bytes);
        let wanted = match passage.direction {
            Direction::Request => wanted(passage, &message.title, feed) && questions.insert(passage.number),
            Direction::Answer => passage.in_answer_to.is_some_and(|number| questions.contains(&number)),
        };
        if wanted {
            out.push(show(passage, &message));
        }
    }
    out
}

fn wanted(passage: &Passage, title: &str, feed: Feed) -> bool {
    let target = title.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    match passage.leg.to {
        // The page, its files and its own questions; a browser asks for the icon unasked.
        Party::Gateway => path != "/" && path != "/favicon.ico" && !path.starts_with("/demo/"),
        Party::Identity => {
            let of_feed = path.split('/').nth(3) == Some("feed") || path.ends_with("/oauth2/jwks");
            feed == Feed::Shown || !of_feed
        }
        Party::Client | Party::Orders | Party::Stock => true,
    }
}

fn show(passage: &Passage, message: &Message<'_>) -> Shown {
    let (from, to) = match passage.direction {
        Direction::Request => (passage.leg.from, passage.leg.to),
        Direction::Answer => (passage.leg.to, passage.leg.from),
    };
    Shown {
        number: passage.number,
        from,
        to,
        connection: passage.connection,
        at_us: u64::try_from(passage.began_at.0.as_micros()).unwrap_or(u64::MAX),
        in_answer_to: passage.in_answer_to,
        title: by_look(&request_line(&message.title)),
        head: message.head.split("\r\n").map(|line| by_look(&header_line(line))).collect::<Vec<_>>().join("\n"),
        body: message.body_shown(passage.bytes_total),
        bytes_total: passage.bytes_total,
    }
}

// === impl Message ===

impl<'a> Message<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let head = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let body = end.and_then(|end| bytes.get(end + 4..)).unwrap_or_default();
        let first = head.windows(2).position(|window| window == b"\r\n").unwrap_or(head.len());
        let title = String::from_utf8_lossy(head.get(..first).unwrap_or_default());
        let lines = String::from_utf8_lossy(head.get(first + 2..).unwrap_or_default());
        if title.contains("HTTP/1.") {
            Self { title, head: lines, body }
        } else {
            // Whatever this is, nothing in it can be told from a credential.
            Self { title: "(not the beginning of an HTTP/1.1 message)".into(), head: "".into(), body: &[] }
        }
    }

    /// The value of a header by its lower-case name.
    fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    fn body_shown(&self, bytes_total: u64) -> String {
        if self.body.is_empty() {
            return String::new();
        }
        let kind = self.header("content-type").unwrap_or("no stated type");
        let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let encoded = self.header("transfer-encoding").is_some() || self.header("content-encoding").is_some();
        let text = String::from_utf8_lossy(self.body);
        let shown = match media.as_str() {
            _ if encoded => None,
            "application/x-www-form-urlencoded" => Some(by_look(&form(&text))),
            "application/json" => Some(by_look(&json(&text))),
            media if media.ends_with("+json") => Some(by_look(&json(&text))),
            _ => None,
        };
        match shown {
            Some(text) if text.chars().count() <= BODY_CHARS_MAX => text,
            Some(text) => {
                let beginning: String = text.chars().take(BODY_CHARS_MAX).collect();
                format!("{beginning}\n… ({bytes_total} bytes passed, head included)")
            }
            None => format!("({kind}, not shown; {bytes_total} bytes passed, head included)"),
        }
    }
}

// === by name ===

impl Care {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "password" => Self::Mask,
            "access_token" | "refresh_token" | "id_token" | "token" | "subject_token" | "actor_token"
            | "id_token_hint" | "code" | "authorization_code" | "device_code" | "client_secret"
            | "client_assertion" | "assertion" | "code_verifier" | "csrf" | "signed" => Self::Shorten,
            _ => Self::Open,
        }
    }

    fn apply<'t>(self, value: &'t str) -> Cow<'t, str> {
        match self {
            Self::Open => value.into(),
            Self::Shorten => shorten(value).into(),
            Self::Mask => DOTS.into(),
        }
    }
}

/// What is shown of a credential.
fn shorten(credential: &str) -> String {
    let count = credential.chars().count();
    if count < SHORTENED_FROM_CHARS {
        return "…".to_owned();
    }
    let first: String = credential.chars().take(FIRST_CHARS).collect();
    let last: String = credential.chars().skip(count - LAST_CHARS).collect();
    format!("{first}…{last}")
}

/// `GET /path?query HTTP/1.1` with the credentials of the query shortened; a status line is left as it is.
fn request_line(line: &str) -> String {
    line.split(' ').map(url).collect::<Vec<_>>().join(" ")
}

/// A URL or a target; the query and the fragment are read like forms.
fn url(text: &str) -> String {
    match text.split_once(['?', '#']) {
        None => text.to_owned(),
        Some((before, fields)) => {
            let mark = text.get(before.len()..=before.len()).unwrap_or("?");
            format!("{before}{mark}{}", form(fields))
        }
    }
}

fn header_line(line: &str) -> String {
    if line.starts_with([' ', '\t']) {
        // A folded line belongs to the header before it, which may be a credential (RFC 9112 §5.2: nobody may send it).
        return " …".to_owned();
    }
    if line.is_empty() {
        return String::new();
    }
    let Some((name, value)) = line.split_once(':') else { return "…".to_owned() };
    let value = value.trim();
    let shown = match name.to_ascii_lowercase().as_str() {
        "authorization" | "proxy-authorization" => match value.split_once(' ') {
            Some((scheme, credential)) => format!("{scheme} {}", shorten(credential)),
            None => shorten(value),
        },
        "cookie" => value.split("; ").map(cookie_pair).collect::<Vec<_>>().join("; "),
        "set-cookie" => match value.split_once(';') {
            Some((pair, attributes)) => format!("{};{attributes}", cookie_pair(pair)),
            None => cookie_pair(value),
        },
        "x-csrf-token" | "dpop" => shorten(value),
        "location" | "referer" => url(value),
        _ => return line.to_owned(),
    };
    format!("{name}: {shown}")
}

fn cookie_pair(pair: &str) -> String {
    match pair.split_once('=') {
        // An empty value is how a cookie is taken back; there is nothing to hide, and it should be seen.
        Some((name, "")) => format!("{name}="),
        Some((name, value)) => format!("{name}={}", shorten(value)),
        None => shorten(pair),
    }
}

/// `name=value&…`; names are compared after decoding, the text stays encoded.
fn form(text: &str) -> String {
    let field = |field: &str| match field.split_once('=') {
        None => field.to_owned(),
        Some((name, value)) => {
            let decoded = form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.into_owned());
            format!("{name}={}", Care::of(&decoded.unwrap_or_default()).apply(value))
        }
    };
    text.split('&').map(field).collect::<Vec<_>>().join("&")
}

/// JSON as text: finds `"name": value` and replaces the value's span; a text that ends within a value hides the rest.
fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let (before, from_quote) = rest.split_at(start);
        let (literal, after) = from_quote.split_at(literal_len(from_quote));
        out.push_str(before);
        out.push_str(literal);
        rest = after;
        let colon = after.trim_start();
        let Some(value) = colon.strip_prefix(':').map(str::trim_start) else { continue };
        let care = Care::of(&serde_json::from_str::<String>(literal).unwrap_or_default());
        if care == Care::Open {
            continue;
        }
        out.push_str(after.get(..after.len() - value.len()).unwrap_or_default());
        if value.starts_with('"') {
            let (literal, after) = value.split_at(literal_len(value));
            out.push('"');
            out.push_str(&care.apply(literal.trim_matches('"')));
            out.push('"');
            rest = after;
        } else if value.starts_with(['[', '{']) {
            // A list or an object where a credential should be: where it ends is not worth finding out.
            out.push('…');
            return out;
        } else {
            let end = value.find([',', '}', ']', '\n']).unwrap_or(value.len());
            out.push('…');
            rest = value.get(end..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// The length of the JSON string that `text` begins with, both quotes included; all of it when it does not end.
fn literal_len(text: &str) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

// === by look ===

/// Shortens every run of token characters that begins like a JWT (`eyJ`, the base64url of `{"`) or like an opaque
/// credential of ours (`sekot`, `sekac` …).
fn by_look(text: &str) -> String {
    let is_token = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_token) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|character| !is_token(character)).unwrap_or(from.len()));
        out.push_str(before);
        let of_ours = Kind::ALL.into_iter().any(|kind| run.contains(kind.prefix()));
        if run.len() >= SHORTENED_FROM_CHARS && (of_ours || run.contains("eyJ")) {
            out.push_str(&shorten(run));
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
