//! What can be wrong with a configuration. No variant quotes a value, as any key may have been given a secret.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use figment::error::{Actual, Kind};

use super::layer::File;

/// Why a configuration cannot be loaded or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that was named does not exist or cannot be read.
    #[error("the configuration file {} cannot be read: {cause}", path.display())]
    File {
        /// The file that was named.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The file is not TOML.
    #[error("{} line {line} is not valid TOML: {message}", path.display())]
    Syntax {
        /// The file that was named.
        path: PathBuf,
        /// Line of the first fault, from 1.
        line: usize,
        /// What the parser expected.
        message: String,
    },
    /// The value of an environment variable is not text.
    #[error("environment variable {variable} is not valid UTF-8")]
    NotUnicode {
        /// Name of the variable.
        variable: String,
    },
    /// A variable or option does not spell a dotted key.
    #[error("{origin} does not name a key: spell it as {example}")]
    Name {
        /// The variable or option.
        origin: String,
        /// How to spell one.
        example: String,
    },
    /// A key that no part of the configuration knows.
    #[error("unknown key `{key}` in {origin}: {}", known(expected))]
    UnknownKey {
        /// The dotted key.
        key: String,
        /// File with line, variable or option that sets it.
        origin: String,
        /// The keys that are known in its place.
        expected: Vec<String>,
    },
    /// A key that must be given where its table is.
    #[error("missing key `{key}` in {origin}")]
    MissingKey {
        /// The dotted key.
        key: String,
        /// File with line, variable or option that sets its table.
        origin: String,
    },
    /// A value of the wrong kind, or one that its type refuses.
    #[error("`{key}` in {origin}: {problem}")]
    Value {
        /// The dotted key.
        key: String,
        /// File with line, variable or option that sets it.
        origin: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The configuration cannot be written as TOML.
    #[error("the configuration cannot be written as TOML: {message}")]
    Dump {
        /// What the writer said.
        message: String,
    },
}

impl Error {
    pub(super) fn explain(error: figment::Error, file: Option<&File>) -> Self {
        let origin = origin(&error, file);
        let mut path = error.path;
        let value =
            |path: &[String], problem| Self::Value { key: path.join("."), origin: origin.clone(), problem };
        match error.kind {
            Kind::UnknownField(_, expected) => Self::UnknownKey {
                key: path.join("."),
                origin,
                expected: expected.iter().map(|&name| name.to_owned()).collect(),
            },
            Kind::MissingField(name) => {
                path.push(name.into_owned());
                Self::MissingKey { key: path.join("."), origin }
            }
            Kind::InvalidType(actual, expected) => {
                value(&path, format!("expected {}, found {}", plain(&expected), kind(&actual)))
            }
            Kind::InvalidValue(actual, expected) => value(
                &path,
                format!("expected {}, found {} that does not fit", plain(&expected), kind(&actual)),
            ),
            Kind::UnknownVariant(_, expected) => {
                value(&path, format!("{}, found another text", known(expected)))
            }
            Kind::InvalidLength(length, expected) => {
                value(&path, format!("expected {expected}, found {length} items"))
            }
            Kind::Message(message) => value(&path, message),
            Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => {
                value(&path, "the number is out of range".to_owned())
            }
            Kind::Unsupported(actual) | Kind::UnsupportedKey(actual, _) => {
                value(&path, format!("{} cannot stand here", kind(&actual)))
            }
            Kind::DuplicateField(_) => value(&path, "it is given twice".to_owned()),
        }
    }
}

/// The source of the value that an error is about, with its line where it is the file.
fn origin(error: &figment::Error, file: Option<&File>) -> String {
    let Some(metadata) = &error.metadata else { return "the merged configuration".to_owned() };
    let mut origin = metadata.name.to_string();
    if let Some(file) = file.filter(|file| file.origin() == origin)
        && let Some(line) = file.line(&error.path)
    {
        // Writing to a String cannot fail.
        let _ = write!(origin, " line {line}");
    }
    origin
}

fn known<S: AsRef<str>>(expected: &[S]) -> String {
    if expected.is_empty() {
        return "no key is known here".to_owned();
    }
    let names: Vec<_> = expected.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    format!("expected one of {}", names.join(", "))
}

fn kind(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "a whole number",
        Actual::Float(_) => "a fraction",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Bytes(_) => "bytes",
        Actual::Unit | Actual::Option => "nothing",
        Actual::Seq => "a list",
        Actual::Map | Actual::StructVariant => "a table",
        _ => "another kind of value",
    }
}

/// Rust's names of kinds in words; what a type says by itself is kept.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "string" => "a text (quote it if it looks like a number)",
        "a sequence" => "a list",
        "a map" => "a table",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    }
}
