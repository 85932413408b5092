//! Pure types of the business: money, tokens, prices, windows, identifiers and time. No async, no IO.

pub mod estimate;
pub mod id;
pub mod money;
pub mod price;
pub mod tally;
pub mod time;
pub mod usage;
pub mod window;

pub use id::{KeyId, MerchantId, RequestId};
pub use money::{Nano, Pico};
pub use tally::Tally;
pub use time::{Clock, Timestamp};
pub use usage::{ServiceTier, TOKENS_PER_CALL_MAX, TokenUsage, UsageSource};
