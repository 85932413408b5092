//! kaleem-rpc
