//! Deleting what has expired, a bounded batch at a time.
//!
//! What is over stays for a day, so that a late look-up still learns why, and so that a replayed code still ends its
//! grant. A grant goes before its sign-in: [`Basis`](sekisho_model::Basis) would otherwise lack it.

use sekisho_model::StoreError;
use sekisho_model::store::Upkeep;
use sekisho_token::Timestamp;
use sekisho_wire::{BoxFuture, RealmName};

use crate::connection::Connection;
use crate::feed;
use crate::store::SqlStore;
use crate::value::values;

/// How long rows stay after they are over, in seconds.
const OVER_KEPT_S: i64 = 24 * 60 * 60;

/// One table's share of a sweep: its arguments are the time before which rows go, and how many may.
struct Broom {
    kept_s: i64,
    sql: &'static str,
}

/// In the order in which they run.
const BROOMS: &[Broom] = &[
    Broom {
        kept_s: 0,
        sql: "DELETE FROM flows WHERE (realm, digest) IN \
              (SELECT realm, digest FROM flows WHERE expires_at <= $1 LIMIT $2)",
    },
    Broom {
        kept_s: 0,
        sql: "DELETE FROM opaque_tokens WHERE (realm, digest) IN \
              (SELECT realm, digest FROM opaque_tokens WHERE expires_at <= $1 LIMIT $2)",
    },
    Broom {
        kept_s: OVER_KEPT_S,
        sql: "DELETE FROM codes WHERE (realm, digest) IN \
              (SELECT realm, digest FROM codes WHERE expires_at <= $1 LIMIT $2)",
    },
    Broom {
        kept_s: OVER_KEPT_S,
        sql: "DELETE FROM grants WHERE (realm, id) IN (SELECT realm, id FROM grants WHERE over_at <= $1 LIMIT $2)",
    },
    // A sign-in that idled out ends nothing in writing, so its grants are found through it.
    Broom {
        kept_s: OVER_KEPT_S,
        sql: "DELETE FROM grants WHERE (realm, id) IN (SELECT g.realm, g.id FROM sessions s JOIN grants g \
              ON g.realm = s.realm AND g.session_id = s.id WHERE s.over_at <= $1 LIMIT $2)",
    },
    Broom {
        kept_s: OVER_KEPT_S,
        sql: "DELETE FROM sessions WHERE (realm, id) IN (SELECT s.realm, s.id FROM sessions s WHERE s.over_at <= $1 \
              AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.realm = s.realm AND g.session_id = s.id) LIMIT $2)",
    },
];

// === impl Upkeep ===

impl Upkeep for SqlStore {
    fn sweep(&self, now: Timestamp, rows_max: u32) -> BoxFuture<'_, Result<u32, StoreError>> {
        self.write(move |db| Box::pin(async move { sweep(db, now, rows_max).await }))
    }
}

async fn sweep(db: &mut Connection, now: Timestamp, rows_max: u32) -> Result<u32, StoreError> {
    let mut left = rows_max;
    for broom in BROOMS {
        if left == 0 {
            return Ok(rows_max);
        }
        left -= counted(db.execute(broom.sql, values![now.plus_s(-broom.kept_s), left]).await?, left);
    }
    for row in db.fetch("SELECT name FROM realms ORDER BY name", &[]).await? {
        if left == 0 {
            return Ok(rows_max);
        }
        let realm: RealmName = row.of("realms").take()?;
        left -= counted(feed::trim(db, &realm, now, left).await?, left);
    }
    Ok(rows_max - left)
}

fn counted(deleted: u64, left: u32) -> u32 {
    u32::try_from(deleted).unwrap_or(left).min(left)
}
