//! Compares what a sentence says with the facts.

mod bare;
mod before;
mod counted;
mod coupon;
mod difference;
mod foreign;
mod free;
mod measure;
mod money;
mod otherwise;
mod percent;
mod pronoun;
mod reckon;
mod role;
mod shares;
mod sums;
mod time;
mod totals;
mod truth;

use std::ops::Range;

use smallvec::SmallVec;

use crate::{
    amount::Amount,
    lexicon::Class,
    policy::Policy,
    product::{Form, Mention},
    quantity::{Bare, Value},
    report::Judgement,
    sentence::Sentence,
    topic::{Anchor, Part, Topic},
    unit::Unit,
};

/// Products and amounts that are remembered of an answer.
const REMEMBERED_MAX: usize = 8;

/// What the sentences before have said.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each was spoken of or not")]
pub(crate) struct Context {
    /// What was named, with its number of pieces; the latest last.
    items: SmallVec<[Item; 8]>,
    /// Amounts that were right.
    stated: SmallVec<[Amount; 8]>,
    /// Percent of the coupon that was named last.
    coupon: Option<Amount>,
    /// Policy noun of the sentence before.
    topic: Option<Topic>,
    /// What the sentence before asked or began about a fee, without any amount.
    fee: Option<Topic>,
    /// Whether the sentence before spoke of free delivery.
    free: bool,
    /// Whether it said how much is missing.
    short: bool,
    /// Whether a reduction was spoken of.
    reduced: bool,
    /// Whether paying on delivery was.
    cash: bool,
    /// Whether the sentence before was a row of a table with prices.
    table: bool,
    /// Whether an order that has a number was spoken of.
    order: bool,
}

impl Context {
    /// Goes on behind a sentence.
    fn remember(&mut self, said: Self) {
        let Self { items, stated, coupon, topic, fee, free, short, reduced, cash, table, order } = said;
        for item in items {
            match self.items.iter_mut().find(|known| known.products == item.products) {
                Some(known) => known.pieces = item.pieces.or(known.pieces),
                None => self.items.push(item),
            }
        }
        self.stated.extend(stated);
        trim(&mut self.items);
        trim(&mut self.stated);
        self.coupon = coupon.or(self.coupon);
        (self.topic, self.fee, self.table) = (topic, fee, table);
        (self.free, self.short) = (free, short);
        self.reduced |= reduced;
        self.cash |= cash;
        self.order |= order;
    }
}

/// One thing that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    products: SmallVec<[u32; 2]>,
    pieces: Option<Amount>,
}

/// Judges one sentence.
pub(crate) struct Judge<'s> {
    policy: &'s Policy,
    context: &'s Context,
    sentence: Sentence<'s>,
    anchors: &'s [Anchor],
    /// Percent of the coupons named in the sentence, and where.
    coupons: SmallVec<[(usize, Option<Amount>); 2]>,
    out: Vec<Judgement>,
}

impl<'s> Judge<'s> {
    /// Judges all that the sentence says, and remembers it for the sentences behind.
    pub(crate) fn run(
        policy: &'s Policy,
        context: &'s mut Context,
        sentence: Sentence<'s>,
        anchors: &'s [Anchor],
    ) -> Vec<Judgement> {
        let mut judge =
            Judge { policy, context, sentence, anchors, coupons: SmallVec::new(), out: Vec::new() };
        judge.judge_coupons();
        judge.judge_money();
        judge.judge_times();
        judge.judge_percents();
        judge.judge_free();
        let said = judge.said();
        let mut out = std::mem::take(&mut judge.out);
        context.remember(said);
        out.sort_by_key(|judgement| judgement.tokens.start);
        out
    }

    /// What the sentences behind must know of this one: what it names and states, and its own place in the answer.
    fn said(&self) -> Context {
        let named = |mention: &Mention| Item {
            products: mention.products.iter().copied().collect(),
            pieces: self.pieces(mention),
        };
        let right = |judgement: &&Judgement| judgement.verdict == crate::Verdict::Pass;
        let stated = self.out.iter().filter(right).filter_map(|judgement| {
            let value = self.sentence.values.iter().find(|value| value.start == judgement.tokens.start);
            value.filter(|value| value.low.unit.is_money()).map(|value| value.low.amount)
        });
        let mut windows =
            self.anchors.iter().rev().filter(|anchor| anchor.part == Part::Plain && is_window(anchor.topic));
        let topic = windows.next().map(|anchor| anchor.topic);
        // A heading holds for the items of the list under it.
        let under = topic.is_none() && (self.sentence.is_item() || self.sentence.notes.len() == 0);
        let services = self.anchors.iter().rev().filter(|anchor| {
            anchor.part == Part::Plain && matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery)
        });
        let counted = self.sentence.values.iter().any(|value| value.low.unit.is_money());
        let open = !counted && self.sentence.mentions.is_empty();
        let service = services.map(|anchor| anchor.topic).next();
        let row = self.sentence.tokens.word(0) == "|";
        // "| Product | Qty | BHD |"
        let currency = || {
            (0..self.sentence.notes.len())
                .any(|index| matches!(self.sentence.notes.at(index).sense.unit, Some(Unit::Money(_))))
        };
        let head = row
            && (self.sentence.has(&[Class::Price, Class::Fee, Class::Total]) || currency())
            && self.sentence.values.is_empty()
            && self.sentence.bare.is_empty();
        Context {
            items: self.sentence.mentions.iter().map(named).collect(),
            stated: stated.collect(),
            coupon: self.coupons.iter().rev().find_map(|(_, percent)| *percent),
            topic: if under { self.context.topic } else { topic },
            fee: if under && service.is_none() { self.context.fee } else { service.filter(|_| open) },
            free: self.speaks_of_free_delivery(),
            short: self.speaks_of_what_is_missing() || self.asks_for_worth(),
            reduced: self.sentence.has(&[Class::Discount, Class::Coupon]),
            cash: self.speaks_of_cash(),
            table: row && (self.context.table || head),
            order: self.names_an_order(),
        }
    }

    /// How many pieces of a product are spoken of: «قطعتين من العباية», `2 × Abaya`, `Abaya x2`.
    fn pieces(&self, mention: &Mention) -> Option<Amount> {
        let Mention { start, end, form, and, .. } = *mention;
        if form == Form::Dual {
            return Some(Amount::whole(2));
        }
        let whole = |amount: Amount| amount.integer().is_some_and(|count| (1..=1000).contains(&count));
        let near = self.sentence.bare.iter().find(|bare| {
            let before = !and && bare.end <= start && start - bare.end <= 3;
            let times = bare.start >= end
                && bare.start - end <= 2
                && (end..bare.start).any(|index| {
                    matches!(self.sentence.tokens.word(index), "x" | "×" | "*" | "عدد" | "qty" | "quantity")
                });
            let counted = (bare.end..start).all(|index| {
                self.sentence.notes.is(index, Class::Piece)
                    || matches!(
                        self.sentence.tokens.word(index),
                        "x" | "×"
                            | "*"
                            | "من"
                            | "of"
                            | "the"
                            | "our"
                            | "از"
                            | "extra"
                            | "more"
                            | "additional"
                            | "other"
                            | "spare"
                    )
            });
            let numbered = self.sentence.before(&(bare.start..bare.end), 1, &[Class::NotCode])
                || self.sentence.is_keycap(bare.start);
            // «١٨٩ العطر + ٢٢ توصيل»
            let priced = self.policy.catalogue.is_price(bare.amount);
            let sides = || self.is_side(bare);
            (before && counted && !numbered && !priced || times && !sides()) && whole(bare.amount)
        });
        // «حبتين معمول», «معمول حبتين»
        let pair = (start.saturating_sub(3)..start).any(|index| self.sentence.notes.is(index, Class::Pair))
            || self.sentence.notes.is(end, Class::Pair);
        // Abaya x2
        let written = || {
            self.sentence
                .tokens
                .word(end)
                .strip_prefix('x')
                .and_then(Amount::parse)
                .filter(|count| whole(*count))
        };
        // «المكسرات الثنتين»
        let both = matches!(self.sentence.tokens.word(end), "الثنتين" | "الاثنين" | "الاتنين" | "الثنين");
        let tabled = || self.pieces_of_row(mention).filter(|count| whole(*count));
        let labelled = || self.labelled_pieces(mention).filter(|count| whole(*count));
        near.map(|bare| bare.amount)
            .or_else(labelled)
            .or_else(tabled)
            .or_else(written)
            .or((pair || both).then_some(Amount::whole(2)))
    }

    /// A row of a table: one cell says how many, another what so many cost.
    fn pieces_of_row(&self, mention: &Mention) -> Option<Amount> {
        if self.sentence.tokens.word(0) != "|" {
            return None;
        }
        let price = self.worth(&mention.products, None)?;
        let bare = self.sentence.bare.iter().map(|bare| bare.amount);
        let mut counts = bare.clone().filter(|count| *count > Amount::ONE && !count.is(price));
        let values = || self.sentence.values.iter().map(|value| value.low.amount).chain(bare.clone());
        counts.find(|count| values().any(|value| price.times(*count).is(value)))
    }

    /// What a label says of its number, behind it or in the same braces: `{"qty":2,"name":"Abaya"}`, "Abaya (qty: 2)".
    fn labelled_pieces(&self, mention: &Mention) -> Option<Amount> {
        let word = |index: usize| self.sentence.tokens.word(index);
        let beside = |between: Range<usize>| {
            !between.clone().any(|index| matches!(word(index), "{" | "}"))
                && !self
                    .sentence
                    .mentions
                    .iter()
                    .any(|other| other.products != mention.products && between.contains(&other.start))
        };
        let labelled = |bare: &&Bare| self.is_count(&(bare.start..bare.end));
        let mut counts = self.sentence.bare.iter().filter(labelled).peekable();
        counts.peek()?;
        let behind = counts.clone().find(|bare| bare.start >= mention.end && beside(mention.end..bare.start));
        let braced = || {
            let open = (0..mention.start).rev().find(|index| matches!(word(*index), "{" | "}"))?;
            counts.find(|bare| (open..mention.start).contains(&bare.start))
        };
        behind.or_else(braced).map(|bare| bare.amount)
    }

    fn push(&mut self, judgement: Judgement) {
        self.out.push(judgement);
    }

    /// Whether the sentence speaks of free delivery, now or as a goal.
    fn speaks_of_free_delivery(&self) -> bool {
        self.sentence.has(&[Class::Free, Class::NoFee]) && self.sentence.has(&[Class::Ship])
    }

    /// Whether an amount is said to be missing to something.
    fn speaks_of_what_is_missing(&self) -> bool {
        let more = |bare: &Bare| self.is_more(&(bare.start..bare.end));
        let short = |value: &Value| value.low.unit.is_money() && self.is_short_of(&tokens_of(value));
        self.sentence.bare.iter().any(more)
            || self.speaks_of_free_delivery() && self.sentence.values.iter().any(short)
            || self.sentence.has(&[Class::Remain])
                && (self.sentence.values.iter().any(|value| value.low.unit.is_money())
                    || !self.sentence.bare.is_empty())
    }

    /// «طلبك ٢٠ دينار أو فوق؟»: what is said behind it holds if so.
    fn asks_for_worth(&self) -> bool {
        self.sentence.question
            && self.sentence.has(&[Class::Over, Class::OrMore])
            && self.sentence.values.iter().any(|value| value.low.unit.is_money())
    }

    fn speaks_of_cash(&self) -> bool {
        self.context.cash || self.anchors.iter().any(|anchor| anchor.topic == Topic::CashOnDelivery)
    }

    /// Whether topics are added to another amount in this sentence: «مع الشحن».
    fn added(&self, topic: Topic) -> bool {
        self.anchors.iter().any(|anchor| anchor.topic == topic && anchor.part == Part::Added)
    }
}

fn trim<T>(list: &mut SmallVec<[T; 8]>) {
    if list.len() > REMEMBERED_MAX {
        list.drain(..list.len() - REMEMBERED_MAX);
    }
}

fn is_window(topic: Topic) -> bool {
    matches!(topic, Topic::Return | Topic::Exchange | Topic::Warranty | Topic::Shipping)
}

fn tokens_of(value: &Value) -> Range<usize> {
    value.start..value.end
}
