//! Which events a sink gets.
//!
//! Invariant: an end is not lost because something is unknown. An event about a project as a whole
//! concerns each of its restores, so `indexes`, `exclude_indexes` and `names` let it pass; and while
//! it is unknown which index a restore is into, its events pass `indexes` and `exclude_indexes`. One
//! message too many is a smaller harm than an end that nothing says.

use super::{EventFilter, events};
use crate::config::keys::{Key, Kind, LONGEST_NAME};
use crate::config::quote::quoted;
use crate::config::reader::{Finding, Section, Value};
use crate::config::typo::nearest;
use crate::config::{IndexPattern, JobSettings, NamePattern};
use crate::model::Event;

pub(super) const EVENTS: Key = Key::new(
    "events",
    Kind::Events,
    "The events that it gets. Default: all; for the desktop, mail and messages (any `format` but `\"standard\"` and \
     `\"cloudevents\"`), all but `restore_job.watched`, `.status_changed` and `.progressed`. For the log, `[]` \
     means none.",
)
.example("[\"restore_job.*\", \"index.*\", \"project.*\"]");

pub(super) const PROJECTS: Key = Key::new(
    "projects",
    Kind::NamePatterns { longest: LONGEST_NAME },
    "Only events of projects whose name matches one of these patterns, in which `*` matches any characters or none, `?` one \
     character. An event that passes `events` must pass this key and the three below as well. Default: of all projects.",
)
.example("[\"prod*\"]");

pub(super) const INDEXES: Key = Key::new(
    "indexes",
    Kind::IndexPatterns { least: 1 },
    "Only events of restores into an index whose name matches one of these patterns. Events of a restore whose index is unknown, \
     such as one that is not found, pass; so do `project.*`, which concern each restore. Default: of all restores.",
)
.example("[\"prod-*\"]");

pub(super) const EXCLUDE_INDEXES: Key = Key::new(
    "exclude_indexes",
    Kind::IndexPatterns { least: 0 },
    "No event of a restore into an index whose name matches one of these patterns. Default: none is excluded; `[]` says so where \
     `[sink_defaults]` excludes some.",
)
.example("[\"*-scratch\"]");

pub(super) const NAMES: Key = Key::new(
    "names",
    Kind::NamePatterns { longest: JobSettings::LONGEST_NAME },
    "Only events of jobs whose `name` matches one of these patterns; a job without a name matches none. `project.*` pass. \
     Default: of all jobs.",
)
.example("[\"nightly*\"]");

/// Which events a sink gets: those that pass every filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The types of event.
    pub events: EventFilter,
    /// Patterns for the name of the project; none: every project.
    pub projects: Vec<NamePattern>,
    /// Patterns for the name of the index; none: every index.
    pub indexes: Vec<IndexPattern>,
    /// Patterns for the names of indexes that are left out.
    pub exclude_indexes: Vec<IndexPattern>,
    /// Patterns for the name of the job; none: every job, whether it has a name or not.
    pub names: Vec<NamePattern>,
}

/// The restore that an event is about, as far as a route asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restore<'a> {
    /// The name that the configuration gives the job.
    pub name: Option<&'a str>,
    /// The name of the index, if it is known.
    pub index: Option<&'a str>,
}

impl Route {
    /// All events of these types.
    pub fn new(events: EventFilter) -> Self {
        let (projects, names) = (Vec::new(), Vec::new());
        Self { events, projects, indexes: Vec::new(), exclude_indexes: Vec::new(), names }
    }

    /// Whether the sink gets this event.
    pub fn takes(&self, event: &Event) -> bool {
        let restore = event
            .job
            .as_ref()
            .map(|job| Restore { name: job.name.as_deref(), index: job.facts.target_index_name.as_deref() });
        self.events.wants(event.kind)
            && self.takes_project(event.project.as_str())
            && restore.is_none_or(|restore| self.takes_restore(restore))
    }

    /// Whether the sink gets events of this project, of the wanted types.
    pub fn takes_project(&self, project: &str) -> bool {
        self.projects.is_empty() || self.projects.iter().any(|pattern| pattern.matches(project))
    }

    /// Whether the sink gets events about this restore, of the wanted types and projects.
    pub fn takes_restore(&self, Restore { name, index }: Restore<'_>) -> bool {
        let is_named = |pattern: &NamePattern| name.is_some_and(|name| pattern.matches(name));
        let is_into =
            |patterns: &[IndexPattern], index| patterns.iter().any(|pattern| pattern.matches(index));
        let takes_index = |index| {
            (self.indexes.is_empty() || is_into(&self.indexes, index))
                && !is_into(&self.exclude_indexes, index)
        };
        (self.names.is_empty() || self.names.iter().any(is_named)) && index.is_none_or(takes_index)
    }
}

/// What a table says of a route.
pub(super) struct Filters {
    events: Option<EventFilter>,
    projects: Vec<NamePattern>,
    indexes: Vec<IndexPattern>,
    exclude_indexes: Vec<IndexPattern>,
    names: Vec<NamePattern>,
}

impl Filters {
    /// Reads the keys of a route. `projects` are the names of all projects, if they are known.
    pub(super) fn read(section: &mut Section<'_>, is_log: bool, projects: Option<&[&str]>) -> Self {
        let patterns_of_projects = section.take("projects").map(|value| {
            let matches_one = |entry: &Value<'_>, pattern: &NamePattern| {
                projects.is_none_or(|projects| matches_a_project(entry, pattern, projects))
            };
            names(&value, PROJECTS.most(), matches_one)
        });
        let may_be_empty = section.overrides("exclude_indexes");
        let exclude = section.take("exclude_indexes").map(|value| indexes(&value, may_be_empty));
        Self {
            events: section.take("events").and_then(|value| events::read(&value, is_log)),
            projects: patterns_of_projects.unwrap_or_default(),
            indexes: section.take("indexes").map(|value| indexes(&value, false)).unwrap_or_default(),
            exclude_indexes: exclude.unwrap_or_default(),
            names: section
                .take("names")
                .map(|value| names(&value, NAMES.most(), |_, _| true))
                .unwrap_or_default(),
        }
    }

    /// The route, with these events unless the table has others.
    pub(super) fn route(self, usual: EventFilter) -> Route {
        let Self { events, projects, indexes, exclude_indexes, names } = self;
        Route { events: events.unwrap_or(usual), projects, indexes, exclude_indexes, names }
    }
}

/// Patterns for names of indexes.
fn indexes(value: &Value<'_>, may_be_empty: bool) -> Vec<IndexPattern> {
    const HELP: &str = "write an array of patterns for names of indexes, such as [\"prod-*\"]";

    let Some(entries) = value.array(HELP) else { return Vec::new() };
    if entries.is_empty() && !may_be_empty {
        value.refuse("is empty", format!("remove it, or {HELP}"));
    }
    entries.iter().filter_map(Value::index_pattern).collect()
}

/// Patterns for names that people chose, of at most `longest` characters, that are fine by `check`,
/// which reports those that are not.
fn names(
    value: &Value<'_>,
    longest: usize,
    check: impl Fn(&Value<'_>, &NamePattern) -> bool,
) -> Vec<NamePattern> {
    const HELP: &str = "write an array of names or of patterns for them, such as [\"a\", \"b-*\"]";

    let Some(entries) = value.array(HELP) else { return Vec::new() };
    if entries.is_empty() {
        value.refuse("is empty", format!("remove it, or {HELP}"));
    }
    let pattern = |entry: &Value<'_>| {
        let pattern = NamePattern::new(entry.label(longest)?);
        check(entry, &pattern).then_some(pattern)
    };
    entries.iter().filter_map(pattern).collect()
}

/// Whether a pattern matches one of the projects, which is reported if not.
fn matches_a_project(entry: &Value<'_>, pattern: &NamePattern, projects: &[&str]) -> bool {
    let is_one = projects.iter().any(|project| pattern.matches(project));
    if !is_one {
        let text = pattern.to_string();
        let near = nearest(&text, projects.iter().copied());
        let all = || projects.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let help = near.map_or_else(
            || format!("the projects are {}", all()),
            |near| format!("did you mean {}?", quoted(near).replace('`', "\"")),
        );
        let finding = Finding::new(&entry.span, format!("no project matches {}", quoted(&text)));
        entry.report.push(finding.help(help));
    }
    is_one
}
