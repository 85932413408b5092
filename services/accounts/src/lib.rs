//! kaleem-accounts
