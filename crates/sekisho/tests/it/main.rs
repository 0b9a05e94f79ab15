//! The whole product in one process, with a clock that the tests own, and the main story once against the real binary.
//!
//! One file per story; the scenarios carry their names (INV-1, OPQ-3, JWT-4 …). What needs a second gateway or a killed
//! process is not here: OPQ-3 and OPQ-5 on a second replica, JWT-3 with a killed identity provider. They come with
//! "Foundations complete" (several connections, PostgreSQL) and with `sekisho patterns` (its own rig of processes).

#[cfg(test)]
mod apart;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod client;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod inv;
#[cfg(test)]
mod jwt;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod opq;
#[cfg(test)]
mod races;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod signin;
#[cfg(test)]
mod spy;
#[cfg(test)]
mod stream;
