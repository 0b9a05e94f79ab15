//! Reading JSON that somebody else wrote, without the freedoms that two readers could use differently.
//!
//! A member name that occurs twice in one object is refused at every depth, after its escapes are resolved: one reader
//! takes the first, another the last, and the difference is how checks are walked around. So is nesting beyond a limit,
//! and anything that follows the value. The text is read twice, once for its form and once into the wanted type; what we
//! read is small.
//!
//! Specs: RFC 8259, RFC 7515 §4 and RFC 7519 §4 (names must be unique). Not here: what the members mean.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Why a text is not JSON that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON at all (RFC 8259), or not UTF-8.
    #[error("not JSON")]
    Syntax,
    /// JSON, but the outermost value is not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// One object has two members of the same name.
    #[error("a member name occurs twice")]
    DuplicateMember,
    /// Objects and arrays nest deeper than the limit.
    #[error("nested too deeply")]
    TooDeep,
    /// The members are not of the kinds we need.
    #[error("members are missing or of the wrong kind")]
    Shape,
}

/// Reads one JSON object into `T`.
///
/// `depth_max` counts nested objects and arrays, the outermost included.
///
/// # Errors
/// [`Malformed`]; a text that breaks several rules names any one of them.
pub fn object<T: DeserializeOwned>(bytes: &[u8], depth_max: usize) -> Result<T, Malformed> {
    check(bytes, depth_max)?;
    serde_json::from_slice(bytes).map_err(|_| Malformed::Shape)
}

/// Checks the form of one JSON object, without reading it into anything.
///
/// # Errors
/// As [`object`], [`Malformed::Shape`] excepted.
pub fn check(bytes: &[u8], depth_max: usize) -> Result<(), Malformed> {
    let fault = Cell::new(Malformed::Syntax);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let outcome = Form { depth_left: depth_max, fault: &fault }.deserialize(&mut reader).and_then(|()| reader.end());
    outcome.map_err(|_| fault.get())?;
    match bytes.trim_ascii_start().first() {
        Some(b'{') => Ok(()),
        _ => Err(Malformed::NotAnObject),
    }
}

/// Walks a value for its form alone; says through `fault` what it refused.
#[derive(Clone, Copy)]
struct Form<'a> {
    depth_left: usize,
    fault: &'a Cell<Malformed>,
}

// === impl Form ===

impl Form<'_> {
    fn refuse<E: Error>(self, fault: Malformed) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.refuse(Malformed::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Form<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Form<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while elements.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                return Err(self.refuse(Malformed::DuplicateMember));
            }
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
