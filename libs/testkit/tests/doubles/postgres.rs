//! The throw-away Postgres.

use kaleem_testkit::postgres::Postgres;
use sqlx::{Connection, PgConnection};

async fn number(url: &str, statement: &'static str) -> i32 {
    let mut session = PgConnection::connect(url).await.unwrap();
    let number = sqlx::query_scalar(statement).fetch_one(&mut session).await.unwrap();
    session.close().await.unwrap();
    number
}

async fn run(url: &str, statements: &[&'static str]) {
    let mut session = PgConnection::connect(url).await.unwrap();
    for statement in statements {
        sqlx::query(*statement).execute(&mut session).await.unwrap();
    }
    session.close().await.unwrap();
}

#[tokio::test]
async fn committed_rows_survive_a_hard_kill() {
    let mut server = Postgres::start();
    let url = server.url();
    run(&url, &["CREATE TABLE holds (amount int)", "INSERT INTO holds VALUES (41), (1)"]).await;
    server.kill_hard();
    assert!(PgConnection::connect(&url).await.is_err(), "nobody listens");
    server.restart();
    assert_eq!(number(&url, "SELECT sum(amount)::int FROM holds").await, 42);
    server.restart();
    assert_eq!(number(&url, "SELECT count(*)::int FROM holds").await, 2);
}

#[tokio::test]
async fn databases_are_apart_and_the_folder_goes_with_the_server() {
    let server = Postgres::start();
    let (first, second) = (server.create_database("first"), server.create_database("second"));
    run(&first, &["CREATE TABLE t (a int)"]).await;
    assert_eq!(number(&first, "SELECT count(*)::int FROM t").await, 0);
    let tables = "SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(number(&second, tables).await, 0);
    let folder = server.socket_folder().to_owned();
    assert!(folder.join(format!(".s.PGSQL.{}", server.port())).exists());
    drop(server);
    assert!(!folder.exists());
    assert!(PgConnection::connect(&first).await.is_err());
}
