//! What sinks are read with beside their own tables: the file, its projects, the environment.

use std::collections::HashSet;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::config::environment::Variables;
use crate::config::secret_words::is_name_of_secret;

/// Holds the API key of a project that does not say where its key is.
const API_KEY: &str = "PINECONE_API_KEY";

/// Words of names of environment variables that hold addresses that are secrets.
const SECRET_ADDRESSES: &[&str] = &["PROXY", "WEBHOOK"];

/// What sinks are read with beside their own tables.
pub(in crate::config) struct Surroundings<'a> {
    /// The whole file.
    pub(super) text: &'a str,
    pub(super) environment: &'a Variables<'a>,
    /// Where relative paths start.
    pub(super) base: &'a Path,
    /// The names of all projects, if they are known.
    pub(super) projects: Option<&'a [&'a str]>,
    /// The environment variables that hold secrets of this configuration.
    secret_names: HashSet<&'a str>,
}

impl<'a> Surroundings<'a> {
    /// Those of a file with this text.
    pub(in crate::config) fn new(
        text: &'a str,
        document: &'a DeTable<'a>,
        environment: &'a Variables<'a>,
        base: &'a Path,
        projects: Option<&'a [&'a str]>,
    ) -> Self {
        let mut secret_names = HashSet::from([API_KEY]);
        of_table(document, &mut secret_names);
        Self { text, environment, base, projects, secret_names }
    }

    /// Whether an environment variable of this name holds a secret, as far as can be known.
    pub(super) fn holds_secret(&self, name: &str) -> bool {
        let is_address = |word: &str| SECRET_ADDRESSES.iter().any(|known| word.eq_ignore_ascii_case(known));
        self.secret_names.contains(name) || is_name_of_secret(name) || name.split('_').any(is_address)
    }
}

/// Finds every `{ env = "NAME" }`, at whatever key: a key of a type of sink that comes later is
/// found as well.
fn of_table<'a>(table: &'a DeTable<'a>, found: &mut HashSet<&'a str>) {
    for (key, value) in table {
        let is_source = key.get_ref() == "env";
        found.extend(value.get_ref().as_str().filter(|_| is_source));
        of_value(value.get_ref(), found);
    }
}

fn of_value<'a>(value: &'a DeValue<'a>, found: &mut HashSet<&'a str>) {
    match value {
        DeValue::Table(table) => of_table(table, found),
        DeValue::Array(items) => items.iter().for_each(|item| of_value(item.get_ref(), found)),
        _ => {}
    }
}
