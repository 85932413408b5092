//! The SQL of a service, read from its sources, and checked against the tables that its migrations make.
//!
//! A statement is a text that starts with a verb of SQL: a literal, a constant, or a `concat!`, a `format!` or a macro of such. All that the
//! sources hold are found, so that none can be left out; one that cannot be put together from them is named and not passed over.

mod prepare;
mod source;
mod token;

use std::{fs, path::Path};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::postgres::Postgres;

/// A macro that the sources do not say in one arm: what it makes of all the literals of a call, in order.
pub type Expansion = fn(&[String]) -> String;

/// Which stores run a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stores {
    Both,
    Sqlite,
    Postgres,
}

/// A statement of the sources.
#[derive(Debug, PartialEq, Eq)]
struct Statement {
    /// File and line.
    place: String,
    /// Its text.
    sql: String,
    stores: Stores,
}

/// A column that the sources read by its name from a row.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    /// File and line.
    place: String,
    /// How it is read: `text`, `number`, `flag`, `bytes`, one of these after `optional_`, or `try_get` as what it is assigned to.
    kind: String,
    column: String,
}

/// The statements of a service, and the columns that it reads.
#[derive(Debug, Default)]
pub struct Statements {
    found: Vec<Statement>,
    reads: Vec<Read>,
    unresolved: Vec<String>,
}

impl Statements {
    /// Reads the sources under `folder`; what is below a path with `sqlite` or `postgres` is of that store alone. `macros` are those that
    /// the sources do not say in one arm of literals.
    ///
    /// # Panics
    /// When a file cannot be read.
    pub fn read(folder: &Path, macros: &[(&str, Expansion)]) -> Self {
        source::read(folder, macros)
    }

    /// Texts that start as a statement does and that the sources alone do not complete, each as `file: text`.
    pub fn unresolved(&self) -> &[String] {
        &self.unresolved
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Has each database prepare its statements on the tables that the migrations of `service` make, in `schema` where it is Postgres, and
    /// answers what is wrong, a sentence each: a statement that is refused, parameters that are not those of its text, columns that the
    /// databases do not agree on, and a column that the sources read and no statement answers, or one answers in another type.
    ///
    /// # Panics
    /// When a database does not start, or refuses the migrations.
    pub async fn faults(&self, service: &Path, schema: &str) -> Vec<String> {
        let server = Postgres::start();
        let mut sqlite = SqliteConnection::connect("sqlite::memory:").await.expect("a database in memory");
        let mut postgres =
            PgConnection::connect(&server.url()).await.expect("the server accepts connections");
        let script = sqlx::raw_sql(AssertSqlSafe(script_of(&service.join("migrations/sqlite"))));
        script.execute(&mut sqlite).await.expect("SQLite takes the migrations");
        let tables = script_of(&service.join("migrations/postgres"));
        let tables = format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {tables}");
        sqlx::raw_sql(AssertSqlSafe(tables))
            .execute(&mut postgres)
            .await
            .expect("Postgres takes the migrations");
        prepare::faults(self, &mut sqlite, &mut postgres).await
    }
}

/// All migrations of a folder, in order.
fn script_of(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the migrations are readable");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the migrations are readable").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).expect("the migrations are readable")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
        run("SELECT a, b FROM t WHERE a = $1", |row| Ok((row.number("a")?, row.text("b")?)));
        run("SELECT missing FROM t", |row| row.text("missing"));
        run("SELECT c FROM t", |row| row.number("c"));
        run("SELECT d FROM t", |row| row.number("d"));
        run("DELETE FROM t WHERE a = $2 AND d = $1 AND a > $4");
    "#;

    #[tokio::test]
    async fn what_a_database_refuses_and_what_is_read_otherwise_than_answered_is_a_fault() {
        let service = tempfile::tempdir().unwrap();
        let sqlite = "CREATE TABLE t (a INTEGER, b TEXT, c TEXT, d INTEGER) STRICT;";
        let postgres = "CREATE TABLE t (a BIGINT, b TEXT, c TEXT, d INTEGER);";
        for (path, text) in
            [("migrations/sqlite", sqlite), ("migrations/postgres", postgres), ("src/store", SOURCE)]
        {
            fs::create_dir_all(service.path().join(path)).unwrap();
            let name = if path == "src/store" { "store.rs" } else { "0001_t.sql" };
            fs::write(service.path().join(path).join(name), text).unwrap();
        }
        let statements = Statements::read(&service.path().join("src/store"), &[]);
        assert_eq!((statements.count(), statements.unresolved().len()), (5, 0));
        let faults = statements.faults(service.path(), "shop").await;
        let expected = [
            "store.rs:3: SQLite refuses it: ",
            "store.rs:3: Postgres refuses it: ",
            // An integer of 32 bits, which a reader of 64 refuses.
            "store.rs:5: SQLite answers [(\"d\", \"INTEGER\")] and Postgres [(\"d\", \"INT4\")]",
            "store.rs:6: SQLite finds 3 parameters and not 4",
            "store.rs:6: Postgres refuses it: ",
            "store.rs:3: no statement answers missing",
            "store.rs:4: c is read as number, and store.rs:4 answers text",
            "store.rs:5: d is read as number, and store.rs:5 answers other",
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.starts_with(expected), "{fault}");
        }
    }
}
