//! One sentence that names what is true, for the end of an answer.

use super::{Notation, wording};
use crate::{Field, Finding, Language, Policy, Verdict, amount::Amount, report::Truth, unit::Unit};

/// Statements that a sentence names at most.
const NAMED_MAX: usize = 6;

/// One sentence in `language` that names the true values in the place of those that violate; each once, at most six.
///
/// A code that the shop does not have is named as such. None if of no violation one value is known to be true.
/// `policy` is the one that the findings were made with.
pub fn amendment<'f>(
    policy: &Policy,
    findings: impl IntoIterator<Item = &'f Finding>,
    language: Language,
) -> Option<String> {
    let violations: Vec<&Finding> =
        findings.into_iter().filter(|finding| finding.verdict == Verdict::Violate).collect();
    let stood = violations.iter().map(|finding| finding.found.as_str()).collect::<String>();
    let teller = Teller { policy, language, notation: Notation::of(&stood, language) };
    let mut told: Vec<String> = Vec::new();
    for statement in violations.iter().filter_map(|finding| teller.tell(finding)) {
        if told.len() < NAMED_MAX && !told.contains(&statement) {
            told.push(statement);
        }
    }
    let (opening, joint, end) = match language {
        Language::Arabic => ("تصحيح: ", "، و", "."),
        Language::English => ("Correction: ", "; ", "."),
        Language::Persian => ("اصلاح: ", "؛ ", "."),
    };
    (!told.is_empty()).then(|| format!("{opening}{}{end}", told.join(joint)))
}

struct Teller<'p> {
    policy: &'p Policy,
    language: Language,
    notation: Notation,
}

impl Teller<'_> {
    fn tell(&self, finding: &Finding) -> Option<String> {
        if finding.field == Field::Coupon {
            let code = &finding.found;
            return Some(match self.language {
                Language::Arabic => format!("الكود {code} غير صالح"),
                Language::English => format!("the code {code} is not valid"),
                Language::Persian => format!("کد {code} معتبر نیست"),
            });
        }
        let truth = finding.truth?;
        let subject = match truth {
            Truth::Price(product, _) => self.price_of(product),
            Truth::Money(_) if finding.field == Field::Price => self.subject(None).to_owned(),
            _ => self.subject(Some(finding.field)).to_owned(),
        };
        let value = self.value(truth);
        Some(match self.language {
            Language::Arabic => format!("{subject} {value}"),
            Language::English => format!("{subject} is {value}"),
            Language::Persian => format!("{subject} {value} است"),
        })
    }

    fn price_of(&self, product: u32) -> String {
        let name = self.policy.catalogue.product(product).map(|product| {
            let named = product.names.iter().find(|name| Language::of(name) == self.language);
            named.or(product.names.first()).unwrap_or(&product.sku).as_str()
        });
        match (self.language, name.unwrap_or_default()) {
            (Language::Arabic, "") => "السعر".to_owned(),
            (Language::English, "") => "the price".to_owned(),
            (Language::Persian, "") => "قیمت".to_owned(),
            (Language::Arabic, name) => format!("سعر {name}"),
            (Language::English, name) => format!("the price of {name}"),
            (Language::Persian, name) => format!("قیمت {name}"),
        }
    }

    /// What a value of a field is called; of none, an amount.
    fn subject(&self, field: Option<Field>) -> &'static str {
        let names = match field {
            Some(Field::ShippingFee) => ["رسوم الشحن", "the delivery fee", "هزینه ارسال"],
            Some(Field::FreeOver) => {
                ["الحد الأدنى للشحن المجاني", "the minimum for free delivery", "حداقل خرید برای ارسال رایگان"]
            }
            Some(Field::ShippingDays) => ["مدة التوصيل", "the delivery time", "زمان تحویل"],
            Some(Field::ReturnDays) => ["مدة الإرجاع", "the return window", "مهلت بازگشت کالا"],
            Some(Field::ExchangeDays) => ["مدة الاستبدال", "the exchange window", "مهلت تعویض کالا"],
            Some(Field::WarrantyMonths) => ["مدة الضمان", "the warranty", "مدت گارانتی"],
            Some(Field::CodFee) => {
                ["رسوم الدفع عند الاستلام", "the cash-on-delivery fee", "هزینه پرداخت در محل"]
            }
            Some(Field::Percent) => ["النسبة", "the percentage", "درصد درست"],
            Some(Field::Total) => ["المجموع", "the total", "جمع کل"],
            _ => ["المبلغ الصحيح", "the right amount", "مبلغ درست"],
        };
        names[self.language as usize]
    }

    fn value(&self, truth: Truth) -> String {
        match truth {
            Truth::Money(amount) | Truth::Price(_, amount) => {
                let number = self.notation.number(amount);
                match self.policy.currency.as_deref() {
                    Some(code) => format!("{number} {}", wording::currency_name(code, self.language)),
                    None => number,
                }
            }
            Truth::Percent(percent) => {
                let sign = if self.language == Language::English { "%" } else { "٪" };
                format!("{}{sign}", self.notation.number(percent))
            }
            Truth::Days(least, most) => self.span(Unit::Day, least, most),
            Truth::Months(months) => self.span(Unit::Month, months, months),
        }
    }

    fn span(&self, unit: Unit, least: Amount, most: Amount) -> String {
        let joint = if self.language == Language::Persian { " تا " } else { "-" };
        let number = if least == most {
            self.notation.number(least)
        } else {
            format!("{}{joint}{}", self.notation.number(least), self.notation.number(most))
        };
        wording::time(unit, self.language, most, &number, None)
    }
}
