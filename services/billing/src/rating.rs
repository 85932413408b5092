//! Rating: what an event costs us and what the merchant pays, as a pure function of event and price version.

use kaleem_domain::price::{Book, Component, PriceVersion};

use crate::event::{Rejection, UsageEvent};

/// One rated component of one book. Units and amount are positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Book.
    pub book: Book,
    /// Component.
    pub component: Component,
    /// Units.
    pub units: i64,
    /// Pico-US-dollars.
    pub amount_pico: i64,
}

/// An event with its rating, ready for the ledger.
#[derive(Debug, Clone)]
pub struct RatedEvent {
    /// The event.
    pub event: UsageEvent,
    /// Hash of its payload.
    pub payload_sha256: [u8; 32],
    /// Lines of both books, cost first, in the order of [`Component::ALL`].
    pub lines: Vec<Line>,
    /// What the merchant pays, in pico-US-dollars.
    pub sell_pico: i64,
    /// What the provider charges us, in pico-US-dollars.
    pub cost_pico: i64,
}

/// Rates `event` with the version that it was admitted under.
pub fn rate(event: UsageEvent, version: &PriceVersion) -> Result<RatedEvent, Rejection> {
    let lines = lines(&event, version)?;
    let (sell_pico, cost_pico) = (total(&lines, Book::Sell)?, total(&lines, Book::Cost)?);
    Ok(RatedEvent { payload_sha256: event.payload_sha256(), event, lines, sell_pico, cost_pico })
}

/// The lines of `event`: its cost always, its sale if the merchant pays for this status.
pub fn lines(event: &UsageEvent, version: &PriceVersion) -> Result<Vec<Line>, Rejection> {
    let books = if event.status.is_sold() { &[Book::Cost, Book::Sell][..] } else { &[Book::Cost] };
    let mut lines = Vec::new();
    for &book in books {
        for line in version.lines(book, &event.usage).map_err(|_| Rejection::AmountOverflow)? {
            let amount_pico = line.amount.to_i64().ok_or(Rejection::AmountOverflow)?;
            lines.push(Line { book, component: line.component, units: line.units, amount_pico });
        }
    }
    Ok(lines)
}

/// Sum of the lines of one book.
pub fn total(lines: &[Line], book: Book) -> Result<i64, Rejection> {
    let mut amounts = lines.iter().filter(|line| line.book == book).map(|line| line.amount_pico);
    amounts.try_fold(0_i64, i64::checked_add).ok_or(Rejection::AmountOverflow)
}

/// The word of a component in the store.
pub fn component_word(component: Component) -> &'static str {
    match component {
        Component::InputFresh => "input_fresh",
        Component::InputCacheRead => "input_cache_read",
        Component::InputCacheWrite => "input_cache_write",
        Component::InputTool => "input_tool",
        Component::OutputText => "output_text",
        Component::OutputReasoning => "output_reasoning",
        Component::Request => "request",
        Component::InputImage => "input_image",
        Component::InputAudio => "input_audio",
        Component::InputCacheWrite1h => "input_cache_write_1h",
    }
}

/// The component of a word.
pub fn parse_component(word: &str) -> Option<Component> {
    Component::ALL.into_iter().find(|component| component_word(*component) == word)
}

/// The word of a book in the store.
pub fn book_word(book: Book) -> &'static str {
    match book {
        Book::Cost => "cost",
        Book::Sell => "sell",
    }
}

/// Lines that an event could have when the ledger was made.
pub const FIRST_LINES: usize = 2 * FIRST;

/// Lines that an event can have.
pub const LINES: usize = 2 * Component::ALL.len();

/// Components that there were when the ledger was made.
const FIRST: usize = 7;

/// The place of a line among all that an event can have, which is that of its column and part of the chain: it never changes. First
/// the cost of the first components and what they are sold for, then the same of those that came later; one that is added now must start a
/// group of its own behind these, or it moves the places of the second group.
pub const fn line_index(book: Book, component: Component) -> usize {
    let place = component as usize;
    let (start, place, count) = if place < FIRST {
        (0, place, FIRST)
    } else {
        (2 * FIRST, place - FIRST, Component::ALL.len() - FIRST)
    };
    match book {
        Book::Cost => start + place,
        Book::Sell => start + count + place,
    }
}

/// The book of a word.
pub fn parse_book(word: &str) -> Option<Book> {
    [Book::Cost, Book::Sell].into_iter().find(|book| book_word(*book) == word)
}

#[cfg(test)]
pub mod tests {
    use kaleem_domain::{ServiceTier, Timestamp, TokenUsage, price::Rate};
    use proptest::prelude::*;

    use super::*;
    use crate::event::{COUNT_MAX, Status, tests::event};

    pub fn version(input: i64, output: i64) -> PriceVersion {
        let rate = |book, component, pico_usd_per_unit| Rate {
            book,
            component,
            pico_usd_per_unit,
            min_input_token_count: 0,
            service_tier: ServiceTier::Standard,
        };
        PriceVersion {
            price_version: "m@1".into(),
            target: "provider-gemini".into(),
            model: "m".into(),
            effective_time: Timestamp::from_millis(0),
            source: "test".into(),
            verified: true,
            rates: vec![
                rate(Book::Cost, Component::InputFresh, input),
                rate(Book::Cost, Component::OutputText, output),
                rate(Book::Sell, Component::InputFresh, input * 2),
                rate(Book::Sell, Component::OutputText, output * 2),
            ],
        }
    }

    #[test]
    fn both_books_are_rated_line_by_line() {
        let rated = rate(event(), &version(75_000, 300_000)).unwrap();
        assert_eq!((rated.cost_pico, rated.sell_pico), (67_500_000, 135_000_000));
        let amounts: Vec<_> =
            rated.lines.iter().map(|line| (line.book, line.units, line.amount_pico)).collect();
        let expected = [
            (Book::Cost, 300, 22_500_000),
            (Book::Cost, 150, 45_000_000),
            (Book::Sell, 300, 45_000_000),
            (Book::Sell, 150, 90_000_000),
        ];
        assert_eq!(amounts, expected);
    }

    #[test]
    fn a_call_that_failed_or_is_unconfirmed_is_cost_alone() {
        for status in [Status::FailedBilled, Status::Unconfirmed] {
            let rated = rate(UsageEvent { status, ..event() }, &version(75_000, 300_000)).unwrap();
            assert_eq!((rated.cost_pico, rated.sell_pico), (67_500_000, 0));
        }
        let partial =
            rate(UsageEvent { status: Status::Partial, ..event() }, &version(75_000, 300_000)).unwrap();
        assert_eq!(partial.sell_pico, 135_000_000);
    }

    #[test]
    fn what_does_not_fit_a_row_is_rejected_and_never_cut() {
        let usage = TokenUsage { input_fresh: COUNT_MAX, ..TokenUsage::default() };
        let huge = UsageEvent { usage, ..event() };
        assert_eq!(rate(huge, &version(1_000_000, 0)).unwrap_err(), Rejection::AmountOverflow);
        let usage = TokenUsage { input_fresh: COUNT_MAX, output_text: COUNT_MAX, ..TokenUsage::default() };
        let two_lines_that_fit_alone = UsageEvent { usage, ..event() };
        assert_eq!(
            rate(two_lines_that_fit_alone, &version(512, 512)).unwrap_err(),
            Rejection::AmountOverflow
        );
    }

    #[test]
    fn words_go_both_ways() {
        assert!(
            Component::ALL
                .iter()
                .all(|component| parse_component(component_word(*component)) == Some(*component))
        );
        assert_eq!(parse_book("sell"), Some(Book::Sell));
        assert_eq!(parse_component("tokens"), None);
    }

    #[test]
    fn every_line_has_a_place_of_its_own() {
        let places = [Book::Cost, Book::Sell]
            .into_iter()
            .flat_map(|book| Component::ALL.map(|component| line_index(book, component)));
        let mut places: Vec<_> = places.collect();
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 6, 14, 15, 16, 7, 8, 9, 10, 11, 12, 13, 17, 18, 19]);
        places.sort_unstable();
        assert_eq!(places, (0..LINES).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn rating_again_is_bit_identical(input in 0..1_000_000_i64, output in 0..1_000_000_i64, price in 0..10_000_000_i64) {
            let usage = TokenUsage { input_fresh: input, output_text: output, ..TokenUsage::default() };
            let event = UsageEvent { usage, ..event() };
            let (first, again) = (rate(event.clone(), &version(price, 7)).unwrap(), rate(event, &version(price, 7)).unwrap());
            prop_assert_eq!(&first.lines, &again.lines);
            prop_assert_eq!(i128::from(first.cost_pico), i128::from(input) * i128::from(price) + i128::from(output) * 7);
        }
    }
}
