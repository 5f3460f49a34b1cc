//! What the names of indexes have in common that are restored again and again: `orders-2026-11-25`
//! and `orders-2026-11-26` are both `orders`.
//!
//! Invariant: a stem is a part of its name from its beginning, never empty, and the stem of itself.

/// What separates the words of a name.
const SEPARATORS: [char; 4] = ['-', '_', '.', ' '];

/// A hex word has at least this many digits: `e5` or `b2` is a word of the name.
const MIN_HEX: usize = 4;

/// What digits follow is a word of the name if it is at least this long. So `v2` and `e5` stay whole.
const MIN_LETTERS: usize = 3;

/// The groups of hex digits of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// The name without its endings of digits, dates, times and hex. If no letter is left, that is the
/// name itself.
pub fn index_stem(name: &str) -> &str {
    let mut stem = name;
    while let Some(shorter) = without_ending(stem) {
        stem = shorter;
    }
    if stem.contains(char::is_alphabetic) { stem } else { name }
}

/// The name without its last word or the digits at the end of it, if they say which of many it is.
fn without_ending(name: &str) -> Option<&str> {
    let rest = match name.rsplit_once(SEPARATORS) {
        _ if ends_with_uuid(name) => &name[..name.len() - uuid_length()],
        Some((rest, word)) if word.is_empty() || is_time(word) || is_hex(word) => rest,
        Some((_, word)) => return without_digits(name, word),
        None => return without_digits(name, name),
    };
    Some(rest.trim_end_matches(SEPARATORS))
}

/// The name without the digits at the end of its last word, if there are some and the rest is a
/// word.
fn without_digits<'a>(name: &'a str, word: &str) -> Option<&'a str> {
    let letters = word.trim_end_matches(|last: char| last.is_ascii_digit());
    let is_word = letters.len() < word.len() && letters.chars().count() >= MIN_LETTERS;
    is_word.then(|| &name[..name.len() - (word.len() - letters.len())])
}

/// Digits, or a time such as `20261125T0300Z`.
fn is_time(word: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let time = word.strip_suffix(['z', 'Z']).unwrap_or(word);
    time.split(['t', 'T']).all(is_digits)
}

/// Hex with a digit in it: `dead`, `face` and `cafe` are words.
fn is_hex(word: &str) -> bool {
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex && word.len() >= MIN_HEX && word.contains(|digit: char| digit.is_ascii_digit())
}

/// Whether it ends with a UUID after a separator. The groups of one need not have a digit each.
fn ends_with_uuid(name: &str) -> bool {
    let at = name.len().saturating_sub(uuid_length());
    let Some((rest, id)) = name.split_at_checked(at) else { return false };
    let is_hex = |group: &str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    rest.ends_with(SEPARATORS) && id.split('-').map(str::len).eq(UUID) && id.split('-').all(is_hex)
}

fn uuid_length() -> usize {
    UUID.iter().sum::<usize>() + UUID.len() - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn endings_that_tell_one_of_many_are_left_out() {
        for (name, expected) in [
            ("orders", "orders"),
            ("orders-2026-11-25", "orders"),
            ("orders_20261125", "orders"),
            ("orders.2026.11.25", "orders"),
            ("orders-20261125T0300Z", "orders"),
            ("orders-2026-11-25t03-00-00z", "orders"),
            ("orders-1795435200", "orders"),
            ("orders-7", "orders"),
            ("orders42", "orders"),
            ("orders-nightly-3f9a2c", "orders-nightly"),
            ("orders-nightly-3F9A", "orders-nightly"),
            ("orders-2026-3f9a2c-7", "orders"),
            ("orders--7-", "orders"),
            ("orders-670e8400-e29b-41d4-a716-446655440000", "orders"),
            ("orders-abcdefab-beef-dead-cafe-abcdefabcdef", "orders"),
            ("Größe-7", "Größe"),
        ] {
            assert_eq!(index_stem(name), expected, "{name}");
        }
    }

    #[test]
    fn words_of_a_name_stay() {
        for name in [
            "embed",
            "cafe",
            "face-dead",
            "orders-added",
            "multilingual-e5",
            "docs-v2",
            "v2",
            "e5",
            "3f9a2c",
            "orders-zz9a2c",
            "nightly-7-orders",
            "orders-t7",
            "orders-z",
        ] {
            assert_eq!(index_stem(name), name);
        }
    }

    #[test]
    fn a_name_without_letters_is_its_own_stem() {
        for name in ["", "7", "20261125", "2026-11-25", "---", "-7"] {
            assert_eq!(index_stem(name), name);
        }
    }

    proptest! {
        #[test]
        fn stems_are_prefixes_and_their_own_stems(
            name in prop_oneof!["[a-f0-9_.-]{1,40}", "[a-z]{1,5}(-[0-9a-f]{1,8}){0,5}", "\\PC{1,40}"],
        ) {
            let stem = index_stem(&name);

            prop_assert!(!stem.is_empty() && name.starts_with(stem));
            prop_assert_eq!(index_stem(stem), stem);
        }
    }
}
