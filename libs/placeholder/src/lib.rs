//! Placeholders that stand for personal data: issued by the redaction service, restored in the answer by the gateway.
//!
//! A [`Placeholder`] is `[[TYPE:XXXXXX]]`, where the code is Crockford base32 of a keyed hash, so that the same value
//! has the same placeholder in every turn of a conversation and a guessed one means nothing. A [`Vault`] keeps the
//! values of one request; a [`Restorer`] puts them back into a streamed answer while it holds back at most
//! [`MAX_HELD_BYTES`] bytes.
//!
//! Values are personal data: no type here shows one through `Debug` or `Display`, and all are zeroised on drop.

mod issuer;
mod kind;
mod matcher;
mod placeholder;
mod restorer;
mod vault;

pub use issuer::{Issuer, IssuerKey};
pub use kind::{Kind, UnknownKind};
pub use placeholder::{MAX_CODE_LEN, MIN_CODE_LEN, MalformedPlaceholder, Placeholder};
pub use restorer::{Encoding, MAX_HELD_BYTES, RestoreMap, Restorer, restore};
pub use vault::{DEFAULT_VAULT_LIMIT, Error, Vault};
