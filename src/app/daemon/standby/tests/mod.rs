//! A process among replicas, in paused time, with a real HTTP server for the API and a sink.

mod database;
mod handing_over;
mod questions;
mod terms;

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

/// A replica that stands by, with what surrounds it.
fn standby<'a>(setup: &'a mut Setup, database: &Database, clock: Clock) -> (Standby<'a>, Daemon) {
    let view = Replica::cluster(database);
    let standby = Standby::new(setup, view, Tally::default(), clock);
    (standby, Daemon::new(Options::default(), clock))
}
