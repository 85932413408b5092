//! Addresses of machines: IPv4, IPv6 and hardware addresses.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use kaleem_placeholder::Kind;

use super::cluster::{Cluster, Gap, Group};
use super::context::{Context, Mention};
use super::cue::Cues;
use super::reading::Reading;
use super::{Finding, Points};

const IPV4: Points = 65;
const SHORT_IPV4: Points = 45;
const IPV6: Points = 80;
const MAC: Points = 85;
const CUE: Points = 25;
/// A version, an order, a price.
const DECOY: Points = -35;
/// Bytes of the longest address, with zone and prefix.
const MAX_BYTES: usize = 64;
/// Characters behind a word for a hardware address in which one without colons is looked for.
const BARE_REACH: usize = 40;
/// Characters between a word for a version and its number.
const VERSION_REACH: usize = 24;

/// Adds the IPv4 addresses of a digit cluster.
pub(super) fn find_v4(reading: &Reading<'_>, cluster: &Cluster, findings: &mut Vec<Finding>) {
    for four in cluster.groups().windows(4) {
        let dotted = four[1..].iter().all(|group| group.gap == Gap::Single(b'.'));
        if dotted {
            findings.extend(v4(reading, four));
        } else if four[1].gap == Gap::Wide || reading.present.meets(Kind::IpAddress.into()) {
            findings.extend(disguised_v4(reading, four));
        }
    }
}

/// Four octets with something else between, such as ` . ` or `[.]`; anything but dots needs a word for an
/// address right before or behind.
fn disguised_v4(reading: &Reading<'_>, four: &[Group]) -> Option<Finding> {
    let text = reading.text;
    let between = &text[four[0].end..four[1].start];
    let even = four.windows(2).all(|pair| &text[pair[0].end..pair[1].start] == between);
    let range = four.first()?.start..four.last()?.end;
    let octets: Vec<&str> = four.iter().map(|group| &text[group.start..group.end]).collect();
    octets.join(".").parse::<Ipv4Addr>().ok()?;
    let near = matches!(reading.context(&range, Kind::IpAddress), Context::Positive { words: 0..=3 });
    // Dots with spaces around are written between nothing else.
    let dotted = between.contains('.') && octets.iter().any(|octet| octet.len() == 3);
    (even && (near || dotted) && four[0].len() > 1).then(|| Finding::folded(Kind::IpAddress, range, IPV4))
}

fn v4(reading: &Reading<'_>, four: &[Group]) -> Option<Finding> {
    let range = four.first()?.start..four.last()?.end;
    let bytes = reading.text.as_bytes();
    let longer = bytes.get(range.end) == Some(&b'.')
        && bytes.get(range.end + 1).is_some_and(u8::is_ascii_digit)
        || range.start.checked_sub(1).is_some_and(|at| matches!(bytes[at], b'.' | b'-' | b'v'));
    if longer {
        return None;
    }
    let address: Ipv4Addr = reading.text[range.clone()].parse().ok()?;
    if address.is_unspecified() || address.is_loopback() {
        return None;
    }
    let range = range.start..range.end + prefix_len(&bytes[range.end..]);
    // Four single digits are a code with dots as often.
    let base = if four.iter().all(|group| group.len() == 1) { SHORT_IPV4 } else { IPV4 };
    Some(scored(reading, Kind::IpAddress, range, base))
}

/// The length of `/24`.
fn prefix_len(rest: &[u8]) -> usize {
    let digits = rest.iter().skip(1).take(3).take_while(|byte| byte.is_ascii_digit()).count();
    if rest.first() == Some(&b'/') && (1..=3).contains(&digits) { 1 + digits } else { 0 }
}

/// Adds IPv6 and hardware addresses, which have colons or hyphens between hexadecimal digits.
pub(super) fn find_hex(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    if !reading.marks.have([b':', b'-', b'.']) {
        return;
    }
    let bytes = reading.text.as_bytes();
    let mut done = reading.folded.body();
    for at in memchr::memchr3_iter(b':', b'-', b'.', bytes) {
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        let before = at.checked_sub(1).map_or(0, |at| bytes[at]);
        let hex = next.is_ascii_hexdigit() || next == b':';
        // Most of these bytes are punctuation; numbers with hyphens and dots are the business of others.
        let marked =
            bytes[at] == b':' || before.is_ascii_hexdigit() && at >= 2 && bytes[at - 2].is_ascii_hexdigit();
        if at < done || !hex || !marked {
            continue;
        }
        let range = run(bytes, at, done);
        done = range.end;
        findings.extend(hex_address(reading, range));
    }
}

/// Adds the hardware addresses without colons behind a word for one: twelve digits together or in pairs.
pub(super) fn find_bare_mac(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    for mention in reading.cues(Kind::MacAddress.into()) {
        findings.extend(bare_mac(reading, mention.range.end));
    }
}

fn bare_mac(reading: &Reading<'_>, from: usize) -> Option<Finding> {
    let bytes = reading.ahead(from, BARE_REACH).as_bytes();
    let word = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let (mut digits, mut pairs) = (0, true);
        loop {
            let len = word(at);
            if !bytes[at..at + len].iter().all(u8::is_ascii_hexdigit) {
                break;
            }
            digits += len;
            pairs &= len == 2 || digits == 12 && len == 12;
            at += len;
            if digits >= 12 || len == 0 || bytes.get(at) != Some(&b' ') {
                break;
            }
            at += 1;
        }
        let letters = bytes[start..at].iter().any(u8::is_ascii_alphabetic);
        if digits == 12 && pairs && letters && from + start >= reading.folded.body() {
            return Some(Finding::folded(Kind::MacAddress, from + start..from + at, MAC));
        }
        at = start + word(start).max(1);
    }
    None
}

/// The run of characters of an address around `at`.
fn run(bytes: &[u8], at: usize, from: usize) -> Range<usize> {
    let fits = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-' | b'.');
    let before = bytes[from..at].iter().rev().take(MAX_BYTES).take_while(|byte| fits(byte)).count();
    let behind = bytes[at..].iter().take(MAX_BYTES).take_while(|byte| fits(byte)).count();
    at - before..at + behind
}

fn hex_address(reading: &Reading<'_>, range: Range<usize>) -> Option<Finding> {
    let bytes = reading.text.as_bytes();
    let letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    if letter(range.start.checked_sub(1)) || (letter(Some(range.end)) && bytes[range.end - 1] != b':') {
        return None;
    }
    let written = &reading.text[range.clone()];
    let trimmed = written.trim_end_matches(['.', '-']);
    let trimmed = if trimmed.ends_with("::") { trimmed } else { trimmed.trim_end_matches(':') };
    let lead = if trimmed.starts_with("::") {
        0
    } else {
        trimmed.len() - trimmed.trim_start_matches([':', '-', '.']).len()
    };
    let (start, text) = (range.start + lead, &trimmed[lead..]);
    if is_mac(text) {
        return Some(scored(reading, Kind::MacAddress, start..start + text.len(), MAC));
    }
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let plausible = text.matches(':').count() >= 2 && (groups >= 3 || (groups >= 1 && text.len() >= 6));
    text.parse::<Ipv6Addr>().ok().filter(|_| plausible)?;
    let end = start + text.len();
    let zone = zone_len(&bytes[end..]);
    let end = end + zone;
    let end = end + prefix_len(&bytes[end..]);
    Some(scored(reading, Kind::IpAddress, start..end, IPV6))
}

/// The length of `%eth0`.
fn zone_len(rest: &[u8]) -> usize {
    let name = rest.iter().skip(1).take(16).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if rest.first() == Some(&b'%') && name > 0 { 1 + name } else { 0 }
}

/// Six pairs or three fours of hexadecimal digits with one separator.
fn is_mac(text: &str) -> bool {
    let split = |separator: char, count: usize, len: usize| {
        let hex = |group: &str| group.len() == len && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.split(separator).count() == count && text.split(separator).all(hex)
    };
    let four = split('.', 3, 4) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    split(':', 6, 2) || split('-', 6, 2) && !text.bytes().all(|byte| !byte.is_ascii_alphabetic()) || four
}

fn scored(reading: &Reading<'_>, kind: Kind, range: Range<usize>, base: Points) -> Finding {
    let points = match reading.context(&range, kind) {
        Context::Positive { .. } => base + CUE,
        Context::Negative { adjacent: true } => base + DECOY,
        _ if kind == Kind::IpAddress && is_version(reading, range.start) => base + DECOY,
        _ => base,
    };
    Finding::folded(kind, range, points)
}

/// Whether a word for a version stands shortly before.
fn is_version(reading: &Reading<'_>, at: usize) -> bool {
    let window = at - reading.behind(at, VERSION_REACH).len()..at;
    let is_version = |mention: &Mention| mention.cues.meets(Cues::VERSION);
    reading.mentions_in(&window).iter().any(is_version)
}
