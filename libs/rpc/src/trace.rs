//! Where the trace crosses a call: W3C `traceparent` in metadata.

pub(crate) use kaleem_runtime::telemetry::{inject_traceparent, set_parent};
