//! Why was this refused? Finds the audit line of a refusal's id and says it in words.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use sekisho_wire::reason::Class;
use sekisho_wire::{AuditEvent, Reason, RefusalId};

use crate::audit;
use crate::moment::written;

/// A refusal, ready to be told.
#[derive(Debug)]
pub struct Explanation(AuditEvent);

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// No line carries the id.
    #[error("no refusal `{id}` is in `{}`: name another house with --config or --data; old files are not kept for ever", dir.display())]
    NotFound {
        /// What was looked for.
        id: RefusalId,
        /// Where.
        dir: PathBuf,
    },
    /// The files cannot be read.
    #[error("the audit cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// Looks for a refusal in `DIR/audit/`, newest file first.
///
/// # Errors
/// [`ExplainError`].
pub fn explain(audit_dir: &Path, id: RefusalId) -> Result<Explanation, ExplainError> {
    let needle = id.to_string();
    for path in audit::files(audit_dir) {
        for line in BufReader::new(File::open(path)?).lines() {
            let line = line?;
            if !line.contains(&needle) {
                continue;
            }
            // A line of a newer version may not read; it is not ours to explain then.
            let Ok(event) = serde_json::from_str::<AuditEvent>(&line) else { continue };
            if event.refusal == Some(id) {
                return Ok(Explanation(event));
            }
        }
    }
    Err(ExplainError::NotFound { id, dir: audit_dir.to_owned() })
}

// === impl Explanation ===

impl Explanation {
    /// The line itself.
    #[must_use]
    pub const fn event(&self) -> &AuditEvent {
        &self.0
    }

    /// The line and the words, for programs.
    #[must_use]
    pub fn as_json(&self) -> serde_json::Value {
        let reason = self.0.reason;
        serde_json::json!({
            "line": self.0,
            "words": reason.map(Reason::words),
            "what_to_do": reason.map(|reason| who_must_act(reason.class())),
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = &self.0;
        let reason = line.reason;
        writeln!(f, "reason    {}", reason.map_or("unknown to this version", Reason::code))?;
        if let Some(reason) = reason {
            writeln!(f, "          {}", reason.words())?;
            writeln!(f, "          {}", who_must_act(reason.class()))?;
        }
        let field = |f: &mut fmt::Formatter<'_>, name: &str, value: Option<String>| match value {
            Some(value) => writeln!(f, "{name:<9} {value}"),
            None => Ok(()),
        };
        field(f, "detail", line.detail.clone())?;
        field(f, "at", Some(format!("{}, by {}", written(line.at), line.room)))?;
        let request = line.method.clone().zip(line.path.clone()).map(|(method, path)| format!("{method} {path}"));
        field(f, "request", request)?;
        field(f, "route", line.route.clone())?;
        field(f, "realm", line.realm.as_ref().map(ToString::to_string))?;
        field(f, "subject", line.subject.as_ref().map(ToString::to_string))?;
        field(f, "client", line.client.as_ref().map(ToString::to_string))?;
        field(f, "session", line.session.map(|id| id.to_string()))?;
        field(f, "from", line.address.map(|address| address.to_string()))
    }
}

fn who_must_act(class: Class) -> &'static str {
    match class {
        Class::Malformed => "The caller must send another request; nothing here has to change.",
        Class::Unauthenticated => "The caller must sign in, or send the credential that this route takes.",
        Class::Forbidden => "The caller is known. Grant them what is missing, or leave it at that.",
        Class::NotFound | Class::MethodNotAllowed => "Compare the request with the routes of the configuration.",
        Class::RequestTimeout | Class::BodyTooLarge | Class::HeadTooLarge => {
            "The caller ran into a limit; `sekisho schema` lists those that can be set."
        }
        Class::Throttled => "Wait. Nobody is locked out for good.",
        Class::BadUpstream | Class::UpstreamTimeout => "Look at the service behind the route.",
        Class::Unavailable => "Look at the part that did not answer. The caller did nothing wrong.",
    }
}

#[cfg(test)]
mod tests;
