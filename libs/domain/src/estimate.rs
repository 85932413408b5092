//! Input-token estimates before a tokenizer has seen the text.

/// Tokens that `text` may need at most in common tokenizers: one for each two bytes of non-ASCII text and one for each three
/// bytes of ASCII, plus a constant a message. Arabic is two bytes a character and two to three times the tokens of English,
/// so a rule in characters would hold too little.
pub fn input_token_ceiling(text: &str) -> i64 {
    let wide = text.bytes().filter(|byte| !byte.is_ascii()).count();
    let narrow = text.len() - wide;
    i64::try_from(wide.div_ceil(2) + narrow.div_ceil(3)).unwrap_or(i64::MAX)
}

/// Tokens of a message's frame: role and separators.
pub const MESSAGE_OVERHEAD_TOKENS: i64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arabic_counts_a_token_a_letter() {
        assert_eq!(input_token_ceiling("جدة"), 3);
        assert_eq!(input_token_ceiling("Jeddah"), 2);
        assert_eq!(input_token_ceiling(""), 0);
    }
}
