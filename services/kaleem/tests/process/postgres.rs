//! `kaleem up --store`: the same product on a shared database.

use kaleem_testkit::postgres::Postgres;

use super::server::{Folder, Server, kaleem};

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
    server.kill();
    for service in ["accounts", "billing", "redaction"] {
        assert!(!first.path().join(service).exists(), "{service} is in the database and not in the folder");
    }

    for folder in [&first, &second] {
        let server = Server::up_with(folder, &store);
        let asked = kaleem(folder, &["chat", "-q", "مرحبا", "--api-key", &key]);
        assert_eq!(asked.code, 0, "{asked:?}");
        let doctor = kaleem(folder, &["doctor"]);
        for finding in ["answers, kept in Postgres", "the books balance, kept in Postgres"] {
            assert!(doctor.stdout.contains(finding), "{}", doctor.stdout);
        }
        assert_eq!(server.terminate(), Some(0));
    }
}
