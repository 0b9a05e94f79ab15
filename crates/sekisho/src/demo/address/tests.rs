//! A port is taken for oneself, or the error says which flag moves it.

use super::{Port, loopback};

#[test]
fn a_busy_port_is_an_error_that_names_the_flag() {
    let (_held, address) = loopback(0).unwrap();
    let error = Port { flag: "--gateway-port", number: address.port() }.take().unwrap_err().to_string();
    assert!(error.contains("--gateway-port") && error.contains(&address.port().to_string()), "{error}");
}

#[test]
fn zero_is_any_free_port_of_loopback() {
    let (_held, address) = Port { flag: "--gateway-port", number: 0 }.take().unwrap();
    assert!(address.ip().is_loopback() && address.port() != 0);
}
