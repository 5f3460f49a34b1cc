//! A world around the engine, in which much goes wrong.
//!
//! Invariant: only what is on the disk is committed; everything else is lost when the process is
//! killed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use jiff::SignedDuration;

use super::super::retry::RetryAfter;
use super::super::*;
use crate::config::{Hours, Outside};

/// Faults end by then, so that every job can end.
pub(super) const CALM: Duration = Duration::from_secs(3 * 3600);

/// A world that is not at rest after this many inputs has a loop.
pub(super) const MAX_EVENTS: usize = 200_000;

/// The deadline of every job.
pub(super) const DEADLINE: Duration = Duration::from_hours(1);

/// The name of a sink.
pub(super) const STATE: &str = "state";

/// One job of the world.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// When the API first knows it.
    pub(super) appears: u64,
    /// How long it runs from then on.
    pub(super) takes: u64,
    pub(super) end: &'static str,
    /// Whether it has a status of its own while it runs.
    pub(super) odd: bool,
    /// Whether it reports progress.
    pub(super) progress: bool,
    /// If it is watched until its index is ready: the time from its end to that of the index, and
    /// whether that is good.
    pub(super) index: Option<(u64, bool)>,
}

/// What goes wrong; numbers are probabilities.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) transient: f64,
    pub(super) throttled: f64,
    pub(super) hang: f64,
    pub(super) vanish: f64,
    pub(super) refused: f64,
    pub(super) sink: f64,
    /// The wall clock jumps by so many seconds at these times.
    pub(super) jumps: Vec<(u64, i64)>,
    /// The process is killed at these times, in milliseconds, and starts again so many seconds
    /// later.
    pub(super) kills: Vec<(u64, u64)>,
    /// The clock errors of the processes after the first, in seconds, repeated from the start.
    pub(super) clocks: Vec<i64>,
    /// Reloads at these times, in milliseconds; the last one restores the configuration.
    pub(super) changes: Vec<u64>,
    /// The machine is suspended at these times, for so many seconds.
    pub(super) sleeps: Vec<(u64, u64)>,
}

/// The sink `two` gets deliveries in the first twenty minutes of each hour, the receiver of
/// [`STATE`] keeps the present state of each job.
fn sink_of(name: &SinkName) -> SinkPlan {
    let windows: Vec<_> = (0..24).map(|hour| (hour * 60, hour * 60 + 20)).collect();
    let hours = (name.as_str() == "two").then(|| Hours::daily(&windows, Outside::Hold));
    let plan = sink(name.as_str());
    let policy = DeliveryPolicy { end_supersedes: name.as_str() == STATE, ..plan.policy };
    SinkPlan { hours, policy, ..plan }
}

/// Everything that happens outside the engine.
pub(super) struct World {
    pub(super) scripts: Vec<Script>,
    pub(super) trouble: Trouble,
    pub(super) rng: fastrand::Rng,
    pub(super) now: Instant,
    pub(super) wall: SignedDuration,
    /// The clock error of the present process.
    pub(super) off: SignedDuration,
    pub(super) pending: BinaryHeap<Reverse<(Instant, u64)>>,
    pub(super) events: BTreeMap<u64, Input>,
    pub(super) count: u64,
    /// When the present process started.
    pub(super) boot: Instant,
    pub(super) disk: Disk,
    pub(super) committing: Option<Batch>,
    /// When each poll was made, by each process.
    pub(super) polls: Vec<Vec<Instant>>,
    /// What each sink accepted, repetitions included.
    pub(super) taken: BTreeMap<SinkName, Vec<Arc<Event>>>,
    /// When the first complete scan of the list was committed.
    pub(super) baseline_at: Option<Instant>,
    pub(super) log: Vec<Action>,
}

impl World {
    pub(super) fn new(scripts: Vec<Script>, trouble: Trouble, seed: u64, sinks: &[&str]) -> Self {
        Self {
            scripts,
            trouble,
            rng: fastrand::Rng::with_seed(seed),
            now: Instant::default(),
            wall: SignedDuration::ZERO,
            off: SignedDuration::ZERO,
            pending: BinaryHeap::new(),
            events: BTreeMap::new(),
            count: 0,
            boot: Instant::default(),
            disk: Disk::default(),
            committing: None,
            polls: vec![Vec::new()],
            taken: sinks.iter().map(|sink| (SinkName::new(*sink), Vec::new())).collect(),
            baseline_at: None,
            log: Vec::new(),
        }
    }

    fn reading(&self) -> Now {
        let noon: jiff::Timestamp = NOON.parse().unwrap();
        let elapsed = self.now.since(Instant::default());
        // Each process has a monotonic clock of its own.
        let instant = Instant::after_start(self.now.since(self.boot));
        Now { instant, wall: noon + elapsed + self.wall + self.off }
    }

    fn later(&mut self, millis: u64, input: Input) {
        self.count += 1;
        self.pending.push(Reverse((self.now + Duration::from_millis(millis), self.count)));
        self.events.insert(self.count, input);
    }

    fn troubled(&mut self, probability: f64) -> bool {
        self.now.since(Instant::default()) < CALM && self.rng.f64() < probability
    }

    /// Carries out an action.
    fn act(&mut self, action: Action) {
        self.log.push(action.clone());
        match action {
            Action::Poll(poll) => self.poll(poll, None),
            Action::PollIndex(poll, index) => self.poll(poll, Some(index)),
            Action::FetchPage(list, token) => self.list(list, token),
            Action::Commit(batch) => {
                assert!(self.committing.replace(batch).is_none(), "one commit at a time");
                let latency = self.rng.u64(0..20);
                self.later(latency, Input::Committed);
            }
            Action::Deliver(Delivery { id, .. }) => {
                let hours = sink_of(&id.sink).hours;
                assert!(
                    hours.is_none_or(|hours| hours.is_open(self.reading().wall)),
                    "outside its hours: {id:?}"
                );
                assert!(!self.disk.delivered().contains(&id), "a delivered event is sent again: {id:?}");
                let latency = self.rng.u64(1..15_000);
                // A receiver may accept an event and fail to say so: the event is sent again.
                let fails = self.troubled(self.trouble.sink);
                if !fails || self.rng.bool() {
                    let event = self.disk.event(id.event);
                    self.taken.get_mut(&id.sink).unwrap().push(event);
                }
                let failure = failure(FailureClass::Transient);
                let input = if fails { Input::DeliveryFailed { id, failure } } else { Input::Delivered(id) };
                self.later(latency, input);
            }
            Action::Diagnostic(_) => {}
        }
    }

    fn poll(&mut self, poll: PollId, index: Option<String>) {
        self.polls.last_mut().unwrap().push(self.now);
        let latency = self.rng.u64(5..400);
        let (latency, input) = self.answer(poll, index, latency);
        self.later(latency, input);
    }

    /// Answers with a page of five rows, as unreliable as the API: rows are missing or there twice,
    /// and the list may end early.
    fn list(&mut self, list: ListId, token: Option<String>) {
        self.polls.last_mut().unwrap().push(self.now);
        let Trouble { transient, throttled, refused, vanish, .. } = self.trouble;
        let classes = [
            (transient, FailureClass::Transient),
            (throttled, FailureClass::Throttled),
            (refused, FailureClass::Unauthorized),
        ];
        let fails = classes.into_iter().find(|(probability, _)| self.troubled(*probability));
        let is_of_token = token.is_some() && self.troubled(vanish);
        if let Some((_, class)) = fails.or(is_of_token.then_some((0.0, FailureClass::NotFound))) {
            let input = Input::PageFailed { list, is_of_token, failure: failure(class) };
            return self.later(20, input);
        }
        let offset: usize = token.map_or(0, |token| token.parse().unwrap());
        let at = self.now.since(Instant::default()).as_secs();
        let known: Vec<_> = (0..self.scripts.len()).filter(|n| at >= self.scripts[*n].appears + 30).collect();
        let mut page = ListPage::default();
        for number in known.iter().skip(offset).take(5) {
            let row = self.observation(&id(&format!("job-{number}")));
            let copies = if self.troubled(vanish) { self.rng.usize(0..3) } else { 1 };
            page.jobs.extend(std::iter::repeat_n(row, copies));
        }
        let more = known.len() > offset + 5 && !self.troubled(vanish);
        page.next = more.then(|| (offset + 5).to_string());
        self.later(30, Input::PageFetched { list, page });
    }

    fn answer(&mut self, poll: PollId, index: Option<String>, latency: u64) -> (u64, Input) {
        let Trouble { transient, throttled, hang, vanish, refused, .. } = self.trouble;
        let fail = |poll, failure| Input::PollFailed { poll, failure };
        if self.troubled(hang) {
            return (10_000, fail(poll, failure(FailureClass::Transient)));
        }
        if self.troubled(transient) {
            return (latency, fail(poll, failure(FailureClass::Transient)));
        }
        if self.troubled(throttled) {
            let pause = RetryAfter::For(seconds(self.rng.u64(0..90)));
            let throttled = Failure { retry_after: Some(pause), ..failure(FailureClass::Throttled) };
            return (latency, fail(poll, throttled));
        }
        if self.troubled(refused) {
            return (latency, fail(poll, failure(FailureClass::Unauthorized)));
        }
        let script = self.script(&poll.job).clone();
        let at = self.now.since(Instant::default()).as_secs();
        if at < script.appears || self.troubled(vanish) {
            return (latency, fail(poll, failure(FailureClass::NotFound)));
        }
        let ran = at - script.appears;
        if let Some(name) = index {
            assert_eq!(name, format!("index-of-{}", poll.job));
            let (after, serves) = script.index.expect("only where it is wanted");
            let decided = ran >= script.takes + after;
            let state = match (decided, serves) {
                (false, _) => "Initializing",
                (true, true) => "Ready",
                (true, false) => "InitializationFailed",
            };
            let state = Some(Status::parse(state));
            let observation = IndexObservation { name, state, ready: decided && serves };
            return (latency, Input::PollAnswered { poll, answer: Answer::Index(observation) });
        }
        (latency, Input::PollAnswered { answer: Answer::Job(self.observation(&poll.job)), poll })
    }

    /// The true state of a job.
    fn observation(&self, job: &JobId) -> Observation {
        let script = self.script(job);
        let at = self.now.since(Instant::default()).as_secs();
        let created_at = NOON.parse::<jiff::Timestamp>().unwrap() + seconds(script.appears);
        let ran = at - script.appears;
        let ended = ran >= script.takes;
        let running = if script.odd { "Restoring" } else { "Pending" };
        let completed_at = (ended && script.end != "failed").then(|| created_at + seconds(script.takes));
        #[expect(clippy::cast_precision_loss, reason = "hours in seconds")]
        let percent = (script.progress && !ended).then(|| 100.0 * ran as f64 / script.takes as f64);
        Observation {
            id: job.clone(),
            status: Status::parse(if ended { script.end } else { running }),
            facts: JobFacts {
                target_index_name: Some(format!("index-of-{job}")),
                created_at: Some(created_at),
                completed_at,
                percent_complete: percent,
                ..JobFacts::default()
            },
        }
    }

    fn script(&self, job: &JobId) -> &Script {
        let number: usize = job.as_str()["job-".len()..].parse().unwrap();
        &self.scripts[number]
    }

    fn start(&self, project: &ProjectSettings) -> Engine {
        let sinks = self.taken.keys().map(sink_of).collect();
        let plan = Plan { projects: vec![project.clone()], sinks, keep: Retention::FOREVER };
        let mut engine = Engine::from_snapshot(plan, self.disk.load(), 11, self.reading());
        engine.handle(Input::Timeout, self.reading());
        engine
    }

    /// Kills the process: what was under way is lost, but a commit may just have succeeded.
    fn kill(&mut self, down: u64) {
        if let Some(batch) = self.committing.take()
            && self.rng.bool()
        {
            self.disk.apply(&batch);
        }
        self.pending.clear();
        self.events.clear();
        self.now = self.now + seconds(down);
        self.boot = self.now;
        if !self.trouble.clocks.is_empty() {
            let off = self.trouble.clocks[(self.polls.len() - 1) % self.trouble.clocks.len()];
            self.off = SignedDuration::from_secs(off);
        }
        self.polls.push(Vec::new());
    }

    /// Reloads the configuration, with `left` reloads to come: unless that is 0, some jobs are
    /// missing. The settings of the sinks change.
    fn change(&self, engine: &mut Engine, project: &ProjectSettings, left: usize) {
        let mut project = project.clone();
        let mut number = left;
        let discovers = project.discover.is_some();
        project.jobs.retain(|job| {
            number += 1;
            // A discovered job is watched until it completed only, so one with an index must stay
            // named.
            let is_found = discovers && job.until.is_some();
            left == 0 || is_found || !number.is_multiple_of(3)
        });
        let fingerprint = left as u64 + 2;
        let sinks = self.taken.keys().map(|name| SinkPlan { fingerprint, ..sink_of(name) }).collect();
        let plan = Plan { projects: vec![project], sinks, keep: Retention::FOREVER };
        engine.handle(Input::Command(Command::Reconfigure(plan)), self.reading());
    }

    /// Checks that a job is past its deadline by the clock of the API, or by that of its watch
    /// before the API knows it.
    fn is_really_overdue(&self, event: &Event) {
        let script = self.script(&event.job.as_ref().unwrap().id);
        let since = seconds(script.appears).saturating_sub(seconds(60));
        assert!(self.now.since(Instant::default()) >= since + DEADLINE, "{event:?} at {:?}", self.now);
    }

    /// Runs until nothing is left to happen. Returns the last engine.
    pub(super) fn run(&mut self, project: &ProjectSettings) -> Engine {
        let mut kills: VecDeque<_> = self.trouble.kills.clone().into();
        let mut changes: VecDeque<_> = self.trouble.changes.clone().into();
        let mut sleeps: VecDeque<_> = self.trouble.sleeps.clone().into();
        let mut engine = self.start(project);
        for _ in 0..MAX_EVENTS {
            while let Some(action) = engine.poll_action() {
                self.act(action);
            }
            let input = self.pending.peek().map(|Reverse((at, _))| *at);
            let deadline = engine
                .poll_timeout()
                .map(|at| self.boot + at.since(Instant::default()))
                .map(|at| at.max(self.now));
            let next = [input, deadline].into_iter().flatten().min();
            if let Some((_, down)) = kills.pop_front_if(|(at, _)| {
                let at = Instant::after_start(Duration::from_millis(*at));
                next.is_none_or(|next| at <= next)
            }) {
                self.kill(down);
                engine = self.start(project);
                continue;
            }
            let comes_first = |at: Instant| next.is_none_or(|next| at <= next);
            if let Some(at) =
                changes.pop_front_if(|at| comes_first(Instant::after_start(Duration::from_millis(*at))))
            {
                self.now = self.now.max(Instant::after_start(Duration::from_millis(at)));
                self.change(&mut engine, project, changes.len());
                continue;
            }
            if let Some((_, time)) =
                sleeps.pop_front_if(|(at, _)| comes_first(Instant::after_start(seconds(*at))))
            {
                self.now = self.now + seconds(time);
                engine.handle(Input::Suspended(seconds(time)), self.reading());
                continue;
            }
            // Discovery never ends by itself.
            let is_over = project.discover.is_some() && self.now.since(Instant::default()) > 2 * CALM;
            let now = self.reading().instant;
            let is_at_rest = || {
                engine.discovery(now) == DiscoveryState::Complete
                    && engine.jobs().all(|job| job.tracker.has_ended())
            };
            let Some(at) = next.filter(|_| !is_over || !is_at_rest() || !engine.deliveries().is_settled())
            else {
                return engine;
            };
            self.now = self.now.max(at);
            let jumps: i64 = self
                .trouble
                .jumps
                .iter()
                .filter(|(when, _)| self.now >= Instant::after_start(seconds(*when)))
                .map(|(_, by)| by)
                .sum();
            self.wall = SignedDuration::from_secs(jumps);
            let happens = input.is_some_and(|input| deadline.is_none_or(|deadline| input <= deadline));
            let happening = if happens { self.pending.pop() } else { None };
            let input = match happening {
                Some(Reverse((_, number))) => self.events.remove(&number).unwrap(),
                None => Input::Timeout,
            };
            if let Some(project) = answered_project(&input).cloned() {
                let time = NOON.parse::<Timestamp>().unwrap() + self.now.since(Instant::default());
                engine.handle(Input::ServerTime { project, time }, self.reading());
            }
            if matches!(input, Input::Committed) {
                let batch = self.committing.take().expect("a commit");
                let has_baseline = |record: &snapshot::ProjectRecord| {
                    record.snapshot.discovery.as_ref().is_some_and(|discovery| discovery.has_baseline)
                };
                if batch.projects.iter().any(has_baseline) {
                    self.baseline_at.get_or_insert(self.now);
                }
                for entry in batch.entries.iter().filter(|entry| entry.event.kind == EventKind::Overdue) {
                    self.is_really_overdue(&entry.event);
                }
                self.disk.apply(&batch);
            }
            engine.handle(input, self.reading());
            assert_totals_are_true(&engine);
            let configured = project.api.requests_per_second.per_second();
            let holds = engine.projects().next().map(|project| project.requests_per_second);
            assert!(holds.is_none_or(|holds| holds <= configured), "{holds:?} of {configured}");
        }
        panic!("the world did not come to rest");
    }
}
