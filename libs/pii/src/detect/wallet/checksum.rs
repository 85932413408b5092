//! Checksums of wallet addresses: Base58Check, BIP 173 and BIP 350, EIP-55.

use sha2::{Digest, Sha256};

/// The digits of base 58 of Bitcoin and most chains after it.
pub(super) const BITCOIN: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The digits of base 58 of Ripple.
pub(super) const RIPPLE: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";
/// The digits of bech32.
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Version, hash and checksum of an address in base 58.
const ADDRESS_BYTES: usize = 25;
const CHECKSUM_BYTES: usize = 4;

/// Whether the last four of 25 bytes in base 58 are the start of the double hash of the others.
pub(super) fn base58(token: &[u8], digits: &[u8; 58]) -> bool {
    let Some(bytes) = decode(token, digits) else { return false };
    let (payload, checksum) = bytes.split_at(ADDRESS_BYTES - CHECKSUM_BYTES);
    Sha256::digest(Sha256::digest(payload)).starts_with(checksum)
}

/// The value of base-58 digits in 25 bytes, if it fits.
fn decode(token: &[u8], digits: &[u8; 58]) -> Option<[u8; ADDRESS_BYTES]> {
    let mut bytes = [0_u8; ADDRESS_BYTES];
    for character in token {
        let mut carry =
            (0_u32..).zip(digits).find_map(|(value, digit)| (digit == character).then_some(value))?;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(bytes)
}

/// Whether a human-readable part and data in lower case satisfy the code of bech32 or bech32m.
pub(super) fn bech32(address: &[u8]) -> bool {
    const BECH32_CONSTANT: u32 = 1;
    const BECH32M_CONSTANT: u32 = 0x2bc8_30a3;
    let Some(separator) = address.iter().rposition(|byte| *byte == b'1') else { return false };
    let (human, data) = (&address[..separator], &address[separator + 1..]);
    let high = human.iter().map(|byte| u32::from(byte >> 5));
    let low = human.iter().map(|byte| u32::from(byte & 31));
    let mut code = high.chain([0]).chain(low).fold(1, polymod);
    for byte in data {
        let Some(value) = BECH32.iter().zip(0..).find_map(|(digit, value)| (digit == byte).then_some(value))
        else {
            return false;
        };
        code = polymod(code, value);
    }
    code == BECH32_CONSTANT || code == BECH32M_CONSTANT
}

/// One step of the code of BIP 173.
fn polymod(code: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = code >> 25;
    let next = (code & 0x01ff_ffff) << 5 ^ value;
    (0..).zip(GENERATOR).fold(next, |next, (bit, term)| if top >> bit & 1 == 1 { next ^ term } else { next })
}

/// Whether the capitals of 40 hexadecimal digits are those that the hash of the digits asks for.
pub(super) fn eip55(digits: &[u8]) -> bool {
    let hash = keccak256(&digits.to_ascii_lowercase());
    digits.iter().enumerate().all(|(index, digit)| {
        let nibble = hash[index / 2] >> (4 * (1 - index % 2)) & 0xf;
        !digit.is_ascii_alphabetic() || digit.is_ascii_uppercase() == (nibble >= 8)
    })
}

/// Keccak-256 of less than one block, as Ethereum computes it: with the padding from before FIPS 202.
fn keccak256(message: &[u8]) -> [u8; 32] {
    const RATE: usize = 136;
    let mut block = [0_u8; RATE];
    block[..message.len()].copy_from_slice(message);
    block[message.len()] ^= 0x01;
    block[RATE - 1] ^= 0x80;
    let mut lanes = [0_u64; 25];
    for (lane, bytes) in lanes.iter_mut().zip(block.chunks_exact(8)) {
        *lane = bytes.iter().rev().fold(0, |lane, byte| lane << 8 | u64::from(*byte));
    }
    keccak_f(&mut lanes);
    let mut hash = [0; 32];
    for (bytes, lane) in hash.chunks_exact_mut(8).zip(lanes) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    hash
}

/// The permutation of FIPS 202, section 3.3.
fn keccak_f(lanes: &mut [u64; 25]) {
    const ROTATIONS: [u32; 24] =
        [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
    const PLACES: [usize; 24] =
        [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
    // The round constants come from a shift register of eight bits.
    let mut register = 1_u8;
    for _ in 0..24 {
        let columns: [u64; 5] =
            std::array::from_fn(|x| (0..5).fold(0, |parity, y| parity ^ lanes[x + 5 * y]));
        for (index, lane) in lanes.iter_mut().enumerate() {
            *lane ^= columns[(index + 4) % 5] ^ columns[(index + 1) % 5].rotate_left(1);
        }
        let mut moved = lanes[1];
        for (place, rotation) in PLACES.into_iter().zip(ROTATIONS) {
            (lanes[place], moved) = (moved.rotate_left(rotation), lanes[place]);
        }
        for row in lanes.chunks_exact_mut(5) {
            let old: [u64; 5] = std::array::from_fn(|x| row[x]);
            for (x, lane) in row.iter_mut().enumerate() {
                *lane = old[x] ^ (!old[(x + 1) % 5] & old[(x + 2) % 5]);
            }
        }
        for bit in [0, 1, 3, 7, 15, 31, 63] {
            lanes[0] ^= u64::from(register & 1) << bit;
            register = register << 1 ^ if register & 0x80 == 0 { 0 } else { 0x71 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_addresses_pass_and_changed_ones_fail() {
        for (address, digits) in [
            ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", BITCOIN),
            ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", BITCOIN),
            ("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", BITCOIN),
            ("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", RIPPLE),
        ] {
            assert!(base58(address.as_bytes(), digits), "{address}");
            let changed = address.replacen('J', "K", 1);
            assert!(!base58(changed.as_bytes(), digits), "{changed}");
        }
        for address in [
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ] {
            assert!(bech32(address.as_bytes()), "{address}");
            assert!(!bech32(address.replacen('7', "8", 1).as_bytes()), "{address}");
        }
        for digits in ["52908400098527886E0F7030069857D2E4169EE7", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"]
        {
            assert!(eip55(digits.as_bytes()), "{digits}");
            assert!(!eip55(digits.replacen('E', "e", 1).as_bytes()), "{digits}");
        }
    }
}
