//! What a shop says is true: its prices, fees, windows and coupons.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    amount::Amount,
    filter::{Beginning, Filter},
    product::{Catalogue, Product},
    text::folded,
};

/// Bytes of the longest policy: 4 MiB.
pub const POLICY_BYTES_MAX: usize = 4 << 20;
/// Most products of a policy.
pub const PRODUCTS_MAX: usize = 10_000;
/// Most names of a product.
const NAMES_MAX: usize = 32;
/// Characters of the longest name, unit or code.
const NAME_CHARS_MAX: usize = 200;
/// Most coupons of a policy.
const COUPONS_MAX: usize = 1_000;
/// Longest window in days or months.
const WINDOW_MAX: i64 = 100_000;
/// Most faults that are listed.
const FAULTS_MAX: usize = 100;

/// The facts of a shop. A key that is left out is no fact: a statement about it is unsure.
///
/// The document is `{"currency":"SAR","vat_included":true,"prices":[{"sku","names":[…],"amount":"89.00","compare_at"}],
/// "shipping":{"fee":"25.00","free_over":"200.00","days":[2,4]},"return_days":14,"exchange_days":30,"warranty_months":24,
/// "cod_fee":"15.00","coupons":{"EID2026":20}}`; amounts are decimal strings of at most four places.
#[derive(Debug, Default)]
pub struct Policy {
    /// ISO 4217 code in capitals.
    pub(crate) currency: Option<String>,
    pub(crate) vat_included: Option<bool>,
    pub(crate) catalogue: Catalogue,
    pub(crate) shipping_fee: Option<Amount>,
    pub(crate) free_over: Option<Amount>,
    /// Least and most days.
    pub(crate) shipping_days: Option<(Amount, Amount)>,
    pub(crate) return_days: Option<Amount>,
    pub(crate) exchange_days: Option<Amount>,
    pub(crate) warranty_months: Option<Amount>,
    pub(crate) cod_fee: Option<Amount>,
    /// Percent by folded code.
    pub(crate) coupons: Option<HashMap<String, Amount>>,
    /// The codes of the coupons.
    codes: Filter,
    /// The percentages of all coupons, ascending, each once.
    pub(crate) discounts: Vec<Amount>,
}

/// Everything that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy has {} faults; first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
pub struct PolicyError(Vec<PolicyFault>);

impl PolicyError {
    /// The faults in the order of the document, at most 100.
    pub fn faults(&self) -> &[PolicyFault] {
        &self.0
    }
}

/// One fault of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// Where, for example `prices[3].amount`; empty for the whole document.
    pub path: String,
    /// What must be there.
    pub description: String,
}

impl std::fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", if self.path.is_empty() { "document" } else { &self.path }, self.description)
    }
}

impl Policy {
    /// Reads a policy. Unknown keys are left alone; `null` is the same as leaving a key out.
    ///
    /// Errors: every fault at once.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        let mut reader = Reader::default();
        if json.len() > POLICY_BYTES_MAX {
            reader.fault("", &format!("must have at most {POLICY_BYTES_MAX} bytes"));
            return Err(PolicyError(reader.faults));
        }
        let value: Value = serde_json::from_str(json).map_err(|error| {
            PolicyError(vec![PolicyFault {
                path: String::new(),
                description: format!("is not JSON: {error}"),
            }])
        })?;
        Self::from_value(&value)
    }

    /// Reads a policy that is parsed already. Errors: every fault at once.
    pub fn from_value(value: &Value) -> Result<Self, PolicyError> {
        let mut reader = Reader::default();
        let policy = reader.policy(value);
        if reader.faults.is_empty() { Ok(policy) } else { Err(PolicyError(reader.faults)) }
    }

    /// The percent of a coupon by its folded code.
    pub(crate) fn coupon(&self, code: &str) -> Option<Amount> {
        self.coupons
            .as_ref()
            .filter(|_| self.may_be_code(Beginning::of(code)) && self.codes.may_have(code))?
            .get(code)
            .copied()
    }

    /// Whether a code may begin like this.
    pub(crate) fn may_be_code(&self, beginning: Beginning) -> bool {
        self.codes.may_begin(beginning)
    }

    /// Standard rate of value added tax where the shop's currency is used, in percent.
    pub(crate) fn vat_percent(&self) -> Option<Amount> {
        Some(Amount::whole(match self.currency.as_deref()? {
            "SAR" => 15,
            "AED" | "OMR" => 5,
            "BHD" => 10,
            "EGP" => 14,
            _ => return None,
        }))
    }
}

#[derive(Default)]
struct Reader {
    faults: Vec<PolicyFault>,
}

impl Reader {
    fn fault(&mut self, path: &str, description: &str) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(PolicyFault { path: path.to_owned(), description: description.to_owned() });
        }
    }

    fn policy(&mut self, value: &Value) -> Policy {
        let Some(document) = value.as_object() else {
            self.fault("", "must be an object");
            return Policy::default();
        };
        let none = Map::new();
        let shipping = match present(document, "shipping") {
            Some(Value::Object(shipping)) => shipping,
            Some(_) => {
                self.fault("shipping", "must be an object");
                &none
            }
            None => &none,
        };
        let coupons = self.coupons(document);
        let mut discounts: Vec<Amount> = coupons.iter().flat_map(HashMap::values).copied().collect();
        discounts.sort_unstable();
        discounts.dedup();
        Policy {
            currency: self.currency(document),
            vat_included: self.flag(document, "vat_included"),
            catalogue: Catalogue::new(self.prices(document)),
            shipping_fee: self.amount(shipping, "fee", "shipping.fee"),
            free_over: self.amount(shipping, "free_over", "shipping.free_over"),
            shipping_days: self.days(shipping),
            return_days: self.window(document, "return_days"),
            exchange_days: self.window(document, "exchange_days"),
            warranty_months: self.window(document, "warranty_months"),
            cod_fee: self.amount(document, "cod_fee", "cod_fee"),
            codes: Filter::new(coupons.iter().flat_map(HashMap::keys).map(String::as_str)),
            coupons,
            discounts,
        }
    }

    fn currency(&mut self, document: &Map<String, Value>) -> Option<String> {
        let value = present(document, "currency")?;
        let code = value
            .as_str()
            .filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic()));
        if code.is_none() {
            self.fault("currency", "must be a code of three letters, for example SAR");
        }
        code.map(str::to_ascii_uppercase)
    }

    fn flag(&mut self, document: &Map<String, Value>, key: &str) -> Option<bool> {
        let value = present(document, key)?;
        if value.as_bool().is_none() {
            self.fault(key, "must be true or false");
        }
        value.as_bool()
    }

    fn prices(&mut self, document: &Map<String, Value>) -> Vec<Product> {
        let prices = match present(document, "prices") {
            Some(Value::Array(prices)) => prices,
            Some(_) => {
                self.fault("prices", "must be a list");
                return Vec::new();
            }
            None => return Vec::new(),
        };
        if prices.len() > PRODUCTS_MAX {
            self.fault("prices", &format!("must have at most {PRODUCTS_MAX} entries"));
            return Vec::new();
        }
        prices
            .iter()
            .enumerate()
            .filter_map(|(index, price)| self.product(&format!("prices[{index}]"), price))
            .collect()
    }

    fn product(&mut self, path: &str, value: &Value) -> Option<Product> {
        let Some(price) = value.as_object() else {
            self.fault(path, "must be an object");
            return None;
        };
        let sku = match present(price, "sku") {
            None => String::new(),
            Some(sku) => self.name(&format!("{path}.sku"), sku).unwrap_or_default(),
        };
        let names = match present(price, "names") {
            None => Vec::new(),
            Some(Value::Array(names)) if names.len() <= NAMES_MAX => {
                let name = |(index, name)| self.name(&format!("{path}.names[{index}]"), name);
                names.iter().enumerate().filter_map(name).collect()
            }
            Some(_) => {
                self.fault(&format!("{path}.names"), &format!("must be a list of at most {NAMES_MAX} names"));
                Vec::new()
            }
        };
        Some(Product {
            sku,
            names,
            price: self.amount(price, "amount", &format!("{path}.amount")),
            compare_at: self.amount(price, "compare_at", &format!("{path}.compare_at")),
        })
    }

    fn name(&mut self, path: &str, value: &Value) -> Option<String> {
        let name = value.as_str().filter(|name| name.chars().count() <= NAME_CHARS_MAX);
        if name.is_none() {
            self.fault(path, &format!("must be a text of at most {NAME_CHARS_MAX} characters"));
        }
        name.map(str::to_owned)
    }

    fn amount(&mut self, object: &Map<String, Value>, key: &str, path: &str) -> Option<Amount> {
        let amount = decimal(present(object, key)?);
        if amount.is_none() {
            self.fault(path, "must be a decimal string of at most four places, for example \"89.00\"");
        }
        amount
    }

    fn window(&mut self, object: &Map<String, Value>, key: &str) -> Option<Amount> {
        let whole = count(present(object, key)?);
        if whole.is_none() {
            self.fault(key, &format!("must be a whole number from 0 to {WINDOW_MAX}"));
        }
        whole
    }

    fn days(&mut self, shipping: &Map<String, Value>) -> Option<(Amount, Amount)> {
        let value = present(shipping, "days")?;
        let days = match value.as_array().map(Vec::as_slice) {
            Some([least, most]) => count(least).zip(count(most)).filter(|(least, most)| least <= most),
            Some(_) => None,
            None => count(value).map(|days| (days, days)),
        };
        if days.is_none() {
            self.fault("shipping.days", "must be the least and the most days, for example [2, 4]");
        }
        days
    }

    fn coupons(&mut self, document: &Map<String, Value>) -> Option<HashMap<String, Amount>> {
        let value = present(document, "coupons")?;
        let Some(coupons) = value.as_object().filter(|coupons| coupons.len() <= COUPONS_MAX) else {
            self.fault(
                "coupons",
                &format!("must be an object of at most {COUPONS_MAX} codes with their percent"),
            );
            return None;
        };
        let mut read = HashMap::with_capacity(coupons.len());
        for (code, percent) in coupons {
            let path = format!("coupons.{}", code.chars().take(NAME_CHARS_MAX).collect::<String>());
            match decimal(percent).filter(|percent| *percent <= Amount::whole(100)) {
                _ if code.trim().is_empty() || code.chars().count() > NAME_CHARS_MAX => {
                    self.fault(&path, &format!("must be a code of 1 to {NAME_CHARS_MAX} characters"));
                }
                None => self.fault(&path, "must be a percentage from 0 to 100"),
                Some(percent) => {
                    read.insert(folded(code.trim()), percent);
                }
            }
        }
        Some(read)
    }
}

fn present<'v>(object: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    object.get(key).filter(|value| !value.is_null())
}

/// A decimal string; a JSON number is read by its digits.
fn decimal(value: &Value) -> Option<Amount> {
    match value {
        Value::String(text) => Amount::parse(text.trim()),
        Value::Number(number) => Amount::parse(&number.to_string()),
        _ => None,
    }
}

fn count(value: &Value) -> Option<Amount> {
    decimal(value).filter(|count| count.integer().is_some_and(|whole| whole <= WINDOW_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = Policy::parse(
            r#"{"currency":"riyal","vat_included":1,"prices":[{"sku":3,"names":"x","amount":"8,9"},7],
                "shipping":{"fee":"-1","days":[4,2]},"return_days":1.5,"coupons":{"A":120}}"#,
        )
        .unwrap_err();
        let paths: Vec<&str> = faults.faults().iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "coupons.A",
                "currency",
                "vat_included",
                "prices[0].sku",
                "prices[0].names",
                "prices[0].amount",
                "prices[1]",
                "shipping.fee",
                "shipping.days",
                "return_days"
            ]
        );
        assert!(Policy::parse("[").unwrap_err().faults()[0].description.starts_with("is not JSON"));
        assert_eq!(
            Policy::parse("[]").unwrap_err().to_string(),
            "the policy has 1 faults; first: document: must be an object"
        );
    }

    #[test]
    fn every_key_may_be_left_out() {
        let policy =
            Policy::parse(r#"{"return_days":14,"shipping":{"days":3},"exchange_days":null}"#).unwrap();
        assert_eq!(policy.return_days, Some(Amount::whole(14)));
        assert_eq!(policy.shipping_days, Some((Amount::whole(3), Amount::whole(3))));
        assert_eq!((policy.exchange_days, policy.coupons.is_none()), (None, true));
        Policy::parse("{}").unwrap();
    }
}
