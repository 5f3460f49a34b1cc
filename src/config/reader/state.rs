//! `[state]`: where state is kept, and for how long.
//!
//! Invariant: a path in the file wins over the environment; of the environment, what was made for
//! this service wins.

use std::path::{Path, PathBuf};

use super::section::Section;
use crate::config::StateSettings;
use crate::config::environment::{self, Variables};

/// Reads `state` of the top level. A relative path starts at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path, variables: &Variables<'_>) -> StateSettings {
    let mut state = StateSettings { path: None, keep: StateSettings::KEEP };
    if let Some(mut section) = top.section("state") {
        state.path = section.path("path", base);
        state.keep.records = section.duration("keep").unwrap_or(state.keep.records);
        state.keep.history = section.duration("keep_history").unwrap_or(state.keep.history);
        section.finish();
    }
    state.path = state.path.or_else(|| usual_path(variables));
    state
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
