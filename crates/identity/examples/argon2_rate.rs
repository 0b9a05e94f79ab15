//! How much CPU time one bare Argon2id hash takes on this machine, with the parameters of a login and reused memory: what
//! `make bench` holds logins against. Prints microseconds per hash, of this thread.

#![expect(clippy::print_stdout, reason = "its answer")]

use argon2::{Algorithm, Argon2, Block, Params, Version};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hashes: u32 = std::env::args().nth(1).map_or(Ok(40), |text| text.parse())?;
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    let mut hash = || argon2.hash_password_into_with_memory(b"a password", b"sixteen bytes...", &mut out, &mut memory);
    hash().map_err(|error| error.to_string())?;
    let before = cpu_us()?;
    for _ in 0..hashes {
        hash().map_err(|error| error.to_string())?;
    }
    println!("{:.1}", (cpu_us()? - before) / f64::from(hashes));
    Ok(())
}

/// CPU time of the only thread, in microseconds (`/proc/thread-self/schedstat`: Linux alone).
fn cpu_us() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns: f64 = stat.split_whitespace().next().ok_or("schedstat is empty")?.parse()?;
    Ok(ns / 1000.0)
}
