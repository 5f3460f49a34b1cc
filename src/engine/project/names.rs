//! Which jobs of a project have which name.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::JobId;

/// The ids of the jobs that have a name, by it.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, BTreeSet<JobId>>);

impl Names {
    /// The jobs of this name.
    pub(super) fn of(&self, name: &str) -> impl Iterator<Item = &JobId> {
        self.0.get(name).into_iter().flatten()
    }

    /// Adds a job, if it has a name.
    pub(super) fn add(&mut self, name: Option<&str>, id: &JobId) {
        if let Some(name) = name {
            self.0.entry(name.to_owned()).or_default().insert(id.clone());
        }
    }

    /// Removes a job, if it has a name.
    pub(super) fn remove(&mut self, name: Option<&str>, id: &JobId) {
        let Some((name, ids)) = name.and_then(|name| Some((name, self.0.get_mut(name)?))) else { return };
        ids.remove(id);
        if ids.is_empty() {
            self.0.remove(name);
        }
    }
}
