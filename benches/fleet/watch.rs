//! Ways to watch a fleet, all at one rate: the engine of this program and simpler loops.
//!
//! Invariant: requests take no time; an ended job that was noticed is not requested again.

use std::collections::VecDeque;
use std::time::Duration;

use restore_watch::config::{JobSettings, ProjectSettings, Rate, Retention};
use restore_watch::engine::snapshot::{ProjectRecord, ProjectSnapshot, Snapshot};
use restore_watch::engine::{Action, Answer, Engine, Failure, FailureClass, Input, Plan};
use restore_watch::model::time::{Instant, Now};
use restore_watch::model::{Event, ProjectName};

use crate::fleet::{Fleet, START, job_id, place_of};
use crate::list::List;
use crate::pace::Pace;

/// A way to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The engine of this program.
    Engine,
    /// The same without the list.
    WithoutList,
    /// Each job in turn.
    RoundRobin,
    /// Repeated scans of the list, and a description of each job that it shows as ended.
    Scans,
}

/// The result of a watch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched {
    /// How late each end was noticed.
    pub(crate) delays: Vec<f64>,
    /// How many requests were made until the last end was noticed.
    pub(crate) descriptions: usize,
    pub(crate) pages: usize,
    /// When that was, in seconds from the start.
    pub(crate) took: f64,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Engine, Self::WithoutList, Self::RoundRobin, Self::Scans];

    /// The simple loops, which the engine is compared with.
    pub(crate) const SIMPLE: [Self; 2] = [Self::RoundRobin, Self::Scans];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine => "restore-watch",
            Self::WithoutList => "without the list",
            Self::RoundRobin => "round robin",
            Self::Scans => "list, again and again",
        }
    }

    pub(crate) fn uses_list(self) -> bool {
        matches!(self, Self::Engine | Self::Scans)
    }

    /// Watches a fleet until all of it has ended.
    pub(crate) fn watch(self, fleet: &Fleet, per_second: f64, seed: u64) -> Watched {
        match self {
            Self::Engine => with_engine(fleet, per_second, seed, true),
            Self::WithoutList => with_engine(fleet, per_second, seed, false),
            Self::RoundRobin => round_robin(fleet, per_second),
            Self::Scans => scans(fleet, per_second, seed),
        }
    }
}

impl Watched {
    /// The end of the job at this place is noticed at that time.
    fn notice(&mut self, fleet: &Fleet, place: usize, at: f64) {
        self.delays.push(at - fleet.jobs[place].end);
        self.took = at;
    }
}

fn round_robin(fleet: &Fleet, per_second: f64) -> Watched {
    let mut watched = Watched::default();
    let mut pace = Pace::new(per_second);
    let mut round: VecDeque<_> = (0..fleet.running).collect();
    while let Some(place) = round.pop_front() {
        let at = pace.next();
        watched.descriptions += 1;
        if fleet.has_ended(place, at) {
            watched.notice(fleet, place, at);
        } else {
            round.push_back(place);
        }
    }
    watched
}

fn scans(fleet: &Fleet, per_second: f64, seed: u64) -> Watched {
    let mut watched = Watched::default();
    let mut pace = Pace::new(per_second);
    let mut list = List::new(fleet, seed);
    let mut is_noticed = vec![false; fleet.running];
    let mut to_describe = VecDeque::<usize>::new();
    let mut next_page = 0;
    while watched.delays.len() < fleet.running {
        let at = pace.next();
        if let Some(place) = to_describe.pop_front() {
            watched.descriptions += 1;
            watched.notice(fleet, place, at);
            continue;
        }
        watched.pages += 1;
        let (rows, has_more) = list.page(next_page, at);
        next_page = if has_more { next_page + 1 } else { 0 };
        for place in rows.into_iter().filter(|place| *place < fleet.running) {
            if fleet.has_ended(place, at) && !std::mem::replace(&mut is_noticed[place], true) {
                to_describe.push_back(place);
            }
        }
    }
    watched
}

fn with_engine(fleet: &Fleet, per_second: f64, seed: u64, has_list: bool) -> Watched {
    let mut project = ProjectSettings::default();
    project.api.requests_per_second = Rate::new(per_second).unwrap();
    project.jobs = (0..fleet.running).map(|place| JobSettings::new(job_id(place))).collect();
    let plan = Plan { projects: vec![project], sinks: Vec::new(), keep: Retention::FOREVER };
    let mut clock = Duration::ZERO;
    // With and without the list it has the same history, because that is not compared.
    let snapshot = ProjectSnapshot { past: fleet.past(), ..ProjectSnapshot::default() };
    let record = ProjectRecord { name: ProjectName::default(), snapshot };
    let snapshot = Snapshot { projects: vec![record], ..Snapshot::default() };
    let mut engine = Engine::from_snapshot(plan, snapshot, seed, now(clock));
    let mut list = List::new(fleet, seed);
    let mut watched = Watched::default();
    let mut events = VecDeque::from([Input::Timeout]);
    while watched.delays.len() < fleet.running {
        let event = events.pop_front().unwrap_or_else(|| {
            let deadline = engine.poll_timeout().expect("an engine with open jobs has plans");
            clock = deadline.since(Instant::default()).max(clock);
            Input::Timeout
        });
        engine.handle(event, now(clock));
        let at = clock.as_secs_f64();
        while let Some(action) = engine.poll_action() {
            match action {
                Action::Poll(poll) => {
                    watched.descriptions += 1;
                    let answer = Answer::Job(fleet.describe(place_of(&poll.job), at));
                    events.push_back(Input::PollAnswered { poll, answer });
                }
                Action::FetchPage(id, token) => {
                    watched.pages += 1;
                    events.push_back(if has_list {
                        Input::PageFetched { list: id, page: list.answer(token.as_deref(), at) }
                    } else {
                        let class = FailureClass::Permanent;
                        let failure = Failure { class, retry_after: None, message: String::new() };
                        Input::PageFailed { list: id, is_of_token: false, failure }
                    });
                }
                Action::Commit(batch) => {
                    let emitted = batch.entries.iter().map(|entry| &*entry.event);
                    emitted.filter_map(ended).for_each(|place| watched.notice(fleet, place, at));
                    events.push_back(Input::Committed);
                }
                Action::PollIndex(..) | Action::Deliver(_) => {
                    unreachable!("no index and no sink is configured")
                }
                Action::Diagnostic(_) => {}
            }
        }
    }
    watched
}

/// The place of the job whose end this event reports.
fn ended(event: &Event) -> Option<usize> {
    let job = event.job.as_ref().filter(|_| event.kind.is_terminal())?;
    Some(place_of(&job.id))
}

fn now(clock: Duration) -> Now {
    Now { instant: Instant::after_start(clock), wall: START + clock }
}
