//! Masks personal data in whatever is logged or exported, with the engine that redacts prompts.
//!
//! Nothing personal should come here at all: what is masked is counted in `kaleem_log_personal_data_masked_total`, and a count
//! above zero is a defect to be looked for.

mod line;
mod span;

use std::cell::RefCell;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::LazyLock;

use kaleem_pii::{Detector, Kind, Scratch, Span};

pub(super) use line::Masking;
pub(super) use span::MaskedExporter;

/// Stands for a text that could not be looked through.
const WITHHELD: &str = "[withheld: it could not be looked through for personal data]";

/// One for the process; absent if its word lists do not compile, and then nothing is let out.
static DETECTOR: LazyLock<Option<Detector>> = LazyLock::new(|| Detector::new().ok());

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// `text` with a mask in the place of each personal value; `None` if there is none.
fn masked(text: &str) -> Option<String> {
    masked_behind(0, text)
}

/// The text behind `name`, which may tell what it is, with masks; `None` if nothing needs one.
fn masked_field(name: &str, text: &str) -> Option<String> {
    masked_behind(name.len() + 2, &format!("{name}: {text}"))
}

/// What `text` has from byte `from` on, with masks.
fn masked_behind(from: usize, text: &str) -> Option<String> {
    let Some(detector) = DETECTOR.as_ref() else { return Some(WITHHELD.to_owned()) };
    let spans = SCRATCH.with_borrow_mut(|scratch| detector.scan(text, scratch)).spans;
    let mut written: Option<String> = None;
    let mut at = from;
    let nobodys = |span: &Span| is_internal(span) || is_in_id(text, &span.range);
    for span in spans.iter().filter(|span| span.range.end > from && !nobodys(span)) {
        let written = written.get_or_insert_with(|| String::with_capacity(text.len()));
        written.push_str(&text[at..span.range.start.max(at)]);
        push_mask(span, written);
        at = span.range.end;
        metrics::counter!("kaleem_log_personal_data_masked_total", "type" => span.kind.name()).increment(1);
    }
    let mut written = written?;
    written.push_str(&text[at..]);
    Some(written)
}

/// Whether `span` is an address of a private network, such as those that our own processes listen on.
fn is_internal(span: &Span) -> bool {
    span.kind == Kind::IpAddress
        && match span.normal.parse() {
            Ok(IpAddr::V4(address)) => {
                address.is_loopback()
                    || address.is_private()
                    || address.is_link_local()
                    || address.is_unspecified()
            }
            Ok(IpAddr::V6(address)) => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address.is_unspecified()
            }
            Err(_) => false,
        }
}

/// Whether `range` lies in the hexadecimal id of a request or a trace, or in a hash such as backtraces have: digits of one may look
/// like anything.
fn is_in_id(text: &str, range: &Range<usize>) -> bool {
    let of_id = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
    let (before, after) = (&text.as_bytes()[..range.start], &text.as_bytes()[range.start..]);
    let start = range.start - before.iter().rev().take_while(|byte| of_id(byte)).count();
    let end = range.start + after.iter().take_while(|byte| of_id(byte)).count();
    let run = &text.as_bytes()[start..end];
    let hyphens: Vec<usize> = (0..run.len()).filter(|at| run[*at] == b'-').collect();
    let id = match hyphens.as_slice() {
        [] => matches!(run.len(), 32 | 40 | 64),
        hyphens => run.len() == 36 && hyphens == [8, 13, 18, 23],
    };
    // Digits alone are no id of ours.
    id && end >= range.end && run.iter().any(u8::is_ascii_alphabetic)
}

/// What may be shown of a value: enough to tell two apart, too little to reach anybody.
fn push_mask(span: &Span, out: &mut String) {
    match span.kind {
        Kind::Phone | Kind::CreditCard => {
            out.push_str("***");
            let last = span.normal.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
            out.push_str(&span.normal[last..]);
        }
        Kind::Email => {
            let (local, domain) = span.normal.split_once('@').unwrap_or((&span.normal, ""));
            out.extend(local.chars().next());
            out.push_str("***@");
            out.extend(domain.chars().next());
            out.push_str("***");
        }
        kind => {
            out.push('[');
            out.push_str(kind.name());
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_tell_values_apart_and_reach_nobody() {
        for (text, shown) in [
            ("calls +966551234567 now", "calls ***4567 now"),
            ("رقمي ٠٥٥١٢٣٤٥٦٧", "رقمي ***4567"),
            ("card 4111 1111 1111 1111.", "card ***1111."),
            ("to sara@example.com", "to s***@e***"),
            ("iban SA0380000000608010167519", "iban [IBAN]"),
        ] {
            assert_eq!(masked(text).as_deref(), Some(shown), "{text}");
        }
        assert_eq!(masked("chose provider-local/tiny-llama in 14 ms"), None);
    }

    #[test]
    fn addresses_of_our_own_processes_can_be_read() {
        for address in
            ["127.0.0.1:8080", "0.0.0.0:8080", "10.0.3.7", "192.168.1.1:80", "[::1]:8102", "[fd00::7]:8102"]
        {
            assert_eq!(masked(&format!("listening on {address}")), None, "{address}");
        }
        assert!(masked("from 203.0.113.77").is_some_and(|shown| shown == "from [IP_ADDRESS]"));
    }

    #[test]
    fn the_name_of_a_field_tells_what_a_bare_value_is() {
        assert_eq!(masked_field("customer_phone", "55123456").as_deref(), Some("***3456"));
        assert_eq!(masked_field("bytes", "55123456"), None);
        assert_eq!(masked_field("phone", ""), None);
    }

    /// Ids of version 7 as they come in requests, with every bit pattern that a counter makes.
    #[test]
    fn ids_of_requests_and_traces_are_left_alone() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        assert!(
            masked("of 2fa1ca340f9514861c68c5ee9e01df2f").is_none(),
            "a trace with a card number's digits in it"
        );
        assert!(
            masked("at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/boxed.rs:2254")
                .is_none()
        );
        let mut flagged = Vec::new();
        for _ in 0..2_000 {
            let (low, high) = (next(), next());
            let id = format!(
                "019{:05x}-{:04x}-7{:03x}-a{:03x}-{:012x}",
                high & 0xf_ffff,
                high >> 48,
                (high >> 32) & 0xfff,
                (high >> 20) & 0xfff,
                low & 0xffff_ffff_ffff
            );
            if masked_field("request_id", &id).is_some() {
                flagged.push(id);
            }
            let trace = format!("{low:016x}{high:016x}");
            if masked_field("trace_id", &trace).is_some() {
                flagged.push(trace);
            }
        }
        assert!(flagged.is_empty(), "{} of 4,000, for example {:?}", flagged.len(), flagged.first());
    }
}
