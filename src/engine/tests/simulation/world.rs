//! A world around the engine, in which much goes wrong.
//!
//! Invariant: what is safe is what the disk has; everything else is lost when the process is killed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use jiff::SignedDuration;

use super::super::retry::RetryAfter;
use super::super::*;

/// Trouble is over by then, so that everything can come to its end.
pub(super) const CALM: Duration = Duration::from_secs(3 * 3600);

/// A world that has not come to rest by then has a loop in it.
pub(super) const MAX_EVENTS: usize = 200_000;

/// How old a job may become before it is overdue.
pub(super) const DEADLINE: Duration = Duration::from_hours(1);

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
    /// Where its index is followed: how long after the end that is made, and serves or fails.
    pub(super) index: Option<(u64, bool)>,
}

/// What goes wrong, in probabilities.
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
    /// The process is killed at these times, in milliseconds, and starts again so many seconds later.
    pub(super) kills: Vec<(u64, u64)>,
    /// How far the wall clock of each process after the first is off, in seconds; one by one, and again from the first.
    pub(super) clocks: Vec<i64>,
    /// The configuration changes at these times, in milliseconds; with the last one, it is whole again.
    pub(super) changes: Vec<u64>,
    /// The machine is suspended at these times, for so many seconds.
    pub(super) sleeps: Vec<(u64, u64)>,
}

/// Everything that happens outside the engine.
pub(super) struct World {
    pub(super) scripts: Vec<Script>,
    pub(super) trouble: Trouble,
    pub(super) rng: fastrand::Rng,
    pub(super) now: Instant,
    pub(super) wall: SignedDuration,
    /// How far the wall clock was off when the process that runs was started.
    pub(super) off: SignedDuration,
    pub(super) pending: BinaryHeap<Reverse<(Instant, u64)>>,
    pub(super) events: BTreeMap<u64, Input>,
    pub(super) count: u64,
    /// When the process that runs was started.
    pub(super) boot: Instant,
    pub(super) disk: Disk,
    pub(super) committing: Option<Batch>,
    /// When each poll was made, by each process.
    pub(super) polls: Vec<Vec<Instant>>,
    /// What each sink took, and how often.
    pub(super) taken: BTreeMap<SinkName, Vec<Arc<Event>>>,
    pub(super) abandoned: Vec<DeliveryId>,
    /// When it was safe that the list had been read to its end.
    pub(super) looked_at: Option<Instant>,
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
            abandoned: Vec::new(),
            looked_at: None,
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

    /// Does what the engine asks for.
    fn act(&mut self, action: Action) {
        self.log.push(action.clone());
        match action {
            Action::Poll(poll) => self.poll(poll, None),
            Action::PollIndex(poll, index) => self.poll(poll, Some(index)),
            Action::List(list, token) => self.list(list, token),
            Action::Commit(batch) => {
                assert!(self.committing.replace(batch).is_none(), "one commit at a time");
                let latency = self.rng.u64(0..20);
                self.later(latency, Input::Committed);
            }
            Action::Deliver(Delivery { id, .. }) => {
                assert!(!self.disk.marked().contains(&id), "what was marked is sent again: {id:?}");
                let latency = self.rng.u64(1..15_000);
                // A receiver may take what it then seems to refuse: it is told again.
                let fails = self.troubled(self.trouble.sink);
                if !fails || self.rng.bool() {
                    let event = self.disk.event(id.event);
                    self.taken.get_mut(&id.sink).unwrap().push(event);
                }
                let failure = failure(FailureClass::Transient);
                let input = if fails { Input::DeliveryFailed { id, failure } } else { Input::Delivered(id) };
                self.later(latency, input);
            }
            Action::Diagnostic(Diagnostic::DeliveryAbandoned { id, .. }) => self.abandoned.push(id),
            Action::Diagnostic(_) => {}
        }
    }

    fn poll(&mut self, poll: PollId, index: Option<String>) {
        self.polls.last_mut().unwrap().push(self.now);
        let latency = self.rng.u64(5..400);
        let (latency, input) = self.answer(poll, index, latency);
        self.later(latency, input);
    }

    /// Answers with a page of five rows, as unreliable as the API: rows are missing or there twice, and the list may end
    /// early.
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
            let input = Input::ListFailed { list, is_of_token, failure: failure(class) };
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
        self.later(30, Input::Listed { list, page });
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
            return (latency, Input::Answered { poll, answer: Answer::Index(observation) });
        }
        (latency, Input::Answered { answer: Answer::Job(self.observation(&poll.job)), poll })
    }

    /// What is true of a job.
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

    fn start(&self, project: &ProjectSettings, actions: &mut Vec<Action>) -> Engine {
        let sinks = self.taken.keys().map(|name| sink(name.as_str())).collect();
        let plan = Plan { projects: std::slice::from_ref(project), sinks, keep: Duration::MAX };
        let mut engine = Engine::from_snapshot(plan, self.disk.load(), 11, self.reading());
        engine.step(Input::TimeoutReached, self.reading(), actions);
        engine
    }

    /// The process dies: whatever was under way is lost, but perhaps a commit had just been made.
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

    /// The configuration as it is with so many changes to come: jobs are missing, unless there are none, and the sinks
    /// are others than before.
    fn change(&self, engine: &mut Engine, project: &ProjectSettings, left: usize) {
        let mut project = project.clone();
        let mut number = left;
        let discovers = project.discover.is_some();
        project.jobs.retain(|job| {
            number += 1;
            // One that is found before it is named again is watched until it completed, and no longer.
            let is_found = discovers && job.until.is_some();
            left == 0 || is_found || !number.is_multiple_of(3)
        });
        let fingerprint = left as u64 + 2;
        let sinks = self.taken.keys().map(|name| SinkPlan { fingerprint, ..sink(name.as_str()) }).collect();
        let plan = Plan { projects: &[project], sinks, keep: Duration::MAX };
        engine.reconfigure(plan, self.reading());
    }

    /// A job is overdue by the clock of the API, or, before that knows it, by the time for which it is watched.
    fn is_really_overdue(&self, event: &Event) {
        let script = self.script(&event.job.as_ref().unwrap().id);
        let since = seconds(script.appears).saturating_sub(seconds(60));
        assert!(self.now.since(Instant::default()) >= since + DEADLINE, "{event:?} at {:?}", self.now);
    }

    /// Runs until nothing is left to happen. Returns the engine that came to rest.
    pub(super) fn run(&mut self, project: &ProjectSettings) -> Engine {
        let mut kills: VecDeque<_> = self.trouble.kills.clone().into();
        let mut changes: VecDeque<_> = self.trouble.changes.clone().into();
        let mut sleeps: VecDeque<_> = self.trouble.sleeps.clone().into();
        let mut actions = Vec::new();
        let mut engine = self.start(project, &mut actions);
        for _ in 0..MAX_EVENTS {
            for action in actions.drain(..) {
                self.act(action);
            }
            let input = self.pending.peek().map(|Reverse((at, _))| *at);
            let deadline = engine
                .next_deadline()
                .map(|at| self.boot + at.since(Instant::default()))
                .map(|at| at.max(self.now));
            let next = [input, deadline].into_iter().flatten().min();
            if let Some((_, down)) = kills.pop_front_if(|(at, _)| {
                let at = Instant::after_start(Duration::from_millis(*at));
                next.is_none_or(|next| at <= next)
            }) {
                self.kill(down);
                engine = self.start(project, &mut actions);
                continue;
            }
            let comes_first = |at: Instant| next.is_none_or(|next| at <= next);
            if let Some(at) =
                changes.pop_front_if(|at| comes_first(Instant::after_start(Duration::from_millis(*at))))
            {
                self.now = self.now.max(Instant::after_start(Duration::from_millis(at)));
                self.change(&mut engine, project, changes.len());
                engine.step(Input::TimeoutReached, self.reading(), &mut actions);
                continue;
            }
            if let Some((_, time)) =
                sleeps.pop_front_if(|(at, _)| comes_first(Instant::after_start(seconds(*at))))
            {
                self.now = self.now + seconds(time);
                engine.step(Input::Suspended(seconds(time)), self.reading(), &mut actions);
                continue;
            }
            // Who looks for jobs does so for ever.
            let is_over = project.discover.is_some() && self.now.since(Instant::default()) > 2 * CALM;
            let now = self.reading().instant;
            let is_at_rest = || {
                engine.search(now) == DiscoveryState::Complete
                    && engine.jobs().all(|job| job.tracker.has_ended())
            };
            let Some(at) = next.filter(|_| !is_over || !is_at_rest() || !engine.is_settled()) else {
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
                None => Input::TimeoutReached,
            };
            if let Input::Answered { poll: PollId { project, .. }, .. }
            | Input::PollFailed { poll: PollId { project, .. }, .. }
            | Input::Listed { list: ListId { project, .. }, .. } = &input
            {
                let there = NOON.parse::<Timestamp>().unwrap() + self.now.since(Instant::default());
                engine.server_time(project, there, self.reading());
            }
            if matches!(input, Input::Committed) {
                let batch = self.committing.take().expect("a commit");
                let has_looked = |record: &snapshot::ProjectRecord| {
                    record.snapshot.discovery.as_ref().is_some_and(|discovery| discovery.has_baseline)
                };
                if batch.projects.iter().any(has_looked) {
                    self.looked_at.get_or_insert(self.now);
                }
                for entry in batch.entries.iter().filter(|entry| entry.event.kind == EventKind::Overdue) {
                    self.is_really_overdue(&entry.event);
                }
                self.disk.apply(&batch);
            }
            engine.step(input, self.reading(), &mut actions);
            let configured = project.api.requests_per_second.per_second();
            let holds = engine.projects().next().map(|project| project.requests_per_second);
            assert!(holds.is_none_or(|holds| holds <= configured), "{holds:?} of {configured}");
        }
        panic!("the world did not come to rest");
    }
}
