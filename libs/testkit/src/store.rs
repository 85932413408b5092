//! The stores that a service is tested on.

use crate::postgres::Postgres;

/// Where a service keeps what it keeps.
pub enum Store {
    /// A folder of the service's own.
    Sqlite,
    /// A server of the test's own.
    Postgres(Postgres),
    /// The database of another service of the test, at this address.
    Shared(String),
}

impl Store {
    /// Starts a server.
    pub fn postgres() -> Self {
        Self::Postgres(Postgres::start())
    }

    /// The server that belongs to this store.
    pub fn server(&mut self) -> Option<&mut Postgres> {
        match self {
            Self::Postgres(server) => Some(server),
            Self::Sqlite | Self::Shared(_) => None,
        }
    }

    /// Address of the database, where it is one.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(server) => Some(server.url()),
            Self::Shared(url) => Some(url.clone()),
        }
    }
}

/// Runs each test on both stores, as `sqlite::<name>` and `postgres::<name>`; its body is an `async fn` that takes the [`Store`].
#[macro_export]
macro_rules! on_both_stores {
    ($($test:ident,)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::store::Store::Sqlite).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::store::Store::postgres()).await;
            })+
        }
    };
}
