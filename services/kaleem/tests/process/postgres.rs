//! `kaleem up --store`, with and without `--redis`: the same product on shared databases.

use kaleem_testkit::{
    postgres::Postgres,
    redis::{Durability, Redis},
};

use super::server::{Folder, Server, kaleem};

const GRANT: [&str; 7] = ["quota", "grant", "dukkan", "--usd", "25", "--op-id", "invoice-77"];
/// What that adds to the $10 of the month, in nano-US-dollars.
const CAP: &str = "\"35000000000\"";

#[test]
fn killed_it_starts_again_on_its_database_and_in_a_new_folder_too() {
    let database = Postgres::start();
    let store = ["--store", &database.url()];
    let (first, second) = (Folder::new(), Folder::new());
    let server = Server::up_with(&first, &store);
    assert_eq!(kaleem(&first, &["chat", "-q", "مرحبا"]).code, 0);
    assert_eq!(kaleem(&first, &["merchant", "create", "dukkan"]).code, 0);
    let issued = kaleem(&first, &["key", "issue", "--merchant", "dukkan", "--alias", "web"]);
    let key = issued.stdout.trim().to_owned();
    assert_eq!(kaleem(&first, &GRANT).code, 0);
    server.kill();
    for service in ["accounts", "quota", "billing", "redaction"] {
        assert!(!first.path().join(service).exists(), "{service} is in the database and not in the folder");
    }

    // Counters move to Redis, and what was granted is known there too.
    let redis = Redis::start(Durability::AppendOnly);
    let with_redis = [store[0], store[1], "--redis", &redis.url()];
    for (folder, stores, kept) in
        [(&first, &store[..], "kept in Postgres"), (&second, &with_redis[..], "kept in Redis, Postgres")]
    {
        let server = Server::up_with(folder, stores);
        let asked = kaleem(folder, &["chat", "-q", "مرحبا", "--api-key", &key]);
        assert_eq!(asked.code, 0, "{asked:?}");
        assert_eq!(kaleem(folder, &GRANT).code, 0);
        let shown = kaleem(folder, &["quota", "show", "dukkan", "--json"]);
        assert!(shown.stdout.contains(CAP), "{shown:?}");
        let doctor = kaleem(folder, &["doctor"]);
        for finding in ["answers, kept in Postgres", "the books balance, kept in Postgres", kept] {
            assert!(doctor.stdout.contains(finding), "{}", doctor.stdout);
        }
        assert_eq!(server.terminate(), Some(0));
    }
}
