//! kaleem-quota
