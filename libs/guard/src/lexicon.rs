//! Word lists: what words and phrases of shops mean, in Arabic, English and Persian.

mod spoken;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use crate::hash::WordHasher;
use crate::text::{folded, is_arabic};
use crate::unit::Unit;

const CUES: [&str; 3] = [
    include_str!("lexicon/cues_ar.txt"),
    include_str!("lexicon/cues_en.txt"),
    include_str!("lexicon/cues_fa.txt"),
];
const UNITS: &str = include_str!("lexicon/units.txt");
const NUMBERS: [&str; 2] = [include_str!("lexicon/numbers.txt"), include_str!("lexicon/numbers_fa.txt")];

macro_rules! classes {
    ($($name:ident = $text:literal,)+) => {
        /// What a word or phrase is about; a word may be about several.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Class { $($name),+ }

        impl Class {
            fn named(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

classes! {
    Ship = "ship", Cod = "cod", Return = "return", Exchange = "exchange", Warranty = "warranty", Total = "total",
    Price = "price", Fee = "fee", Free = "free", NoFee = "nofee", Over = "over", OrMore = "ormore", Under = "under",
    Save = "save", Discount = "discount", Was = "was", Remain = "remain", Coupon = "coupon", Code = "code",
    NotCode = "notcode", Vat = "vat", Install = "install", With = "with", Without = "without", Neg = "neg",
    NoNeg = "noneg", Contrast = "contrast", AfterNeg = "afterneg", Quote = "quote", Customer = "customer",
    Offer = "offer", Bound = "bound", Span = "span", Since = "since", Other = "other",
    Contact = "contact", Bank = "bank", Refund = "refund", Ref = "ref", Material = "material", Piece = "piece",
    Pair = "pair", Generic = "generic", Only = "only", Dated = "dated", Service = "service", SameDay = "sameday",
    NextDay = "nextday", To = "to", And = "and", For = "for", Order = "order", Half = "half",
    Quarter = "quarter", Use = "use", Cond = "cond", Lifetime = "lifetime", Lower = "lower", RefTo = "refto", Nothing = "nothing", HalfPrice = "halfprice",
    Promotion = "promotion", Charge = "charge", Holds = "holds",
}

/// A set of classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Classes(u64);

const _: () = assert!((Class::Holds as u8) < 64, "a set of classes has 64 bits");

impl Classes {
    #[inline]
    pub(crate) fn of(classes: &[Class]) -> Self {
        Self(classes.iter().fold(0, |all, class| all | 1_u64 << *class as u8))
    }

    #[inline]
    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a word or phrase means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sense {
    pub(crate) classes: Classes,
    /// A unit.
    pub(crate) unit: Option<Unit>,
    /// How many units the word alone may say: «يوم» one, «يومين» two, «أيام» none.
    pub(crate) alone: u8,
    /// A number in words.
    pub(crate) number: Option<u32>,
    /// Whether the number is one in Persian only.
    pub(crate) persian: bool,
}

impl Sense {
    /// That of a word that no list has.
    pub(crate) const NONE: Self =
        Self { classes: Classes(0), unit: None, alone: 0, number: None, persian: false };

    pub(crate) fn is(&self, class: Class) -> bool {
        self.classes.meets(Classes::of(&[class]))
    }

    pub(crate) fn any(&self, classes: &[Class]) -> bool {
        self.classes.meets(Classes::of(classes))
    }

    /// The sense with classes of another added.
    pub(crate) fn join(&mut self, other: &Self) {
        self.classes = self.classes.with(other.classes);
        self.unit = self.unit.or(other.unit);
        self.alone = self.alone.max(other.alone);
        self.persian = self.number.map_or(other.persian, |_| self.persian);
        self.number = self.number.or(other.number);
    }
}

/// Particles that are written together with the Arabic word behind them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each particle is there or not")]
pub(crate) struct Clitics {
    /// «و» or «ف».
    pub(crate) and: bool,
    /// «ل».
    pub(crate) to: bool,
    /// «ب».
    pub(crate) by: bool,
    /// «ال».
    pub(crate) the: bool,
}

impl Clitics {
    pub(crate) const NONE: Self = Self { and: false, to: false, by: false, the: false };
}

/// All word lists.
pub(crate) struct Lexicon {
    words: HashMap<Box<str>, u32, BuildHasherDefault<WordHasher>>,
    /// What the phrase that ends at each node of the trie means.
    nodes: Vec<Option<Sense>>,
    /// The classes of all phrases that lead through each node.
    leads: Vec<Classes>,
    edges: HashMap<(u32, u32), u32, BuildHasherDefault<WordHasher>>,
    /// The node behind each word from the root; 0 if no phrase begins with it.
    roots: Vec<u32>,
    /// Whether any phrase goes on behind each node.
    inner: Vec<bool>,
    /// The numbers of «ما» and «وما».
    pub(crate) what: [u32; 2],
    /// The numbers of «بسته», a pack in Persian and "for six" in Arabic, and of «سته».
    pub(crate) six: [u32; 2],
}

/// The lists, read once.
pub(crate) static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::read().0);

/// Pronouns that are written together with the Arabic word before them.
const PRONOUNS: [&str; 21] = [
    "ها", "ه", "هم", "ك", "ج", "لج", "كو", "كم", "كن", "نا", "هما", "لك", "لكم", "ا", "ينه", "ينها", "ونه",
    "ونها", "ين", "ون", "وا",
];

/// What else a verb in the past has of whom it speaks to, with a pronoun in speech: «ذكرتم», «رجعتيه», «رجعتوها».
const AFTER_VERBS: [&str; 7] = ["ي", "و", "م", "يه", "يها", "وه", "وها"];

/// The same of Persian.
const PERSIAN_PRONOUNS: [&str; 7] = ["ش", "اش", "تان", "شان", "مان", "ها", "هاي"];

impl Lexicon {
    /// Reads the lists; and the names of sections that mean nothing, for a test.
    fn read() -> (Self, Vec<String>) {
        let nodes = vec![None];
        let mut lexicon = Self {
            words: HashMap::default(),
            nodes,
            leads: vec![Classes::default()],
            edges: HashMap::default(),
            roots: Vec::new(),
            inner: Vec::new(),
            what: [0; 2],
            six: [0; 2],
        };
        let mut unknown = Vec::new();
        let mut inflected = Vec::new();
        let texts = CUES.iter().chain([&UNITS]).chain(&NUMBERS);
        let sections = texts.flat_map(|text| text.lines().map(move |line| (*text, line)));
        for (text, name, phrases) in sections
            .filter(|(_, line)| !line.starts_with('#'))
            .filter_map(|(text, line)| line.split_once(": ").map(|(name, phrases)| (text, name, phrases)))
        {
            let (name, plus) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
            let Some(mut sense) = sense_named(name) else {
                unknown.push(name.to_owned());
                continue;
            };
            sense.persian = text == NUMBERS[1];
            for phrase in phrases.split(',') {
                let phrase = folded(phrase.trim()).replace('-', " ");
                lexicon.add(&phrase, &sense);
                if plus {
                    inflected.push((phrase, sense, text == CUES[2]));
                }
            }
        }
        for (number, value) in spoken::numbers() {
            lexicon.add_new(&number, &Sense { number: Some(value), ..Sense::default() });
        }
        let (persian, arabic): (Vec<_>, Vec<_>) = inflected.into_iter().partition(|(.., persian)| *persian);
        let forms = persian.iter().flat_map(|(phrase, sense, _)| {
            PERSIAN_PRONOUNS.iter().map(move |pronoun| (format!("{phrase}{pronoun}"), *sense))
        });
        let forms: Vec<_> = forms.filter(|(form, _)| !lexicon.means(form)).collect();
        for (form, sense) in forms {
            lexicon.add(&form, &sense);
        }
        for (phrase, sense, _) in arabic {
            let spoken = AFTER_VERBS.iter().filter(|_| phrase.ends_with('ت'));
            for pronoun in PRONOUNS.iter().chain(spoken) {
                let stem = phrase.strip_suffix('ه').map_or_else(|| phrase.clone(), |stem| format!("{stem}ت"));
                lexicon.add_new(&format!("{stem}{pronoun}"), &sense);
            }
        }
        lexicon.share_phrases();
        lexicon.what = ["ما", "وما"].map(|word| lexicon.word(word).0);
        lexicon.six = ["بسته", "سته"].map(|word| lexicon.word(word).0);
        lexicon.roots = vec![0; lexicon.words.len() + 1];
        lexicon.inner = vec![false; lexicon.nodes.len()];
        for ((from, word), to) in &lexicon.edges {
            lexicon.inner[*from as usize] = true;
            if *from == 0 {
                lexicon.roots[*word as usize] = *to;
            }
        }
        (lexicon, unknown)
    }

    /// Lets phrases begin with the article where the word alone has a meaning with it: «المبلغ المطلوب» beside «المبلغ».
    fn share_phrases(&mut self) {
        let node_of = |word: &u32| self.edges.get(&(0, *word)).copied();
        let definite = self.words.iter().filter_map(|(word, id)| {
            let open = self.words.get(word.strip_prefix("ال")?)?;
            Some((node_of(open)?, node_of(id)?))
        });
        let shared: HashMap<u32, u32> = definite.collect();
        let phrases =
            self.edges.iter().filter_map(|((from, word), to)| Some(((*shared.get(from)?, *word), *to)));
        for (edge, to) in phrases.collect::<Vec<_>>() {
            self.edges.entry(edge).or_insert(to);
        }
        for (open, definite) in shared {
            self.leads[definite as usize] = self.leads[definite as usize].with(self.leads[open as usize]);
        }
    }

    /// Adds a form unless the word means something already.
    fn add_new(&mut self, phrase: &str, sense: &Sense) {
        if !self.means(phrase) {
            self.add(phrase, sense);
        }
    }

    /// Whether it is one word that means something.
    fn means(&self, phrase: &str) -> bool {
        !phrase.contains(' ') && self.words.get(phrase).is_some_and(|word| self.sense_of(*word).is_some())
    }

    fn add(&mut self, phrase: &str, sense: &Sense) {
        let mut node = 0;
        for word in phrase.split(' ').filter(|word| !word.is_empty()) {
            // Inside a phrase the article does not count: «الدفع عند الاستلام».
            let word = if phrase.contains(' ') {
                word.strip_prefix("ال").filter(|stem| stem.chars().count() > 2).unwrap_or(word)
            } else {
                word
            };
            let next = u32::try_from(self.words.len() + 1).unwrap_or(u32::MAX);
            let id = *self.words.entry(word.into()).or_insert(next);
            let fresh = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            node = *self.edges.entry((node, id)).or_insert(fresh);
            if node == fresh {
                self.nodes.push(None);
                self.leads.push(Classes::default());
            }
            let leads = &mut self.leads[node as usize];
            *leads = leads.with(sense.classes);
        }
        if let Some(node) = self.nodes.get_mut(node as usize).filter(|_| node != 0) {
            node.get_or_insert_default().join(sense);
        }
    }

    fn sense_of(&self, word: u32) -> Option<&Sense> {
        let node = self.edges.get(&(0, word))?;
        self.nodes[*node as usize].as_ref()
    }

    /// The node behind `word` from `node` (0 is the root).
    pub(crate) fn step(&self, node: u32, word: u32) -> Option<u32> {
        if node == 0 {
            return self.roots.get(word as usize).copied().filter(|next| *next != 0);
        }
        self.edges.get(&(node, word)).copied()
    }

    /// Whether a longer phrase leads through `node`.
    pub(crate) fn goes_on(&self, node: u32) -> bool {
        self.inner[node as usize]
    }

    /// What the phrase that ends at `node` means.
    pub(crate) fn sense(&self, node: u32) -> Option<&Sense> {
        self.nodes.get(node as usize)?.as_ref()
    }

    /// Whether a phrase of one of the classes may still follow from `node`.
    pub(crate) fn leads_to(&self, node: u32, classes: &[Class]) -> bool {
        self.leads.get(node as usize).is_some_and(|leads| leads.meets(Classes::of(classes)))
    }

    /// The number of a folded word, without the particles before it; 0 if no list has it.
    pub(crate) fn word(&self, word: &str) -> (u32, Clitics) {
        let mut found = (0, Clitics::default());
        let _ = variants(word, |stem, clitics| {
            let id = self.words.get(stem).copied().unwrap_or(0);
            found = (id, clitics);
            id != 0
        });
        // "Shipping's 25"
        match word.strip_suffix("'s").filter(|_| found.0 == 0) {
            Some(noun) => (self.words.get(noun).copied().unwrap_or(0), Clitics::default()),
            None if found.0 == 0 => (0, Clitics::default()),
            None => found,
        }
    }
}

/// Tries a word without ever more of the particles before it, until `accept` takes one.
pub(crate) fn variants(word: &str, mut accept: impl FnMut(&str, Clitics) -> bool) -> bool {
    if accept(word, Clitics::default()) {
        return true;
    }
    if !word.starts_with(is_arabic) {
        return false;
    }
    let and = word.strip_prefix(['و', 'ف']).filter(|rest| long(rest));
    let bases = [(Some(word), false), (and, true)];
    for (base, and) in bases.into_iter().filter_map(|(base, and)| Some((base?, and))) {
        let clitics = Clitics { and, ..Clitics::default() };
        if and && accept(base, clitics) {
            return true;
        }
        // Most words begin with no particle at all.
        if !base.starts_with(['ا', 'ل', 'ب', 'ك']) {
            continue;
        }
        for (prefix, clitics) in [
            ("ال", Clitics { the: true, ..clitics }),
            ("لل", Clitics { the: true, to: true, ..clitics }),
            ("بال", Clitics { the: true, by: true, ..clitics }),
            ("لال", Clitics { the: true, to: true, ..clitics }),
            ("ب", Clitics { by: true, ..clitics }),
            ("ل", Clitics { to: true, ..clitics }),
            ("ك", clitics),
        ] {
            if let Some(rest) = base.strip_prefix(prefix).filter(|rest| long(rest))
                && accept(rest, clitics)
            {
                return true;
            }
        }
    }
    false
}

/// At least two letters.
fn long(word: &str) -> bool {
    word.len() >= 4
}

fn sense_named(name: &str) -> Option<Sense> {
    // Words that only must not be taken for others with a particle: «بقيمة» is no «قيمة».
    if name == "known" {
        return Some(Sense::default());
    }
    if let Some(class) = Class::named(name) {
        return Some(Sense { classes: Classes::of(&[class]), ..Sense::default() });
    }
    if let Ok(number) = name.parse() {
        return Some(Sense { number: Some(number), ..Sense::default() });
    }
    let (unit, alone) = match name.split_once('.') {
        Some((unit, "one")) => (unit, 1),
        Some((unit, "two")) => (unit, 2),
        _ => (name, 0),
    };
    Some(Sense { unit: Some(Unit::named(unit)?), alone, ..Sense::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sense(word: &str) -> Option<Sense> {
        let (id, _) = LEXICON.word(&folded(word));
        LEXICON.step(0, id).and_then(|node| LEXICON.sense(node)).copied()
    }

    #[test]
    fn every_section_has_a_meaning() {
        assert_eq!(Lexicon::read().1, Vec::<String>::new());
    }

    #[test]
    fn words_are_found_behind_particles_and_before_pronouns() {
        for (word, class) in [
            ("والشحن", Class::Ship),
            ("للتوصيل", Class::Ship),
            ("سعرها", Class::Price),
            ("وتكلفته", Class::Price),
            ("الإرجاع", Class::Return),
            ("بالمجموع", Class::Total),
            ("گارانتی", Class::Warranty),
        ] {
            assert!(sense(word).is_some_and(|sense| sense.is(class)), "{word}");
        }
        assert_eq!(sense("أسبوعين").unwrap().alone, 2);
        assert_eq!(sense("ومئتين").unwrap().number, Some(200));
        assert_eq!(sense("Zebra"), None);
    }
}
