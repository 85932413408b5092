//! The only amount that would be true, where there is one.

use std::ops::Range;

use super::Judge;
use crate::{
    amount::Amount,
    lexicon::Class,
    report::Truth,
    topic::{Part, Topic},
};

impl Judge<'_> {
    /// What these goods cost; none if it depends on which product, how many pieces or which discount is meant.
    pub(super) fn true_cost(
        &self,
        products: &[u32],
        pieces: Option<Amount>,
        of: &Range<usize>,
    ) -> Option<Truth> {
        let [id] = *products else { return None };
        let product = self.policy.catalogue.product(id)?;
        let reduced = self.speaks_of_reduction() && product.compare_at.is_none();
        if reduced || self.is_reckoned() {
            return None;
        }
        let price = product.price?;
        let goods = match self.counts(pieces, of)[..] {
            [_] => price,
            [_, count] if !self.is_each(of) => price.times(count),
            _ => return None,
        };
        let fees = self.true_fees(goods, |topic| self.is_added(topic, of))?;
        Some(if fees == Amount::ZERO && goods == price {
            Truth::Price(id, price)
        } else {
            Truth::Money(goods.plus(fees))
        })
    }

    /// What all goods that were named cost together, with the fees that are said to be added.
    pub(super) fn true_total(&self, of: &Range<usize>) -> Option<Truth> {
        let beside = self.anchors.iter().any(|anchor| {
            matches!(anchor.topic, Topic::Shipping | Topic::CashOnDelivery) && anchor.part == Part::Plain
        });
        if beside || self.is_each(of) || self.speaks_of_reduction() || self.is_reckoned() {
            return None;
        }
        let here = self.sentence.mentions.iter().map(|mention| (&mention.products[..], self.pieces(mention)));
        let before = self.context.items.iter().map(|item| (&item.products[..], item.pieces));
        let worth = |(products, pieces): (&[u32], Option<Amount>)| {
            (products.len() == 1).then(|| self.worth(products, pieces))?
        };
        let parts: Option<Vec<Amount>> = if self.sentence.mentions.is_empty() {
            before.map(worth).collect()
        } else {
            here.map(worth).collect()
        };
        let goods = parts?.into_iter().reduce(Amount::plus)?;
        Some(Truth::Money(goods.plus(self.true_fees(goods, |topic| self.added(topic))?)))
    }

    /// What the only product that is spoken of is reduced by.
    pub(super) fn true_saving(&self) -> Option<Truth> {
        let [id] = self.named_products()[..] else { return None };
        let product = self.policy.catalogue.product(id)?;
        (!self.is_reckoned()).then(|| Some(Truth::Money(product.compare_at?.minus(product.price?)))).flatten()
    }

    /// Fees that are added to goods; none if one of them is no fact.
    fn true_fees(&self, goods: Amount, is_added: impl Fn(Topic) -> bool) -> Option<Amount> {
        let waived = self.policy.free_over.is_some_and(|over| goods >= over);
        let shipped = is_added(Topic::Shipping) && !waived;
        let shipping = if shipped { self.policy.shipping_fee? } else { Amount::ZERO };
        let cash = if is_added(Topic::CashOnDelivery) { self.policy.cod_fee? } else { Amount::ZERO };
        Some(shipping.plus(cash))
    }

    /// Whether coupons, instalments or a tax that is not included change what is paid.
    fn is_reckoned(&self) -> bool {
        let taxed = self.sentence.has(&[Class::Vat]) && self.policy.vat_included == Some(false);
        taxed
            || !self.coupons.is_empty()
            || self.context.coupon.is_some()
            || self.sentence.has(&[Class::Coupon, Class::Code, Class::Install])
    }

    /// «الحبة بـ ٨٩», "89 each".
    pub(super) fn is_each(&self, of: &Range<usize>) -> bool {
        if self.is_member_of_price(of) {
            return true;
        }
        let near = of.start.saturating_sub(3)..of.end + 3;
        near.into_iter().any(|index| {
            matches!(
                self.sentence.tokens.word(index),
                "each"
                    | "apiece"
                    | "per"
                    | "الواحده"
                    | "للواحده"
                    | "الحبه"
                    | "للحبه"
                    | "القطعه"
                    | "للقطعه"
                    | "هر"
            )
        })
    }
}
