//! What Arabic and Persian join to a word.

/// An Arabic letter in UTF-8.
pub(super) type Letter = [u8; 2];

const ALEF: Letter = *b"\xd8\xa7";
const LAM: Letter = *b"\xd9\x84";
const WAW: Letter = *b"\xd9\x88";
const FEH: Letter = *b"\xd9\x81";
const BEH: Letter = *b"\xd8\xa8";
const KAF: Letter = *b"\xd9\x83";
const HEH: Letter = *b"\xd9\x87";

/// Particles that may stand before a cue in one word, folded: their first letter, and what may follow it.
const PARTICLES: [(Letter, &[&[Letter]]); 7] = [
    (ALEF, &[&[LAM]]),
    (WAW, &[&[], &[ALEF, LAM], &[LAM], &[BEH], &[LAM, LAM], &[BEH, ALEF, LAM]]),
    (BEH, &[&[], &[ALEF, LAM]]),
    (LAM, &[&[], &[LAM]]),
    (FEH, &[&[], &[ALEF, LAM]]),
    (KAF, &[&[], &[ALEF, LAM]]),
    (HEH, &[&[], &[ALEF, LAM]]),
];

/// Which of the [`PARTICLES`] starts with a letter, by its last six bits.
const BY_LETTER: [Option<usize>; 64] = {
    let mut places = [None; 64];
    let mut index = 0;
    while index < PARTICLES.len() {
        let ([_, last], _) = PARTICLES[index];
        places[(last & 0x3f) as usize] = Some(index);
        index += 1;
    }
    places
};

/// What may follow a letter that begins a particle, up to the cue.
#[inline]
pub(super) fn joined_behind(first: Letter) -> Option<&'static [&'static [Letter]]> {
    let (letter, joined) = &PARTICLES[BY_LETTER[usize::from(first[1] & 0x3f)]?];
    (*letter == first).then_some(*joined)
}

/// Arabic and Persian letters that may follow a cue in one word, folded.
pub(super) fn is_suffix(word: &str) -> bool {
    matches!(
        word,
        "" | "ي"
            | "ك"
            | "ه"
            | "ها"
            | "نا"
            | "كم"
            | "كن"
            | "هم"
            | "تي"
            | "تك"
            | "ته"
            | "تها"
            | "تنا"
            | "تكم"
            | "ات"
            | "اتي"
            | "ين"
            | "ني"
            | "وا"
            | "وني"
            | "ام"
            | "م"
            | "ت"
            | "ش"
            | "مان"
            | "تان"
            | "هاي"
            | "هايم"
            | "يم"
            | "يه"
    )
}

/// The two bytes at `at`, zeros behind the end.
pub(super) fn letter_at(bytes: &[u8], at: usize) -> Letter {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}
