//! kaleem-runtime
