//! Which events a sink gets by its `events`, `projects`, `indexes`, `exclude_indexes` and `names`,
//! and what `[sink_defaults]` says for all of them.

use jiff::Timestamp;

use super::{printed, read};
use crate::config::{EventFilter, Settings, SinkSettings};
use crate::model::{Event, EventId, EventKind, JobFacts, JobId, JobRef, ProjectName};

const PROJECTS: [&str; 3] = ["production", "prod eu/1", "staging"];
const INDEXES: [Option<&str>; 5] =
    [Some("prod-docs"), Some("prod-scratch"), Some("test-docs"), Some("docs"), None];
const NAMES: [Option<&str>; 3] = [Some("nightly: eu"), Some("hourly"), None];

fn with_projects(sinks: &str) -> Settings {
    let project = |name: &&str| format!("[[project]]\nname = '{name}'\njobs = ['a']\n");
    let text = PROJECTS.iter().map(project).collect::<String>() + sinks;
    read(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn sink<'a>(settings: &'a Settings, name: &str) -> &'a SinkSettings {
    settings.sinks.iter().find(|sink| sink.name == name).expect("a sink")
}

fn event(kind: EventKind, project: &str, name: Option<&str>, index: Option<&str>) -> Event {
    let at = Timestamp::UNIX_EPOCH;
    let event = Event::of_project(EventId::from_parts(at, [0; 10]), kind, at, ProjectName::new(project));
    let facts = JobFacts { target_index_name: index.map(str::to_owned), ..JobFacts::default() };
    let job = JobRef { id: JobId::new("a").unwrap(), name: name.map(str::to_owned), facts };
    Event { job: Some(job).filter(|_| !kind.is_of_project()), ..event }
}

/// The filters of a sink as this test reads them.
#[derive(Default)]
struct Wanted {
    events: &'static [&'static str],
    projects: &'static [&'static str],
    indexes: &'static [&'static str],
    exclude: &'static [&'static str],
    names: &'static [&'static str],
}

/// A second matcher, which shares nothing with the first.
fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => is_like(rest, name),
        (Some((b'*', rest)), Some((_, further))) => is_like(rest, name) || is_like(pattern, further),
        (Some((b'?', rest)), Some((_, further))) => is_like(rest, further),
        (Some((one, rest)), Some((other, further))) => one == other && is_like(rest, further),
        _ => false,
    }
}

impl Wanted {
    fn takes(&self, kind: &str, project: &str, name: Option<&str>, index: Option<&str>) -> bool {
        let any = |patterns: &[&str], name: &str| {
            patterns.iter().any(|pattern| is_like(pattern.as_bytes(), name.as_bytes()))
        };
        let mut takes = any(self.events, kind);
        takes &= self.projects.is_empty() || any(self.projects, project);
        if kind.starts_with("project.") {
            return takes;
        }

        takes &= self.names.is_empty() || name.is_some_and(|name| any(self.names, name));
        match index {
            Some(index) => {
                takes && (self.indexes.is_empty() || any(self.indexes, index)) && !any(self.exclude, index)
            }
            None => takes,
        }
    }
}

#[test]
fn route_is_what_a_second_reading_of_the_filters_says() {
    let url = "type = 'webhook'\nurl = 'https://hooks.example'\n";
    let settings = with_projects(&format!(
        "[[sink]]\nname = 'one'\n{url}events = ['restore_job.failed', 'project.*']\nprojects = ['prod*']\n\
         [[sink]]\nname = 'two'\n{url}projects = ['prod*1', 'staging']\nindexes = ['prod-*', 'd??s']\n\
         exclude_indexes = ['*-scratch']\n\
         [[sink]]\nname = 'three'\n{url}names = ['nightly: ??', 'none']\nexclude_indexes = ['docs', 'test-*']\n"
    ));
    let all = &["*"][..];
    let wanted = [
        (
            "one",
            Wanted {
                events: &["restore_job.failed", "project.*"],
                projects: &["prod*"],
                ..Wanted::default()
            },
        ),
        (
            "two",
            Wanted {
                events: all,
                projects: &["prod*1", "staging"],
                indexes: &["prod-*", "d??s"],
                exclude: &["*-scratch"],
                ..Wanted::default()
            },
        ),
        (
            "three",
            Wanted {
                events: all,
                names: &["nightly: ??", "none"],
                exclude: &["docs", "test-*"],
                ..Wanted::default()
            },
        ),
    ];

    let mut count = 0;
    for (sink_name, wanted) in &wanted {
        let route = &sink(&settings, sink_name).route;
        for kind in EventKind::ALL {
            for project in PROJECTS {
                for (name, index) in NAMES.iter().flat_map(|name| INDEXES.map(|index| (*name, index))) {
                    let takes = wanted.takes(kind.as_str(), project, name, index);
                    let case = format!("{sink_name}: {kind} of {project}, {name:?} into {index:?}");
                    assert_eq!(route.takes(&event(*kind, project, name, index)), takes, "{case}");
                    count += usize::from(takes);
                }
            }
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_problem_of_a_filter_is_shown_at_its_place() {
    insta::assert_snapshot!(printed(
        "jobs = [\"a\"]\n[[sink]]\ntype = \"log\"\nprojects = [\"prd*\", \"default\", \"\"]\nindexes = []\n\
         exclude_indexes = [\"a/b\"]\nnames = \"nightly\"\n"
    ), @r#"
error: no project matches `prd*`
 --> config.toml:4:13
  |
4 | projects = ["prd*", "default", ""]
  |             ^^^^^^
  = help: the projects are `default`

error: an entry of `projects` is empty
 --> config.toml:4:32
  |
4 | projects = ["prd*", "default", ""]
  |                                ^^
  = help: give a short name that people will recognise

error: `indexes` is empty
 --> config.toml:5:11
  |
5 | indexes = []
  |           ^^
  = help: remove it, or write an array of patterns for names of indexes, such as ["prod-*"]

error: an entry of `exclude_indexes` has '/' in it, which no name of an index has
 --> config.toml:6:20
  |
6 | exclude_indexes = ["a/b"]
  |                    ^^^^^
  = help: write it like the name of an index; `*` stands for any characters or none, `?` for one

error: `names` must be an array, found a string
 --> config.toml:7:9
  |
7 | names = "nightly"
  |         ^^^^^^^^^
  = help: write an array of names or of patterns for them, such as ["a", "b-*"]

5 problems in config.toml
"#);
}

#[test]
fn project_with_a_typo_gets_a_help() {
    let of = |pattern: &str| {
        printed(&format!(
            "[[project]]\nname = 'production'\njobs = ['a']\n[[sink]]\ntype = 'log'\nprojects = ['{pattern}']"
        ))
    };

    assert!(of("productoin").contains("did you mean \"production\"?"), "{}", of("productoin"));
    assert!(of("stag*").contains("the projects are `production`"), "{}", of("stag*"));
}

#[test]
fn projects_are_unknown_beside_a_project_that_is_refused() {
    let found = printed("[[project]]\nname = 'x'\njobs = 5\n[[sink]]\ntype = 'log'\nprojects = ['x']");

    assert!(found.contains("1 problem"), "{found}");
}

#[test]
fn sink_takes_what_it_lacks_from_the_defaults() {
    let settings = with_projects(
        "[sink_defaults]\nevents = ['restore_job.failed']\nprojects = ['prod*']\nexclude_indexes = ['tmp-*']\n\
         retry_schedule = ['1s']\n\
         [[sink]]\ntype = 'webhook'\nurl = 'https://x'\n\
         [[sink]]\ntype = 'desktop'\nprojects = ['*']\nexclude_indexes = []\n",
    );
    let failed = |name: &str, project: &str, index: &str| {
        sink(&settings, name).route.takes(&event(EventKind::Failed, project, None, Some(index)))
    };

    for (name, project, index, takes) in [
        ("webhook", "production", "docs", true),
        ("webhook", "production", "tmp-1", false),
        ("webhook", "staging", "docs", false),
        ("desktop", "staging", "docs", true),
        ("desktop", "staging", "tmp-1", true),
        ("log", "staging", "tmp-1", true),
    ] {
        assert_eq!(failed(name, project, index), takes, "{name} {project} {index}");
    }
    assert_eq!(sink(&settings, "desktop").route.events.kinds(), [EventKind::Failed]);
    assert_eq!(sink(&settings, "log").route.events, EventFilter::all(), "nothing is written of it");
}

#[test]
fn problem_of_the_defaults_is_reported_once_and_there() {
    let sinks = "[[sink]]\ntype = 'webhook'\nurl = 'https://x'\n[[sink]]\ntype = 'log'\n";
    let of = |key: &str| printed(&format!("jobs = ['a']\n{sinks}[sink_defaults]\n{key}"));

    for (key, help) in [
        ("events = ['restore_job.complete']", "did you mean \"restore_job.completed\"?"),
        ("exclude_indexes = []", "remove it, or write an array of patterns"),
        ("retry_schedule = ['x']", "write it like"),
        ("url = 'https://y'", "`url` belongs to [heartbeat], or to a webhook"),
        ("index = ['a']", "did you mean `indexes`?"),
    ] {
        let found = of(key);
        assert!(found.contains(help) && found.contains("config.toml:8:"), "{key}: {found}");
        assert!(found.contains("1 problem in"), "{key}: {found}");
    }
}

#[test]
fn defaults_that_no_sink_takes_are_checked() {
    let found = printed("jobs = ['a']\n[sink_defaults]\nretry_schedule = []\n[[sink]]\ntype = 'log'");

    assert!(found.contains("`retry_schedule` is empty"), "{found}");
}
