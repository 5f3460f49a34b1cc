//! A process among replicas, in paused time, with a real HTTP server for the API and a sink.

mod database;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::adapters::control::{Change, HandedOverRequest, answer_text, parse_answer};
use crate::adapters::report::{DaemonStatus, Status, StatusQuery};
use crate::adapters::store::Replica;
use crate::app::daemon::{Fixed, Options, run_replica};
use crate::config::{
    Endpoint, HttpSettings, JobSettings, LogFormat, ProjectSettings, SecretSource, SinkSettings, SinkTarget,
    StateSettings, UrlSource, WebhookSettings, WebhookUrl,
};
use crate::model::{Elapsed, EventKind, Exit, JobId, ProjectName};
use crate::simulate::{Receiver, Scenario, Simulator, Timeline};
use database::{Database, Holder, LEASE};

const START: &str = "2026-11-23T12:00:00Z";

/// A restore that goes on, and one that ends.
const SCENARIO: &str = "[[job]]\nid = \"rj-1\"\ntakes = \"100h\"\n[[job]]\nid = \"rj-2\"\ntakes = \"3m\"\n";

/// A replica that runs, with the world around it.
struct Stage {
    plane: Simulator,
    receiver: Receiver,
    database: Database,
    stop: UnboundedSender<Exit>,
    running: JoinHandle<Result<Exit, Error>>,
}

impl Stage {
    /// Begins with a database that this function changed.
    async fn begin(holder: Holder, change: impl FnOnce(&Database)) -> Self {
        let clock = Clock::set_to(START.parse().unwrap());
        let database = Database::new(holder, clock);
        change(&database);
        let (plane, receiver) = world().await;
        let setup = setup(&plane, &receiver, &["rj-1", "rj-2"]);
        let mut replica = database.replica();
        let first = replica.look().await;
        let cluster = Cluster::new(Arc::new(database.clone()), replica, first, setup, clock);
        let (stop, asked) = unbounded_channel();
        let running = tokio::spawn(async move {
            let options = Options { drain_timeout: Duration::from_secs(10), ..Options::default() };
            run_replica(cluster, options, &mut Signals::asked_by(asked)).await
        });
        Self { plane, receiver, database, stop, running }
    }

    /// The requests to the API and to the sink so far.
    fn counts(&self) -> (usize, usize) {
        (self.plane.count(), self.receiver.count())
    }

    fn kinds(&self) -> Vec<EventKind> {
        self.database.lock().disk.events().iter().map(|event| event.kind).collect()
    }

    async fn stop(self) -> (Exit, Holder) {
        self.stop.send(Exit::Terminated).unwrap();
        let exit = self.running.await.unwrap().unwrap();
        let holder = self.database.lock().holder;
        (exit, holder)
    }
}

async fn world() -> (Simulator, Receiver) {
    let scenario: Scenario = SCENARIO.parse().unwrap();
    let timeline = Timeline::start(START.parse().unwrap());
    let plane = Simulator::start(&scenario, "127.0.0.1:0".parse().unwrap(), timeline).await.unwrap();
    let receiver = Receiver::start([], "127.0.0.1:0".parse().unwrap(), timeline).await.unwrap();
    (plane, receiver)
}

fn setup(plane: &Simulator, receiver: &Receiver, jobs: &[&str]) -> Setup {
    let mut project =
        ProjectSettings { api_key: SecretSource::Public("a-key"), ..ProjectSettings::default() };
    project.jobs = jobs.iter().map(|id| JobSettings::new(JobId::new(*id).unwrap())).collect();
    project.api.endpoint = Endpoint::parse(&plane.url(), false).unwrap();
    let url = WebhookUrl::parse(&receiver.url(), true).unwrap();
    let webhook = WebhookSettings { allow_http: true, ..WebhookSettings::new(UrlSource::Given(url)) };
    let sink = SinkSettings::new(SinkTarget::Webhook(webhook));
    Setup::new(vec![project], &[sink], StateSettings::KEEP).unwrap()
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_free_lease_is_taken_and_the_watch_begins() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;

    pass(MINUTE * 5).await;

    assert_eq!(stage.database.lock().holder, Holder::Me(2));
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
    assert_eq!(stage.receiver.count(), stage.database.lock().disk.delivered().len());
}

#[tokio::test(start_paused = true)]
async fn a_standby_asks_and_sends_nothing() {
    let stage = Stage::begin(Holder::Other, |_| {}).await;

    pass(MINUTE * 5).await;

    assert_eq!(stage.counts(), (0, 0));
    assert_eq!(stage.database.lock().snapshots, 0, "the state is read if a question asks for it");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_the_next_look() {
    let stage = Stage::begin(Holder::Other, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().holder = Holder::Free;
    pass(Duration::from_secs(2)).await;

    assert!(stage.plane.count() > 0);
}

#[tokio::test(start_paused = true)]
async fn a_replica_deposed_by_a_commit_stands_by() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().steals_at_commit = true;
    pass(MINUTE * 3).await;
    assert_eq!(stage.database.lock().holder, Holder::Other, "the end of rj-2 was to be committed");
    let (polls, posts) = stage.counts();
    pass(MINUTE * 5).await;
    assert_eq!(stage.counts(), (polls, posts));
    assert!(!stage.kinds().contains(&EventKind::Completed));

    stage.database.lock().holder = Holder::Free;
    pass(MINUTE).await;
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
    assert_eq!(stage.stop().await, (Exit::Success, Holder::Free));
}

/// Each term begins with a poll of every job and an attempt at every pending delivery.
#[tokio::test(start_paused = true)]
async fn terms_without_commits_follow_each_other_ever_more_slowly() {
    let stage = Stage::begin(Holder::Free, |database| database.lock().refuses_commits = true).await;

    pass(MINUTE * 8).await;
    {
        let mut content = stage.database.lock();
        assert_eq!(content.holder, Holder::Free, "it is given back");
        assert!((6..=11).contains(&content.epoch), "{} terms", content.epoch - 1);
        content.refuses_commits = false;
    }
    assert!(stage.plane.count() <= 2 * 10, "{} polls", stage.plane.count());
    assert_eq!(stage.receiver.count(), 0);

    pass(MINUTE * 8).await;
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_process_begins_nothing_past_its_deadline() {
    for after in [Duration::from_secs(20), MINUTE, MINUTE * 2] {
        let stage = Stage::begin(Holder::Free, |_| {}).await;
        pass(after).await;

        // Another replica took over while nothing of this process ran.
        stage.database.steal();
        let counts = stage.counts();
        tokio::time::advance(MINUTE * 60).await;
        pass(MINUTE * 5).await;

        assert_eq!(stage.counts(), counts, "after {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_begins_nothing_while_it_cannot_renew_its_lease() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().is_reachable = false;
    pass(LEASE).await;
    let counts = stage.counts();
    pass(MINUTE * 20).await;
    assert_eq!(stage.counts(), counts);

    // Nobody else took the lease.
    {
        let mut content = stage.database.lock();
        (content.is_reachable, content.holder) = (true, Holder::Free);
    }
    pass(MINUTE).await;
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_a_lease_changes_nothing() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().is_reachable = false;
    pass(Duration::from_secs(6)).await;
    stage.database.lock().is_reachable = true;
    pass(MINUTE * 5).await;

    assert_eq!(stage.database.lock().holder, Holder::Me(2));
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_the_lease_back_after_the_last_commit() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE * 3 + Duration::from_secs(20)).await;
    let disk = stage.database.clone();

    assert_eq!(stage.stop().await, (Exit::Success, Holder::Free));

    let content = disk.lock();
    assert_eq!(content.disk.delivered().len(), content.disk.deliveries().len(), "nothing is pending");
}

#[tokio::test(start_paused = true)]
async fn a_standby_stops_at_once() {
    let clock = Clock::set_to(START.parse().unwrap());
    let stage = Stage::begin(Holder::Other, |_| {}).await;
    pass(MINUTE).await;

    let begun = clock.now().instant;
    assert_eq!(stage.stop().await, (Exit::Success, Holder::Other));
    assert_eq!(clock.now().instant.since(begun), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_comes_up_later_ends_nothing() {
    let stage = Stage::begin(Holder::Free, |database| database.lock().is_reachable = false).await;
    pass(MINUTE * 60).await;
    assert_eq!(stage.counts(), (0, 0));

    stage.database.lock().is_reachable = true;
    pass(MINUTE).await;

    assert!(stage.plane.count() > 0);
}

/// As the campaign of kills asserts it for a process and its successor.
#[tokio::test(start_paused = true)]
async fn terms_of_one_process_emit_what_one_term_does() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;

    for _ in 0..8 {
        pass(Duration::from_secs(25)).await;
        stage.database.steal();
        pass(LEASE).await;
        stage.database.lock().holder = Holder::Free;
    }
    pass(MINUTE * 5).await;

    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched, EventKind::Completed]);
    let content = stage.database.lock();
    assert_eq!(content.disk.delivered().len(), content.disk.deliveries().len());
    let received: BTreeSet<_> =
        stage.receiver.received().iter().map(|post| post.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!(received.len(), content.disk.deliveries().len(), "one id for each delivery");
}

/// A replica that stands by, with what surrounds it.
fn standby<'a>(setup: &'a mut Setup, database: &Database, clock: Clock) -> (Standby<'a>, Daemon) {
    let view = Replica::cluster(database);
    let standby = Standby::new(setup, view, Tally::default(), clock);
    (standby, Daemon::new(Options::default(), clock))
}

#[tokio::test(start_paused = true)]
async fn a_reload_while_standing_by_is_for_the_next_term() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let before = present.fingerprint();
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);

    let loaded = Loaded {
        setup: setup(&plane, &receiver, &["rj-1", "rj-2"]),
        monitor: None,
        token: None,
        drain_timeout: MINUTE,
        fixed: Fixed { state: None, log: LogFormat::Human, http: HttpSettings::default() },
        warnings: Vec::new(),
    };
    standby.react(Wakeup::Loaded(Box::new(Ok(loaded))), &mut daemon);

    assert!(standby.is_reconfigured);
    assert_ne!(present.fingerprint(), before);
    assert_eq!(present.named_jobs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_status_of_a_standby_shows_what_is_committed() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);
    let mut replica = database.replica();

    let mut answers = Vec::new();
    for _ in 0..5 {
        let (reply, answer) = oneshot::channel();
        let question = Question::Status(StatusQuery::default(), reply);
        standby.react(Wakeup::Question(question), &mut daemon);
        answers.push(answer);
    }
    standby.questions.begin(&mut *replica, clock.now());
    let read = standby.questions.read().await;
    standby.questions_read(read, &daemon);

    for answer in answers {
        let part = answer.await.unwrap().unwrap();
        let DaemonStatus { summary, cluster, troubles, .. } = part.status.daemon;
        assert_eq!(summary, "standby; unfinished: 1 restore");
        assert_eq!(cluster.unwrap().role, Role::Standby);
        assert_eq!(troubles, [""; 0]);
        assert_eq!(part.status.jobs[0].next_poll_at, None, "it is not this replica that polls");
    }
    assert_eq!(database.lock().snapshots, 1, "one read answers all");
}

/// The status that a standby answers a client with.
async fn answered(standby: &mut Standby<'_>, daemon: &mut Daemon, database: &Database) -> Status {
    let (reply, answer) = oneshot::channel();
    standby.react(Wakeup::Question(Question::Status(StatusQuery::default(), reply)), daemon);
    standby.questions.begin(&mut *database.replica(), standby.clock.now());
    // None is under way if what is known is fresh.
    if let Ok(read) = tokio::time::timeout(Duration::from_millis(1), standby.questions.read()).await {
        standby.questions_read(read, daemon);
    }
    answer.await.unwrap().unwrap().status
}

#[tokio::test(start_paused = true)]
async fn ages_go_on_after_the_last_commit() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;
    let clock = Clock::set_to("2026-11-23T13:00:00Z".parse().unwrap());
    let mut present = setup(&stage.plane, &stage.receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &stage.database, clock);

    let status = answered(&mut standby, &mut daemon, &stage.database).await;

    let Elapsed::Exact(age) = status.jobs[0].elapsed else { panic!("rj-1 runs") };
    assert!(age.abs_diff(Duration::from_hours(1)) < Duration::from_secs(5), "{age:?}");
}

#[tokio::test(start_paused = true)]
async fn a_status_after_a_change_reads_the_state_again() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    database.lock().answer = Some(answer_text(&Ok(serde_json::json!({"changed": true}))));
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);
    for _ in 0..2 {
        answered(&mut standby, &mut daemon, &database).await;
    }
    assert_eq!(database.lock().snapshots, 1, "what is known is fresh");

    let (reply, answer) = oneshot::channel();
    let change = Change::Pause(ProjectName::default());
    standby.react(Wakeup::Request(Request::Change(change, reply)), &mut daemon);
    standby.hand_over(&mut *database.replica(), &mut daemon);
    answer.await.unwrap().unwrap();
    answered(&mut standby, &mut daemon, &database).await;

    assert_eq!(database.lock().snapshots, 2);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_refused_if_the_state_cannot_be_read() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    database.lock().is_reachable = false;
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);

    let (reply, answer) = oneshot::channel();
    standby.react(Wakeup::Question(Question::Daemon(reply)), &mut daemon);
    standby.questions.begin(&mut *database.replica(), clock.now());
    let read = standby.questions.read().await;
    standby.questions_read(read, &daemon);

    assert_eq!(answer.await.unwrap().unwrap_err().error, "this replica stands by and cannot read the state");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_handed_over_to_the_active_replica() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    database.lock().answer = Some(answer_text(&Ok(serde_json::json!({"changed": true}))));
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, mut daemon) = standby(&mut present, &database, clock);
    let change = Change::Pause(ProjectName::default());

    let (reply, answer) = oneshot::channel();
    standby.react(Wakeup::Request(Request::Change(change.clone(), reply)), &mut daemon);
    standby.hand_over(&mut *database.replica(), &mut daemon);

    assert_eq!(answer.await.unwrap().unwrap(), serde_json::json!({"changed": true}));
    assert_eq!(database.lock().asked, [HandedOverRequest::Change(change).to_text()]);
}

#[tokio::test(start_paused = true)]
async fn handover_leaves_the_lease_to_another_replica() {
    let stage = Stage::begin(Holder::Free, |database| database.lock().others = 1).await;
    pass(MINUTE).await;

    stage.database.lock().hand_over(&HandedOverRequest::Handover { ends: None }.to_text());
    pass(Duration::from_secs(5)).await;
    assert_eq!(stage.database.lock().holder, Holder::Other, "the other replica took it");
    let answers = stage.database.lock().answers.clone();
    let begun = parse_answer(&answers[0].text).unwrap();
    assert_eq!((begun["replica"].as_str(), begun["epoch"].as_u64()), (Some("a"), Some(2)));

    let (polls, posts) = stage.counts();
    pass(MINUTE * 5).await;
    assert_eq!(stage.counts(), (polls, posts), "it stands by");
    assert_eq!(stage.stop().await, (Exit::Success, Holder::Other));
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_handover_ends_the_process() {
    let stage = Stage::begin(Holder::Free, |database| {
        let mut content = database.lock();
        (content.others, content.hangs_at_give_back) = (1, true);
    })
    .await;
    pass(MINUTE).await;
    stage.database.lock().hand_over(&HandedOverRequest::Handover { ends: None }.to_text());
    pass(Duration::from_secs(4)).await;

    let stopped = tokio::time::timeout(MINUTE, stage.stop()).await;

    assert_eq!(stopped.unwrap().0, Exit::Success);
}

#[tokio::test(start_paused = true)]
async fn lease_that_no_other_replica_takes_is_taken_again() {
    let stage = Stage::begin(Holder::Free, |database| {
        let mut content = database.lock();
        (content.others, content.others_take) = (1, false);
    })
    .await;
    pass(MINUTE).await;

    stage.database.lock().hand_over(&HandedOverRequest::Handover { ends: None }.to_text());
    pass(LEASE).await;
    assert_eq!(stage.database.lock().holder, Holder::Free, "it is left to others");
    pass(LEASE * 2).await;

    assert_eq!(stage.database.lock().holder, Holder::Me(3));
}

#[tokio::test(start_paused = true)]
async fn handover_is_refused_without_another_replica() {
    let stage = Stage::begin(Holder::Free, |_| {}).await;
    pass(MINUTE).await;

    stage.database.lock().hand_over(&HandedOverRequest::Handover { ends: None }.to_text());
    pass(MINUTE).await;

    let answers = stage.database.lock().answers.clone();
    let refused = parse_answer(&answers[0].text).unwrap_err();
    assert_eq!(refused.error, "a stays active: no other replica is there");
    assert_eq!(stage.database.lock().holder, Holder::Me(2));
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_say_what_is_wrong() {
    let clock = Clock::set_to(START.parse().unwrap());
    let database = Database::new(Holder::Other, clock);
    let (plane, receiver) = world().await;
    let mut present = setup(&plane, &receiver, &["rj-1"]);
    let (mut standby, _daemon) = standby(&mut present, &database, clock);

    assert_eq!(standby.status_line(), "standby: b is active (since 0s, heard 1s ago)");
    assert_eq!(standby.trouble(false), None);

    database.lock().holder = Holder::Free;
    assert!(standby.judge(Ok(Look::Standby), Replica::cluster(&database)).is_none());
    assert_eq!(standby.trouble(false).as_deref(), Some("no replica is active"));

    assert!(standby.judge(Err(database::unreachable()), Replica::cluster(&database)).is_none());
    assert_eq!(standby.status_line(), "standby: the state cannot be reached");
    assert_eq!(standby.trouble(false).as_deref(), Some("the state cannot be reached"));
    assert_eq!(standby.stuck(), None);
}
