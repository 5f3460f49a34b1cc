//! What is committed comes back as it was.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::super::lease::{self, Fence, Holder, LeaseRow};
use super::super::{document, recall, schema};
use super::*;
use crate::adapters::store::Sqlite;
use crate::adapters::store::samples::{change, delivery, event, full, job};
use crate::engine::snapshot::Snapshot;
use crate::engine::tests::Disk;
use crate::engine::{Batch, BatchEntry, DeliveryChange, DeliveryUpdate, Edit};
use crate::model::{Event, JobFacts, JobRef, SinkName};

/// Characters with a meaning to SQL, JSON or a terminal.
const HOSTILE: &str = "it's \\ \\u0000 \"x\" $$ é \u{1f600} %s ; -- \n\t\u{1b}[1m";

/// An event whose facts hold U+0000, to a sink with a hostile name.
fn hostile() -> Batch {
    let facts = JobFacts { target_index_name: Some(format!("a\0b{HOSTILE}")), ..JobFacts::default() };
    let job = event(1).job.map(|job| JobRef { name: Some("\0".to_owned()), facts, ..job });
    let event = Event { job, ..event(1) };
    let recipients = vec![SinkName::new(HOSTILE)];
    Batch {
        jobs: vec![job_of(HOSTILE)],
        entries: vec![BatchEntry { event: Arc::new(event), recipients }],
        ..Batch::default()
    }
}

fn job_of(project: &str) -> crate::engine::snapshot::JobRecord {
    crate::engine::snapshot::JobRecord { project: crate::model::ProjectName::new(project), ..job("rj-1", 1) }
}

#[test]
fn hostile_names_and_nul_survive_all_settings() {
    for setting in ["on", "off"] {
        let Some(settings) = fresh() else { return };
        let server = PostgresServer::shared().unwrap();
        let name = Database::of(&settings).unwrap().name().to_owned();
        server.psql(&name, &format!("ALTER DATABASE {name} SET standard_conforming_strings = {setting}"));
        let batch = hostile();
        let id = crate::model::DeliveryId { event: event(1).id, sink: SinkName::new(HOSTILE) };
        let body = b"\0\xff' \\ body".to_vec();
        let store = Postgres::at(&settings).open(None).unwrap().store;

        contract::commit(&*store, &batch, vec![(id.clone(), body.clone())]).unwrap();
        let reason = Some("\0 HTTP 500 '\\".to_owned());
        let change = DeliveryChange::Pending { due: noon() };
        let update = DeliveryUpdate { id: id.clone(), at: noon(), attempts: 1, change, reason };
        let retried = Batch { deliveries: vec![update], ..Batch::default() };
        contract::commit(&*store, &retried, Vec::new()).unwrap();
        let payload = contract::payload(&*store, &id).unwrap();
        drop(store);

        assert_eq!((payload.body, &payload.event), (body, &*batch.entries[0].event));
        let snapshot = Postgres::at(&settings).open(None).unwrap().snapshot;
        assert_eq!(snapshot.jobs, batch.jobs);
        assert_eq!((&snapshot.deliveries[0].id, snapshot.deliveries[0].attempts), (&id, 1));
    }
}

#[test]
fn a_document_holds_no_nul_that_jsonb_refuses() {
    let document = document::of(&hostile(), Vec::new()).unwrap();

    let nul = document.match_indices("\\u0000").filter(|(place, _)| !document[..*place].ends_with('\\'));
    assert_eq!(nul.count(), 0, "{document}");
    assert!(document.contains('\u{fffd}'), "{document}");
}

#[test]
fn of_two_records_of_one_thing_the_last_counts() {
    let Some(settings) = fresh() else { return };
    let store = Postgres::at(&settings).open(None).unwrap().store;
    let batch = Batch { jobs: vec![job("rj-1", 1), job("rj-2", 5), job("rj-1", 2)], ..full() };

    contract::commit(&*store, &batch, Vec::new()).unwrap();
    drop(store);

    let snapshot = Postgres::at(&settings).open(None).unwrap().snapshot;
    assert_eq!(snapshot.jobs, [job("rj-1", 2), job("rj-2", 5)]);
}

#[test]
fn edits_by_others_are_taken_once() {
    let Some(settings) = fresh() else { return };
    let store = Postgres::at(&settings).open(None).unwrap().store;
    contract::commit(&*store, &full(), Vec::new()).unwrap();
    contract::commit(&*store, &change(1, "ops", DeliveryChange::Dead), Vec::new()).unwrap();
    assert_eq!(contract::edits(&*store), Ok(Vec::new()));
    let runtime = Runtime::new().unwrap();
    let edit = "UPDATE restore_watch.deliveries SET edited = true, changed_at = changed_at + 1, attempts = 0,
                    state = CASE state WHEN 'dead' THEN 'pending' ELSE 'dropped' END
                WHERE state = 'dead' OR sink = 'log'";

    runtime.block_on(sql(&settings, edit));
    let edits = contract::edits(&*store).unwrap();

    let [Edit::Retry(retried), Edit::Drop(dropped)] = &edits[..] else { panic!("{edits:?}") };
    assert_eq!((&retried.id, retried.attempts, &dropped.id), (&delivery(1, "ops"), 0, &delivery(2, "log")));
    assert_eq!(contract::edits(&*store), Ok(Vec::new()));
    // What was delivered meanwhile was delivered, whatever was decided.
    contract::commit(&*store, &change(2, "log", DeliveryChange::Delivered), Vec::new()).unwrap();
    let state = sql(&settings, "SELECT state FROM restore_watch.deliveries WHERE sink = 'log'");
    assert_eq!(runtime.block_on(state)[0][0].get(0), Some("delivered"));
}

/// Commits batches without a store, over one connection: a case takes milliseconds.
struct Bare {
    runtime: Runtime,
    link: Link,
    fence: Fence,
    number: i64,
}

impl Bare {
    fn begin(&mut self) {
        let cluster = unique("case");
        let token = lease::token();
        let holder = Holder { name: "a", since: noon(), lease: Duration::from_secs(3), configuration: "" };
        let (link, row) = (self.link.clone(), &self.runtime);
        let epoch = row.block_on(async {
            link.ask(&lease::make(&cluster), LIMIT).await.unwrap();
            let seen = link.ask(&lease::look(&cluster), LIMIT).await.unwrap();
            let seen = LeaseRow::read(&seen[0][0]).unwrap();
            let held = link.ask(&lease::take(&cluster, &seen, &token, &holder), LIMIT).await.unwrap();
            LeaseRow::read(&held[0][0]).unwrap().epoch
        });
        (self.fence, self.number) = (Fence { cluster, epoch, token }, 0);
    }

    fn commit(&mut self, batch: &Batch) {
        self.number += 1;
        let document = document::of(batch, Vec::new()).unwrap();
        let sql = super::super::commit::sql(&self.fence, self.number, &document);
        self.runtime.block_on(self.link.ask(&sql, LIMIT)).unwrap();
    }

    fn snapshot(&self) -> Snapshot {
        let answer = self.runtime.block_on(self.link.ask(&recall::sql(&self.fence.cluster), LIMIT)).unwrap();
        recall::snapshot(&answer).unwrap()
    }
}

#[test]
fn batches_give_the_snapshots_of_the_model_and_of_sqlite() {
    let Some(settings) = fresh() else { return };
    let runtime = Runtime::new().unwrap();
    let link = link(&settings);
    runtime.block_on(schema::prepare(&link, LIMIT, true)).unwrap();
    let fence = Fence { cluster: String::new(), epoch: 0, token: String::new() };
    let bare = std::cell::RefCell::new(Bare { runtime, link, fence, number: 0 });
    let folder = tempfile::tempdir().unwrap();

    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) };
    proptest!(config, |(seed in any::<u64>(), batches in 1..6_usize)| {
        let mut bare = bare.borrow_mut();
        bare.begin();
        let file = Sqlite::at(&folder.path().join(format!("{}.db", bare.fence.cluster)));
        let store = file.open(None).unwrap().store;
        let (mut rng, mut disk, mut emitted) = (fastrand::Rng::with_seed(seed), Disk::default(), 0);

        for _ in 0..batches {
            let batch = contract::any_batch(&mut rng, &disk.load(), &mut emitted);
            bare.commit(&batch);
            contract::commit(&*store, &batch, Vec::new()).unwrap();
            disk.apply(&batch);
        }
        drop(store);

        let snapshot = bare.snapshot();
        prop_assert_eq!(&snapshot, &disk.load());
        prop_assert_eq!(&snapshot, &file.open(None).unwrap().snapshot);
    });
}
