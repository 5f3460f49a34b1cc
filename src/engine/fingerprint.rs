//! Short stand-ins for texts that are only compared, never shown.
//!
//! Invariant: a text has the same fingerprint in every version and on every machine, because
//! fingerprints are part of the state.

use std::num::NonZeroU64;

/// The parameters of FNV-1a with 64 bits.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// Stands for a text, whatever the case of its ASCII letters.
///
/// The hash is FNV-1a (L. Noll, K. Vo, D. Eastlake and T. Hansen, "The FNV Non-Cryptographic Hash
/// Algorithm", RFC 9923). That two of 200 texts share it is a chance of one in 10^15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(NonZeroU64);

impl Fingerprint {
    /// The fingerprint of a text; an empty one has none.
    pub fn of(text: &str) -> Option<Self> {
        let hash = text.bytes().fold(OFFSET_BASIS, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME)
        });
        (!text.is_empty()).then(|| Self(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN)))
    }

    /// The fingerprint of a record.
    pub fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// What is recorded of it.
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_fnv_1a() {
        for (text, expected) in [("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
            assert_eq!(Fingerprint::of(text).map(Fingerprint::number), Some(expected));
        }
        assert_eq!(Fingerprint::of(""), None);
    }

    #[test]
    fn case_makes_no_difference() {
        assert_eq!(Fingerprint::of("Orders"), Fingerprint::of("orders"));
        assert_ne!(Fingerprint::of("orders"), Fingerprint::of("order"));
    }

    #[test]
    fn a_recorded_fingerprint_is_the_same() {
        let fingerprint = Fingerprint::of("orders").unwrap();

        assert_eq!(Fingerprint::from_number(fingerprint.number()), Some(fingerprint));
        assert_eq!(Fingerprint::from_number(0), None);
    }
}
