//! The `sekisho` binary.

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use sekisho::cli::{Cli, run};

/// A proxied request is a few dozen small allocations that live as long as it does (docs/decisions/0012-allocator.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for huge pages, of which a process like this one touches a corner each: 50 MB idle instead of 25.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // First of all: TLS must not choose a provider by itself.
    let installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nobody installed one before");
    run(Cli::parse())
}
