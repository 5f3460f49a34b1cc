//! A scenario: jobs, indexes and faults, read from TOML and checked.
//!
//! Invariant: every [`Scenario`] can run; what is wrong with a file is reported with line, column
//! and caret.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use super::script::{EndpointKind, FaultKind, FaultScript, JobScript, Key, ProgressScript, Script, Window};
use super::world;
use crate::config::{Mask, Place, Source};
use crate::model::JobId;

/// The scenarios that come with the program, by name, with their text.
pub const SHIPPED: &[(&str, &str)] = &[
    ("demo", include_str!("../../config/scenarios/demo.toml")),
    ("fleet", include_str!("../../config/scenarios/fleet.toml")),
    ("flaky", include_str!("../../config/scenarios/flaky.toml")),
    ("outage", include_str!("../../config/scenarios/outage.toml")),
    ("unreliable-list", include_str!("../../config/scenarios/unreliable-list.toml")),
];

/// The scenario of [`Scenario::demo_page`].
const DEMO_PAGE: &str = include_str!("../../config/scenarios/demo-page.toml");

/// Every key a scenario may have, explained: a scenario itself.
pub const KEYS: &str = include_str!("keys.toml");

/// The most jobs a scenario may have, those of `count` included.
const MAX_JOBS: usize = 100_000;

/// What a simulated control plane does, and when. Copies are cheap.
///
/// These are the keys ([`KEYS`] has this text):
#[doc = concat!("```toml\n", include_str!("keys.toml"), "```")]
///
/// ```
/// use restore_watch::simulate::Scenario;
///
/// let scenario: Scenario = r#"
///     [[job]]
///     id = "rj-1"
///     takes = "6s"
/// "#.parse()?;
/// assert_eq!(scenario.job_ids().len(), 1);
///
/// let error = "[[job]]\nid = \"rj-1\"\ntake = \"6s\"".parse::<Scenario>().unwrap_err();
/// assert_eq!(error.line(), 3);
/// # Ok::<(), restore_watch::simulate::ScenarioError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scenario {
    script: Arc<Script>,
    jobs: Arc<[JobId]>,
}

impl Scenario {
    /// The scenario of `restore-watch demo`: a handful of restores, over in a quarter of a minute.
    pub fn demo() -> Self {
        Self::shipped("demo").unwrap_or_else(|| unreachable!("`demo` is shipped, and a test reads it"))
    }

    /// The scenario of `restore-watch demo --http`: restores that end one after the other for some
    /// minutes, so that there is something to look at.
    pub fn demo_page() -> Self {
        DEMO_PAGE.parse().unwrap_or_else(|error| unreachable!("a test reads this scenario: {error}"))
    }

    /// The scenario of this name in [`SHIPPED`].
    pub fn shipped(name: &str) -> Option<Self> {
        let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        // Tests read every shipped scenario.
        text.parse().ok()
    }

    /// The ids of all its jobs, in the order of the file.
    pub fn job_ids(&self) -> &[JobId] {
        &self.jobs
    }

    /// The key it accepts at the start; `None` where any will do.
    pub fn api_key(&self) -> Option<&str> {
        self.script.api_key.as_ref().map(Key::expose)
    }

    pub(super) fn script(&self) -> &Arc<Script> {
        &self.script
    }
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        let script: Script = toml::from_str(text)
            .map_err(|error| ScenarioError::new(text, &error.span().unwrap_or(0..0), error.message()))?;
        let refuse = |(span, message): Fault| ScenarioError::new(text, &span, message);
        check(&script).map_err(refuse)?;
        let jobs = job_ids(&script).map_err(refuse)?;
        Ok(Self { script: Arc::new(script), jobs })
    }
}

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    place: Place,
    message: String,
}

impl ScenarioError {
    fn new(text: &str, span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { place: Source::new(text, Some(masks(text))).place(span), message: message.into() }
    }

    /// The line it is in, counted from 1.
    pub fn line(&self) -> usize {
        self.place.line()
    }

    /// The column it starts at, in characters counted from 1.
    pub fn column(&self) -> usize {
        self.place.column()
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Masks what stands at keys, misspelled ones too: people rehearse with real ones.
fn masks(text: &str) -> Vec<Mask> {
    let mut end = 0;
    let lines = text.split_inclusive('\n').filter_map(|line| {
        let start = end;
        end += line.len();
        let (name, _) = line.split_once('=')?;
        let range = start + name.len() + 1..start + line.trim_end().len();
        name.to_ascii_lowercase().contains("key").then_some(Mask { range, shown: " ***" })
    });
    lines.collect()
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.line(), self.column());
        write!(f, "the scenario has an error at line {line}, column {column}\n{}{}", self.place, self.message)
    }
}

impl std::error::Error for ScenarioError {}

const EMPTY: &str = "`to` is not after `from`; a window ends later than it begins";

/// What is wrong, and where.
type Fault = (Range<usize>, String);

fn check(script: &Script) -> Result<(), Fault> {
    if let Some(digits) = &script.fraction_digits
        && *digits.get_ref() > 9
    {
        return Err((digits.span(), "timestamps have 0 to 9 fractional digits".into()));
    }
    if let Some(pages) = &script.list.end_early_after
        && *pages.get_ref() == 0
    {
        return Err((pages.span(), "a list has at least one page; write 1 or more".into()));
    }
    if let Some(window) = script.revoked.iter().find(|window| window.get_ref().is_empty()) {
        return Err((window.span(), EMPTY.into()));
    }
    script.job.iter().try_for_each(check_job)?;
    let mut names = HashSet::new();
    for index in &script.index {
        if !names.insert(index.name.get_ref()) {
            return Err((
                index.name.span(),
                format!("the index `{}` is described twice", index.name.get_ref()),
            ));
        }
    }
    let mut backups = HashSet::new();
    for backup in &script.backup {
        if !backups.insert(backup.id.get_ref()) {
            return Err((
                backup.id.span(),
                format!("the backup `{}` is described twice", backup.id.get_ref()),
            ));
        }
    }
    for fault in &script.fault {
        check_fault(fault.get_ref()).map_err(|message| (fault.span(), message))?;
    }
    Ok(())
}

fn check_job(job: &JobScript) -> Result<(), Fault> {
    let here = || job.id.span();
    if let Some(count) = &job.count
        && !(1..=MAX_JOBS).contains(&(*count.get_ref() as usize))
    {
        return Err((count.span(), format!("`count` lies between 1 and {MAX_JOBS}")));
    }
    if job.takes.is_none() && matches!(job.progress, ProgressScript::Linear) {
        return Err((here(), "`progress = \"linear\"` needs `takes`, the time to 100 percent".into()));
    }
    if job.takes.is_none() && job.ends.is_some() {
        return Err((here(), "`ends` needs `takes`, the time to the end of the job".into()));
    }
    if Window::new(Some(job.appears), job.vanishes).is_empty() {
        return Err((here(), "this job vanishes before it appears".into()));
    }
    let in_order = job.statuses.is_sorted_by_key(|step| step.at)
        && match &job.progress {
            ProgressScript::Steps(steps) => steps.is_sorted_by_key(|step| step.at),
            ProgressScript::None | ProgressScript::Linear => true,
        };
    if !in_order {
        return Err((here(), "the steps of this job are not in the order of their times (`at`)".into()));
    }
    Ok(())
}

fn check_fault(fault: &FaultScript) -> Result<(), String> {
    use FaultKind::{Oversized, Redirect, SlowBody, Status};

    let is = |kinds: &[FaultKind]| kinds.contains(&fault.kind);
    let only = [
        (fault.status.is_some(), "status", "\"status\" or \"redirect\"", is(&[Status, Redirect])),
        (fault.body.is_some(), "body", "\"status\"", is(&[Status])),
        (fault.body_text.is_some(), "body_text", "\"status\"", is(&[Status])),
        (fault.retry_after.is_some(), "retry_after", "\"status\"", is(&[Status])),
        (fault.retry_after_raw.is_some(), "retry_after_raw", "\"status\"", is(&[Status])),
        (fault.location.is_some(), "location", "\"redirect\"", is(&[Redirect])),
        (fault.bytes.is_some(), "bytes", "\"oversized\"", is(&[Oversized])),
        (fault.pace.is_some(), "pace", "\"slow_body\"", is(&[SlowBody])),
    ];
    if let Some((_, key, kinds, _)) = only.iter().find(|(given, .., fits)| *given && !fits) {
        return Err(format!("`{key}` belongs to `kind = {kinds}`; take it away, or change the kind"));
    }
    match fault.kind {
        Status if fault.status.is_none() => {
            return Err("`kind = \"status\"` needs `status`, like `status = 503`".into());
        }
        Redirect if fault.location.is_none() => {
            return Err("`kind = \"redirect\"` needs `location`, the URL it leads to".into());
        }
        _ => {}
    }
    if fault.status.is_some_and(|status| !(200..=599).contains(&status)) {
        return Err("`status` lies between 200 and 599".into());
    }
    if fault.retry_after_date && fault.retry_after.is_none() {
        return Err("`retry_after_date` needs `retry_after`, the time until that date".into());
    }
    if fault.retry_after.is_some() && fault.retry_after_raw.is_some() {
        return Err("`retry_after` and `retry_after_raw` exclude each other".into());
    }
    for text in [&fault.retry_after_raw, &fault.location].into_iter().flatten() {
        if axum::http::HeaderValue::from_str(text).is_err() {
            return Err(format!("{text:?} cannot stand in an HTTP header"));
        }
    }
    if fault.every == Some(0) || fault.requests.iter().flatten().any(|&number| number == 0) {
        return Err("requests are counted from 1".into());
    }
    if Window::new(fault.from, fault.to).is_empty() {
        return Err(EMPTY.into());
    }
    if fault.bytes.is_some_and(|bytes| bytes > 1 << 30) {
        return Err("`bytes` is at most 1 GiB (1073741824)".into());
    }
    if fault.accepted.is_some() && !matches!(fault.endpoint, EndpointKind::Create | EndpointKind::Any) {
        return Err(
            "`accepted` is about requests that start a restore; take it away, or write `endpoint = \"create\"`".into(),
        );
    }
    if fault.job.is_some() && matches!(fault.endpoint, EndpointKind::Backup | EndpointKind::Create) {
        return Err("a backup is not about one job; take `job` away, or choose another `endpoint`".into());
    }
    if fault.job.is_some() && fault.endpoint == EndpointKind::List {
        return Err("a listing is not about one job; take `job` away, or choose another `endpoint`".into());
    }
    Ok(())
}

/// The ids of all jobs; refuses those that are no ids, that repeat, and faults of jobs that do not
/// exist.
fn job_ids(script: &Script) -> Result<Arc<[JobId]>, Fault> {
    let mut seen = HashSet::new();
    let mut ids = Vec::new();
    for job in &script.job {
        for id in world::numbered(job, job.id.get_ref()) {
            let id = JobId::new(id).map_err(|error| (job.id.span(), error.to_string()))?;
            if !seen.insert(id.clone()) {
                return Err((job.id.span(), format!("two jobs have the id `{id}`")));
            }
            ids.push(id);
        }
        if ids.len() > MAX_JOBS {
            return Err((job.id.span(), format!("a scenario has at most {MAX_JOBS} jobs")));
        }
    }
    for fault in &script.fault {
        if let Some(job) = &fault.get_ref().job
            && !seen.iter().any(|id| id.as_str() == job.get_ref())
        {
            return Err((job.span(), format!("no `[[job]]` has the id `{}`", job.get_ref())));
        }
    }
    Ok(ids.into())
}

#[cfg(test)]
mod tests;
