//! Stop strings in a stream: text is held back only while it could still become one.

/// Finds the first of several stop strings in text that arrives in pieces.
#[derive(Debug, Default)]
pub struct StopMatcher {
    stops: Vec<String>,
    held: String,
}

/// What a piece of text leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Text that can be passed on; may be empty.
    Continue(String),
    /// Text before the stop string, which has been found and is swallowed.
    Stopped(String),
}

impl StopMatcher {
    /// A matcher of these strings; empty ones are ignored.
    pub fn new(stops: &[String]) -> Self {
        Self { stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(), held: String::new() }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &str) -> Outcome {
        if self.stops.is_empty() {
            return Outcome::Continue(piece.to_owned());
        }
        self.held.push_str(piece);
        let found = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = found {
            self.held.truncate(at);
            return Outcome::Stopped(std::mem::take(&mut self.held));
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        Outcome::Continue(std::mem::replace(&mut self.held, rest))
    }

    /// The text that was held back, when nothing more comes.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Length of the longest proper beginning of `stop` that `text` ends with.
fn overlap(text: &str, stop: &str) -> usize {
    let longest = text.len().min(stop.len().saturating_sub(1));
    let fits = |length: &usize| {
        stop.is_char_boundary(*length) && text.as_bytes().ends_with(&stop.as_bytes()[..*length])
    };
    (1..=longest).rev().find(fits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
        let mut matcher = StopMatcher::new(&stops);
        let mut out = String::new();
        for piece in pieces {
            match matcher.push(piece) {
                Outcome::Continue(text) => out.push_str(&text),
                Outcome::Stopped(text) => return (out + &text, true),
            }
        }
        (out + &matcher.finish(), false)
    }

    #[test]
    fn a_stop_string_across_pieces_is_swallowed() {
        assert_eq!(run(&["</s>"], &["hello <", "/", "s", "> more"]), ("hello ".to_owned(), true));
        assert_eq!(run(&["</s>"], &["a </", "p>"]), ("a </p>".to_owned(), false));
        assert_eq!(run(&["انتهى"], &["تم ان", "ته", "ى"]), ("تم ".to_owned(), true));
    }

    #[test]
    fn text_is_passed_on_as_early_as_possible() {
        let mut matcher = StopMatcher::new(&["END".to_owned()]);
        assert_eq!(matcher.push("abcE"), Outcome::Continue("abc".to_owned()));
        assert_eq!(matcher.push("x"), Outcome::Continue("Ex".to_owned()));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_text_before_the_first_stop(text in "[abج]{0,24}", stops in proptest::collection::vec("[abج]{1,4}", 0..4), cuts in proptest::collection::vec(0usize..24, 0..6)) {
            let characters: Vec<char> = text.chars().collect();
            let mut bounds: Vec<usize> = cuts.into_iter().map(|cut| cut.min(characters.len())).chain([0, characters.len()]).collect();
            bounds.sort_unstable();
            let pieces: Vec<String> = bounds.windows(2).map(|pair| characters[pair[0]..pair[1]].iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let references: Vec<&str> = stops.iter().map(String::as_str).collect();
            let (out, stopped) = run(&references, &pieces);
            // The stop that is complete first ends the answer, so pieces decide between overlapping stops; none may be left.
            prop_assert!(text.starts_with(&out));
            prop_assert_eq!(stopped, stops.iter().any(|stop| text.contains(stop.as_str())));
            if stopped {
                prop_assert!(stops.iter().any(|stop| text[out.len()..].starts_with(stop.as_str())));
            } else {
                prop_assert_eq!(out, text);
            }
        }
    }
}
