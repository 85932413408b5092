//! What the databases say of the statements.

use std::collections::BTreeMap;

use sqlx::{
    AssertSqlSafe, Column as _, Either, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection,
    Statement as _, TypeInfo as _,
};

use super::{Read, Statement, Statements, Stores};

/// A prepared statement: how many parameters it has, and its columns with their types, in order.
struct Prepared {
    parameters: usize,
    columns: Vec<(String, String)>,
}

/// Prepares a statement on a connection of either driver.
macro_rules! prepared {
    ($connection:expr, $sql:expr) => {
        $connection.prepare(AssertSqlSafe($sql.to_owned()).into_sql_str()).await.map(|statement| Prepared {
            parameters: match statement.parameters() {
                Some(Either::Left(types)) => types.len(),
                Some(Either::Right(count)) => count,
                None => 0,
            },
            columns: statement
                .columns()
                .iter()
                .map(|column| (column.name().to_owned(), column.type_info().name().to_owned()))
                .collect(),
        })
    };
}

pub async fn faults(
    statements: &Statements,
    sqlite: &mut SqliteConnection,
    postgres: &mut PgConnection,
) -> Vec<String> {
    let mut faults = Vec::new();
    // Every type in which some statement answers a column of a name, with one that does.
    let mut answered: BTreeMap<String, BTreeMap<&'static str, String>> = BTreeMap::new();
    for statement in &statements.found {
        let mut of_both = Vec::new();
        if statement.stores != Stores::Postgres {
            of_both.push(("SQLite", prepared!(&mut *sqlite, statement.sql)));
        }
        if statement.stores != Stores::Sqlite {
            of_both.push(("Postgres", prepared!(&mut *postgres, statement.sql)));
        }
        let mut columns = Vec::new();
        for (store, prepared) in of_both {
            match prepared {
                Err(error) => faults.push(format!("{}: {store} refuses it: {error}", statement.place)),
                Ok(prepared) => {
                    faults.extend(parameters(statement, store, &prepared));
                    columns.push(prepared.columns);
                }
            }
        }
        if let [sqlite, postgres] = columns.as_slice() {
            faults.extend(disagreement(statement, sqlite, postgres));
        }
        for (name, kind) in columns.into_iter().flatten() {
            answered.entry(name).or_default().insert(class(&kind), statement.place.clone());
        }
    }
    faults.extend(statements.reads.iter().filter_map(|read| misread(read, &answered)));
    faults
}

/// Placeholders are numbered from 1 on, so the highest says how many there are.
fn parameters(statement: &Statement, store: &str, prepared: &Prepared) -> Option<String> {
    let numbers = statement.sql.split(['$', '?']).skip(1).filter_map(|after| {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        after[..digits].parse::<usize>().ok()
    });
    let expected = numbers.max().unwrap_or(0);
    let found = prepared.parameters;
    (found != expected)
        .then(|| format!("{}: {store} finds {found} parameters and not {expected}", statement.place))
}

/// Both stores answer the same columns, in types that one reading serves.
fn disagreement(
    statement: &Statement,
    sqlite: &[(String, String)],
    postgres: &[(String, String)],
) -> Option<String> {
    let agree = |(a, b): (&(String, String), &(String, String))| a.0 == b.0 && fits(class(&a.1), class(&b.1));
    let same = sqlite.len() == postgres.len() && sqlite.iter().zip(postgres).all(agree);
    (!same).then(|| format!("{}: SQLite answers {sqlite:?} and Postgres {postgres:?}", statement.place))
}

/// The type in which the sources read a column of this type of either database.
fn class(kind: &str) -> &'static str {
    match kind {
        "TEXT" | "VARCHAR" => "text",
        "INT8" => "number",
        // In SQLite, where a truth value is a number too.
        "INTEGER" => "whole",
        "BOOL" | "BOOLEAN" => "flag",
        "BYTEA" | "BLOB" => "bytes",
        // SQLite does not know what an expression is before it runs.
        "NULL" => "any",
        _ => "other",
    }
}

/// Whether what a store answers is what is read, or what the other one answers.
fn fits(answered: &str, wanted: &str) -> bool {
    answered == wanted || answered == "any" || (answered == "whole" && ["number", "flag"].contains(&wanted))
}

fn misread(read: &Read, answered: &BTreeMap<String, BTreeMap<&'static str, String>>) -> Option<String> {
    let Read { place, kind, column } = read;
    let Some(classes) = answered.get(column) else {
        return Some(format!("{place}: no statement answers {column}"));
    };
    let kind = kind.trim_start_matches("optional_");
    let wrong = classes.iter().find(|(class, _)| kind != "try_get" && !fits(class, kind))?;
    Some(format!("{place}: {column} is read as {kind}, and {} answers {}", wrong.1, wrong.0))
}
