//! The simulated world: the state of each job and index at a scenario time, and the fault that a
//! request meets.
//!
//! Invariant: no clock, no I/O and no randomness but that of the seed; the same script, time and
//! order of requests give the same world.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::list::{JobList, ListQuery};
use super::random::seeded;
use super::script::{
    CreatedAt, EndpointKind, FaultScript, IndexScript, JobScript, ProgressScript, READY, Script, Window,
};
use crate::model::{JobId, Status};

/// All that exists in a scenario, and the requests counted so far.
#[derive(Debug)]
pub(super) struct World {
    script: Arc<Script>,
    jobs: Vec<SimulatedJob>,
    by_id: HashMap<String, usize>,
    by_index: HashMap<String, usize>,
    list: JobList,
    /// For each fault, how many requests it was about.
    asked: Vec<u64>,
    /// How the restores develop that were started by a request.
    started: JobScript,
    /// How many were.
    starts: usize,
}

/// One job, with defaults for what its script leaves open.
#[derive(Debug, Clone)]
pub(super) struct SimulatedJob {
    origin: Origin,
    pub(super) id: String,
    pub(super) backup_id: String,
    pub(super) index: String,
    pub(super) index_id: String,
    /// Scenario time of its creation, mostly before the start.
    pub(super) created: SignedDuration,
    /// Scenario time of its end.
    ends: Option<SignedDuration>,
}

/// Where a job comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// The `[[job]]` of this number.
    Script(usize),
    /// A request that started it.
    Request,
}

/// The state of a job at one time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JobState<'a> {
    pub(super) status: &'a str,
    /// Scenario time of the creation; `None` if the script hides it.
    pub(super) created: Option<SignedDuration>,
    /// Scenario time of the end, if the API reports it.
    pub(super) completed: Option<SignedDuration>,
    /// Whether the job ended well.
    pub(super) is_completed: bool,
    pub(super) percent: f64,
    pub(super) extra: &'a toml::Table,
}

/// The state of an index at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexState<'a> {
    pub(super) name: &'a str,
    pub(super) state: &'a str,
    pub(super) ready: bool,
    /// The backup that it was made of.
    pub(super) backup: Option<&'a str>,
}

/// Why no restore is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such backup.
    NoBackup,
    /// The backup has this status.
    NotReady(String),
    /// There is an index of this name.
    NameTaken,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Describe(String),
    /// A page of the list.
    List(ListQuery),
    Index(String),
    /// A backup.
    Backup(String),
    /// A new index of this backup, as the body says; none if the body is not what is documented.
    Create {
        backup: String,
        name: Option<String>,
    },
    /// Something that does not exist.
    Unknown,
}

impl World {
    /// The world of a script, before the first request.
    pub(super) fn new(script: Arc<Script>) -> Self {
        let jobs: Vec<SimulatedJob> =
            script.job.iter().enumerate().flat_map(|(at, job)| expand(at, job)).collect();
        let by_id = jobs.iter().enumerate().map(|(at, job)| (job.id.clone(), at)).collect();
        let by_index = jobs.iter().enumerate().map(|(at, job)| (job.index.clone(), at)).collect();
        let list = JobList::new(jobs.iter().map(|job| job.created));
        let asked = vec![0; script.fault.len()];
        let started = script.restore.job();
        Self { script, jobs, by_id, by_index, list, asked, started, starts: 0 }
    }

    /// Starts a restore of `backup` into a new index of this name, or says why not.
    pub(super) fn create(
        &mut self,
        backup: &str,
        name: &str,
        at: Duration,
    ) -> Result<&SimulatedJob, Refusal> {
        let status = self.backup(backup, at).ok_or(Refusal::NoBackup)?;
        if status != READY {
            return Err(Refusal::NotReady(status.to_owned()));
        }
        if self.index(name, at).is_some() {
            return Err(Refusal::NameTaken);
        }

        self.starts += 1;
        let created = signed(at);
        let id = match &self.script.restore.id {
            Some(id) if self.starts == 1 => id.clone(),
            Some(id) => format!("{id}-{}", self.starts),
            None => uuid_of("restore", &format!("{backup} {name} {}", self.starts)),
        };
        let row = self.jobs.len();
        self.jobs.push(SimulatedJob {
            origin: Origin::Request,
            backup_id: backup.to_owned(),
            index: name.to_owned(),
            index_id: uuid_of("index", &id),
            created,
            ends: self.started.takes.map(|takes| created.saturating_add(signed(takes.0))),
            id: id.clone(),
        });
        self.by_id.insert(id, row);
        self.by_index.insert(name.to_owned(), row);
        self.list.add();

        Ok(&self.jobs[row])
    }

    /// The status of a backup at `at`; none if there is no such backup.
    pub(super) fn backup(&self, id: &str, at: Duration) -> Option<&str> {
        if self.script.backup.is_empty() {
            return Some(READY);
        }
        let backup = self.script.backup.iter().find(|backup| backup.id.get_ref() == id)?;
        Some(backup.status_at(at))
    }

    /// The state of the job of this id at `at`; `None` if the API does not know it.
    pub(super) fn job(&self, id: &str, at: Duration) -> Option<(&SimulatedJob, JobState<'_>)> {
        let job = &self.jobs[*self.by_id.get(id)?];
        self.state(job, at).map(|state| (job, state))
    }

    /// The state of the index of this name at `at`.
    ///
    /// An `[[index]]` goes by its script. The index of a job is made with it, is ready some time
    /// after the job completes, and is removed when the job ends otherwise.
    pub(super) fn index<'a>(&'a self, name: &'a str, at: Duration) -> Option<IndexState<'a>> {
        if let Some(index) = self.script.index.iter().find(|index| index.name.get_ref() == name) {
            return scripted_index(index, at);
        }
        let job = &self.jobs[*self.by_index.get(name)?];
        let state = self.state(job, at)?;
        let ready_after = signed(script_of(&self.script, &self.started, job).ready_after.0);
        let backup = Some(job.backup_id.as_str());
        let ready = state.is_completed && job.ends.is_some_and(|ends| ends + ready_after <= signed(at));
        let ended = job.ends.is_some_and(|ends| ends <= signed(at));

        match (ready, ended && !state.is_completed) {
            (true, _) => Some(IndexState { name, state: "Ready", ready, backup }),
            (false, false) => Some(IndexState { name, state: "Initializing", ready, backup }),
            (false, true) => None,
        }
    }

    /// A page of the list at `at`: its rows, and the token of the next page; an error says why the
    /// query is refused.
    pub(super) fn list(&mut self, query: &ListQuery, at: Duration) -> Result<JobPage<'_>, &'static str> {
        let Self { script, jobs, list, started, .. } = self;
        let delay = signed(script.list.delay_visibility.0);
        let listed = |job: &SimulatedJob| {
            exists(script_of(script, started, job), at) && job.created + delay <= signed(at)
        };
        let (rows, next) = list.page(script, query, |row| listed(&jobs[row]))?;
        let rows = rows.into_iter().map(|row| &self.jobs[row]);
        let rows = rows.filter_map(|job| self.state(job, at).map(|state| (job, state))).collect();
        Ok(JobPage { rows, next })
    }

    /// Counts the request for every fault that is about it, and returns the first fault that it
    /// meets, with its number among the requests of that fault.
    pub(super) fn fault(&mut self, target: &Target, at: Duration) -> Option<(Fault, u64)> {
        let mut met = None;
        for (place, fault) in self.script.fault.iter().enumerate() {
            let fault = fault.get_ref();
            if !concerns(fault, target, at, |id| self.by_id.get(id).map(|&job| self.jobs[job].index.as_str()))
            {
                continue;
            }
            self.asked[place] += 1;
            let number = self.asked[place];
            if met.is_none() && chosen(fault, number, [self.script.seed, place as u64, number]) {
                met = Some((Fault { script: self.script.clone(), place }, number));
            }
        }

        met
    }

    /// Whether a request with this key is accepted at `at`.
    pub(super) fn accepts(&self, key: Option<&str>, at: Duration) -> bool {
        let changed =
            self.script.key_change.iter().filter(|change| change.at.0 <= at).max_by_key(|change| change.at);
        let wanted = changed.map(|change| &change.api_key).or(self.script.api_key.as_ref());
        let revoked = self.script.revoked.iter().any(|window| window.get_ref().contains(at));
        !revoked
            && match wanted {
                Some(wanted) => key == Some(wanted.expose()),
                None => key.is_some_and(|key| !key.is_empty()),
            }
    }

    /// The script this is the world of.
    pub(super) fn script(&self) -> &Arc<Script> {
        &self.script
    }

    fn state<'a>(&'a self, job: &SimulatedJob, at: Duration) -> Option<JobState<'a>> {
        let script = script_of(&self.script, &self.started, job);
        if !exists(script, at) {
            return None;
        }
        let now = signed(at);
        let age = now - job.created;
        let ended = job.ends.filter(|ends| *ends <= now);
        let end = script.ends.as_deref().unwrap_or("completed");
        let is_completed = ended.is_some() && Status::parse(end) == Status::Completed;
        let status = if ended.is_some() {
            documented(end)
        } else {
            let step = script.statuses.iter().rfind(|step| signed(step.at.0) <= age);
            step.map_or(script.pending_status.as_deref().unwrap_or("Pending"), |step| &step.status)
        };

        // The progress of a job that ended otherwise keeps its last value.
        let so_far = ended.map_or(age, |ends| ends - job.created);
        let percent = match &script.progress {
            _ if is_completed => 100.0,
            ProgressScript::None => 0.0,
            ProgressScript::Linear => job.ends.map_or(0.0, |ends| percent(so_far, ends - job.created)),
            ProgressScript::Steps(steps) => {
                steps.iter().rfind(|step| signed(step.at.0) <= so_far).map_or(0.0, |step| step.percent)
            }
        };

        Some(JobState {
            status,
            created: (script.created_at == CreatedAt::Known).then_some(job.created),
            completed: ended.filter(|_| script.end_time.unwrap_or(is_completed)),
            is_completed,
            percent,
            extra: &script.extra,
        })
    }
}

/// A fault that a request meets.
#[derive(Debug)]
pub(super) struct Fault {
    script: Arc<Script>,
    place: usize,
}

impl Deref for Fault {
    type Target = FaultScript;

    fn deref(&self) -> &FaultScript {
        self.script.fault[self.place].get_ref()
    }
}

/// A page of the list.
#[derive(Debug)]
pub(super) struct JobPage<'a> {
    pub(super) rows: Vec<(&'a SimulatedJob, JobState<'a>)>,
    /// The token of the next page.
    pub(super) next: Option<String>,
}

/// `base` for each of the jobs of a script: numbered if there are several.
pub(super) fn numbered(job: &JobScript, base: &str) -> impl Iterator<Item = String> {
    let count = job.count.as_ref().map(|count| *count.get_ref());
    (1..=count.unwrap_or(1)).map(move |number| match count {
        Some(_) => format!("{base}-{number}"),
        None => base.to_owned(),
    })
}

fn expand(script: usize, job: &JobScript) -> Vec<SimulatedJob> {
    let ids: Vec<String> = numbered(job, job.id.get_ref()).collect();
    let many = job.count.is_some();
    let given = |base: &Option<String>, number: usize| {
        base.as_ref().map(|base| if many { format!("{base}-{number}") } else { base.clone() })
    };
    let one = |(at, id): (usize, String)| {
        let steps = u32::try_from(at).unwrap_or(u32::MAX);
        let age = job.age.0.saturating_add(job.age_step.0.saturating_mul(steps));
        let takes = job.takes.map(|takes| takes.0.saturating_add(job.takes_step.0.saturating_mul(steps)));
        let created = signed(job.appears.0).saturating_sub(signed(age));
        SimulatedJob {
            origin: Origin::Script(script),
            backup_id: job.backup_id.clone().unwrap_or_else(|| uuid_of("backup", &id)),
            index: given(&job.index, at + 1)
                .unwrap_or_else(|| format!("restored-{}", &uuid_of("index name", &id)[..8])),
            index_id: given(&job.index_id, at + 1).unwrap_or_else(|| uuid_of("index", &id)),
            created,
            ends: takes.map(|takes| created.saturating_add(signed(takes))),
            // As clients write it.
            id: JobId::new(id.as_str()).map_or(id, |id| id.to_string()),
        }
    };

    ids.into_iter().enumerate().map(one).collect()
}

/// A UUID that follows from the id of a job.
fn uuid_of(what: &str, id: &str) -> String {
    let mut rng = seeded(what.bytes().chain(id.bytes()).map(u64::from));
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// The script of a job; `started` is that of jobs that were started by a request.
fn script_of<'a>(script: &'a Script, started: &'a JobScript, job: &SimulatedJob) -> &'a JobScript {
    match job.origin {
        Origin::Script(number) => &script.job[number],
        Origin::Request => started,
    }
}

fn exists(script: &JobScript, at: Duration) -> bool {
    Window::new(Some(script.appears), script.vanishes).contains(at)
}

fn scripted_index(index: &IndexScript, at: Duration) -> Option<IndexState<'_>> {
    if !Window::new(Some(index.appears), index.vanishes).contains(at) {
        return None;
    }
    let name = index.name.get_ref();
    let backup = index.source_backup_id.as_deref();
    if index.ready_after.is_some_and(|ready| ready.0 <= at) {
        return Some(IndexState { name, state: "Ready", ready: true, backup });
    }
    Some(match index.states.iter().filter(|step| step.at.0 <= at).max_by_key(|step| step.at) {
        Some(step) => {
            let ready = step.ready.unwrap_or(step.state == "Ready");
            IndexState { name, state: &step.state, ready, backup }
        }
        None => IndexState { name, state: "Initializing", ready: false, backup },
    })
}

/// Whether a fault is about such requests. `index_of` gives the index of a job.
fn concerns<'a>(
    fault: &FaultScript,
    target: &Target,
    at: Duration,
    index_of: impl Fn(&str) -> Option<&'a str>,
) -> bool {
    let endpoint = match target {
        Target::Describe(_) => EndpointKind::Describe,
        Target::List(_) => EndpointKind::List,
        Target::Index(_) => EndpointKind::Index,
        Target::Backup(_) => EndpointKind::Backup,
        Target::Create { .. } => EndpointKind::Create,
        Target::Unknown => EndpointKind::Any,
    };

    let about = |job: &str| match target {
        Target::Describe(id) => id == job,
        Target::Index(name) => index_of(job) == Some(name),
        Target::List(_) | Target::Backup(_) | Target::Create { .. } | Target::Unknown => false,
    };

    (fault.endpoint == EndpointKind::Any || fault.endpoint == endpoint)
        && Window::new(fault.from, fault.to).contains(at)
        && fault.job.as_ref().is_none_or(|job| about(job.get_ref()))
}

/// Whether a fault meets the request that has this number for it.
fn chosen(fault: &FaultScript, number: u64, chance: [u64; 3]) -> bool {
    fault.requests.as_ref().is_none_or(|requests| requests.contains(&number))
        && fault.first.is_none_or(|first| number <= first)
        && fault.every.is_none_or(|every| number.is_multiple_of(every))
        && fault.probability.is_none_or(|probability| seeded(chance).f64() < probability.0)
}

/// The documented spelling of the three ends that are written in lower case; any other text as it
/// is.
fn documented(end: &str) -> &str {
    match end {
        "completed" => "Completed",
        "failed" => "Failed",
        "cancelled" => "Cancelled",
        other => other,
    }
}

fn percent(part: SignedDuration, whole: SignedDuration) -> f64 {
    if whole.is_zero() { 0.0 } else { (100.0 * part.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 100.0) }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
