//! The receivers, and what each of them got.
//!
//! Invariant: what came is recorded before it is answered, with the time at which it was complete;
//! what is answered badly, or not at all, was received all the same.

mod command;
mod mail;
mod webhook;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use restore_watch::model::EventKind;

use command::Commands;
use mail::MailServer;
use webhook::WebhookReceiver;

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
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) name: &'static str,
    temper: Temper,
    kind: Kind,
    wants: Wants,
    schedule: &'static str,
}

/// Which events it is configured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    All,
    Ends,
    /// A few of the ends: it takes one a second.
    IndexNotReady,
}

/// What receives.
#[derive(Debug)]
enum Kind {
    /// A server of webhooks of this format, whose requests are signed with the secrets of these
    /// numbers, the newest first.
    Webhook { format: &'static str, secrets: &'static [u8] },
    /// A command.
    Command,
    /// A mail server.
    Mail,
}

/// Four attempts, then enough of them that a receiver that fails now and then takes one.
const PATIENT: &str = "\"10ms\", \"20ms\", \"30ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\", \"40ms\",
            \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\", \"60ms\",
            \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\", \"80ms\",
            \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\"";

/// One that is always well, one with a short retry schedule, and unreliable ones of every kind.
pub(crate) const SINKS: [Sink; 7] = [
    Sink {
        name: "well",
        temper: Temper::Well,
        kind: Kind::Webhook { format: "standard", secrets: &[1] },
        wants: Wants::All,
        schedule: "\"20ms\", \"50ms\", \"100ms\", \"1s\", \"1s\", \"1s\", \"1s\", \"1s\"",
    },
    Sink {
        name: "wild",
        temper: Temper::Wild,
        kind: Kind::Webhook { format: "standard", secrets: &[2, 3] },
        wants: Wants::All,
        schedule: PATIENT,
    },
    Sink {
        name: "strict",
        temper: Temper::Strict,
        kind: Kind::Webhook { format: "cloudevents", secrets: &[4] },
        wants: Wants::Ends,
        schedule: "\"20ms\", \"40ms\"",
    },
    Sink {
        name: "template",
        temper: Temper::Wild,
        kind: Kind::Webhook { format: "template", secrets: &[5] },
        wants: Wants::IndexNotReady,
        schedule: PATIENT,
    },
    Sink {
        name: "pager",
        temper: Temper::Wild,
        kind: Kind::Webhook { format: "pagerduty", secrets: &[] },
        wants: Wants::Ends,
        schedule: PATIENT,
    },
    Sink {
        name: "command",
        temper: Temper::Wild,
        kind: Kind::Command,
        wants: Wants::Ends,
        schedule: PATIENT,
    },
    Sink { name: "mail", temper: Temper::Wild, kind: Kind::Mail, wants: Wants::Ends, schedule: PATIENT },
];

impl Sink {
    /// Whether its filter accepts this event.
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        match self.wants {
            Wants::All => true,
            Wants::Ends => kind.is_terminal(),
            Wants::IndexNotReady => kind == EventKind::IndexNotReady,
        }
    }

    /// Whether it gets every event in its published shape, until it takes it.
    pub(crate) fn gets_all_events(&self) -> bool {
        let is_published = matches!(self.kind, Kind::Webhook { format: "standard", .. });
        is_published && self.wants == Wants::All && !self.gives_up()
    }

    /// Whether its deliveries may become dead letters.
    pub(crate) fn gives_up(&self) -> bool {
        self.temper == Temper::Strict
    }
}

/// Something that came.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// When it was complete.
    pub(crate) at: Timestamp,
    /// The id of its event.
    pub(crate) id: String,
    /// What came, in the form in which it was committed.
    pub(crate) body: Bytes,
    /// Whether it was answered well.
    pub(crate) taken: bool,
    /// Its own fault, such as a bad signature.
    pub(crate) fault: Option<String>,
}

/// What one sink received.
pub(crate) struct Ledger {
    pub(crate) sink: &'static Sink,
    receiver: Box<dyn Receives>,
    page: Page,
}

/// A receiver that records on a page.
trait Receives {
    /// The keys of its sink, but for those that all sinks have.
    fn keys(&self) -> String;

    /// The variables that these keys name.
    fn variables(&self) -> Vec<(String, String)>;

    /// Records what it did not record itself.
    fn collect(&self) {}

    /// Whether it behaves well from now on.
    fn calm(&self, _calm: bool) {}
}

/// What a receiver records, and how it behaves. Clones are the same page.
#[derive(Clone)]
struct Page(Arc<Mutex<Entries>>);

struct Entries {
    posts: Vec<Post>,
    temper: Temper,
    is_calm: bool,
    rng: fastrand::Rng,
}

impl Page {
    fn record(&self, post: Post) {
        self.0.lock().unwrap().posts.push(post);
    }

    /// How it behaves now, and a number below 100 for what it does.
    fn mood(&self) -> (Temper, u8) {
        let mut entries = self.0.lock().unwrap();
        let temper = if entries.is_calm { Temper::Well } else { entries.temper };
        (temper, entries.rng.u8(..100))
    }

    /// A number of milliseconds from 20 to 300.
    fn delay(&self) -> u64 {
        self.0.lock().unwrap().rng.u64(20..300)
    }
}

impl Ledger {
    /// Opens a ledger and begins to receive.
    pub(crate) fn open(sink: &'static Sink, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let entries = Entries { posts: Vec::new(), temper: sink.temper, is_calm: false, rng };
        let page = Page(Arc::new(Mutex::new(entries)));
        let receiver: Box<dyn Receives> = match sink.kind {
            Kind::Webhook { format, secrets } => {
                Box::new(WebhookReceiver::open(sink.name, format, secrets, page.clone()))
            }
            Kind::Command => Box::new(Commands::open(sink.temper, page.clone())),
            Kind::Mail => Box::new(MailServer::open(page.clone())),
        };
        Self { sink, receiver, page }
    }

    /// What came so far, in order.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.receiver.collect();
        self.page.0.lock().unwrap().posts.clone()
    }

    /// Replaces what was recorded by what was recorded earlier.
    pub(crate) fn reset(&self, posts: Vec<Post>) {
        self.receiver.collect();
        self.page.0.lock().unwrap().posts = posts;
    }

    /// Sets whether the receiver behaves well from now on.
    pub(crate) fn calm(&self, calm: bool) {
        self.page.0.lock().unwrap().is_calm = calm;
        self.receiver.calm(calm);
    }

    /// The table of a configuration that has this sink.
    pub(crate) fn configuration(&self) -> String {
        let Sink { name, wants, schedule, .. } = self.sink;
        let events = match wants {
            Wants::All => "\"*\"",
            Wants::Ends => {
                "\"restore_job.completed\", \"restore_job.failed\", \"restore_job.cancelled\", \
                 \"restore_job.unrecognised\", \"index.*\""
            }
            Wants::IndexNotReady => "\"index.not_ready\"",
        };
        let keys = self.receiver.keys();
        format!("[[sink]]\nname = \"{name}\"\nretry_schedule = [{schedule}]\nevents = [{events}]\n{keys}")
    }

    /// The variables that this configuration names.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        self.receiver.variables()
    }
}
