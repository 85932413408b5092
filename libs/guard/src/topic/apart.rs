//! Words for shipping, paying and returning that say something else: charging, cash as such, money on its way back.

use std::ops::Range;

use crate::{sentence::Sentence, unit::Unit};

/// Tokens between a verb and the money that comes back.
const MONEY_REACH: usize = 3;

/// «ويشحن الجوال في ٤٠ دقيقة»: a battery is charged in minutes, and goods are shipped in days.
pub(super) fn is_charging(sentence: &Sentence<'_>, at: &Range<usize>) -> bool {
    sentence.tokens.word(at.start).contains("شحن")
        && sentence.values.iter().any(|value| value.low.unit == Unit::Minute)
}

/// «كفر للآيفون», "a case for the iPhone": goods that others are made for, and no price is of.
pub(super) fn is_meant_for(
    sentence: &Sentence<'_>,
    goods: &Range<usize>,
    other: &Range<usize>,
    to: bool,
) -> bool {
    let between = goods.end..other.start;
    let word = |index: usize| sentence.tokens.word(index);
    let article = |index: usize| matches!(word(index), "the" | "your" | "a" | "an" | "our");
    // «فلاتر لقمع V60», of a name that begins with a word of no list
    let noun = |index: usize| {
        let long = word(index).chars().count() > 3;
        long && word(index).starts_with('ل') && sentence.notes.is_unknown(index)
    };
    (to && between.is_empty())
        || (between.len() == 1 && noun(between.start))
        || (1..=2).contains(&between.len())
            && matches!(word(between.start), "for" | "براي" | "حق" | "مال" | "تبع")
            && (between.start + 1..between.end).all(article)
}

/// «السجادة ٣٢٠ وبالشحن ٣٤٥»: with what is said before it.
pub(super) fn is_sum_with(sentence: &Sentence<'_>, at: &Range<usize>) -> bool {
    let clitics = sentence.notes.at(at.start).clitics;
    let result = usize::from(matches!(
        sentence.tokens.word(at.end),
        "يصير" | "تصير" | "يطلع" | "تطلع" | "يبقي" | "هيبقي" | "ب"
    ));
    clitics.by
        && clitics.the
        && sentence.is_counted(at.end + result)
        && (sentence.mentions.iter().any(|mention| mention.end <= at.start)
            || sentence.values.iter().any(|value| value.low.unit.is_money() && value.end <= at.start))
}

/// «والكاش ٥٠٠ فلس»: cash alone is a way to pay, and a service where it has an amount or an article.
pub(super) fn is_fee_for_cash(sentence: &Sentence<'_>, at: usize) -> bool {
    sentence.tokens.word(at).trim_start_matches(['و', 'ب']) != "كاش"
        || sentence.in_value(at + 1)
        || sentence.tokens.all.get(at + 1).is_some_and(|token| token.value.is_some())
}

/// «يرجع لك المبلغ خلال ١٠ أيام», "the refund takes 7 days": money on its way back, and not the goods.
pub(super) fn is_paid_out(sentence: &Sentence<'_>, at: &Range<usize>) -> bool {
    let word = |index: usize| sentence.tokens.word(index);
    if word(at.start).is_ascii() {
        let verb = |index: usize| {
            matches!(
                word(index),
                "takes"
                    | "take"
                    | "issued"
                    | "processed"
                    | "credited"
                    | "arrive"
                    | "arrives"
                    | "show"
                    | "shows"
                    | "appear"
                    | "appears"
                    | "lands"
            )
        };
        return word(at.start).starts_with("refund") && (at.end..at.end + MONEY_REACH).any(verb);
    }
    let comes = ["يرجع", "بيرجع", "هيرجع", "ترجع", "بترجع", "هترجع", "يرجعلك", "بيرجعلك", "هيرجعلك", "يعود"];
    let money = |index: usize| {
        matches!(word(index), "المبلغ" | "مبلغك" | "فلوسك" | "الفلوس" | "فلوسج" | "والمبلغ" | "والفلوس")
    };
    comes.contains(&word(at.start))
        && (at.start.saturating_sub(1)..at.end + MONEY_REACH)
            .filter(|index| !sentence.in_value(*index))
            .any(money)
}

/// «ونحول لك المبلغ خلال أسبوعين»: money that a verb sends.
pub(super) fn is_sent(sentence: &Sentence<'_>, at: usize) -> bool {
    (at.saturating_sub(2)..at).any(|index| {
        let word = sentence.tokens.word(index);
        ["نحول", "يتحول", "ينزل", "نودع", "نرسل"].iter().any(|verb| word.contains(verb))
    })
}
