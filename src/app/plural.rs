//! Counts with their nouns, for texts of the daemon and the wait.

/// `1 restore`, `2 restores`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
