//! The receivers, and what each of them got.
//!
//! Invariant: a request is recorded before it is answered, with the time at which it was complete;
//! one that is answered badly, or not at all, was received all the same.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use restore_watch::model::EventKind;
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Received, Receiver, Reply};

use crate::secrets;
use crate::support::receive;

/// How a receiver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Always well.
    Well,
    /// Fails at random, in every way that is retried.
    Wild,
    /// Refuses so much that some deliveries are given up.
    Strict,
}

/// A sink of the daemon and the behavior of its receiver.
pub(crate) struct Sink {
    pub(crate) name: &'static str,
    temper: Temper,
    format: &'static str,
    /// Configured for ends only.
    ends_only: bool,
    /// The numbers of its secrets, the newest first.
    secrets: &'static [u8],
    schedule: &'static str,
}

/// Three sinks: one always well, one unreliable, one with a short retry schedule.
pub(crate) const SINKS: [Sink; 3] = [
    Sink {
        name: "well",
        temper: Temper::Well,
        format: "standard",
        ends_only: false,
        secrets: &[1],
        schedule: "\"20ms\", \"50ms\", \"100ms\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\"",
    },
    Sink {
        name: "wild",
        temper: Temper::Wild,
        format: "standard",
        ends_only: false,
        secrets: &[2, 3],
        schedule: "\"10ms\", \"20ms\", \"30ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\",
            \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\",
            \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\",
            \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\"",
    },
    Sink {
        name: "strict",
        temper: Temper::Strict,
        format: "cloudevents",
        ends_only: true,
        secrets: &[4],
        schedule: "\"20ms\", \"40ms\"",
    },
];

impl Sink {
    /// Whether its filter accepts this event.
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        kind.is_terminal() || !self.ends_only
    }

    /// Whether its deliveries may become dead letters.
    pub(crate) fn gives_up(&self) -> bool {
        self.temper == Temper::Strict
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// When it was complete.
    pub(crate) at: Timestamp,
    /// Its `webhook-id`.
    pub(crate) id: String,
    pub(crate) body: Bytes,
    /// Whether it was answered well.
    pub(crate) taken: bool,
    /// Its own fault, such as a bad signature.
    pub(crate) fault: Option<String>,
}

/// The requests that one sink received.
pub(crate) struct Ledger {
    pub(crate) sink: &'static Sink,
    receiver: Receiver,
    posts: Arc<Mutex<Vec<Post>>>,
    calm: Arc<Mutex<bool>>,
}

impl Ledger {
    /// Opens a ledger and begins to receive.
    pub(crate) fn open(sink: &'static Sink, seed: u64) -> Self {
        let receiver = receive([]);
        let (posts, calm) = (Arc::<Mutex<Vec<Post>>>::default(), Arc::<Mutex<bool>>::default());
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        receiver.decide({
            let (posts, calm, clock) = (Arc::clone(&posts), Arc::clone(&calm), Clock::system());
            move |received| {
                let temper = if *calm.lock().unwrap() { Temper::Well } else { sink.temper };
                let (reply, taken) = mood(temper, &mut rng.lock().unwrap());
                let id = received.header("webhook-id").unwrap_or_default().to_owned();
                let (body, fault) = (received.body.clone(), fault(sink, received));
                posts.lock().unwrap().push(Post { at: clock.now().wall, id, body, taken, fault });
                reply
            }
        });
        Self { sink, receiver, posts, calm }
    }

    /// The requests so far, in order.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// Replaces the recorded requests by earlier ones.
    pub(crate) fn reset(&self, posts: Vec<Post>) {
        *self.posts.lock().unwrap() = posts;
    }

    /// Sets whether the receiver behaves well from now on.
    pub(crate) fn calm(&self, calm: bool) {
        *self.calm.lock().unwrap() = calm;
    }

    /// The table of a configuration that has this sink.
    pub(crate) fn configuration(&self) -> String {
        let Sink { name, format, ends_only, secrets, schedule, .. } = self.sink;
        let secrets: Vec<_> =
            secrets.iter().map(|number| format!("{{ env = \"SECRET_{number}\" }}")).collect();
        let ends = "events = [\"restore_job.completed\", \"restore_job.failed\", \"restore_job.cancelled\", \
                    \"restore_job.unrecognised\", \"index.*\"]\n";
        format!(
            "[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = {{ env = \"URL_{name}\" }}\nformat = \"{format}\"\n\
             bearer = {{ env = \"TOKEN\" }}\nsigning_secret = [{}]\nretry_schedule = [{schedule}]\n{}",
            secrets.join(", "),
            if *ends_only { ends } else { "events = [\"*\"]\n" },
        )
    }

    /// The variables that this configuration names.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let url = format!("{}/{}", self.receiver.url(), secrets::PATH);
        let secrets = self.sink.secrets.iter();
        let secrets = secrets.map(|number| (format!("SECRET_{number}"), secrets::signing(*number)));
        let token = ("TOKEN".to_owned(), secrets::TOKEN.to_owned());
        secrets.chain([(format!("URL_{}", self.sink.name), url), token]).collect()
    }
}

/// How a request is answered, and whether that is well.
fn mood(temper: Temper, rng: &mut fastrand::Rng) -> (Reply, bool) {
    let late = |reply: Reply, rng: &mut fastrand::Rng| reply.after(Duration::from_millis(rng.u64(20..300)));
    match (temper, rng.u8(..100)) {
        (Temper::Well, _) | (Temper::Wild, 0..50) | (Temper::Strict, 0..55) => (Reply::status(204), true),
        (Temper::Wild, 50..60) => (late(Reply::status(200).body("taken"), rng), true),
        (Temper::Wild, 60..70) => (Reply::status(500), false),
        (Temper::Wild, 70..75) => (late(Reply::status(502).body("<html>"), rng), false),
        (Temper::Wild, 75..78) => (Reply::status(429).body("{\"retry_after\": 0.05}"), false),
        (Temper::Wild, 78) => (Reply::status(429).header("retry-after", "1"), false),
        (Temper::Wild, 79..90) => (Reply::drop_connection(), false),
        (Temper::Wild, _) => (late(Reply::drop_connection(), rng), false),
        (Temper::Strict, _) => (Reply::status(500).body("not like this"), false),
    }
}

/// What is wrong with a request by itself: its form, or one of its signatures.
fn fault(sink: &Sink, received: &Received) -> Option<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &received.headers {
        headers.append(name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?);
    }
    let path = format!("/{}", secrets::PATH);
    if received.header("authorization") != Some(&format!("Bearer {}", secrets::TOKEN)) {
        return Some("another authorization".to_owned());
    }
    if received.method != "POST" || received.path != path || headers.get_all("webhook-id").iter().count() != 1
    {
        return Some(format!("{} {} {headers:?}", received.method, received.path));
    }
    sink.secrets.iter().find_map(|number| {
        let secret = standardwebhooks::Webhook::new(&secrets::signing(*number)).expect("a secret");
        let wrong = secret.verify(&received.body, &headers).err()?;
        Some(format!("the signature of secret {number}: {wrong}"))
    })
}
