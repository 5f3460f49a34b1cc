//! What a wait shows of its jobs and of itself: plain data, read off the engine.

use std::time::Duration;

use jiff::Timestamp;

use super::counts::{Counts, Standing};
use super::order::{Order, Place};
use super::words;
use crate::engine::{DiscoveryState, Engine, IndexWatch, JobView};
use crate::model::time::{Instant, Now};
use crate::model::{Elapsed, Expectation, Outcome, Status};

/// What a wait is for, as far as it is shown.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) order: Order,
    /// Whether one restore is enough.
    pub(super) any: bool,
    pub(super) started: Instant,
    /// When the wait times out.
    pub(super) ends_at: Option<Instant>,
}

impl Subject {
    /// When the wait gives up because of trouble that decides at this time: at its timeout if that
    /// comes first. If one restore is enough, trouble with another ends nothing.
    fn gives_up_at(&self, trouble_decides_at: Option<Instant>) -> Option<Instant> {
        let trouble_decides_at = trouble_decides_at.filter(|_| !self.any);
        [trouble_decides_at, self.ends_at].into_iter().flatten().min()
    }
}

/// A wait at one moment.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// In no order.
    pub(super) jobs: Vec<Job<'a>>,
    pub(super) counts: Counts,
    /// Whether one restore is enough.
    pub(super) any: bool,
    /// The time since the wait began.
    pub(super) waited: Duration,
    /// What to expect, while something is waited for.
    pub(super) expected: Option<Expectation>,
    /// The search for other restores, while nothing else is waited for.
    pub(super) search: Option<Search>,
    /// Why they cannot be listed, if they are looked for.
    pub(super) list_trouble: Option<Trouble<'a>>,
}

/// A job at one moment.
#[derive(Debug, Clone)]
pub(super) struct Job<'a> {
    pub(super) label: &'a str,
    pub(super) id: &'a str,
    pub(super) place: Place,
    pub(super) outcome: Outcome,
    pub(super) status: Option<&'a Status>,
    pub(super) index_state: Option<&'a Status>,
    pub(super) elapsed: Elapsed,
    pub(super) started_at: Option<Timestamp>,
    /// Intermediate progress in percent, if the API reports it, and the time that is left by it.
    pub(super) percent: Option<f64>,
    pub(super) left: Option<Duration>,
    pub(super) trouble: Option<Trouble<'a>>,
}

/// What polls fail with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trouble<'a> {
    pub(super) reason: &'a str,
    /// After what time it decides the outcome.
    pub(super) gives_up_in: Option<Duration>,
}

/// A search for restores that are not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Search {
    /// How many restores are known and over.
    pub(super) over: usize,
    /// How much longer the list may lack a restore that has begun.
    pub(super) lags: Duration,
}

impl<'a> View<'a> {
    pub(super) fn of(engine: &'a Engine, subject: &Subject, now: Now) -> Self {
        let jobs: Vec<_> = engine.jobs().map(|view| Job::of(&view, subject, now)).collect();
        let counts: Counts = jobs.iter().map(Job::standing).collect();
        let is_open = counts.open() > 0;
        let searches = engine.discovery(now.instant) == DiscoveryState::UnderWay;

        Self {
            any: subject.any,
            waited: now.instant.since(subject.started),
            expected: words::expected(engine).filter(|_| is_open),
            search: (searches && !is_open).then(|| Search::of(engine, jobs.len(), now.instant)),
            list_trouble: list_trouble(engine, subject, now.instant).filter(|_| searches),
            jobs,
            counts,
        }
    }
}

impl<'a> Job<'a> {
    fn of(view: &JobView<'a>, subject: &Subject, now: Now) -> Self {
        let tracker = view.tracker;
        let outcome = view.outcome();
        let is_open = outcome == Outcome::Open;
        let until = |at: Instant| at.since(now.instant);
        let reason = view.unauthorized.or(tracker.last_error());
        let gives_up_in = subject.gives_up_at(view.gives_up_at).filter(|_| is_open).map(until);

        Self {
            label: tracker.label(),
            id: tracker.settings().id.as_str(),
            place: subject.order.place(&tracker.settings().id),
            outcome,
            status: tracker.status(),
            index_state: tracker.index().and_then(IndexWatch::state),
            elapsed: view.tracker.elapsed(now),
            started_at: tracker.facts().created_at,
            percent: tracker.facts().intermediate_progress().filter(|_| is_open),
            left: tracker.remaining(now.instant).filter(|left| is_open && !left.is_zero()),
            trouble: reason.map(|reason| Trouble { reason, gives_up_in }),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing::of(self.outcome, self.status)
    }

    /// How it stands, in words.
    pub(super) fn state(&self) -> String {
        let last_error = self.trouble.map(|trouble| trouble.reason);
        self.outcome.in_words(self.status, self.index_state, last_error)
    }
}

impl Search {
    fn of(engine: &Engine, over: usize, now: Instant) -> Self {
        let lags_until = engine.projects().filter_map(|project| project.list_lags_until).max();
        Self { over, lags: lags_until.map(|until| until.since(now)).unwrap_or_default() }
    }
}

fn list_trouble<'a>(engine: &'a Engine, subject: &Subject, now: Instant) -> Option<Trouble<'a>> {
    let mut searching = engine.projects().filter(|project| project.discovers);
    searching.find_map(|project| {
        let gives_up_in = subject.gives_up_at(project.list_gives_up_at).map(|at| at.since(now));
        Some(Trouble { reason: project.list_error?, gives_up_in })
    })
}
