//! A spent quota, explained to the shopkeeper in the language of the request.

use std::collections::BTreeMap;

use kaleem_domain::{Nano, Pico};
use kaleem_rpc::Fault;

/// Adds to a refusal of Quota what a person reads: limit, spent, held, reset and the way out. Other failures stay as they are.
pub(super) fn explained(fault: Fault, language: &str) -> Fault {
    if !matches!(fault.reason.as_str(), "QUOTA_EXCEEDED" | "RATE_LIMITED") {
        return fault;
    }
    let said = Facts::of(&fault.metadata).map(|facts| match language {
        "ar" => ("ar", facts.arabic()),
        _ => ("en", facts.english()),
    });
    match said {
        Some((locale, text)) => fault.localized(locale, text),
        None => fault,
    }
}

struct Facts<'a> {
    limit: &'a str,
    spent: String,
    held: String,
    cap: String,
    reset_time: Option<&'a str>,
}

impl<'a> Facts<'a> {
    fn of(metadata: &'a BTreeMap<String, String>) -> Option<Self> {
        let limit = metadata.get("limit")?.as_str();
        let shown = |name: &str| {
            let number: i64 = metadata.get(name)?.parse().ok()?;
            let money = limit.ends_with("nano_usd");
            Some(if money { Pico::from(Nano(number)).to_string() } else { number.to_string() })
        };
        Some(Self {
            limit,
            spent: shown("spent")?,
            held: shown("held")?,
            cap: shown("cap")?,
            reset_time: metadata.get("reset_time").map(String::as_str),
        })
    }

    fn arabic(&self) -> String {
        let Self { limit, spent, held, cap, reset_time } = self;
        let limit = match *limit {
            "day_requests" => "حد الطلبات اليومية",
            "month_tokens" => "حد الرموز (التوكنات) الشهري",
            "month_cost_nano_usd" => "حد الإنفاق الشهري",
            "balance_nano_usd" => return self.balance_arabic(),
            _ => "حد الطلبات المتزامنة",
        };
        let way_out = match reset_time {
            Some(at) => format!("يتجدد الحد في {at}. للمتابعة قبل ذلك اشحن الرصيد أو رقِّ باقتك."),
            None => "انتظر انتهاء طلب جارٍ ثم أعد المحاولة، أو رقِّ باقتك.".to_owned(),
        };
        format!("بلغ متجرك {limit}: استُهلك {spent} وحُجز {held} من {cap}. {way_out}")
    }

    fn english(&self) -> String {
        let Self { limit, spent, held, cap, reset_time } = self;
        let limit = match *limit {
            "day_requests" => "its requests for today",
            "month_tokens" => "its tokens for this month",
            "month_cost_nano_usd" => "its spending for this month",
            "balance_nano_usd" => return self.balance_english(),
            _ => "its number of requests at once",
        };
        let way_out = match reset_time {
            Some(at) => {
                format!("The limit resets at {at}. To go on before that, top up or upgrade your plan.")
            }
            None => "Wait for a running request to end and try again, or upgrade your plan.".to_owned(),
        };
        format!("Your shop has reached {limit}: {spent} used and {held} held of {cap}. {way_out}")
    }
}

/// A balance has no reset: who pays ahead goes on by paying.
impl Facts<'_> {
    fn balance_arabic(&self) -> String {
        let Self { spent, held, cap, .. } = self;
        format!(
            "نفد رصيد متجرك المدفوع مسبقًا: استُهلك {spent} وحُجز {held} من {cap} مدفوعة. اشحن الرصيد للمتابعة."
        )
    }

    fn balance_english(&self) -> String {
        let Self { spent, held, cap, .. } = self;
        format!(
            "Your shop's prepaid balance is used up: {spent} used and {held} held of {cap} paid. Top up to go on."
        )
    }
}

#[cfg(test)]
mod tests {
    use kaleem_rpc::Code;

    use super::*;

    fn spent(limit: &str) -> Fault {
        Fault::new(Code::ResourceExhausted, "quota.kaleem", "QUOTA_EXCEEDED", "spent")
            .with("limit", limit)
            .with("spent", 9_500_000_000_i64)
            .with("held", 500_000_000)
            .with("cap", 10_000_000_000_i64)
            .with("reset_time", "2026-11-30T21:00:00Z")
    }

    #[test]
    fn limit_spent_held_and_reset_are_said_in_both_languages() {
        for (language, words) in [("ar", "حد الإنفاق الشهري"), ("en", "spending for this month")]
        {
            let said = explained(spent("month_cost_nano_usd"), language).localized.unwrap();
            assert_eq!(said.locale, language);
            for part in [words, "$9.50", "$0.50", "$10.00", "2026-11-30T21:00:00Z"] {
                assert!(said.message.contains(part), "{part} in {}", said.message);
            }
        }
        let text = explained(spent("day_requests"), "en").localized.unwrap().message;
        assert!(text.contains("requests for today") && text.contains("9500000000"), "{text}");
    }

    #[test]
    fn a_balance_is_explained_without_a_reset_and_says_to_top_up() {
        let mut fault = spent("balance_nano_usd");
        fault.metadata.remove("reset_time");
        for (language, words) in [("ar", ["رصيد", "اشحن الرصيد"]), ("en", ["prepaid balance", "Top up"])]
        {
            let said = explained(fault.clone(), language).localized.unwrap();
            assert_eq!(said.locale, language);
            for part in [words[0], words[1], "$9.50", "$0.50", "$10.00"] {
                assert!(said.message.contains(part), "{part} in {}", said.message);
            }
            assert!(!said.message.contains("reset") && !said.message.contains("يتجدد"), "{}", said.message);
        }
    }

    #[test]
    fn other_failures_are_not_explained() {
        let fault = Fault::new(Code::Unavailable, "quota.kaleem", "STORE_UNAVAILABLE", "away");
        assert_eq!(explained(fault.clone(), "ar"), fault);
    }
}
