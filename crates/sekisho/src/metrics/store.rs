//! The store's reading as families.

use sekisho_store::Readings;

use super::page::{Kind, Page};

/// Writes everything that the store has counted.
pub fn write(page: &mut Page, readings: &Readings) {
    let help = "From a call to its answer; a write's answer comes after its commit.";
    let mut family = page.family("sekisho_store_seconds", Kind::Histogram, help);
    family.spread(&[("lane", "read")], &readings.reads);
    family.spread(&[("lane", "write")], &readings.writes);
    let help = "Calls that the database did not answer, or not in time.";
    page.family("sekisho_store_unanswered_total", Kind::Counter, help).sample(&[], readings.unanswered);
}
