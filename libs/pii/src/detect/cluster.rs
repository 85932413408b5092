//! Digit clusters: digits that a reader takes together, and the windows over their groups.

mod gap;

use std::ops::Range;

pub(super) use gap::Gap;
use gap::gap_after;

/// Digits of the longest number that is looked for.
pub(super) const MAX_DIGITS: usize = 26;

/// A run of digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// Start in the folded text.
    pub(super) start: usize,
    /// End in the folded text.
    pub(super) end: usize,
    /// Index of its first digit in the digits of its cluster.
    first: usize,
    /// What lies before it.
    pub(super) gap: Gap,
    /// Whether it is part of a date or an IP address.
    pub(super) decoy: bool,
}

impl Group {
    /// Number of digits.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Groups of digits with little between them.
#[derive(Default)]
pub(super) struct Cluster {
    digits: Vec<u8>,
    groups: Vec<Group>,
}

/// How the digits of a window are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Without a break.
    Solid,
    /// Every digit on its own.
    Spaced,
    /// In groups of two or more digits, at most one single digit among them.
    Grouped,
    /// In a way in which nobody writes one number.
    Messy,
}

/// A run of groups of one cluster, as one number.
#[derive(Clone, Copy)]
pub(super) struct Window<'c> {
    /// All its digits.
    pub(super) digits: &'c [u8],
    /// Its groups.
    pub(super) groups: &'c [Group],
    /// The group before it in the cluster.
    pub(super) before: Option<&'c Group>,
    /// The group behind it in the cluster.
    pub(super) after: Option<&'c Group>,
    /// Where a plus sign stands that belongs to it, before or behind.
    pub(super) plus: Option<usize>,
}

impl Cluster {
    /// Reads the next cluster at or behind `from` and gives where to go on.
    pub(super) fn read(&mut self, text: &str, from: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        self.digits.clear();
        self.groups.clear();
        let mut start = from + first_digit(bytes.get(from..)?)?;
        let mut gap = Gap::First;
        loop {
            let len = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let end = start + len;
            self.groups.push(Group { start, end, first: self.digits.len(), gap, decoy: false });
            self.digits.extend_from_slice(&bytes[start..end]);
            let Some((next_gap, next)) = gap_after(text, end) else { break };
            (gap, start) = (next_gap, next);
        }
        self.mark_times(bytes);
        // Most numbers stand alone.
        if self.groups.len() > 2 {
            self.mark_dates();
            self.mark_addresses();
            self.mark_years();
        }
        self.groups.last().map(|group| group.end)
    }

    /// Number of digits.
    pub(super) fn digits(&self) -> usize {
        self.digits.len()
    }

    /// Its place in the folded text.
    pub(super) fn range(&self) -> Range<usize> {
        range(&self.groups)
    }

    /// Its groups.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Where its groups start in the folded text.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().map(|group| group.start)
    }

    /// Gives every window of `min` to [`MAX_DIGITS`] digits, from group border to group border; of digits that each stand
    /// alone, only the whole row.
    pub(super) fn windows<'c>(&'c self, bytes: &'c [u8], min: usize) -> impl Iterator<Item = Window<'c>> {
        let (mut first, mut last) = (0, 0);
        std::iter::from_fn(move || {
            loop {
                let start = self.groups.get(first)?.first;
                let len = self.groups.get(last).map_or(usize::MAX, |group| group.first + group.len() - start);
                if len > MAX_DIGITS || self.in_row(first) {
                    first += 1;
                    last = first;
                    continue;
                }
                last += 1;
                if len >= min && !self.in_row(last) {
                    return Some(self.window(bytes, first..last, len));
                }
            }
        })
    }

    /// The window of some groups, which have `len` digits.
    fn window<'c>(&'c self, bytes: &[u8], place: Range<usize>, len: usize) -> Window<'c> {
        let groups = &self.groups[place.clone()];
        let range = range(groups);
        Window {
            digits: &self.digits[groups[0].first..][..len],
            groups,
            before: place.start.checked_sub(1).map(|before| &self.groups[before]),
            after: self.groups.get(place.end),
            plus: plus_at(bytes, range.start, range.end),
        }
    }

    /// Whether a single digit goes on a row of single digits with the same separator between.
    fn in_row(&self, index: usize) -> bool {
        let Some([before, group]) = index.checked_sub(1).and_then(|from| self.groups.get(from..=index))
        else {
            return false;
        };
        group.len() == 1 && before.len() == 1 && matches!(group.gap, Gap::Single(_))
    }

    /// Marks the hours and minutes of `12:30`.
    fn mark_times(&mut self, bytes: &[u8]) {
        let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        let is_colon = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&b':');
        for group in self.groups.iter_mut().filter(|group| group.end - group.start <= 2) {
            let behind = is_colon(group.start.checked_sub(1)) && is_digit(group.start.checked_sub(2));
            let before = is_colon(Some(group.end)) && is_digit(Some(group.end + 1));
            group.decoy = behind || before;
        }
    }

    /// Marks `2024-05-12`, `12/5/1446` and the like.
    fn mark_dates(&mut self) {
        for index in 2..self.groups.len() {
            let [a, b, c] = [index - 2, index - 1, index].map(|at| self.groups[at]);
            let separated = b.gap == c.gap && matches!(b.gap, Gap::Single(b'-' | b'/' | b'.'));
            let [a, b, c] = [a, b, c].map(|group| self.value(&group));
            let forward = is_year(a) && is_month_day(b, c);
            let backward = is_year(c) && is_month_day(a, b);
            if separated && (forward || backward) {
                self.groups[index - 2..=index].iter_mut().for_each(|group| group.decoy = true);
            }
        }
    }

    /// Marks three years and more in a row.
    fn mark_years(&mut self) {
        for index in 2..self.groups.len() {
            if (index - 2..=index).all(|at| is_year(self.value(&self.groups[at]))) {
                self.groups[index - 2..=index].iter_mut().for_each(|group| group.decoy = true);
            }
        }
    }

    /// Marks IPv4 addresses.
    fn mark_addresses(&mut self) {
        for index in 3..self.groups.len() {
            let four = &self.groups[index - 3..=index];
            let dot = Gap::Single(b'.');
            let longer = four[0].gap == dot || self.groups.get(index + 1).is_some_and(|next| next.gap == dot);
            let dotted = four[1..].iter().all(|group| group.gap == dot) && !longer;
            let octets = four.iter().all(|group| {
                let leading_zero = group.len() > 1 && self.digits[group.first] == b'0';
                self.value(group).is_some_and(|(value, len)| value <= 255 && len <= 3) && !leading_zero
            });
            // Four single digits are a code with dots between.
            if dotted && octets && four.iter().any(|group| group.len() > 1) {
                self.groups[index - 3..=index].iter_mut().for_each(|group| group.decoy = true);
            }
        }
    }

    /// The value and length of a group of at most four digits.
    fn value(&self, group: &Group) -> Option<(u32, usize)> {
        let len = group.len();
        (len <= 4).then(|| (number(&self.digits[group.first..group.first + len]), len))
    }
}

impl Window<'_> {
    /// Its place in the folded text, without a plus sign.
    pub(super) fn range(&self) -> Range<usize> {
        range(self.groups)
    }

    /// How the digits are written.
    pub(super) fn shape(&self) -> Shape {
        let singles = self.groups.iter().filter(|group| group.len() == 1).count();
        match self.groups.len() {
            1 => Shape::Solid,
            count if singles == count => Shape::Spaced,
            2..=7 if singles <= 1 => Shape::Grouped,
            _ => Shape::Messy,
        }
    }

    /// Whether one of the gaps inside satisfies the predicate.
    pub(super) fn any_gap(&self, predicate: impl Fn(Gap) -> bool) -> bool {
        self.groups[1..].iter().any(|group| predicate(group.gap))
    }

    /// Whether the groups read as an amount with thousands separators.
    pub(super) fn is_amount(&self) -> bool {
        self.groups.len() > 1
            && self.groups[0].len() <= 3
            && self.groups[1..].iter().all(|group| group.gap == Gap::Single(b',') && group.len() == 3)
    }

    /// Whether the groups are numbers in even steps, such as a list of sizes.
    pub(super) fn is_progression(&self) -> bool {
        if self.groups.len() < 4 || self.groups.iter().any(|group| group.len() > 4) {
            return false;
        }
        let base = self.groups[0].first;
        let value = |group: &Group| {
            let start = group.first - base;
            i64::from(number(&self.digits[start..start + group.len()]))
        };
        let step = value(&self.groups[1]) - value(&self.groups[0]);
        step != 0 && self.groups.windows(2).all(|pair| value(&pair[1]) - value(&pair[0]) == step)
    }
}

/// Where the first digit stands.
fn first_digit(bytes: &[u8]) -> Option<usize> {
    /// Bytes that are looked at together, without a branch for each.
    const STRIDE: usize = 32;
    let without = |chunk: &&[u8]| !chunk.iter().fold(false, |any, byte| any | byte.is_ascii_digit());
    let skipped = STRIDE * bytes.chunks_exact(STRIDE).take_while(without).count();
    let (words, rest) = bytes[skipped..].as_chunks();
    for (index, word) in words.iter().enumerate() {
        let digits = digits_of(*word);
        if digits != 0 {
            return Some(skipped + 8 * index + digits.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(u8::is_ascii_digit)?;
    Some(skipped + 8 * words.len() + at)
}

/// The highest bit of each of eight bytes that is a digit.
const fn digits_of(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let value = u64::from_le_bytes(word) ^ (ONES * b'0' as u64);
    // From ten on, what is added reaches the highest bit.
    let others = ((value & (ONES * 0x7f)) + ONES * (0x80 - 10)) | value;
    !others & (ONES * 0x80)
}

/// Where groups lie.
fn range(groups: &[Group]) -> Range<usize> {
    let start = groups.first().map_or(0, |group| group.start);
    start..groups.last().map_or(start, |group| group.end)
}

/// The value of at most nine digits.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

/// A year of four digits, Gregorian, Hijri or Jalali.
fn is_year(group: Option<(u32, usize)>) -> bool {
    matches!(group, Some((1300..=1499 | 1900..=2099, 4)))
}

fn is_month_day(a: Option<(u32, usize)>, b: Option<(u32, usize)>) -> bool {
    let (Some((a, 1..=2)), Some((b, 1..=2))) = (a, b) else { return false };
    let fits = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    fits(a, b) || fits(b, a)
}

/// Finds a plus sign right before the digits, or right behind them as right-to-left text shows it.
fn plus_at(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let before = &bytes[start.saturating_sub(3)..start];
    let skipped = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'(')).count();
    if skipped < before.len() && before[before.len() - 1 - skipped] == b'+' {
        return Some(start - 1 - skipped);
    }
    let digit_follows = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    (bytes.get(end) == Some(&b'+') && !digit_follows).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(text: &str) -> Vec<String> {
        let mut cluster = Cluster::default();
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(next) = cluster.read(text, from) {
            found.extend(
                cluster
                    .windows(text.as_bytes(), 7)
                    .map(|window| String::from_utf8_lossy(window.digits).into_owned()),
            );
            from = next;
        }
        found
    }

    /// What is known of the first window of a text: shape, amount, progression, groups that are decoys, plus sign.
    fn first(text: &str) -> (Shape, bool, bool, usize, Option<usize>) {
        let mut cluster = Cluster::default();
        let mut from = 0;
        while let Some(next) = cluster.read(text, from) {
            if let Some(window) = cluster.windows(text.as_bytes(), 7).next() {
                let decoys = window.groups.iter().filter(|group| group.decoy).count();
                return (window.shape(), window.is_amount(), window.is_progression(), decoys, window.plus);
            }
            from = next;
        }
        panic!("no window in {text}")
    }

    #[test]
    fn windows_run_from_group_border_to_group_border() {
        assert_eq!(windows("0551234567"), ["0551234567"]);
        assert_eq!(windows("055 - 123.4567 x 12"), ["0551234567", "1234567"]);
        assert_eq!(windows("055 ثم 123 وبعدين 4567"), ["0551234567", "1234567"]);
        assert_eq!(windows("055123\n4567"), ["0551234567"]);
        assert_eq!(windows("0551234567 شكرا 0557654321"), ["0551234567", "0557654321"]);
        assert!(windows(&"1".repeat(27)).is_empty());
    }

    #[test]
    fn the_first_digit_is_found_at_every_place() {
        for len in 0..80 {
            for at in 0..len {
                let mut bytes = vec![0xd9; len];
                bytes[at] = b'0' + u8::try_from(at % 10).unwrap();
                assert_eq!(first_digit(&bytes), Some(at), "{at} of {len}");
            }
        }
        for byte in 0..=u8::MAX {
            let digits = digits_of([b'a', byte, b'/', b':', 0xb0, 0xb9, byte, 0]);
            assert_eq!(digits.count_ones(), if byte.is_ascii_digit() { 2 } else { 0 }, "{byte}");
        }
    }

    #[test]
    fn shapes_and_decoys() {
        assert_eq!(first("0 5 5 1 2 3 4 x").0, Shape::Spaced);
        assert_eq!(first("4111 1111 1111").0, Shape::Grouped);
        assert_eq!(first("1 2 345 6 7").0, Shape::Messy);
        assert!(first("1,088,888").1);
        assert!(first("10 20 30 40 50").2);
        assert_eq!(first("2024-05-12").3, 3);
        assert_eq!(first("192.168.10.20").3, 3);
        assert_eq!(first("6.0.1.1.2.3.4 x").3, 0);
        assert_eq!(first("055.123.45.67").3, 0);
        assert_eq!(first("12:30 123456").3, 1);
    }

    #[test]
    fn a_plus_sign_belongs_to_the_digits_next_to_it() {
        assert_eq!(first("(+966) 551234567").4, Some(1));
        assert_eq!(first("966551234567+").4, Some(12));
        assert_eq!(first("1234567+7").4, None);
    }
}
