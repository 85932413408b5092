//! Just enough of Rust's tokens to find texts: words, texts and marks.

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An identifier, a keyword or a number.
    Word(String),
    /// A text literal, without its escapes.
    Text(String),
    /// Any other character.
    Mark(char),
}

/// The tokens of `source` with their lines; comments are left out.
pub fn tokens(source: &str) -> Vec<(Token, usize)> {
    let mut rest = source;
    let mut all = Vec::new();
    while let Some(first) = rest.chars().next() {
        let line = 1 + source[..source.len() - rest.len()].matches('\n').count();
        let (token, length) = match first {
            _ if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '"' => {
                let (text, length) = text(&rest[1..]);
                (Some(Token::Text(text)), 1 + length)
            }
            '\'' => (None, quoted(rest)),
            _ if first.is_alphanumeric() || first == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Some(Token::Word(rest[..length].to_owned())), length)
            }
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ => (Some(Token::Mark(first)), first.len_utf8()),
        };
        all.extend(token.map(|token| (token, line)));
        rest = &rest[length..];
    }
    all
}

/// The text before the closing quote, and how many bytes it takes with that.
fn text(rest: &str) -> (String, usize) {
    let mut text = String::new();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, at + 1),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some('n') => text.push('\n'),
                // A line that goes on: its end and the indentation of the next are no part of the text.
                Some('\n') => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some(other) => text.push(other),
                None => {}
            },
            _ => text.push(c),
        }
    }
    (text, rest.len())
}

/// Length of a character literal, or of the quote before a lifetime.
fn quoted(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => rest[3..].find('\'').map_or(1, |end| end + 4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_from_characters_lifetimes_and_comments() {
        let source =
            "let s: &'a str = \"a \\\"b\\\" \\\n    c\"; // \"no\"\nlet c = ['\"', '\\'', '\\u{1F}', 'x'];";
        let texts: Vec<_> =
            tokens(source).into_iter().filter(|(token, _)| matches!(token, Token::Text(_))).collect();
        assert_eq!(texts, [(Token::Text("a \"b\" c".to_owned()), 1)]);
        assert!(tokens(source).contains(&(Token::Word("c".to_owned()), 3)));
    }
}
