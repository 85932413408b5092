//! Configuration in layers: defaults, then a TOML file, then the environment, then command line overrides.
//!
//! A configuration type derives `Serialize` and `Deserialize` with `#[serde(default, deny_unknown_fields)]`, implements
//! `Default`, and uses [`Span`], [`Size`] and [`Secret`] for what people write as words. Its defaults also tell of
//! what type a key is, so `KALEEM__GATEWAY__NAME=123` stays a text where the default is a text.
//!
//! A secret belongs in an `Option<Secret>`; a map's keys are lower case when they come from the environment.

mod error;
mod layer;
mod secret;
mod word;

use std::ffi::OsString;
use std::path::PathBuf;

use figment::Figment;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::Error;
pub use secret::Secret;
pub use word::{Size, Span, WordError};

use layer::{File, Layer};

/// Where a configuration comes from, besides its defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A TOML file of at most 1 MiB. Naming a file that does not exist is an error.
    pub file: Option<PathBuf>,
    /// Start of the names of the environment variables that count, such as `KALEEM__`. With an empty prefix the
    /// environment is not read.
    pub env_prefix: String,
    /// Dotted keys with their values as text, such as `("gateway.listen", "[::]:8080")`; the last one of a key wins.
    pub overrides: Vec<(String, String)>,
}

/// Reads the configuration from `sources` and this process's environment.
pub fn load<T>(sources: &Sources) -> Result<T, Error>
where
    T: Default + Serialize + DeserializeOwned,
{
    load_with_env(sources, std::env::vars_os())
}

/// Reads the configuration from `sources` and the environment variables handed in.
///
/// Of the variables, those that start with the prefix count: `KALEEM__SECTION__KEY` sets `section.key`.
/// A value is read by the type of the key's default; where the default is absent, it is read as TOML if it looks
/// like a number, a boolean, a list or a table, and as text otherwise.
pub fn load_with_env<T>(
    sources: &Sources,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<T, Error>
where
    T: Default + Serialize + DeserializeOwned,
{
    let defaults = Layer::defaults(&T::default())?;
    let file = sources.file.as_deref().map(File::read).transpose()?;
    let from_file = file.as_ref().map(File::layer);
    let mut layers = layer::from_environment(&sources.env_prefix, variables, &defaults)?;
    layers.extend(layer::from_overrides(&sources.overrides, &defaults)?);

    let figment = Figment::from(defaults);
    let figment = from_file.into_iter().chain(layers).fold(figment, Figment::merge);
    figment.extract().map_err(|error| Error::explain(error, file.as_ref()))
}

/// Writes a configuration as TOML that [`load`] accepts, save for its secrets, which read `"[redacted]"`.
pub fn dump<T: Serialize>(config: &T) -> Result<String, Error> {
    toml::to_string(config).map_err(|error| Error::Dump { message: error.to_string() })
}

#[cfg(test)]
mod tests;
