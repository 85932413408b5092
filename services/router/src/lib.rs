//! kaleem-router
