//! Secrets that no log, dump or error shows.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

/// Longest secret that a file or a variable may hold, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A password, key or token; its memory is wiped when the last owner drops it.
///
/// It is written as a text, as `{ file = "path" }` (a trailing line break is cut off) or as `{ env = "NAME" }`; file and
/// variable are read when the configuration is loaded. The default is an empty, unset secret.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// The secret itself, for the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether there is nothing to expose.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(SecretString::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({REDACTED})")
    }
}

impl Serialize for Secret {
    /// Writes `[redacted]`, or nothing where nothing is set.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { REDACTED })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, `{ file = \"path\" }` or `{ env = \"NAME\" }`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        if text == REDACTED {
            return Err(E::custom("is the placeholder of a dump; put the secret itself in its place"));
        }
        Ok(Secret::from(text.to_owned()))
    }

    // A number only gets here unchanged: the environment keeps numbers that would not print the same as texts.
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Secret, E> {
        Ok(Secret::from(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Secret, E> {
        Ok(Secret::from(number.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let Some(source) = map.next_key::<Source>()? else {
            return Err(de::Error::custom("names no source: give `file` or `env`"));
        };
        let name = map.next_value::<String>()?;
        if map.next_key::<Source>()?.is_some() {
            return Err(de::Error::custom("names two sources: give either `file` or `env`"));
        }
        let text = match source {
            Source::File => read_file(Path::new(&name)).map_err(de::Error::custom)?,
            Source::Env => read_variable(&name).map_err(de::Error::custom)?,
        };
        Ok(Secret::from(text))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Source {
    File,
    Env,
}

fn read_file(path: &Path) -> Result<String, String> {
    let fail = |why: &dyn fmt::Display| format!("names the file {}, which {why}", path.display());
    let read = |error: io::Error| fail(&format_args!("cannot be read: {error}"));
    let mut text = String::new();
    let limited = File::open(path).map_err(read)?.take(SECRET_BYTES_MAX + 1);
    io::BufReader::new(limited).read_to_string(&mut text).map_err(read)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(fail(&format_args!("is larger than {SECRET_BYTES_MAX} bytes")));
    }
    let kept = text.trim_end_matches(['\r', '\n']).len();
    if kept == 0 {
        return Err(fail(&"is empty"));
    }
    text.truncate(kept);
    Ok(text)
}

fn read_variable(name: &str) -> Result<String, String> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => Ok(text),
        Ok(_) => Err(format!("names the environment variable {name}, which is empty")),
        Err(std::env::VarError::NotPresent) => {
            Err(format!("names the environment variable {name}, which is not set"))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("names the environment variable {name}, which is not valid UTF-8"))
        }
    }
}
