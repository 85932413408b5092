//! How a mesh is laid out, and what it keeps its state in: files, or the databases of production.

use kaleem::Config;
use kaleem_runtime::config::Secret;
use kaleem_testkit::{
    postgres::Postgres,
    redis::{Durability, Redis},
};

/// Set to `production`, every mesh whose stores are not chosen by its test runs on them.
const VARIABLE: &str = "KALEEM_TEST_STORES";

/// How a mesh is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Every target in one node; only the gateway listens.
    AllInOne,
    /// A node each, over TCP with mutual TLS.
    Split,
}

/// How a mesh is laid out, and on what.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub(crate) shape: Shape,
    pub(crate) stores: Stores,
}

impl Shape {
    /// This shape on `stores`, whatever the environment says.
    pub fn on(self, stores: Stores) -> Layout {
        Layout { shape: self, stores }
    }
}

impl From<Shape> for Layout {
    fn from(shape: Shape) -> Self {
        shape.on(Stores::from_environment())
    }
}

/// What the services of a mesh keep their state in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    /// Files in the folder of each node.
    Embedded,
    /// One Postgres and one Redis.
    Production,
}

impl Stores {
    /// What the environment asks for; without a word, [`Stores::Embedded`].
    pub fn from_environment() -> Self {
        match std::env::var(VARIABLE).as_deref() {
            Ok("production") => Self::Production,
            Err(_) | Ok("embedded" | "") => Self::Embedded,
            Ok(other) => panic!("{VARIABLE} is `embedded` or `production`, not `{other}`"),
        }
    }

    /// Starts the servers, if there are any.
    pub(crate) fn start(self) -> Option<Databases> {
        let start = || Databases { postgres: Postgres::start(), redis: Redis::start(Durability::AppendOnly) };
        (self == Self::Production).then(start)
    }
}

/// The servers of [`Stores::Production`].
pub struct Databases {
    /// Where accounts are, and every service that keeps more than counters.
    pub postgres: Postgres,
    /// Where counters are.
    pub redis: Redis,
}

impl Databases {
    /// Points every service of `config` to these servers.
    pub(crate) fn enter(&self, config: &mut Config) {
        config.store.postgres_url = Some(Secret::from(self.postgres.url()));
        config.store.redis_url = Some(Secret::from(self.redis.url()));
    }
}

/// One test of a scenario's `body`.
#[doc(hidden)]
#[macro_export]
macro_rules! scenario {
    ($(#[$meta:meta])* $name:ident, $layout:expr) => {
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            body($crate::Mesh::start($layout).await).await;
        }
    };
}

/// Runs an async test body under both shapes.
#[macro_export]
macro_rules! in_both_shapes {
    ($($(#[$meta:meta])* async fn $name:ident($mesh:ident) $body:block)+) => {$(
        mod $name {
            use super::*;
            async fn body($mesh: $crate::Mesh) $body
            $crate::scenario!($(#[$meta])* all_in_one, $crate::Shape::AllInOne);
            $crate::scenario!($(#[$meta])* split, $crate::Shape::Split);
        }
    )+};
}

/// Runs an async test body under both shapes, and split on the stores of production: for what touches money, quota or
/// accounts.
#[macro_export]
macro_rules! in_every_layout {
    ($($(#[$meta:meta])* async fn $name:ident($mesh:ident) $body:block)+) => {$(
        mod $name {
            use super::*;
            async fn body($mesh: $crate::Mesh) $body
            $crate::scenario!($(#[$meta])* all_in_one, $crate::Shape::AllInOne);
            $crate::scenario!($(#[$meta])* split, $crate::Shape::Split);
            $crate::scenario!($(#[$meta])* split_on_production_stores, $crate::Shape::Split.on($crate::Stores::Production));
        }
    )+};
}
