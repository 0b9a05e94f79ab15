//! Mistakes as the operator reads them: file, line and column, what was found, what was expected, and the line itself.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter};

/// The longest line that is shown, in characters.
const LINE_CHARS_MAX: usize = 160;

/// Where something stands in a file, both from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where; none for the file as a whole.
    pub at: Option<Spot>,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// Why a configuration is not one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There are mistakes in it.
    #[error("{}", Told { path, text, mistakes })]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What it says.
        text: String,
        /// Every mistake; only the first where the form is wrong.
        mistakes: Vec<Mistake>,
    },
}

/// Mistakes, each with the line it is in.
struct Told<'a> {
    path: &'a Path,
    text: &'a str,
    mistakes: &'a [Mistake],
}

/// The parser's findings in the words of the rest.
struct Words;

// === impl Spot ===

impl From<serde_saphyr::Location> for Spot {
    fn from(location: serde_saphyr::Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

// === impl Mistake ===

impl Mistake {
    /// What the parser found.
    pub(crate) fn of_form(error: &Error) -> Self {
        let plain = error.without_snippet();
        let mut what = String::new();
        // What was found may hold anything; a terminal is to be told no more than its letters.
        for c in Words.format_message(plain).chars() {
            if c.is_control() { what.extend(c.escape_default()) } else { what.push(c) }
        }
        Self { at: plain.location().map(Spot::from), what }
    }
}

// === impl Told ===

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Mistake { at, what }) in self.mistakes.iter().enumerate() {
            let path = self.path.display();
            let apart = if number > 0 { "\n" } else { "" };
            match at {
                None => write!(f, "{apart}{path}: {what}")?,
                Some(spot) => {
                    write!(f, "{apart}{path}:{}:{}: {what}", spot.line, spot.column)?;
                    self.show(*spot, f)?;
                }
            }
        }
        Ok(())
    }
}

impl Told<'_> {
    fn show(&self, Spot { line, column }: Spot, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = usize::try_from(line).unwrap_or(usize::MAX);
        let Some(text) = number.checked_sub(1).and_then(|before| self.text.lines().nth(before)) else { return Ok(()) };
        if text.chars().count() > LINE_CHARS_MAX || may_hold_a_password(text) {
            return Ok(());
        }
        let (margin, indent) = (line.to_string().len(), usize::try_from(column).unwrap_or(1).saturating_sub(1));
        write!(f, "\n  {line} | {text}\n  {:margin$} | {:indent$}^", "", "")
    }
}

/// The address of a database may hold one; what stands in front of its `@` is nobody's to see in a log of a build.
fn may_hold_a_password(line: &str) -> bool {
    line.contains("database") || line.contains('@')
}

// === impl Words ===

impl MessageFormatter for Words {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        let one_of = |names: &[&str]| names.join(", ");
        if let Error::SerdeUnknownField { field, expected, .. } = error {
            return format!("`{field}` is not a key here: expected one of {}", one_of(expected)).into();
        }
        if let Error::SerdeUnknownVariant { variant, expected, .. } = error {
            return format!("`{variant}` is not possible here: expected one of {}", one_of(expected)).into();
        }
        if let Error::SerdeMissingField { field, .. } = error {
            return format!("`{field}` is missing here").into();
        }
        if let Error::DuplicateMappingKey { key: Some(key), .. } = error {
            return format!("`{key}` is there twice: expected each key once").into();
        }
        if let Error::NullIntoString { .. } = error {
            return "nothing is here: expected a text".into();
        }
        DefaultMessageFormatter.format_message(error)
    }
}
