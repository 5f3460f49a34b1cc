//! Which events of which project go to which sinks.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use crate::config::{Route, Settings, SinkSettings, SinkTarget};
use crate::model::EventKind;

/// What the keys of a route beside `events` say: a label of at most 8 characters, and a value.
pub(super) fn filters(route: &Route) -> Vec<(&'static str, String)> {
    let Route { events: _, projects, indexes, exclude_indexes, names } = route;
    let all = [
        ("projects", list(projects)),
        ("indexes", list(indexes)),
        ("except", list(exclude_indexes)),
        ("names", list(names)),
    ];
    all.into_iter().filter(|(_, patterns)| !patterns.is_empty()).collect()
}

/// The routes of all projects, those of projects that have the same once; nothing if all goes to the
/// log alone.
pub(super) fn routes(settings: &Settings) -> String {
    if settings.sinks.iter().all(|sink| matches!(sink.target, SinkTarget::Log(_))) {
        return String::new();
    }

    let mut tables: Vec<(Vec<&str>, Vec<Line>)> = Vec::new();
    for project in settings.projects.iter().map(|project| project.name.as_str()) {
        let table = table(project, &settings.sinks);
        match tables.iter_mut().find(|(_, known)| *known == table) {
            Some((projects, _)) => projects.push(project),
            None => tables.push((vec![project], table)),
        }
    }

    let is_one = tables.len() == 1;
    let mut text = String::new();
    for (projects, table) in &tables {
        text += "\nroutes\n";
        // Writing to a text does not fail.
        if !is_one {
            let _ = writeln!(text, "  projects  {}", list(projects));
        }
        for Line { events, recipients } in table {
            let _ = write!(text, "  events    {events}\n  go to     {recipients}\n");
        }
    }
    text
}

/// Types of event, as a sink may have them: all of a noun in one word.
pub(super) fn types(kinds: &[EventKind]) -> Vec<String> {
    let mut words = Vec::new();
    for noun in EventKind::nouns() {
        let all = EventKind::ALL.iter().filter(|kind| kind.noun() == noun);
        let wanted: Vec<_> = kinds.iter().filter(|kind| kind.noun() == noun).collect();
        if wanted.len() > 1 && wanted.len() == all.count() {
            words.push(format!("{noun}.*"));
        } else {
            words.extend(wanted.into_iter().map(ToString::to_string));
        }
    }
    words
}

/// Words in one text.
pub(super) fn list<T: Display>(words: &[T]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Events, and the sinks that they go to.
#[derive(PartialEq)]
struct Line {
    events: String,
    recipients: String,
}

/// The events of a project in groups that go to the same sinks; the largest group is the last.
fn table(project: &str, sinks: &[SinkSettings]) -> Vec<Line> {
    let mut groups: BTreeMap<String, Vec<EventKind>> = BTreeMap::new();
    for kind in EventKind::ALL {
        groups.entry(recipients(*kind, project, sinks)).or_default().push(*kind);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, kinds)| (kinds.len(), kinds.first().copied()));

    let last = groups.len() - 1;
    let events = |at, kinds: &[EventKind]| match at {
        0 if last == 0 => "every event".to_owned(),
        at if at == last => "every other event".to_owned(),
        _ => list(&types(kinds)),
    };
    let lines = groups.into_iter().enumerate();
    lines.map(|(at, (recipients, kinds))| Line { events: events(at, &kinds), recipients }).collect()
}

/// The sinks that get events of this type, each with what restores it gets them of.
fn recipients(kind: EventKind, project: &str, sinks: &[SinkSettings]) -> String {
    let takes = |sink: &&SinkSettings| sink.route.events.wants(kind) && sink.route.takes_project(project);
    let shown = |sink: &SinkSettings| {
        let restores = if kind.is_of_project() { String::new() } else { restores(&sink.route) };
        format!("{}{restores}", sink.name)
    };
    let names: Vec<_> = sinks.iter().filter(takes).map(shown).collect();
    if names.is_empty() { "no sink".to_owned() } else { list(&names) }
}

/// What restores a sink gets events of, in parentheses, unless it is all.
fn restores(route: &Route) -> String {
    let keys = filters(route).into_iter().filter(|(label, _)| *label != "projects");
    let keys: Vec<_> = keys.map(|(label, patterns)| format!("{label} {patterns}")).collect();
    if keys.is_empty() { String::new() } else { format!(" ({})", keys.join("; ")) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    fn shown(projects: &[&str], sinks: &str) -> String {
        let project = |name: &&str| format!("[[project]]\nname = '{name}'\njobs = ['x']\n");
        let text = projects.iter().map(project).collect::<String>() + sinks;
        routes(&config::parse(&text, Path::new("config.toml")).unwrap_or_else(|found| panic!("{found}")))
    }

    fn webhook(name: &str, keys: &str) -> String {
        format!("[[sink]]\ntype = 'webhook'\nurl = 'https://x'\nname = '{name}'\n{keys}\n")
    }

    #[test]
    fn log_alone_has_no_routes() {
        assert_eq!(shown(&["a"], ""), "");
        assert_eq!(shown(&["a"], "[[sink]]\ntype = 'log'\nprojects = ['a']"), "");
    }

    #[test]
    fn routes_without_filters_are_a_few_lines() {
        let sinks = webhook("ops", "events = ['restore_job.failed']") + &webhook("chat", "format = 'slack'");

        assert_eq!(
            shown(&["a", "b"], &sinks),
            "\nroutes\n  events    restore_job.failed\n  go to     ops, chat, log\n  events    restore_job.watched, \
             restore_job.status_changed, restore_job.progressed\n  go to     log\n  events    every other event\n  \
             go to     chat, log\n"
        );
    }

    #[test]
    fn projects_with_the_same_routes_are_shown_together() {
        let sinks = webhook("pager", "projects = ['prod*']\nindexes = ['prod-*', 'docs']\nnames = ['n*']")
            + &webhook("chat", "exclude_indexes = ['tmp-*']");

        assert_eq!(
            shown(&["prod 1", "test", "prod 2"], &sinks),
            "\nroutes\n  projects  prod 1, prod 2\n  events    project.*\n  go to     pager, chat, log\n  events    every other \
             event\n  go to     pager (indexes prod-*, docs; names n*), chat (except tmp-*), log\n\
             \nroutes\n  projects  test\n  events    project.*\n  go to     chat, log\n  events    every other event\n  \
             go to     chat (except tmp-*), log\n"
        );
    }

    #[test]
    fn many_projects_with_the_same_routes_are_a_few_lines() {
        let projects: Vec<_> = (0..50).map(|number| format!("project-{number}")).collect();
        let projects: Vec<_> = projects.iter().map(String::as_str).collect();
        let sinks: String = (0..20).map(|number| webhook(&format!("sink-{number}"), "")).collect();
        let some = webhook("some", "projects = ['project-1?']");

        let text = shown(&projects, &(sinks + &some));

        assert_eq!(text.lines().count(), 10, "{text}");
        assert!(text.contains("  projects  project-10, project-11, "), "{text}");
    }
}
