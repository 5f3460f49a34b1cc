//! The time from an observation to its POST, with a commit in between and without one, and from the
//! first of many ends to the last POST.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use restore_watch::adapters::store::{Backend as _, Opened, Sqlite};
use restore_watch::app::driver::{Driver, State};
use restore_watch::app::setup::Setup;
use restore_watch::config::{
    Endpoint, EventFilter, JobSettings, ProjectSettings, Rate, Route, SecretSource, SinkSettings, SinkTarget,
    StateSettings, UrlSource, WebhookSettings, WebhookUrl,
};
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Receiver, Reply, Scenario, Simulator, Timeline};
use tokio::runtime::Runtime;

use super::{median, quantile};

/// How often each of the two has a turn, after one that does not count, and how long a turn is. Its
/// very start does not count: an event may have waited since the last turn.
const TURNS: u32 = 10;
const TURN: Duration = Duration::from_secs(1);
const START: Duration = Duration::from_millis(100);

/// Slow enough that one event is delivered before the next one is emitted.
const TRANSITIONS_PER_SECOND: f64 = 40.0;
const JOBS: usize = 500;

/// Restores that end at once, and how long the receiver takes to answer.
const ENDS: usize = 1000;
const ANSWERS_AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(100)];

/// A daemon's driver with its API and its receiver.
struct Contender {
    driver: Driver,
    plane: Simulator,
    receiver: Receiver,
    turns: Vec<(Duration, Duration)>,
}

/// Prints the time from the poll of a job to the POST of its event: both servers record the times
/// of requests by the same clock.
pub(crate) fn measure(directory: &Path) {
    let clock = Clock::system();
    let timeline = Timeline::start(clock.now().wall);
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Opened { store, snapshot, .. } = Sqlite::at(&directory.join("state.db")).open(None).unwrap();
    let durable = State { store, saved: snapshot, location: None };
    let mut contenders =
        [State::volatile(), durable].map(|state| Contender::new(state, &servers, timeline, clock));
    for turn in 0..=TURNS {
        for contender in &mut contenders {
            let began = timeline.elapsed();
            let _ = runtime.block_on(async { tokio::time::timeout(TURN, contender.work()).await });
            if turn > 0 {
                contender.turns.push((began + START, timeline.elapsed()));
            }
        }
    }
    let [volatile, durable] = contenders.map(Contender::samples);
    println!("from an observation to its POST    median       p95");
    let print = |what, samples: &[f64]| {
        let (median, p95) = (median(samples), quantile(samples, 0.95));
        println!("  {what:<28}  {median:>6.2} ms {p95:>6.2} ms   ({} events)", samples.len());
    };
    print("without a commit", &volatile);
    print("with the commit", &durable);
    let (without, with) = (median(&volatile), median(&durable));
    println!(
        "  {:<28}  {:>6.2} ms             (a ratio of {:.1})",
        "the commit",
        with - without,
        with / without
    );
    println!();
}

/// Prints how long it takes to poll many restores that have ended, and to deliver their ends.
pub(crate) fn measure_volleys(directory: &Path) {
    println!("{ENDS} ends at once: time to the last POST");
    for delay in ANSWERS_AFTER {
        let took = volley(&super::folder(directory, &format!("{}", delay.as_millis())), delay);
        println!("  a receiver that answers after {:>3} ms {:>6.2} s", delay.as_millis(), took.as_secs_f64());
    }
    println!();
}

fn volley(directory: &Path, answers_after: Duration) -> Duration {
    let timeline = Timeline::start(Clock::system().now().wall);
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let scenario = format!("[[job]]\nid = \"rj\"\ncount = {ENDS}\nage = \"2h\"\ntakes = \"1h\"\n");
    let scenario: Scenario = scenario.parse().unwrap();
    let plane = servers.block_on(Simulator::start(&scenario, listen, timeline)).unwrap();
    let receiver = servers.block_on(Receiver::start([], listen, timeline)).unwrap();
    receiver.otherwise(Reply::status(200).after(answers_after));

    let rate = Rate::MAX;
    let events = EventFilter::from_patterns(["restore_job.completed"]).unwrap();
    let setup = setup(&scenario, &plane, &receiver, rate, events);
    let Opened { store, snapshot, .. } = Sqlite::at(&directory.join("state.db")).open(None).unwrap();
    let mut driver = Driver::new(setup, State { store, saved: snapshot, location: None }, Clock::system());

    let began = timeline.elapsed();
    runtime.block_on(async {
        while receiver.count() < ENDS {
            driver.turn().await.unwrap();
        }
    });
    let last = receiver.received().iter().map(|post| post.at).max().unwrap();
    last.saturating_sub(began)
}

/// A setup that polls these jobs at this rate, and delivers these events.
fn setup(
    scenario: &Scenario,
    plane: &Simulator,
    receiver: &Receiver,
    rate: f64,
    events: EventFilter,
) -> Setup {
    let mut project = ProjectSettings { api_key: SecretSource::Public("any"), ..ProjectSettings::default() };
    project.jobs = scenario.job_ids().iter().cloned().map(JobSettings::new).collect();
    project.api.endpoint = Endpoint::parse(&plane.url(), false).unwrap();
    project.api.requests_per_second = Rate::new(rate).unwrap();
    project.api.burst = 1.try_into().unwrap();
    let url = UrlSource::Given(WebhookUrl::parse(&receiver.url(), false).unwrap());
    let sink = SinkSettings {
        route: Route::new(events),
        ..SinkSettings::new(SinkTarget::Webhook(WebhookSettings::new(url)))
    };
    Setup::new(vec![project], &[sink], StateSettings::KEEP).unwrap()
}

impl Contender {
    fn new(state: State, servers: &Runtime, timeline: Timeline, clock: Clock) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let scenario: Scenario =
            format!("[[job]]\nid = \"rj\"\ncount = {JOBS}\nage = \"1h\"\n").parse().unwrap();
        let plane = servers.block_on(Simulator::start(&scenario, listen, timeline)).unwrap();
        let receiver = servers.block_on(Receiver::start([], listen, timeline)).unwrap();

        let setup = setup(&scenario, &plane, &receiver, TRANSITIONS_PER_SECOND, EventFilter::all());
        let driver = Driver::new(setup, state, clock);
        Self { driver, plane, receiver, turns: Vec::new() }
    }

    async fn work(&mut self) {
        loop {
            self.driver.turn().await.unwrap();
        }
    }

    /// The times in milliseconds.
    fn samples(self) -> Vec<f64> {
        let asked: BTreeMap<_, _> = self
            .plane
            .requests()
            .into_iter()
            .filter_map(|request| Some((request.path.rsplit('/').next()?.to_owned(), request.at)))
            .collect();
        let mut samples = Vec::new();
        for post in self.receiver.received() {
            let event: serde_json::Value = serde_json::from_slice(&post.body).unwrap();
            // A job that a page of the list showed first was not asked for by its id.
            let Some(&asked) = event["job"]["id"].as_str().and_then(|id| asked.get(id)) else { continue };
            if self.turns.iter().any(|(from, to)| *from <= asked && post.at <= *to) {
                samples.push(post.at.saturating_sub(asked).as_secs_f64() * 1e3);
            }
        }
        samples
    }
}
