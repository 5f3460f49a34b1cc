//! Where secrets come from: `{ env = … }`, `{ file = … }` or `{ credential = … }`.
//!
//! Invariant: no secret is read here, and a secret that was written in place of its source is not
//! repeated.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::section::Section;
use super::value::Value;
use crate::config::SecretSource;
use crate::config::keys::SECRET;
use crate::model::{Placeholder, is_invisible};

/// What to write, for the help.
pub(in crate::config) const FORMS: &str =
    "say where it is read from: { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }";

/// The source of a secret; a relative path starts at `base`.
pub(in crate::config) fn read(value: &Value<'_>, base: &Path) -> Option<SecretSource> {
    if let DeValue::String(_) = value.inner {
        value.refuse("must not hold the secret itself", FORMS);
        return None;
    }

    let mut section = Section::of(value, &SECRET, "a table", FORMS)?;
    let before = section.report.len();
    let env = section.take("env").map(|value| variable(&value).map(SecretSource::Env));
    let file = section.take("file").map(|value| file(&value, base).map(SecretSource::File));
    let credential = section.take("credential").map(|value| credential(&value).map(SecretSource::Credential));
    let report = section.report;
    section.finish();

    let mut given: Vec<_> = [env, file, credential].into_iter().flatten().collect();
    match given.len() {
        1 => given.pop().flatten(),
        // An unknown key is reported as such; it stands for the one that is missing.
        0 if report.len() > before => None,
        0 => {
            value.refuse("names no source", FORMS);
            None
        }
        count => {
            value.refuse(format_args!("names {count} sources"), "keep one of `env`, `file` and `credential`");
            None
        }
    }
}

/// The name of an environment variable.
fn variable(value: &Value<'_>) -> Option<String> {
    let name = value.string()?;
    if looks_like_a_key(name) {
        value.refuse("must not hold the secret itself", "give the NAME of the variable that holds it");
        return None;
    }
    let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if !good {
        value.refuse(
            "is not the name of an environment variable",
            "write the name alone: letters, digits and `_`, without `$`",
        );
    }
    good.then(|| name.to_owned())
}

/// The path of a file that holds a secret.
fn file(value: &Value<'_>, base: &Path) -> Option<PathBuf> {
    if value.inner.as_str().is_some_and(looks_like_a_key) {
        value.refuse("must not hold the secret itself", "give the PATH of the file that holds it");
        return None;
    }
    value.path(base)
}

/// The name of a systemd credential, which is that of a file in a directory.
fn credential(value: &Value<'_>) -> Option<String> {
    let name = value.string()?;
    if looks_like_a_key(name) {
        value.refuse("must not hold the secret itself", "give the NAME of the credential that holds it");
        return None;
    }
    let good = !matches!(name, "" | "." | "..")
        && Placeholder::find(name).is_none()
        && !name.contains(is_invisible)
        && name.len() <= 255
        && !name.contains(|c: char| c == '/' || c.is_whitespace());
    if !good {
        value.refuse(
            "is not the name of a credential",
            "write the name given to systemd's LoadCredential=, without a directory",
        );
    }
    good.then(|| name.to_owned())
}

fn looks_like_a_key(name: &str) -> bool {
    ["pcsk_", "whsec_"].iter().any(|prefix| name.starts_with(prefix))
}
