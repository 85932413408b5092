//! Answers with what must be found in them, from templates and shops.

use std::ops::Range;

use crate::render::{self, Dice, Language, Span};

/// What must be said of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    Pass,
    Unsure,
    /// One slot is wrong: its field, and its bytes.
    Violate(&'static str, Range<usize>),
}

/// One answer.
#[derive(Debug)]
pub struct Case {
    pub shop: usize,
    pub text: String,
    pub truth: Truth,
    /// Whether its template was looked at while the rules were written.
    pub held_out: bool,
    pub template: &'static str,
}

/// A shop's facts; amounts in thousandths.
pub struct Shop {
    pub currency: &'static str,
    /// Arabic, English and Persian name, price, price before its reduction.
    pub products: [([&'static str; 3], i64, Option<i64>); 3],
    pub fee: i64,
    pub over: i64,
    pub days: (i64, i64),
    pub returns: i64,
    pub exchange: i64,
    pub warranty: i64,
    pub cod: Option<i64>,
    pub coupon: (&'static str, i64),
    pub vat: Option<i64>,
}

pub const SHOPS: [Shop; 4] = [
    Shop {
        currency: "SAR",
        products: [
            (["العباية السوداء", "Black Abaya", "عبای مشکی"], 89_000, Some(120_000)),
            (["طرحة الحرير", "Silk Scarf", "روسری ابریشمی"], 35_000, None),
            (["عطر العود الملكي", "Royal Oud Perfume", "عطر عود سلطنتی"], 249_500, None),
        ],
        fee: 25_000,
        over: 200_000,
        days: (2, 4),
        returns: 14,
        exchange: 30,
        warranty: 24,
        cod: Some(15_000),
        coupon: ("EID2026", 20),
        vat: Some(15),
    },
    Shop {
        currency: "AED",
        products: [
            (["سماعة بلوتوث", "Bluetooth Headset", "هدست بلوتوث"], 199_000, Some(249_000)),
            (["شاحن سريع", "Fast Charger", "شارژر سریع"], 59_500, None),
            (["ساعة ذكية", "Smart Watch", "ساعت هوشمند"], 1_299_000, Some(1_499_000)),
        ],
        fee: 18_000,
        over: 300_000,
        days: (1, 3),
        returns: 7,
        exchange: 15,
        warranty: 12,
        cod: Some(10_000),
        coupon: ("SAVE10", 10),
        vat: Some(5),
    },
    Shop {
        currency: "KWD",
        products: [
            (["قهوة عربية", "Arabic Coffee", "قهوه عربی"], 4_750, Some(6_000)),
            (["تمر سكري", "Sukkari Dates", "خرمای سکری"], 3_250, None),
            (["دلة نحاس", "Brass Dallah", "قهوه‌جوش برنجی"], 22_500, None),
        ],
        fee: 2_000,
        over: 15_000,
        days: (3, 5),
        returns: 10,
        exchange: 20,
        warranty: 6,
        cod: Some(1_500),
        coupon: ("KUWAIT15", 15),
        vat: None,
    },
    Shop {
        currency: "SAR",
        products: [
            (["كرسي مكتب", "Office Chair", "صندلی اداری"], 649_000, Some(799_000)),
            (["طاولة خشبية", "Wooden Table", "میز چوبی"], 1_150_000, None),
            (["مصباح مكتب", "Desk Lamp", "چراغ مطالعه"], 95_000, None),
        ],
        fee: 45_000,
        over: 500_000,
        days: (4, 8),
        returns: 30,
        exchange: 45,
        warranty: 36,
        cod: None,
        coupon: ("HOME25", 25),
        vat: Some(15),
    },
];

impl Shop {
    /// The policy as a shop would send it.
    pub fn policy(&self) -> String {
        let amount = |thousandths: i64| format!("\"{}.{:03}\"", thousandths / 1000, thousandths % 1000);
        let products = self.products.iter().enumerate().map(|(index, (names, price, compare))| {
            let compare =
                compare.map(|compare| format!(",\"compare_at\":{}", amount(compare))).unwrap_or_default();
            format!(
                "{{\"sku\":\"SKU-{index}\",\"names\":{},\"amount\":{}{compare}}}",
                serde_json::json!(names),
                amount(*price)
            )
        });
        let cod = self.cod.map(|cod| format!(",\"cod_fee\":{}", amount(cod))).unwrap_or_default();
        format!(
            "{{\"currency\":\"{}\",\"vat_included\":true,\"prices\":[{}],\"shipping\":{{\"fee\":{},\"free_over\":{},\"days\":[{},{}]}},\
             \"return_days\":{},\"exchange_days\":{},\"warranty_months\":{}{cod},\"coupons\":{{\"{}\":{}}}}}",
            self.currency,
            products.collect::<Vec<_>>().join(","),
            amount(self.fee),
            amount(self.over),
            self.days.0,
            self.days.1,
            self.returns,
            self.exchange,
            self.warranty,
            self.coupon.0,
            self.coupon.1,
        )
    }
}

const TEMPLATES: [(Language, &str); 3] = [
    (Language::Arabic, include_str!("ar.txt")),
    (Language::English, include_str!("en.txt")),
    (Language::Persian, include_str!("fa.txt")),
];
/// One template in so many is kept out of sight.
const HELD_OUT_EVERY: usize = 4;

/// All cases: each template in each shop, right, and with each of its slots wrong.
pub fn cases(rounds: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (language, text) in TEMPLATES {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for (index, template) in lines.enumerate() {
            for (shop, facts) in SHOPS.iter().enumerate() {
                for round in 0..rounds {
                    let seed = (index as u64) << 8 | (shop as u64) << 4 | round | (language as u64) << 32;
                    let held_out = index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1;
                    let mut writer = Writer { shop: facts, language, dice: Dice::new(seed + 1) };
                    cases.extend(writer.write(template).into_iter().map(|(text, truth)| Case {
                        shop,
                        text,
                        truth,
                        held_out,
                        template,
                    }));
                }
            }
        }
    }
    cases
}

struct Writer<'s> {
    shop: &'s Shop,
    language: Language,
    dice: Dice,
}

impl Writer<'_> {
    fn write(&mut self, template: &str) -> Vec<(String, Truth)> {
        let (marked, body) = match (template.strip_prefix("- "), template.strip_prefix("? ")) {
            // A list begins with a dash, too.
            (Some(body), _) if !template.starts_with("- {") => (Some(Truth::Pass), body),
            (_, Some(body)) => (Some(Truth::Unsure), body),
            _ => (None, template),
        };
        let body = body.replace("\\n", "\n");
        let slots: Vec<&str> = body.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        let first = self.dice.below(3);
        let second = (first + 1 + self.dice.below(2)) % 3;
        if self.lacks(&slots, first) {
            return Vec::new();
        }
        if marked.is_none() && self.shop.cod.is_none() && slots.contains(&"cod") {
            return vec![(self.fill(&body, (first, second), None).0, Truth::Unsure)];
        }
        let right = self.fill(&body, (first, second), None).0;
        let mut written = vec![(right, marked.clone().unwrap_or(Truth::Pass))];
        for (at, slot) in slots.iter().enumerate().filter(|_| marked.is_none()) {
            let Some(field) = field(slot) else { continue };
            let (text, range) = self.fill(&body, (first, second), Some(at));
            written.push((text, Truth::Violate(field, range)));
        }
        written
    }

    /// Whether the shop cannot say this.
    fn lacks(&self, slots: &[&str], first: usize) -> bool {
        let (_, price, compare) = self.shop.products[first];
        slots.contains(&"vat") && self.shop.vat.is_none()
            || (slots.contains(&"compare") || slots.contains(&"save")) && compare.is_none()
            || slots.contains(&"remain") && price >= self.shop.over
    }

    /// The text with its slots filled; the one at `wrong` wrongly, with its bytes.
    fn fill(&mut self, body: &str, products: (usize, usize), wrong: Option<usize>) -> (String, Range<usize>) {
        let mut text = String::new();
        let mut range = 0..0;
        let mut parts = body.split('{');
        text.push_str(parts.next().unwrap());
        for (at, part) in parts.enumerate() {
            let (slot, rest) = part.split_once('}').unwrap();
            let start = text.len();
            let value = self.slot(slot, products, wrong == Some(at));
            text.push_str(&value);
            if wrong == Some(at) {
                range = start..text.len();
            }
            text.push_str(rest);
        }
        (text, range)
    }

    fn slot(&mut self, slot: &str, (first, second): (usize, usize), wrong: bool) -> String {
        let shop = self.shop;
        let language = self.language;
        let (_, price, compare) = shop.products[first];
        let other = shop.products[second].1;
        let (slot, adjective) = slot.strip_suffix(":adj").map_or((slot, false), |slot| (slot, true));
        let off = price - price * shop.coupon.1 / 100;
        let amount = match slot {
            "name" => return shop.products[first].0[language as usize].to_owned(),
            "name2" => return shop.products[second].0[language as usize].to_owned(),
            "code" if wrong => {
                return (*self.dice.pick(&["WELCOME50", "SUMMER30", "VIP-40", "FLASH25"])).to_owned();
            }
            "code" => return shop.coupon.0.to_owned(),
            "wrongcode" => return (*self.dice.pick(&["OFF50", "RAMADAN30"])).to_owned(),
            "percent" => {
                return render::percent(shop.coupon.1 + if wrong { 15 } else { 0 }, language, &mut self.dice);
            }
            "wrongpercent" => return render::percent(50, language, &mut self.dice),
            "vat" => {
                return render::percent(
                    shop.vat.unwrap() + if wrong { 4 } else { 0 },
                    language,
                    &mut self.dice,
                );
            }
            "return" => return self.span(shop.returns, Span::Days, adjective, wrong),
            "exchange" => return self.span(shop.exchange, Span::Days, adjective, wrong),
            "warranty" => return self.span(shop.warranty, Span::Months, adjective, wrong),
            "days" => {
                let later = if wrong { 3 } else { 0 };
                return render::days(shop.days.0 + later, shop.days.1 + later, language, &mut self.dice);
            }
            "price" => price,
            "price2" => other,
            "wrongprice" => price - price / 4,
            "compare" => compare.unwrap(),
            "fee" => shop.fee,
            "over" => shop.over,
            "cod" => shop.cod.unwrap_or(12_000),
            "two" => 2 * price,
            "withfee" => price + shop.fee,
            "sum" => price + other,
            "sumfee" => price + other + shop.fee,
            "off" => off,
            "save" => compare.unwrap() - price,
            "remain" => shop.over - price,
            unknown => panic!("{unknown} is no slot"),
        };
        let mut error = if wrong { [3_000, 7_000, 11_000, 19_000][self.dice.below(4)] } else { 0 };
        // Another fact by chance is no error that can be seen.
        while wrong && (self.is_fact(amount + error) || amount + error == price + shop.fee) {
            error += 1_000;
        }
        render::money(amount + error, shop.currency, language, &mut self.dice)
    }

    fn is_fact(&self, amount: i64) -> bool {
        let shop = self.shop;
        let prices =
            shop.products.iter().any(|(_, price, compare)| amount == *price || Some(amount) == *compare);
        prices || [Some(shop.fee), Some(shop.over), shop.cod].contains(&Some(amount))
    }

    fn span(&mut self, count: i64, of: Span, adjective: bool, wrong: bool) -> String {
        let error = match (wrong, of) {
            (false, _) => 0,
            (true, Span::Days) => [3, 5, 16][self.dice.below(3)],
            (true, Span::Months) => [6, 12][self.dice.below(2)],
        };
        render::span(count + error, of, adjective, self.language, &mut self.dice)
    }
}

/// The field that a wrong slot violates.
fn field(slot: &str) -> Option<&'static str> {
    Some(match slot.trim_end_matches(":adj") {
        "price" | "price2" | "compare" | "off" | "save" => "price",
        "two" | "withfee" | "sum" | "sumfee" => "total",
        "fee" => "shipping_fee",
        "over" | "remain" => "free_over",
        "cod" => "cod_fee",
        "days" => "shipping_days",
        "return" => "return_days",
        "exchange" => "exchange_days",
        "warranty" => "warranty_months",
        "code" => "coupon",
        "percent" | "vat" => "percent",
        _ => return None,
    })
}
