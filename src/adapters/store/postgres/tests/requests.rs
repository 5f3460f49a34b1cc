//! Requests that are handed over: answered or taken back, never both.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::adapters::store::postgres::connection::Database;
use crate::adapters::store::postgres::link::Link;
use crate::adapters::store::postgres::requests::OwnRequest;
use crate::adapters::store::samples::job;
use crate::adapters::store::{HandedOver, Store};
use crate::engine::{Batch, RequestAnswer};

/// What a standby reads if it took its request back.
const TAKEN_BACK: Option<&str> = Some("");

/// A database, and its active replica.
struct Stage {
    server: &'static PostgresServer,
    database: String,
    settings: PostgresSettings,
    link: Link,
}

impl Stage {
    fn new(name: &str) -> Option<Self> {
        let server = PostgresServer::shared()?;
        let settings = settings(&server.create_database(name));
        let link = Link::to(&Arc::new(Database::of(&settings).unwrap()));
        Some(Self { server, database: name.to_owned(), settings, link })
    }

    /// Takes the lease, which is free.
    async fn take(&self) -> Box<dyn Store> {
        let mut replica = PostgresReplica::new(&self.settings, Clock::system());
        let taken = replica.look_and_take(true).await.unwrap();
        Box::new(taken.expect("the lease").store)
    }

    /// Another replica takes the lease from its holder.
    fn depose(&self) {
        self.sql("UPDATE restore_watch.clusters SET epoch = epoch + 1, beat = beat + 1, token = 'other'");
    }

    fn request(&self, text: &str) -> OwnRequest {
        let cluster = self.settings.cluster.name.clone();
        OwnRequest::new(self.link.clone(), Clock::system(), cluster, text.to_owned())
    }

    fn sql(&self, sql: &str) -> String {
        self.server.psql(&self.database, sql)
    }
}

/// What an active replica takes at its next look.
async fn taken(store: &dyn Store) -> Vec<HandedOver> {
    store.edits().await.unwrap();
    store.handed_over().await.unwrap()
}

fn texts(requests: &[HandedOver]) -> Vec<&str> {
    requests.iter().map(|request| request.text.as_str()).collect()
}

/// Commits a change that these requests ask for, with their answers.
async fn answer(store: &dyn Store, requests: &[HandedOver]) -> bool {
    let answers = requests.iter().map(|request| RequestAnswer {
        request: request.id.clone(),
        text: format!("done: {}", request.text),
    });
    let jobs = requests.iter().map(|request| job(&request.text, 0)).collect();
    let batch = Batch { jobs, answers: answers.collect(), ..Batch::default() };
    store.commit(Arc::new(batch), Vec::new()).await.is_ok()
}

#[tokio::test]
async fn request_is_claimed_once_and_answered_with_its_change() {
    let Some(stage) = Stage::new("requests_answered") else { return };
    let store = stage.take().await;
    assert_eq!(taken(&*store).await, []);
    let (first, second) = (stage.request("rj-1"), stage.request("rj-2"));
    first.write().await.unwrap();
    first.write().await.unwrap();
    second.write().await.unwrap();

    let requests = taken(&*store).await;

    assert_eq!(texts(&requests), ["rj-1", "rj-2"]);
    assert_eq!(taken(&*store).await, [], "they are in hand");
    assert_eq!(first.take_back().await.unwrap(), None, "the active replica may be committing it");
    assert!(answer(&*store, &requests).await);
    assert_eq!(first.take_back().await.unwrap().as_deref(), Some("done: rj-1"));
    assert_eq!(second.read().await.unwrap().as_deref(), Some("done: rj-2"));
    assert_eq!(taken(&*store).await, []);
}

#[tokio::test]
async fn what_is_taken_back_is_never_claimed() {
    let Some(stage) = Stage::new("requests_taken_back") else { return };
    let store = stage.take().await;
    let (written, late) = (stage.request("rj-1"), stage.request("rj-2"));
    written.write().await.unwrap();

    assert_eq!(written.take_back().await.unwrap().as_deref(), TAKEN_BACK);
    assert_eq!(late.take_back().await.unwrap().as_deref(), TAKEN_BACK);
    // A connection that broke leaves a message behind.
    late.write().await.unwrap();

    assert_eq!(taken(&*store).await, []);
}

#[tokio::test]
async fn claim_of_a_lost_lease_can_be_taken_back() {
    let Some(stage) = Stage::new("requests_deposed") else { return };
    let store = stage.take().await;
    let (first, second) = (stage.request("rj-1"), stage.request("rj-2"));
    first.write().await.unwrap();
    second.write().await.unwrap();
    let requests = taken(&*store).await;
    stage.depose();

    assert_eq!(first.take_back().await.unwrap().as_deref(), TAKEN_BACK);
    assert!(!answer(&*store, &requests).await, "it is deposed");

    assert_eq!(second.read().await.unwrap(), None);
    assert_eq!(stage.sql("SELECT count(*) FROM restore_watch.jobs"), "0");
}

/// A failover may lose the claim and keep the lease.
#[tokio::test]
async fn nothing_changes_without_the_claim_of_its_request() {
    let Some(stage) = Stage::new("requests_unclaimed") else { return };
    let store = stage.take().await;
    let request = stage.request("rj-1");
    request.write().await.unwrap();
    let requests = taken(&*store).await;
    stage.sql("UPDATE restore_watch.requests SET claimed_by = NULL");

    assert!(!answer(&*store, &requests).await);

    assert_eq!(stage.sql("SELECT count(*) FROM restore_watch.jobs"), "0");
    assert_eq!(request.take_back().await.unwrap().as_deref(), TAKEN_BACK);
}

#[tokio::test]
async fn next_term_takes_what_the_last_one_claimed() {
    let Some(stage) = Stage::new("requests_next_term") else { return };
    let before = stage.take().await;
    let (first, second) = (stage.request("rj-1"), stage.request("rj-2"));
    first.write().await.unwrap();
    assert_eq!(texts(&taken(&*before).await), ["rj-1"]);
    before.give_back().await.unwrap();
    assert_eq!(second.take_back().await.unwrap().as_deref(), TAKEN_BACK);

    let next = stage.take().await;

    let requests = taken(&*next).await;
    assert_eq!(texts(&requests), ["rj-1"]);
    assert_eq!(first.take_back().await.unwrap(), None);
    assert!(answer(&*next, &requests).await);
    assert_eq!(first.read().await.unwrap().as_deref(), Some("done: rj-1"));
}

#[tokio::test]
async fn claim_that_was_given_back_can_be_taken_back() {
    let Some(stage) = Stage::new("requests_given_back") else { return };
    let store = stage.take().await;
    let request = stage.request("rj-1");
    request.write().await.unwrap();
    assert_eq!(texts(&taken(&*store).await), ["rj-1"]);

    store.give_back().await.unwrap();

    assert_eq!(request.take_back().await.unwrap().as_deref(), TAKEN_BACK);
}

#[tokio::test]
async fn old_requests_are_not_claimed_and_go() {
    let Some(stage) = Stage::new("requests_old") else { return };
    let store = stage.take().await;
    for text in ["rj-1", "rj-2", "rj-3"] {
        stage.request(text).write().await.unwrap();
    }
    let older = |text: &str, minutes: u32| {
        let by = minutes * 60_000;
        stage.sql(&format!(
            "UPDATE restore_watch.requests SET asked_at = asked_at - {by} WHERE request = '{text}'"
        ));
    };
    older("rj-1", 2);
    older("rj-2", 70);

    assert_eq!(texts(&taken(&*store).await), ["rj-3"]);

    assert_eq!(stage.sql("SELECT request FROM restore_watch.requests ORDER BY request"), "rj-1\nrj-3");
}

/// Standbys take their requests back at any moment of a claim and a commit.
#[tokio::test]
async fn request_is_answered_or_taken_back_never_both() {
    const REQUESTS: usize = 120;

    let Some(stage) = Stage::new("requests_race") else { return };
    let store = stage.take().await;
    let mut rng = fastrand::Rng::with_seed(7);
    let standbys: Vec<_> = (0..REQUESTS)
        .map(|number| {
            let request = stage.request(&format!("rj-{number}"));
            let pause = Duration::from_millis(rng.u64(..40));
            tokio::spawn(async move {
                request.write().await.unwrap();
                tokio::time::sleep(pause).await;
                loop {
                    if let Some(answer) = request.take_back().await.unwrap() {
                        return (number, !answer.is_empty());
                    }
                }
            })
        })
        .collect();

    let mut ends = Vec::new();
    let joined = async {
        for standby in standbys {
            ends.push(standby.await.unwrap());
        }
    };
    let active = async {
        loop {
            let requests = taken(&*store).await;
            assert!(answer(&*store, &requests).await);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::select! {
        () = joined => {}
        () = active => {}
    }

    let done = stage.sql("SELECT id FROM restore_watch.jobs");
    for (number, is_answered) in &ends {
        let id = format!("rj-{number}");
        assert_eq!(done.lines().any(|line| line == id), *is_answered, "{id}");
    }
}
