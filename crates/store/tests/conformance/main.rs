//! What every database behind the ports must hold, one file per trait; and what only one of them brings (`sqlite`,
//! `postgres`).
//!
//! A test is a function of a [`rig::Rig`]. [`on_every_backend`] runs it on each backend; a further backend is one more
//! line there and one more way to make a rig.

// Tells clippy that what these files share is test code too.
#![cfg(test)]

macro_rules! on_every_backend {
    ($($name:ident),* $(,)?) => {
        on_backend!(sqlite_in_memory, [$($name),*]);
        on_backend!(sqlite_on_disk, [$($name),*]);
        on_backend!(postgres, [$($name),*]);
    };
}

macro_rules! on_backend {
    ($backend:ident, [$($name:ident),*]) => {
        mod $backend {
            $(
                #[tokio::test]
                async fn $name() {
                    let rig = crate::rig::Rig::$backend().await;
                    super::$name(&rig).await;
                    rig.close().await;
                }
            )*
        }
    };
}

mod rig;

mod audit;
mod clients;
mod codes;
mod feed;
mod flows;
mod grants;
mod keys;
mod opaque;
mod postgres;
mod realms;
mod sessions;
mod sqlite;
mod upkeep;
mod users;
