//! kaleem-redaction
