//! Input-token estimates before a tokenizer has seen the text.

/// What a token is in the parts that weights count in.
const TOKEN: u32 = 20;
/// Tokenizers join signs that follow each other, though seldom more than two of them.
const NEXT_SIGN: u32 = 15;
/// A space joins the word behind it; in front of a single letter beyond ASCII it sometimes stays alone.
const SPACE_BEFORE_WIDE: u32 = 5;
/// A run of spaces is a token; no vocabulary has longer ones than this for sure.
const SPACES: u32 = 16;

/// What a byte is to a tokenizer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// ASCII letter: a part of a word, which is a token at least.
    Letter,
    /// A space.
    Space,
    /// ASCII digit: tokens of their own.
    Digit,
    /// Other visible ASCII.
    Sign,
    /// Line ends, tabs and other controls of ASCII.
    Control,
    /// First byte of a character beyond ASCII.
    Wide,
    /// Further byte of one.
    Inner,
}

/// Kind and weight of each byte. The weights of letters are those at which random words, base64 and hexadecimal text reach their tokens in
/// vocabularies of 100,000 to 200,000 entries; what is written to be read is made of common letters and stays below twice its tokens.
/// Characters beyond ASCII weigh what they need alone: never more than a token a byte, one where they are Arabic, Cyrillic or Western
/// European letters, and two where they are other letters of two bytes, Indic, Chinese or Japanese.
const BYTES: [(Kind, u32); 256] = {
    let mut bytes = [(Kind::Inner, 0); 256];
    let mut byte = 0;
    while byte < bytes.len() {
        bytes[byte] = weigh(byte);
        byte += 1;
    }
    bytes
};

const fn weigh(byte: usize) -> (Kind, u32) {
    match byte {
        0x20 => (Kind::Space, 0),
        0x00..0x20 | 0x7f => (Kind::Control, TOKEN),
        0x30..=0x39 => (Kind::Digit, TOKEN),
        0x41..=0x5a => (Kind::Letter, 18),
        0x61..=0x7a => (Kind::Letter, weigh_letter(byte)),
        0x21..=0x7e => (Kind::Sign, TOKEN),
        0x80..0xc0 => (Kind::Inner, 0),
        0xc3 | 0xd0 | 0xd1 | 0xd8 | 0xd9 => (Kind::Wide, TOKEN),
        0xc0..=0xe0 | 0xe3..=0xe9 => (Kind::Wide, 2 * TOKEN),
        0xe1..=0xef => (Kind::Wide, 3 * TOKEN),
        _ => (Kind::Wide, 4 * TOKEN),
    }
}

const fn weigh_letter(letter: usize) -> u32 {
    const COMMON: &[u8] = b"etaoinsrhldcum";
    const RARE: &[u8] = b"vkxjqz";
    if is_among(letter, COMMON) {
        8
    } else if is_among(letter, RARE) {
        TOKEN
    } else {
        14
    }
}

const fn is_among(letter: usize, letters: &[u8]) -> bool {
    let mut index = 0;
    while index < letters.len() {
        if letters[index] as usize == letter {
            return true;
        }
        index += 1;
    }
    false
}

/// Tokens that `text` may need in common tokenizers, from above: words about 1.8 times what they need, Arabic a token a letter, digits
/// and signs one each, and runs that no vocabulary knows (base64, ids, keys) more than words of their length. Text that is made up of common
/// letters without being in any language may need a quarter more.
pub fn input_token_ceiling(text: &str) -> i64 {
    let (mut parts, mut word, mut spaces) = (0_u64, 0_u32, 0_u32);
    let (mut last, mut last_kind) = (0_u8, Kind::Control);
    for byte in text.bytes() {
        let (kind, weight) = BYTES[usize::from(byte)];
        if kind == Kind::Letter {
            word = word.saturating_add(weight);
            spaces = 0;
        } else {
            let own = match kind {
                Kind::Space => {
                    spaces = spaces.saturating_add(1);
                    if spaces == 2 || spaces % SPACES == 0 { TOKEN } else { 0 }
                }
                Kind::Digit if spaces == 1 => TOKEN + weight,
                Kind::Wide if spaces == 1 => SPACE_BEFORE_WIDE + weight,
                Kind::Sign if last_kind == Kind::Sign => NEXT_SIGN,
                // Of the second byte of an Arabic letter only those of Arabic digits are here.
                Kind::Inner if last == 0xd9 && (0xa0..=0xa9).contains(&byte) => TOKEN,
                _ => weight,
            };
            parts += u64::from(own) + u64::from(whole(word));
            word = 0;
            if kind != Kind::Space {
                spaces = 0;
            }
        }
        (last, last_kind) = (byte, kind);
    }
    parts += u64::from(whole(word)) + u64::from(if spaces == 1 { TOKEN } else { 0 });
    i64::try_from(parts.div_ceil(u64::from(TOKEN))).unwrap_or(i64::MAX)
}

/// A word is a token at least.
const fn whole(word: u32) -> u32 {
    if word == 0 || word > TOKEN { word } else { TOKEN }
}

/// Tokens of a message's frame: role and separators.
pub const MESSAGE_OVERHEAD_TOKENS: i64 = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arabic_counts_a_token_a_letter_and_its_digits_two() {
        assert_eq!(input_token_ceiling("جدة"), 3);
        assert_eq!(input_token_ceiling("٠٥"), 4);
        assert_eq!(input_token_ceiling("السلام عليكم"), 12);
        assert_eq!(input_token_ceiling(""), 0);
    }

    /// Beside each text the tokens that it has in the vocabulary of 100,000 entries from which Qwen's is made, digits apart.
    #[test]
    fn the_ceiling_is_above_what_a_tokenizer_counts_and_near_it_for_words() {
        let words = [
            (
                "I ordered a blue dress last week and it still has not arrived. Could you please tell me where my parcel is, and whether I can change the delivery address to my office? The order came with a discount that I would like to keep.",
                49,
            ),
            (
                "salam 3alaykum, shlonkum? abi a3raf wain wasel il talab mali, sarli usbu3 antather wa ma wasal shay. momkin tghayrun il 3enwan ila il maktab law samahtu? shukran jazeelan habibi",
                71,
            ),
            (
                "السلام عليكم، طلبت فستانا أزرق الأسبوع الماضي ولم يصل حتى الآن. هل يمكنكم إخباري أين شحنتي، وهل أستطيع تغيير عنوان التوصيل إلى مكتبي؟ أريد أيضا معرفة سياسة الإرجاع والاستبدال وموعد الدوام في الرياض.",
                144,
            ),
        ];
        for (text, tokens) in words {
            let ceiling = input_token_ceiling(text);
            assert!((tokens..=2 * tokens).contains(&ceiling), "{ceiling} for {tokens} of {text}");
        }
    }

    #[test]
    fn spaces_join_words_and_stand_alone_before_digits_and_at_the_end() {
        for (text, tokens) in
            [("to do", 2), ("a 1", 3), ("a  b", 3), ("a ", 2), (&" ".repeat(40), 3), ("a\n\nb", 4)]
        {
            assert_eq!(input_token_ceiling(text), tokens, "{text:?}");
        }
    }

    /// 20,000 characters of `alphabet`, each as likely as the others.
    fn random(alphabet: &str) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap()
        };
        (0..20_000).map(|_| alphabet[next() % alphabet.len()]).collect()
    }

    /// Beside each alphabet what random characters of it were measured to need, in hundredths of a character a token.
    #[test]
    fn runs_that_no_vocabulary_knows_cost_what_they_need() {
        let (lower, digits) = ("abcdefghijklmnopqrstuvwxyz", "0123456789");
        let upper = lower.to_ascii_uppercase();
        let kinds = [
            (format!("{lower}{upper}{digits}+/"), 135),
            (format!("{digits}abcdef"), 113),
            (format!("{upper}234567"), 143),
            (format!("{lower}{upper}"), 152),
            ("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".to_owned(), 153),
            (upper, 168),
            (lower.to_owned(), 185),
        ];
        for (alphabet, hundredths) in kinds {
            let (ceiling, needed) = (input_token_ceiling(&random(&alphabet)), 20_000 * 100 / hundredths);
            assert!(ceiling >= needed, "{ceiling} where {needed} are needed of {alphabet}");
        }
    }

    proptest! {
        /// Tokenizers that know bytes never need more tokens than bytes, and none joins two digits.
        #[test]
        fn never_more_than_a_token_a_byte_and_a_space_and_never_less_than_the_digits(text in "\\PC{0,60}") {
            let ceiling = usize::try_from(input_token_ceiling(&text)).unwrap();
            prop_assert!(ceiling <= text.len() + text.matches(' ').count());
            prop_assert!(ceiling >= text.bytes().filter(u8::is_ascii_digit).count());
        }

        /// A text in pieces needs no less than in one, so that what is counted as it streams in is a ceiling too.
        #[test]
        fn pieces_add_up_to_no_less(first in "\\PC{0,30}", second in "\\PC{0,30}") {
            let whole = input_token_ceiling(&format!("{first}{second}"));
            prop_assert!(input_token_ceiling(&first) + input_token_ceiling(&second) >= whole);
        }
    }
}
