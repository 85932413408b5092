//! Code generated from `proto/` and its file descriptor set; no hand-written logic lives here. What people write has no
//! `Debug` that shows it.

/// Serialised `FileDescriptorSet` of every kaleem proto, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kaleem.bin"));

mod opaque;

macro_rules! packages {
    ($($name:ident),+) => {$(
        #[doc = concat!("Package `kaleem.", stringify!($name), ".v1`.")]
        pub mod $name {
            /// Version 1.
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/kaleem.", stringify!($name), ".v1.rs"));
            }
        }
    )+};
}

packages!(accounts, billing, chat, common, custody, gateway, pool, provider, quota, redaction, router);
