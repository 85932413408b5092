//! The JSON of the Gemini API: only the fields that this service sends or reads.

pub mod request;
pub mod response;
