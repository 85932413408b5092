//! `kaleem redact`: finds personal data in a stream of messages, without any service.

use std::{
    borrow::Cow,
    io::{self, BufRead, BufWriter, Write},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use kaleem_pii::{Detector, Kind, Points, REPORTED, Scratch, Span};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::lines::{self, BUFFER_BYTES, DATA_ERROR, LINE_BYTES_MAX, PROGRESS_LINES, read_line};

#[derive(Debug, Args)]
pub(super) struct RedactArgs {
    /// File of messages; `-` reads what is piped in.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// What a line is: a JSON object {"id", "text"}, or plain text. By default the first line that is not empty decides.
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Score from which something is personal data, 0.35 to 1.
    #[arg(long, default_value = "0.5", value_parser = threshold)]
    threshold: Points,
    /// Types to report, separated by commas, for example PHONE,EMAIL; all where it is left out.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    types: Vec<Kind>,
    /// Prints the messages with [[TYPE]] in the place of each finding, instead of the findings.
    #[arg(long)]
    redacted: bool,
    /// Stops at the first line that is no message; otherwise the rest is read and the exit code is 65.
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Auto,
    Jsonl,
    Text,
}

pub(super) fn run(args: &RedactArgs) -> anyhow::Result<u8> {
    let scanner = Scanner::new(args)?;
    let (input, bar) = lines::open(&args.file)?;
    let output = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    let faults = scanner.run(input, output, &bar)?;
    bar.finish_and_clear();
    Ok(if faults == 0 { 0 } else { DATA_ERROR })
}

/// A message as it comes in. The id goes out byte for byte.
#[derive(Deserialize)]
struct Message<'l> {
    #[serde(borrow, default)]
    id: Option<&'l RawValue>,
    #[serde(borrow)]
    text: Cow<'l, str>,
}

/// What was found in a message.
#[derive(Serialize)]
struct Found<'m> {
    id: &'m RawValue,
    entities: Vec<Entity<'m>>,
}

/// A message without its personal data.
#[derive(Serialize)]
struct Redacted<'m> {
    id: &'m RawValue,
    text: &'m str,
}

/// One finding; `start` and `end` count code points, the end is exclusive.
#[derive(Serialize)]
struct Entity<'m> {
    #[serde(rename = "type")]
    kind: &'static str,
    start: usize,
    end: usize,
    text: &'m str,
    score: f64,
}

struct Scanner {
    detector: Detector,
    format: Format,
    threshold: Points,
    /// Types to report; empty means all.
    kinds: Vec<Kind>,
    redacted: bool,
    strict: bool,
}

impl Scanner {
    fn new(args: &RedactArgs) -> anyhow::Result<Self> {
        Ok(Self {
            detector: Detector::new()?,
            format: args.format,
            threshold: args.threshold,
            kinds: args.types.clone(),
            redacted: args.redacted,
            strict: args.strict,
        })
    }

    /// Scans line by line and gives how many lines were no messages.
    fn run(&self, mut input: impl BufRead, mut output: impl Write, bar: &ProgressBar) -> anyhow::Result<u64> {
        let mut scratch = Scratch::default();
        let mut format = self.format;
        let (mut number, mut faults) = (0_u64, 0_u64);
        let mut line = Vec::new();
        while read_line(&mut input, &mut line)? {
            number += 1;
            let text = String::from_utf8_lossy(&line);
            if format == Format::Auto && !text.trim().is_empty() {
                format = guess(&text);
            }
            if let Err(fault) = self.line(&text, number, format, &mut scratch, &mut output)? {
                faults += 1;
                bar.suspend(|| writeln!(io::stderr(), "kaleem: line {number}: {fault}"))?;
                if self.strict {
                    break;
                }
            }
            if number.is_multiple_of(PROGRESS_LINES) {
                bar.set_message(format!("{number} messages"));
            }
        }
        output.flush()?;
        Ok(faults)
    }

    /// Scans one line; the inner error says what is wrong with it, without a word of it.
    fn line(
        &self,
        line: &str,
        number: u64,
        format: Format,
        scratch: &mut Scratch,
        output: &mut impl Write,
    ) -> anyhow::Result<Result<(), String>> {
        if line.len() as u64 > LINE_BYTES_MAX {
            return Ok(Err(format!("has more than {LINE_BYTES_MAX} bytes; split it")));
        }
        let own = RawValue::from_string(number.to_string())?;
        if format != Format::Jsonl {
            self.message(&own, line, format, scratch, output)?;
            return Ok(Ok(()));
        }
        if line.trim().is_empty() {
            return Ok(Ok(()));
        }
        let mended = without_lone_surrogates(line);
        match serde_json::from_str::<Message<'_>>(&mended) {
            Ok(message) => {
                self.message(message.id.unwrap_or(&own), &message.text, format, scratch, output)?;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(fault(&error))),
        }
    }

    fn message(
        &self,
        id: &RawValue,
        text: &str,
        format: Format,
        scratch: &mut Scratch,
        output: &mut impl Write,
    ) -> anyhow::Result<()> {
        let mut spans = self.detector.scan_above(self.threshold, text, scratch).spans;
        spans.retain(|span| self.kinds.is_empty() || self.kinds.contains(&span.kind));
        match (self.redacted, format) {
            (false, _) => {
                serde_json::to_writer(&mut *output, &Found { id, entities: entities(text, &spans) })?;
            }
            (true, Format::Jsonl) => {
                serde_json::to_writer(&mut *output, &Redacted { id, text: &replaced(text, &spans) })?;
            }
            (true, _) => output.write_all(replaced(text, &spans).as_bytes())?,
        }
        output.write_all(b"\n")?;
        Ok(())
    }
}

/// Reads a threshold as hundredths.
fn threshold(text: &str) -> Result<Points, String> {
    let value: f64 = text.parse().map_err(|_| "it must be a number".to_owned())?;
    let least = f64::from(REPORTED) / 100.0;
    if !(least..=1.0).contains(&value) {
        return Err(format!("it must be between {least} and 1"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 100")]
    Ok((value * 100.0).round() as Points)
}

fn kind(name: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    name.trim().to_ascii_uppercase().parse().map_err(|_| format!("there are {}", names()))
}

/// A line that begins as an object with a text is JSON; anything else is a message as it stands.
fn guess(line: &str) -> Format {
    let object = line.trim_start().trim_start_matches('\u{feff}').starts_with('{');
    if object && line.contains("\"text\"") { Format::Jsonl } else { Format::Text }
}

/// What is wrong with a line, without the words of it that the parser would quote.
fn fault(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            "is JSON, but no object with a string \"text\"; \"id\" may be a string or a number".to_owned()
        }
        _ => format!("is not valid JSON, at byte {}", error.column()),
    }
}

/// Replaces halves of surrogate pairs, which JSON allows and text cannot hold, by U+FFFD of the same length.
fn without_lone_surrogates(line: &str) -> Cow<'_, str> {
    let line = line.trim_start_matches('\u{feff}');
    let bytes = line.as_bytes();
    let mut mended: Option<String> = None;
    let mut at = 0;
    while let Some(escape) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        let start = at + escape;
        let high = surrogate(bytes, start);
        at = start + 2;
        match (high, surrogate(bytes, start + 6)) {
            (None, _) => {}
            (Some(true), Some(false)) => at = start + 12,
            _ => {
                mended.get_or_insert_with(|| line.to_owned()).replace_range(start..start + 6, "\\ufffd");
                at = start + 6;
            }
        }
    }
    mended.map_or(Cow::Borrowed(line), Cow::Owned)
}

/// Whether an escaped half of a pair stands at `at`, and whether it is the first half.
fn surrogate(bytes: &[u8], at: usize) -> Option<bool> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let value = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    matches!(value, 0xd800..=0xdfff).then_some(value < 0xdc00)
}

fn entities<'m>(text: &'m str, spans: &[Span]) -> Vec<Entity<'m>> {
    let (mut byte, mut point) = (0, 0);
    let mut point_at = |at: usize| {
        point += text[byte..at].chars().count();
        byte = at;
        point
    };
    let entity = |span: &Span| Entity {
        kind: span.kind.name(),
        start: point_at(span.range.start),
        end: point_at(span.range.end),
        text: &text[span.range.clone()],
        score: f64::from(span.points) / 100.0,
    };
    spans.iter().map(entity).collect()
}

fn replaced(text: &str, spans: &[Span]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        out.push_str(&text[from..span.range.start]);
        out.push_str("[[");
        out.push_str(span.kind.name());
        out.push_str("]]");
        from = span.range.end;
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced_and_pairs_are_kept() {
        for (line, expected) in [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""a\ud800b""#, r#""a\ufffdb""#),
            (r#""\udc00\ud800""#, r#""\ufffd\ufffd""#),
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\ud800"#, r#""\ufffd"#),
            (r#""\"#, r#""\"#),
        ] {
            assert_eq!(without_lone_surrogates(line), expected, "{line}");
        }
    }
}
