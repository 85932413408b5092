//! kaleem-billing
