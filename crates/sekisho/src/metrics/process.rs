//! The process as the kernel sees it, by the names that every Prometheus library uses.
//!
//! Read from `/proc/self`, which is memory and not a disk; where there is none, these samples are left out.

use std::fs;

use sekisho_token::Timestamp;

use super::page::{Kind, Page};

/// What the kernel knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    resident_bytes: u64,
    virtual_bytes: u64,
    cpu_ticks: u64,
}

/// Writes what is known of this process.
pub(super) fn write(page: &mut Page, started: Timestamp) {
    let help = "When the process started, in unix seconds.";
    page.family("process_start_time_seconds", Kind::Gauge, help).sample(&[], started.0);
    let stat = fs::read_to_string("/proc/self/stat").ok();
    if let Some(seen) = stat.as_deref().and_then(|stat| seen(stat, rustix::param::page_size())) {
        let help = "Memory that is in use, in bytes.";
        page.family("process_resident_memory_bytes", Kind::Gauge, help).sample(&[], seen.resident_bytes);
        let help = "Memory that was asked for, in bytes.";
        page.family("process_virtual_memory_bytes", Kind::Gauge, help).sample(&[], seen.virtual_bytes);
        let help = "Time on a processor, in user and system mode, in seconds.";
        #[expect(clippy::cast_precision_loss, reason = "2^52 ticks are a million years")]
        let seconds = seen.cpu_ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        page.family("process_cpu_seconds_total", Kind::Counter, help).sample(&[], seconds);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let help = "File descriptors that are open.";
        // One of them is the directory that is being read.
        page.family("process_open_fds", Kind::Gauge, help).sample(&[], open.count().saturating_sub(1));
    }
    if let Some(max) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        let help = "How many file descriptors may be open.";
        page.family("process_max_fds", Kind::Gauge, help).sample(&[], max);
    }
}

/// From proc_pid_stat(5). The second field is the program's name and may hold anything, so counting begins behind it.
fn seen(stat: &str, page_bytes: usize) -> Option<Seen> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let field = |number: usize| rest.split(' ').nth(number - 3)?.trim().parse::<u64>().ok();
    Some(Seen {
        resident_bytes: field(24)?.saturating_mul(u64::try_from(page_bytes).ok()?),
        virtual_bytes: field(23)?,
        cpu_ticks: field(14)?.saturating_add(field(15)?),
    })
}

#[cfg(test)]
mod tests;
