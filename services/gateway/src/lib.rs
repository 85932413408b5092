//! kaleem-gateway
