//! The schedule of this program: its whole engine on a virtual clock.
//!
//! Invariant: only inputs and time go in, only actions are evaluated.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use restore_watch::config::{CadenceSettings, Effort, JobSettings, ProjectSettings, Rate, Retention};
use restore_watch::engine::retry::RetryAfter;
use restore_watch::engine::snapshot::{PastRestore, ProjectRecord, ProjectSnapshot, Snapshot};
use restore_watch::engine::{Action, Answer, Engine, Failure, FailureClass, Input, ListPage, Plan, PollId};
use restore_watch::model::time::{Instant, Now};
use restore_watch::model::{Event, JobFacts, JobId, Observation, ProjectName, Status};

use crate::distribution::Distribution;
use crate::schedule::{Schedule, Sighting};
use crate::workload::scatter;
use crate::world::{Reply, Restore, World};

/// When every watch begins.
const START: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// How many past restores are known, if any are.
const PAST: u32 = 60;

/// The engine of this program. Another pacing is another value of this type, or another
/// [`Schedule`].
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineSchedule {
    pub(crate) effort: Effort,
    pub(crate) past: Past,
    /// Whether the answers name the indexes, so that it can tell them apart.
    pub(crate) names_indexes: bool,
}

/// The restores that it watched earlier.
#[derive(Debug, Clone, Default)]
pub(crate) enum Past {
    #[default]
    Unknown,
    /// They were like those of the world.
    Alike,
    /// They took so long.
    Other(Distribution),
}

impl EngineSchedule {
    /// With a duration history.
    pub(crate) fn knowing() -> Self {
        Self { past: Past::Alike, ..Self::default() }
    }
}

impl Schedule for EngineSchedule {
    fn name(&self) -> &'static str {
        match self.past {
            Past::Unknown => "restore-watch",
            Past::Alike | Past::Other(_) => "restore-watch, 60 past restores",
        }
    }

    /// The factor stretches time: the rule `sqrt(2ct)` on a clock that runs `k` times as fast gives
    /// intervals that are `sqrt(k)` times as short. The bounds of the intervals and the rate are
    /// stretched, too; the first delays after errors are not. Each world has its own history.
    fn watch(&self, world: &World, factor: f64, seed: u64) -> Vec<Sighting> {
        let pace = factor.powi(-2);
        let bound = |interval: Duration| interval.mul_f64(factor * pace);
        let settings = CadenceSettings::default();
        let mut project = ProjectSettings {
            cadence: CadenceSettings {
                effort: self.effort,
                min_interval: bound(settings.min_interval),
                max_interval: bound(settings.max_interval),
                ..settings
            },
            ..ProjectSettings::default()
        };
        let rate = project.api.requests_per_second.per_second() / factor / pace;
        project.api.requests_per_second = Rate::new(rate).unwrap();
        project.jobs = (0..world.restores.len()).map(|place| JobSettings::new(job_id(place))).collect();
        let plan = Plan { projects: vec![project], sinks: Vec::new(), keep: Retention::FOREVER };
        let engine =
            Engine::from_snapshot(plan, self.remembered(world, pace, seed), seed, now(Duration::ZERO));
        let mut watch = Watch {
            engine,
            world,
            names_indexes: self.names_indexes,
            pace,
            rng: Rng::with_seed(!seed),
            clock: Duration::ZERO,
            noticed: vec![None; world.restores.len()],
        };
        watch.run();
        watch.sightings()
    }
}

impl EngineSchedule {
    /// The duration history of restores that were watched one a day, on a clock of this pace.
    fn remembered(&self, world: &World, pace: f64, seed: u64) -> Snapshot {
        if matches!(self.past, Past::Unknown) {
            return Snapshot::default();
        }
        // Neither the durations of the world nor stratified: plain random draws.
        let mut rng = Rng::with_seed(scatter(!seed));
        let restore = |day: u32| {
            let index = day as usize % world.indexes.len();
            let durations = match &self.past {
                Past::Other(durations) => durations,
                Past::Unknown | Past::Alike => &world.indexes[index].durations,
            };
            let took = (durations.survived_by(1.0 - rng.f64()) * pace).max(2e-3);
            let completed_at = START - 24 * Duration::from_hours(u64::from(day));
            let created_at = completed_at - Duration::from_secs_f64(took);
            PastRestore::of(&JobFacts {
                created_at: Some(created_at),
                completed_at: Some(completed_at),
                target_index_name: self.names_indexes.then(|| index_name(index, day)),
                ..JobFacts::default()
            })
        };
        let past = (1..=PAST).filter_map(restore).collect();
        let snapshot = ProjectSnapshot { past, ..ProjectSnapshot::default() };
        let project = ProjectRecord { name: ProjectName::default(), snapshot };
        Snapshot { projects: vec![project], ..Snapshot::default() }
    }
}

/// One watch of a world.
struct Watch<'a> {
    engine: Engine,
    world: &'a World,
    names_indexes: bool,
    /// How much faster the engine's clock runs than that of the world.
    pace: f64,
    rng: Rng,
    /// The engine's.
    clock: Duration,
    /// When the ends were emitted, on the world's clock.
    noticed: Vec<Option<f64>>,
}

impl Watch<'_> {
    fn run(&mut self) {
        let mut inputs = VecDeque::from([Input::Timeout]);
        while self.noticed.contains(&None) {
            let input = inputs.pop_front().unwrap_or_else(|| {
                let deadline = self.engine.poll_timeout().expect("an engine with open jobs has plans");
                self.clock = deadline.since(Instant::default()).max(self.clock);
                Input::Timeout
            });
            self.engine.handle(input, now(self.clock));
            while let Some(action) = self.engine.poll_action() {
                match action {
                    Action::Poll(poll) => inputs.push_back(self.answer(poll)),
                    Action::Commit(batch) => {
                        let emitted = batch.entries.iter().map(|entry| &*entry.event);
                        emitted.for_each(|event| self.record(event));
                        inputs.push_back(Input::Committed);
                    }
                    // An empty list: no history is learned.
                    Action::FetchPage(list, _) => {
                        inputs.push_back(Input::PageFetched { list, page: ListPage::default() });
                    }
                    Action::PollIndex(..) | Action::Deliver(_) => {
                        unreachable!("no index and no sink is configured")
                    }
                    Action::Diagnostic(_) => {}
                }
            }
        }
    }

    fn world_time(&self) -> f64 {
        self.clock.as_secs_f64() / self.pace
    }

    fn answer(&mut self, poll: PollId) -> Input {
        let place = place_of(&poll.job);
        let failed = |poll, class, retry_after| {
            let failure = Failure { class, retry_after, message: String::new() };
            Input::PollFailed { poll, failure }
        };
        let at = self.world_time();
        match self.world.reply(place, at, &mut self.rng) {
            Reply::Running => self.describe(poll, Status::Pending),
            Reply::Ended if self.world.restores[place].fails => self.describe(poll, Status::Failed),
            Reply::Ended => self.describe(poll, Status::Completed),
            Reply::Unwell => failed(poll, FailureClass::Transient, None),
            Reply::Limited(pause) => {
                let pause = RetryAfter::For(Duration::from_secs_f64(pause * self.pace));
                failed(poll, FailureClass::Throttled, Some(pause))
            }
        }
    }

    fn describe(&self, poll: PollId, status: Status) -> Input {
        let Restore { index, age, end, .. } = self.world.restores[place_of(&poll.job)];
        let completed = Duration::from_secs_f64(end * self.pace);
        let facts = JobFacts {
            created_at: Some(START - Duration::from_secs_f64(age * self.pace)),
            // The API says it of completed restores only.
            completed_at: (status == Status::Completed).then(|| START + completed),
            target_index_name: self.names_indexes.then(|| index_name(index, 0)),
            ..JobFacts::default()
        };
        let observation = Observation { id: poll.job.clone(), status, facts };
        Input::PollAnswered { poll, answer: Answer::Job(observation) }
    }

    fn record(&mut self, event: &Event) {
        if let Some(job) = event.job.as_ref().filter(|_| event.kind.is_terminal()) {
            self.noticed[place_of(&job.id)] = Some(self.world_time());
        }
    }

    fn sightings(&self) -> Vec<Sighting> {
        let sight = |(place, restore): (usize, &Restore)| {
            let job = self.engine.job(&ProjectName::default(), &job_id(place)).unwrap();
            Sighting {
                delay: self.noticed[place].unwrap() - restore.end,
                takes: restore.takes(),
                requests: job.polls as f64,
            }
        };
        self.world.restores.iter().enumerate().map(sight).collect()
    }
}

fn now(clock: Duration) -> Now {
    Now { instant: Instant::after_start(clock), wall: START + clock }
}

/// The name of what an index was restored into `day` days ago.
fn index_name(index: usize, day: u32) -> String {
    let letter = |place: usize| char::from(b'a' + u8::try_from(place % 26).unwrap());
    format!("index-{}{}-{day}", letter(index / 26), letter(index))
}

fn job_id(place: usize) -> JobId {
    JobId::new(place.to_string()).unwrap()
}

fn place_of(job: &JobId) -> usize {
    job.as_str().parse().unwrap()
}
