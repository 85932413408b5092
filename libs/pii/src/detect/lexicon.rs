//! Words that say what a number is; the lists are in `cues/`, one cue a line, as people write them.

/// What a cue says about the number next to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    /// A telephone number.
    Phone,
    /// An identity or residence number.
    Identity,
    /// A bank account.
    Account,
    /// A payment card.
    Card,
    /// An e-mail address.
    Email,
    /// Something of the shop: an order, a price, a product, a shipment.
    Decoy,
}

/// Every cue with its words, one a line. A word with spaces also matches without them.
pub(super) const CUES: [(Cue, &str); 6] = [
    (Cue::Phone, include_str!("cues/phone.txt")),
    (Cue::Identity, include_str!("cues/identity.txt")),
    (Cue::Account, include_str!("cues/account.txt")),
    (Cue::Card, include_str!("cues/card.txt")),
    (Cue::Email, include_str!("cues/email.txt")),
    (Cue::Decoy, include_str!("cues/decoy.txt")),
];

/// Units and currencies that make the number before them an amount, one a line.
pub(super) const UNITS: &str = include_str!("cues/units.txt");

/// Currencies that make the number behind them an amount, folded.
pub(super) const CURRENCIES_BEFORE: [&str; 16] =
    ["$", "€", "£", "﷼", "sar", "sr", "aed", "usd", "kwd", "qar", "bhd", "omr", "egp", "eur", "dhs", "rs"];

/// Spellings of the at sign, with the spaces that belong to them.
pub(super) const AT: [&str; 18] = [
    "(at)", "[at]", "{at}", "<at>", "( at )", "[ at ]", "(@)", "[@]", "{@}", "_at_", "-at-", " at ", " ات ",
    " آت ", "(ات)", "(آت)", "[ات]", "[آت]",
];

/// Arabic letters that may stand before a cue in one word, folded.
pub(super) const PREFIXES: [&str; 18] = [
    "", "ال", "و", "ف", "ب", "ل", "ك", "وال", "بال", "لل", "فال", "كال", "ول", "وب", "ولل", "وبال", "ه",
    "هال",
];

/// Arabic and Persian letters that may follow a cue in one word, folded.
pub(super) const SUFFIXES: [&str; 31] = [
    "", "ي", "ك", "ه", "ها", "نا", "كم", "كن", "هم", "تي", "تك", "ته", "تها", "تنا", "تكم", "ات", "اتي",
    "ين", "ني", "وا", "وني", "ام", "م", "ت", "ش", "مان", "تان", "هاي", "هايم", "يم", "يه",
];
