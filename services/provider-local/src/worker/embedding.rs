//! Embeddings by a worker that has `/v1/embeddings`.

use kaleem_proto::chat::v1::{TokenUsage, UsageSource};
use serde::Deserialize;
use serde_json::json;

use super::HttpWorker;
use super::chunk::Usage;
use crate::error::CallError;

/// Vectors in the order of the texts.
#[derive(Debug)]
pub struct Embedded {
    /// One of unit length for each text.
    pub vectors: Vec<Vec<f32>>,
    /// What it took.
    pub usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Entry {
    index: usize,
    embedding: Vec<f32>,
}

impl HttpWorker {
    /// Embeds `texts`; `dimensions` 0 is the model's own number.
    pub async fn embed(&self, model: &str, texts: &[String], dimensions: u32) -> Result<Embedded, CallError> {
        let mut body = json!({"model": model, "input": texts});
        if dimensions > 0 {
            body["dimensions"] = json!(dimensions);
        }
        let answer: Answer = match self.unary("/v1/embeddings", &body, model).await {
            Ok(answer) => answer,
            Err(CallError::NoEndpoint { .. }) => {
                return Err(CallError::NoEmbeddings { model: model.to_owned() });
            }
            Err(error) => return Err(error),
        };
        let mut vectors = vec![Vec::new(); texts.len()];
        for Entry { index, embedding } in answer.data {
            if let Some(place) = vectors.get_mut(index) {
                *place = unit(embedding);
            }
        }
        if vectors.iter().any(Vec::is_empty) {
            let detail = "it did not embed every text".to_owned();
            return Err(CallError::Protocol { worker: self.name.clone(), detail });
        }
        Ok(Embedded { vectors, usage: answer.usage.map(|usage| usage.to_disjoint(UsageSource::Provider)) })
    }
}

/// `vector` at length 1; a zero vector stays as it is.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in &mut vector {
            *value /= length;
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    #[test]
    fn vectors_get_length_one() {
        assert_eq!(super::unit(vec![3.0, 4.0]), [0.6, 0.8]);
        assert_eq!(super::unit(vec![0.0]), [0.0]);
    }
}
