//! Ends that no sink beside the log gets.
//!
//! Invariant: only what the configuration says counts. Which index a restore is into is known only
//! when it is polled, so texts stand for the indexes: one that each pattern of the file matches, and
//! one that no pattern names.

use std::collections::BTreeMap;

use super::routes::{list, types};
use crate::config::{
    DiscoverySettings, IndexPattern, Problem, ProjectSettings, Restore, Route, Settings, SinkTarget,
};
use crate::model::{EventKind, Until};

/// A warning for each kind of hole: events that end something or say that it is broken, and the
/// projects and restores of which no sink beside the log gets them. None if there is no other sink,
/// which is a warning of the reader.
pub(super) fn warnings(settings: &Settings) -> Vec<Problem> {
    let sinks = settings.sinks.iter().filter(|sink| !matches!(sink.target, SinkTarget::Log(_)));
    let routes: Vec<_> = sinks.map(|sink| &sink.route).collect();
    if routes.is_empty() {
        return Vec::new();
    }

    let mut holes: Vec<(Hole, Vec<&str>)> = Vec::new();
    for project in &settings.projects {
        for hole in holes_of(project, &routes) {
            match holes.iter_mut().find(|(known, _)| *known == hole) {
                Some((_, projects)) => projects.push(project.name.as_str()),
                None => holes.push((hole, vec![project.name.as_str()])),
            }
        }
    }
    holes.iter().map(|(hole, projects)| hole.warning(projects)).collect()
}

/// Events of a project that no sink beside the log gets.
#[derive(PartialEq)]
struct Hole {
    kinds: Vec<EventKind>,
    /// Of which restores, if not of all.
    restores: Vec<String>,
}

impl Hole {
    fn warning(&self, projects: &[&str]) -> Problem {
        let (kinds, plural) = (types(&self.kinds).join(", "), if projects.len() == 1 { "" } else { "s" });
        let restores = if self.restores.is_empty() {
            String::new()
        } else {
            format!(", for restores {}", some(&self.restores))
        };
        let projects = some(&projects.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>());
        Problem::new(format!(
            "no sink beside the log gets these events of the project{plural} {projects}{restores}: {kinds}"
        ))
        .with_help("let a sink that reaches a person take them, or ignore this if the log is enough")
        .into_warning()
    }
}

/// Restores of a project that every sink treats alike, but for their index.
struct Class<'a> {
    /// A name of one of them, if it has one.
    name: Option<&'a str>,
    /// How a warning names them, if sinks go by names.
    label: Option<String>,
    until: Until,
    /// Only these, if they are discovered.
    discover: Option<&'a DiscoverySettings>,
}

/// Indexes that every sink treats alike, as far as a text can stand for them.
struct Indexes {
    /// How a warning names them.
    label: String,
    examples: [String; 2],
}

fn holes_of(project: &ProjectSettings, routes: &[&Route]) -> Vec<Hole> {
    let routes: Vec<_> =
        routes.iter().copied().filter(|route| route.takes_project(project.name.as_str())).collect();
    let mut unrouted: BTreeMap<EventKind, Unrouted> = BTreeMap::new();
    for class in classes(project, &routes) {
        let indexes = indexes(class.discover, &routes);
        for kind in ends_until(class.until) {
            let is_routed = |indexes: &&Indexes| is_routed(kind, &class, indexes, &routes);
            let missing: Vec<_> = indexes.iter().filter(|indexes| !is_routed(indexes)).collect();
            unrouted.entry(kind).or_default().add(&class, &missing, indexes.len());
        }
    }
    if !routes.iter().any(|route| route.events.wants(EventKind::ProjectUnauthorized)) {
        unrouted.entry(EventKind::ProjectUnauthorized).or_default().is_somewhere = true;
    }

    let mut holes: Vec<Hole> = Vec::new();
    for (kind, unrouted) in unrouted.into_iter().filter(|(_, unrouted)| unrouted.is_somewhere) {
        let restores = if unrouted.is_routed_elsewhere { unrouted.restores } else { Vec::new() };
        match holes.iter_mut().find(|hole| hole.restores == restores) {
            Some(hole) => hole.kinds.push(kind),
            None => holes.push(Hole { kinds: vec![kind], restores }),
        }
    }
    holes
}

/// Of which restores of a project no sink gets a type of event.
#[derive(Default)]
struct Unrouted {
    is_somewhere: bool,
    is_routed_elsewhere: bool,
    /// In words.
    restores: Vec<String>,
}

impl Unrouted {
    /// Adds restores of a class: those into these indexes, of so many.
    fn add(&mut self, class: &Class<'_>, missing: &[&Indexes], of: usize) {
        self.is_somewhere |= !missing.is_empty();
        self.is_routed_elsewhere |= missing.len() < of;

        let words = missing.iter().map(|Indexes { label: into, .. }| match &class.label {
            Some(label) if missing.len() == of => label.clone(),
            Some(label) => format!("{label} {into}"),
            None => into.clone(),
        });
        for words in words {
            // Classes may differ in what does not matter here.
            if !self.restores.contains(&words) {
                self.restores.push(words);
            }
        }
    }
}

/// The events that end a restore which is watched until then.
fn ends_until(until: Until) -> impl Iterator<Item = EventKind> {
    let is_end = |kind: EventKind| kind.is_terminal() || kind == EventKind::NotFound;
    let applies = move |kind: EventKind| match until {
        Until::Completed => !kind.is_of_index(),
        // A watch that goes on until the index is ready.
        Until::Ready => kind != EventKind::Completed,
    };
    EventKind::ALL.iter().copied().filter(move |kind| is_end(*kind) && applies(*kind))
}

/// The restores of a project in classes: those of its jobs, and those that it discovers. Jobs may be
/// added to one that has neither.
fn classes<'a>(project: &'a ProjectSettings, routes: &[&Route]) -> Vec<Class<'a>> {
    let usual = project.watch.until;
    let is_by_name = routes.iter().any(|route| !route.names.is_empty());
    let class = |name: Option<&'a str>, until, discover| {
        let label = name.map_or_else(|| "without a name".to_owned(), |name| format!("named like `{name}`"));
        Class { name, label: is_by_name.then_some(label), until, discover }
    };
    let jobs = project.jobs.iter();
    let configured = jobs.map(|job| class(job.name.as_deref(), job.until.unwrap_or(usual), None));
    let discovered = project.discover.as_ref();
    let others = project.jobs.is_empty() || discovered.is_some();
    let others = others.then(|| class(None, usual, discovered));

    let mut known = Vec::new();
    let mut classes = Vec::new();
    for class in configured.chain(others) {
        let is_taken = |route: &&Route| route.takes_restore(Restore { name: class.name, index: None });
        let treated: Vec<_> = routes.iter().map(is_taken).collect();
        let kind = (treated, class.until, class.discover.is_some());
        if !known.contains(&kind) {
            known.push(kind);
            classes.push(class);
        }
    }
    classes
}

/// The indexes of restores: those that a pattern names, and others.
fn indexes(discover: Option<&DiscoverySettings>, routes: &[&Route]) -> Vec<Indexes> {
    let by_discovery = discover.map(|discover| &discover.indexes).filter(|patterns| !patterns.is_empty());
    let by_sinks = routes.iter().flat_map(|route| route.indexes.iter().chain(&route.exclude_indexes));
    let named = by_discovery.into_iter().flatten().chain(by_sinks).map(ToString::to_string);

    let mut patterns: Vec<_> = named.collect();
    patterns.sort_unstable();
    patterns.dedup();
    let named = patterns
        .into_iter()
        .map(|pattern| Indexes { label: format!("into {pattern}"), examples: examples(&pattern) });
    let others = Indexes { label: "into other indexes".to_owned(), examples: examples("*") };
    let is_watched = |indexes: &Indexes| {
        discover.is_none_or(|discover| indexes.examples.iter().all(|index| discover.includes(Some(index))))
    };
    named.chain([others]).filter(is_watched).collect()
}

/// Names that a pattern matches, and no other pattern unless it matches all that this one does, or
/// nearly so: nobody writes these characters, and a `?` of another pattern cannot stand for all of
/// them.
fn examples(pattern: &str) -> [String; 2] {
    const ANY: &str = "\u{1}";

    [1, IndexPattern::LONGEST + 1].map(|count| pattern.replace('?', ANY).replace('*', &ANY.repeat(count)))
}

fn is_routed(kind: EventKind, class: &Class<'_>, indexes: &Indexes, routes: &[&Route]) -> bool {
    let is_taken = |index: &String| {
        let restore = Restore { name: class.name, index: Some(index) };
        routes.iter().any(|route| route.events.wants(kind) && route.takes_restore(restore))
    };
    indexes.examples.iter().all(is_taken)
}

/// The first of these words, and how many more there are.
fn some(words: &[String]) -> String {
    const MOST: usize = 8;

    let shown = list(words.get(..MOST).unwrap_or(words));
    match words.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    const TWO: &str = "[[project]]\nname = 'a'\njobs = ['x']\n[[project]]\nname = 'b'\njobs = ['y']\n";

    fn webhook(name: &str, keys: &str) -> String {
        format!("[[sink]]\ntype = 'webhook'\nurl = 'https://x'\nname = '{name}'\n{keys}\n")
    }

    /// The warnings about a file with these projects and sinks.
    fn found(projects: &str, sinks: &[String]) -> Vec<String> {
        let text = projects.to_owned() + &sinks.concat();
        let settings =
            config::parse(&text, Path::new("config.toml")).unwrap_or_else(|found| panic!("{found}"));
        warnings(&settings).iter().map(|warning| warning.message().to_owned()).collect()
    }

    #[test]
    fn all_ends_reach_sinks_whose_filters_complete_each_other() {
        for sinks in [
            vec![webhook("ops", "")],
            vec![webhook("one", "projects = ['a']"), webhook("two", "projects = ['b']")],
            vec![webhook("one", "indexes = ['prod-*']"), webhook("two", "exclude_indexes = ['prod-*']")],
            vec![webhook("one", "indexes = ['prod-*']"), webhook("two", "events = ['*']")],
            Vec::new(),
        ] {
            assert_eq!(found(TWO, &sinks), [""; 0], "{sinks:?}");
        }
        let discovering = "discover = { indexes = ['prod-eu-*'] }\n";
        assert_eq!(found(discovering, &[webhook("ops", "indexes = ['prod-*']")]), [""; 0]);
    }

    #[test]
    fn ends_that_only_the_log_gets_are_a_warning() {
        let ends = "restore_job.completed, restore_job.failed, restore_job.cancelled, restore_job.unrecognised, \
                    restore_job.not_found";
        let one = |keys: &str| {
            let [warning] = &found(TWO, &[webhook("ops", keys)])[..] else { panic!("{keys}") };
            warning
                .strip_prefix("no sink beside the log gets these events of the project")
                .unwrap()
                .to_owned()
        };

        assert_eq!(one("projects = ['a']"), format!(" `b`: {ends}, project.unauthorized"));
        assert_eq!(one("events = ['restore_job.*', 'index.*']"), "s `a`, `b`: project.unauthorized");
        assert_eq!(
            one("indexes = ['prod-*']"),
            format!("s `a`, `b`, for restores into other indexes: {ends}")
        );
        assert_eq!(
            one("exclude_indexes = ['*-scratch']"),
            format!("s `a`, `b`, for restores into *-scratch: {ends}")
        );
    }

    #[test]
    fn discovered_and_named_restores_are_judged_by_their_own() {
        let ends = "restore_job.completed, restore_job.failed, restore_job.cancelled, restore_job.unrecognised, \
                    restore_job.not_found";
        let gets = "no sink beside the log gets these events of the project `default`";

        let narrower = found(
            "discover = { indexes = ['prod-*', 'docs'] }\n",
            &[webhook("ops", "indexes = ['prod-?*', 'docs']")],
        );
        assert_eq!(narrower, [""; 0], "one that is called `prod-` is not likely");
        let other =
            found("discover = { indexes = ['prod-*', 'docs'] }\n", &[webhook("ops", "indexes = ['docs']")]);
        assert_eq!(other, [format!("{gets}, for restores into prod-*: {ends}")]);
        let jobs = "jobs = [{ id = 'x', name = 'nightly' }, { id = 'y', name = 'hourly' }, 'z']\n";
        assert_eq!(
            found(jobs, &[webhook("ops", "names = ['nightly*']")]),
            [format!("{gets}, for restores named like `hourly`: {ends}")],
            "and those without a name, which it stands for"
        );
    }

    #[test]
    fn watch_until_the_index_is_ready_has_other_ends() {
        let ready = "jobs = ['x']\nwatch.until = 'ready'\n";

        let found = |events: &str| found(ready, &[webhook("ops", events)]);

        let but_completed = "events = ['restore_job.failed', 'restore_job.cancelled', 'restore_job.unrecognised', \
                             'restore_job.not_found', 'index.*', 'project.*']";
        assert_eq!(found(but_completed), [""; 0]);
        let [warning] = &found("events = ['restore_job.*', 'project.*']")[..] else { panic!("a warning") };
        assert!(warning.ends_with(": index.*"), "{warning}");
    }
}
