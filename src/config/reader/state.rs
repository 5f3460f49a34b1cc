//! `[state]` and `[cluster]`: where state is kept, for how long, and who shares it.
//!
//! Invariant: a place in the file wins over the environment; of the environment, what was made for
//! this service wins. An address that was refused is not repeated.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::report::Finding;
use super::section::Section;
use super::source;
use super::value::Value;
use crate::config::environment::{self, Variables};
use crate::config::{
    ClusterSettings, ConnectionFault, ConnectionString, PostgresAddress, PostgresSettings, StatePlace,
    StateSettings,
};

/// What to write in place of an address with a password.
const SECRET: &str = "write the whole address into a file or a credential, and say where it is: postgres = { file = \"PATH\" }, \
                      { credential = \"NAME\" } or { env = \"NAME\" }";

/// Reads `state` and `cluster` of the top level. A relative path starts at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path, variables: &Variables<'_>) -> StateSettings {
    let mut state = StateSettings { place: None, keep: StateSettings::KEEP };
    // Beside a table that cannot be read, it is unknown what it lacks.
    let mut may_name_database = top.has("state");
    let mut database = None;
    if let Some(mut section) = top.section("state") {
        state.keep.records = section.duration("keep").unwrap_or(state.keep.records);
        state.keep.history = section.duration("keep_history").unwrap_or(state.keep.history);
        may_name_database = !section.lacks("postgres");
        check_company(&section, may_name_database);
        state.place = section.path("path", base).map(StatePlace::File);
        database = self::database(&mut section, base);
        section.finish();
    }
    let cluster = cluster(top, may_name_database);
    if let Some(database) = database {
        state.place = Some(StatePlace::Postgres(Box::new(PostgresSettings { cluster, ..database })));
    }
    state.place = state.place.or_else(|| usual_path(variables).map(StatePlace::File));
    state
}

/// Reports keys that exclude each other, and keys of a database where none is named.
fn check_company(section: &Section<'_>, may_name_database: bool) {
    if let Some((path, postgres)) = section.span_of("path").zip(section.span_of("postgres")) {
        let fault = Finding::new(&postgres, "`postgres` beside `path`: a state is in one place");
        let help = "keep `postgres` for a database that replicas can share, or `path` for a file";
        section.report.push(fault.see("`path` is set on line", &path).help(help));
    }
    for key in ["ca_file", "allow_plaintext"] {
        if let Some(span) = section.span_of(key)
            && !may_name_database
        {
            let fault = Finding::new(&span, format!("`{key}` without `postgres`"));
            let help =
                "it is for the connection to a database: remove it, or name the database with `postgres`";
            section.report.push(fault.help(help));
        }
    }
}

/// The database, if one is named that can be used.
fn database(section: &mut Section<'_>, base: &Path) -> Option<PostgresSettings> {
    // If it was refused, the address is judged as if it had been `true`: one problem, not two.
    let is_there = section.has("allow_plaintext");
    let allow_plaintext = section.boolean("allow_plaintext").unwrap_or(is_there);
    let ca_file = section.path("ca_file", base);
    let address = section.take("postgres")?;
    if cfg!(not(feature = "postgres")) {
        let help = "keep the state in a file, with `path`, or build the program with this feature";
        address.refuse("cannot be used: this program was built without the feature `postgres`", help);
        return None;
    }
    let address = self::address(&address, allow_plaintext, base)?;
    Some(PostgresSettings { address, ca_file, allow_plaintext, cluster: ClusterSettings::default() })
}

/// The address of a database, or where it is read from.
fn address(value: &Value<'_>, allow_plaintext: bool, base: &Path) -> Option<PostgresAddress> {
    let text = match value.inner {
        DeValue::Table(_) => return source::read(value, base).map(PostgresAddress::From),
        _ => value.string_or(
            "a string or a table",
            "write \"postgresql://ROLE@HOST/DATABASE\", or { file = \"PATH\" }",
        )?,
    };
    let has_password = ConnectionString::has_password(text);
    if has_password {
        value.refuse("must not hold a password", SECRET);
    }
    match ConnectionString::parse(text, allow_plaintext) {
        Ok(address) => return (!has_password).then_some(PostgresAddress::Given(address)),
        Err(ConnectionFault { fault, help }) => value.refuse(fault, help),
    }
    None
}

/// Reads `cluster` of the top level.
fn cluster(top: &mut Section<'_>, may_name_database: bool) -> ClusterSettings {
    let mut cluster = ClusterSettings::default();
    if let Some(mut section) = top.section("cluster") {
        if !may_name_database {
            let fault = Finding::new(&section.span, "a cluster without a database that its replicas share");
            section
                .report
                .push(fault.help("name the database in [state], with `postgres`, or remove [cluster]"));
        }
        cluster.name = section.label("name").map_or(cluster.name, |(name, _)| name.to_owned());
        cluster.replica = section.label("replica").map(|(name, _)| name.to_owned());
        cluster.lease = section.duration("lease").unwrap_or(cluster.lease);
        section.finish();
    }
    cluster
}

/// Where state is kept unless the file says otherwise.
pub(in crate::config) fn usual_path(variables: &Variables<'_>) -> Option<PathBuf> {
    if let Some(directory) = environment::service_directory(variables, "STATE_DIRECTORY") {
        return Some(directory.join("state.db"));
    }
    path_of_user(variables)
}

/// Where state is kept unless the file or a service says otherwise.
pub(in crate::config) fn path_of_user(variables: &Variables<'_>) -> Option<PathBuf> {
    environment::user_directory(variables, "XDG_STATE_HOME", Some(".local/state"))
        .map(|directory| directory.join("restore-watch/state.db"))
}
