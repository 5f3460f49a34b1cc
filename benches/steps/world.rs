//! An engine and what surrounds it, in virtual time.
//!
//! Invariant: each step is measured as the driver makes it: the engine handles an input, the
//! actions that follow are taken, and the bodies of what is committed are made.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::hint::black_box;
use std::time::Duration;

use jiff::Timestamp;
use restore_watch::adapters::sinks::Sink;
use restore_watch::config::{
    ProjectSettings, SinkSettings, SinkTarget, StateSettings, UrlSource, WebhookFormat, WebhookSettings,
    WebhookUrl,
};
use restore_watch::engine::snapshot::Snapshot;
use restore_watch::engine::{Action, Answer, Batch, Engine, Input, ListPage, Plan, SinkPlan};
use restore_watch::model::time::{Instant, Now, earliest};
use restore_watch::model::{JobFacts, JobId, Observation, ProjectName, SinkName, Status};
use restore_watch::platform::clock::Clock;

use super::times::Times;

/// How long what surrounds the engine takes: a request, a commit and each of its rows, a delivery.
const REQUEST: Duration = Duration::from_millis(50);
const COMMIT: Duration = Duration::from_millis(1);
const ROW: Duration = Duration::from_micros(100);
const DELIVERY: Duration = Duration::from_millis(20);

const ROWS_OF_A_PAGE: usize = 100;

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) steps: Times,
    /// All restores that the list of each project shows, in its order.
    pub(crate) listed: BTreeMap<ProjectName, Vec<JobId>>,
    /// The restores that have ended.
    pub(crate) ended: BTreeSet<JobId>,
    sink: Sink,
    started: Timestamp,
    now: Now,
    real: Clock,
    /// What happens when, and the number of what.
    to_come: BinaryHeap<Reverse<(Instant, u64)>>,
    inputs: BTreeMap<u64, (Input, &'static str)>,
    count: u64,
}

impl World {
    /// A world with these projects, a log and a webhook.
    pub(crate) fn new(projects: Vec<ProjectSettings>) -> Self {
        let settings = sink_settings();
        let sink = Sink::new(&settings, |_| Box::pin(async { Ok(()) })).unwrap();
        let real = Clock::system();
        let now = Now { instant: Instant::default(), wall: real.now().wall };
        let mut world = Self {
            engine: Engine::from_snapshot(plan(projects, &sink, &settings), Snapshot::default(), 7, now),
            steps: Times::default(),
            listed: BTreeMap::new(),
            ended: BTreeSet::new(),
            sink,
            started: now.wall,
            now,
            real,
            to_come: BinaryHeap::new(),
            inputs: BTreeMap::new(),
            count: 0,
        };
        world.step(Input::Timeout, "the first");
        world
    }

    /// What [`World::new`] makes of these projects.
    pub(crate) fn plan(&self, projects: Vec<ProjectSettings>) -> Plan {
        plan(projects, &self.sink, &sink_settings())
    }

    /// Goes on until this holds, for an hour at most.
    pub(crate) fn run_until(&mut self, mut is_done: impl FnMut(&Self) -> bool) {
        let limit = self.now.instant + Duration::from_hours(1);
        while !is_done(self) {
            assert!(self.now.instant < limit, "it does not come to its end");
            self.go_on();
        }
    }

    /// Goes on for this time.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now.instant + time;
        self.run_until(|world| world.now.instant >= end);
    }

    /// Handles an input, which is measured.
    pub(crate) fn step(&mut self, input: Input, kind: &'static str) {
        let began = self.real.now().instant;
        self.engine.handle(input, self.now);
        let actions: Vec<_> = std::iter::from_fn(|| self.engine.poll_action()).collect();
        for action in &actions {
            if let Action::Commit(batch) = action {
                black_box(self.bodies(batch));
            }
        }
        black_box(self.engine.poll_timeout());
        self.steps.add(self.real.now().instant.since(began), kind);

        for action in actions {
            self.carry_out(action);
        }
    }

    fn go_on(&mut self) {
        let next = self.to_come.peek().map(|Reverse((at, _))| *at);
        let at = earliest([next, self.engine.poll_timeout()]).expect("something is to come");
        let passed = at.since(self.now.instant);
        self.now = Now { instant: self.now.instant + passed, wall: self.now.wall + passed };

        if next.is_some_and(|next| next <= self.now.instant) {
            let Reverse((_, number)) = self.to_come.pop().unwrap();
            let (input, kind) = self.inputs.remove(&number).unwrap();
            self.step(input, kind);
        } else {
            self.step(Input::Timeout, "a timeout");
        }
    }

    /// What the driver makes of a batch before it hands it to the store.
    fn bodies(&self, batch: &Batch) -> Vec<Vec<u8>> {
        let webhook = SinkName::new(sink_settings().name);
        let to_webhook = batch.entries.iter().filter(|entry| entry.recipients.contains(&webhook));
        to_webhook.filter_map(|entry| self.sink.body(&entry.event)).collect()
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Poll(poll) => {
                let answer = Answer::Job(self.observation(&poll.job));
                self.later(REQUEST, Input::PollAnswered { poll, answer }, "an answer");
            }
            Action::FetchPage(list, token) => {
                let page = self.page(&list.project, token.as_deref());
                self.later(REQUEST, Input::PageFetched { list, page }, "a page");
            }
            Action::Commit(batch) => {
                let rows = batch.jobs.len() + batch.entries.len() + batch.deliveries.len();
                let takes = COMMIT + ROW * u32::try_from(rows).unwrap();
                self.later(takes, Input::Committed, "the end of a commit");
            }
            Action::Deliver(delivery) => {
                self.later(DELIVERY, Input::Delivered(delivery.id), "the end of a delivery");
            }
            Action::Diagnostic(_) => {}
            other @ Action::PollIndex(..) => panic!("{other:?}"),
        }
    }

    fn later(&mut self, after: Duration, input: Input, kind: &'static str) {
        self.count += 1;
        self.to_come.push(Reverse((self.now.instant + after, self.count)));
        self.inputs.insert(self.count, (input, kind));
    }

    fn page(&self, project: &ProjectName, token: Option<&str>) -> ListPage {
        let number: usize = token.map_or(0, |token| token.parse().unwrap());
        let listed = self.listed.get(project).map_or(&[][..], Vec::as_slice);
        let mut pages = listed.chunks(ROWS_OF_A_PAGE).skip(number);
        let rows = pages.next().unwrap_or_default();
        ListPage {
            jobs: rows.iter().map(|id| self.observation(id)).collect(),
            surplus: 0,
            next: pages.next().map(|_| (number + 1).to_string()),
        }
    }

    fn observation(&self, id: &JobId) -> Observation {
        let has_ended = self.ended.contains(id);
        // No two restores take the same time.
        let spread = Duration::from_secs(id.as_str().bytes().map(u64::from).sum());
        let facts = JobFacts {
            backup_id: Some("5f3cd4f7-2f6b-4b8e-9a26-0e2fd42dcd22".to_owned()),
            target_index_name: Some("products".to_owned()),
            target_index_id: Some("e0c3c0e0-9f4f-4f4f-8e0e-3c3a3b7f1d55".to_owned()),
            created_at: Some(self.started - spread),
            completed_at: has_ended.then_some(self.now.wall),
            percent_complete: None,
        };
        let status = if has_ended { Status::Completed } else { Status::Pending };
        Observation { id: id.clone(), status, facts }
    }
}

/// A webhook with bodies of its own format.
fn sink_settings() -> SinkSettings {
    let url = WebhookUrl::parse("http://127.0.0.1:9/", false).unwrap();
    let format = WebhookFormat::CloudEvents;
    let webhook = WebhookSettings { format, ..WebhookSettings::new(UrlSource::Given(url)) };
    SinkSettings::new(SinkTarget::Webhook(webhook))
}

fn plan(projects: Vec<ProjectSettings>, sink: &Sink, settings: &SinkSettings) -> Plan {
    let webhook = sink.plan(settings);
    let log = SinkPlan { name: SinkName::new("log"), ..webhook.clone() };
    Plan { projects, sinks: vec![log, webhook], keep: StateSettings::KEEP }
}
