//! Units of sizes: weights and volumes that prices are derived from, and what else is no name of goods.

use crate::amount::Amount;

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    /// In grams.
    Mass,
    /// In millilitres.
    Volume,
    /// What a pack has several of.
    Pieces,
    /// Lengths and areas, which no name says of its product alone.
    Other,
}

/// Units of a power, a storage, a screen.
const OTHERS: [&str; 31] = [
    "w",
    "kw",
    "v",
    "mah",
    "hz",
    "khz",
    "mhz",
    "ghz",
    "kb",
    "mb",
    "gb",
    "tb",
    "mp",
    "k",
    "mg",
    "oz",
    "mm",
    "km",
    "in",
    "inch",
    "px",
    "fps",
    "pcs",
    "mbps",
    "gbps",
    "h",
    "min",
    "nm",
    "واط",
    "امبير",
    "بوصه",
];

/// Whether a number of it is said of what goods have, such as a screen or a battery.
pub(crate) fn is_measure_of_part(unit: &str) -> bool {
    matches!(unit, "بوصه" | "انش" | "هرتز" | "واط" | "مللي" | "ملي" | "ميجا" | "ميجابكسل" | "امبير")
}

/// Whether sides are measured in it.
pub(crate) fn is_length(unit: &str) -> bool {
    matches!(
        unit,
        "m" | "cm" | "mm" | "ft" | "in" | "inch" | "inches" | "metre" | "metres" | "meter" | "meters"
    ) || matches!(
        unit,
        "متر"
            | "امتار"
            | "سم"
            | "سنتي"
            | "سنتيمتر"
            | "سانت"
            | "سانتي"
            | "سانتيمتر"
            | "انش"
            | "بوصه"
            | "قدم"
    )
}

/// Whether it is the unit of a size, a power or a storage.
pub(crate) fn is_size(unit: &str) -> bool {
    OTHERS.contains(&unit) || measured(unit).is_some_and(|(dimension, _)| dimension != Dimension::Pieces)
}

/// What a unit measures, and how many grams or millilitres it has.
pub(crate) fn measured(unit: &str) -> Option<(Dimension, Amount)> {
    let (dimension, count) = match unit {
        "g" | "gm" | "gms" | "gr" | "gram" | "grams" | "gramme" | "grammes" | "جم" | "جرام" | "غرام"
        | "غم" | "جرامات" | "غرامات" | "گرم" | "كرم" => (Dimension::Mass, 1),
        "kg" | "kgs" | "kilo" | "kilos" | "kilogram" | "kilograms" | "كيلو" | "كجم" | "كغ" | "كغم"
        | "كيلوجرام" | "كيلوغرام" | "كيلوگرم" => (Dimension::Mass, 1000),
        "ml" | "millilitre" | "milliliter" | "millilitres" | "milliliters" | "مل" | "ملل" | "ميلي"
        | "ملي" => (Dimension::Volume, 1),
        "cl" => (Dimension::Volume, 10),
        "l" | "litre" | "liter" | "litres" | "liters" | "لتر" | "ليتر" => (Dimension::Volume, 1000),
        "bag" | "bags" | "piece" | "pieces" | "pc" | "pcs" | "capsule" | "capsules" | "pod" | "pods"
        | "sachet" | "sachets" | "tablet" | "tablets" | "كيس" | "اكياس" | "حبه" | "حبات" | "قطعه" | "قطع"
        | "كبسوله" | "كبسولات" | "ظرف" | "اظرف" => (Dimension::Pieces, 1),
        "square" | "sqm" | "metre" | "meter" | "m" | "cm" | "متر" | "yard" | "tola" | "توله" => {
            (Dimension::Other, 1)
        }
        _ => return None,
    };
    Some((dimension, Amount::whole(count)))
}
