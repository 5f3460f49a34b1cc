//! A project and its jobs as reports show them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use super::tally::Tally;
use super::{Job, Project};
use crate::engine::tracker::Tracker;
use crate::engine::{JobKey, LeftOut, Totals, outcome};
use crate::model::time::{Instant, Now};
use crate::model::{Expectation, JobId, Outcome, OutcomeCounts, ProjectName, Reference};

/// Of how many jobs whose id begins as a reference says that a project tells: enough to list some
/// and to say that there are more.
const MAX_BY_PREFIX: usize = 6;

/// How a project is doing.
#[derive(Debug, Clone)]
pub struct ProjectView<'a> {
    pub name: &'a ProjectName,
    /// Why its key is unauthorized, if it is.
    pub unauthorized: Option<&'a str>,
    /// Why its requests cannot be made as they are set up, if that is confirmed.
    pub misconfigured: Option<&'a str>,
    /// Since when it is paused, if it is.
    pub paused_since: Option<Now>,
    /// The rate that holds, in requests a second: the configured one, or less if its server was
    /// found to take less.
    pub requests_per_second: f64,
    /// What the server said when it was found to take less, if that holds.
    pub limited: Option<&'a str>,
    /// How long its restores took in the past, if some are known.
    pub expectation: Option<Expectation>,
    /// Whether the duration history is still to be fetched from the list, as far as it can be.
    pub history_pending: bool,
    /// Whether its jobs are discovered.
    pub discovers: bool,
    /// Why its list cannot be read, if so.
    pub list_error: Option<&'a str>,
    /// Since when its list cannot be read, if so and jobs are discovered.
    pub list_failing_since: Option<Instant>,
    /// When its list counts as unreachable if it cannot be read until then, if jobs are discovered.
    pub list_gives_up_at: Option<Instant>,
    /// Until when jobs may be missing from its list that began before, if jobs are discovered.
    pub list_lags_until: Option<Instant>,
    /// Why not all jobs that its list shows are watched, if so.
    pub left_out: Option<LeftOut>,
    /// How many of its jobs have not ended.
    pub open: usize,
    /// How many of its jobs ended.
    pub ended: usize,
    /// How many of its jobs have which outcome, as [`JobView::outcome`] has it.
    pub outcomes: OutcomeCounts,
    /// When its oldest open restore began: one that the API has not ended, and answers about.
    pub oldest_open: Option<Instant>,
    /// Start of the current period without any usable answer, if there is one.
    pub unanswered_since: Option<Instant>,
    /// After how long without a good answer a job is unreachable.
    pub unreachable_after: Duration,
    /// After how long a job that the API never knew is not found.
    pub not_found_grace: Duration,
}

/// How a job is doing.
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
#[derive(Debug, Clone, Copy)]
pub struct JobView<'a> {
    pub project: &'a ProjectName,
    /// Why the project's key is unauthorized, if it is.
    pub unauthorized: Option<&'a str>,
    /// Why nothing can be learned of it as the requests of its project are set up, if so.
    pub misconfigured: Option<&'a str>,
    pub is_paused: bool,
    /// Whether the configuration names the job.
    pub is_configured: bool,
    /// Whether it was added while the daemon ran.
    pub is_added: bool,
    pub is_discovered: bool,
    /// What is known of it.
    pub tracker: &'a Tracker,
    /// How often it was polled.
    pub polls: u64,
    /// When it is due, which is when it is polled at the earliest; not while it is being polled.
    pub due: Option<Instant>,
    /// When what its last polls failed with decides its outcome, if no good answer comes before.
    pub gives_up_at: Option<Instant>,
}

impl JobView<'_> {
    /// Its place in the order of all jobs.
    pub fn key(&self) -> JobKey {
        (self.project.clone(), self.tracker.settings().id.clone())
    }
}

impl Project {
    pub(in crate::engine) fn overview(&self) -> ProjectView<'_> {
        let failing_since = self.discovery.failing_since();
        ProjectView {
            name: &self.name,
            unauthorized: self.key.access().refusal(),
            misconfigured: self.key.misconfiguration().confirmed(),
            paused_since: self.gate.paused_since(),
            requests_per_second: self.gate.rate().per_second(),
            limited: self.gate.rate().throttle_reason(),
            expectation: self.durations.history().expectation(),
            history_pending: self.open() > 0 && self.discovery.is_history_pending(),
            discovers: self.discovery.discovers(),
            list_error: self.discovery.error(),
            list_failing_since: failing_since.filter(|_| self.discovery.discovers()),
            list_gives_up_at: self.list_lost_at().filter(|_| self.discovery.discovers()),
            list_lags_until: self.discovery.lags_until(),
            left_out: self.discovery.left_out(),
            open: self.open(),
            ended: self.jobs.tally().ended,
            outcomes: self.jobs.tally().outcomes.map(|own| self.outcome(own)),
            oldest_open: self.jobs.oldest_open(),
            unanswered_since: self.unanswered_since,
            unreachable_after: self.watch.unreachable_after,
            not_found_grace: self.watch.not_found_grace,
        }
    }

    pub(in crate::engine) fn is_unauthorized(&self) -> bool {
        self.key.access().is_unauthorized()
    }

    /// Whether it is confirmed that requests cannot be made as they are set up.
    pub(in crate::engine) fn is_misconfigured(&self) -> bool {
        self.key.misconfiguration().confirmed().is_some()
    }

    /// Brings the counts of its jobs up to date.
    pub(in crate::engine) fn recount(&mut self) {
        self.jobs.recount();
    }

    /// How many of its jobs are in which condition, by [`JobView::outcome`].
    pub(in crate::engine) fn totals(&self) -> Totals {
        let Tally { ended, outcomes, .. } = self.jobs.tally();
        let is_unauthorized = self.is_unauthorized();
        Totals {
            jobs: self.jobs.len(),
            ended,
            outcomes: outcomes.map(|own| self.outcome(own)),
            open: self.open(),
            undecided: if is_unauthorized { 0 } else { self.open() },
            misconfigured: usize::from(self.is_misconfigured()),
        }
    }

    pub(in crate::engine) fn views(&self) -> impl Iterator<Item = JobView<'_>> {
        self.jobs.values().map(|job| self.view_of(job))
    }

    /// The jobs that may be meant, by id: those of `ids` if some are given, else all, after this one.
    /// An id that is given comes without a view if there is no such job.
    pub(in crate::engine) fn candidates<'a: 'f, 'f>(
        &'a self,
        ids: Option<&'f BTreeSet<JobId>>,
        after: Option<&'f JobId>,
    ) -> Box<dyn Iterator<Item = (&'f JobId, Option<JobView<'a>>)> + 'f> {
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        match ids {
            Some(ids) => Box::new(ids.range::<JobId, _>(range).map(|id| (id, self.view(id)))),
            None => Box::new(self.jobs.range(range).map(|(id, job)| (id, Some(self.view_of(job))))),
        }
    }

    /// The jobs that a reference may name, by id; of those whose id only begins so, a few.
    pub(in crate::engine) fn named(&self, reference: &Reference) -> impl Iterator<Item = JobView<'_>> {
        let by_id = JobId::new(reference.as_str()).ok().and_then(|id| self.jobs.entry(&id));
        let mut ids: BTreeSet<&JobId> =
            by_id.into_iter().chain(self.jobs.named(reference.as_str())).collect();
        for prefix in reference.prefixes() {
            let Ok(first) = JobId::new(prefix.as_str()) else { continue };
            let from_there = self.jobs.range((Bound::Included(&first), Bound::Unbounded)).map(|(id, _)| id);
            ids.extend(from_there.take_while(|id| id.as_str().starts_with(&prefix)).take(MAX_BY_PREFIX));
        }
        ids.into_iter().filter_map(|id| self.view(id))
    }

    /// When the jobs that are due then are polled, or scanned for if scans cover them, if nothing
    /// else happens. Places differ by their times nearly always, so the ids of the jobs in between,
    /// which lie all over the memory, are not read.
    pub(in crate::engine) fn forecast_of<'a>(
        &'a self,
        mut places: Vec<(Instant, &'a JobId)>,
    ) -> BTreeMap<&'a JobId, Instant> {
        let is_covered = |id| self.jobs.get(id).is_some_and(|job| job.volatile.place.is_covered());
        let mut polls = BTreeMap::new();
        let scan_at = self.scan_forecast();
        places.retain(|(_, id)| {
            let is_covered = is_covered(id);
            polls.extend(scan_at.filter(|_| is_covered).map(|at| (*id, at)));
            !is_covered
        });
        places.sort_unstable();
        let mut wanted = places.into_iter().peekable();

        for (place, at) in self.forecast() {
            while wanted.next_if(|next| *next < place).is_some() {}
            if wanted.next_if(|next| *next == place).is_some() {
                polls.insert(place.1, at);
            }
            if wanted.peek().is_none() {
                break;
            }
        }
        polls
    }

    pub(in crate::engine) fn view(&self, id: &JobId) -> Option<JobView<'_>> {
        self.jobs.get(id).map(|job| self.view_of(job))
    }

    pub(super) fn view_of<'a>(&'a self, job: &'a Job) -> JobView<'a> {
        JobView {
            project: &self.name,
            unauthorized: self.key.access().refusal(),
            misconfigured: self.misconfigured(job.tracker.outcome()),
            is_paused: self.gate.is_paused(),
            is_configured: job.configured,
            is_added: job.added.as_ref().is_some_and(|added| !added.discovered),
            is_discovered: job.is_discovered(),
            tracker: &job.tracker,
            polls: job.volatile.polls,
            due: job.volatile.place.due(),
            gives_up_at: self.gives_up_at(job),
        }
    }

    /// When the trouble of a job counts, by the rule that decides next. If the rule is one of how
    /// many failures come in a row, no time is known.
    fn gives_up_at(&self, job: &Job) -> Option<Instant> {
        let is_by_number =
            job.tracker.is_confirming_refusal() || self.key.misconfiguration().suspected().is_some();
        let by_time = self.key.access().counts_at().or_else(|| job.tracker.lasting_trouble_at());
        by_time.filter(|_| !is_by_number)
    }

    /// The outcome of a job that has this one by its own polls, as [`JobView::outcome`] has it.
    fn outcome(&self, own: Outcome) -> Outcome {
        outcome::in_project(own, self.is_unauthorized(), self.misconfigured(own).is_some())
    }

    /// Why nothing can be learned of a job with this outcome as requests are set up, if so. Trouble
    /// that has lasted needs no further confirmation.
    fn misconfigured(&self, own: Outcome) -> Option<&str> {
        let setup = self.key.misconfiguration();
        let has_lasted = own == Outcome::Unreachable;
        setup.confirmed().or(setup.suspected().filter(|_| has_lasted))
    }
}
