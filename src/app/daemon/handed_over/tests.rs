//! Requests of standbys, over a store that records what is committed.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::adapters::control::{AddJobs, ForgetJobs, NewJob, SetSilence};
use crate::adapters::report::Reader;
use crate::adapters::store::{Body, OpenError, Store, Volatile};
use crate::app::driver::State;
use crate::app::setup::Setup;
use crate::config::{ProjectSettings, SecretSource, StateSettings};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, JobId, Payload, ProjectName, Reference, RequestId, SilenceId};

/// How long a commit takes.
const COMMIT: Duration = Duration::from_secs(3);

/// What clients of standbys ask for, and what is committed.
#[derive(Default)]
struct Shared {
    requests: Vec<HandedOver>,
    batches: Vec<Arc<Batch>>,
}

#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Shared>>);

impl Store for Recording {
    fn commit(&self, batch: Arc<Batch>, _: Vec<Body>) -> Pending<()> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::time::sleep(COMMIT).await;
            shared.lock().unwrap().batches.push(batch);
            Ok(())
        })
    }

    fn payload(&self, _: &DeliveryId) -> Pending<Payload> {
        Box::pin(std::future::pending())
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        Volatile::default().reader()
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn handed_over(&self) -> Pending<Vec<HandedOver>> {
        let requests = std::mem::take(&mut self.0.lock().unwrap().requests);
        Box::pin(std::future::ready(Ok(requests)))
    }
}

/// A daemon that watches the project `default` without a job.
struct Stage {
    store: Recording,
    driver: Driver,
}

impl Stage {
    async fn new() -> Self {
        let store = Recording::default();
        let project =
            ProjectSettings { api_key: SecretSource::Public("a-key"), ..ProjectSettings::default() };
        let setup = Setup::new(vec![project], &[], StateSettings::KEEP).unwrap();
        let empty = State { store: Box::new(store.clone()), saved: Snapshot::default(), location: None };
        let clock = Clock::set_to("2026-11-23T12:00:00Z".parse().unwrap());
        let mut stage = Self { store, driver: Driver::new(setup, empty, clock) };
        stage.driver.start();
        stage.work(COMMIT * 3).await;
        stage.store.0.lock().unwrap().batches.clear();
        stage
    }

    /// Runs the daemon for this time.
    async fn work(&mut self, time: Duration) {
        let clock = self.driver.clock();
        let end = self.driver.now().instant + time;
        loop {
            tokio::select! {
                turned = self.driver.turn() => drop(turned.unwrap()),
                () = clock.sleep_until(Some(end)) => return,
            }
            let handed_over = self.driver.take_handed_over();
            carry_out(&mut self.driver, handed_over, |_| Err(not_taken()));
        }
    }

    /// Hands requests over under the numbers from 1. Returns the batches that follow.
    async fn committed(&mut self, requests: &[String]) -> Vec<Arc<Batch>> {
        let handed_over = requests
            .iter()
            .zip(1..)
            .map(|(text, number)| HandedOver { id: RequestId::new(format!("{number}")), text: text.clone() });
        self.store.0.lock().unwrap().requests.extend(handed_over);
        self.work(COMMIT * 4).await;
        std::mem::take(&mut self.store.0.lock().unwrap().batches)
    }
}

fn add(jobs: &[&str]) -> Change {
    let job =
        |id: &&str| NewJob { id: JobId::new(*id).unwrap(), name: None, deadline_seconds: None, until: None };
    Change::Add(AddJobs { project: None, jobs: jobs.iter().map(job).collect() })
}

fn text(change: Change) -> String {
    HandedOverRequest::Change(change).to_text()
}

/// The answers of a batch, by the number of their request.
fn answers(batch: &Batch) -> Vec<(&str, ChangeAnswer)> {
    batch.answers.iter().map(|answer| (answer.request.as_str(), parse_answer(&answer.text))).collect()
}

#[tokio::test(start_paused = true)]
async fn changes_are_in_one_batch_with_their_answers() {
    let mut stage = Stage::new().await;
    let silence = SetSilence {
        index: None,
        project: Some(ProjectName::default()),
        sink: None,
        for_seconds: Some(60.0),
        until: None,
        comment: "maintenance".to_owned(),
        set_by: None,
    };
    // Something else is being committed.
    stage.driver.command(crate::engine::Command::Pause(ProjectName::default()));
    stage.driver.command(crate::engine::Command::Commit);
    let many: Vec<_> = (0..20).map(|number| format!("rj-{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();

    let batches = stage
        .committed(&[
            text(add(&many)),
            text(Change::SetSilence(silence)),
            text(Change::Resume(ProjectName::default())),
        ])
        .await;

    let [before, batch, after @ ..] = &batches[..] else { panic!("{} batches", batches.len()) };
    assert!(after.iter().all(|batch| batch.answers.is_empty()));
    assert!(before.answers.is_empty() && before.jobs.is_empty() && before.silences.is_none());
    assert_eq!((batch.jobs.len(), batch.projects.len(), batch.silences.is_some()), (20, 1, true));
    let answers = answers(batch);
    let requests: Vec<_> = answers.iter().map(|(request, _)| *request).collect();
    assert_eq!(requests, ["1", "2", "3"]);
    assert_eq!(answers[0].1.as_ref().unwrap()["jobs"][19]["result"], "added");
    assert_eq!(answers[1].1.as_ref().unwrap()["id"], json!(SilenceId::FIRST));
    assert_eq!(answers[2].1, Ok(json!({"changed": true})));
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_is_answered_by_a_commit() {
    let mut stage = Stage::new().await;
    let forget = ForgetJobs { project: None, jobs: vec![Reference::new("rj-9")] };

    let batches = stage
        .committed(&[
            text(Change::Forget(forget)),
            text(Change::Pause(ProjectName::new("none"))),
            "{\"change\":{\"rename\":{}}}".to_owned(),
            HandedOverRequest::Handover { ends: None }.to_text(),
        ])
        .await;

    let [batch] = &batches[..] else { panic!("{} batches", batches.len()) };
    let answers = answers(batch);
    assert_eq!(answers[0].1.as_ref().unwrap()["jobs"][0]["result"], "unknown");
    let kinds: Vec<_> = answers[1..].iter().map(|(_, answer)| answer.as_ref().unwrap_err().kind).collect();
    assert_eq!(kinds, [RequestErrorKind::NotFound, RequestErrorKind::Invalid, RequestErrorKind::Stopping]);
}

/// A replica whose requests end like this.
struct Standby(Result<Option<String>, StoreError>);

impl Replica for Standby {
    fn look(&mut self) -> crate::adapters::store::Looking<'_> {
        Box::pin(std::future::pending())
    }

    fn look_interval(&self) -> Duration {
        Duration::ZERO
    }

    fn cluster(&self) -> ClusterView {
        ClusterView::default()
    }

    fn snapshot(&mut self) -> Pending<Snapshot> {
        Box::pin(std::future::pending())
    }

    fn decline(&mut self, _: Duration) {}

    fn leave(&mut self) -> crate::adapters::store::Leaving<'_> {
        Box::pin(std::future::ready(()))
    }

    fn fail(&mut self, _: Duration) {}

    fn hand_over(&mut self, _: String) -> Pending<Option<String>> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

#[tokio::test(start_paused = true)]
async fn client_of_a_standby_gets_the_committed_answer() {
    let done = json!({"changed": true});
    let refused = RequestError::new(RequestErrorKind::NotFound, "no project");
    let lost = StoreError {
        class: crate::adapters::store::StoreErrorClass::Failed,
        doing: "write",
        state: "db".to_owned(),
        fault: "no rights".to_owned(),
        help: "grant them",
    };
    for (end, answer) in [
        (Ok(Some(answer_text(&Ok(done.clone())))), Ok(done)),
        (Ok(Some(answer_text(&Err(refused.clone())))), Err(refused)),
        (Ok(None), Err(not_taken())),
        (Err(lost.clone()), Err(not_handed_over(&lost))),
    ] {
        let (reply, answered) = tokio::sync::oneshot::channel();
        let mut requests = HandedOverRequests::default();
        requests.change(&mut Standby(end), Change::Pause(ProjectName::default()), reply);
        requests.finish(Duration::from_secs(1)).await;
        assert_eq!(answered.await.unwrap(), answer);
    }
}
