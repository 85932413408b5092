//! kaleem
