//! The engine in a simulated world: errors, throttling, hangs, unknown statuses, vanishing jobs, clock jumps, slow sinks
//! and a process that is killed at any moment, against a simple model of what must come of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::num::NonZeroU32;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::retry::RetryAfter;
use super::*;
use crate::config::{Discovery, Rate};

/// Trouble is over by then, so that everything can come to its end.
const CALM: Duration = Duration::from_secs(3 * 3600);

/// A world that has not come to rest by then has a loop in it.
const MAX_EVENTS: usize = 200_000;

/// One job of the world.
#[derive(Debug, Clone)]
struct Script {
    /// When the API first knows it.
    appears: u64,
    /// How long it runs from then on.
    takes: u64,
    end: &'static str,
    /// Whether it has a status of its own while it runs.
    odd: bool,
    /// Whether it reports progress.
    progress: bool,
    /// Where its index is followed: how long after the end that is made, and serves or fails.
    index: Option<(u64, bool)>,
}

/// What goes wrong, in probabilities.
#[derive(Debug, Clone)]
struct Trouble {
    transient: f64,
    throttled: f64,
    hang: f64,
    vanish: f64,
    refused: f64,
    sink: f64,
    /// The wall clock jumps by so many seconds at these times.
    jumps: Vec<(u64, i64)>,
    /// The process is killed at these times, in milliseconds, and starts again so many seconds later.
    kills: Vec<(u64, u64)>,
    /// The configuration changes at these times, in milliseconds; with the last one, it is whole again.
    changes: Vec<u64>,
    /// The machine is suspended at these times, for so many seconds.
    sleeps: Vec<(u64, u64)>,
}

fn scripts() -> impl Strategy<Value = Vec<Script>> {
    let end = prop_oneof![Just("Completed"), Just("failed"), Just("CANCELLED"), Just("Exploded")];
    let index = prop::option::of((0_u64..600, any::<bool>()));
    let script = (0_u64..40, 0_u64..7000, end, any::<bool>(), any::<bool>(), index).prop_map(
        |(appears, takes, end, odd, progress, index)| Script { appears, takes, end, odd, progress, index },
    );
    prop::collection::vec(script, 1..25)
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let jumps = prop::collection::vec((0_u64..7000, -90_000_i64..90_000), 0..3);
    (0.0..0.4, 0.0..0.2, 0.0..0.1, 0.0..0.1, 0.0..0.1, 0.0..0.5, jumps).prop_map(
        |(transient, throttled, hang, vanish, refused, sink, jumps)| Trouble {
            transient,
            throttled,
            hang,
            vanish,
            refused,
            sink,
            jumps,
            kills: Vec::new(),
            changes: Vec::new(),
            sleeps: Vec::new(),
        },
    )
}

/// Kills at random times, most of them while much happens.
fn kills() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let early = (0_u64..120_000, 0_u64..3);
    let late = (0_u64..9_000_000, 0_u64..900);
    (prop::collection::vec(early, 0..12), prop::collection::vec(late, 0..12)).prop_map(|(early, late)| {
        let mut kills: Vec<_> = early.into_iter().chain(late).collect();
        kills.sort_unstable();
        kills
    })
}

/// Changes of the configuration and suspensions, most of them while much happens.
fn whims() -> impl Strategy<Value = (Vec<u64>, Vec<(u64, u64)>)> {
    let changes = prop::collection::vec(prop_oneof![0_u64..120_000, 0_u64..9_000_000], 0..12);
    let sleeps = prop::collection::vec((0_u64..7000, 1_u64..20_000), 0..4);
    (changes, sleeps).prop_map(|(mut changes, mut sleeps)| {
        changes.sort_unstable();
        sleeps.sort_unstable();
        (changes, sleeps)
    })
}

/// Everything that happens outside the engine.
struct World {
    scripts: Vec<Script>,
    trouble: Trouble,
    rng: fastrand::Rng,
    now: Instant,
    wall: SignedDuration,
    pending: BinaryHeap<Reverse<(Instant, u64)>>,
    events: BTreeMap<u64, Event>,
    count: u64,
    /// When the process that runs was started.
    boot: Instant,
    disk: Disk,
    committing: Option<Batch>,
    /// When each poll was made, by each process.
    polls: Vec<Vec<Instant>>,
    /// What each sink took, and how often.
    taken: BTreeMap<SinkName, Vec<Arc<Transition>>>,
    abandoned: Vec<DeliveryId>,
    /// When it was safe that the list had been read to its end.
    looked_at: Option<Instant>,
    log: Vec<Action>,
}

impl World {
    fn new(scripts: Vec<Script>, trouble: Trouble, seed: u64, sinks: &[&str]) -> Self {
        Self {
            scripts,
            trouble,
            rng: fastrand::Rng::with_seed(seed),
            now: Instant::default(),
            wall: SignedDuration::ZERO,
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
        Now { instant, wall: noon + elapsed + self.wall }
    }

    fn later(&mut self, millis: u64, event: Event) {
        self.count += 1;
        self.pending.push(Reverse((self.now + Duration::from_millis(millis), self.count)));
        self.events.insert(self.count, event);
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
                self.later(latency, Event::Committed);
            }
            Action::Deliver(Delivery { id, .. }) => {
                assert!(!self.disk.marked().contains(&id), "what was marked is sent again: {id:?}");
                let latency = self.rng.u64(1..15_000);
                // A receiver may take what it then seems to refuse: it is told again.
                let fails = self.troubled(self.trouble.sink);
                if !fails || self.rng.bool() {
                    let transition = self.disk.transition(id.transition);
                    self.taken.get_mut(&id.sink).unwrap().push(transition);
                }
                let failure = failure(FailureClass::Transient);
                let event = if fails { Event::DeliveryFailed { id, failure } } else { Event::Delivered(id) };
                self.later(latency, event);
            }
            Action::Note(Note::DeliveryAbandoned { id, .. }) => self.abandoned.push(id),
            Action::Note(_) => {}
        }
    }

    fn poll(&mut self, poll: PollId, index: Option<String>) {
        self.polls.last_mut().unwrap().push(self.now);
        let latency = self.rng.u64(5..400);
        let (latency, event) = self.answer(poll, index, latency);
        self.later(latency, event);
    }

    /// Answers with a page of five rows, as unreliable as the API: rows are missing or there twice, and the list may end
    /// early.
    fn list(&mut self, list: ListId, token: Option<String>) {
        self.polls.last_mut().unwrap().push(self.now);
        let Trouble { transient, throttled, refused, vanish, .. } = self.trouble;
        let classes = [
            (transient, FailureClass::Transient),
            (throttled, FailureClass::Throttled),
            (refused, FailureClass::Refused),
        ];
        let fails = classes.into_iter().find(|(probability, _)| self.troubled(*probability));
        let is_of_token = token.is_some() && self.troubled(vanish);
        if let Some((_, class)) = fails.or(is_of_token.then_some((0.0, FailureClass::NotFound))) {
            let event = Event::ListFailed { list, is_of_token, failure: failure(class) };
            return self.later(20, event);
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
        self.later(30, Event::Listed { list, page });
    }

    fn answer(&mut self, poll: PollId, index: Option<String>, latency: u64) -> (u64, Event) {
        let Trouble { transient, throttled, hang, vanish, refused, .. } = self.trouble;
        let fail = |poll, failure| Event::PollFailed { poll, failure };
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
            return (latency, fail(poll, failure(FailureClass::Refused)));
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
            return (latency, Event::Answered { poll, answer: Answer::Index(observation) });
        }
        (latency, Event::Answered { answer: Answer::Job(self.observation(&poll.job)), poll })
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
        let mut engine = Engine::recall(plan, self.disk.load(), 11, self.reading());
        engine.step(Event::DeadlineReached, self.reading(), actions);
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

    /// Runs until nothing is left to happen. Returns the engine that came to rest.
    fn run(&mut self, project: &ProjectSettings) -> Engine {
        let mut kills: VecDeque<_> = self.trouble.kills.clone().into();
        let mut changes: VecDeque<_> = self.trouble.changes.clone().into();
        let mut sleeps: VecDeque<_> = self.trouble.sleeps.clone().into();
        let mut actions = Vec::new();
        let mut engine = self.start(project, &mut actions);
        for _ in 0..MAX_EVENTS {
            for action in actions.drain(..) {
                self.act(action);
            }
            let event = self.pending.peek().map(|Reverse((at, _))| *at);
            let deadline = engine
                .next_deadline()
                .map(|at| self.boot + at.since(Instant::default()))
                .map(|at| at.max(self.now));
            let next = [event, deadline].into_iter().flatten().min();
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
                engine.step(Event::DeadlineReached, self.reading(), &mut actions);
                continue;
            }
            if let Some((_, time)) =
                sleeps.pop_front_if(|(at, _)| comes_first(Instant::after_start(seconds(*at))))
            {
                self.now = self.now + seconds(time);
                engine.step(Event::Slept(seconds(time)), self.reading(), &mut actions);
                continue;
            }
            // Who looks for jobs does so for ever.
            let is_over = project.discover.is_some() && self.now.since(Instant::default()) > 2 * CALM;
            let now = self.reading().instant;
            let is_at_rest =
                || engine.search(now) == Search::Over && engine.jobs().all(|job| job.tracker.has_ended());
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
            let happens = event.is_some_and(|event| deadline.is_none_or(|deadline| event <= deadline));
            let happening = if happens { self.pending.pop() } else { None };
            let event = match happening {
                Some(Reverse((_, number))) => self.events.remove(&number).unwrap(),
                None => Event::DeadlineReached,
            };
            if matches!(event, Event::Committed) {
                let batch = self.committing.take().expect("a commit");
                let has_looked = |record: &memory::ProjectRecord| {
                    record.memory.discovery.as_ref().is_some_and(|discovery| discovery.has_baseline)
                };
                if batch.projects.iter().any(has_looked) {
                    self.looked_at.get_or_insert(self.now);
                }
                self.disk.apply(&batch);
            }
            engine.step(event, self.reading(), &mut actions);
            let configured = project.api.requests_per_second.per_second();
            let holds = engine.projects().next().map(|project| project.requests_per_second);
            assert!(holds.is_none_or(|holds| holds <= configured), "{holds:?} of {configured}");
        }
        panic!("the world did not come to rest");
    }
}

/// A project that names only the first of these jobs, and that whose index is wanted; the others are to be found.
fn discovered(scripts: &[Script], rate: f64, burst: u32) -> ProjectSettings {
    let mut project = watched(scripts, rate, burst);
    let mut number = 0;
    project.jobs.retain(|job| {
        number += 1;
        number == 1 || job.until.is_some()
    });
    project.discover = Some(Discovery::default());
    project
}

fn watched(scripts: &[Script], rate: f64, burst: u32) -> ProjectSettings {
    let ids: Vec<_> = (0..scripts.len()).map(|n| format!("job-{n}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut project = project(&ids);
    for (job, script) in project.jobs.iter_mut().zip(scripts) {
        job.until = script.index.map(|_| Until::Ready);
    }
    project.api.requests_per_second = Rate::new(rate).unwrap();
    project.api.burst = NonZeroU32::new(burst).unwrap();
    project
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_to_its_end(
        scripts in scripts(),
        trouble in trouble(),
        kills in kills(),
        (changes, sleeps) in whims(),
        seed in any::<u64>(),
        rate in 0.5..5.0,
        burst in 1_u32..6,
        discovers in any::<bool>(),
    ) {
        let trouble = Trouble { kills, changes, sleeps, ..trouble };
        let mut world = World::new(scripts.clone(), trouble, seed, &["one", "two"]);
        let settings = if discovers { discovered } else { watched };
        let settings = settings(&scripts, rate, burst);
        let engine = world.run(&settings);

        // Every job ended, in the way the world says, and that was told once.
        prop_assert!(engine.is_settled());
        for (number, script) in scripts.iter().enumerate() {
            let job = id(&format!("job-{number}"));
            let of_job = |transition: &&Arc<Transition>| transition.job.as_ref().is_some_and(|told| told.id == job);
            let story: Vec<_> = world.disk.transitions.iter().filter(of_job).map(|transition| transition.kind).collect();
            let told: Vec<_> = story.iter().copied().filter(|kind| kind.is_terminal()).collect();
            let ended = Instant::after_start(seconds(script.appears + script.takes));
            let is_named = settings.jobs.iter().any(|settings| settings.id == job);
            if !is_named && story.is_empty() {
                // What had ended before it was known what is history; and what began before that and has no end time, where
                // the list did not show that it ran; or what a clock that is hours ahead takes for it.
                let began = Instant::after_start(seconds(script.appears));
                let known_at = world.looked_at.map(|at| at + seconds(60));
                let is_wrong = world.trouble.jumps.iter().any(|(_, by)| *by > 0);
                let is_history = |at| ended <= at || (script.end == "failed" && began <= at) || is_wrong;
                prop_assert!(known_at.is_none_or(is_history), "{:?} is lost", job);
                continue;
            }
            let expected = match (script.end, script.index) {
                ("Completed", None) => vec![TransitionKind::Completed],
                ("Completed", Some((_, false))) => vec![TransitionKind::Completed, TransitionKind::IndexNotReady],
                // An index that cannot be found for long enough is taken for gone.
                ("Completed", Some(_)) if told.last() == Some(&TransitionKind::IndexNotReady) => {
                    let last = world.disk.transitions.iter().rfind(|told| of_job(told)).unwrap();
                    prop_assert_eq!(last.reason.as_deref(), Some("NotFound"));
                    vec![TransitionKind::Completed, TransitionKind::IndexNotReady]
                }
                ("Completed", Some(_)) => vec![TransitionKind::Completed, TransitionKind::IndexReady],
                ("failed", _) => vec![TransitionKind::Failed],
                ("CANCELLED", _) => vec![TransitionKind::Cancelled],
                _ => vec![TransitionKind::Unrecognised],
            };
            prop_assert_eq!((&told, story.last()), (&expected, expected.last()), "{:?}", story);
            prop_assert_eq!(story.iter().filter(|kind| **kind == TransitionKind::Watched).count(), 1);

            // Each sink was told at least once, always under one id and with the same words, unless it was given up
            // and said so.
            let told = || world.disk.transitions.iter().filter(of_job);
            for (sink, taken) in &world.taken {
                for end in told().filter(|transition| transition.kind.is_terminal()) {
                    let copies: Vec<_> = taken.iter().filter(|transition| transition.id == end.id).collect();
                    let owed = DeliveryId { transition: end.id, sink: sink.clone() };
                    prop_assert!(!copies.is_empty() || world.abandoned.contains(&owed));
                    prop_assert!(copies.iter().all(|copy| **copy == *end));
                }
                // The order of first arrivals is that of the story; only ends may come earlier.
                let mut first_arrivals: Vec<_> = Vec::new();
                for transition in taken.iter().filter(of_job).filter(|transition| !transition.kind.is_terminal()) {
                    if !first_arrivals.contains(&transition.id) {
                        first_arrivals.push(transition.id);
                    }
                }
                if world.abandoned.is_empty() {
                    let before = told().filter(|transition| !transition.kind.is_terminal());
                    let order: Vec<_> = before.map(|transition| transition.id).collect();
                    prop_assert_eq!(first_arrivals, order);
                }
            }
        }

        // No window has more polls than the rate allows: of any number of polls in a row, up to a few hundred.
        for n in 2_u32..400 {
            for window in world.polls.iter().flat_map(|polls| polls.windows(n as usize)) {
                let allowed = f64::from(burst) + window[window.len() - 1].since(window[0]).as_secs_f64() * rate;
                prop_assert!(f64::from(n) <= allowed + 1e-9);
            }
        }
    }

    #[test]
    fn the_same_events_give_the_same_actions(scripts in scripts(), trouble in trouble(), seed in any::<u64>()) {
        let run = || {
            let mut world = World::new(scripts.clone(), trouble.clone(), seed, &["one"]);
            world.run(&watched(&scripts, 2.0, 4));
            world.log
        };
        prop_assert_eq!(run(), run());
    }
}

/// Without trouble, an end is noticed within the interval that the cadence has at that age.
#[test]
fn without_trouble_ends_are_noticed_in_time() {
    let calm = Trouble {
        transient: 0.0,
        throttled: 0.0,
        hang: 0.0,
        vanish: 0.0,
        refused: 0.0,
        sink: 0.0,
        jumps: Vec::new(),
        kills: Vec::new(),
        changes: Vec::new(),
        sleeps: Vec::new(),
    };
    for takes in [6, 106, 600, 3600, 18_000] {
        let script = Script { appears: 0, takes, end: "Completed", odd: false, progress: false, index: None };
        let mut world = World::new(vec![script.clone()], calm.clone(), takes, &["one"]);
        world.run(&watched(&[script], 2.0, 4));
        let delay = world.disk.transitions.last().unwrap().detection_delay_seconds.unwrap();
        #[expect(clippy::cast_precision_loss, reason = "hours in seconds")]
        let interval = (0.2 * takes as f64).sqrt().clamp(1.0, 60.0) * 1.1;
        assert!(delay <= interval + 1.0, "{delay} s after {takes} s");
    }
}
