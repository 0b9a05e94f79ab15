//! The house rules, as functions from the source to complaints.
//!
//! Each check is one module and one pure function: it is given the files (or what cargo knows about the packages) and
//! returns every place that breaks its rule. `tests/tidy/` runs each one twice: on a bad sample, to prove that it can
//! fail, and on this repository. Tables of what is allowed are constants at the top of the check they belong to.
//!
//! Not here: what clippy, rustfmt or the compiler already hold.

pub mod complaint;
pub mod doc;
pub mod duplicates;
pub mod flavour;
pub mod floors;
pub mod graph;
pub mod heavy;
pub mod leftovers;
pub mod length;
pub mod machine;
pub mod manifest;
pub mod naming;
pub mod paths;
pub mod places;
pub mod proofs;
pub mod pure;
pub mod sql;
pub mod tree;
pub mod wiring;

pub use complaint::Complaint;
pub use tree::{Source, Tree};
