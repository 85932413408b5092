//! kaleem-provider-gemini
