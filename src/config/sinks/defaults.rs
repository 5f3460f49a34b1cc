//! `[sink_defaults]`: settings for each sink that does not say otherwise.
//!
//! Invariant: what stands here is checked whether a sink takes it or not. To make a key of several
//! types of sink one of these, declare it in [`SINK_DEFAULTS`] and read it in [`check`]: sinks then
//! find it by themselves.

use super::retry_schedule;
use super::route::{self, Filters};
use crate::config::keys::Table;
use crate::config::reader::Section;

const SAME: &str = "As in `[[sink]]`.";

pub(in crate::config) static SINK_DEFAULTS: Table = Table {
    title: "`[sink_defaults]`",
    place: None,
    about: "Settings for each `[[sink]]` that does not have the key itself. It counts for the types of sink that know it. If the \
            file has no sink for the log, the log gets all events.",
    keys: &[
        route::EVENTS.about(SAME),
        route::PROJECTS.about(SAME),
        route::INDEXES.about(SAME),
        route::EXCLUDE_INDEXES.about(SAME),
        route::NAMES.about(SAME),
        retry_schedule::KEY.about(SAME),
    ],
};

/// Checks each key, and finishes the table.
pub(super) fn check(mut section: Section<'_>, projects: Option<&[&str]>) {
    Filters::read(&mut section, false, projects);
    retry_schedule::read(&mut section);
    section.finish();
}
