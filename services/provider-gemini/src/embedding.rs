//! Texts → unit vectors.

use kaleem_domain::estimate;

use crate::Error;
use crate::config::EmbeddingModelConfig;
use crate::error::Violations;
use crate::wire::request::{BatchEmbedContents, Content, EmbedContent, Part};
use crate::wire::response;

/// Texts of one call to Google.
pub const BATCH_MAX: usize = 100;
/// Texts of one request.
const TEXTS_MAX: usize = 256;

/// Checks a request; the error names every field that is wrong.
pub fn check(texts: &[String], dimensions: i32, model: &EmbeddingModelConfig) -> Result<(), Error> {
    let mut violations = Violations::default();
    if !(1..=TEXTS_MAX).contains(&texts.len()) {
        violations.push("texts", format!("must hold 1 to {TEXTS_MAX} texts"));
    }
    for (at, _) in texts.iter().enumerate().filter(|(_, text)| text.trim().is_empty()) {
        violations.push(format!("texts[{at}]"), "must not be empty");
    }
    if !(0..=model.dimensions_max).contains(&dimensions) {
        let why = format!("must be 0 or up to {} for this model", model.dimensions_max);
        violations.push("dimension_count", why);
    }
    violations.check()
}

/// The body for `texts`. Each text is a request of its own: several parts of one would give one vector.
pub fn request(model: &str, texts: &[String], dimensions: i32) -> BatchEmbedContents {
    let embed = |text: &String| EmbedContent {
        model: format!("models/{model}"),
        content: Content { role: None, parts: vec![Part::text(text)] },
        output_dimensionality: (dimensions > 0).then_some(dimensions),
    };
    BatchEmbedContents { requests: texts.iter().map(embed).collect() }
}

/// The vectors of an answer to `count` texts, brought to length one: Google does that only for full-length ones.
pub fn vectors(answer: response::BatchEmbedContents, count: usize) -> Result<Vec<Vec<f32>>, Error> {
    if answer.embeddings.len() != count {
        return Err(Error::protocol("the number of its vectors is not that of the texts"));
    }
    answer.embeddings.into_iter().map(|embedding| unit(embedding.values)).collect()
}

/// Input tokens that the texts may need at most.
pub fn input_estimate(texts: &[String]) -> i64 {
    texts.iter().map(|text| estimate::input_token_ceiling(text)).sum()
}

fn unit(mut values: Vec<f32>) -> Result<Vec<f32>, Error> {
    let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_normal() {
        return Err(Error::protocol("one of its vectors has no direction"));
    }
    for value in &mut values {
        #[expect(clippy::cast_possible_truncation, reason = "components of a unit vector fit")]
        let component = (f64::from(*value) / length) as f32;
        *value = component;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(vectors: &[&[f32]]) -> response::BatchEmbedContents {
        let embeddings =
            vectors.iter().map(|values| response::Embedding { values: values.to_vec() }).collect();
        response::BatchEmbedContents { embeddings }
    }

    #[test]
    fn vectors_get_length_one() {
        assert_eq!(vectors(answer(&[&[3.0, 4.0]]), 1).unwrap(), [[0.6, 0.8]]);
        assert!(vectors(answer(&[&[0.0, 0.0]]), 1).is_err());
        assert!(vectors(answer(&[&[]]), 1).is_err());
        assert!(vectors(answer(&[&[1.0]]), 2).is_err());
    }

    #[test]
    fn wrong_fields_are_named() {
        let message = |texts: &[&str], dimensions| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            check(&texts, dimensions, &EmbeddingModelConfig::default()).unwrap_err().to_string()
        };
        assert!(message(&[], 0).contains("texts must hold"));
        assert!(message(&["a", " "], 0).contains("texts[1]"));
        assert!(message(&["a"], 3073).contains("dimension_count"));
        assert!(message(&["a"], -1).contains("dimension_count"));
    }
}
