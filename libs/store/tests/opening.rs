//! Opening stores: those that cannot work are named with the way out, and what is missing is made.
#![expect(clippy::unwrap_used, reason = "a test stops on what it did not expect")]

use std::{error::Error as _, path::Path};

use futures::future::{join_all, pending};
use kaleem_runtime::config::Span;
use kaleem_store::{Backend, Error, Postgres, Schema, Session, Sqlite, Step, postgres::Config};
use kaleem_testkit::{bound_listener, postgres::Postgres as Server};
use sqlx::{Connection as _, PgConnection};
use tempfile::tempdir;

const STEPS: [Step; 2] = [
    ("book", "CREATE TABLE book (title TEXT NOT NULL)"),
    ("pages", "ALTER TABLE book ADD COLUMN pages BIGINT NOT NULL DEFAULT 7"),
];
static SHELF: Schema = shelf(&STEPS);
/// The same as an older version of kaleem knows it.
static OLD_SHELF: Schema = shelf(&[STEPS[0]]);

const fn shelf(steps: &'static [Step]) -> Schema {
    Schema { name: "shelf", called: "the shelf", sqlite: steps, postgres: steps }
}

/// Bounds that let a test end soon.
fn config() -> Config {
    Config { connections_max: 2, poll_interval: Span::millis(10), ..Config::default() }
}

/// An error with all its causes.
fn told(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string);
    std::iter::once(error.to_string()).chain(causes).collect::<Vec<_>>().join(": ")
}

#[track_caller]
fn assert_names(error: &Error, file: &str, way_out: &str) {
    let told = told(error);
    assert!(told.contains(file) && told.contains(way_out), "{told}");
}

async fn refused(folder: &Path) -> Error {
    Sqlite::open(&SHELF, folder).await.unwrap_err()
}

async fn open(url: &str) -> Result<Postgres, Error> {
    Postgres::open(&SHELF, url, &config()).await
}

async fn run(url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

/// Writes a book, and answers how many pages it has.
async fn pages(store: &impl Backend) -> i64 {
    let mut transaction = store.write().await.unwrap();
    let session: &mut dyn Session = &mut *transaction;
    session.execute("INSERT INTO book (title) VALUES ($1)", &["Kalila wa-Dimna".into()]).await.unwrap();
    transaction.commit().await.unwrap();
    let session: &mut dyn Session = &mut *store.read().await.unwrap();
    session.number("SELECT max(pages) AS number FROM book", &[]).await.unwrap()
}

#[tokio::test]
async fn a_store_of_an_older_version_gets_the_steps_that_it_lacks() {
    let folder = tempdir().unwrap();
    drop(Sqlite::open(&OLD_SHELF, folder.path()).await.unwrap());
    assert_eq!(pages(&Sqlite::open(&SHELF, folder.path()).await.unwrap()).await, 7);
    let server = Server::start();
    drop(Postgres::open(&OLD_SHELF, &server.url(), &config()).await.unwrap());
    assert_eq!(pages(&open(&server.url()).await.unwrap()).await, 7);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let folder = tempdir().unwrap();
    drop(Sqlite::open(&SHELF, folder.path()).await.unwrap());
    let error = Sqlite::open(&OLD_SHELF, folder.path()).await.unwrap_err();
    assert_names(&error, "shelf.sqlite", "another version of kaleem");
    let server = Server::start();
    drop(open(&server.url()).await.unwrap());
    let error = Postgres::open(&OLD_SHELF, &server.url(), &config()).await.unwrap_err();
    assert_names(&error, "schema shelf", "another version of kaleem");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "a file").unwrap();
    assert_names(&refused(&folder.path().join("data")).await, "/data", "check that the folder is writable");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened() {
    let folder = tempdir().unwrap();
    std::fs::create_dir(folder.path().join("shelf.sqlite")).unwrap();
    assert_names(&refused(folder.path()).await, "shelf.sqlite", "check that the folder is writable");
}

#[tokio::test]
async fn a_file_that_is_no_store() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("shelf.sqlite"), "not a database, ".repeat(500)).unwrap();
    assert_names(&refused(folder.path()).await, "shelf.sqlite", "restore it from a backup");
}

#[tokio::test]
async fn a_store_in_use() {
    let folder = tempdir().unwrap();
    let _open = Sqlite::open(&SHELF, folder.path()).await.unwrap();
    // The second start waits for the lock; nothing else runs, so that time can jump.
    tokio::time::pause();
    assert_names(&refused(folder.path()).await, "shelf.lock", "another data folder");
}

#[tokio::test]
async fn processes_that_start_at_once_share_one_new_schema() {
    let server = Server::start();
    let url = server.url();
    for opened in join_all((0..4).map(|_| open(&url))).await {
        opened.unwrap();
    }
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'shelf')";
    let elsewhere: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    assert_eq!(elsewhere, 0, "everything is in the schema, the migrations' table too");
}

#[tokio::test]
async fn a_role_that_may_not_make_schemas_can_be_given_one() {
    let server = Server::start();
    run(&server.url(), "CREATE ROLE clerk LOGIN").await;
    let url = server.url().replace("postgres@", "clerk@");
    assert_names(&open(&url).await.unwrap_err(), "127.0.0.1:", "permission denied");
    run(&server.url(), "CREATE SCHEMA shelf AUTHORIZATION clerk").await;
    assert_eq!(pages(&open(&url).await.unwrap()).await, 7);
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named_without_the_password() {
    let (listener, address) = bound_listener();
    drop(listener);
    let nobody = told(&open(&format!("postgres://kaleem:hunter2@{address}/kaleem")).await.unwrap_err());
    assert!(nobody.contains(&address.to_string()) && nobody.contains("Connection refused"), "{nobody}");
    let server = Server::start();
    let url = format!("postgres://postgres:hunter2@127.0.0.1:{}/nowhere", server.port());
    let nowhere = told(&open(&url).await.unwrap_err());
    assert!(nowhere.contains(&server.port().to_string()) && nowhere.contains("\"nowhere\""), "{nowhere}");
    let none = told(&open("mysql://kaleem:hunter2@db/kaleem").await.unwrap_err());
    assert!(none.starts_with("postgres_url must be like"), "{none}");
    assert!([nobody, nowhere, none].iter().all(|told| !told.contains("hunter2")));
}

#[tokio::test]
async fn work_that_a_server_leaves_unanswered_ends() {
    let server = Server::start();
    let store = open(&server.url()).await.unwrap();
    tokio::time::pause();
    let error = store.run::<(), Error>(pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "the shelf did not answer within 12s");
}
