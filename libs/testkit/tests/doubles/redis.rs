//! The throw-away Redis.

use std::net::TcpStream;

use kaleem_testkit::redis::{Durability, Redis};

#[test]
fn an_append_only_server_keeps_its_keys_over_a_hard_kill() {
    let mut server = Redis::start(Durability::AppendOnly);
    assert_eq!(server.command("SET hold 42"), "+OK");
    server.kill_hard();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    server.restart();
    assert_eq!(server.command("INCR hold"), ":43");
}

#[test]
fn a_memory_server_forgets_and_never_evicts() {
    let mut server = Redis::start(Durability::Memory);
    assert_eq!(server.command("SET hold 42"), "+OK");
    server.restart();
    assert_eq!(server.command("EXISTS hold"), ":0");
    assert_eq!(server.command("CONFIG SET maxmemory 1"), "+OK");
    assert!(server.command("SET hold 42").starts_with("-OOM"), "a full server refuses writes");
    assert!(server.url().ends_with(&format!("{}/0", server.port())));
}

#[test]
fn a_frozen_server_answers_after_the_thaw() {
    let server = Redis::start(Durability::Memory);
    server.freeze();
    let waiting = std::thread::scope(|scope| {
        let asking = scope.spawn(|| server.command("PING"));
        server.thaw();
        asking.join().unwrap()
    });
    assert_eq!(waiting, "+PONG");
}
