//! What each token of a sentence means: its sense in the word lists, longest phrase first.

use crate::{
    lexicon::{Class, Classes, Clitics, LEXICON, Lexicon, Sense},
    text::{Kind, Tokens},
};

/// Words of the longest phrase.
const PHRASE_MAX: usize = 8;

/// The meaning of a token, or of a phrase at its first token.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Note {
    pub(crate) sense: Sense,
    pub(crate) clitics: Clitics,
    /// Tokens of the phrase; 0 for those behind its first.
    pub(crate) len: usize,
    word: u32,
}

/// Whether a word for what is counted is of Persian alone.
fn is_persian_unit(word: &str) -> bool {
    matches!(word, "روز" | "روزه" | "هفته" | "ماه" | "ماهه" | "سال" | "ساله" | "ساعت" | "درصد" | "تومان")
}

/// The note of no token.
static NOTHING: Note = Note { sense: Sense::NONE, clitics: Clitics::NONE, len: 0, word: 0 };

/// The notes of a sentence, one a token.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    all: Vec<Note>,
    /// The classes of all notes.
    classes: Classes,
    /// Whether «ما» is there, which denies the verb behind it.
    denies_verb: bool,
}

impl Notes {
    /// Reads all tokens; earlier notes are dropped.
    pub(crate) fn refill(&mut self, tokens: &Tokens) {
        let lexicon = &*LEXICON;
        self.all.clear();
        self.classes = Classes::default();
        self.all.extend(tokens.all.iter().enumerate().map(|(index, token)| {
            let (word, clitics) = match token.kind {
                Kind::Word | Kind::Mark => match lexicon.word(tokens.word(index)) {
                    (word, _) if word == lexicon.six[0] && !tokens.persian => {
                        (lexicon.six[1], Clitics { by: true, ..Clitics::NONE })
                    }
                    found => found,
                },
                Kind::Number | Kind::Opaque => (0, Clitics::default()),
            };
            Note { word, clitics, len: 1, sense: Sense::default() }
        }));
        self.denies_verb = self.all.iter().any(|note| lexicon.what.contains(&note.word));
        let mut at = 0;
        while at < self.all.len() {
            let (found, len) = self.longest(lexicon, tokens, at);
            let Some(found) = found else {
                at += 1;
                continue;
            };
            let mut sense = *found;
            // «ده» is ten in Persian, and "this" in Cairo.
            if sense.persian && !tokens.persian && !is_persian_unit(tokens.word(at + len)) {
                sense.number = None;
            }
            let note = &mut self.all[at];
            (note.sense, note.len) = (sense, len);
            self.classes = self.classes.with(sense.classes);
            for covered in &mut self.all[at + 1..at + len] {
                covered.len = 0;
            }
            at += len;
        }
    }

    /// The sense of the longest phrase that begins at a token, and its tokens.
    fn longest<'l>(&self, lexicon: &'l Lexicon, tokens: &Tokens, start: usize) -> (Option<&'l Sense>, usize) {
        let mut found = (None, 1);
        let (mut node, mut at) = (0, start);
        for _ in 0..PHRASE_MAX {
            let Some(word) = self.all.get(at) else { break };
            if at > start && word.clitics.and {
                break;
            }
            let Some(next) = lexicon.step(node, word.word).filter(|_| word.word != 0) else { break };
            (node, at) = (next, at + 1);
            if let Some(sense) = lexicon.sense(node)
                && !(sense.is(Class::RefTo) && self.goes_on(tokens, at))
            {
                found = (Some(sense), at - start);
            }
            if !lexicon.goes_on(node) {
                break;
            }
            // cash-on-delivery
            if tokens.word(at) == "-" && tokens.all.get(at).is_some_and(|dash| !dash.gap) {
                at += 1;
            }
        }
        found
    }

    /// Whether a word for the end of a range is at `at`: «من يوم إلى يومين» speaks of no day from which something counts.
    fn goes_on(&self, tokens: &Tokens, at: usize) -> bool {
        let clitics = self.all.get(at).map_or(Clitics::NONE, |note| note.clitics);
        let to = matches!(tokens.word(at), "الي" | "حتي" | "-") || clitics.to && !clitics.the;
        to && matches!(tokens.word(at - 1), "يوم")
    }

    /// Whether the words from `start` to the end begin a longer phrase of one of the classes.
    pub(crate) fn begins(&self, start: usize, classes: &[Class]) -> bool {
        let lexicon = &*LEXICON;
        let mut words = self.all[start..].iter();
        let end = words.try_fold(0, |node, note| lexicon.step(node, note.word).filter(|_| note.word != 0));
        end.is_some_and(|node| lexicon.leads_to(node, classes))
    }

    /// Whether the word lists do not have the word in any phrase.
    pub(crate) fn is_unknown(&self, index: usize) -> bool {
        self.all.get(index).is_some_and(|note| note.word == 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Note> {
        self.all.get(index)
    }

    /// The note at `index`; an empty one behind the end.
    pub(crate) fn at(&self, index: usize) -> &Note {
        self.all.get(index).unwrap_or(&NOTHING)
    }

    pub(crate) fn is(&self, index: usize, class: Class) -> bool {
        self.all.get(index).is_some_and(|note| note.sense.is(class))
    }

    /// Whether anything in the sentence can deny what is said.
    pub(crate) fn may_deny(&self) -> bool {
        self.denies_verb || self.may_have(&[Class::Neg, Class::AfterNeg])
    }

    /// Whether any token at all is of one of the classes.
    pub(crate) fn may_have(&self, classes: &[Class]) -> bool {
        self.classes.meets(Classes::of(classes))
    }

    /// Whether any token of the range is of one of the classes.
    pub(crate) fn any(&self, range: std::ops::Range<usize>, classes: &[Class]) -> bool {
        let wanted = Classes::of(classes);
        let end = range.end.min(self.all.len());
        self.classes.meets(wanted)
            && self.all[range.start.min(end)..end].iter().any(|note| note.sense.classes.meets(wanted))
    }
}
