//! The jobs of one project, some of them running, and the order and the changes of their list.
//!
//! Invariant: the same seed makes the same fleet, with the same jobs to watch in each order.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use restore_watch::engine::snapshot::{Origin, PastRestore};
use restore_watch::model::{JobFacts, JobId, Observation, Status};

/// When every watch begins.
pub(crate) const START: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// Jobs that run began in this time before the watch, and end in this time after its start. In
/// seconds.
pub(crate) const SPREAD: f64 = 4.0 * 3600.0;

/// The others ended in this time before it.
const HISTORY: f64 = 24.0 * 3600.0;

/// The part of the rows of a moving list that is replaced in [`SPREAD`].
const REPLACED: f64 = 0.1;

/// The order of the list, which the API does not document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    NewestFirst,
    OldestFirst,
    Shuffled,
    /// Shuffled, with missing rows, other ones each time, and with early ends.
    Unreliable,
}

impl Order {
    pub(crate) const ALL: [Self; 4] =
        [Self::NewestFirst, Self::OldestFirst, Self::Shuffled, Self::Unreliable];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NewestFirst => "newest first",
            Self::OldestFirst => "oldest first",
            Self::Shuffled => "shuffled",
            Self::Unreliable => "shuffled, unreliable",
        }
    }
}

/// One job, in seconds from the start of the watch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Job {
    pub(crate) began: f64,
    pub(crate) end: f64,
}

/// A change of the list: a job is deleted, another one is created. Jobs are given by their places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replacement {
    pub(crate) at: f64,
    pub(crate) leaves: usize,
    pub(crate) arrives: usize,
    /// The row of the job that arrives, once the other one has left.
    pub(crate) row: usize,
}

/// All jobs of a project.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Those to watch are the first, those that arrive during the watch are the last.
    pub(crate) jobs: Vec<Job>,
    pub(crate) running: usize,
    /// The places of those that the list has at the start, row by row.
    pub(crate) listed: Vec<usize>,
    pub(crate) order: Order,
    /// In the order of their times.
    pub(crate) replacements: Vec<Replacement>,
}

impl Fleet {
    /// This many running jobs among finished ones.
    pub(crate) fn new(running: usize, finished: usize, order: Order, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut jobs: Vec<_> = (0..running).map(|_| Job::running(&mut rng)).collect();
        // Their durations have the distribution of the running ones.
        jobs.extend((0..finished).map(|_| {
            let (duration, ended) = (Job::running(&mut rng).duration(), -HISTORY * rng.f64());
            Job { began: ended - duration, end: ended }
        }));
        let mut listed: Vec<_> = (0..jobs.len()).collect();
        match order {
            Order::NewestFirst => listed.sort_by(|a, b| jobs[*b].began.total_cmp(&jobs[*a].began)),
            Order::OldestFirst => listed.sort_by(|a, b| jobs[*a].began.total_cmp(&jobs[*b].began)),
            Order::Shuffled | Order::Unreliable => rng.shuffle(&mut listed),
        }
        Self { jobs, running, listed, order, replacements: Vec::new() }
    }

    /// The same with a list that moves: finished jobs are deleted, each at a random time, and as
    /// many are created, which run and are not to be watched.
    #[must_use]
    pub(crate) fn moving(mut self, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed).fork();
        let rows = self.jobs.len();
        let replaced = (REPLACED * rows as f64) as usize;
        let mut times: Vec<_> = (0..replaced).map(|_| SPREAD * rng.f64()).collect();
        times.sort_by(f64::total_cmp);
        let leave = rng.choose_multiple(self.running..rows, replaced);
        for (at, leaves) in times.into_iter().zip(leave) {
            let row = match self.order {
                Order::NewestFirst => 0,
                Order::OldestFirst => rows - 1,
                Order::Shuffled | Order::Unreliable => rng.usize(..rows),
            };
            self.replacements.push(Replacement { at, leaves, arrives: self.jobs.len(), row });
            self.jobs.push(Job { began: at, end: at + Job::running(&mut rng).duration() });
        }
        self
    }

    /// Whether the job at this place has ended by then.
    pub(crate) fn has_ended(&self, place: usize, at: f64) -> bool {
        self.jobs[place].end <= at
    }

    /// The duration history of an engine that watched the finished jobs.
    pub(crate) fn past(&self) -> Vec<PastRestore> {
        let finished = self.jobs.iter().filter(|job| job.end <= 0.0);
        let past = finished.map(|job| PastRestore {
            completed: START.as_second() + job.end as i64,
            took: (job.duration() * 1000.0) as u64,
            origin: Origin::default(),
        });
        past.collect()
    }

    /// What the API says of the job at this place, at that time.
    pub(crate) fn describe(&self, place: usize, at: f64) -> Observation {
        let Job { began, end } = self.jobs[place];
        let has_ended = end <= at;
        let facts = JobFacts {
            created_at: Some(after_start(began)),
            completed_at: has_ended.then(|| after_start(end)),
            ..JobFacts::default()
        };
        let status = if has_ended { Status::Completed } else { Status::Pending };
        Observation { id: job_id(place), status, facts }
    }
}

impl Job {
    /// One that runs when the watch begins.
    fn running(rng: &mut Rng) -> Self {
        Self { began: -SPREAD * rng.f64(), end: SPREAD * rng.f64() }
    }

    fn duration(self) -> f64 {
        self.end - self.began
    }
}

fn after_start(seconds: f64) -> Timestamp {
    let time = Duration::from_secs_f64(seconds.abs());
    if seconds < 0.0 { START - time } else { START + time }
}

pub(crate) fn job_id(place: usize) -> JobId {
    JobId::new(place.to_string()).unwrap()
}

pub(crate) fn place_of(job: &JobId) -> usize {
    job.as_str().parse().unwrap()
}
