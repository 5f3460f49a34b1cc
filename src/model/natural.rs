//! The order in which people expect names: `shard-2` before `shard-10`.

use std::cmp::Ordering;

/// Compares two names: runs of digits by their number, everything else by its characters. Names
/// that differ only in leading zeros follow the order of their text, so that the order is total.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (one, after_one) = part(left);
        let (other, after_other) = part(right);
        let order = match (number(one), number(other)) {
            // A longer number without leading zeros is a larger one.
            (Some(one), Some(other)) => one.len().cmp(&other.len()).then_with(|| one.cmp(other)),
            _ => one.cmp(other),
        };
        if order.is_ne() || one.is_empty() {
            return order.then_with(|| a.cmp(b));
        }
        (left, right) = (after_one, after_other);
    }
}

/// The first part of a text, a run of digits or one character, and the rest.
fn part(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let end = if digits > 0 { digits } else { text.chars().next().map_or(0, char::len_utf8) };
    text.split_at(end)
}

/// The digits of a number without leading zeros.
fn number(part: &str) -> Option<&str> {
    part.starts_with(|c: char| c.is_ascii_digit()).then(|| part.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_by_their_value() {
        let sorted = [
            "",
            "10",
            "a",
            "a01",
            "a1",
            "a2",
            "a10",
            "a10b2",
            "a10b11",
            "a99999999999999999999999",
            "ab",
            "b-2",
            "b-10",
            "日2",
            "日10",
        ];

        for pair in sorted.windows(2) {
            assert_eq!(natural_order(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(natural_order(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(natural_order("a1", "a1"), Ordering::Equal);
    }
}
