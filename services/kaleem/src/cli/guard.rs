//! `kaleem guard`: checks answers against a shop's facts, without any service.

use std::{
    borrow::Cow,
    io::{self, BufRead, BufWriter, Write},
    path::PathBuf,
};

use clap::Args;
use kaleem_guard::{Policy, check};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::lines::{self, BUFFER_BYTES, DATA_ERROR, LINE_BYTES_MAX, PROGRESS_LINES, read_line};

#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    /// File of JSON lines; `-` reads what is piped in. First {"policy": {…}}, then {"id", "lang", "answer"} a line; a later
    /// policy replaces the one before.
    #[arg(default_value = "-")]
    file: PathBuf,
}

pub(super) fn run(args: &GuardArgs) -> anyhow::Result<u8> {
    let (input, bar) = lines::open(&args.file)?;
    let output = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    let faults = guard(input, output, |number, fault| {
        bar.set_message(format!("{number} lines"));
        match fault {
            Some(fault) => bar.suspend(|| writeln!(io::stderr(), "kaleem: line {number}: {fault}")),
            None => Ok(()),
        }
    })?;
    bar.finish_and_clear();
    Ok(if faults == 0 { 0 } else { DATA_ERROR })
}

/// One line: a policy, or an answer. Languages are told by their words; `lang` and other keys are left alone.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow, default)]
    policy: Option<&'l RawValue>,
    #[serde(borrow, default)]
    id: Option<&'l RawValue>,
    #[serde(borrow, default)]
    answer: Option<Cow<'l, str>>,
}

/// What is said of an answer. The id goes out byte for byte.
#[derive(Serialize)]
struct Checked<'l> {
    id: &'l RawValue,
    verdict: &'static str,
    violations: Vec<Violation<'l>>,
}

/// One violation; `start` and `end` count code points, the end is exclusive.
#[derive(Serialize)]
struct Violation<'l> {
    field: &'static str,
    found: &'l str,
    start: usize,
    end: usize,
}

/// Checks line by line and gives how many lines were wrong; `tell` hears of each, and now and then how far it is.
fn guard(
    mut input: impl BufRead,
    mut output: impl Write,
    mut tell: impl FnMut(u64, Option<&str>) -> io::Result<()>,
) -> anyhow::Result<u64> {
    let mut policy = None;
    let (mut number, mut faults) = (0_u64, 0_u64);
    let mut line = Vec::new();
    while read_line(&mut input, &mut line)? {
        number += 1;
        match answer(&line, &mut policy, &mut output)? {
            Ok(()) => {}
            Err(fault) => {
                faults += 1;
                tell(number, Some(&fault))?;
            }
        }
        if number.is_multiple_of(PROGRESS_LINES) {
            tell(number, None)?;
        }
    }
    output.flush()?;
    Ok(faults)
}

/// Handles one line; the inner error says what is wrong with it.
fn answer(
    line: &[u8],
    policy: &mut Option<Policy>,
    output: &mut impl Write,
) -> anyhow::Result<Result<(), String>> {
    if line.len() as u64 > LINE_BYTES_MAX {
        return Ok(Err(format!("has more than {LINE_BYTES_MAX} bytes; split it")));
    }
    let text = String::from_utf8_lossy(line);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(Ok(()));
    }
    let line: Line<'_> = match serde_json::from_str(text) {
        Ok(line) => line,
        Err(error) => return Ok(Err(fault(&error))),
    };
    match (line.policy, line.answer, &policy) {
        (Some(document), ..) => {
            // What is wrong with the new facts must not be answered with the old ones.
            *policy = None;
            match Policy::parse(document.get()) {
                Ok(parsed) => *policy = Some(parsed),
                Err(error) => {
                    let faults: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
                    return Ok(Err(format!("the policy is wrong: {}", faults.join("; "))));
                }
            }
        }
        (None, None, _) => return Ok(Err("has neither a \"policy\" nor an \"answer\"".to_owned())),
        (None, Some(_), None) => {
            return Ok(Err("no policy is in force; send {\"policy\": {…}} first".to_owned()));
        }
        (None, Some(answer), Some(policy)) => {
            let none = RawValue::from_string("null".to_owned())?;
            write_checked(line.id.unwrap_or(&none), &answer, policy, output)?;
        }
    }
    Ok(Ok(()))
}

fn write_checked(
    id: &RawValue,
    answer: &str,
    policy: &Policy,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let report = check(policy, answer);
    let violations = report.violations().map(|finding| Violation {
        field: finding.field.name(),
        found: &answer[finding.bytes.clone()],
        start: finding.chars.start,
        end: finding.chars.end,
    });
    let checked = Checked { id, verdict: report.verdict.name(), violations: violations.collect() };
    serde_json::to_writer(&mut *output, &checked)?;
    output.write_all(b"\n")?;
    Ok(())
}

/// What is wrong with a line, without the words of it that the parser would quote.
fn fault(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => "is JSON, but \"answer\" must be a string".to_owned(),
        _ => format!("is not valid JSON, at byte {}", error.column()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(input: &str) -> (String, Vec<String>) {
        let (mut output, mut faults) = (Vec::new(), Vec::new());
        let tell = |number: u64, fault: Option<&str>| {
            faults.extend(fault.map(|fault| format!("{number}: {fault}")));
            Ok(())
        };
        guard(io::Cursor::new(input), &mut output, tell).unwrap();
        (String::from_utf8(output).unwrap(), faults)
    }

    #[test]
    fn ids_come_back_as_they_came_and_a_later_policy_replaces_the_first() {
        let input = r#"{"policy":{"currency":"SAR","shipping":{"fee":"25.00"}}}
{"id":"a","lang":"ar","answer":"رسوم الشحن ٣٠ ريال"}
{"id":7.0,"lang":"en","answer":"Shipping is 25 SAR."}
{"policy":{"currency":"SAR","shipping":{"fee":"30.00"}}}

{"id":null,"answer":"رسوم الشحن ٣٠ ريال"}
{"id":{"n":1},"answer":"You can return it within 14 days."}
"#;
        let (output, faults) = checked(input);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(
            output,
            r#"{"id":"a","verdict":"violate","violations":[{"field":"shipping_fee","found":"٣٠ ريال","start":11,"end":18}]}
{"id":7.0,"verdict":"pass","violations":[]}
{"id":null,"verdict":"pass","violations":[]}
{"id":{"n":1},"verdict":"unsure","violations":[]}
"#
        );
    }

    #[test]
    fn wrong_lines_are_named_and_the_others_answered() {
        let (output, faults) = checked(
            "{\"answer\":\"x\"}\n{\n{\"policy\":{\"currency\":1}}\n{\"id\":1,\"answer\":\"x\"}\n{\"policy\":{}}\n{\"id\":2,\"answer\":5}\n{}\n{\"id\":3,\"answer\":\"ok\"}",
        );
        assert_eq!(output, "{\"id\":3,\"verdict\":\"pass\",\"violations\":[]}\n");
        let lines: Vec<&str> = faults.iter().map(|fault| &fault[..2]).collect();
        assert_eq!(lines, ["1:", "2:", "3:", "4:", "6:", "7:"]);
        assert!(faults[2].contains("currency: must be a code"), "{}", faults[2]);
        assert!(faults[3].contains("no policy is in force"), "{}", faults[3]);
    }
}
