//! kaleem-placeholder
