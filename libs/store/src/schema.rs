//! What a store is called, and how its tables are made.

use sqlx::{
    SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

/// The name of a step, and its SQL.
pub type Step = (&'static str, &'static str);

/// The store of a service.
#[derive(Debug)]
pub struct Schema {
    /// Name of the schema in Postgres, and of the files `<name>.sqlite` and `<name>.lock`.
    pub name: &'static str,
    /// What messages call the store, such as `the accounts store`.
    pub called: &'static str,
    /// Steps from an empty file to today's tables, numbered from 1; a step never changes once a store was made with it.
    pub sqlite: &'static [Step],
    /// The same from an empty schema.
    pub postgres: &'static [Step],
}

/// What brings tables up to date by `steps`.
pub fn migrator(steps: &[Step]) -> Migrator {
    let migration = |(version, (name, sql)): (i64, &Step)| {
        Migration::new(version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(steps).map(migration).collect())
}

/// Why tables are not up to date.
#[derive(Debug)]
pub enum Unready {
    /// The database cannot be reached, or refuses what it was asked.
    Database(sqlx::Error),
    /// Another version of kaleem made them.
    Version(MigrateError),
}

impl From<MigrateError> for Unready {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::Database(error),
            error => Self::Version(error),
        }
    }
}

impl From<sqlx::Error> for Unready {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
