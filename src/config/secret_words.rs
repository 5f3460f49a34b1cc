//! Which names and texts of a configuration are those of secrets, as far as their form tells.
//!
//! Invariant: every part of the configuration that must not hold a secret asks here.

/// What tokens of well-known services begin with, in lower case.
const PREFIXES: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "sk_live_",
    "rk_live_",
    "tk_",
];

/// The fewest characters after such a beginning: fewer are a part of an ordinary word.
const SHORTEST_REST: usize = 8;

/// Whether what has this name holds a secret: a header, a key of a payload, an environment variable.
pub(super) fn is_name_of_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_secret = |word: &str| {
        matches!(
            word,
            "auth"
                | "authorization"
                | "cookie"
                | "credential"
                | "credentials"
                | "dsn"
                | "pass"
                | "passphrase"
                | "pat"
                | "signature"
        )
    };
    ["token", "key", "secret", "passw"].iter().any(|part| name.contains(part))
        || name.split(['-', '_', '.']).any(is_secret)
}

/// Whether a password stands in a text behind its name, as in the words of a connection string.
pub(super) fn has_named_password(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_set = |behind: &str| behind.trim_start().starts_with('=');
    ["password", "passwd", "pwd"].iter().any(|name| {
        let mut found = text.match_indices(name);
        found.any(|(at, _)| is_set(&text[at + name.len()..]))
    })
}

/// Whether a token of a well-known service stands in a text.
pub(super) fn has_token(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let is_token = |word: &str| {
        let rest = PREFIXES.iter().find_map(|prefix| word.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.len() >= SHORTEST_REST)
    };
    text.contains("pcsk_")
        || text.contains("whsec_")
        || text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c))).any(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_by_any_word() {
        for name in ["DB_PASS", "GITHUB_PAT", "SENTRY_DSN", "TOKEN_2", "X-Pass", "X-Auth", "apiKey"] {
            assert!(is_name_of_secret(name), "{name}");
        }
        for name in ["PATH", "AUTHOR", "X-Team", "passage", "chat", "path"] {
            assert!(!is_name_of_secret(name), "{name}");
        }
    }

    #[test]
    fn passwords_are_told_by_the_name_before_them() {
        for text in ["host=db password=canary", "PWD = canary", "Server=db;Passwd=canary"] {
            assert!(has_named_password(text), "{text}");
        }
        for text in ["the password", "pwd", "password reset = no"] {
            assert!(!has_named_password(text), "{text}");
        }
    }

    #[test]
    fn tokens_are_told_by_how_they_begin() {
        for text in
            ["ghp_0123456789ab", "use glpat-0123456789", "a=xoxb-123-456-789", "tk_0123456789", "pcsk_x"]
        {
            assert!(has_token(text), "{text}");
        }
        for text in ["gtk_version_3_24_1", "tk_demo", "task_0123456789"] {
            assert!(!has_token(text), "{text}");
        }
    }
}
