//! `jobs`, `discover` and `[[project]]`: what is watched, with which key.
//!
//! Invariant: a project that is returned has a job, discovers jobs, or has an empty array of them;
//! and no id twice.

use std::collections::HashMap;
use std::path::Path;

use toml::de::DeValue;

use super::layers::Layers;
use super::report::{Finding, Report, Span};
use super::section::Section;
use super::source;
use super::value::Value;
use crate::config::environment::Variables;
use crate::config::keys::{DISCOVER, JOB};
use crate::config::quote::quoted;
use crate::config::surprise::Surprise;
use crate::config::{DiscoverySettings, IndexPattern, JobSettings, ProjectSettings, SecretSource};
use crate::model::{IdError, JobId, Mistake, ProjectName};

/// The variable that holds the API key of a project that does not say where its key is.
const API_KEY: &str = "PINECONE_API_KEY";

const JOBS: &str =
    "write jobs = [\"RESTORE_JOB_ID\"], or jobs = [] to have them all come with `restore-watch add`";

const NO_JOBS: &str = "write jobs = [\"RESTORE_JOB_ID\"], discover = true to have all that are unfinished found, or \
                       jobs = [] to have them all come with `restore-watch add`";

const DISCOVER_HELP: &str =
    "write discover = true, or discover = { indexes = [\"prod-*\"], exclude = [\"*-scratch\"] }";

/// Which jobs a project has, as one level of the file says.
struct Jobs {
    found: Vec<(JobSettings, Span)>,
    /// What `discover` says, and where it is.
    discover: Option<(Option<DiscoverySettings>, Span)>,
    /// Where to say that there are none.
    span: Span,
    /// There are some, or they come later, or another problem explains why not: no jobs is then no
    /// problem.
    excused: bool,
}

/// What one `[[project]]` says.
struct Project<'a> {
    name: Option<(&'a str, Span)>,
    api_key: Option<SecretSource>,
    /// It says where its key is, or was meant to.
    has_key: bool,
    layers: Layers<'a>,
    jobs: Jobs,
}

/// Reads `jobs`, `discover`, `api`, `cadence`, `watch` and `project` of the top level. Relative
/// paths start at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path, variables: &Variables<'_>) -> Vec<ProjectSettings> {
    let report = top.report;
    let common = Layers::default().with(top, base);
    common.check(report);
    let loose = jobs(top);
    let before = report.len();
    let mut projects: Vec<_> =
        top.sections("project").into_iter().map(|section| Project::read(section, &common, base)).collect();
    unique_names(&projects, report);

    if loose.excused || projects.iter().any(Project::is_default) {
        add_loose(&mut projects, loose, common, report);
    } else if projects.is_empty() && report.len() == before {
        // Each project without jobs is reported by itself, and a `project` that was refused may
        // have had some.
        let discover = loose.discover.map(|(_, span)| span);
        match top.span_of("project").or(discover) {
            Some(span) => report.push(Finding::new(&span, "no jobs to watch").help(NO_JOBS)),
            None if top.lacks("project") => {
                report.push(Finding::of_file("no jobs to watch").help(NO_JOBS));
            }
            None => {}
        }
    }
    warn_of_usual_key(&projects, report);
    let resolved = projects.into_iter().filter_map(|project| project.resolve(variables, report));
    resolved.collect()
}

/// Adds the jobs of the top level to the project named `default`, which need not be written down.
fn add_loose<'a>(projects: &mut Vec<Project<'a>>, loose: Jobs, common: Layers<'a>, report: &Report) {
    match projects.iter_mut().find(|project| project.is_default()) {
        Some(Project { jobs, .. }) => {
            jobs.excused |= loose.excused;
            jobs.found.splice(0..0, loose.found);
            if let Some(((_, one), (_, other))) = loose.discover.as_ref().zip(jobs.discover.as_ref()) {
                let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
                let finding = Finding::new(second, "the project `default` has a second `discover`");
                report.push(finding.see("the first is on line", first).help("remove one of the two"));
            }
            jobs.discover = loose.discover.or(jobs.discover.take());
        }
        None => projects.insert(
            0,
            Project {
                name: Some((ProjectName::DEFAULT, loose.span.clone())),
                api_key: None,
                has_key: false,
                layers: common,
                jobs: loose,
            },
        ),
    }
}

fn unique_names(projects: &[Project<'_>], report: &Report) {
    let mut seen = HashMap::new();
    for (name, span) in projects.iter().filter_map(|project| project.name.as_ref()) {
        let first = *seen.entry(*name).or_insert(span);
        if first != span {
            let finding = Finding::new(span, format!("a second project has the name {}", quoted(name)));
            report.push(finding.see("the first is on line", first).help("give each project its own name"));
        }
    }
}

/// Beside another project, one without a key of its own was mostly meant to have one. The one
/// named `default` need not: its key is in the variable by definition.
fn warn_of_usual_key(projects: &[Project<'_>], report: &Report) {
    if projects.len() < 2 {
        return;
    }
    for (name, span) in projects
        .iter()
        .filter(|project| !project.has_key && !project.is_default())
        .filter_map(|project| project.name.as_ref())
    {
        report.warn(span, &Surprise::UsualKey { project: name });
    }
}

impl<'a> Project<'a> {
    fn read(mut section: Section<'a>, common: &Layers<'a>, base: &Path) -> Self {
        if section.lacks("name") {
            let finding = Finding::new(&section.span, "a project without a name");
            section.report.push(finding.help("add name = \"…\""));
        }
        let name = section.label("name");
        let has_key = !section.lacks("api_key");
        let api_key = section.take("api_key").and_then(|value| source::read(&value, base));
        let layers = common.with(&mut section, base);
        let jobs = jobs(&mut section);
        section.finish();
        Self { name, api_key, has_key, layers, jobs }
    }

    fn is_default(&self) -> bool {
        self.name.as_ref().is_some_and(|(name, _)| *name == ProjectName::DEFAULT)
    }

    fn resolve(self, variables: &Variables<'_>, report: &Report) -> Option<ProjectSettings> {
        let settings = self.layers.resolve(variables, report);

        if self.jobs.found.is_empty() && !self.jobs.excused {
            let name = self.name.as_ref().map(|(name, _)| format!(" {}", quoted(name))).unwrap_or_default();
            let finding = Finding::new(&self.jobs.span, format!("the project{name} has no jobs to watch"));
            report.push(finding.help(NO_JOBS));
        }

        let discover = self.jobs.discover.and_then(|(discover, _)| discover);
        let jobs = unique_jobs(self.jobs.found, report);
        let settings = settings?;
        Some(ProjectSettings {
            name: ProjectName::new(self.name?.0),
            api_key: self.api_key.unwrap_or_else(|| SecretSource::Env(API_KEY.to_owned())),
            api: settings.api,
            cadence: settings.cadence,
            watch: settings.watch,
            jobs,
            discover,
        })
    }
}

fn unique_jobs(found: Vec<(JobSettings, Span)>, report: &Report) -> Vec<JobSettings> {
    let mut seen: HashMap<JobId, Span> = HashMap::new();
    // In the order of the file, so that it is the second one that is reported.
    let mut order: Vec<_> = found.iter().map(|(job, span)| (&job.id, span)).collect();
    order.sort_by_key(|(_, span)| span.start);
    for (id, span) in order {
        match seen.get(id) {
            Some(first) => {
                let finding = Finding::new(span, format!("the job {} is listed twice", quoted(id.as_str())));
                report.push(finding.see("it is first listed on line", first).help("remove one of the two"));
            }
            None => _ = seen.insert(id.clone(), span.clone()),
        }
    }
    found.into_iter().map(|(job, _)| job).collect()
}

/// Reads `jobs` and `discover`.
fn jobs(section: &mut Section<'_>) -> Jobs {
    let list = section.take("jobs");
    let span = list.as_ref().map_or(&section.span, |list| &list.span).clone();
    let entries = list.and_then(|list| list.array(JOBS)).unwrap_or_default();
    let found = entries.iter().filter_map(job).collect();

    let value = section.take("discover");
    let discover = value.map(|value| (discover(&value), value.span));
    // A typo is reported as one.
    let mistaken = !section.lacks("discover") && !section.has("discover");
    let is_found = discover.as_ref().is_some_and(|(discover, _)| *discover != Ok(None));

    Jobs {
        found,
        discover: discover.map(|(discover, span)| (discover.unwrap_or_default(), span)),
        span,
        // An empty array is written on purpose.
        excused: !section.lacks("jobs") || is_found || mistaken,
    }
}

/// A value was refused, which is reported.
#[derive(Debug, PartialEq)]
struct Refused;

/// Which jobs are to be found, if any.
fn discover(value: &Value<'_>) -> Result<Option<DiscoverySettings>, Refused> {
    match value.inner {
        DeValue::Boolean(wanted) => Ok(wanted.then(DiscoverySettings::default)),
        DeValue::Table(_) => {
            let before = value.report.len();
            let mut section = Section::of(value, &DISCOVER, "a table", DISCOVER_HELP).ok_or(Refused)?;
            let indexes = section.take("indexes").map(|value| patterns(&value));
            let exclude = section.take("exclude").map(|value| patterns(&value));
            let max_jobs = section.integer("max_jobs");
            section.finish();
            let discovery = DiscoverySettings {
                indexes: indexes.unwrap_or_default(),
                exclude: exclude.unwrap_or_default(),
                max_jobs: max_jobs.unwrap_or(DiscoverySettings::MAX_JOBS),
            };
            if value.report.len() == before { Ok(Some(discovery)) } else { Err(Refused) }
        }
        _ => {
            let help = value.unquote(|text| matches!(text, "true" | "false"));
            value.mistyped("true, false or a table", Some(help.unwrap_or_else(|| DISCOVER_HELP.to_owned())));
            Err(Refused)
        }
    }
}

/// Patterns for the names of indexes, at least one: an empty array could mean all or nothing.
fn patterns(value: &Value<'_>) -> Vec<IndexPattern> {
    let Some(entries) = value.array(DISCOVER_HELP) else { return Vec::new() };
    if entries.is_empty() {
        value.refuse("is empty", "remove it, or name indexes, such as \"prod-*\"");
    }
    entries.iter().filter_map(Value::index_pattern).collect()
}

fn job(entry: &Value<'_>) -> Option<(JobSettings, Span)> {
    if let DeValue::String(_) = entry.inner {
        return Some((JobSettings::new(id(entry)?), entry.span.clone()));
    }
    let mut section = Section::of(
        entry,
        &JOB,
        "a string or a table",
        "write \"RESTORE_JOB_ID\" or { id = \"RESTORE_JOB_ID\" }",
    )?;

    if section.lacks("id") {
        section
            .report
            .push(Finding::new(&section.span, "a job without an id").help("add id = \"RESTORE_JOB_ID\""));
    }

    let id = section.take("id").and_then(|value| Some((id(&value)?, value.span)));
    let name = section.label("name").map(|(name, _)| name.to_owned());
    let deadline = section.duration("deadline");
    let until = section.choice("until");
    section.finish();
    let (id, span) = id?;
    Some((JobSettings { id, name, deadline, until }, span))
}

fn id(value: &Value<'_>) -> Option<JobId> {
    JobId::given(value.string()?)
        .map_err(|error| {
            let help = match &error {
                IdError::Mistake(Mistake::Placeholder(_)) => {
                    "write the id itself; an id that is known later is added by `restore-watch add`, or waited for by \
                     `restore-watch wait`"
                }
                IdError::Mistake(Mistake::Separator(_)) => "write each id by itself: jobs = [\"ID\", \"ID\"]",
                IdError::Mistake(Mistake::Quotes(_) | Mistake::Brackets(_)) => "write the id alone, in one pair of quotes",
                IdError::Invisible(_) => "type the id, or copy it from another place",
                _ => "copy the id as `pc` or the console shows it",
            };
            value.report.push(Finding::new(&value.span, error.to_string()).help(help));
        })
        .ok()
}
