//! Loopback ports for servers inside and outside of the test process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// First port that [`server_port`] hands out.
const SERVER_PORTS_FROM: u16 = 15_000;
/// How many ports [`server_port`] chooses from; they end below Linux's ephemeral range (32768), so that no
/// outgoing connection of another process takes a port while its server restarts.
const SERVER_PORTS: u16 = 17_000;

/// Binds a free loopback port and returns the listener with its address.
///
/// Hand the listener on instead of its number: a number alone may be taken by somebody else before it is
/// bound again.
pub fn bound_listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    let address = listener.local_addr().expect("a bound listener has an address");
    (listener, address)
}

/// Returns a loopback port that was free just now, for a child process that cannot take a bound listener.
///
/// Another process can still win it: callers try again with the next one when the child reports that it
/// cannot bind.
pub fn server_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes of one test run start apart from each other, because each starts at a place that its process
    // id gives.
    let start = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(SERVER_PORTS)).unwrap_or(0);
    for _ in 0..SERVER_PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % SERVER_PORTS;
        let port = SERVER_PORTS_FROM + (start + step) % SERVER_PORTS;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free loopback port from {SERVER_PORTS_FROM} on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_listener_holds_its_port() {
        let (_listener, address) = bound_listener();
        assert!(address.ip().is_loopback());
        assert!(TcpListener::bind(address).is_err(), "the port is held until the listener is dropped");
    }

    #[test]
    fn server_ports_differ_and_stay_below_the_ephemeral_range() {
        let (first, second) = (server_port(), server_port());
        assert_ne!(first, second);
        assert!((SERVER_PORTS_FROM..32_768).contains(&first));
    }
}
