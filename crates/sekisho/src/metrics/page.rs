//! The text that Prometheus reads: families of samples, each with its type and a sentence.
//!
//! Specs: Prometheus text exposition format, version 0.0.4. Names are ours and fixed; values of labels may hold any text and
//! are escaped as the format wants it.

use std::fmt::{self, Write as _};
use std::time::Duration;

use sekisho_wire::meter::{BOUNDS, Spread};

/// The `Content-Type` of a page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page that is being written.
#[derive(Debug, Default)]
pub struct Page(String);

/// What sort of number a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, until the process starts again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A spread of durations.
    Histogram,
}

/// Samples of one name.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

/// Names and values, in this order.
pub type Labels<'a> = [(&'a str, &'a str)];

// === impl Page ===

impl Page {
    /// Begins a family. Each name belongs on a page once.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Family { text: &mut self.0, name }
    }

    /// What was written.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }

    fn put(&mut self, what: fmt::Arguments<'_>) {
        // A string takes whatever is written to it.
        let _ = self.0.write_fmt(what);
    }
}

// === impl Family ===

impl Family<'_> {
    /// A sample.
    pub fn sample(&mut self, labels: &Labels<'_>, value: impl fmt::Display) {
        self.line("", (labels, None), value);
    }

    /// A sample in seconds; what never ends is `+Inf`.
    pub fn seconds(&mut self, labels: &Labels<'_>, value: Duration) {
        if value == Duration::MAX {
            self.sample(labels, "+Inf");
        } else {
            self.sample(labels, value.as_secs_f64());
        }
    }

    /// A histogram: how many took up to each bound, all of them, and how long they took together.
    pub fn spread(&mut self, labels: &Labels<'_>, spread: &Spread) {
        let mut so_far = 0;
        let bounds = BOUNDS.iter().map(|bound| bound.as_secs_f64().to_string()).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(spread.buckets) {
            so_far += count;
            self.line("_bucket", (labels, Some(("le", &bound))), so_far);
        }
        self.line("_sum", (labels, None), spread.sum.as_secs_f64());
        self.line("_count", (labels, None), so_far);
    }

    fn line(&mut self, ending: &str, labels: (&Labels<'_>, Option<(&str, &str)>), value: impl fmt::Display) {
        let (labels, last) = labels;
        let name = self.name;
        let mut put = |what: fmt::Arguments<'_>| {
            let _ = self.text.write_fmt(what);
        };
        put(format_args!("{name}{ending}"));
        let mut opening = '{';
        for (label, value) in labels.iter().copied().chain(last) {
            put(format_args!("{opening}{label}=\"{}\"", Escaped(value)));
            opening = ',';
        }
        let closing = if opening == ',' { "}" } else { "" };
        put(format_args!("{closing} {value}\n"));
    }
}

/// A label's value: backslash, quote and line feed are escaped.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            char => f.write_char(char),
        })
    }
}

#[cfg(test)]
mod tests;
