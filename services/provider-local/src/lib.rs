//! kaleem-provider-local
