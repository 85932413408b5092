//! One source of configuration as a layer that figment merges.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use serde::Serialize;
use toml::de::{DeTable, DeValue};

use super::Error;

/// Largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The keys that one source sets, with the name that errors give the source.
pub(super) struct Layer {
    origin: String,
    keys: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.keys.clone()))
    }
}

impl Layer {
    pub(super) fn defaults<T: Serialize>(config: &T) -> Result<Self, Error> {
        let keys = Value::serialize(config).map_err(|error| Error::explain(error, None))?.into_dict();
        Ok(Self { origin: "the built-in defaults".to_owned(), keys: keys.unwrap_or_default() })
    }

    fn single(origin: String, key: &str, text: &str, defaults: &Layer) -> Self {
        let value = typed(text, defaults.find(key));
        let keys = figment::util::nest(key, value).into_dict().unwrap_or_default();
        Self { origin, keys }
    }

    fn find(&self, dotted: &str) -> Option<&Value> {
        let (first, rest) =
            dotted.split_once('.').map_or((dotted, None), |(first, rest)| (first, Some(rest)));
        let value = self.keys.get(first)?;
        rest.map_or(Some(value), |rest| value.find_ref(rest))
    }
}

/// A parsed configuration file; its text is kept so that errors can name a line.
pub(super) struct File {
    path: PathBuf,
    text: String,
    keys: Dict,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = read_text(path).map_err(|cause| Error::File { path: path.to_owned(), cause })?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| Error::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line_at(&text, span.start)),
            // The error's own text quotes the line, which may hold a secret.
            message: error.message().to_owned(),
        })?;
        Ok(Self { path: path.to_owned(), keys: dict(table), text })
    }

    pub(super) fn layer(&self) -> Layer {
        Layer { origin: self.origin(), keys: self.keys.clone() }
    }

    pub(super) fn origin(&self) -> String {
        self.path.display().to_string()
    }

    /// The line on which a key stands, or the deepest of its parents that the file has.
    pub(super) fn line(&self, path: &[String]) -> Option<usize> {
        let document = DeTable::parse(&self.text).ok()?;
        let mut value = DeValue::Table(document.into_inner());
        let mut line = None;
        for name in path {
            value = match value {
                DeValue::Table(table) => {
                    let Some((key, value)) = table.into_iter().find(|(key, _)| key.get_ref() == name) else {
                        break;
                    };
                    line = Some(line_at(&self.text, key.span().start));
                    value.into_inner()
                }
                DeValue::Array(items) => {
                    let index = name.parse().unwrap_or(usize::MAX);
                    let Some(item) = items.into_iter().nth(index) else { break };
                    line = Some(line_at(&self.text, item.span().start));
                    item.into_inner()
                }
                _ => break,
            };
        }
        line
    }
}

/// One layer for each variable that starts with `prefix`, in the order of their names.
pub(super) fn from_environment(
    prefix: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    defaults: &Layer,
) -> Result<Vec<Layer>, Error> {
    if prefix.is_empty() {
        return Ok(Vec::new());
    }
    let named = variables.into_iter().filter_map(|(name, text)| Some((name.into_string().ok()?, text)));
    let mut chosen: Vec<_> = named.filter(|(name, _)| name.starts_with(prefix)).collect();
    chosen.sort();

    let mut layers = Vec::with_capacity(chosen.len());
    for (name, text) in chosen {
        let origin = format!("environment variable {name}");
        let key = name[prefix.len()..].to_ascii_lowercase().replace("__", ".");
        let Ok(text) = text.into_string() else { return Err(Error::NotUnicode { variable: name }) };
        if !names_a_key(&key) {
            return Err(Error::Name { origin, example: format!("{prefix}SECTION__KEY") });
        }
        layers.push(Layer::single(origin, &key, &text, defaults));
    }
    Ok(layers)
}

/// One layer for each override, in the order given.
pub(super) fn from_overrides(overrides: &[(String, String)], defaults: &Layer) -> Result<Vec<Layer>, Error> {
    let layer = |(key, text): &(String, String)| {
        let origin = format!("the command line option for {key}");
        if !names_a_key(key) {
            return Err(Error::Name { origin, example: "section.key".to_owned() });
        }
        Ok(Layer::single(origin, key, text, defaults))
    };
    overrides.iter().map(layer).collect()
}

fn names_a_key(dotted: &str) -> bool {
    dotted.split('.').all(|name| !name.is_empty() && !name.starts_with('_') && !name.ends_with('_'))
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(text)
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// A text as a value of the type that the key's default has. What does not fit stays a text, so that the error names
/// the type that was expected.
fn typed(text: &str, default: Option<&Value>) -> Value {
    match default {
        Some(Value::String(..) | Value::Char(..)) => Value::from(text),
        Some(Value::Bool(..)) => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Some(Value::Num(..)) => number(text).unwrap_or_else(|| Value::from(text)),
        Some(Value::Array(..)) if !text.trim_start().starts_with('[') => list(text),
        _ => guessed(text),
    }
}

fn number(text: &str) -> Option<Value> {
    let text = text.trim();
    let whole = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
    whole.ok().or_else(|| text.parse::<f64>().ok().map(Value::from))
}

fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::from(items.map(guessed).collect::<Vec<_>>())
}

/// A text as TOML where that keeps it as it is: `007` and `1e3` stay texts, as a number would print otherwise.
fn guessed(text: &str) -> Value {
    let structured = text.trim_start().starts_with(['[', '{']);
    let document = || toml::from_str::<toml::Table>(&format!("value = {text}")).ok()?.remove("value");
    if structured && let Some(parsed) = document() {
        return value(parsed);
    }
    if let Ok(flag) = text.parse::<bool>() {
        return Value::from(flag);
    }
    match text.parse::<i64>() {
        Ok(whole) if whole.to_string() == text => return Value::from(whole),
        _ => {}
    }
    match text.parse::<f64>() {
        Ok(fraction) if fraction.is_finite() && fraction.to_string() == text => Value::from(fraction),
        _ => Value::from(text),
    }
}

fn dict(table: toml::Table) -> Dict {
    table.into_iter().map(|(key, item)| (key, value(item))).collect()
}

fn value(item: toml::Value) -> Value {
    match item {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(whole) => Value::from(whole),
        toml::Value::Float(fraction) => Value::from(fraction),
        toml::Value::Boolean(flag) => Value::from(flag),
        toml::Value::Datetime(instant) => Value::from(instant.to_string()),
        toml::Value::Array(items) => Value::from(items.into_iter().map(value).collect::<Vec<_>>()),
        toml::Value::Table(table) => Value::from(dict(table)),
    }
}
