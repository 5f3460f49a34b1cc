//! A listener on a state in memory, and clients of its streams.

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
use tokio::sync::{mpsc, watch};

use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader, Readers};
use crate::adapters::web::context::{Context, Sources};
use crate::adapters::web::health::Health;
use crate::adapters::web::router::router;
use crate::model::{EndTotals, Event, EventId, EventKind, ProjectName};
use crate::platform::clock::Clock;

/// When the first event is emitted. Each further one follows after a second.
const START: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// More pings than any read takes.
pub(super) const MOST_PINGS: usize = 20_000;

pub(super) const MOMENT: Duration = Duration::from_millis(1);

/// What was emitted, as a state keeps it.
#[derive(Default)]
pub(super) struct State {
    events: Mutex<Vec<Arc<Event>>>,
    /// How often events were read.
    pub(super) reads: AtomicUsize,
    pub(super) is_broken: AtomicBool,
    /// Whether reads of events take long.
    pub(super) is_slow: AtomicBool,
    /// Whether those of the history do.
    pub(super) is_history_slow: AtomicBool,
}

impl State {
    pub(super) fn events(&self) -> MutexGuard<'_, Vec<Arc<Event>>> {
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
pub(super) struct Stage {
    pub(super) state: Arc<State>,
    commits: watch::Sender<u64>,
    router: TowerToHyperService<Router>,
    pub(super) emitted: Vec<EventId>,
}

impl Stage {
    pub(super) fn new() -> Self {
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
    pub(super) fn restarted(self) -> Self {
        Self { emitted: self.emitted, ..Self::on(self.state) }
    }

    /// Commits this many events.
    pub(super) fn commit(&mut self, events: usize) {
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

    pub(super) async fn get(&self, path: &str, last_event_id: Option<&str>) -> Response {
        let request = Request::builder().uri(path);
        let request = match last_event_id {
            Some(id) => request.header("Last-Event-ID", id),
            None => request,
        };
        self.router.call(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// What a client got last that got all.
    pub(super) fn last(&self) -> String {
        self.emitted.last().unwrap_or(&EventId::BEFORE_ALL).to_string()
    }

    /// A client whose connection is established.
    pub(super) async fn client(&self) -> Client {
        let mut client = Client::default();
        client.connect(self).await;
        client
    }
}

/// A client that reads a stream as the standard says.
#[derive(Default)]
pub(super) struct Client {
    pub(super) body: Option<Body>,
    /// What was received of a block that has not ended.
    received: Vec<u8>,
    pub(super) last_event_id: String,
    /// The events that were dispatched, by type, with their data.
    pub(super) events: Vec<(String, String)>,
    pub(super) ids: Vec<EventId>,
    pub(super) comments: usize,
}

impl Client {
    /// One that gets this stream.
    pub(super) fn of(response: Response) -> Self {
        Self { body: Some(response.into_body()), ..Self::default() }
    }

    /// One that is not connected, and got this event last.
    pub(super) fn after(last_event_id: String) -> Self {
        Self { last_event_id, ..Self::default() }
    }

    pub(super) async fn connect(&mut self, stage: &Stage) {
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
    pub(super) async fn pull(&mut self, bytes: usize) -> bool {
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
    pub(super) async fn drain(&mut self, stage: &Stage) {
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

pub(super) async fn next(body: &mut Body) -> Option<Bytes> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.unwrap().into_data().unwrap())
}

pub(super) async fn text(response: Response) -> String {
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(part) = next(&mut body).await {
        text.extend(part);
    }
    String::from_utf8(text).unwrap()
}
