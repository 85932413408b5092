//! From the mesh's chat messages to the body of an OpenAI-compatible request.

mod message;
mod request;
mod tool;

pub use message::joined_text;
pub use request::{chat_body, tokenize_body};
