//! Which watched jobs a person means.

use std::collections::BTreeSet;

use super::Engine;
use super::project::{JobView, Project};
use crate::model::{ProjectName, Reference, Resolution};

impl Engine {
    /// The jobs that a reference names: in these projects if some are given, else in any.
    pub fn resolve(
        &self,
        reference: &Reference,
        projects: Option<&BTreeSet<ProjectName>>,
    ) -> Resolution<JobView<'_>> {
        let is_meant = |project: &&Project| projects.is_none_or(|names| names.contains(&project.name));
        let views = self.projects.values().filter(is_meant).flat_map(|project| project.named(reference));
        reference.resolve(views, |view| {
            let settings = view.tracker.settings();
            (settings.id.as_str(), settings.name.as_deref())
        })
    }
}
