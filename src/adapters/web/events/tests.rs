//! Streams on a state in memory, in paused time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::super::context::{Context, Sources};
use super::super::health::Health;
use super::super::router::router;
use super::MAX_CLIENTS;
use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader, Readers};
use crate::model::{EndTotals, Event, EventId, EventKind, ProjectName};
use crate::platform::clock::Clock;

/// When the first event is emitted. Each further one follows after a second.
const START: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// More pings than any read takes.
const MOST_PINGS: usize = 20_000;

const MOMENT: Duration = Duration::from_millis(1);

/// What was emitted, as a state keeps it.
#[derive(Default)]
struct State {
    events: Mutex<Vec<Arc<Event>>>,
    /// How often events were read.
    reads: AtomicUsize,
    is_broken: AtomicBool,
    /// Whether reads of events take long.
    is_slow: AtomicBool,
    /// Whether those of the history do.
    is_history_slow: AtomicBool,
}

impl State {
    fn events(&self) -> MutexGuard<'_, Vec<Arc<Event>>> {
        self.events.lock().unwrap()
    }

    fn read(&self) -> Result<MutexGuard<'_, Vec<Arc<Event>>>, ReadError> {
        wait_while(&self.is_slow);
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(ReadError {
                message: "/var/lib/state.db: disk I/O error".into(),
                help: "look at it",
            });
        }
        Ok(self.events())
    }
}

fn wait_while(is_slow: &AtomicBool) {
    while is_slow.load(Ordering::Relaxed) {
        std::thread::sleep(MOMENT);
    }
}

struct StateReader(Arc<State>);

impl Reader for StateReader {
    fn history(&mut self, _: &HistoryFilter, _: HistoryRange) -> Result<History, ReadError> {
        wait_while(&self.0.is_history_slow);
        Ok(History::default())
    }

    fn totals(&mut self) -> Result<EndTotals, ReadError> {
        Ok(EndTotals::new())
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        Ok(self.0.read()?.last().map(|event| event.id))
    }

    fn events_after(&mut self, last: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        let events = self.0.read()?;
        let place = events.iter().position(|event| event.id == last);
        let is_later = |event: &&Arc<Event>| place.is_some() || event.timestamp > last.time();
        let later = events[place.map_or(0, |place| place + 1)..].iter().filter(is_later);
        Ok(later.take(limit).cloned().collect())
    }
}

/// A listener on a state.
struct Stage {
    state: Arc<State>,
    commits: watch::Sender<u64>,
    router: TowerToHyperService<Router>,
    emitted: Vec<EventId>,
}

impl Stage {
    fn new() -> Self {
        Self::on(Arc::default())
    }

    fn on(state: Arc<State>) -> Self {
        let (commits, committed) = watch::channel(0);
        let readers = || Readers::unbounded(Box::new(StateReader(Arc::clone(&state))));
        let sources = Sources { readers: readers(), events: readers(), clock: Clock::system() };
        let token = watch::channel(None).1;
        let health = Arc::<Health>::default();
        let context = Context::new(sources, mpsc::channel(1).0, health, committed, token);
        let router = TowerToHyperService::new(router(context));
        let emitted = state.events().iter().map(|event| event.id).collect();
        Self { state, commits, router, emitted }
    }

    /// Another daemon on the same state.
    fn restarted(self) -> Self {
        Self { emitted: self.emitted, ..Self::on(self.state) }
    }

    /// Commits this many events.
    fn commit(&mut self, events: usize) {
        for _ in 0..events {
            let at = START + Duration::from_secs(self.emitted.len() as u64);
            let id = EventId::from_parts(at, [1; 10]);
            let event = Event {
                reason: Some("two\nlines\r\nand \u{2028} more".to_owned()),
                ..Event::of_project(id, EventKind::ProjectUnauthorized, at, ProjectName::new("one"))
            };
            self.state.events().push(Arc::new(event));
            self.emitted.push(id);
        }
        self.commits.send_modify(|count| *count += 1);
    }

    async fn get(&self, path: &str, last_event_id: Option<&str>) -> Response {
        let request = Request::builder().uri(path);
        let request = match last_event_id {
            Some(id) => request.header("Last-Event-ID", id),
            None => request,
        };
        self.router.call(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// What a client got last that got all.
    fn last(&self) -> String {
        self.emitted.last().unwrap_or(&EventId::BEFORE_ALL).to_string()
    }

    /// A client whose connection is established.
    async fn client(&self) -> Client {
        let mut client = Client::default();
        client.connect(self).await;
        client
    }
}

/// A client that reads a stream as the standard says.
#[derive(Default)]
struct Client {
    body: Option<Body>,
    /// What was received of a block that has not ended.
    received: Vec<u8>,
    last_event_id: String,
    /// The events that were dispatched, by type, with their data.
    events: Vec<(String, String)>,
    ids: Vec<EventId>,
    comments: usize,
}

impl Client {
    async fn connect(&mut self, stage: &Stage) {
        let last = Some(&*self.last_event_id).filter(|id| !id.is_empty());
        let response = stage.get("/v1/events", last).await;
        assert_eq!(response.status(), StatusCode::OK);
        self.received.clear();
        self.body = Some(response.into_body());
        self.pull(usize::MAX).await;
        // Until it is known where the stream begins.
        while self.last_event_id.is_empty() && self.pull(usize::MAX).await {}
    }

    /// Takes the next part, of which at most this many bytes arrive. Whether there was one.
    async fn pull(&mut self, bytes: usize) -> bool {
        let part = next(self.body.as_mut().expect("a connection")).await;
        let Some(part) = part else { return false };
        self.received.extend_from_slice(&part[..part.len().min(bytes)]);
        while let Some(end) = self.received.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.received.drain(..end + 2).collect();
            self.take(std::str::from_utf8(&block).unwrap());
        }
        true
    }

    fn take(&mut self, block: &str) {
        let (mut kind, mut data) = (String::new(), String::new());
        for line in block.trim_end().lines() {
            match line.split_once(": ").expect(line) {
                ("", _) => self.comments += 1,
                ("id", id) => id.clone_into(&mut self.last_event_id),
                ("event", name) => name.clone_into(&mut kind),
                ("data", text) => data += text,
                ("retry", time) => assert_eq!(time, "3000"),
                _ => panic!("{line}"),
            }
        }
        if !data.is_empty() {
            self.events.push((kind, data));
            self.ids.push(self.last_event_id.parse().unwrap());
        }
    }

    /// Reads until it got what was emitted last.
    async fn drain(&mut self, stage: &Stage) {
        let most_comments = self.comments + MOST_PINGS;
        while self.last_event_id != stage.last() {
            let comments = self.comments;
            assert!(self.pull(usize::MAX).await, "the stream has ended");
            assert!(self.comments < most_comments, "only {} events", self.ids.len());
            assert!(self.ids.len() <= stage.emitted.len(), "the stream repeats itself");
            if self.comments > comments {
                // Paused time runs ahead of a read that is under way.
                std::thread::sleep(MOMENT);
            }
        }
    }
}

async fn next(body: &mut Body) -> Option<Bytes> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.unwrap().into_data().unwrap())
}

async fn text(response: Response) -> String {
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(part) = next(&mut body).await {
        text.extend(part);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_emitted_from_now_on_follows_in_order() {
    let mut stage = Stage::new();
    stage.commit(2);
    let mut client = stage.client().await;

    stage.commit(1);
    stage.commit(3);
    client.drain(&stage).await;

    assert_eq!(client.ids, stage.emitted[2..]);
    let (kind, data) = &client.events[0];
    let published = serde_json::to_value(&*stage.state.events()[2]).unwrap();
    assert_eq!(kind, "project.unauthorized");
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), published);
}

#[tokio::test(start_paused = true)]
async fn headers_forbid_to_keep_or_collect_a_stream() {
    let response = Stage::new().get("/v1/events", None).await;

    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(response.headers()[name], value);
    }
}

#[tokio::test(start_paused = true)]
async fn the_header_replays_and_wins_over_the_parameter() {
    let mut stage = Stage::new();
    stage.commit(250);
    let id = |place: usize| stage.emitted[place].to_string();
    for (path, header, from) in [
        ("/v1/events".to_owned(), Some(id(9)), 10),
        (format!("/v1/events?after={}", id(9)), None, 10),
        (format!("/v1/events?after={}", id(9)), Some(id(199)), 200),
        (format!("/v1/events?after={}", id(9)), Some(String::new()), 10),
        ("/v1/events?after=".to_owned(), None, 250),
        (format!("/v1/events?after={}", EventId::BEFORE_ALL), None, 0),
    ] {
        let response = stage.get(&path, header.as_deref()).await;
        let mut client = Client { body: Some(response.into_body()), ..Client::default() };

        client.drain(&stage).await;

        assert_eq!(client.ids, stage.emitted[from..], "{path} {header:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_id_is_refused() {
    let stage = Stage::new();
    for (path, header, place) in [
        ("/v1/events", Some("7"), "the header `Last-Event-ID` is no id of an event: 7"),
        ("/v1/events?after=x%0Ay", None, "the parameter `after` is no id of an event: x\\ny"),
        ("/v1/events?after=5f3cd4f7-2f6b-4b8e-9a26-0e2fd42dcd22", None, "no id of an event: 5f3cd4f7"),
        ("/v1/events?after=ffffffff-ffff-7fff-bfff-ffffffffffff", None, "no id of an event: ffffffff"),
    ] {
        let response = stage.get(path, header).await;

        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let answer: Value = serde_json::from_str(&text(response).await).unwrap();
        assert!(answer["error"].as_str().unwrap().contains(place), "{answer}");
        assert!(answer["help"].as_str().unwrap().contains("last event that was received"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_gone_stands_for_its_time() {
    let mut stage = Stage::new();
    stage.commit(5);
    let gone = stage.emitted[2].to_string();
    stage.state.events().drain(..3);

    let mut client = Client { last_event_id: gone, ..Client::default() };
    client.connect(&stage).await;
    client.drain(&stage).await;

    assert_eq!(client.ids, stage.emitted[3..]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_of_a_later_time_stands_for_the_last_event() {
    let unknown = "01ffffff-8045-7a74-9000-eec89d64d5c2";
    for events_before in [0, 3] {
        let mut stage = Stage::new();
        stage.commit(events_before);
        let mut client = Client { last_event_id: unknown.to_owned(), ..Client::default() };
        client.connect(&stage).await;
        while client.last_event_id == unknown && client.comments < MOST_PINGS {
            client.pull(usize::MAX).await;
        }
        assert_eq!(client.last_event_id, stage.last(), "it comes back with an id that is known");

        stage.commit(2);
        client.drain(&stage).await;

        assert_eq!(client.ids, stage.emitted[events_before..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_cut_off_before_its_first_event_misses_none() {
    for events_before in [0, 3] {
        let mut stage = Stage::new();
        stage.commit(events_before);
        let mut client = stage.client().await;

        client.body = None;
        stage.commit(2);
        client.connect(&stage).await;
        client.drain(&stage).await;

        assert_eq!(client.ids, stage.emitted[events_before..]);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_every_15_seconds() {
    let stage = Stage::new();
    let mut client = stage.client().await;
    client.comments = 0;
    let clock = Clock::system();
    let began = clock.now().instant;

    for pings in 1..=4 {
        assert!(client.pull(usize::MAX).await);

        assert_eq!(client.comments, pings);
        let silent = clock.now().instant.since(began);
        // A timer of paused time may be late by a millisecond.
        assert_eq!(silent.as_millis() / 10, 1500 * pings as u128);
    }
    assert!(client.events.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_read_delays_neither_head_nor_pings() {
    let mut stage = Stage::new();
    stage.state.is_slow.store(true, Ordering::Relaxed);
    let mut clients = Vec::new();
    for _ in 0..3 {
        let response = tokio::time::timeout(MOMENT, stage.get("/v1/events", None)).await.expect("a head");
        clients.push(Client { body: Some(response.into_body()), ..Client::default() });
    }

    for client in &mut clients {
        for pings in 0..4 {
            assert!(client.pull(usize::MAX).await);
            assert_eq!(client.comments, pings);
        }
    }

    // The second one takes no more.
    stage.state.is_slow.store(false, Ordering::Relaxed);
    for client in [0, 2] {
        clients[client].drain(&stage).await;
    }
    stage.commit(1);
    for client in [0, 2] {
        clients[client].drain(&stage).await;
        assert_eq!(clients[client].ids, stage.emitted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_read_of_the_history_delays_no_stream() {
    let mut stage = Stage::new();
    let mut client = stage.client().await;
    stage.commit(1);
    stage.state.is_history_slow.store(true, Ordering::Relaxed);
    let mut history = Box::pin(stage.get("/v1/history", None));
    assert!(tokio::time::timeout(MOMENT, &mut history).await.is_err());

    client.drain(&stage).await;

    assert_eq!(client.ids, stage.emitted);
    stage.state.is_history_slow.store(false, Ordering::Relaxed);
    assert_eq!(history.await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn places_are_bounded_and_freed_by_clients_that_leave() {
    let stage = Stage::new();
    let mut clients = Vec::new();
    for _ in 0..MAX_CLIENTS {
        clients.push(stage.client().await);
    }

    let refused = stage.get("/v1/events", None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "15");
    assert_eq!(text(refused).await, "64 clients follow the events already; try again in 15 s\n");

    clients.pop();
    clients.push(stage.client().await);
}

#[tokio::test(start_paused = true)]
async fn clients_that_read_nothing_delay_none() {
    let mut stage = Stage::new();
    let mut stalled = Vec::new();
    for _ in 1..MAX_CLIENTS {
        stalled.push(stage.client().await);
    }
    let mut client = stage.client().await;

    stage.commit(250);
    client.drain(&stage).await;
    assert_eq!(client.ids, stage.emitted);

    for client in &mut stalled {
        client.drain(&stage).await;
        assert_eq!(client.ids, stage.emitted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_read_once_for_all_clients() {
    let mut stage = Stage::new();
    let mut clients = Vec::new();
    for _ in 0..MAX_CLIENTS {
        let mut client = stage.client().await;
        client.drain(&stage).await;
        clients.push(client);
    }

    for _ in 0..3 {
        let before = stage.state.reads.load(Ordering::Relaxed);
        stage.commit(2);
        for client in &mut clients {
            client.drain(&stage).await;
        }

        assert_eq!(stage.state.reads.load(Ordering::Relaxed) - before, 1);
        assert!(clients.iter().all(|client| client.ids == stage.emitted));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_daemon_stops() {
    let stage = Stage::new();
    let mut client = stage.client().await;

    drop(stage);

    assert!(client.pull(usize::MAX).await, "its last part is empty");
    assert!(!client.pull(usize::MAX).await);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_if_the_state_cannot_be_read() {
    let mut stage = Stage::new();
    let mut client = stage.client().await;
    client.drain(&stage).await;

    stage.state.is_broken.store(true, Ordering::Relaxed);
    stage.commit(1);
    while client.pull(usize::MAX).await {}
    let begun = stage.get("/v1/events", None).await;
    assert_eq!(begun.status(), StatusCode::OK, "browsers come back to a stream, not to an error");
    assert!(!text(begun).await.contains("id:"));

    stage.state.is_broken.store(false, Ordering::Relaxed);
    client.connect(&stage).await;
    client.drain(&stage).await;
    assert_eq!(client.ids, stage.emitted);
}

/// What happens while some clients follow.
#[derive(Debug, Clone)]
enum Step {
    Commit {
        events: usize,
    },
    /// A client takes a part.
    Read {
        client: usize,
    },
    /// The connection of a client breaks within its next part, and it comes back.
    Cut {
        client: usize,
        bytes: usize,
    },
    Restart,
    /// The state drops this many of the events that every client got.
    Prune {
        events: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop_oneof![4 => 1_usize..4, 1 => 90_usize..230].prop_map(|events| Step::Commit { events }),
        4 => (0..CLIENTS).prop_map(|client| Step::Read { client }),
        3 => (0..CLIENTS, prop_oneof![0_usize..700, Just(usize::MAX)])
            .prop_map(|(client, bytes)| Step::Cut { client, bytes }),
        1 => Just(Step::Restart),
        1 => (1_usize..9).prop_map(|events| Step::Prune { events }),
    ];
    prop::collection::vec(step, 1..40)
}

const CLIENTS: usize = 3;

async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut stage = Stage::new();
    stage.commit(2);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(stage.client().await);
    }

    for step in steps {
        match step {
            Step::Commit { events } => stage.commit(events),
            Step::Read { client } => _ = clients[client].pull(usize::MAX).await,
            Step::Cut { client, bytes } => {
                clients[client].pull(bytes).await;
                clients[client].connect(&stage).await;
            }
            Step::Restart => {
                stage = stage.restarted();
                for client in &mut clients {
                    client.connect(&stage).await;
                }
            }
            Step::Prune { events } => {
                let received = clients.iter().map(|client| client.ids.len() + 2).min().unwrap_or_default();
                let mut kept = stage.state.events();
                let pruned = stage.emitted.len() - kept.len();
                kept.drain(..events.min(received - pruned.min(received)));
            }
        }
    }
    // Those that have all get nothing again before the next one.
    stage.commit(1);
    for client in &mut clients {
        client.drain(&stage).await;
        prop_assert_eq!(&client.ids, &stage.emitted[2..]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn clients_that_come_back_get_each_event_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(play(steps))?;
    }
}
