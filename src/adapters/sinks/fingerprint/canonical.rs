//! The canonical form of settings: names with values, as a running hash.
//!
//! Invariant: the form of what is put in here is written out, at each place that does so: it
//! follows neither from `Debug` nor from the order of fields, so that no change of a type changes a
//! fingerprint.

use sha2::{Digest as _, Sha256};

/// What the hash begins with, so that another formula never makes the same fingerprint.
const FORMULA: &str = "settings of a sink, 1";

/// A running hash of names with their values.
pub(in crate::adapters::sinks) struct Canonical(Sha256);

impl Canonical {
    pub(super) fn new() -> Self {
        let mut canonical = Self(Sha256::new());
        canonical.write(FORMULA.as_bytes());
        canonical
    }

    /// Adds a name with its values. Without a value, it is left out.
    pub(in crate::adapters::sinks) fn put<V: AsRef<[u8]>>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return;
        }

        self.write(name.as_bytes());
        for value in values {
            self.0.update([1]);
            self.write(value.as_ref());
        }
        self.0.update([0]);
    }

    /// Adds a setting unless it has its default: a release that has another default, or a key that
    /// is new, changes no fingerprint then.
    pub(super) fn put_unless_usual<V: AsRef<[u8]> + PartialEq>(
        &mut self,
        name: &str,
        values: &[V],
        usual: &[V],
    ) {
        if values != usual {
            self.put(name, values);
        }
    }

    /// A part of the hash, so that it reveals nothing of what was put in.
    pub(super) fn finish(self) -> u64 {
        let hash: [u8; 32] = self.0.finalize().into();
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Adds bytes, and where they end.
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &[&str])]) -> u64 {
        let mut canonical = Canonical::new();
        for (name, values) in settings {
            canonical.put(name, *values);
        }
        canonical.finish()
    }

    #[test]
    fn where_names_and_values_end_is_part_of_the_hash() {
        let mut seen = vec![
            of(&[("a", &["bc"])]),
            of(&[("ab", &["c"])]),
            of(&[("a", &["b", "c"])]),
            of(&[("a", &["b"]), ("c", &[""])]),
            of(&[("a", &["b"]), ("a", &["c"])]),
            of(&[("a", &["b", ""])]),
        ];

        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn a_name_without_a_value_is_left_out() {
        assert_eq!(of(&[("a", &[]), ("b", &["c"])]), of(&[("b", &["c"])]));
    }
}
