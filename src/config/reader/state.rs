//! `[state]` and `[cluster]`: where state is kept, for how long, and who shares it.
//!
//! Invariant: a path in the file wins over the environment; of the environment, what was made for
//! this service wins.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::section::Section;
use super::source;
use super::value::Value;
use crate::config::environment::{self, Variables};
use crate::config::{ClusterSettings, PostgresAddress, PostgresSettings, StatePlace, StateSettings};

/// Reads `state` of the top level. A relative path starts at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path, variables: &Variables<'_>) -> StateSettings {
    let mut state = StateSettings { place: None, keep: StateSettings::KEEP };
    let (mut address, mut ca_file, mut allow_plaintext) = (None, None, false);
    if let Some(mut section) = top.section("state") {
        state.place = section.path("path", base).map(StatePlace::File);
        address = section.take("postgres").and_then(|value| address_of(&value, base));
        ca_file = section.path("ca_file", base);
        allow_plaintext = section.boolean("allow_plaintext").unwrap_or(false);
        state.keep.records = section.duration("keep").unwrap_or(state.keep.records);
        state.keep.history = section.duration("keep_history").unwrap_or(state.keep.history);
        section.finish();
    }
    let cluster = cluster(top);
    if let Some(address) = address {
        let settings = PostgresSettings { address, ca_file, allow_plaintext, cluster };
        state.place = Some(StatePlace::Postgres(Box::new(settings)));
    }
    state.place = state.place.or_else(|| usual_path(variables).map(StatePlace::File));
    state
}

/// The connection string of a database, or where it is read from.
fn address_of(value: &Value<'_>, base: &Path) -> Option<PostgresAddress> {
    match value.inner {
        DeValue::Table(_) => source::read(value, base).map(PostgresAddress::From),
        _ => value.string().map(|text| PostgresAddress::Given(text.to_owned())),
    }
}

/// Reads `cluster` of the top level.
fn cluster(top: &mut Section<'_>) -> ClusterSettings {
    let mut cluster = ClusterSettings::default();
    if let Some(mut section) = top.section("cluster") {
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
