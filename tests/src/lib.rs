//! kaleem-tests
