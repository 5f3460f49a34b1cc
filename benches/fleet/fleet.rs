//! The jobs of one project, some of them running, and their list as the API shows it.
//!
//! Invariant: the same seed makes the same fleet; only an unreliable list is not the same each
//! time.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use restore_watch::engine::ListPage;
use restore_watch::engine::snapshot::{Origin, PastRestore};
use restore_watch::model::{JobFacts, JobId, Observation, Status};

/// When every watch begins.
pub(crate) const START: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// How many rows a page has.
pub(crate) const ROWS: usize = 100;

/// Jobs that run began in this time before the watch, and end in this time after its start. In
/// seconds.
pub(crate) const SPREAD: f64 = 4.0 * 3600.0;

/// The others ended in this time before it.
const HISTORY: f64 = 24.0 * 3600.0;

/// The part of the rows that an unreliable list leaves out, and how often it ends too early.
const MISSING: f64 = 0.05;
const ENDS_EARLY: f64 = 0.01;

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

/// One job, in seconds from the start of the watch. It is to be watched if it ends after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Job {
    pub(crate) began: f64,
    pub(crate) end: f64,
}

/// All jobs of a project.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Those to watch are the first.
    pub(crate) jobs: Vec<Job>,
    pub(crate) running: usize,
    /// Their places, as the list has them.
    list: Vec<usize>,
    order: Order,
}

impl Fleet {
    /// This many running jobs among finished ones. They are the same ones in each order.
    pub(crate) fn new(running: usize, finished: usize, order: Order, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let run = |rng: &mut Rng| Job { began: -SPREAD * rng.f64(), end: SPREAD * rng.f64() };
        let mut jobs: Vec<_> = (0..running).map(|_| run(&mut rng)).collect();
        // Their durations have the distribution of the running ones.
        jobs.extend((0..finished).map(|_| {
            let (Job { began, end }, ended) = (run(&mut rng), -HISTORY * rng.f64());
            Job { began: ended - (end - began), end: ended }
        }));
        let mut list: Vec<_> = (0..jobs.len()).collect();
        match order {
            Order::NewestFirst => list.sort_by(|a, b| jobs[*b].began.total_cmp(&jobs[*a].began)),
            Order::OldestFirst => list.sort_by(|a, b| jobs[*a].began.total_cmp(&jobs[*b].began)),
            Order::Shuffled | Order::Unreliable => rng.shuffle(&mut list),
        }
        Self { jobs, running, list, order }
    }

    /// Whether the job at this place has ended by then.
    pub(crate) fn has_ended(&self, place: usize, at: f64) -> bool {
        self.jobs[place].end <= at
    }

    /// The duration history of an engine that watched the finished jobs.
    pub(crate) fn past(&self) -> Vec<PastRestore> {
        let past = self.jobs[self.running..].iter().map(|job| PastRestore {
            completed: START.as_second() + job.end as i64,
            took: ((job.end - job.began) * 1000.0) as u64,
            origin: Origin::default(),
        });
        past.collect()
    }

    /// How many pages the list has.
    pub(crate) fn pages(&self) -> usize {
        self.list.len().div_ceil(ROWS)
    }

    /// The places of the jobs on a page, and whether another one follows.
    pub(crate) fn page(&self, page: usize, rng: &mut Rng) -> (Vec<usize>, bool) {
        let is_reliable = self.order != Order::Unreliable;
        let rows = self.list[page * ROWS..].iter().take(ROWS).copied();
        let rows = rows.filter(|_| is_reliable || rng.f64() >= MISSING).collect();
        (rows, page + 1 < self.pages() && (is_reliable || rng.f64() >= ENDS_EARLY))
    }

    /// The page that this token leads to, at that time.
    pub(crate) fn list(&self, token: Option<&str>, at: f64, rng: &mut Rng) -> ListPage {
        let page = token.map_or(0, |token| token.parse().unwrap());
        let (rows, has_more) = self.page(page, rng);
        let jobs = rows.into_iter().map(|place| self.describe(place, at)).collect();
        ListPage { jobs, surplus: 0, next: has_more.then(|| (page + 1).to_string()) }
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
