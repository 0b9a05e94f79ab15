//! The gate's first step: every check on a bad sample, then on this repository.
//!
//! Run alone with `cargo test --workspace --all-features --test tidy`; it builds none of the other crates.

// `cfg(test)` tells clippy that what these files share is test code too.
#[cfg(test)]
mod checks;
#[cfg(test)]
mod house;
#[cfg(test)]
mod samples;
