//! Embeddings: vectors of hashed words, so that texts that share words lie close to each other.

use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::models::Model;
use super::turns;

/// Most texts of a batch.
const BATCH_MAX: usize = 100;
/// Dimensions that a request gets that names none, and the only ones whose vectors have length one.
const DIMENSIONS_DEFAULT: usize = 3_072;
/// How many dimensions a word moves.
const DIMENSIONS_A_WORD: u64 = 8;

/// Answers `batchEmbedContents`.
pub(crate) fn batch(model: &Model, request: &Map<String, Value>) -> Result<Value, ApiError> {
    let requests = request.get("requests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if requests.is_empty() {
        return Err(ApiError::invalid_argument(
            "* BatchEmbedContentsRequest.requests: requests is not specified\n",
        ));
    }
    if requests.len() > BATCH_MAX {
        let message = format!(
            "* BatchEmbedContentsRequest.requests: at most {BATCH_MAX} requests can be in one batch\n"
        );
        return Err(ApiError::invalid_argument(message));
    }
    let vectors = requests.iter().enumerate().map(|(at, request)| {
        let named = request["model"].as_str().unwrap_or_default();
        if named != format!("models/{}", model.id) {
            let message = format!(
                "* BatchEmbedContentsRequest.requests[{at}].model: model must be equal to the model of the path\n"
            );
            return Err(ApiError::invalid_argument(message));
        }
        Ok(json!({"values": vector(request, &format!("requests[{at}].content"))?}))
    });
    Ok(json!({"embeddings": vectors.collect::<Result<Vec<_>, _>>()?}))
}

/// Answers `embedContent`.
pub(crate) fn single(request: &Map<String, Value>) -> Result<Value, ApiError> {
    let request = Value::Object(request.clone());
    Ok(json!({"embedding": {"values": vector(&request, "content")?}}))
}

fn vector(request: &Value, path: &str) -> Result<Vec<f64>, ApiError> {
    turns::check_content(&request["content"], path)?;
    let dimensions = request["outputDimensionality"].as_u64().and_then(|count| usize::try_from(count).ok());
    let dimensions = dimensions.unwrap_or(DIMENSIONS_DEFAULT);
    if !(1..=DIMENSIONS_DEFAULT).contains(&dimensions) {
        let message = format!("output_dimensionality must be between 1 and {DIMENSIONS_DEFAULT}.");
        return Err(ApiError::invalid_argument(message));
    }
    let parts = request["content"]["parts"].as_array().into_iter().flatten();
    let text = parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ");
    let mut values = vec![0.0; dimensions];
    for word in text.split_whitespace() {
        for turn in 0..DIMENSIONS_A_WORD {
            let hash = hash(word, turn);
            let place = usize::try_from(hash % u64::try_from(dimensions).unwrap_or(1)).unwrap_or(0);
            values[place] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
        }
    }
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    if dimensions == DIMENSIONS_DEFAULT && length > 0.0 {
        for value in &mut values {
            *value /= length;
        }
    }
    Ok(values)
}

/// FNV-1a, then a mix, so that the high bits are as good as the low ones.
fn hash(word: &str, turn: u64) -> u64 {
    let bytes = word.bytes().chain(turn.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
